package store

import (
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

// Schema of the collection of links. No document holds the value of a field: a
// hash is keyed and cannot be turned back.
//
//	links/{5e-hubspot-contact-123}: named after the record in HubSpot, or after that
//	                         in Zoho while there is no other; see spread
//	  id                     random and for good: it is what a contact's link knows
//	                         its company by
//	  kind                   "contact" | "company"
//	  zoho                   "9d-zoho-contact-456": looked up by equality; absent while unknown
//	  sides.{hubspot|zoho}   record_id, read_at, wrote_at, modified, counterpart_id_refused, company
//	  fields.{field name}    hash, at, counter, side, raw_at, and for each side
//	                         seen_at, shown, read_before_base, pending, blank, stored_form, refused
//	  hash_id                the key and the canonical forms of the hashes
//	  lease                  holder, until
//	  deleted_on, deleted_at the side that was deleted
//	  created_on             the side whose record we created, absent for none
//	  companies[]            of a contact: the companies that the two sides show, as
//	                         "hubspot/company/9", to find a company's contacts by
//	  known_companies[]      of a contact: link, hubspot, zoho of the last few
//	  fan_out_pending[]      of a company: those whose contacts are to be looked at
//	  decisions[]            the last few
//
// A link changes only against the update time at which it was read.
const linksCollection = "links"

// linkDoc is a link as Firestore holds it. Fields may be added; none may
// change its meaning, since documents live for years.
type linkDoc struct {
	ID            string              `firestore:"id"`
	Kind          string              `firestore:"kind"`
	Zoho          string              `firestore:"zoho,omitempty"`
	Sides         map[string]sideDoc  `firestore:"sides"`
	Fields        map[string]fieldDoc `firestore:"fields"`
	HashID        string              `firestore:"hash_id"`
	Failing       bool                `firestore:"failing"`
	CreatedOn     string              `firestore:"created_on,omitempty"`
	Lease         leaseDoc            `firestore:"lease"`
	DeletedOn     string              `firestore:"deleted_on,omitempty"`
	DeletedAt     time.Time           `firestore:"deleted_at"`
	Decisions     []decisionDoc       `firestore:"decisions"`
	Companies     []string            `firestore:"companies,omitempty"`
	Known         []companyDoc        `firestore:"known_companies,omitempty"`
	FanOutPending []string            `firestore:"fan_out_pending,omitempty"`
}

type companyDoc struct {
	Link    string `firestore:"link"`
	HubSpot string `firestore:"hubspot"`
	Zoho    string `firestore:"zoho"`
}

type sideDoc struct {
	RecordID             string    `firestore:"record_id"`
	ReadAt               time.Time `firestore:"read_at"`
	WroteAt              time.Time `firestore:"wrote_at"`
	Modified             time.Time `firestore:"modified"`
	CounterpartIDRefused bool      `firestore:"counterpart_id_refused,omitempty"`
	Company              string    `firestore:"company,omitempty"`
}

type leaseDoc struct {
	Holder string    `firestore:"holder,omitempty"`
	Until  time.Time `firestore:"until"`
}

type fieldDoc struct {
	Hash    string       `firestore:"hash"`
	At      int64        `firestore:"at"`
	Counter int          `firestore:"counter,omitempty"`
	Side    string       `firestore:"side"`
	RawAt   int64        `firestore:"raw_at"`
	Bounded bool         `firestore:"bounded,omitempty"`
	SinceAt int64        `firestore:"since_at,omitempty"`
	Since   int          `firestore:"since_counter,omitempty"`
	HubSpot fieldSideDoc `firestore:"hubspot"`
	Zoho    fieldSideDoc `firestore:"zoho"`
}

type fieldSideDoc struct {
	SeenAt         int64  `firestore:"seen_at,omitempty"`
	Shown          string `firestore:"shown,omitempty"`
	ReadBeforeBase bool   `firestore:"read_before_base,omitempty"`
	Pending        bool   `firestore:"pending,omitempty"`
	Blank          bool   `firestore:"blank,omitempty"`
	FormSent       string `firestore:"stored_form_sent,omitempty"`
	FormStored     string `firestore:"stored_form_stored,omitempty"`
	FormCount      int    `firestore:"stored_form_count,omitempty"`
	Refused        string `firestore:"refused,omitempty"`
	RefusedCode    string `firestore:"refused_code,omitempty"`
}

type decisionDoc struct {
	At        time.Time `firestore:"at"`
	Operation string    `firestore:"operation"`
	Field     string    `firestore:"field"`
	Winner    string    `firestore:"winner,omitempty"`
	Reason    string    `firestore:"reason"`
	Wrote     []string  `firestore:"wrote"`
}

// updates lists every field of the document, so that what is absent goes.
func (d linkDoc) updates() []firestore.Update {
	absent := func(s string) any {
		if s == "" {
			return firestore.Delete
		}
		return s
	}
	return []firestore.Update{
		{Path: "id", Value: d.ID},
		{Path: "kind", Value: d.Kind},
		{Path: "zoho", Value: absent(d.Zoho)},
		{Path: "sides", Value: d.Sides},
		{Path: "fields", Value: d.Fields},
		{Path: "hash_id", Value: d.HashID},
		{Path: "failing", Value: d.Failing},
		{Path: "created_on", Value: absent(d.CreatedOn)},
		{Path: "lease", Value: d.Lease},
		{Path: "deleted_on", Value: absent(d.DeletedOn)},
		{Path: "deleted_at", Value: d.DeletedAt},
		{Path: "decisions", Value: d.Decisions},
		{Path: "companies", Value: d.Companies},
		{Path: "known_companies", Value: d.Known},
		{Path: "fan_out_pending", Value: d.FanOutPending},
	}
}

func newLinkDoc(l syncer.Link) linkDoc {
	d := linkDoc{
		ID: l.ID, Kind: string(l.Kind), CreatedOn: string(l.CreatedOn), DeletedOn: string(l.DeletedOn), DeletedAt: l.DeletedAt, HashID: l.HashID, Failing: l.Failing,
		Sides: map[string]sideDoc{}, Fields: map[string]fieldDoc{},
		Lease: leaseDoc{l.Lease.Holder, l.Lease.Until},
	}
	for _, s := range crm.Systems {
		d.Sides[string(s)] = sideDoc(*l.On(s))
		if id := l.On(s).Company; id != "" {
			d.Companies = append(d.Companies, crm.Ref{System: s, Kind: crm.Company, RecordID: id}.String())
		}
	}
	if l.Zoho.RecordID != "" {
		d.Zoho = hashedName(l.Ref(crm.Zoho))
	}
	for name, b := range l.Fields {
		d.Fields[name] = fieldDoc{
			Hash: string(b.Cell.Hash), At: b.Cell.Stamp.At, Counter: b.Cell.Stamp.Counter,
			Side: string(b.Cell.Stamp.Side), RawAt: b.Cell.Stamp.RawAt,
			Bounded: b.Cell.Stamp.Bounded, SinceAt: b.Cell.Stamp.Since.At, Since: b.Cell.Stamp.Since.Counter,
			HubSpot: newFieldSideDoc(b.HubSpot), Zoho: newFieldSideDoc(b.Zoho),
		}
	}
	for _, c := range l.Companies {
		d.Known = append(d.Known, companyDoc(c))
	}
	for _, r := range l.FanOutPending {
		d.FanOutPending = append(d.FanOutPending, r.String())
	}
	for _, n := range l.Decisions {
		dd := decisionDoc{At: n.At, Operation: n.Operation, Field: n.Field, Winner: string(n.Winner), Reason: string(n.Reason)}
		for _, s := range n.Wrote {
			dd.Wrote = append(dd.Wrote, string(s))
		}
		d.Decisions = append(d.Decisions, dd)
	}
	return d
}

func newFieldSideDoc(b merge.SideBase) fieldSideDoc {
	return fieldSideDoc{
		SeenAt: b.Seen, Shown: string(b.Shown), ReadBeforeBase: b.ReadBeforeBase, Pending: b.Pending, Blank: b.Blank,
		FormSent: string(b.StoredForm.Sent), FormStored: string(b.StoredForm.Stored), FormCount: b.StoredForm.Count,
		Refused: string(b.Refused.Hash), RefusedCode: b.Refused.Code,
	}
}

func (d fieldSideDoc) base() merge.SideBase {
	return merge.SideBase{
		Seen: d.SeenAt, Shown: merge.Hash(d.Shown), ReadBeforeBase: d.ReadBeforeBase, Pending: d.Pending, Blank: d.Blank,
		StoredForm: merge.StoredForm{Sent: merge.Hash(d.FormSent), Stored: merge.Hash(d.FormStored), Count: d.FormCount},
		Refused:    merge.Refusal{Hash: merge.Hash(d.Refused), Code: d.RefusedCode},
	}
}

func (d linkDoc) toLink(v string) syncer.Link {
	l := syncer.Link{
		ID: d.ID, Version: v, Kind: crm.Kind(d.Kind), CreatedOn: crm.System(d.CreatedOn), DeletedOn: crm.System(d.DeletedOn), DeletedAt: d.DeletedAt, HashID: d.HashID, Failing: d.Failing,
		Lease: syncer.Lease{Holder: d.Lease.Holder, Until: d.Lease.Until}, Fields: map[string]merge.Base{},
	}
	for _, s := range crm.Systems {
		*l.On(s) = syncer.LinkSide(d.Sides[string(s)])
		if r := l.Ref(s); r.RecordID != "" {
			l.Claimed = append(l.Claimed, r)
		}
	}
	for name, f := range d.Fields {
		l.Fields[name] = merge.Base{
			Cell: merge.Cell{Hash: merge.Hash(f.Hash), Stamp: merge.Stamp{
				At: f.At, Counter: f.Counter, Side: crm.System(f.Side), RawAt: f.RawAt,
				Bounded: f.Bounded, Since: merge.Instant{At: f.SinceAt, Counter: f.Since}}},
			HubSpot: f.HubSpot.base(), Zoho: f.Zoho.base(),
		}
	}
	for _, c := range d.Known {
		l.Companies = append(l.Companies, company.Pair(c))
	}
	for _, text := range d.FanOutPending {
		if r, err := crm.ParseRef(text); err == nil { // it was written by String
			l.FanOutPending = append(l.FanOutPending, r)
		}
	}
	for _, n := range d.Decisions {
		dn := syncer.Decision{At: n.At, Operation: n.Operation, Field: n.Field, Winner: crm.System(n.Winner), Reason: merge.Reason(n.Reason)}
		for _, s := range n.Wrote {
			dn.Wrote = append(dn.Wrote, crm.System(s))
		}
		l.Decisions = append(l.Decisions, dn)
	}
	return l
}
