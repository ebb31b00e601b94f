package syncer

import (
	"maps"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

// Link is what the connector remembers of one pair of records: never a value,
// only ids, hashes, names and times.
type Link struct {
	ID string
	// Version is the store's mark of the state that was read; "" for a link
	// that is not stored yet.
	Version string
	Kind    crm.Kind
	HubSpot LinkSide
	Zoho    LinkSide
	// Fields holds what was last decided, by the mapping's field name, in
	// hashes under the key and the canonical forms that HashID names.
	Fields map[string]merge.Base
	HashID string
	Lease  Lease
	// DeletedOn names the side whose record was deleted, "" while both live. The
	// link stays as the tombstone that keeps the record from being made anew.
	DeletedOn crm.System
	DeletedAt time.Time
	// CreatedOn names the side whose record we created for the pair, "" for two that
	// were there before.
	CreatedOn crm.System
	// Failing is set while a failure of the pair may be open.
	Failing bool
	// Companies are the pairs of the last few companies of a contact, so that
	// comparing them costs no look-up while nothing changes.
	Companies []company.Pair
	// FanOutPending are records of a company whose contacts are still to be
	// synchronised.
	FanOutPending []crm.Ref
	// Decisions are the last few, newest last.
	Decisions []Decision
	// Claimed are the records that the stored link holds for itself alone.
	// The store fills it in.
	Claimed []crm.Ref
}

// LinkSide is what a link holds of the record on one side.
type LinkSide struct {
	RecordID string
	// ReadAt is when the last read began that the link has taken in, and
	// WroteAt when the last write ended; both by our clock.
	ReadAt, WroteAt time.Time
	// Modified is the record's own time at that read.
	Modified time.Time
	// CounterpartIDRefused is set when the side would not store the other side's id.
	CounterpartIDRefused bool
	// Company is the id of the company that a contact was last seen to have.
	Company string
}

// Lease lets one handler at a time write to the two records of a pair.
type Lease struct {
	Holder string
	Until  time.Time
}

// Decision explains one field of one operation.
type Decision struct {
	At        time.Time
	Operation string
	Field     string
	Winner    crm.System // "" when the base stood
	Reason    merge.Reason
	Wrote     []crm.System
}

// How many of each a link keeps.
const (
	keptDecisions = 12
	keptCompanies = 8
)

// On returns what the link holds of the record on s.
func (l *Link) On(s crm.System) *LinkSide {
	if s == crm.HubSpot {
		return &l.HubSpot
	}
	return &l.Zoho
}

// Ref returns the linked record on s, with an empty id when there is none yet.
func (l *Link) Ref(s crm.System) crm.Ref {
	return crm.Ref{System: s, Kind: l.Kind, RecordID: l.On(s).RecordID}
}

// Complete reports whether both records are known and live.
func (l *Link) Complete() bool {
	return l.HubSpot.RecordID != "" && l.Zoho.RecordID != "" && l.DeletedOn == ""
}

// isStored reports whether the store has the link.
func (l *Link) isStored() bool { return l.Version != "" }

// isHeld reports whether a handler has the right to write to the two records.
func (l *Link) isHeld(now time.Time) bool {
	return l.Lease.Holder != "" && now.Before(l.Lease.Until)
}

// hasPendingWrite reports whether a write was decided and not confirmed.
func (l *Link) hasPendingWrite() bool {
	for _, b := range l.Fields {
		if b.HubSpot.Pending || b.Zoho.Pending {
			return true
		}
	}
	return false
}

// hasRefusal reports whether a side would not take what was decided last.
func (l *Link) hasRefusal() bool {
	for _, b := range l.Fields {
		for _, s := range crm.Systems {
			if r := b.Side(s).Refused; r.Code != "" && failurecode.Code(r.Code) != codeNoCounterpart && r.Hash == b.Cell.Hash {
				return true
			}
		}
	}
	return l.HubSpot.CounterpartIDRefused || l.Zoho.CounterpartIDRefused
}

// setRecord enters a record on s. What was read of another one says nothing of it.
func (l *Link) setRecord(s crm.System, id string) {
	if side := l.On(s); side.RecordID != id {
		l.markFanOut(l.Ref(s), crm.Ref{System: s, Kind: l.Kind, RecordID: id}, l.Ref(s.Other()))
		*side = LinkSide{RecordID: id}
		l.On(s.Other()).ReadAt = time.Time{}
	}
}

// setBase replaces the base of one field.
func (l *Link) setBase(field string, base merge.Base) {
	fields := maps.Clone(l.Fields) // states share the map
	if fields == nil {
		fields = map[string]merge.Base{}
	}
	fields[field] = base
	l.Fields = fields
}

// dropDecisions forgets what was decided with a record that is lost: it does not
// bind the record that takes its place.
func (l *Link) dropDecisions() { l.Fields = map[string]merge.Base{} }

// markDeleted makes the link a tombstone.
func (l *Link) markDeleted(s crm.System, at time.Time) {
	l.DeletedOn, l.DeletedAt, l.Lease = s, at, Lease{}
	l.markFanOut(l.Ref(s))
}

// restore ends a tombstone: the record was restored, or another one took its
// place. What the lost one was refused was closed with it, so it is tried anew,
// by the next operation on either side if this one is cut off.
func (l *Link) restore() {
	if l.DeletedOn == "" {
		return
	}
	l.DeletedOn, l.DeletedAt = "", time.Time{}
	l.HubSpot.ReadAt, l.Zoho.ReadAt = time.Time{}, time.Time{}
	l.clearRefusals()
}

// clearRefusals lets what a side refused be sent again: a person asked for it,
// perhaps after putting right what was in the way.
func (l *Link) clearRefusals() {
	fields := make(map[string]merge.Base, len(l.Fields))
	for name, b := range l.Fields {
		b.HubSpot.Refused, b.Zoho.Refused = merge.Refusal{}, merge.Refusal{}
		fields[name] = b
	}
	l.Fields = fields
	l.HubSpot.CounterpartIDRefused, l.Zoho.CounterpartIDRefused = false, false
}

// markRefused notes that s does not take the decided value of a field, so that
// it is not sent again until it changes.
func (l *Link) markRefused(s crm.System, field string, code failurecode.Code) {
	base := l.Fields[field]
	base.Side(s).Pending = false
	base.Side(s).Refused = merge.Refusal{Hash: base.Cell.Hash, Code: string(code)}
	l.setBase(field, base)
}

// markFanOut notes that the contacts of companies have to be synchronised again:
// the company was linked, or another record took its place. It means nothing
// for a link of contacts.
func (l *Link) markFanOut(refs ...crm.Ref) {
	if l.Kind != crm.Company {
		return
	}
	for _, r := range refs {
		if r.RecordID != "" && !slices.Contains(l.FanOutPending, r) {
			l.FanOutPending = append(slices.Clone(l.FanOutPending), r)
		}
	}
}

// addDecisions keeps the last few decisions.
func (l *Link) addDecisions(d ...Decision) {
	all := slices.Concat(l.Decisions, d)
	l.Decisions = all[max(0, len(all)-keptDecisions):]
}

// addCompany keeps the last few companies of a contact. It reports whether the
// pair is new.
func (l *Link) addCompany(p company.Pair) bool {
	if slices.Contains(l.Companies, p) {
		return false
	}
	kept := slices.DeleteFunc(slices.Clone(l.Companies), func(k company.Pair) bool {
		return k.Link == p.Link && k.HubSpot == p.HubSpot || k.HubSpot == p.HubSpot && k.Zoho == p.Zoho
	})
	kept = append(kept, p)
	l.Companies = kept[max(0, len(kept)-keptCompanies):]
	return true
}
