package hubspotsim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxSearchBody   = 3_000
	maxSearchPage   = 200
	maxSearchTotal  = 10_000
	maxGroups       = 5
	maxGroupFilters = 6
	maxFilters      = 18
)

type filter struct {
	Property  string   `json:"propertyName"`
	Operator  string   `json:"operator"`
	Value     *string  `json:"value"`
	HighValue *string  `json:"highValue"`
	Values    []string `json:"values"`
}

type searchRequest struct {
	Groups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Query      string            `json:"query"`
	Sorts      []json.RawMessage `json:"sorts"`
	Properties []string          `json:"properties"`
	Limit      *int              `json:"limit"`
	After      json.RawMessage   `json:"after"`
}

// order is one sort rule.
type order struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

// search scans the records as the index saw them SearchLag ago. Archived ones
// are never found.
func (s *Server) search(r *request, k *kind) (*reply, error) {
	if len(r.body) > maxSearchBody {
		return nil, invalid("The request body is too long: the limit is %d characters", maxSearchBody)
	}
	var in searchRequest
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	by, limit, after, err := in.check(k)
	if err != nil {
		return nil, err
	}
	seen := s.cfg.Clock.Now().Add(-s.cfg.SearchLag)
	var hits []*record
	for _, id := range k.order {
		if rec := k.live(id); rec != nil && !rec.seen.After(seen) && in.matches(rec, seen) {
			hits = append(hits, rec)
		}
	}
	if by.Property != "" {
		p := k.properties[by.Property]
		slices.SortStableFunc(hits, func(a, b *record) int {
			c := compare(p, a.asOf(p.Name, seen), b.asOf(p.Name, seen))
			if by.Direction == "DESCENDING" {
				return -c
			}
			return c
		})
	}
	results := []recordJSON{}
	end := min(after+limit, len(hits))
	for _, rec := range hits[min(after, end):end] {
		results = append(results, s.renderAsOf(rec, in.Properties, seen))
	}
	out := map[string]any{"total": len(hits), "results": results}
	if end < len(hits) {
		out["paging"] = paging(strconv.Itoa(end))
	}
	return ok(out)
}

// renderAsOf shows a record with the values that the index has.
func (s *Server) renderAsOf(rec *record, properties []string, seen time.Time) recordJSON {
	out := s.render(rec, view{properties: properties})
	for name := range out.Properties {
		out.Properties[name] = nil
		if v := rec.asOf(name, seen); v != "" {
			out.Properties[name] = &v
		}
	}
	if v := rec.asOf(rec.kind.modified, seen); v != "" {
		out.UpdatedAt = v
	}
	return out
}

// check enforces the limits and reads the parts that come in several forms.
func (in *searchRequest) check(k *kind) (by order, limit, after int, err error) {
	limit = 10
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 0 || limit > maxSearchPage {
		return by, 0, 0, invalid("limit must be between 0 and %d", maxSearchPage)
	}
	if text := strings.Trim(string(in.After), `"`); text != "" && text != "null" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return by, 0, 0, invalid("after must be a number")
		}
	}
	if after+limit > maxSearchTotal {
		return by, 0, 0, invalid("A maximum of %d results can be paged through", maxSearchTotal)
	}
	if by, err = in.order(k); err != nil {
		return by, 0, 0, err
	}
	return by, limit, after, in.checkFilters(k)
}

func (in *searchRequest) order(k *kind) (by order, err error) {
	if len(in.Sorts) == 0 {
		return by, nil
	}
	if len(in.Sorts) > 1 {
		return by, invalid("Only one sort rule is supported")
	}
	var text string
	if json.Unmarshal(in.Sorts[0], &text) == nil {
		name, descending := strings.CutPrefix(text, "-")
		by = order{Property: name, Direction: "ASCENDING"}
		if descending {
			by.Direction = "DESCENDING"
		}
	} else if json.Unmarshal(in.Sorts[0], &by) != nil {
		return by, invalid("Invalid input JSON: sorts")
	}
	if k.properties[by.Property] == nil {
		return by, invalid("Property %q does not exist", by.Property)
	}
	if by.Direction != "" && by.Direction != "ASCENDING" && by.Direction != "DESCENDING" {
		return by, invalid("Invalid input JSON: direction %q", by.Direction)
	}
	return by, nil
}

func (in *searchRequest) checkFilters(k *kind) error {
	all := 0
	for _, g := range in.Groups {
		all += len(g.Filters)
		if len(g.Filters) > maxGroupFilters {
			return invalid("A filter group can have at most %d filters", maxGroupFilters)
		}
		for _, f := range g.Filters {
			if err := f.check(k); err != nil {
				return err
			}
		}
	}
	if len(in.Groups) > maxGroups || all > maxFilters {
		return invalid("A search can have at most %d filter groups and %d filters", maxGroups, maxFilters)
	}
	return nil
}

func (f filter) check(k *kind) error {
	p := k.properties[f.Property]
	if p == nil {
		return invalid("There was a problem with the request: property %q does not exist", f.Property)
	}
	switch f.Operator {
	case "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN":
		if f.Value == nil {
			return invalid("%s needs a value", f.Operator)
		}
	case "BETWEEN":
		if f.Value == nil || f.HighValue == nil {
			return invalid("BETWEEN needs value and highValue")
		}
	case "IN", "NOT_IN":
		if len(f.Values) == 0 {
			return invalid("%s needs values", f.Operator)
		}
		for _, v := range f.Values {
			if p.Type == typeString && v != strings.ToLower(v) {
				return invalid("the values of %s must be in lower case for string properties", f.Operator)
			}
		}
	case "HAS_PROPERTY", "NOT_HAS_PROPERTY":
	default:
		return invalid("Invalid input JSON: operator %q", f.Operator)
	}
	return nil
}

// matches: groups are alternatives, the filters of a group all hold.
func (in *searchRequest) matches(r *record, seen time.Time) bool {
	if in.Query != "" && !r.mentions(in.Query, seen) {
		return false
	}
	if len(in.Groups) == 0 {
		return true
	}
	for _, g := range in.Groups {
		if !slices.ContainsFunc(g.Filters, func(f filter) bool { return !f.holds(r, seen) }) {
			return true
		}
	}
	return false
}

// mentions is the free-text query over the default properties.
func (r *record) mentions(query string, seen time.Time) bool {
	for _, name := range append(slices.Clone(r.kind.defaults), "phone") {
		if strings.Contains(strings.ToLower(r.asOf(name, seen)), strings.ToLower(query)) {
			return true
		}
	}
	return false
}

func (f filter) holds(r *record, seen time.Time) bool {
	p := r.kind.properties[f.Property]
	v := r.asOf(f.Property, seen)
	switch f.Operator {
	case "HAS_PROPERTY":
		return v != ""
	case "NOT_HAS_PROPERTY":
		return v == ""
	case "NEQ":
		return v == "" || compare(p, v, *f.Value) != 0
	case "NOT_IN":
		return v == "" || !slices.ContainsFunc(f.Values, func(w string) bool { return compare(p, v, w) == 0 })
	case "NOT_CONTAINS_TOKEN":
		return v == "" || !hasToken(v, *f.Value)
	}
	if v == "" {
		return false
	}
	switch f.Operator {
	case "EQ":
		return compare(p, v, *f.Value) == 0
	case "LT":
		return compare(p, v, *f.Value) < 0
	case "LTE":
		return compare(p, v, *f.Value) <= 0
	case "GT":
		return compare(p, v, *f.Value) > 0
	case "GTE":
		return compare(p, v, *f.Value) >= 0
	case "BETWEEN":
		return compare(p, v, *f.Value) >= 0 && compare(p, v, *f.HighValue) <= 0
	case "IN":
		return slices.ContainsFunc(f.Values, func(w string) bool { return compare(p, v, w) == 0 })
	default: // CONTAINS_TOKEN
		return hasToken(v, *f.Value)
	}
}

// compare orders values by the property's type: times as times, numbers as
// numbers, enumerations exactly, the rest without regard to case.
func compare(p *property, a, b string) int {
	if p.Type == typeEnum || p.Type == typeBool {
		return strings.Compare(a, b)
	}
	x, okA := order64(p, a)
	y, okB := order64(p, b)
	if okA && okB {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// order64 makes a number of a number or a time; times may be epoch
// milliseconds.
func order64(p *property, v string) (float64, bool) {
	if p.Type == typeDate || p.Type == typeDateTime {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return float64(t.UnixMilli()), true
			}
		}
	}
	if p.Type == typeString || p.Type == typeEnum {
		return 0, false
	}
	n, err := strconv.ParseFloat(v, 64)
	return n, err == nil
}

// hasToken looks for a word; "*" stands for any rest of a word.
func hasToken(v, token string) bool {
	token = strings.ToLower(token)
	words := append(strings.FieldsFunc(strings.ToLower(v), func(r rune) bool {
		return strings.ContainsRune(" \t,;/@-_()", r)
	}), strings.ToLower(v))
	head, tail := strings.HasPrefix(token, "*"), strings.HasSuffix(token, "*")
	core := strings.Trim(token, "*")
	return slices.ContainsFunc(words, func(w string) bool {
		switch {
		case head && tail:
			return strings.Contains(w, core)
		case head:
			return strings.HasSuffix(w, core)
		case tail:
			return strings.HasPrefix(w, core)
		}
		return w == core
	})
}
