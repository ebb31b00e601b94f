package syncer

import (
	"context"
	"maps"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

// The company of a contact is a field like any other, but for its value: that is
// the link of the two companies, which package company resolves.

// Codes of a company that cannot be written on a side.
const (
	// codeNotLinked: a person has to help. The contact's next operation, or the
	// company's once it is linked, completes it.
	codeNotLinked = failurecode.CompanyNotLinked
	// codeNoCounterpart: the other side does not have the company, nor is it to be
	// created there. That is how the mapping wants it, and no failure.
	codeNoCounterpart failurecode.Code = "COMPANY_HAS_NO_COUNTERPART"
	// codeLater: synchronising the company failed for now. The operation comes
	// again, so the mark is not stored.
	codeLater failurecode.Code = "COMPANY_LATER"
)

// companyTarget is what is to be written on a side for the company of a contact:
// its id there, or the code that says why it cannot be written.
type companyTarget struct {
	id   string
	code failurecode.Code
}

// companyField returns the field that holds a contact's company, nil if none
// is mapped.
func companyField(o *mapping.Object) *mapping.Field {
	for i := range o.Fields {
		if o.Fields[i].Type == mapping.Company {
			return &o.Fields[i]
		}
	}
	return nil
}

// isCompanyName reports whether a history shows the name of the company whose id
// the record shows.
func isCompanyName(f *mapping.Field, s crm.System, shown, raw string) bool {
	return f.Type == mapping.Company && raw != "" && shown != "" && company.NewRef(s, shown).Validate() != nil
}

// companyNeeds names what has to be known of the companies that some sides show,
// as far as they decide anything: the one that a record shows now, and the one
// that a person chose last.
func (v view) companyNeeds(sides ...crm.System) needs {
	f := companyField(v.object)
	if f == nil {
		return needs{}
	}
	for _, s := range sides {
		h := v.snapshotOn(s)
		if h == nil {
			continue
		}
		if ref, vanished := v.vanishedCompany(f, s); vanished && !h.companyChecked {
			return needs{vanishedCompany: ref}
		}
		shown := h.record.Fields[f.On(s)]
		ids := []string{shown}
		for _, e := range h.record.History[f.On(s)] {
			if !e.Own {
				ids = append(ids, e.Value)
				break
			}
		}
		base := v.link.Fields[f.Name]
		refused := base.Side(s.Other()).Refused.Code != ""
		for _, id := range ids {
			ref, r := company.NewRef(s, id), v.values.companies
			mayBeLinkedNow := id == shown && refused && !r.WasRead(ref)
			if (!r.IsKnown(ref) || mayBeLinkedNow) && ref.Validate() == nil {
				return needs{company: ref}
			}
		}
	}
	return needs{}
}

// vanishedCompany returns the company that a contact had, where it shows none
// and we were not about to clear it.
func (v view) vanishedCompany(f *mapping.Field, s crm.System) (crm.Ref, bool) {
	h, side := v.snapshotOn(s), v.link.On(s)
	base := v.link.Fields[f.Name]
	switch {
	case side.Company == "", h.record.Fields[f.On(s)] != "", h.acknowledged[f.Name], side.RecordID != h.record.Ref.RecordID:
		return crm.Ref{}, false
	case base.Side(s).Pending && base.Cell.Hash == "":
		return crm.Ref{}, false
	}
	return company.NewRef(s, side.Company), true
}

// wasMovedByMerge reports whether a record shows another company than its history
// ends with, which is the one that was seen last: its company was merged into
// that other one. A copy from before the last entry of the history proves nothing.
func (v view) wasMovedByMerge(s crm.System, field string, rec crm.Record) bool {
	f := companyField(v.object)
	if f == nil || f.On(s) != field {
		return false
	}
	had, shown, edits := v.link.On(s).Company, rec.Fields[field], rec.History[field]
	return had != "" && shown != "" && shown != had && len(edits) > 0 && edits[0].Value == had && !edits[0].At.After(rec.Modified)
}

// companyOn returns a record by which the link of a company is found: on the
// side that is not to be written, if one is known there.
func (v view) companyOn(f *mapping.Field, canonical string, s crm.System) crm.Ref {
	from := s.Other()
	if h := v.snapshotOn(from); h != nil {
		if raw := h.record.Fields[f.On(from)]; raw != "" && v.shownValue(f, from).Text == canonical {
			return company.NewRef(from, raw)
		}
	}
	for i := len(v.link.Companies) - 1; i >= 0; i-- {
		if c := v.link.Companies[i]; c.Link == canonical {
			return c.Ref(from)
		}
	}
	ref, err := crm.ParseRef(canonical)
	if err != nil {
		return company.NewRef(from, "") // of a link that is forgotten: it is found nowhere
	}
	return ref
}

// withCompany takes in how a company translates. What was decided on it while it
// had another canonical form is decided on it still.
func (st state) withCompany(found company.Resolution) state {
	f := companyField(st.object)
	now := st.values.withHash(f, found.Pair.Link).Hash
	base, decided := st.link.Fields[f.Name]
	before := base
	for _, former := range found.Former {
		base.ReplaceHash(st.values.withHash(f, former).Hash, now)
	}
	isNew := st.link.addCompany(found.Pair) // what was refused was another record
	for _, s := range crm.Systems {
		r := base.Side(s).Refused
		code := failurecode.Code(r.Code)
		waited := code == codeNotLinked || code == codeNoCounterpart
		if (isNew || waited) && r.Code != "" && r.Hash == now {
			base.Side(s).Refused, st.changed = merge.Refusal{}, true
		}
	}
	if decided && base != before {
		st.link.setBase(f.Name, base)
	}
	st.changed = st.changed || isNew
	return st
}

// withVanishedCompany shows a contact at the company that it had, because that was
// deleted: a CRM then shows none, which is not what a person chose for the contact.
func (st state) withVanishedCompany(ref crm.Ref) state {
	f, s := companyField(st.object), ref.System
	h := *st.snapshotOn(s)
	h.record.Fields = maps.Clone(h.record.Fields)
	if h.record.Fields == nil {
		h.record.Fields = map[string]string{}
	}
	h.record.Fields[f.On(s)] = ref.RecordID
	if edits := h.record.History[f.On(s)]; len(edits) > 0 {
		h.record.History = maps.Clone(h.record.History)
		for len(edits) > 0 && edits[0].Value == "" {
			edits = edits[1:]
		}
		h.record.History[f.On(s)] = edits
	}
	return st.withSnapshot(s, &h)
}

// withSeenCompanies remembers which company each side shows.
func (st state) withSeenCompanies() state {
	f := companyField(st.object)
	if f == nil {
		return st
	}
	for _, s := range crm.Systems {
		h := st.snapshotOn(s)
		if h == nil {
			continue
		}
		if raw := h.record.Fields[f.On(s)]; st.link.On(s).Company != raw {
			st.link.On(s).Company, st.changed = raw, true
		}
	}
	return st
}

// companyLinker sees to it that the companies of a contact are linked.
type companyLinker struct{ *attempt }

// FindCompany implements company.Source.
func (c companyLinker) FindCompany(ctx context.Context, ref crm.Ref) (company.Link, error) {
	link, found, err := c.Links.FindLink(ctx, ref)
	if err != nil || !found {
		return company.Link{}, err
	}
	pair := company.Pair{Link: link.ID, HubSpot: link.HubSpot.RecordID, Zoho: link.Zoho.RecordID}
	return company.Link{Pair: pair, Complete: link.Complete(), DeletedOn: link.DeletedOn}, nil
}

// Exists implements company.Source.
func (c companyLinker) Exists(ctx context.Context, ref crm.Ref) (bool, error) {
	_, err := c.readRecord(ctx, ref)
	if crm.IsKind(err, crm.NotFound) {
		return false, nil
	}
	return true, err
}

// resolveCompanies reads what has to be known of the companies that a side shows.
func (a *attempt) resolveCompanies(ctx context.Context, st state, sides ...crm.System) (state, error) {
	for {
		n := st.companyNeeds(sides...)
		if n == (needs{}) {
			return st, nil
		}
		var err error
		if st, err = a.fetchNeeds(ctx, st, n); err != nil {
			return st, err
		}
	}
}

// resolveCompany reads the link of a company and takes it in if it is complete.
func (c companyLinker) resolveCompany(ctx context.Context, st state, ref crm.Ref) (state, company.Resolution, error) {
	found, err := st.values.companies.Resolve(ctx, ref)
	if err == nil && found.Complete {
		st = st.withCompany(found)
	}
	return st, found, err
}

// linkCompanies says for each side what is to be written for the company of a
// contact. A company that has no complete link is synchronised first. It reports
// stale decisions: the company that was decided on has got another form.
func (c companyLinker) linkCompanies(ctx context.Context, st state, d decisions) (_ state, targets map[crm.System]companyTarget, stale bool, err error) {
	targets = map[crm.System]companyTarget{}
	for _, s := range crm.Systems {
		for _, field := range d.fields {
			if field.field.Type != mapping.Company || !field.WritesTo(s) {
				continue
			}
			var renamed bool
			if st, targets[s], renamed, err = c.linkCompanyOn(ctx, st, field, s); err != nil {
				return st, nil, false, err
			}
			stale = stale || renamed
		}
	}
	return st, targets, stale, nil
}

// linkCompanyOn is linkCompanies for one side. When synchronising the company fails
// for now, the contact is written without it, and the error ends the operation.
func (c companyLinker) linkCompanyOn(ctx context.Context, st state, d decision, s crm.System) (_ state, _ companyTarget, renamed bool, err error) {
	if d.Value.Text == "" {
		return st, companyTarget{}, false, nil
	}
	ref := st.companyOn(d.field, d.Value.Text, s)
	if ref.System == s {
		return st, companyTarget{id: ref.RecordID}, false, nil
	}
	st, found, err := c.resolveCompany(ctx, st, ref)
	renamed = len(found.Former) > 0
	if err == nil && !found.Complete && !st.comesAgain() {
		if st.companyErr = c.syncCompany(ctx, ref); st.companyErr == nil {
			st, found, err = c.resolveCompany(ctx, st, ref)
			renamed = len(found.Former) > 0
		}
	}
	switch {
	case err != nil:
		return st, companyTarget{}, renamed, err
	case found.Complete:
		return st, companyTarget{id: found.On(s)}, renamed, nil
	case st.comesAgain(): // the company may be linked by then
		return st, companyTarget{code: codeLater}, renamed, nil
	}
	st.waitsForCompany = true
	if c.Mapping.Object(crm.Company).Create[s] {
		return st, companyTarget{code: codeNotLinked}, renamed, nil
	}
	return st, companyTarget{code: codeNoCounterpart}, renamed, nil
}

// syncCompany does what an operation on the company would do.
func (c companyLinker) syncCompany(ctx context.Context, ref crm.Ref) error {
	change := op.Reconciled
	if c.op.Change == op.Requested {
		change = op.Requested
	}
	_, err := c.runOperation(ctx, op.Operation{
		Version: op.Version, ID: c.op.ID + "/company", Ref: ref, Change: change,
		OccurredAt: c.op.OccurredAt, ReceivedAt: c.op.ReceivedAt, ReplayOf: c.op.ReplayOf,
	}, c.calls)
	return err
}

// isLinkedNow reports whether a company that the contact had to be left
// without has a link by now. The operation that linked it may have looked for the
// contacts that wait for it before this one was stored.
func (c companyLinker) isLinkedNow(ctx context.Context, st state) (bool, error) {
	f := companyField(st.object)
	if f == nil || !st.waitsForCompany {
		return false, nil
	}
	for _, s := range crm.Systems {
		h := st.snapshotOn(s)
		if h == nil {
			continue
		}
		ref := company.NewRef(s, h.record.Fields[f.On(s)])
		if ref.Validate() != nil || st.values.companies.IsLinked(ref) {
			continue
		}
		link, found, err := c.Links.FindLink(ctx, ref)
		if err != nil || found && link.Complete() {
			return err == nil, err
		}
	}
	return false, nil
}

// checkVanished looks whether the company that a contact no longer shows was
// deleted. It then counts as still shown.
func (c companyLinker) checkVanished(ctx context.Context, st state, ref crm.Ref) (state, error) {
	deleted, err := st.values.companies.IsDeleted(ctx, ref, st.link.Companies)
	if err != nil {
		return st, err
	}
	h := *st.snapshotOn(ref.System)
	h.companyChecked = true
	st = st.withSnapshot(ref.System, &h)
	if deleted {
		st = st.withVanishedCompany(ref)
	}
	return st, nil
}
