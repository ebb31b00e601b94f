package zohosim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// entry is one line of a record's timeline.
type entry struct {
	id     string
	at     time.Time // whole seconds
	action string
	source string
	by     string
	edits  []edit
}

// log adds an entry to a record's timeline. The caller holds the lock.
func (s *Server) log(r *row, action string, edits []edit, by *author) {
	id, _ := s.nextID()
	r.timeline = append(r.timeline, &entry{
		id: id, at: wholeSeconds(by.at), action: action, source: by.source, by: by.user, edits: edits,
	})
}

// newestFirst gives the entries by time, later ones of one second first.
func newestFirst(entries []*entry) []*entry {
	out := slices.Clone(entries)
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b *entry) int { return b.at.Compare(a.at) })
	return out
}

// details are the inner details that include_inner_details can ask for.
var innerDetails = map[string]bool{
	"field_history.data_type": true, "field_history.field_label": true,
	"field_history.enable_colour_code": true, "field_history.pick_list_values": true,
	"done_by.type__s": true,
}

func (s *Server) showEntry(m *module, r *row, e *entry, inner map[string]bool) object {
	var history []object
	for _, change := range e.edits {
		item := object{
			"api_name": change.field.APIName, "id": change.field.id,
			"_value": object{"old": change.old, "new": change.new},
		}
		for name, value := range map[string]any{
			"data_type": change.field.Type, "field_label": change.field.Label,
			"pick_list_values": nil, "enable_colour_code": false,
		} {
			if inner["field_history."+name] {
				item[name] = value
			}
		}
		history = append(history, item)
	}
	out := object{
		"id": e.id, "audited_time": s.stamp(e.at), "action": e.action, "source": e.source, "type": "timeline",
		"done_by":        s.person(e.by, false),
		"record":         object{"module": object{"api_name": m.api, "id": m.id}, "name": m.name(r.cur.values), "id": r.id},
		"related_record": nil, "automation_details": nil, "extension": nil, "field_history": nil,
	}
	if history != nil {
		out["field_history"] = history
	}
	return out
}

// timeline answers GET /{module}/{id}/__timeline.
func (s *Server) timeline(c *call) answer {
	page, bad := s.pageOf(c, "audited_time", "audited_time")
	if bad != nil {
		return *bad
	}
	inner := map[string]bool{}
	for _, name := range splitList(c.query.Get("include_inner_details")) {
		if !innerDetails[name] {
			return invalidParam("include_inner_details")
		}
		inner[name] = true
	}
	accept, bad := timelineFilter(c)
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.tables[c.mod.api].living(c.id)
	if r == nil {
		return refuse(http.StatusBadRequest, problem{"INVALID_DATA", "the related id given seems to be invalid", object{"resource_path_index": 1}})
	}
	var hits []*entry
	for _, e := range newestFirst(r.timeline) {
		if accept.matches(c.mod, e) {
			hits = append(hits, e)
		}
	}
	if page.ascending {
		slices.Reverse(hits)
	}
	part, more := cut(hits, page)
	if len(part) == 0 {
		return noContent()
	}
	items := make([]object, len(part))
	for i, e := range part {
		items[i] = s.showEntry(c.mod, r, e, inner)
	}
	info := s.info(c, page, len(part), more)
	for _, name := range []string{"call", "email", "sort_by", "sort_order", "page_token_expiry"} {
		delete(info, name) // only lists of records have these
	}
	return ok(object{"__timeline": items, "info": info})
}

// filter is a condition on timeline entries, or a group of them.
type filter struct {
	Operator   string   `json:"group_operator"`
	Group      []filter `json:"group"`
	Comparator string   `json:"comparator"`
	Field      struct {
		Name string `json:"api_name"`
	} `json:"field"`
	Value json.RawMessage `json:"value"`

	values []string
	times  []time.Time
}

// timelineFilter reads the query parameter filters. No filter matches all.
func timelineFilter(c *call) (*filter, *answer) {
	text := c.query.Get("filters")
	if text == "" {
		return &filter{}, nil
	}
	var f filter
	if json.Unmarshal([]byte(text), &f) != nil || !f.compile() {
		bad := invalidParam("filters")
		return nil, &bad
	}
	return &f, nil
}

var timelineFields = map[string]bool{
	"source": true, "done_by.id": true, "audited_time": true, "record.module.api_name": true, "action": true,
}

// compile checks a filter and reads its values.
func (f *filter) compile() bool {
	if f.Operator != "" {
		if f.Operator != "and" && f.Operator != "or" || len(f.Group) == 0 {
			return false
		}
		for i := range f.Group {
			if !f.Group[i].compile() {
				return false
			}
		}
		return true
	}
	if !timelineFields[f.Field.Name] {
		return false
	}
	if json.Unmarshal(f.Value, &f.values) != nil {
		var one string
		if json.Unmarshal(f.Value, &one) != nil {
			return false
		}
		f.values = []string{one}
	}
	if f.Field.Name == "audited_time" {
		for _, text := range f.values {
			at, good := parseTime(text)
			if !good {
				return false
			}
			f.times = append(f.times, at)
		}
	}
	return f.comparatorFits()
}

func (f *filter) comparatorFits() bool {
	timed := f.Field.Name == "audited_time"
	switch f.Comparator {
	case "in", "not_in":
		return !timed && len(f.values) > 0
	case "equal", "not_equal":
		return len(f.values) == 1
	case "between":
		return timed && len(f.values) == 2
	case "greater_than", "greater_equal", "less_than", "less_equal":
		return timed && len(f.values) == 1
	}
	return false
}

func (f *filter) matches(m *module, e *entry) bool {
	switch f.Operator {
	case "and":
		return !slices.ContainsFunc(f.Group, func(g filter) bool { return !g.matches(m, e) })
	case "or":
		return slices.ContainsFunc(f.Group, func(g filter) bool { return g.matches(m, e) })
	}
	switch f.Field.Name {
	case "":
		return true
	case "audited_time":
		return f.matchesTime(e.at)
	}
	value := map[string]string{
		"source": e.source, "done_by.id": e.by, "record.module.api_name": m.api, "action": e.action,
	}[f.Field.Name]
	return slices.Contains(f.values, value) == !strings.HasPrefix(f.Comparator, "not_")
}

func (f *filter) matchesTime(at time.Time) bool {
	order := at.Compare(f.times[0])
	switch f.Comparator {
	case "between":
		return order >= 0 && !at.After(f.times[1])
	case "greater_than":
		return order > 0
	case "greater_equal":
		return order >= 0
	case "less_than":
		return order < 0
	case "less_equal":
		return order <= 0
	case "not_equal":
		return order != 0
	}
	return order == 0
}
