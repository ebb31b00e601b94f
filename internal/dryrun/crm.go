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
	made    map[string][]crm.Ref // by kind, field and value
	last    int64                // number of the last record that was made
}

// staged is a record as it would be.
type staged struct {
	record crm.Record
	made   bool
	edits  map[string]crm.Edit // ours, by field
}

func newCRM(s crm.System, m *mapping.Mapping, beneath syncer.CRM, now func() time.Time) *crmOver {
	return &crmOver{system: s, mapping: m, beneath: beneath, now: now, written: map[crm.Ref]*staged{}, made: map[string][]crm.Ref{}, last: 9_000_000_000_000_000_000}
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
	if w.record.TwinID != "" {
		rec.TwinID = w.record.TwinID
	}
	if rec.History != nil {
		rec.History = maps.Clone(rec.History)
		for field, e := range w.edits {
			rec.History[field] = slices.Insert(slices.Clone(rec.History[field]), 0, e)
		}
	}
	return rec
}

// Find also finds what was made. The first key names the twin and is the most
// certain.
func (s *crmOver) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	recs, err := s.beneath.Find(ctx, kind, keys)
	if err != nil {
		return nil, err
	}
	found := make([]crm.Record, 0, len(recs))
	for _, rec := range recs {
		found = append(found, s.over(rec))
	}
	var none crm.Key
	for _, key := range keys {
		var refs []crm.Ref
		s.mu.Lock()
		field := key.Field
		if key.Host != none.Host {
			field += hostMark
		}
		refs = append(refs, s.made[index(kind, field, key.Value)]...)
		s.mu.Unlock()
		for _, ref := range refs {
			known := slices.ContainsFunc(found, func(r crm.Record) bool { return r.Ref == ref })
			if w := s.look(ref); w != nil && !known {
				found = append(found, w.record)
			}
		}
	}
	return found, nil
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
		Ref: ref, Fields: map[string]string{}, History: map[string][]crm.Edit{}, TwinID: w.TwinID,
		Created: now, Modified: now, CreatedByUs: true, ModifiedByUs: true,
	}
	for name, v := range w.Fields {
		if v.Text == "" {
			continue
		}
		rec.Fields[name] = v.Text
		rec.History[name] = []crm.Edit{{Value: v.Text, At: now, Own: true}}
		keys := []string{index(kind, name, v.Text)}
		if h := host(v.Text); h != "" {
			keys = append(keys, index(kind, name+hostMark, h))
		}
		for _, key := range keys {
			s.made[key] = append(s.made[key], ref)
		}
	}
	if w.TwinID != "" {
		s.made[index(kind, "", w.TwinID)] = append(s.made[index(kind, "", w.TwinID)], ref)
	}
	s.written[ref] = &staged{record: rec, made: true}
	note(ctx, Change{Ref: ref, Made: true, Write: w})
	return crm.Written{Ref: ref, Modified: now}, nil
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
	if w.TwinID != "" {
		rec.TwinID = w.TwinID
	}
	rec.Modified, rec.ModifiedByUs = now, true
	next.record = rec
	s.written[rec.Ref] = &next
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
