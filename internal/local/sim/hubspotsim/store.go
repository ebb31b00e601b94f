package hubspotsim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// actor is who writes, as property histories and events show it.
type actor struct {
	source string // INTEGRATION, CRM_UI...
	id     string // the app's id, or "userId:n"
	user   int64  // 0 for apps
}

func (s *Server) app() actor {
	return actor{source: "INTEGRATION", id: strconv.FormatInt(s.cfg.AppID, 10)}
}

func person(user int64) actor {
	if user == 0 {
		user = defaultUser
	}
	return actor{source: "CRM_UI", id: "userId:" + strconv.FormatInt(user, 10), user: user}
}

// version is one entry of a property's history.
type version struct {
	value string
	at    time.Time // as the history shows it; whole milliseconds
	seen  time.Time // when it was written; what the search index goes by
	by    actor
}

// record is one contact or company.
type record struct {
	kind     *kind
	id       int64
	history  map[string][]version // oldest first, times strictly growing
	created  time.Time
	seen     time.Time // when it was created; what the search index goes by
	archived time.Time // zero = alive
}

func (r *record) idText() string { return strconv.FormatInt(r.id, 10) }

// get returns the present value, "" when unset.
func (r *record) get(name string) string {
	h := r.history[name]
	if len(h) == 0 {
		return ""
	}
	return h[len(h)-1].value
}

// asOf returns the value that a search index saw which is blind after t.
func (r *record) asOf(name string, t time.Time) string {
	h := r.history[name]
	for i := len(h) - 1; i >= 0; i-- {
		if !h[i].seen.After(t) {
			return h[i].value
		}
	}
	return ""
}

// last returns the time of the latest entry of a property.
func (r *record) last(name string) time.Time {
	h := r.history[name]
	if len(h) == 0 {
		return time.Time{}
	}
	return h[len(h)-1].at
}

// kind is an object type with its records.
type kind struct {
	typeID, plural, singular, upper string
	modified                        string   // name of the property with the modification time
	identity                        []string // a record needs one of these
	defaults                        []string // properties that reads return unasked
	groups                          []string
	properties                      map[string]*property

	records map[int64]*record
	order   []int64 // ids of all records ever made, ascending
	merged  map[int64]int64
	unique  map[string]map[string]int64 // property -> value -> id, living records only
	nextID  int64
}

func newContacts() *kind {
	k := &kind{typeID: "0-1", plural: "contacts", singular: "contact", upper: "CONTACT",
		modified: "lastmodifieddate",
		identity: []string{"email", "firstname", "lastname"},
		defaults: []string{"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
		nextID:   508_369_434_347}
	k.fill("contactinformation", contactEntries)
	k.unique["email"] = map[string]int64{}
	return k
}

func newCompanies() *kind {
	k := &kind{typeID: "0-2", plural: "companies", singular: "company", upper: "COMPANY",
		modified: "hs_lastmodifieddate",
		identity: []string{"name", "domain"},
		defaults: []string{"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
		nextID:   58_061_514_894}
	k.fill("companyinformation", companyEntries)
	return k
}

func (k *kind) fill(group string, own []entry) {
	k.groups = []string{group}
	k.properties = map[string]*property{}
	k.records, k.merged = map[int64]*record{}, map[int64]int64{}
	k.unique = map[string]map[string]int64{}
	for _, e := range slices.Concat(common, own) {
		k.define(e.build(group))
	}
}

// define adds a property, and the index of a unique one.
func (k *kind) define(p *property) {
	k.properties[p.Name] = p
	if p.HasUniqueValue && k.unique[p.Name] == nil {
		k.unique[p.Name] = map[string]int64{}
	}
}

// customUnique counts the properties made with hasUniqueValue.
func (k *kind) customUnique() int {
	n := 0
	for _, p := range k.properties {
		if p.HasUniqueValue {
			n++
		}
	}
	return n
}

// live finds a record that is neither archived nor merged away.
func (k *kind) live(id int64) *record {
	if r := k.records[id]; r != nil && r.archived.IsZero() {
		return r
	}
	return nil
}

// survivor follows merges.
func (k *kind) survivor(id int64) int64 {
	for {
		next, merged := k.merged[id]
		if !merged {
			return id
		}
		id = next
	}
}

// holder finds the living record that has a unique value.
func (k *kind) holder(property, value string) (int64, bool) {
	if property == "email" || property == "hs_additional_emails" {
		property, value = "email", strings.ToLower(strings.TrimSpace(value))
	}
	id, found := k.unique[property][value]
	return id, found
}

// claims lists the unique values that a property's value takes: one, or each
// address of hs_additional_emails, which share the index of email.
func (k *kind) claims(property, value string) (index string, values []string) {
	if value == "" {
		return "", nil
	}
	if property == "hs_additional_emails" {
		return "email", strings.Split(value, ";")
	}
	if k.unique[property] != nil {
		return property, []string{value}
	}
	return "", nil
}

// reindex moves a record's claims from one value of a property to another.
func (k *kind) reindex(id int64, property, from, to string) {
	index, values := k.claims(property, from)
	for _, v := range values {
		if k.unique[index][v] == id {
			delete(k.unique[index], v)
		}
	}
	index, values = k.claims(property, to)
	for _, v := range values {
		k.unique[index][v] = id
	}
}

// release drops all claims of a record that is archived or merged away.
func (k *kind) release(r *record) {
	for name := range r.history {
		k.reindex(r.id, name, r.get(name), "")
	}
}

// newID returns an id that grows, but not by one.
func (s *Server) newID(k *kind) int64 {
	id := k.nextID
	k.nextID += 1 + s.rng.Int64N(997)
	return id
}

// put appends a value to a history that is known to be older.
func (r *record) put(name, value string, at, seen time.Time, by actor) {
	r.kind.reindex(r.id, name, r.get(name), value)
	r.history[name] = append(r.history[name], version{value: value, at: at, seen: seen, by: by})
}

// touch moves the modification time, which is never before the last one.
func (r *record) touch(at, seen time.Time, by actor) {
	name := r.kind.modified
	if last := r.last(name); !at.After(last) {
		at = last.Add(time.Millisecond)
	}
	r.put(name, stamp(at), at, seen, by)
}

// updated is the modification time.
func (r *record) updated() time.Time { return r.last(r.kind.modified) }
