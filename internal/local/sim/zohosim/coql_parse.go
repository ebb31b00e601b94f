package zohosim

import (
	"strconv"
	"strings"
)

// query is a parsed COQL query. Its columns are not yet looked up.
type query struct {
	columns []string
	module  string
	where   *node
	order   []sorting
	offset  int
	limit   int
}

// node is a condition, or two of them with and, or between.
type node struct {
	op          string // and, or; "" for a condition
	left, right *node
	column      string
	cond        condition
}

// sorting is one column of order by.
type sorting struct {
	column string
	desc   bool
	col    column
}

// token is one word of a query.
type token struct {
	kind byte // w word, n number, s text, p punctuation, 0 end
	text string
	at   int // where it ends
}

// lex cuts a query into tokens. A quote inside a text is doubled; a backslash
// means nothing.
func lex(text string) ([]token, bool) {
	var out []token
	add := func(t token, end int) int {
		t.at = end
		out = append(out, t)
		return end
	}
	for at := 0; at < len(text); {
		ch := text[at]
		switch {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			at++
		case ch == '\'' || ch == '"':
			value, next, closed := lexText(text, at)
			if !closed {
				return nil, false
			}
			at = add(token{kind: 's', text: value}, next)
		case strings.IndexByte("(),", ch) >= 0:
			at = add(token{kind: 'p', text: string(ch)}, at+1)
		case strings.IndexByte("=<>!", ch) >= 0:
			size := 1
			if at+1 < len(text) && (text[at+1] == '=' || ch == '<' && text[at+1] == '>') {
				size = 2
			}
			at = add(token{kind: 'p', text: text[at : at+size]}, at+size)
		case isWord(ch) || ch == '-':
			end := at + 1
			for end < len(text) && (isWord(text[end]) || text[end] == '.') {
				end++
			}
			at = add(wordOrNumber(text[at:end]), end)
		default:
			return nil, false
		}
	}
	return append(out, token{at: len(text)}), true
}

func lexText(text string, at int) (value string, next int, closed bool) {
	quote := text[at]
	var b strings.Builder
	for at++; at < len(text); at++ {
		if text[at] != quote {
			b.WriteByte(text[at])
			continue
		}
		if at+1 < len(text) && text[at+1] == quote {
			b.WriteByte(quote)
			at++
			continue
		}
		return b.String(), at + 1, true
	}
	return "", at, false
}

func isWord(ch byte) bool {
	return ch == '_' || ch == '$' || ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'
}

func wordOrNumber(text string) token {
	if _, err := strconv.ParseFloat(text, 64); err == nil && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') {
		return token{kind: 'n', text: text}
	}
	return token{kind: 'w', text: text}
}

// syntaxError is where a query stops to make sense.
type syntaxError struct {
	near   string
	column int
}

// details are as in Zoho's answers; a query is one line.
func (e syntaxError) details() object {
	return object{"near": e.near, "line": 1, "column": e.column}
}

// parser reads tokens and panics with a syntaxError, which parseQuery catches.
type parser struct {
	tokens []token
	at     int
}

func parseQuery(text string) (q *query, wrong *syntaxError) {
	tokens, good := lex(text)
	if !good {
		return nil, &syntaxError{near: text}
	}
	defer func() {
		switch err := recover().(type) {
		case nil:
		case syntaxError:
			q, wrong = nil, &err
		default:
			panic(err)
		}
	}()
	p := &parser{tokens: tokens}
	return p.query(), nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != 0 {
		p.at++
	}
	return t
}

func (p *parser) fail() { panic(syntaxError{p.peek().text, p.peek().at}) }

// word takes a keyword if it comes next.
func (p *parser) word(keyword string) bool {
	if t := p.peek(); t.kind == 'w' && strings.EqualFold(t.text, keyword) {
		p.at++
		return true
	}
	return false
}

func (p *parser) sign(text string) bool {
	if t := p.peek(); t.kind == 'p' && t.text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(good bool) {
	if !good {
		p.fail()
	}
}

var keywords = map[string]bool{
	"select": true, "from": true, "where": true, "and": true, "or": true, "not": true, "in": true, "is": true, "null": true,
	"like": true, "between": true, "order": true, "by": true, "asc": true, "desc": true, "limit": true, "offset": true, "group": true,
}

func (p *parser) name() string {
	t := p.peek()
	p.need(t.kind == 'w' && !keywords[strings.ToLower(t.text)])
	p.at++
	return t.text
}

func (p *parser) query() *query {
	q := &query{limit: 200}
	p.need(p.word("select"))
	q.columns = append(q.columns, p.name())
	for p.sign(",") {
		q.columns = append(q.columns, p.name())
	}
	p.need(p.word("from"))
	q.module = p.name()
	p.need(p.word("where"))
	q.where = p.expression()
	if p.word("order") {
		p.need(p.word("by"))
		q.order = append(q.order, p.sorting())
		for p.sign(",") {
			q.order = append(q.order, p.sorting())
		}
	}
	if p.word("limit") {
		q.limit = p.count()
		if p.sign(",") {
			q.offset, q.limit = q.limit, p.count()
		}
		if p.word("offset") {
			p.need(q.offset == 0)
			q.offset = p.count()
		}
	}
	p.need(p.peek().kind == 0)
	return q
}

func (p *parser) sorting() sorting {
	s := sorting{column: p.name()}
	if !p.word("asc") {
		s.desc = p.word("desc")
	}
	return s
}

func (p *parser) count() int {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	p.need(t.kind == 'n' && err == nil && n >= 0)
	return n
}

// expression reads one operand, or two with one and, or between. Zoho wants
// every further one in brackets, so what follows must be a bracket or the next
// clause.
func (p *parser) expression() *node {
	left := p.operand()
	op := p.connective()
	if op == "" {
		return left
	}
	return &node{op: op, left: left, right: p.operand()}
}

func (p *parser) connective() string {
	switch {
	case p.word("and"):
		return "and"
	case p.word("or"):
		return "or"
	}
	return ""
}

func (p *parser) operand() *node {
	if p.sign("(") {
		out := p.expression()
		p.need(p.sign(")"))
		return out
	}
	return p.condition()
}

func (p *parser) condition() *node {
	n := &node{column: p.name()}
	k := &n.cond
	switch {
	case p.word("is"):
		k.op = "is null"
		if p.word("not") {
			k.op = "is not null"
		}
		p.need(p.word("null"))
		return n
	case p.word("not"):
		k.op = "not "
	}
	switch {
	case p.word("in"):
		k.op += "in"
		k.values = p.list()
	case p.word("like"):
		k.op += "like"
		k.values = []literal{p.literal()}
	case k.op == "" && p.word("between"):
		k.op = "between"
		from := p.literal()
		p.need(p.word("and"))
		k.values = []literal{from, p.literal()}
	default:
		p.need(k.op == "")
		k.op = p.comparator()
		k.values = []literal{p.literal()}
	}
	return n
}

func (p *parser) comparator() string {
	for _, op := range []string{"=", "!=", ">=", "<=", ">", "<"} {
		if p.sign(op) {
			return op
		}
	}
	p.fail()
	return ""
}

func (p *parser) list() []literal {
	p.need(p.sign("("))
	out := []literal{p.literal()}
	for p.sign(",") {
		out = append(out, p.literal())
	}
	p.need(p.sign(")"))
	return out
}

func (p *parser) literal() literal {
	t := p.peek()
	switch {
	case t.kind == 's':
		p.at++
		return literal{text: t.text, quoted: true}
	case t.kind == 'n', t.kind == 'w' && (t.text == "true" || t.text == "false"):
		p.at++
		return literal{text: t.text}
	}
	p.fail()
	return literal{}
}
