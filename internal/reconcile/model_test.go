package reconcile_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// clock is moved by the test, and by whoever sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

// change is what a system knows of a record, from the moment it is visible on.
type change struct {
	id      int
	at      time.Time // by the system's clock
	visible time.Time // by ours
	deleted bool
}

// system is a CRM of which only the walk is modelled, in pages of few records.
type system struct {
	ref     crm.Ref
	clock   *clock
	size    int
	changes []change // the last of a record counts
	// before is called before each call is answered and may refuse it.
	before func(w crm.Walk, deleted bool) error
	calls  int
}

func newSystem(s crm.System, c *clock) *system {
	return &system{ref: crm.Ref{System: s, Kind: crm.Contact}, clock: c, size: 3}
}

// change makes a record bear a time.
func (s *system) change(id int, at time.Time) {
	s.changes = append(s.changes, change{id: id, at: at, visible: at})
}

func (s *system) delete(id int, at time.Time) {
	s.changes = append(s.changes, change{id: id, at: at, visible: at, deleted: true})
}

func (s *system) found(c change) crm.Found {
	ref := s.ref
	ref.RecordID = strconv.Itoa(c.id)
	return crm.Found{Ref: ref, At: c.at, Deleted: c.deleted}
}

// latest is the last change of every record that could be seen at a time.
func (s *system) latest(now time.Time) []change {
	last := map[int]change{}
	for _, c := range s.changes {
		if !c.visible.After(now) {
			last[c.id] = c
		}
	}
	var all []change
	for _, c := range last {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	return all
}

func (s *system) ListChanged(_ context.Context, w crm.Walk) (crm.FoundPage, error) {
	return s.page(w, false)
}
func (s *system) ListDeleted(_ context.Context, w crm.Walk) (crm.FoundPage, error) {
	return s.page(w, true)
}

func (s *system) page(w crm.Walk, deleted bool) (crm.FoundPage, error) {
	s.calls++
	if s.before != nil {
		if err := s.before(w, deleted); err != nil {
			return crm.FoundPage{}, err
		}
	}
	var page crm.FoundPage
	if w.Kind != s.ref.Kind {
		return page, nil
	}
	for _, c := range s.latest(s.clock.Now()) {
		id := strconv.Itoa(c.id)
		behind := w.From.IsZero() && !c.at.Before(w.Since) || !w.From.IsZero() && (c.at.After(w.From.At) ||
			c.at.Equal(w.From.At) && cmp.Or(len(id)-len(w.From.ID), cmp.Compare(id, w.From.ID)) > 0)
		if c.deleted != deleted || !behind || c.at.After(w.Until) {
			continue
		}
		if len(page.Found) == s.size {
			last := page.Found[s.size-1]
			page.Next, page.More = crm.Place{At: last.At, ID: last.Ref.RecordID}, true
			break
		}
		page.Found = append(page.Found, s.found(c))
	}
	return page, nil
}

// move is one save of a cursor.
type move struct{ was, next reconcile.Cursor }

// cursors is a store in memory.
type cursors struct {
	stored map[string]reconcile.Cursor
	saved  []move
	// before may refuse a save; after may have it look as if it had failed.
	before, after error
}

func newCursors() *cursors { return &cursors{stored: map[string]reconcile.Cursor{}} }

func (s *cursors) LoadCursor(_ context.Context, name string) (reconcile.Cursor, error) {
	return s.stored[name], nil
}

func (s *cursors) SaveCursor(_ context.Context, name string, next, was reconcile.Cursor) error {
	if s.before != nil {
		return s.before
	}
	if !s.stored[name].Equal(was) {
		return fmt.Errorf("save: %w", reconcile.ErrOvertaken)
	}
	s.stored[name] = next
	s.saved = append(s.saved, move{was, next})
	return s.after
}

// topic keeps what is published.
type topic struct {
	ops []op.Operation
	// during is called while operations are being published and may refuse them.
	during func(ops []op.Operation) error
}

func (p *topic) Publish(_ context.Context, ops []op.Operation) error {
	if p.during != nil {
		if err := p.during(ops); err != nil {
			return err
		}
	}
	p.ops = append(p.ops, ops...)
	return nil
}

// has reports whether an operation on what was found is among the published.
func (p *topic) has(f crm.Found) bool {
	return slices.ContainsFunc(p.ops, func(o op.Operation) bool {
		return o.Ref == f.Ref && o.OccurredAt.Equal(f.At) && (o.Change == op.Deleted) == f.Deleted
	})
}

// ids lists what was published, in order.
func (p *topic) ids() []string {
	var ids []string
	for _, o := range p.ops {
		ids = append(ids, o.Ref.RecordID)
	}
	return ids
}

// environment is a Reconciler and what is around it: one system, contacts only.
type environment struct {
	clock   *clock
	system  *system
	cursors *cursors
	topic   *topic
	config  reconcile.Config
}

var errStore = errors.New("the store is away")

func newEnvironment(changes ...func(*reconcile.Config)) *environment {
	c := &clock{now: start}
	h := &environment{clock: c, system: newSystem(crm.Zoho, c), cursors: newCursors(), topic: &topic{}}
	ids := 0
	h.config = reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.Zoho: h.system},
		Publishers: map[crm.System]reconcile.Publisher{crm.Zoho: h.topic},
		Cursors:    h.cursors, Clock: c, Kinds: []crm.Kind{crm.Contact},
		NewID: func() string { ids++; return strconv.Itoa(ids) },
	}
	for _, change := range changes {
		change(&h.config)
	}
	return h
}

const (
	changedName = "reconcile-zoho-contact-changed"
	deletedName = "reconcile-zoho-contact-deleted"
)

func (h *environment) run(ctx context.Context) (reconcile.Report, error) {
	r, err := reconcile.New(h.config)
	if err != nil {
		return reconcile.Report{}, err
	}
	return r.Run(ctx)
}
