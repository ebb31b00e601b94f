package syncer

import (
	"context"
	"maps"
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
	Asked  crm.Ref
	Link   Link
	Linked bool
	// Records are the two as they are now, with their histories. A side that is
	// not here has no record, or it is gone.
	Records map[crm.System]crm.Record
	// Matches are the records that an unlinked one would be linked to, or that
	// would have to be told apart first.
	Matches []crm.Ref
	Fields  []FieldExplanation
}

// FieldExplanation is one mapped field.
type FieldExplanation struct {
	Field *mapping.Field
	merge.Result
	// Canonical is what each side's value is compared by.
	Canonical map[crm.System]string
}

// Explain reads both records with their histories and decides, without
// remembering or writing anything.
func (s *Syncer) Explain(ctx context.Context, ref crm.Ref) (Explanation, error) {
	e := Explanation{Asked: ref, Records: map[crm.System]crm.Record{}}
	t := &task{Syncer: s, op: op.Operation{Ref: ref, Change: op.Requested}, source: ref, object: s.Mapping.Object(ref.Kind)}
	if t.object == nil {
		return e, nil
	}
	var err error
	if e.Link, e.Linked, err = s.Links.FindLink(ctx, ref); err != nil {
		return e, err
	}
	p := &pair{link: Link{Kind: ref.Kind, Fields: map[string]merge.Base{}}, side: map[crm.System]*half{}}
	if e.Linked {
		p.link = e.Link
		p.link.Fields = maps.Clone(e.Link.Fields)
	}
	p.link.On(ref.System).RecordID = ref.RecordID
	for _, side := range crm.Systems {
		h, err := t.look(ctx, p.link.Ref(side))
		if err != nil {
			return e, err
		}
		if h != nil {
			p.side[side], e.Records[side] = h, h.record
		}
	}
	src := p.side[ref.System]
	if src == nil {
		return e, nil
	}
	if p.side[ref.System.Other()] == nil {
		twins, err := t.candidates(ctx, src.record)
		for _, twin := range twins {
			e.Matches = append(e.Matches, twin.record.Ref)
		}
		return e, err
	}
	all, err := t.decide(ctx, p)
	for _, d := range all {
		f := FieldExplanation{Field: d.field, Result: d.Result, Canonical: map[crm.System]string{}}
		for _, side := range crm.Systems {
			f.Canonical[side] = t.shown(d.field, p.side[side]).Text
		}
		e.Fields = append(e.Fields, f)
	}
	return e, err
}

// look reads a record with its history, nil if there is none.
func (t *task) look(ctx context.Context, ref crm.Ref) (*half, error) {
	if ref.RecordID == "" {
		return nil, nil
	}
	h, err := t.read(ctx, ref)
	if err == nil {
		h.record, err = t.crm(ref.System).WithHistory(ctx, h.record)
	}
	switch {
	case crm.IsKind(err, crm.NotFound):
		return nil, nil
	case crm.IsKind(err, crm.Refused), crm.IsKind(err, crm.Forbidden): // no history to be had
		return h, nil
	}
	return h, err
}

// Lookup finds the records that a person means by an id or by the value of a
// match field, such as an e-mail address, on both sides.
func (s *Syncer) Lookup(ctx context.Context, kind crm.Kind, text string) ([]crm.Ref, error) {
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
