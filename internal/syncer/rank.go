package syncer

import (
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// knownValues lists the canonical values by which rec is known in a field, its own
// first.
func knownValues(f *mapping.Field, rec crm.Record) []string {
	s := rec.Ref.System
	var values []string
	for _, raw := range append([]string{rec.Fields[f.On(s)]}, rec.Aliases[f.On(s)]...) {
		if v := f.Canon(s, raw); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// compareField compares two records in one field by all the values they are known
// by there, as either side can hold them.
func compareField(f *mapping.Field, a, b crm.Record) mapping.Likeness {
	var all []mapping.Likeness
	for _, x := range knownValues(f, a) {
		for _, y := range knownValues(f, b) {
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

// contradict reports whether two records agree in a key, such as a company's
// name, while they differ in a better one, such as its domain.
func contradict(object *mapping.Object, a, b crm.Record) bool {
	if referToEachOther(a, b) {
		return false
	}
	differ := false
	for _, f := range matchFields(object) {
		switch compareField(f, a, b) {
		case mapping.Different:
			differ = true
		case mapping.Alike, mapping.Equal:
			return differ
		}
	}
	return false
}

// bestMatches keeps those of the candidates that no other matches better than: one
// that bears the id of src, else by the fields that records are matched by, in
// order of trust. More than one are left when they match equally well.
func bestMatches(object *mapping.Object, src crm.Record, candidates []*snapshot) []*snapshot {
	rank := func(h *snapshot) []mapping.Likeness {
		ranks := []mapping.Likeness{mapping.NoMatter}
		if referToEachOther(src, h.record) {
			ranks[0] = mapping.Equal
		}
		for _, f := range matchFields(object) {
			ranks = append(ranks, compareField(f, src, h.record))
		}
		return ranks
	}
	var best []*snapshot
	var highest []mapping.Likeness
	for _, h := range candidates {
		r := rank(h)
		switch c := slices.Compare(r, highest); {
		case best == nil || c > 0:
			best, highest = []*snapshot{h}, r
		case c == 0:
			best = append(best, h)
		}
	}
	return best
}

// referToEachOther reports whether one of two records bears an id of the other.
func referToEachOther(a, b crm.Record) bool {
	bears := func(a, b crm.Record) bool {
		return a.CounterpartID == b.Ref.RecordID || a.CounterpartID != "" && slices.Contains(b.Former, a.CounterpartID)
	}
	return bears(a, b) || bears(b, a)
}
