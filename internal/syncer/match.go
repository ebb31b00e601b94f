package syncer

import (
	"context"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// keys are the values by which a twin of src can be known, the most certain
// first.
func (t *task) keys(src crm.Record) []crm.Key {
	other := src.Ref.System.Other()
	keys := []crm.Key{{Value: src.Ref.RecordID}}
	for _, id := range src.Former {
		keys = append(keys, crm.Key{Value: id})
	}
	for _, f := range t.matchFields() {
		for _, canonical := range known(f, src) {
			for _, key := range f.Keys(other, canonical) {
				if !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}

// matchFields are the fields that records are matched by, in order of trust.
func (t *task) matchFields() []*mapping.Field {
	var fields []*mapping.Field
	for _, name := range t.object.Match {
		if f := t.object.Field(name); f != nil {
			fields = append(fields, f)
		}
	}
	return fields
}

// known lists the canonical values by which rec is known in a field, its own
// first.
func known(f *mapping.Field, rec crm.Record) []string {
	s := rec.Ref.System
	var values []string
	for _, raw := range append([]string{rec.Fields[f.On(s)]}, rec.Aliases[f.On(s)]...) {
		if v := f.Canon(s, raw); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// likeness compares two records in one field by all the values they are known
// by there, as either side can hold them.
func likeness(f *mapping.Field, a, b crm.Record) mapping.Likeness {
	var all []mapping.Likeness
	for _, x := range known(f, a) {
		for _, y := range known(f, b) {
			// A side may hold no more than the beginning of a name.
			all = append(all, f.Compare(x, y), f.Compare(f.Stored(b.Ref.System, x), y), f.Compare(x, f.Stored(a.Ref.System, y)))
		}
	}
	if len(all) == 0 {
		return mapping.NoMatter
	}
	best := slices.Max(all)
	if best == mapping.NoMatter && slices.Contains(all, mapping.Different) {
		return mapping.Different
	}
	return best
}

// contradicts reports whether two records agree in a key, such as a company's
// name, while they differ in a better one, such as its domain.
func (t *task) contradicts(src, found crm.Record) bool {
	if named(src, found) {
		return false
	}
	differ := false
	for _, f := range t.matchFields() {
		switch likeness(f, src, found) {
		case mapping.Different:
			differ = true
		case mapping.Alike, mapping.Equal:
			return differ
		}
	}
	return false
}

// likest keeps those of the candidates that no other is likelier than: one that
// bears the id of src, else by the fields that records are matched by, in order
// of trust. More than one are left when nothing tells them apart.
func (t *task) likest(src crm.Record, twins []*half) []*half {
	rank := func(h *half) []mapping.Likeness {
		ranks := []mapping.Likeness{mapping.NoMatter}
		if named(src, h.record) {
			ranks[0] = mapping.Equal
		}
		for _, f := range t.matchFields() {
			ranks = append(ranks, likeness(f, src, h.record))
		}
		return ranks
	}
	var best []*half
	var highest []mapping.Likeness
	for _, h := range twins {
		r := rank(h)
		switch c := slices.Compare(r, highest); {
		case best == nil || c > 0:
			best, highest = []*half{h}, r
		case c == 0:
			best = append(best, h)
		}
	}
	return best
}

// named reports whether one of two records bears an id of the other.
func named(a, b crm.Record) bool {
	bears := func(a, b crm.Record) bool {
		return a.CounterpartID == b.Ref.RecordID || a.CounterpartID != "" && slices.Contains(b.Former, a.CounterpartID)
	}
	return bears(a, b) || bears(b, a)
}

// rivals looks whether other records of the source's side match the twin as
// well, since what is the only counterpart for one side may be one of several
// for the other. It returns the records that nothing tells apart, the source
// among them, or that the source lost to another that is likelier.
func (t *task) rivals(ctx context.Context, src, twin crm.Record) (tied []*half, lost bool, err error) {
	if named(src, twin) {
		return nil, false, nil
	}
	recs, err := t.crm(src.Ref.System).Find(ctx, src.Ref.Kind, t.contested(t.keys(twin), src))
	if err != nil {
		return nil, false, err
	}
	all := []*half{{record: src}}
	for _, r := range recs {
		if r.Ref == src.Ref || r.CounterpartID != "" && r.CounterpartID != twin.Ref.RecordID || t.contradicts(twin, r) {
			continue
		}
		link, found, err := t.Links.FindLink(ctx, r.Ref)
		if err != nil {
			return nil, false, err
		}
		if !found || !link.Complete() {
			all = append(all, &half{record: r})
		}
	}
	best := t.likest(twin, all)
	switch {
	case !slices.Contains(best, all[0]):
		return nil, true, nil
	case len(best) > 1:
		return best, false, nil
	}
	return nil, false, nil
}

// contested keeps the keys that other records than src may bear as well.
func (t *task) contested(keys []crm.Key, src crm.Record) []crm.Key {
	s := src.Ref.System
	return slices.DeleteFunc(keys, func(k crm.Key) bool {
		if t.Unique == nil || k.Field == "" || !t.Unique(s, src.Ref.Kind, k.Field) {
			return false
		}
		return slices.ContainsFunc(t.matchFields(), func(f *mapping.Field) bool {
			return f.On(s) == k.Field && slices.Contains(known(f, src), f.Canon(s, k.Value))
		})
	})
}

// maxNamed bounds how many candidates a failure names.
const maxNamed = 10

// ambiguous is the failure of a record that has several counterparts, or that is
// one of several. Which of them is meant is for a person to say: by merging
// them, or by writing the id of the counterpart on the right one.
func (t *task) ambiguous(s crm.System, twins []*half) Failure {
	f := Failure{Action: "link", Kind: crm.Duplicate, Code: "AMBIGUOUS_MATCH", Side: s, Record: crm.Ref{System: s, Kind: t.source.Kind}}
	var ids []string
	for _, h := range twins[:min(len(twins), maxNamed)] {
		ids = append(ids, h.record.Ref.RecordID)
		f.Others = append(f.Others, h.record.Ref)
	}
	if len(twins) > maxNamed {
		ids = append(ids, "and more")
	}
	name := ""
	if fields := t.matchFields(); len(fields) > 0 {
		name = fields[0].On(s)
	}
	f.Fields = []crm.FieldError{{Field: name, Code: f.Code, Detail: "records " + strings.Join(ids, ", ")}}
	return f
}
