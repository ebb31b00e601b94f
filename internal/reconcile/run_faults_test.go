package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

func TestHowACRMThatRefusesEndsARun(t *testing.T) {
	limited := func(d time.Duration) *crm.Error {
		return &crm.Error{System: crm.Zoho, Action: "scan", Kind: crm.RateLimited, RetryAfter: d}
	}
	kind := func(k crm.ErrorKind) *crm.Error { return &crm.Error{System: crm.Zoho, Action: "scan", Kind: k} }
	tests := []struct {
		name     string
		err      *crm.Error
		times    int // how often it refuses
		calls    int
		stopped  reconcile.Stop
		failed   bool
		complete bool
	}{
		{"a short limit is waited out", limited(time.Second), 3, 5, "", false, true},
		{"a limit that does not end stops the system", limited(time.Second), 99, 4, reconcile.RateLimited, false, false},
		{"a long limit is not waited for", limited(time.Hour), 99, 1, reconcile.RateLimited, false, false},
		{"a short outage is waited out", kind(crm.Unavailable), 2, 4, "", false, true},
		{"an outage stops the system", kind(crm.Unavailable), 99, 4, reconcile.Unavailable, false, false},
		{"a refused token stops the system and is an error", kind(crm.Unauthorized), 99, 1, reconcile.Failed, true, false},
		{"a missing scope is an error of each scan", kind(crm.Forbidden), 99, 2, reconcile.Failed, true, false},
		{"an answer of unknown shape is an error of each scan", kind(crm.Refused), 99, 2, reconcile.Failed, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newEnvironment()
			h.system.change(1, minutesAgo(1))
			h.system.before = func(crm.Walk, bool) error {
				if h.system.calls <= tt.times {
					return tt.err
				}
				return nil
			}
			report, err := h.run(t.Context())
			if (err != nil) != tt.failed {
				t.Errorf("error %v", err)
			}
			if h.system.calls != tt.calls || report.Complete != tt.complete {
				t.Errorf("%d calls, complete %t, want %d, %t", h.system.calls, report.Complete, tt.calls, tt.complete)
			}
			for _, p := range report.Scans {
				if p.Stopped != tt.stopped {
					t.Errorf("stopped %q, want %q", p.Stopped, tt.stopped)
				}
			}
			h.system.before = nil
			must(t, h)
			if !h.topic.has(h.system.found(change{id: 1, at: minutesAgo(1)})) {
				t.Error("the next run did not find what this one left")
			}
		})
	}
}

func TestOneSystemThatIsDownDoesNotHoldUpTheOther(t *testing.T) {
	h := newEnvironment()
	other := newSystem(crm.HubSpot, h.clock)
	other.change(7, minutesAgo(1))
	h.config.Scanners[crm.HubSpot], h.config.Publishers[crm.HubSpot] = other, h.topic
	h.system.before = func(crm.Walk, bool) error { return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable} }
	report := must(t, h)
	if diff := cmp.Diff([]string{"7"}, h.topic.ids()); diff != "" || report.Complete {
		t.Errorf("complete %t, published (-want +got):\n%s", report.Complete, diff)
	}
}

// loop is a scanner whose pages lead back to themselves.
type loop struct{ calls int }

func (l *loop) ListChanged(_ context.Context, w crm.Walk) (crm.FoundPage, error) {
	l.calls++
	return crm.FoundPage{Next: crm.Place{ID: "1"}, More: true}, nil
}

func (l *loop) ListDeleted(context.Context, crm.Walk) (crm.FoundPage, error) {
	return crm.FoundPage{}, nil
}

func TestAWalkThatLeadsBackToItselfIsAnError(t *testing.T) {
	h := newEnvironment()
	l := &loop{}
	h.config.Scanners[crm.Zoho] = l
	if _, err := h.run(t.Context()); err == nil || l.calls != 2 {
		t.Errorf("error %v after %d calls, want one after 2", err, l.calls)
	}
}

func TestACursorThatCannotBeUsedIsAnErrorAndStays(t *testing.T) {
	broken := map[string]reconcile.Cursor{
		"of a newer version":           {Version: 2, Covered: start},
		"with a place and no pass":     {Version: 1, Covered: start, From: crm.Place{ID: "1"}},
		"with a pass that ends before": {Version: 1, Covered: start, Since: start, Until: start.Add(-time.Second)},
	}
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			h := newEnvironment()
			h.cursors.stored[changedName] = c
			report, err := h.run(t.Context())
			if err == nil || report.Scans[0].Stopped != reconcile.Failed || !report.Scans[1].Complete {
				t.Errorf("report %+v, error %v", report, err)
			}
			if diff := cmp.Diff(c, h.cursors.stored[changedName]); diff != "" {
				t.Errorf("cursor (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARecordThatWasNotAskedForIsNeverPublished(t *testing.T) {
	h := newEnvironment()
	h.system.change(1, minutesAgo(1))
	h.system.ref.System = crm.HubSpot
	if _, err := h.run(t.Context()); err == nil || len(h.topic.ops) != 0 {
		t.Errorf("published %v, error %v", h.topic.ids(), err)
	}
}

func TestAClockThatWasSetBackStopsNothingForGood(t *testing.T) {
	h := newEnvironment()
	must(t, h)
	covered := h.cursors.stored[changedName].Covered
	h.clock.advance(-time.Hour)
	if report := must(t, h); !report.Scans[0].NotDue || !h.cursors.stored[changedName].Covered.Equal(covered) {
		t.Errorf("report %+v", report)
	}
	h.clock.advance(2 * time.Hour)
	if report := must(t, h); !report.Scans[0].Complete {
		t.Errorf("report %+v", report)
	}
}
