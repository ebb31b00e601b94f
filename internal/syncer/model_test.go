package syncer

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// The models of this file have behaviour, not expectations: two CRMs with
// histories, unique fields and a clock of their own each, and a store with
// claims and compare-and-set. They are as strict as the real ones, or stricter.

// modelClock is moved by the test alone.
type modelClock struct{ now time.Time }

func (c *modelClock) Now() time.Time { return c.now }
func (c *modelClock) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

// modelRecord is a record of a model CRM under the API names of its side.
type modelRecord struct {
	id                string
	fields            map[string]string
	history           map[string][]crm.Edit
	counterpartID     string
	created, modified time.Time
	createdByUs, byUs bool
	mergedInto        string
}

// modelCRM plays one side.
type modelCRM struct {
	system  crm.System
	clock   *modelClock
	skew    time.Duration
	unit    time.Duration // resolution of its clock
	records map[string]*modelRecord
	next    int
	// required fields, and values refused with a code.
	required map[string]bool
	refuses  map[string]string
	// noCounterpartField is set on a side that has no field for the other side's id.
	noCounterpartField bool
	// stores changes a value on its way in, as a CRM that reformats does.
	stores func(field, value string) string
	// before and after run around every call; an error is its answer.
	before, after func(action string, rec *modelRecord) error
	// shows changes what a read answers.
	shows     func(rec crm.Record) crm.Record
	writes    int
	creates   int
	histories int
	patient   []bool      // whether each read had time
	sought    [][]crm.Key // by each look-up
}

func (m *modelCRM) now() time.Time { return m.clock.now.Add(m.skew).Truncate(m.unit) }

func (m *modelCRM) setField(r *modelRecord, field, value string, own bool) {
	if m.stores != nil && own {
		value = m.stores(field, value)
	}
	if r.fields[field] == value {
		return
	}
	r.fields[field] = value
	if value == "" {
		delete(r.fields, field)
	}
	at := m.now()
	if h := r.history[field]; len(h) > 0 && at.Before(h[0].At) {
		at = h[0].At
	}
	r.history[field] = slices.Insert(r.history[field], 0, crm.Edit{Value: value, At: at, Own: own})
}

func (m *modelCRM) markModified(r *modelRecord, own bool) { r.modified, r.byUs = m.now(), own }

// editAsPerson edits as people do; it makes the record when id is empty.
func (m *modelCRM) editAsPerson(id string, fields map[string]string) string {
	r := m.records[id]
	if r == nil {
		r = m.addRecord(false)
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		m.setField(r, f, fields[f], false)
	}
	m.markModified(r, false)
	return r.id
}

func (m *modelCRM) addRecord(own bool) *modelRecord {
	m.next++
	r := &modelRecord{
		id: strconv.Itoa(1000 + m.next), fields: map[string]string{}, history: map[string][]crm.Edit{},
		created: m.now(), createdByUs: own,
	}
	m.records[r.id] = r
	return r
}

func (m *modelCRM) asRead(r *modelRecord, history bool) crm.Record {
	rec := crm.Record{
		Ref:    crm.Ref{System: m.system, Kind: crm.Contact, RecordID: r.id},
		Fields: maps.Clone(r.fields), CounterpartID: r.counterpartID, Created: r.created, Modified: r.modified,
		CreatedByUs: r.createdByUs, ModifiedByUs: r.byUs,
	}
	for _, id := range slices.Sorted(maps.Keys(m.records)) {
		if m.records[id].mergedInto == r.id {
			rec.Former = append(rec.Former, id)
		}
	}
	if history {
		rec.History = map[string][]crm.Edit{}
		for f, h := range r.history {
			rec.History[f] = slices.Clone(h)
		}
	}
	return rec
}

func (m *modelCRM) newError(kind crm.ErrorKind, code string, fields ...crm.FieldError) error {
	return &crm.Error{System: m.system, Kind: kind, Code: code, Fields: fields}
}

func (m *modelCRM) runHook(when func(string, *modelRecord) error, action string, r *modelRecord) error {
	if when == nil {
		return nil
	}
	return when(action, r)
}

func (m *modelCRM) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	m.patient = append(m.patient, quota.IsBackground(ctx))
	r := m.records[ref.RecordID]
	if err := m.runHook(m.before, "read", r); err != nil {
		return crm.Record{}, err
	}
	for r != nil && r.mergedInto != "" {
		r = m.records[r.mergedInto]
	}
	if r == nil {
		return crm.Record{}, m.newError(crm.NotFound, "")
	}
	rec := m.asRead(r, m.system == crm.HubSpot)
	if m.shows != nil {
		rec = m.shows(rec)
	}
	return rec, m.runHook(m.after, "read", r)
}

func (m *modelCRM) WithHistory(_ context.Context, rec crm.Record) (crm.Record, error) {
	m.histories++
	r := m.records[rec.Ref.RecordID]
	if r == nil {
		return rec, m.newError(crm.NotFound, "")
	}
	rec.History = m.asRead(r, true).History
	return rec, nil
}

func (m *modelCRM) Find(_ context.Context, _ crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	m.sought = append(m.sought, keys)
	for _, k := range keys {
		var found []crm.Record
		for _, id := range slices.Sorted(maps.Keys(m.records)) {
			r := m.records[id]
			if r.mergedInto == "" && k.Value != "" && (k.Field == "" && r.counterpartID == k.Value || k.Field != "" && r.fields[k.Field] == k.Value) {
				found = append(found, m.asRead(r, m.system == crm.HubSpot))
			}
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

// checkWrite applies the rules of the side to a write.
func (m *modelCRM) checkWrite(self string, w crm.Write, creating bool) error {
	for f, v := range w.Fields {
		if code := m.refuses[v.Text]; code != "" {
			return m.newError(crm.Invalid, code, crm.FieldError{Field: f, Code: code})
		}
		if v.Text == "" && m.required[f] {
			return m.newError(crm.Missing, "MANDATORY", crm.FieldError{Field: f, Code: "MANDATORY"})
		}
	}
	if m.noCounterpartField && w.CounterpartID != "" {
		return m.newError(crm.Invalid, "VALIDATION_ERROR", crm.FieldError{Field: "zoho_id", Code: "PROPERTY_DOESNT_EXIST"})
	}
	for f := range m.required {
		if creating && w.Fields[f].Text == "" {
			return m.newError(crm.Missing, "MANDATORY", crm.FieldError{Field: f, Code: "MANDATORY"})
		}
	}
	for id, r := range m.records {
		if w.CounterpartID != "" && r.counterpartID == w.CounterpartID && id != self && r.mergedInto == "" {
			e := &crm.Error{System: m.system, Kind: crm.Duplicate, ExistingID: id}
			return e
		}
	}
	return nil
}

func (m *modelCRM) applyWrite(r *modelRecord, w crm.Write) {
	for _, f := range slices.Sorted(maps.Keys(w.Fields)) {
		m.setField(r, f, w.Fields[f].Text, true)
	}
	if w.CounterpartID != "" {
		r.counterpartID = w.CounterpartID
	}
	m.markModified(r, true)
	m.writes++
}

func (m *modelCRM) Create(_ context.Context, _ crm.Kind, w crm.Write) (crm.Written, error) {
	if err := m.runHook(m.before, "create", nil); err != nil {
		return crm.Written{}, err
	}
	if err := m.checkWrite("", w, true); err != nil {
		return crm.Written{}, err
	}
	r := m.addRecord(true)
	m.applyWrite(r, w)
	m.creates++
	return crm.Written{Ref: m.asRead(r, false).Ref, Modified: r.modified}, m.runHook(m.after, "create", r)
}

func (m *modelCRM) Update(_ context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	r := m.records[rec.Ref.RecordID]
	if err := m.runHook(m.before, "update", r); err != nil {
		return crm.Written{}, err
	}
	if r == nil || r.mergedInto != "" {
		return crm.Written{}, m.newError(crm.NotFound, "")
	}
	if m.system == crm.Zoho && r.modified.After(rec.Modified) {
		return crm.Written{}, m.newError(crm.Conflict, "ALREADY_MODIFIED")
	}
	if err := m.checkWrite(r.id, w, false); err != nil {
		return crm.Written{}, err
	}
	m.applyWrite(r, w)
	written := crm.Written{Ref: rec.Ref, Modified: r.modified}
	if m.system == crm.Zoho {
		written.Guard = rec.Modified
	}
	return written, m.runHook(m.after, "update", r)
}
