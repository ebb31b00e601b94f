package zohosim

import (
	"slices"
	"strings"
	"time"
)

// link is the stored value of a lookup or an owner: the id it points to. The
// name is looked up when the value is shown.
type link string

// version is the state of a record after one write. It never changes; readers
// may keep it after the lock is gone.
type version struct {
	values     map[string]any // string, bool, int64, float64, link or []string; no nils
	modified   time.Time      // whole seconds
	modifiedBy string
	at         time.Time // when the search index begins to wait
	gone       bool
}

// row is one record, deleted or not.
type row struct {
	id        string
	number    int64
	created   time.Time
	createdBy string
	cur       *version
	older     []*version // what the search index may still show, oldest first
	timeline  []*entry   // oldest first
	gone      *deletion  // nil: alive
	locked    bool
}

// deletion says how a record went.
type deletion struct {
	at        time.Time
	by        string
	permanent bool // never was in the recycle bin, such as the loser of a merge
}

// How long a deleted record can be restored, and how long it is listed after.
const (
	recycleTime = 60 * 24 * time.Hour
	listedTime  = 120 * 24 * time.Hour
)

// kind tells where a deleted record is at a time; "" means forgotten.
func (d *deletion) kind(now time.Time) string {
	age := now.Sub(d.at)
	if !d.permanent {
		if age < recycleTime {
			return "recycle"
		}
		age -= recycleTime
	}
	if age < listedTime {
		return "permanent"
	}
	return ""
}

// table holds the records of one module. Reads by id and by an indexed field
// cost the same however many there are.
type table struct {
	mod   *module
	rows  map[string]*row
	order []*row // by id, oldest first
	// index finds living records by the folded value of the unique fields, of
	// the field that upsert matches, of e-mail addresses and of web sites.
	index map[string]map[string][]*row
	// children finds the records that point to an account.
	children map[link]map[*row]bool
	deleted  map[*row]bool
}

func newTable(m *module) *table {
	t := &table{
		mod: m, rows: map[string]*row{}, index: map[string]map[string][]*row{},
		children: map[link]map[*row]bool{}, deleted: map[*row]bool{},
	}
	for _, f := range m.fields {
		if f.Unique || f.APIName == m.system || f.Type == TypeEmail || f.Type == TypeWebsite {
			t.index[f.APIName] = map[string][]*row{}
		}
	}
	return t
}

// fold is how unique fields and searches compare text.
func fold(s string) string { return strings.ToLower(s) }

// living returns a record that is not deleted.
func (t *table) living(id string) *row {
	if r := t.rows[id]; r != nil && r.gone == nil {
		return r
	}
	return nil
}

// find returns the oldest living record with this value in an indexed field.
func (t *table) find(field, value string) *row {
	if hits := t.index[field][fold(value)]; len(hits) > 0 {
		return hits[0]
	}
	return nil
}

// put makes v the state of r and keeps the indexes.
func (t *table) put(r *row, v *version, lag time.Duration) {
	if r.cur == nil {
		t.rows[r.id] = r
		t.order = append(t.order, r)
	} else {
		t.unlist(r)
		if lag > 0 {
			r.older = append(r.older, r.cur)
		}
	}
	if lag > 0 {
		r.forget(v.at.Add(-lag))
	}
	r.cur = v
	if !v.gone {
		t.list(r)
	}
}

// forget drops the states that the search index has passed: all before the
// latest one that is not younger than the given time.
func (r *row) forget(seen time.Time) {
	last := -1
	for i, v := range r.older {
		if !v.at.After(seen) {
			last = i
		}
	}
	if last > 0 {
		r.older = slices.Clone(r.older[last:])
	}
}

// indexed returns the state that the search index shows, nil if none yet.
func (r *row) indexed(seen time.Time) *version {
	if !r.cur.at.After(seen) {
		return r.cur
	}
	for _, v := range slices.Backward(r.older) {
		if !v.at.After(seen) {
			return v
		}
	}
	return nil
}

func (t *table) list(r *row) {
	for name, values := range t.index {
		if text, ok := r.cur.values[name].(string); ok {
			key := fold(text)
			hits := values[key]
			at, _ := slices.BinarySearchFunc(hits, r, byNumber)
			values[key] = slices.Insert(hits, at, r)
		}
	}
	for _, to := range t.links(r) {
		if t.children[to] == nil {
			t.children[to] = map[*row]bool{}
		}
		t.children[to][r] = true
	}
}

func (t *table) unlist(r *row) {
	for name, values := range t.index {
		if text, ok := r.cur.values[name].(string); ok {
			key := fold(text)
			left := slices.DeleteFunc(values[key], func(o *row) bool { return o == r })
			if len(left) == 0 {
				delete(values, key)
			} else {
				values[key] = left
			}
		}
	}
	for _, to := range t.links(r) {
		delete(t.children[to], r)
		if len(t.children[to]) == 0 {
			delete(t.children, to)
		}
	}
}

// links are the records of other modules that r points to.
func (t *table) links(r *row) []link {
	var out []link
	for _, f := range t.mod.fields {
		if f.Type == TypeLookup {
			if to, ok := r.cur.values[f.APIName].(link); ok {
				out = append(out, to)
			}
		}
	}
	return out
}

func byNumber(a, b *row) int {
	switch {
	case a.number < b.number:
		return -1
	case a.number > b.number:
		return 1
	}
	return 0
}

// nextID makes an id for a record, timeline entry or token.
func (s *Server) nextID() (string, int64) {
	s.lastID++
	return formatID(s.lastID), s.lastID
}

// name is what a lookup to the record shows.
func (m *module) name(values map[string]any) string {
	if m.api == Accounts {
		name, _ := values["Account_Name"].(string)
		return name
	}
	return fullName(values)
}

// nameField is the field that holds the name.
func (m *module) nameField() string {
	if m.api == Accounts {
		return "Account_Name"
	}
	return "Full_Name"
}

func fullName(values map[string]any) string {
	first, _ := values["First_Name"].(string)
	last, _ := values["Last_Name"].(string)
	return strings.TrimSpace(first + " " + last)
}
