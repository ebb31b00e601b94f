package dryrun

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// crmOver stands before one CRM: reads reach it, writes do not.
type crmOver struct {
	system  crm.System
	mapping *mapping.Mapping
	beneath syncer.CRM
	now     func() time.Time

	mu      sync.Mutex
	written map[crm.Ref]*staged
	holding map[string][]crm.Ref // those that have held it, by kind, field and value
	last    int64                // number of the last record that was made
}

// staged is a record as it would be.
type staged struct {
	record crm.Record
	made   bool
	edits  map[string]crm.Edit // ours, by field
}

func newCRM(s crm.System, m *mapping.Mapping, beneath syncer.CRM, now func() time.Time) *crmOver {
	return &crmOver{system: s, mapping: m, beneath: beneath, now: now, written: map[crm.Ref]*staged{}, holding: map[string][]crm.Ref{}, last: 9_000_000_000_000_000_000}
}

// Beneath is the CRM that is read.
func (s *crmOver) Beneath() syncer.CRM { return s.beneath }

// Read shows what was written before, over what the CRM has.
func (s *crmOver) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if w := s.look(ref); w != nil && w.made {
		return w.record, nil
	}
	rec, err := s.beneath.Read(ctx, ref)
	return s.over(rec), err
}

// WithHistory adds our own edits to the history that the CRM has.
func (s *crmOver) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	w := s.look(rec.Ref)
	if w != nil && w.made {
		return w.record, nil
	}
	rec, err := s.beneath.WithHistory(ctx, rec)
	return s.over(rec), err
}

func (s *crmOver) look(ref crm.Ref) *staged {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.written[ref]
	if w == nil {
		return nil
	}
	c := *w
	c.record.Fields, c.record.History = maps.Clone(w.record.Fields), maps.Clone(w.record.History)
	return &c
}

// over returns a record as it would be after what was written to it.
func (s *crmOver) over(rec crm.Record) crm.Record {
	w := s.look(rec.Ref)
	if w == nil {
		return rec
	}
	rec.Fields, rec.Modified, rec.ModifiedByUs = w.record.Fields, w.record.Modified, true
	if w.record.CounterpartID != "" {
		rec.CounterpartID = w.record.CounterpartID
	}
	if rec.History != nil {
		rec.History = maps.Clone(rec.History)
		for field, e := range w.edits {
			rec.History[field] = slices.Insert(slices.Clone(rec.History[field]), 0, e)
		}
	}
	return rec
}

// Find finds records as they would be: also what was made or changed, and not by
// what they no longer hold.
func (s *crmOver) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	found, err := s.findBeneath(ctx, kind, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		field := key.Field
		if key.Host != crm.WholeValue {
			field += hostMark
		}
		s.mu.Lock()
		refs := slices.Clone(s.holding[index(kind, field, key.Value)])
		s.mu.Unlock()
		for _, ref := range refs {
			known := slices.ContainsFunc(found, func(r crm.Record) bool { return r.Ref == ref })
			if w := s.look(ref); w != nil && !known && holds(w.record, key) {
				found = append(found, w.record)
			}
		}
	}
	return found, nil
}

// findBeneath leaves out what would hold none of the keys any more. Where that is
// all that was found, less certain keys may find others.
func (s *crmOver) findBeneath(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	for len(keys) > 0 {
		recs, err := s.beneath.Find(ctx, kind, keys)
		if err != nil || len(recs) == 0 {
			return nil, err
		}
		var found []crm.Record
		for _, rec := range recs {
			changed := s.over(rec)
			if s.look(rec.Ref) == nil || slices.ContainsFunc(keys, func(k crm.Key) bool { return holds(changed, k) }) {
				found = append(found, changed)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
		stale := func(k crm.Key) bool {
			return slices.ContainsFunc(recs, func(r crm.Record) bool { return holds(r, k) })
		}
		rest := slices.DeleteFunc(slices.Clone(keys), stale)
		if len(rest) == len(keys) {
			return nil, nil
		}
		keys = rest
	}
	return nil, nil
}

// holds reports whether a record holds the value of a key.
func holds(rec crm.Record, k crm.Key) bool {
	if k.Field == "" {
		return k.Value != "" && rec.CounterpartID == k.Value
	}
	text := rec.Fields[k.Field]
	switch h := host(text); k.Host {
	case crm.SameHost:
		return h != "" && h == k.Value
	case crm.BelowHost:
		return h != "" && (h == k.Value || strings.HasSuffix(h, "."+k.Value))
	}
	return index("", "", text) == index("", "", k.Value) && k.Value != ""
}

// hostMark is behind the name of a field that is indexed by its host.
const hostMark = "#host"

// host returns the host of a web address, without www.
func host(text string) string {
	if !strings.Contains(text, "://") {
		text = "https://" + strings.TrimSpace(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

func index(kind crm.Kind, field, value string) string {
	return string(kind) + "\x00" + field + "\x00" + strings.ToLower(strings.TrimSpace(value))
}

// missing lists what the mapping says the side requires of a new record.
func (s *crmOver) missing(kind crm.Kind, w crm.Write) []crm.FieldError {
	var missing []crm.FieldError
	for _, f := range s.mapping.Object(kind).Fields {
		if name := f.On(s.system); f.RequiredOn(s.system) && w.Fields[name].Text == "" {
			missing = append(missing, crm.FieldError{Field: name, Code: "MANDATORY_NOT_FOUND"})
		}
	}
	return missing
}

// Create makes a record that only later reads of this dry run see.
func (s *crmOver) Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	if missing := s.missing(kind, w); len(missing) > 0 {
		return crm.Written{}, &crm.Error{System: s.system, Action: "create", Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND", Fields: missing}
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	ref := crm.Ref{System: s.system, Kind: kind, RecordID: strconv.FormatInt(s.last, 10)}
	rec := crm.Record{
		Ref: ref, Fields: map[string]string{}, History: map[string][]crm.Edit{}, CounterpartID: w.CounterpartID,
		Created: now, Modified: now, CreatedByUs: true, ModifiedByUs: true,
	}
	for name, v := range w.Fields {
		if v.Text == "" {
			continue
		}
		rec.Fields[name] = v.Text
		rec.History[name] = []crm.Edit{{Value: v.Text, At: now, Own: true}}
	}
	s.enter(ref, w)
	s.written[ref] = &staged{record: rec, made: true}
	note(ctx, Change{Ref: ref, Made: true, Write: w})
	return crm.Written{Ref: ref, Modified: now}, nil
}

// enter notes what a record holds from now on. The caller holds the lock.
func (s *crmOver) enter(ref crm.Ref, w crm.Write) {
	add := func(field, value string) {
		if value != "" {
			key := index(ref.Kind, field, value)
			s.holding[key] = append(s.holding[key], ref)
		}
	}
	for name, v := range w.Fields {
		add(name, v.Text)
		add(name+hostMark, host(v.Text))
	}
	add("", w.CounterpartID)
}

// Update changes what later reads of this dry run see.
func (s *crmOver) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	if rec.Ref.System != s.system {
		return crm.Written{}, errors.New("a record of the other side")
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := rec
	old := s.written[rec.Ref]
	next := staged{edits: map[string]crm.Edit{}}
	if old != nil {
		rec, next.made = old.record, old.made
		maps.Copy(next.edits, old.edits)
	}
	rec.Fields, rec.History = maps.Clone(rec.Fields), maps.Clone(rec.History)
	if rec.Fields == nil {
		rec.Fields = map[string]string{}
	}
	for name, v := range w.Fields {
		e := crm.Edit{Value: v.Text, At: now, Own: true}
		if next.edits[name] = e; v.Text == "" {
			delete(rec.Fields, name)
		} else {
			rec.Fields[name] = v.Text
		}
		if next.made {
			rec.History[name] = slices.Insert(slices.Clone(rec.History[name]), 0, e)
		}
	}
	if w.CounterpartID != "" {
		rec.CounterpartID = w.CounterpartID
	}
	rec.Modified, rec.ModifiedByUs = now, true
	next.record = rec
	s.written[rec.Ref] = &next
	s.enter(rec.Ref, w)
	note(ctx, Change{Ref: rec.Ref, Before: before.Fields, Write: w})
	return crm.Written{Ref: rec.Ref, Modified: now}, nil
}

// Change is one write that was kept back.
type Change struct {
	Ref    crm.Ref
	Made   bool
	Before map[string]string // what the record held, by the API names of its side
	Write  crm.Write
}

// Changes are those of one operation.
type Changes struct{ All []Change }

type changesKey struct{}

// Collect returns a context whose changes are kept.
func Collect(ctx context.Context) (context.Context, *Changes) {
	all := &Changes{}
	return context.WithValue(ctx, changesKey{}, all), all
}

// note adds a change to those of the operation that ctx belongs to.
func note(ctx context.Context, c Change) {
	if list, ok := ctx.Value(changesKey{}).(*Changes); ok {
		list.All = append(list.All, c)
	}
}
