package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// pairs is a store with so many pairs of each kind.
type pairs struct {
	n      int
	linked map[crm.Ref]bool
	err    error
}

func (p *pairs) CountLinks(context.Context, crm.Kind) (int, error) { return p.n, p.err }

func (p *pairs) CountLinked(_ context.Context, refs []crm.Ref) (int, error) {
	n := 0
	for _, r := range refs {
		if p.linked[r] {
			n++
		}
	}
	return n, p.err
}

// runGuarded runs once under a safeguard that lets 3 records and half of the pairs
// through, and where HubSpot's records alone would be created.
func (r *scenario) runGuarded(p *pairs) (reconcile.Report, error) {
	r.t.Helper()
	r.config.MassChange = &safeguard.MassChange{Floor: 3, Pairs: p, Creates: func(from crm.System, _ crm.Kind) bool { return from == crm.HubSpot }}
	r.clock.Advance(31 * time.Second)
	rec, err := reconcile.New(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	return rec.Run(r.t.Context())
}

func TestAPassThatTouchesTooMuchStopsUntilAPersonLetsItGoOn(t *testing.T) {
	r := newScenario(t, 0)
	r.create(crm.HubSpot, people(8)...)
	p := &pairs{n: 15}
	for range 2 { // and again, with the next run
		report, err := r.runGuarded(p)
		if !errors.Is(err, safeguard.ErrMassChange) {
			t.Fatalf("got %v, want ErrMassChange", err)
		}
		if got := len(r.topics[crm.HubSpot].ops); got != 0 {
			t.Errorf("%d operations were published", got)
		}
		for _, s := range report.Scans {
			want := reconcile.Stop("")
			if s.System == crm.HubSpot && s.Kind == crm.Contact && !s.Deleted {
				want = reconcile.MassChange
			}
			if s.Stopped != want {
				t.Errorf("the scan over %s %s, deleted %t, has stopped: %q, want %q", s.System, s.Kind, s.Deleted, s.Stopped, want)
			}
		}
	}
	r.config.MassChange = nil // connector reconcile --allow-mass-change
	r.run()
	if got := len(r.topics[crm.HubSpot].ops); got != 8 {
		t.Errorf("%d operations, want all 8", got)
	}
	if _, err := r.runGuarded(p); err != nil && !errors.Is(err, safeguard.ErrMassChange) {
		t.Errorf("after it went on: %v", err)
	}
}

func TestAMassChangeIsMoreThanHalfOfAllPairs(t *testing.T) {
	tests := map[string]struct {
		side    crm.System
		changed int
		linked  int // of these
		pairs   int
		stops   bool
	}{
		"as few as the floor":               {crm.HubSpot, 3, 0, 0, false},
		"one more, without any pair":        {crm.HubSpot, 4, 0, 0, true},
		"as many as half of the pairs":      {crm.HubSpot, 6, 6, 12, false},
		"more than half of the pairs":       {crm.HubSpot, 7, 7, 12, true},
		"many in Zoho that have no pair":    {crm.Zoho, 9, 0, 4, false},
		"many in Zoho, a few of them pairs": {crm.Zoho, 9, 3, 4, false},
		"many pairs in Zoho":                {crm.Zoho, 9, 5, 8, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newScenario(t, 0)
			p := &pairs{n: tt.pairs, linked: map[crm.Ref]bool{}}
			for i, id := range r.create(tt.side, people(tt.changed)...) {
				p.linked[crm.Ref{System: tt.side, Kind: crm.Contact, RecordID: id}] = i < tt.linked
			}
			_, err := r.runGuarded(p)
			if got := errors.Is(err, safeguard.ErrMassChange); got != tt.stops {
				t.Errorf("got %v, want a stop: %t", err, tt.stops)
			}
			want := tt.changed
			if tt.stops {
				want = 0
			}
			if got := len(r.topics[tt.side].ops); got != want {
				t.Errorf("%d operations, want %d", got, want)
			}
		})
	}
}

func TestASafeguardThatCannotCountStopsThePassAndLosesNothing(t *testing.T) {
	r := newScenario(t, 0)
	r.create(crm.HubSpot, people(4)...)
	if _, err := r.runGuarded(&pairs{err: errors.New("no store")}); err == nil {
		t.Error("the run reports no error")
	}
	if _, err := r.runGuarded(&pairs{n: 100}); err != nil {
		t.Fatal(err)
	}
	if got := len(r.topics[crm.HubSpot].ops); got != 4 {
		t.Errorf("%d operations, want 4", got)
	}
}

func TestASafeguardWithoutPairsIsRefused(t *testing.T) {
	r := newScenario(t, 0)
	for name, g := range map[string]*safeguard.MassChange{
		"no pairs":              {Creates: func(crm.System, crm.Kind) bool { return true }},
		"no policy":             {Pairs: &pairs{}},
		"a share below nothing": {Pairs: &pairs{}, Creates: func(crm.System, crm.Kind) bool { return true }, Share: -1},
	} {
		r.config.MassChange = g
		if _, err := reconcile.New(r.config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
