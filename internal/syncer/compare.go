package syncer

import (
	"context"
	"sync/atomic"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Cause says why the two records of a pair differ in a field, as far as the
// link explains it.
type Cause string

// The causes, from what a sweep heals to what is meant to be so.
const (
	Unseen        Cause = "unseen"        // one side was edited since it was last read
	UnseenBoth    Cause = "unseen_both"   // both were
	Unverified    Cause = "unverified"    // a write of ours was not confirmed
	Unknown       Cause = "unknown"       // nothing was decided under this key of hashes
	Unexplained   Cause = "unexplained"   // nothing explains it
	RefusedValue  Cause = "refused"       // a side would not take the value
	Lost          Cause = "lost_value"    // the value that was decided is nowhere to be found
	KeptOtherForm Cause = "other_form"    // a side stores the value in a form of its own
	KeptClear     Cause = "kept_on_clear" // the mapping does not pass clearing on
	KeptOneWay    Cause = "one_way"       // the mapping does not write that side
	// FilledIn: a side holds a value that no person has typed, the other one none.
	FilledIn Cause = "filled_in"
	// NoCounterpart: a company that a side does not have, nor is it created there.
	NoCounterpart Cause = "no_counterpart"
	// CompanyLinked: a company that a contact was left without, and is linked now.
	CompanyLinked Cause = "company_linked"
)

// IsIntended reports whether the difference is as the mapping or a side wants it,
// so that nothing is to be done about it.
func (c Cause) IsIntended() bool {
	switch c {
	case KeptOtherForm, KeptClear, KeptOneWay, FilledIn, NoCounterpart:
		return true
	}
	return false
}

// Difference is one field in which a pair differs.
type Difference struct {
	Field string
	Cause Cause
	Side  crm.System // that was edited, would not take the value, or is kept apart
	Code  string     // of a refusal
}

// Compare finds the fields in which the records of a linked pair differ, as they
// are now, and why. It decides nothing. It may ask for the links of companies,
// and whether a company that a contact no longer shows is still there.
func (s *Syncer) Compare(ctx context.Context, link Link, records map[crm.System]crm.Record) ([]Difference, error) {
	a := s.newAttempt(op.Operation{Version: op.Version, ID: "compare", Ref: link.Ref(crm.HubSpot), Change: op.Reconciled}, new(atomic.Int64))
	if a.object == nil {
		return nil, nil
	}
	st := a.newState(link, true)
	for _, side := range crm.Systems {
		rec := records[side]
		rec.Ref = link.Ref(side)
		st = st.withSnapshot(side, &snapshot{record: rec})
	}
	st, err := a.resolveCompanies(ctx, st, crm.Systems[:]...)
	if err != nil {
		return nil, err
	}
	var differences []Difference
	for i := range a.object.Fields {
		f := &a.object.Fields[i]
		shown := map[crm.System]merge.Hash{}
		for _, side := range crm.Systems {
			shown[side] = st.shownValue(f, side).Hash
		}
		if shown[crm.HubSpot] == shown[crm.Zoho] {
			continue
		}
		d := Difference{Field: f.Name, Cause: Unknown}
		if base, known := st.link.Fields[f.Name]; known && link.HashID == s.hash.keyID() {
			waited := f.Type == mapping.Company && base != link.Fields[f.Name]
			d.explain(f, base, shown)
			if d.Cause == Unexplained && waited {
				d.Cause = CompanyLinked
			}
		}
		differences = append(differences, d)
	}
	return differences, nil
}

// explain finds the cause of a difference.
func (d *Difference) explain(f *mapping.Field, base merge.Base, shown map[crm.System]merge.Hash) {
	var moved []crm.System
	for _, s := range crm.Systems {
		if shown[s] != base.Side(s).Shown {
			moved = append(moved, s)
		}
	}
	switch len(moved) {
	case 1:
		d.Cause, d.Side = Unseen, moved[0]
		return
	case 2:
		d.Cause = UnseenBoth
		return
	}
	d.Cause = Unexplained
	switch {
	case base.Cell.IsZero():
		d.explainUndecided(shown)
		return
	case shown[crm.HubSpot] != base.Cell.Hash && shown[crm.Zoho] != base.Cell.Hash:
		d.Cause = Lost
	}
	for _, s := range crm.Systems {
		if shown[s] == base.Cell.Hash {
			continue // this side holds what was decided
		}
		if cause, code := causeOn(f, base, s, shown[s]); cause != "" {
			d.Cause, d.Code, d.Side = cause, code, s
			return
		}
		if d.Cause == Unexplained { // what is lost is lost on both
			d.Side = s
		}
	}
}

// explainUndecided is explain for a field that no person has typed into.
func (d *Difference) explainUndecided(shown map[crm.System]merge.Hash) {
	for _, s := range crm.Systems {
		if shown[s.Other()] == "" {
			d.Cause, d.Side = FilledIn, s
		}
	}
}

// causeOn finds why a side does not show what was decided, "" if nothing does.
func causeOn(f *mapping.Field, base merge.Base, s crm.System, shown merge.Hash) (cause Cause, code string) {
	b := base.Side(s)
	switch {
	case failurecode.Code(b.Refused.Code) == codeNoCounterpart && b.Refused.Hash == base.Cell.Hash:
		return NoCounterpart, ""
	case b.Refused.Code != "" && b.Refused.Hash == base.Cell.Hash:
		return RefusedValue, b.Refused.Code
	case b.Pending:
		return Unverified, ""
	case b.Blank:
		return KeptClear, ""
	case b.StoredForm.Sent == base.Cell.Hash && b.StoredForm.Stored == shown && b.StoredForm.Count > 0:
		return KeptOtherForm, ""
	case !f.Writable(s):
		return KeptOneWay, ""
	}
	return "", ""
}
