package syncer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
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
	twin              string
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
	// noTwin is set on a side that has no field for the other side's id.
	noTwin bool
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

func (m *modelCRM) set(r *modelRecord, field, value string, own bool) {
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

func (m *modelCRM) touch(r *modelRecord, own bool) { r.modified, r.byUs = m.now(), own }

// person edits as people do; it makes the record when id is empty.
func (m *modelCRM) person(id string, fields map[string]string) string {
	r := m.records[id]
	if r == nil {
		r = m.make(false)
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		m.set(r, f, fields[f], false)
	}
	m.touch(r, false)
	return r.id
}

func (m *modelCRM) make(own bool) *modelRecord {
	m.next++
	r := &modelRecord{
		id: strconv.Itoa(1000 + m.next), fields: map[string]string{}, history: map[string][]crm.Edit{},
		created: m.now(), createdByUs: own,
	}
	m.records[r.id] = r
	return r
}

func (m *modelCRM) record(r *modelRecord, history bool) crm.Record {
	rec := crm.Record{
		Ref:    crm.Ref{System: m.system, Kind: crm.Contact, RecordID: r.id},
		Fields: maps.Clone(r.fields), CounterpartID: r.twin, Created: r.created, Modified: r.modified,
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

func (m *modelCRM) fail(kind crm.ErrorKind, code string, fields ...crm.FieldError) error {
	return &crm.Error{System: m.system, Kind: kind, Code: code, Fields: fields}
}

func (m *modelCRM) around(when func(string, *modelRecord) error, action string, r *modelRecord) error {
	if when == nil {
		return nil
	}
	return when(action, r)
}

func (m *modelCRM) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	m.patient = append(m.patient, quota.IsBackground(ctx))
	r := m.records[ref.RecordID]
	if err := m.around(m.before, "read", r); err != nil {
		return crm.Record{}, err
	}
	for r != nil && r.mergedInto != "" {
		r = m.records[r.mergedInto]
	}
	if r == nil {
		return crm.Record{}, m.fail(crm.NotFound, "")
	}
	rec := m.record(r, m.system == crm.HubSpot)
	if m.shows != nil {
		rec = m.shows(rec)
	}
	return rec, m.around(m.after, "read", r)
}

func (m *modelCRM) WithHistory(_ context.Context, rec crm.Record) (crm.Record, error) {
	m.histories++
	r := m.records[rec.Ref.RecordID]
	if r == nil {
		return rec, m.fail(crm.NotFound, "")
	}
	rec.History = m.record(r, true).History
	return rec, nil
}

func (m *modelCRM) Find(_ context.Context, _ crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	m.sought = append(m.sought, keys)
	for _, k := range keys {
		var found []crm.Record
		for _, id := range slices.Sorted(maps.Keys(m.records)) {
			r := m.records[id]
			if r.mergedInto == "" && k.Value != "" && (k.Field == "" && r.twin == k.Value || k.Field != "" && r.fields[k.Field] == k.Value) {
				found = append(found, m.record(r, m.system == crm.HubSpot))
			}
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

// check applies the rules of the side to a write.
func (m *modelCRM) check(self string, w crm.Write, creating bool) error {
	for f, v := range w.Fields {
		if code := m.refuses[v.Text]; code != "" {
			return m.fail(crm.Invalid, code, crm.FieldError{Field: f, Code: code})
		}
		if v.Text == "" && m.required[f] {
			return m.fail(crm.Missing, "MANDATORY", crm.FieldError{Field: f, Code: "MANDATORY"})
		}
	}
	if m.noTwin && w.CounterpartID != "" {
		return m.fail(crm.Invalid, "VALIDATION_ERROR", crm.FieldError{Field: "zoho_id", Code: "PROPERTY_DOESNT_EXIST"})
	}
	for f := range m.required {
		if creating && w.Fields[f].Text == "" {
			return m.fail(crm.Missing, "MANDATORY", crm.FieldError{Field: f, Code: "MANDATORY"})
		}
	}
	for id, r := range m.records {
		if w.CounterpartID != "" && r.twin == w.CounterpartID && id != self && r.mergedInto == "" {
			e := &crm.Error{System: m.system, Kind: crm.Duplicate, ExistingID: id}
			return e
		}
	}
	return nil
}

func (m *modelCRM) apply(r *modelRecord, w crm.Write) {
	for _, f := range slices.Sorted(maps.Keys(w.Fields)) {
		m.set(r, f, w.Fields[f].Text, true)
	}
	if w.CounterpartID != "" {
		r.twin = w.CounterpartID
	}
	m.touch(r, true)
	m.writes++
}

func (m *modelCRM) Create(_ context.Context, _ crm.Kind, w crm.Write) (crm.Written, error) {
	if err := m.around(m.before, "create", nil); err != nil {
		return crm.Written{}, err
	}
	if err := m.check("", w, true); err != nil {
		return crm.Written{}, err
	}
	r := m.make(true)
	m.apply(r, w)
	m.creates++
	return crm.Written{Ref: m.record(r, false).Ref, Modified: r.modified}, m.around(m.after, "create", r)
}

func (m *modelCRM) Update(_ context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	r := m.records[rec.Ref.RecordID]
	if err := m.around(m.before, "update", r); err != nil {
		return crm.Written{}, err
	}
	if r == nil || r.mergedInto != "" {
		return crm.Written{}, m.fail(crm.NotFound, "")
	}
	if m.system == crm.Zoho && r.modified.After(rec.Modified) {
		return crm.Written{}, m.fail(crm.Conflict, "ALREADY_MODIFIED")
	}
	if err := m.check(r.id, w, false); err != nil {
		return crm.Written{}, err
	}
	m.apply(r, w)
	written := crm.Written{Ref: rec.Ref, Modified: r.modified}
	if m.system == crm.Zoho {
		written.Guard = rec.Modified
	}
	return written, m.around(m.after, "update", r)
}

// modelLinks keeps links with claims.
type modelLinks struct {
	links  map[string]Link
	claims map[crm.Ref]string
	saves  int
	reads  int
	before func(action string) error
}

func (m *modelLinks) FindLink(_ context.Context, ref crm.Ref) (Link, bool, error) {
	m.reads++
	l, ok := m.links[m.claims[ref]]
	return cloneLink(l), ok, nil
}

func cloneLink(l Link) Link {
	l.Fields = maps.Clone(l.Fields)
	l.Claimed, l.Decisions = slices.Clone(l.Claimed), slices.Clone(l.Decisions)
	return l
}

func (m *modelLinks) SaveLink(_ context.Context, l Link) (Link, error) {
	if m.before != nil {
		if err := m.before("save"); err != nil {
			return l, err
		}
	}
	if m.links[l.ID].Version != l.Version {
		return l, ErrChanged
	}
	var want []crm.Ref
	for _, s := range crm.Systems {
		if r := l.Ref(s); r.RecordID != "" {
			if owner := m.claims[r]; owner != "" && owner != l.ID {
				return l, ErrClaimed
			}
			want = append(want, r)
		}
	}
	for _, r := range l.Claimed {
		delete(m.claims, r)
	}
	for _, r := range want {
		m.claims[r] = l.ID
	}
	m.saves++
	l = cloneLink(l)
	l.Claimed, l.Version = want, strconv.Itoa(m.saves)
	m.links[l.ID] = l
	return cloneLink(l), nil
}

func (m *modelLinks) ReplaceLink(ctx context.Context, l, over Link) (Link, error) {
	if m.links[over.ID].Version != over.Version {
		return l, ErrChanged
	}
	links, claims := maps.Clone(m.links), maps.Clone(m.claims)
	if err := m.DropLink(ctx, over); err != nil {
		return l, err
	}
	saved, err := m.SaveLink(ctx, l)
	if err != nil {
		m.links, m.claims = links, claims
	}
	return saved, err
}

// FindMembers gives one contact at a time.
func (m *modelLinks) FindMembers(_ context.Context, company crm.Ref, after string, _ int) ([]crm.Ref, string, error) {
	for _, id := range slices.Sorted(maps.Keys(m.links)) {
		l := m.links[id]
		if id > after && l.Kind == crm.Contact && l.On(company.System).Company == company.RecordID {
			return []crm.Ref{l.Ref(company.System)}, id, nil
		}
	}
	return nil, "", nil
}

func (m *modelLinks) DropLink(_ context.Context, l Link) error {
	if m.links[l.ID].Version != l.Version {
		return ErrChanged
	}
	for _, r := range l.Claimed {
		delete(m.claims, r)
	}
	delete(m.links, l.ID)
	return nil
}

type modelFailures struct {
	list     []Failure
	resolved []crm.Ref
}

func (m *modelFailures) ResolveFailures(_ context.Context, at time.Time, refs ...crm.Ref) (int, error) {
	m.resolved = append(m.resolved, refs...)
	n := len(m.list)
	m.list = slices.DeleteFunc(m.list, func(f Failure) bool { return !f.At.After(at) })
	return n - len(m.list), nil
}

func (m *modelFailures) erase(_ context.Context, refs ...crm.Ref) error {
	m.list = slices.DeleteFunc(m.list, func(f Failure) bool {
		return slices.Contains(refs, f.Operation.Ref) || slices.Contains(refs, f.Record)
	})
	return nil
}

func (m *modelFailures) RecordFailure(_ context.Context, f Failure) error {
	m.list = append(m.list, f)
	return nil
}

// world is a house of models.
type world struct {
	t        *testing.T
	clock    *modelClock
	hubspot  *modelCRM
	zoho     *modelCRM
	links    *modelLinks
	failures *modelFailures
	graves   modelGraves
	queue    []op.Operation // published by the syncer
	syncer   *Syncer
	ids      int
	atOnce   int // how often calls were made at once
}

// Publish implements Publisher.
func (w *world) Publish(_ context.Context, ops []op.Operation) error {
	w.queue = append(w.queue, ops...)
	return nil
}

// modelGraves holds until when each grave lasts.
type modelGraves map[string]time.Time

func (g modelGraves) Suppress(_ context.Context, until time.Time, hashes ...string) error {
	for _, h := range hashes {
		g[h] = until
	}
	return nil
}

func (g modelGraves) IsSuppressed(_ context.Context, now time.Time, hash string) (bool, error) {
	return g[hash].After(now), nil
}

func testMapping() *mapping.Mapping {
	return &mapping.Mapping{
		Preferred: crm.Zoho,
		Objects: map[crm.Kind]*mapping.Object{crm.Contact: {
			Kind:   crm.Contact,
			Create: map[crm.System]bool{crm.Zoho: true},
			Match:  []string{"email"},
			Fields: []mapping.Field{
				{Name: "email", HubSpot: "email", Zoho: "Email", Type: mapping.Email},
				{Name: "last_name", HubSpot: "lastname", Zoho: "Last_Name", Type: mapping.Text,
					Clear: mapping.Keep, Required: []crm.System{crm.Zoho}},
				{Name: "city", HubSpot: "city", Zoho: "Mailing_City", Type: mapping.Text},
				{Name: "title", HubSpot: "jobtitle", Zoho: "Title", Type: mapping.Text},
			},
		}},
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := &modelClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	side := func(s crm.System, unit time.Duration) *modelCRM {
		return &modelCRM{system: s, clock: clock, unit: unit, records: map[string]*modelRecord{}}
	}
	w := &world{
		t: t, clock: clock, hubspot: side(crm.HubSpot, time.Millisecond), zoho: side(crm.Zoho, time.Second),
		links:    &modelLinks{links: map[string]Link{}, claims: map[crm.Ref]string{}},
		failures: &modelFailures{}, graves: modelGraves{},
	}
	w.zoho.required = map[string]bool{"Last_Name": true}
	var err error
	w.syncer, err = New(Config{
		Mapping: testMapping(), CRMs: map[crm.System]CRM{crm.HubSpot: w.hubspot, crm.Zoho: w.zoho},
		Links: w.links, Failures: w.failures, Members: w.links, Suppressions: w.graves, Clock: clock,
		Publishers: map[crm.System]Publisher{crm.HubSpot: w, crm.Zoho: w},
		Erasers:    []Eraser{w.failures.erase},
		HashKey:    []byte("0123456789abcdef"),
		NewID:      func() string { w.ids++; return fmt.Sprint("id-", w.ids) },
		Precise:    map[crm.System]bool{crm.HubSpot: true},
		Parallel: func(_ context.Context, calls ...func()) {
			w.atOnce++
			for _, call := range calls {
				call()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) wait(d time.Duration) { w.clock.now = w.clock.now.Add(d) }

func (w *world) op(s crm.System, id string, change op.Change) op.Operation {
	w.ids++
	return op.Operation{
		Version: op.Version, ID: fmt.Sprint("op-", w.ids), Ref: crm.Ref{System: s, Kind: crm.Contact, RecordID: id},
		Change: change, OccurredAt: w.clock.now, ReceivedAt: w.clock.now, Events: 1,
	}
}

// tell applies one operation for a record and returns how it ended.
func (w *world) tell(s crm.System, id string) Result {
	w.t.Helper()
	r, err := w.syncer.Apply(context.Background(), w.op(s, id, op.Updated))
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return r
}

// pair makes a contact in HubSpot that the connector brings to Zoho.
func (w *world) pair(fields map[string]string) (h, z *modelRecord) {
	w.t.Helper()
	id := w.hubspot.person("", fields)
	r := w.tell(crm.HubSpot, id)
	if r.Outcome != Created {
		w.t.Fatalf("outcome %s (%s), want created", r.Outcome, r.Reason)
	}
	w.wait(10 * time.Second)
	return w.hubspot.records[id], w.zoho.records[r.Created.RecordID]
}
