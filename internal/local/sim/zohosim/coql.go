package zohosim

import (
	"net/http"
	"slices"
	"strings"
)

const (
	maxQueryRows    = 2_000
	maxQueryLength  = 100_000 // characters; Zoho names no limit
	maxQueryOffset  = 100_000
	maxQueryColumns = 500
	maxQueryOrder   = 10
	maxConditions   = 25
	maxJoins        = 2
)

// queryOf reads select_query from the body of a call.
func queryOf(c *call) (*query, object, *answer) {
	in, bad := c.decode()
	if bad != nil {
		return nil, nil, bad
	}
	text, _ := in["select_query"].(string)
	if strings.TrimSpace(text) == "" {
		a := refuse(http.StatusBadRequest, mandatory("select_query", "$.select_query"))
		return nil, nil, &a
	}
	if len(text) > maxQueryLength {
		return nil, nil, queryLimit("select_query", maxQueryLength)
	}
	q, wrong := parseQuery(text)
	if wrong != nil {
		a := refuse(http.StatusBadRequest, problem{"SYNTAX_ERROR", "error occured while parsing the query", wrong.details()})
		return nil, nil, &a
	}
	return q, in, nil
}

// queryCredits is the price of a query by its limit.
func queryCredits(c *call) int {
	q, _, bad := queryOf(c)
	switch {
	case bad != nil || q.limit <= 200:
		return 1
	case q.limit <= 1_000:
		return 2
	}
	return 3
}

func invalidQuery(clause, reason, name string) *answer {
	a := refuse(http.StatusBadRequest, problem{"INVALID_QUERY", "invalid query formed",
		object{"clause": clause, "reason": reason, "column_name": name}})
	return &a
}

func queryLimit(clause string, limit int) *answer {
	a := refuse(http.StatusBadRequest, problem{"LIMIT_EXCEEDED", "the limit is exceeded", object{"clause": clause, "limit": limit}})
	return &a
}

// coql answers POST /coql. It sees the records as they are.
func (s *Server) coql(c *call) answer {
	q, in, bad := queryOf(c)
	if bad != nil {
		return *bad
	}
	m := s.modules[q.module]
	if m == nil {
		return *invalidQuery("from", "module given seems to be invalid", q.module)
	}
	if !c.access.allows("modules.READ", m.api) {
		return refuse(http.StatusUnauthorized, errScope)
	}
	columns, bad := s.resolve(m, q)
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var rows []*row
	t := s.tables[m.api]
	for _, r := range t.candidates(q.where) {
		if r.gone == nil && q.where.holds(s, m, r) {
			rows = append(rows, r)
		}
	}
	s.sortQuery(m, rows, q.order)
	if q.offset >= len(rows) {
		return noContent()
	}
	end := min(q.offset+q.limit, len(rows))
	part := rows[q.offset:end]
	if len(part) == 0 {
		return noContent()
	}
	items := make([]object, len(part))
	for i, r := range part {
		items[i] = s.selected(m, r, columns)
	}
	out := object{"data": items, "info": object{"count": len(part), "more_records": end < len(rows)}}
	if meta, _ := in["include_meta"].([]any); slices.Contains(meta, any("fields")) {
		out["fields"] = describe(columns)
	}
	return ok(out)
}

func describe(columns []column) object {
	out := object{}
	for _, col := range columns {
		out[col.path] = object{"data_type": col.kind, "api_name": col.path}
	}
	return out
}

// resolve looks up the columns of a query and checks its limits.
func (s *Server) resolve(m *module, q *query) ([]column, *answer) {
	switch {
	case len(q.columns) > maxQueryColumns:
		return nil, queryLimit("select", maxQueryColumns)
	case len(q.order) > maxQueryOrder:
		return nil, queryLimit("order by", maxQueryOrder)
	case q.limit > maxQueryRows:
		return nil, queryLimit("limit", maxQueryRows)
	case q.offset+q.limit > maxQueryOffset:
		return nil, queryLimit("offset", maxQueryOffset)
	}
	joins := map[string]bool{}
	find := func(clause, name string) (column, *answer) {
		col, known := s.columnOf(m, name)
		if !known {
			return col, invalidQuery(clause, "column given seems to be invalid", name)
		}
		if col.sub != "" {
			joins[col.name] = true
		}
		return col, nil
	}
	var columns []column
	for _, name := range q.columns {
		col, bad := find("select", name)
		if bad != nil {
			return nil, bad
		}
		columns = append(columns, col)
	}
	count := 0
	if bad := q.where.resolve(find, &count); bad != nil {
		return nil, bad
	}
	seen := map[string]bool{}
	for i := range q.order {
		col, bad := find("order by", q.order[i].column)
		if bad != nil {
			return nil, bad
		}
		if seen[col.path] {
			a := refuse(http.StatusBadRequest, problem{"DUPLICATE_DATA", "duplicate data", object{"clause": "order by", "column_name": col.path}})
			return nil, &a
		}
		seen[col.path] = true
		q.order[i].col = col
	}
	switch {
	case count > maxConditions:
		return nil, queryLimit("where", maxConditions)
	case len(joins) > maxJoins:
		return nil, queryLimit("join", maxJoins)
	}
	return columns, nil
}

func (n *node) resolve(find func(clause, name string) (column, *answer), count *int) *answer {
	if n.op != "" {
		if bad := n.left.resolve(find, count); bad != nil {
			return bad
		}
		return n.right.resolve(find, count)
	}
	*count++
	col, bad := find("where", n.column)
	if bad != nil {
		return bad
	}
	if col.kind == TypeTextArea {
		return invalidQuery("where", "a multi-line field cannot be a criterion", n.column)
	}
	n.cond.column = col
	if reason := n.cond.prepare(); reason != "" {
		return invalidQuery("where", reason, n.column)
	}
	return nil
}

func (n *node) holds(s *Server, m *module, r *row) bool {
	switch n.op {
	case "and":
		return n.left.holds(s, m, r) && n.right.holds(s, m, r)
	case "or":
		return n.left.holds(s, m, r) || n.right.holds(s, m, r)
	}
	return n.cond.holds(s.plain(m, r, r.cur, n.cond.column))
}

// candidates gives the records that can match, by an index where a condition
// allows it, else all.
func (t *table) candidates(n *node) []*row {
	if rows, narrowed := t.narrow(n); narrowed {
		slices.SortFunc(rows, byNumber)
		return slices.Compact(rows)
	}
	return t.order
}

func (t *table) narrow(n *node) ([]*row, bool) {
	switch n.op {
	case "and":
		if rows, narrowed := t.narrow(n.left); narrowed {
			return rows, true
		}
		return t.narrow(n.right)
	case "or":
		left, both := t.narrow(n.left)
		right, too := t.narrow(n.right)
		return append(left, right...), both && too
	}
	k := &n.cond
	if k.op != "=" && k.op != "in" || k.column.sub != "" {
		return nil, false
	}
	index := t.index[k.column.name]
	if index == nil && k.column.name != "id" {
		return nil, false
	}
	var rows []*row
	for _, l := range k.values {
		if index != nil {
			rows = append(rows, index[fold(l.text)]...)
		} else if r := t.living(l.text); r != nil {
			rows = append(rows, r)
		}
	}
	return rows, true
}

// sortQuery orders rows, which come by id, by the columns of order by.
func (s *Server) sortQuery(m *module, rows []*row, order []sorting) {
	if len(order) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		for _, by := range order {
			c := compare(s.plain(m, a, a.cur, by.col), s.plain(m, b, b.cur, by.col))
			if by.desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// selected renders the columns of a record; id is always among them. A related
// record shows its id alone.
func (s *Server) selected(m *module, r *row, columns []column) object {
	out := object{"id": r.id}
	for _, col := range columns {
		if col.sub != "" {
			out[col.path] = s.dotted(m, r, col)
			continue
		}
		value, _ := s.column(m, r, r.cur, col.name)
		if related, isObject := value.(object); isObject {
			value = object{"id": related["id"]}
		}
		out[col.path] = value
	}
	return out
}

// dotted renders a field of a related record or user.
func (s *Server) dotted(m *module, r *row, col column) any {
	if col.field.Type == TypeLookup {
		to, _ := r.cur.values[col.name].(link)
		t := s.tables[col.field.Lookup]
		other := t.living(string(to))
		if other == nil {
			return nil
		}
		value, _ := s.column(t.mod, other, other.cur, col.sub)
		return value
	}
	value := s.plain(m, r, r.cur, col)
	if id, isID := value.(int64); isID {
		return formatID(id - idBase)
	}
	return value
}
