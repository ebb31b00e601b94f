package simulate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// author tells who changed a value.
type author bool

const (
	person    author = false
	connector author = true
)

// entry is one change in the history of a field.
type entry struct {
	value string
	at    time.Time // by the clock of the CRM
	by    author
	seq   int
}

// version is a record as it was for some time. It is never changed.
type version struct {
	seq         int
	from        int64 // our time
	fields      map[string]string
	counterpart string
	modified    time.Time
	by          author
	deleted     bool
}

// record is one of a CRM.
type record struct {
	ref        crm.Ref
	created    time.Time
	createdBy  author
	createdSeq int
	madeFor    string     // the counterpart for which the connector made it
	versions   []*version // oldest first; those are kept that a late copy may show
	history    map[string][]entry
	mergedInto *record
	mergedSeq  int
	lag        int64 // how late the search index is with it
	late       bool  // made after its caller had given up
	restored   bool  // taken out of the bin
	purged     bool  // deleted for good
	erased     bool  // deleted for privacy
	ofMerge    bool  // made by a merge in HubSpot
	// swallowedBy is the survivor of a merge in Zoho, which sends no event.
	swallowedBy *record
	trouble     fault // the fault that its handler meets
	troubled    int64 // until then
}

func (r *record) last() *version { return r.versions[len(r.versions)-1] }

func (r *record) alive() bool { return r.mergedInto == nil && !r.last().deleted }

// survivor follows merges.
func (r *record) survivor() *record {
	for r.mergedInto != nil {
		r = r.mergedInto
	}
	return r
}

// at returns the version that was current at a time.
func (r *record) at(t int64) *version {
	for _, v := range slices.Backward(r.versions) {
		if v.from <= t {
			return v
		}
	}
	return nil
}

// model plays one CRM.
type model struct {
	world   *world
	system  crm.System
	skew    int64
	unit    time.Duration // what its clock shows
	records []*record     // in the order of creation
	byRef   map[crm.Ref]*record
	next    map[crm.Kind]int
	changed int             // values that the connector changed
	created map[crm.Ref]int // records that the connector created, by counterpart
	failing fault           // what every call meets
	until   int64           // nothing answers until then
}

func newModel(w *world, s crm.System) *model {
	m := &model{world: w, system: s, byRef: map[crm.Ref]*record{}, created: map[crm.Ref]int{}, unit: time.Millisecond, next: map[crm.Kind]int{}}
	if s == crm.Zoho {
		m.skew, m.unit = w.plan.skew[1], time.Second
	} else {
		m.skew = w.plan.skew[0]
	}
	return m
}

func (m *model) clock() time.Time {
	return time.UnixMilli(m.world.now + m.skew).UTC().Truncate(m.unit)
}

// shortenedFrom begins the part of a title that Zoho does not keep.
const shortenedFrom = "#"

// stores is what the CRM makes of a value.
func (m *model) stores(field, value string) string {
	switch {
	case m.system == crm.Zoho && field == "Title":
		value, _, _ = strings.Cut(value, shortenedFrom)
	case m.system == crm.HubSpot && field == "email":
		value = strings.ToLower(value)
	}
	return value
}

// firstID begins the ids of a CRM. Those of its kinds are counted apart, so
// that a contact and a company bear the same one.
var firstID = map[crm.System]int{crm.HubSpot: 1000, crm.Zoho: 5_000_000}

// make adds an empty record.
func (m *model) make(k crm.Kind, by author) *record {
	m.next[k]++
	m.world.seq++
	r := &record{
		ref:     crm.Ref{System: m.system, Kind: k, RecordID: strconv.Itoa(firstID[m.system] + m.next[k])},
		created: m.clock(), createdBy: by, createdSeq: m.world.seq, history: map[string][]entry{},
		lag: m.world.between(0, 20*second),
	}
	r.versions = []*version{{seq: m.world.seq, from: m.world.now, modified: r.created, by: by}}
	m.records = append(m.records, r)
	m.byRef[r.ref] = r
	return r
}

// change makes a new version of r. A write that changes nothing makes one too
// in Zoho: it moves the time of the record and is notified of.
func (m *model) change(r *record, fields map[string]string, counterpart string, by author) bool {
	old := r.last()
	m.world.seq++
	v := &version{seq: m.world.seq, from: m.world.now, fields: maps.Clone(old.fields), counterpart: old.counterpart, modified: m.clock(), by: by, deleted: old.deleted}
	if v.fields == nil {
		v.fields = map[string]string{}
	}
	moved := false
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		value := m.stores(f, fields[f])
		if v.fields[f] == value {
			continue
		}
		moved = true
		m.world.tell(fieldName(r.ref.Kind, m.system, f), "%s %s: %q -> %q by %s", r.ref, f, v.fields[f], value, by)
		if value == "" {
			delete(v.fields, f)
		} else {
			v.fields[f] = value
		}
		r.history[f] = append(r.history[f], entry{value: value, at: v.modified, by: by, seq: v.seq})
		if by == connector {
			m.changed++
			m.checkClear(r, f, old.fields[f], value)
		}
	}
	if counterpart != "" && counterpart != v.counterpart {
		v.counterpart, moved = counterpart, true
		m.world.say("%s now names %s", r.ref, counterpart)
	}
	if !moved && m.system == crm.HubSpot {
		return false
	}
	r.versions = append(r.versions, v)
	for len(r.versions) > 1 && r.versions[1].from < m.world.now-minute {
		r.versions = r.versions[1:]
	}
	return true
}

func (a author) String() string {
	if a == connector {
		return "the connector"
	}
	return "a person"
}

// show is what a read of r answers of one version.
func (m *model) show(r *record, v *version, history bool) crm.Record {
	rec := crm.Record{
		Ref: r.ref, Fields: maps.Clone(v.fields), CounterpartID: v.counterpart, Created: r.created, Modified: v.modified,
		CreatedByUs: bool(r.createdBy), ModifiedByUs: bool(v.by),
	}
	for _, former := range m.records {
		if former != r && former.mergedInto != nil && former.survivor() == r {
			rec.Former = append(rec.Former, former.ref.RecordID)
		}
	}
	if rec.Fields == nil {
		rec.Fields = map[string]string{}
	}
	if field := companyField.On(m.system); r.ref.Kind == crm.Contact && m.showsCompany(rec.Fields[field]) == "" {
		delete(rec.Fields, field)
	}
	if history {
		rec.History = m.historyOf(r, v.seq)
	}
	return rec
}

// keptVersions is how many versions of a field a CRM shows.
const keptVersions = 20

func (m *model) historyOf(r *record, until int) map[string][]crm.Edit {
	h := make(map[string][]crm.Edit, len(r.history))
	for f, entries := range r.history {
		var edits []crm.Edit
		for _, e := range slices.Backward(entries) {
			if e.seq <= until && len(edits) < keptVersions {
				edits = append(edits, crm.Edit{Value: e.value, At: e.at, Own: bool(e.by)})
			}
		}
		h[f] = edits
	}
	return h
}

// on returns the record of this CRM with an id.
func (m *model) on(k crm.Kind, id string) *record {
	return m.byRef[crm.Ref{System: m.system, Kind: k, RecordID: id}]
}

// holder returns the live record that bears a counterpart id, nil if there is none.
func (m *model) holder(k crm.Kind, counterpart string, except *record) *record {
	for _, r := range m.records {
		if r != except && r.ref.Kind == k && r.alive() && r.last().counterpart == counterpart {
			return r
		}
	}
	return nil
}

// bearer returns the live record that makes it impossible for another one to
// have a key.
func (m *model) bearer(k crm.Kind, key string, except *record) *record {
	if key == "" || !kinds[k].taken {
		return nil
	}
	for _, r := range m.records {
		if r != except && r.ref.Kind == k && r.alive() && strings.EqualFold(r.last().fields[keyOn(k, m.system)], key) {
			return r
		}
	}
	return nil
}
