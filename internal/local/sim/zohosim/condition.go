package zohosim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// column is a field in a query, or a field of a record that it points to.
type column struct {
	path  string // as written
	name  string // of the field in the queried module
	sub   string // of the field behind the dot, "" if none
	kind  string // data type, kindID for ids
	field *Field // of the queried module, nil for id
}

const kindID = "id"

// columnOf finds a column by its name, which may have one dot.
func (s *Server) columnOf(m *module, path string) (column, bool) {
	name, sub, dotted := strings.Cut(path, ".")
	col := column{path: path, name: name, sub: sub, kind: kindID}
	if name == "id" {
		return col, !dotted
	}
	f := m.byName[name]
	if f == nil || f.APIName == "Tag" {
		return col, false
	}
	col.field, col.kind = f, f.Type
	switch {
	case !dotted:
		return col, true
	case f.Type == TypeOwner:
		col.kind = TypeText
		if sub == "id" {
			col.kind = kindID
		}
		return col, sub == "id" || sub == "email" || sub == "full_name"
	case f.Type != TypeLookup || strings.Contains(sub, "."):
		return col, false
	}
	inner, known := s.columnOf(s.modules[f.Lookup], sub)
	col.kind = inner.kind
	return col, known
}

// plain gives the value of a column for comparison: a text, bool, int64,
// float64, time or list of texts, nil for an empty field.
func (s *Server) plain(m *module, r *row, v *version, col column) any {
	if col.sub != "" && col.field.Type == TypeLookup {
		to, _ := v.values[col.name].(link)
		t := s.tables[col.field.Lookup]
		other := t.living(string(to))
		if other == nil {
			return nil
		}
		inner, _ := s.columnOf(t.mod, col.sub)
		return s.plain(t.mod, other, other.cur, inner)
	}
	switch col.name {
	case "id":
		return number(r.id)
	case "Created_Time":
		return r.created
	case "Modified_Time":
		return v.modified
	case "Full_Name":
		return fullName(v.values)
	case "Created_By":
		return s.plainUser(r.createdBy, col.sub)
	case "Modified_By":
		return s.plainUser(v.modifiedBy, col.sub)
	}
	switch value := v.values[col.name].(type) {
	case link:
		if col.field.Type == TypeOwner {
			return s.plainUser(string(value), col.sub)
		}
		return number(string(value))
	case string:
		return plainText(col.kind, value)
	default:
		return value
	}
}

func plainText(kind, text string) any {
	switch kind {
	case TypeBigInt:
		return number(text)
	case TypeDate:
		if t, err := time.Parse(dateLayout, text); err == nil {
			return t
		}
	case TypeDateTime:
		if t, good := parseTime(text); good {
			return t
		}
	}
	return text
}

func (s *Server) plainUser(id, sub string) any {
	u := s.users[id]
	switch {
	case u == nil:
		return nil
	case sub == "email":
		return u.Email
	case sub == "full_name":
		return u.Name
	}
	return number(id)
}

func number(text string) any {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

// literal is a value as it stands in a query.
type literal struct {
	text   string
	quoted bool
	loose  bool // of a search, which quotes nothing
}

// condition compares a column with values.
type condition struct {
	column column
	op     string // = != > >= < <= like, not like, in, not in, between, is null, is not null
	values []literal
	want   []any // the values as the column's type has them
}

func textual(kind string) bool {
	switch kind {
	case TypeText, TypeEmail, TypePhone, TypeWebsite, TypePicklist, TypeMultiSelect:
		return true
	}
	return false
}

// ordered kinds can be compared with > and <.
func ordered(kind string) bool {
	switch kind {
	case kindID, TypeInteger, TypeBigInt, TypeDouble, TypeCurrency, TypeDate, TypeDateTime:
		return true
	}
	return false
}

const maxInList = 50

// prepare checks a condition against the type of its column and reads the
// values. It returns what is wrong, "" if nothing.
func (k *condition) prepare() string {
	kind := k.column.kind
	switch k.op {
	case "is null", "is not null":
		return ""
	case "like", "not like":
		if !textual(kind) {
			return "the comparator does not fit the field"
		}
		if inner := strings.TrimSuffix(strings.TrimPrefix(k.values[0].text, "%"), "%"); strings.Contains(inner, "%") || inner == "" {
			return "like takes % at the ends only"
		}
	case ">", ">=", "<", "<=", "between":
		if !ordered(kind) {
			return "the comparator does not fit the field"
		}
	case "in", "not in":
		if len(k.values) > maxInList {
			return "in takes at most 50 values"
		}
	}
	if k.op == "between" && len(k.values) != 2 {
		return "between takes two values"
	}
	for _, l := range k.values {
		value, good := l.as(kind)
		if !good {
			return "the value does not fit the field"
		}
		k.want = append(k.want, value)
	}
	return ""
}

// as reads a literal as a data type.
func (l literal) as(kind string) (any, bool) {
	bare := !l.quoted || l.loose
	switch kind {
	case kindID, TypeLookup, TypeOwner, TypeBigInt:
		n := number(l.text)
		return n, n != nil
	case TypeInteger:
		n := number(l.text)
		return n, bare && n != nil
	case TypeDouble, TypeCurrency:
		x, err := strconv.ParseFloat(l.text, 64)
		return x, bare && err == nil
	case TypeBoolean:
		return l.text == "true", l.text == "true" || l.text == "false"
	case TypeDate:
		t, err := time.Parse(dateLayout, l.text)
		return t, l.quoted && err == nil
	case TypeDateTime:
		t, good := parseTime(l.text)
		return t, l.quoted && good
	}
	return l.text, l.quoted
}

// holds compares. An empty field only ever matches "is null".
func (k *condition) holds(have any) bool {
	switch k.op {
	case "is null":
		return have == nil
	case "is not null":
		return have != nil
	}
	if have == nil {
		return false
	}
	if list, isList := have.([]string); isList {
		have = strings.Join(list, ";")
	}
	switch k.op {
	case "=":
		return compare(have, k.want[0]) == 0
	case "!=":
		return compare(have, k.want[0]) != 0
	case ">":
		return compare(have, k.want[0]) > 0
	case ">=":
		return compare(have, k.want[0]) >= 0
	case "<":
		return compare(have, k.want[0]) < 0
	case "<=":
		return compare(have, k.want[0]) <= 0
	case "between":
		return compare(have, k.want[0]) >= 0 && compare(have, k.want[1]) <= 0
	case "like", "not like":
		return like(have, k.values[0].text) == (k.op == "like")
	}
	listed := slices.ContainsFunc(k.want, func(w any) bool { return compare(have, w) == 0 })
	return listed == (k.op == "in")
}

func like(have any, pattern string) bool {
	text, _ := have.(string)
	text = fold(text)
	inner, before := strings.CutPrefix(fold(pattern), "%")
	inner, after := strings.CutSuffix(inner, "%")
	switch {
	case before && after:
		return strings.Contains(text, inner)
	case before:
		return strings.HasSuffix(text, inner)
	case after:
		return strings.HasPrefix(text, inner)
	}
	return text == inner
}

// compare orders two values of one type; texts without regard to case. An empty
// value comes first.
func compare(a, b any) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(rank(a), rank(b))
	}
	switch x := a.(type) {
	case string:
		y, _ := b.(string)
		return cmp.Compare(fold(x), fold(y))
	case int64:
		y, _ := b.(int64)
		return cmp.Compare(x, y)
	case float64:
		y, _ := b.(float64)
		return cmp.Compare(x, y)
	case time.Time:
		y, _ := b.(time.Time)
		return x.Compare(y)
	case bool:
		return cmp.Compare(strconv.FormatBool(x), strconv.FormatBool(b == true))
	}
	return 0
}

func rank(v any) int {
	if v == nil {
		return 0
	}
	return 1
}
