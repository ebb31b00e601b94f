package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

func TestTheCapOnCreatesIsNeverPassed(t *testing.T) {
	for _, tt := range []struct {
		limit, more int
		created     int
		err         error
	}{
		{0, 0, 0, safeguard.ErrTooManyCreates},
		{10, 0, 10, safeguard.ErrTooManyCreates},
		{10, 15, 30, nil},
		{31, 0, 30, nil},
	} {
		c := newBackfillScenario(100)
		asked := 0
		report, err := c.run(t, func(b *reconcile.BackfillConfig) {
			b.CreateCap.Allowed = tt.limit
			b.CreateCap.AskMore = func(created int) int {
				asked++
				if created > tt.limit+tt.more*asked {
					t.Errorf("%d were created before anybody was asked", created)
				}
				return tt.more
			}
		})
		if created := report.Counts.Total(reconcile.Create); !errors.Is(err, tt.err) || created != tt.created {
			t.Errorf("cap %d, %d more: %d created, %v, want %d and %v", tt.limit, tt.more, created, err, tt.created, tt.err)
		}
	}
}

func TestABackfillThatIsInterruptedEndsWithoutAnError(t *testing.T) {
	c := newBackfillScenario(500)
	report, err := c.run(t, func(b *reconcile.BackfillConfig) {
		b.Progress = func(r reconcile.BackfillReport) {
			if r.Walked >= 200 {
				c.cancel()
			}
		}
	})
	if err != nil || report.Finished || report.Stopped != "interrupted" || len(c.worked) != 200 {
		t.Errorf("interrupted: %+v, %v, %d records", report, err, len(c.worked))
	}
	if report, err = c.run(t); err != nil || report.Walked != 500 {
		t.Errorf("continued: %+v, %v", report, err)
	}
	for id, n := range c.worked {
		if n != 1 { // what was done before it stopped was saved
			t.Errorf("record %s was worked on %d times", id, n)
		}
	}
}

// A pair that a run which was killed, or somebody else, holds is left to the end
// of its lease, and neither waited for meanwhile nor forgotten.
func TestWhatIsHeldIsDoneLaterAndThePlaceNotSavedBefore(t *testing.T) {
	c := newBackfillScenario(600)
	free := start.Add(90 * time.Second)
	c.held = map[string]time.Time{"450": free}
	for id := range 150 {
		c.held[fmt.Sprint(id)] = free
	}
	var passed time.Time
	report, err := c.run(t, quick, func(b *reconcile.BackfillConfig) {
		b.Progress = func(r reconcile.BackfillReport) {
			if r.Walked == 600 && passed.IsZero() {
				passed = c.at
				if stored, err := c.cursors.LoadCursor(t.Context(), "backfill-hubspot-contact"); err != nil || !stored.From.IsZero() {
					t.Errorf("the place was saved before all was done: %+v, %v", stored, err)
				}
			}
		}
	})
	if err != nil || !report.Finished || len(c.worked) != 600 {
		t.Errorf("%+v, %v, %d records", report, err, len(c.worked))
	}
	if wait := passed.Sub(start); wait > 10*time.Second {
		t.Errorf("the others waited for %s", wait)
	}
	if c.at.Before(free) || c.calls > 600+6+4 {
		t.Errorf("at %s after %d calls", c.at, c.calls)
	}
}

func TestWhatFailsForNowIsRepeatedAndAnOutageEndsTheRun(t *testing.T) {
	down := &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Unavailable, Status: 503}
	tests := map[string]struct {
		fails   func(id string, attempt int) error
		stopped string
		atMost  time.Duration
	}{
		"some fail a few times": {func(id string, attempt int) error {
			if id[0] == '3' && attempt < 5 {
				return down
			}
			return nil
		}, "", 2 * time.Minute},
		"all fail for half a minute": {func(_ string, attempt int) error {
			if attempt < 6 {
				return down
			}
			return nil
		}, "", 5 * time.Minute},
		"all fail for ever": {func(string, int) error { return down }, "503", 10 * time.Minute},
		"a day's quota is used up": {func(string, int) error {
			return &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.RateLimited, Status: 429, RetryAfter: time.Hour}
		}, "429", 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newBackfillScenario(300)
			c.fails = tt.fails
			report, err := c.run(t)
			if (err == nil) != (tt.stopped == "") || err != nil && !strings.Contains(err.Error(), tt.stopped) {
				t.Fatalf("got %v, want %q", err, tt.stopped)
			}
			if report.Finished != (err == nil) || err == nil && len(c.worked) != 300 {
				t.Errorf("%+v, %d records", report, len(c.worked))
			}
			if took := c.at.Sub(start); took > tt.atMost {
				t.Errorf("it took %s", took)
			}
			for id, n := range c.worked {
				if n != 1 {
					t.Errorf("record %s was worked on %d times", id, n)
				}
			}
		})
	}
}

func TestABackfillWithoutItsPartsIsRefused(t *testing.T) {
	for name, c := range map[string]reconcile.BackfillConfig{
		"nothing":         {},
		"no lister":       {Phases: []reconcile.Phase{{System: crm.Zoho, Kind: crm.Contact}}},
		"a bound below 0": {PerSecond: -1},
	} {
		if _, err := reconcile.NewBackfill(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// No other attempt helps before a person has released what is held: the run stops
// at once, and the next goes on with the record that was held.
func TestABackfillStopsAtAHold(t *testing.T) {
	c := newBackfillScenario(350)
	held := true
	c.fails = func(id string, _ int) error {
		if held && id == "222" {
			return &crm.Error{System: crm.Zoho, Action: "clear", Kind: crm.Refused, Code: string(failurecode.MassClear)}
		}
		return nil
	}
	began := c.at
	report, err := c.run(t, quick)
	if !errors.Is(err, reconcile.ErrHeld) || report.Finished || c.at.Sub(began) > time.Minute {
		t.Errorf("after %s: %+v, %v", c.at.Sub(began), report, err)
	}
	held = false
	if report, err = c.run(t, quick); err != nil || !report.Finished || report.Walked != 350 || c.worked["222"] != 1 || len(c.worked) != 350 {
		t.Errorf("after the release: %+v, %v; the record that was held was worked on %d times", report, err, c.worked["222"])
	}
}

// A restart that is stopped on its first page is not taken for the run that was
// finished before it.
func TestARestartThatWasStoppedContinuesWithoutTheFlag(t *testing.T) {
	two := func(b *reconcile.BackfillConfig) {
		quick(b)
		b.Phases = append(b.Phases, reconcile.Phase{System: crm.HubSpot, Kind: crm.Company, Creates: true})
	}
	c := newBackfillScenario(120)
	if report, err := c.run(t, two); err != nil || report.Walked != 240 {
		t.Fatalf("%+v, %v", report, err)
	}
	stop := errors.New("stopped here")
	c.fails = func(string, int) error { return stop }
	restart := func(b *reconcile.BackfillConfig) { two(b); b.Restart = true }
	if report, err := c.run(t, restart); !errors.Is(err, stop) || report.Finished {
		t.Fatalf("%+v, %v", report, err)
	}
	c.fails = nil
	if report, err := c.run(t, two); err != nil || !report.Finished || report.Walked != 240 || len(report.FinishedBefore) > 0 {
		t.Errorf("the run after it: %+v, %v", report, err)
	}
}
