package syncer

import (
	"context"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Explanation is what is known of a record and its twin, and what the next
// operation would decide. It holds what people typed: it is for the terminal of
// the person who asked, and for nothing that is kept.
type Explanation struct {
	Asked crm.Ref
	// MergedInto is the record that the one asked for was merged into, empty if
	// it was not. What follows is told of that one.
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
	// would have to be told apart first. Taken tells which of them belong to
	// another record, to which they stay linked.
	Matches []crm.Ref
	Taken   map[crm.Ref]crm.Ref
	Fields  []FieldExplanation
}

// Record is the record that an explanation tells of: the one that was asked for,
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
func (f FieldExplanation) Refused(s crm.System) string {
	if r := f.Base.On(s).Refused; r.Hash == f.Base.Cell.Hash {
		return r.Code
	}
	return ""
}

// WithoutCompany reports whether a side goes without the company of a contact,
// since it does not have the company and the mapping creates none there.
func (f FieldExplanation) WithoutCompany(s crm.System) bool { return f.Refused(s) == codeNoTwin }

// Explain reads both records and decides as the next operation would, without
// remembering or writing anything. The histories that it adds are for people.
func (s *Syncer) Explain(ctx context.Context, ref crm.Ref) (Explanation, error) {
	e := Explanation{Asked: ref, Records: map[crm.System]crm.Record{}}
	t := s.newTask(op.Operation{Version: op.Version, ID: "explain", Ref: ref, Change: op.Requested})
	if t.object == nil {
		return e, nil
	}
	var err error
	if e.Link, e.Linked, err = s.Links.FindLink(ctx, ref); err != nil {
		return e, err
	}
	src, err := t.look(ctx, ref)
	if err != nil {
		return e, err
	}
	if src != nil && src.record.Ref != ref {
		if err := t.explainSurvivor(ctx, &e, src.record.Ref); err != nil {
			return e, err
		}
	}
	twin, err := t.look(ctx, e.Link.Ref(ref.System.Other()))
	if err != nil {
		return e, err
	}
	for _, h := range []*half{src, twin} {
		if h != nil { // as it is shown: deciding takes a deleted company for one that is kept
			e.Records[h.record.Ref.System] = h.record
		}
	}
	switch {
	case src != nil && twin != nil:
		err = t.explainFields(ctx, &e, src, twin)
	case src != nil:
		err = t.explainMatches(ctx, &e, src)
	}
	if err != nil {
		return e, err
	}
	for s, rec := range e.Records {
		if e.Records[s], err = t.withHistory(ctx, rec); err != nil {
			return e, err
		}
	}
	return e, nil
}

// explainFields decides on a pair.
func (t *task) explainFields(ctx context.Context, e *Explanation, src, twin *half) error {
	t.recall(e.Link)
	p := t.pair(e.Link, e.Linked, src)
	for _, h := range []*half{src, twin} {
		p.link.On(h.record.Ref.System).RecordID = h.record.Ref.RecordID
		p.side[h.record.Ref.System] = h
	}
	p.link.revive()
	all, err := t.decide(ctx, p)
	for _, d := range all {
		f := FieldExplanation{Field: d.field, Result: d.Result, Canonical: map[crm.System]string{}}
		for _, side := range crm.Systems {
			f.Canonical[side] = t.shown(d.field, p.side[side]).Text
		}
		e.Fields = append(e.Fields, f)
	}
	return err
}

// explainSurvivor goes on with the record that the one asked for was merged into.
// It has a link of its own, or takes over that of the one which is gone.
func (t *task) explainSurvivor(ctx context.Context, e *Explanation, survivor crm.Ref) error {
	t.source, e.MergedInto = survivor, survivor
	own, found, err := t.Links.FindLink(ctx, survivor)
	if err == nil && found {
		e.Link, e.Linked = own, true
	}
	return err
}

// explainMatches tells what a record could be linked to that has no twin, or none
// any more.
func (t *task) explainMatches(ctx context.Context, e *Explanation, src *half) error {
	twins, err := t.candidates(ctx, src.record)
	if err != nil {
		return err
	}
	e.Taken = map[crm.Ref]crm.Ref{}
	for _, twin := range twins {
		ref := twin.record.Ref
		e.Matches = append(e.Matches, ref)
		link, found, err := t.Links.FindLink(ctx, ref)
		if err != nil {
			return err
		}
		if owner := link.Ref(t.source.System); found && link.Complete() && owner != t.source {
			e.Taken[ref] = owner
		}
	}
	return nil
}

// look reads a record, nil if there is none.
func (t *task) look(ctx context.Context, ref crm.Ref) (*half, error) {
	if ref.RecordID == "" {
		return nil, nil
	}
	h, err := t.read(ctx, ref)
	if crm.IsKind(err, crm.NotFound) {
		return nil, nil
	}
	return h, err
}

// withHistory adds the history of a record as far as there is one to be had.
func (t *task) withHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	if rec.History != nil {
		return rec, nil
	}
	told, err := t.crm(rec.Ref.System).WithHistory(ctx, rec)
	if crm.IsKind(err, crm.NotFound) || crm.IsKind(err, crm.Refused) || crm.IsKind(err, crm.Forbidden) {
		return rec, nil
	}
	return told, err
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
