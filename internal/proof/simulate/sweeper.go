package simulate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// sweeper runs the real reconciler, as Cloud Scheduler does.
type sweeper struct {
	world      *world
	reconciler *reconcile.Reconciler
	due        int64
	running    bool
	complete   bool // the last run came to its end
	cursors    map[string]reconcile.Cursor
}

const (
	sweepEvery = 15 * minute
	// sweepSettled is longer than any time in which a change can escape a
	// sweep: the lag of the search, the skew of the clocks, and the time
	// between two looks at the deleted records.
	sweepSettled = 2 * hour
	// pageSize is small, so that walks have several pages.
	pageSize = 3
)

func newSweeper(w *world) *sweeper {
	s := &sweeper{world: w, due: w.now + sweepEvery, cursors: map[string]reconcile.Cursor{}}
	var err error
	s.reconciler, err = reconcile.New(reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.HubSpot: scanner{w.crms[crm.HubSpot]}, crm.Zoho: scanner{w.crms[crm.Zoho]}},
		Publishers: map[crm.System]reconcile.Publisher{crm.HubSpot: publisher{w, "sweep publish"}, crm.Zoho: publisher{w, "sweep publish"}},
		Cursors:    s, Clock: w, NewID: w.newID, Pause: -1,
		// A webhook that is a day late keeps the first sweep waiting longer than
		// the default looks back.
		LookBack: 7 * 24 * time.Hour,
	})
	if err != nil {
		panic(err) // the configuration above is complete
	}
	return s
}

// start sweeps once, unless a sweep is on.
func (s *sweeper) start() {
	w := s.world
	s.due = w.now + sweepEvery
	if s.running {
		return
	}
	s.running, s.complete = true, false
	var report reconcile.Report
	var err error
	w.spawn("sweep", budget, func(ctx context.Context) {
		report, err = s.reconciler.Run(ctx)
	}, func(wasKilled bool) {
		s.running = false
		if s.complete = !wasKilled && err == nil && report.Complete; !s.complete {
			w.struck(sweepFailed)
			s.due = w.now + minute
		}
	})
}

// LoadCursor implements reconcile.Cursors.
func (s *sweeper) LoadCursor(ctx context.Context, name string) (reconcile.Cursor, error) {
	if err := s.world.seam(ctx, "load cursor"); err != nil {
		return reconcile.Cursor{}, err
	}
	if s.world.storeIsDown() || s.world.draw(storeDown, noFault, noFault) != noFault {
		return reconcile.Cursor{}, errStore
	}
	return s.cursors[name], nil
}

// SaveCursor implements reconcile.Cursors.
func (s *sweeper) SaveCursor(ctx context.Context, name string, next, was reconcile.Cursor) error {
	if err := s.world.seam(ctx, "save cursor"); err != nil {
		return err
	}
	f := s.world.draw(storeDown, storeLost, noFault)
	switch {
	case f == storeDown, s.world.storeIsDown():
		return errStore
	case !s.cursors[name].Equal(was):
		return reconcile.ErrOvertaken
	}
	s.cursors[name] = next
	if f == storeLost {
		return errStore
	}
	return nil
}

// scanner lists the records of a model in the order of their times.
type scanner struct{ *model }

// ListChanged implements reconcile.Scanner. A record whose last change the index
// does not know yet is not listed at all.
func (s scanner) ListChanged(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	return s.page(ctx, w, func(r *record) bool {
		return r.alive() && (s.system == crm.Zoho || r.last().from <= s.world.now-r.lag)
	})
}

// ListDeleted implements reconcile.Scanner.
func (s scanner) ListDeleted(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	return s.page(ctx, w, func(r *record) bool { return r.last().deleted })
}

func (s scanner) page(ctx context.Context, w crm.Walk, lists func(*record) bool) (crm.FoundPage, error) {
	f, err := s.begin(ctx, "list", shortPage)
	if err != nil {
		return crm.FoundPage{}, err
	}
	var all []crm.Found
	for _, r := range s.records {
		at := r.last().modified
		if r.ref.Kind != w.Kind || !lists(r) || at.Before(w.Since.Truncate(s.unit)) || at.After(w.Until) {
			continue
		}
		if !w.From.IsZero() && comparePlace(at, r.ref.RecordID, w.From) <= 0 {
			continue
		}
		all = append(all, crm.Found{Ref: r.ref, At: at, Deleted: r.last().deleted})
	}
	slices.SortFunc(all, func(a, b crm.Found) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Ref.RecordID, b.Ref.RecordID))
	})
	size := pageSize
	if f == shortPage {
		size = 1 + s.world.rng.IntN(pageSize-1)
	}
	if len(all) <= size {
		return crm.FoundPage{Found: all}, nil
	}
	last := all[size-1]
	return crm.FoundPage{
		Found: all[:size], Next: crm.Place{At: last.At, ID: last.Ref.RecordID}, More: true,
	}, nil
}

func comparePlace(at time.Time, id string, p crm.Place) int {
	return cmp.Or(at.Compare(p.At), cmp.Compare(id, p.ID))
}

// EraseCursors implements assembly.Cursors: a pass that stands at a record begins
// anew.
func (s *sweeper) EraseCursors(ctx context.Context, refs ...crm.Ref) error {
	if err := s.world.seam(ctx, "erase cursors"); err != nil {
		return err
	}
	f := s.world.draw(storeDown, storeLost, noFault, noFault)
	if f == storeDown || s.world.storeIsDown() {
		return errStore
	}
	for name, c := range s.cursors {
		if slices.ContainsFunc(refs, func(r crm.Ref) bool { return c.From.ID == r.RecordID }) {
			c.From = crm.Place{}
			s.cursors[name] = c
		}
	}
	if f == storeLost {
		return errStore
	}
	return nil
}
