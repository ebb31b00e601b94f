package syncer

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Explanation is what is known of a record and its counterpart, and what the next
// operation would decide. It holds what people typed: it is for the terminal of
// the person who asked, and for nothing that is kept.
type Explanation struct {
	Asked crm.Ref
	// MergedInto is the record that the one asked for was merged into, empty if
	// it was not. Everything below is about that one.
	MergedInto crm.Ref
	// Link is as it is stored: that of the record, or else that of the one which
	// was merged into it and whose place it takes with its next operation.
	Link   Link
	Linked bool
	// Records are the two as they are now, with their histories. A side that is
	// not here has no record, or it is gone; one with another id than the link
	// knows is what the linked record was merged into.
	Records map[crm.System]crm.Record
	// Matches are the records that an unlinked one would be linked to, or that
	// a person would have to choose from. Taken names those that belong to
	// another record, to which they stay linked.
	Matches []crm.Ref
	Taken   map[crm.Ref]crm.Ref
	Fields  []FieldExplanation
}

// Record is the record that an explanation is about: the one that was asked for,
// or the one that it was merged into.
func (e Explanation) Record() crm.Ref {
	if e.MergedInto != (crm.Ref{}) {
		return e.MergedInto
	}
	return e.Asked
}

// FieldExplanation is one mapped field.
type FieldExplanation struct {
	Field *mapping.Field
	merge.Result
	// Canonical is what each side's value is compared by.
	Canonical map[crm.System]string
}

// Refused returns the code with which a side would not take the value that holds,
// "" where it takes it.
func (f FieldExplanation) Refused(s crm.System) failurecode.Code {
	if r := f.Base.Side(s).Refused; r.Hash == f.Base.Cell.Hash {
		return failurecode.Code(r.Code)
	}
	return ""
}

// WithoutCompany reports whether a side goes without the company of a contact,
// since it does not have the company and the mapping creates none there.
func (f FieldExplanation) WithoutCompany(s crm.System) bool { return f.Refused(s) == codeNoCounterpart }

// Explain reads both records and decides as the next operation would, without
// remembering or writing anything. The histories that it adds are for people.
func (s *Syncer) Explain(ctx context.Context, ref crm.Ref) (Explanation, error) {
	e := Explanation{Asked: ref, Records: map[crm.System]crm.Record{}}
	x := explainer{s.newAttempt(op.Operation{Version: op.Version, ID: "explain", Ref: ref, Change: op.Requested}, new(atomic.Int64))}
	if x.object == nil {
		return e, nil
	}
	var err error
	if e.Link, e.Linked, err = s.Links.FindLink(ctx, ref); err != nil {
		return e, err
	}
	src, err := x.readIfFound(ctx, ref)
	if err != nil {
		return e, err
	}
	if src != nil && src.record.Ref != ref {
		survivor := *x.attempt
		survivor.source = src.record.Ref
		x, e.MergedInto = explainer{&survivor}, src.record.Ref
		// The survivor has a link of its own, or takes over that of the one that is gone.
		own, found, err := s.Links.FindLink(ctx, e.MergedInto)
		if err != nil {
			return e, err
		}
		if found {
			e.Link, e.Linked = own, true
		}
	}
	counterpart, err := x.readIfFound(ctx, e.Link.Ref(ref.System.Other()))
	if err != nil {
		return e, err
	}
	for _, h := range []*snapshot{src, counterpart} {
		if h != nil { // as it is shown: deciding takes a deleted company for one that is kept
			e.Records[h.record.Ref.System] = h.record
		}
	}
	switch {
	case src != nil && counterpart != nil:
		e.Fields, err = x.explainFields(ctx, e, src, counterpart)
	case src != nil:
		e.Matches, e.Taken, err = x.explainMatches(ctx, src)
	}
	if err != nil {
		return e, err
	}
	for s, rec := range e.Records {
		if e.Records[s], err = x.addHistory(ctx, rec); err != nil {
			return e, err
		}
	}
	return e, nil
}

// explainer finds what the next operation would do, for a person.
type explainer struct{ *attempt }

// explainFields decides on a pair.
func (x explainer) explainFields(ctx context.Context, e Explanation, src, counterpart *snapshot) ([]FieldExplanation, error) {
	st := x.compareWithLink(x.newState(e.Link, e.Linked))
	for _, h := range []*snapshot{src, counterpart} {
		st.link.On(h.record.Ref.System).RecordID = h.record.Ref.RecordID
		st = st.withSnapshot(h.record.Ref.System, h)
	}
	st.link.restore()
	st, d, err := x.decideFields(ctx, st)
	var fields []FieldExplanation
	for _, field := range d.fields {
		f := FieldExplanation{Field: field.field, Result: field.Result, Canonical: map[crm.System]string{}}
		for _, side := range crm.Systems {
			f.Canonical[side] = st.shownValue(field.field, side).Text
		}
		fields = append(fields, f)
	}
	return fields, err
}

// explainMatches finds what a record could be linked to that has no counterpart, or
// none any more, and which of that belongs to another record.
func (x explainer) explainMatches(ctx context.Context, src *snapshot) (matches []crm.Ref, taken map[crm.Ref]crm.Ref, err error) {
	candidates, err := matcher(x).findCandidates(ctx, src.record)
	if err != nil {
		return nil, nil, err
	}
	taken = map[crm.Ref]crm.Ref{}
	for _, c := range candidates {
		ref := c.record.Ref
		matches = append(matches, ref)
		link, found, err := x.Links.FindLink(ctx, ref)
		if err != nil {
			return matches, taken, err
		}
		if owner := link.Ref(x.source.System); found && link.Complete() && owner != x.source {
			taken[ref] = owner
		}
	}
	return matches, taken, nil
}

// readIfFound reads a record, nil if there is none.
func (x explainer) readIfFound(ctx context.Context, ref crm.Ref) (*snapshot, error) {
	if ref.RecordID == "" {
		return nil, nil
	}
	h, err := x.readRecord(ctx, ref)
	if crm.IsKind(err, crm.NotFound) {
		return nil, nil
	}
	return h, err
}

// addHistory adds the history of a record where it is available.
func (x explainer) addHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	if rec.History != nil {
		return rec, nil
	}
	full, err := x.clientOf(rec.Ref.System).WithHistory(ctx, rec)
	if crm.IsKind(err, crm.NotFound) || crm.IsKind(err, crm.Refused) || crm.IsKind(err, crm.Forbidden) {
		return rec, nil
	}
	return full, err
}

// FindRecords finds the records that a person means by an id or by the value of a
// match field, such as an e-mail address, on both sides.
func (s *Syncer) FindRecords(ctx context.Context, kind crm.Kind, text string) ([]crm.Ref, error) {
	text = strings.TrimSpace(text)
	object := s.Mapping.Object(kind)
	if object == nil {
		return nil, nil
	}
	var found []crm.Ref
	for _, side := range crm.Systems {
		if ref := (crm.Ref{System: side, Kind: kind, RecordID: text}); ref.Validate() == nil {
			_, err := s.CRMs[side].Read(ctx, ref)
			_, linked, linkErr := s.Links.FindLink(ctx, ref)
			switch {
			case linkErr != nil:
				return nil, linkErr
			case err == nil || linked:
				found = append(found, ref)
			case !crm.IsKind(err, crm.NotFound):
				return nil, err
			}
			continue
		}
		recs, err := s.CRMs[side].Find(ctx, kind, lookupKeys(object, side, text))
		if err != nil {
			return nil, err
		}
		for _, r := range recs {
			found = append(found, r.Ref)
		}
	}
	return found, nil
}

func lookupKeys(object *mapping.Object, side crm.System, text string) []crm.Key {
	var keys []crm.Key
	for _, name := range object.Match {
		f := object.Field(name)
		if f == nil {
			continue
		}
		keys = append(keys, f.Keys(side, f.Canon(side, text))...)
	}
	return keys
}
