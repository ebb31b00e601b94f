package zohosim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const maxCriteria = 10

// search answers GET /{module}/search. It sees the records as they were
// SearchLag ago.
func (s *Server) search(c *call) answer {
	var selectors []string
	for _, name := range []string{"criteria", "email", "phone", "word"} {
		if c.query.Get(name) != "" {
			selectors = append(selectors, name)
		}
	}
	switch {
	case len(selectors) == 0:
		return missingParam("criteria")
	case len(selectors) > 1:
		return refuse(http.StatusBadRequest, problem{"AMBIGUITY_DURING_PROCESSING", "only one of criteria, email, phone and word can be given",
			object{"ambiguity_due_to": selectors}})
	}
	fields, bad := s.fieldsOf(c, false)
	if bad != nil {
		return *bad
	}
	p, bad := s.pageOf(c, "id", "Created_Time", "Modified_Time")
	if bad != nil {
		return *bad
	}
	if p.skip+p.size > plainRows {
		return limitExceeded("page", plainRows)
	}
	find, bad := s.finder(c, selectors[0])
	if bad != nil {
		return *bad
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.found(c, p, fields, find)
}

// finder is what a search looks for.
type finder struct {
	matches func(r *row, v *version) bool
}

// finder reads the value of a selector.
func (s *Server) finder(c *call, selector string) (finder, *answer) {
	text := c.query.Get(selector)
	switch selector {
	case "email":
		if !emailPattern.MatchString(text) {
			bad := invalidParam(selector)
			return finder{}, &bad
		}
		return finder{matches: func(_ *row, v *version) bool { return anyOf(c.mod, v, TypeEmail, text, strings.EqualFold) }}, nil
	case "phone":
		return finder{matches: func(_ *row, v *version) bool { return anyOf(c.mod, v, TypePhone, text, samePhone) }}, nil
	case "word":
		if len([]rune(text)) < 2 {
			bad := invalidParam(selector)
			return finder{}, &bad
		}
		return finder{matches: func(_ *row, v *version) bool { return anyOf(c.mod, v, "", text, hasWord) }}, nil
	}
	tree, p := s.parseCriteria(c.mod, text)
	if p != nil {
		bad := refuse(http.StatusBadRequest, *p)
		return finder{}, &bad
	}
	return finder{matches: func(r *row, v *version) bool { return tree.matches(s, c.mod, r, v) }}, nil
}

// found runs a search. The caller holds the lock.
func (s *Server) found(c *call, p page, fields []string, find finder) answer {
	seen := s.clock.Now().Add(-s.cfg.SearchLag)
	states := map[*row]*version{}
	var rows []*row
	for _, r := range s.tables[c.mod.api].order {
		v := r.cur
		if s.cfg.SearchLag > 0 {
			v = r.indexed(seen)
		}
		if v != nil && !v.gone && find.matches(r, v) {
			rows = append(rows, r)
			states[r] = v
		}
	}
	sortRows(rows, p)
	part, more := cut(rows, p)
	if len(part) == 0 {
		return noContent()
	}
	items := make([]object, len(part))
	for i, r := range part {
		items[i] = s.record(c.mod, r, states[r], fields)
	}
	return ok(object{"data": items, "info": s.info(c, p, len(part), more)})
}

// anyOf looks into all fields of a type, of every type when kind is "".
func anyOf(m *module, v *version, kind, want string, same func(have, want string) bool) bool {
	for _, f := range m.fields {
		if have, isText := v.values[f.APIName].(string); isText && (kind == "" || f.Type == kind) && same(have, want) {
			return true
		}
	}
	return false
}

func samePhone(have, want string) bool {
	digits := func(text string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, text)
	}
	return digits(want) != "" && digits(have) == digits(want)
}

// hasWord tells whether a word of the text begins with want.
func hasWord(have, want string) bool {
	words := strings.FieldsFunc(fold(have), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		if strings.HasPrefix(word, fold(want)) {
			return true
		}
	}
	return strings.HasPrefix(fold(have), fold(want))
}

// criterion is one condition of a search, or a group of them.
type criterion struct {
	op    string // and, or; "" for a condition
	parts []criterion
	cond  condition
}

func (k criterion) matches(s *Server, m *module, r *row, v *version) bool {
	switch k.op {
	case "and":
		return !slices.ContainsFunc(k.parts, func(p criterion) bool { return !p.matches(s, m, r, v) })
	case "or":
		return slices.ContainsFunc(k.parts, func(p criterion) bool { return p.matches(s, m, r, v) })
	}
	return k.cond.holds(s.plain(m, r, v, k.cond.column))
}

// criteriaOps translates comparators into those of conditions.
var criteriaOps = map[string]string{
	"equals": "=", "not_equal": "!=", "greater_than": ">", "greater_equal": ">=", "less_than": "<", "less_equal": "<=",
	"starts_with": "like", "in": "in", "between": "between",
}

// criteriaParser reads ((Last_Name:equals:Doe)and(First_Name:starts_with:J)).
type criteriaParser struct {
	s     *Server
	mod   *module
	text  string
	at    int
	count int
}

func (s *Server) parseCriteria(m *module, text string) (criterion, *problem) {
	p := &criteriaParser{s: s, mod: m, text: text}
	tree, bad := p.group()
	if bad == nil && p.at != len(p.text) {
		bad = p.broken()
	}
	if bad == nil && p.count > maxCriteria {
		bad = &problem{"LIMIT_EXCEEDED", "the limit is exceeded", object{"param_name": "criteria", "limit": maxCriteria}}
	}
	return tree, bad
}

func (p *criteriaParser) broken() *problem {
	return &problem{"INVALID_QUERY", "the criteria cannot be read", object{"param_name": "criteria", "position": strconv.Itoa(p.at)}}
}

func (p *criteriaParser) take(text string) bool {
	if strings.HasPrefix(p.text[p.at:], text) {
		p.at += len(text)
		return true
	}
	return false
}

// group reads what stands in brackets: a condition, or groups with and, or.
func (p *criteriaParser) group() (criterion, *problem) {
	if !p.take("(") {
		return criterion{}, p.broken()
	}
	if !strings.HasPrefix(p.text[p.at:], "(") {
		return p.condition()
	}
	first, bad := p.group()
	if bad != nil {
		return criterion{}, bad
	}
	out := criterion{op: "and", parts: []criterion{first}}
	for i := 0; !p.take(")"); i++ {
		op := ""
		switch {
		case p.take("and"):
			op = "and"
		case p.take("or"):
			op = "or"
		}
		if op == "" || i > 0 && op != out.op {
			return criterion{}, p.broken() // mixed without brackets
		}
		out.op = op
		next, bad := p.group()
		if bad != nil {
			return criterion{}, bad
		}
		out.parts = append(out.parts, next)
	}
	return out, nil
}

// condition reads Field:comparator:value) with a backslash before ( ) and ,
// that belong to the value.
func (p *criteriaParser) condition() (criterion, *problem) {
	name, found := p.until(':')
	comparator, found2 := p.until(':')
	if !found || !found2 {
		return criterion{}, p.broken()
	}
	var values []string
	var value strings.Builder
	for ; p.at < len(p.text); p.at++ {
		switch ch := p.text[p.at]; {
		case ch == '\\' && p.at+1 < len(p.text) && strings.IndexByte(`(),\`, p.text[p.at+1]) >= 0:
			p.at++
			value.WriteByte(p.text[p.at])
		case ch == ',' && (comparator == "in" || comparator == "between"):
			values = append(values, value.String())
			value.Reset()
		case ch == '(' || ch == ',':
			return criterion{}, p.broken() // not escaped
		case ch == ')':
			p.at++
			p.count++
			return p.compile(name, comparator, append(values, value.String()))
		default:
			value.WriteByte(ch)
		}
	}
	return criterion{}, p.broken()
}

func (p *criteriaParser) until(end byte) (string, bool) {
	i := strings.IndexByte(p.text[p.at:], end)
	if i < 0 {
		return "", false
	}
	text := p.text[p.at : p.at+i]
	p.at += i + 1
	return text, true
}

func (p *criteriaParser) compile(name, comparator string, values []string) (criterion, *problem) {
	op := criteriaOps[comparator]
	col, known := p.s.columnOf(p.mod, name)
	if op == "" || !known {
		return criterion{}, &problem{"INVALID_QUERY", "the criteria cannot be read", object{"param_name": "criteria", "api_name": name, "comparator": comparator}}
	}
	if col.kind == TypeTextArea || comparator == "starts_with" && col.kind == TypeDateTime {
		return criterion{}, &problem{"INVALID_QUERY", "the field cannot be searched", object{"param_name": "criteria", "api_name": name}}
	}
	if col.kind == TypeLookup && !wellFormedID(values[0]) {
		// A lookup is searched by the name it shows.
		target := p.s.modules[col.field.Lookup]
		col, _ = p.s.columnOf(p.mod, name+"."+target.nameField())
	}
	if p.s.cfg.FuzzyEquals && op == "=" && textual(col.kind) {
		op, values = "like", []string{"%" + values[0] + "%"}
	} else if comparator == "starts_with" {
		values = []string{values[0] + "%"}
	}
	cond := condition{column: col, op: op}
	for _, text := range values {
		cond.values = append(cond.values, literal{text: text, quoted: true, loose: true})
	}
	if reason := cond.prepare(); reason != "" {
		return criterion{}, &problem{"INVALID_QUERY", reason, object{"param_name": "criteria", "api_name": name}}
	}
	return criterion{cond: cond}, nil
}
