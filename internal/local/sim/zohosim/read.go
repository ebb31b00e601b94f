package zohosim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxFields = 50
	maxIDs    = 100
)

// list answers GET /{module}.
func (s *Server) list(c *call) answer {
	fields, bad := s.fieldsOf(c, true)
	if bad != nil {
		return *bad
	}
	since, bad := sinceOf(c.r)
	if bad != nil {
		return *bad
	}
	p, bad := s.pageOf(c, "id", "Created_Time", "Modified_Time")
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows, bad := s.rowsOf(c)
	if bad != nil {
		return *bad
	}
	if !since.IsZero() {
		rows = slices.DeleteFunc(rows, func(r *row) bool { return !r.cur.modified.After(since) })
		if len(rows) == 0 {
			return notModified()
		}
	}
	sortRows(rows, p)
	part, more := cut(rows, p)
	if len(part) == 0 {
		return noContent()
	}
	return ok(object{"data": s.render(c.mod, part, fields), "info": s.info(c, p, len(part), more)})
}

// rowsOf gives the living records that a list is about, in a slice of its own.
// Ids that do not exist are simply absent.
func (s *Server) rowsOf(c *call) ([]*row, *answer) {
	t := s.tables[c.mod.api]
	if !c.query.Has("ids") {
		return slices.DeleteFunc(slices.Clone(t.order), func(r *row) bool { return r.gone != nil }), nil
	}
	ids := splitList(c.query.Get("ids"))
	if len(ids) > maxIDs {
		bad := limitExceeded("ids", maxIDs)
		return nil, &bad
	}
	var rows []*row
	for _, id := range ids {
		if !wellFormedID(id) {
			bad := invalidParam("ids")
			return nil, &bad
		}
		if r := t.living(id); r != nil && !slices.Contains(rows, r) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func sortRows(rows []*row, p page) {
	slices.SortFunc(rows, func(a, b *row) int {
		order := 0
		switch p.sort {
		case "Created_Time":
			order = a.created.Compare(b.created)
		case "Modified_Time":
			order = a.cur.modified.Compare(b.cur.modified)
		}
		if order == 0 {
			order = byNumber(a, b)
		}
		if !p.ascending {
			order = -order
		}
		return order
	})
}

func (s *Server) render(m *module, rows []*row, fields []string) []object {
	out := make([]object, len(rows))
	for i, r := range rows {
		out[i] = s.record(m, r, r.cur, fields)
	}
	return out
}

// fieldsOf reads the parameter fields; nil means all.
func (s *Server) fieldsOf(c *call, needed bool) ([]string, *answer) {
	fields := splitList(c.query.Get("fields"))
	var bad answer
	switch {
	case len(fields) == 0 && !needed:
		return nil, nil
	case len(fields) == 0:
		bad = missingParam("fields")
		return nil, &bad
	case len(fields) > maxFields:
		bad = limitExceeded("fields", maxFields)
		return nil, &bad
	}
	if s.cfg.UnknownFields == UnknownRefuse {
		for _, name := range fields {
			if c.mod.byName[name] == nil && name != "id" && !strings.HasPrefix(name, "$") {
				bad = invalidParam("fields")
				return nil, &bad
			}
		}
	}
	return fields, nil
}

// sinceOf reads If-Modified-Since, which is ISO 8601 here.
func sinceOf(r *http.Request) (time.Time, *answer) {
	return headerTime(r, "If-Modified-Since")
}

func headerTime(r *http.Request, name string) (time.Time, *answer) {
	text := r.Header.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, good := parseTime(text)
	if !good {
		bad := refuse(http.StatusBadRequest, problem{"INVALID_DATA", "invalid data", object{"header": name}})
		return time.Time{}, &bad
	}
	return at, nil
}

// get answers GET /{module}/{id}. A deleted record and one that never was are
// both 204.
func (s *Server) get(c *call) answer {
	fields, bad := s.fieldsOf(c, false)
	if bad != nil {
		return *bad
	}
	since, bad := sinceOf(c.r)
	if bad != nil {
		return *bad
	}
	if !wellFormedID(c.id) {
		return refuse(http.StatusBadRequest, problem{"INVALID_DATA", "the id given seems to be invalid", object{"resource_path_index": 1}})
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.tables[c.mod.api].living(c.id)
	switch {
	case r == nil:
		return noContent()
	case !since.IsZero() && !r.cur.modified.After(since):
		return notModified()
	}
	return ok(object{"data": []object{s.record(c.mod, r, r.cur, fields)}})
}

// listDeleted answers GET /{module}/deleted, latest first.
func (s *Server) listDeleted(c *call) answer {
	kind := c.query.Get("type")
	if !slices.Contains([]string{"", "all", "recycle", "permanent"}, kind) {
		return invalidParam("type")
	}
	since, bad := sinceOf(c.r)
	if bad != nil {
		return *bad
	}
	p, bad := s.pageOf(c, "deleted_time")
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var rows []*row
	for r := range s.tables[c.mod.api].deleted {
		is := r.gone.kind(c.now)
		if is == "" || kind == "recycle" && is != kind || kind == "permanent" && is != kind {
			continue
		}
		if since.IsZero() || r.gone.at.After(since) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 && !since.IsZero() {
		return notModified()
	}
	slices.SortFunc(rows, func(a, b *row) int {
		if order := b.gone.at.Compare(a.gone.at); order != 0 {
			return order
		}
		return byNumber(b, a)
	})
	part, more := cut(rows, p)
	if len(part) == 0 {
		return noContent()
	}
	items := make([]object, len(part))
	for i, r := range part {
		items[i] = object{
			"id": r.id, "display_name": c.mod.name(r.cur.values), "type": r.gone.kind(c.now),
			"deleted_by": s.person(r.gone.by, false), "created_by": s.person(r.createdBy, false),
			"deleted_time": s.stamp(r.gone.at),
		}
	}
	return ok(object{"data": items, "info": object{"per_page": p.size, "count": len(part), "page": p.number, "more_records": more}})
}
