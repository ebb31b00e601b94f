package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

const (
	lag     = 30 * time.Second
	overlap = 2 * time.Minute
	maxSkew = 30 * time.Second
	// maxDelay is how late a change may become visible: together with the skew
	// and the granule of a second it takes up lag + overlap.
	maxDelay = lag + overlap - maxSkew - time.Second
)

// sweepModel is an environment with every fault.
type sweepModel struct {
	*environment
	t    *rapid.T
	skew time.Duration
}

func (l *sweepModel) duration(name string, from, to time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(from/time.Second), int64(to/time.Second)).Draw(l.t, name)) * time.Second
}

// edit changes or deletes one of a few records at this moment, which becomes
// visible some time later. Times are whole seconds, so that many are equal.
func (l *sweepModel) edit() {
	now := l.clock.Now()
	l.system.changes = append(l.system.changes, change{
		id: rapid.IntRange(1, 12).Draw(l.t, "record"), at: now.Add(l.skew).Truncate(time.Second),
		visible: now.Add(l.duration("delay", 0, maxDelay)), deleted: rapid.IntRange(0, 4).Draw(l.t, "deleted") == 0,
	})
}

func (l *sweepModel) edits() {
	for range rapid.IntRange(0, 8).Draw(l.t, "edits") {
		l.edit()
	}
}

// attempt is a run with one fault, or none.
func (l *sweepModel) attempt() {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	fault := rapid.SampledFrom([]string{"", "", "publish", "save", "saved", "cancel", "limit", "slow", "two"}).Draw(l.t, "fault")
	turn := rapid.IntRange(0, 6).Draw(l.t, "turn")
	due := func() bool { turn--; return turn == 0 }
	l.system.before = func(crm.Walk, bool) error {
		l.edits() // a walk goes on while people work
		switch {
		case fault == "slow":
			l.clock.advance(l.config.Budget / 3)
		case !due():
		case fault == "cancel":
			cancel()
			return context.Canceled
		case fault == "limit":
			return &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: time.Hour}
		case fault == "save":
			l.cursors.before = errStore
		case fault == "saved":
			l.cursors.after = errStore
		}
		return nil
	}
	l.topic.during = func([]op.Operation) error {
		switch {
		case fault == "publish" && due():
			return errors.New("topic is away")
		case fault == "two" && due():
			l.topic.during = nil
			if _, err := l.run(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := l.run(ctx); err != nil && fault == "" {
		l.t.Fatalf("a run without a fault: %v", err)
	}
	l.system.before, l.topic.during, l.cursors.before, l.cursors.after = nil, nil, nil, nil
}

// finish heals everything and runs until nothing is left.
func (l *sweepModel) finish() {
	for range 2 { // to the end of what is under way, then a scan of its own
		l.clock.advance(lag + overlap)
		for n := 0; ; n++ {
			report, err := l.run(l.t.Context())
			if err != nil {
				l.t.Fatal(err)
			}
			if report.Complete {
				break
			}
			if n > 100 {
				l.t.Fatalf("the scans do not end: %+v", report)
			}
		}
	}
}

// TestEveryChangeBetweenTwoRunsIsPublished: whatever happens to runs, the last
// change of every record is published at least once, if it became visible
// within Lag + Overlap; and cursors move as they promise.
func TestEveryChangeBetweenTwoRunsIsPublished(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &sweepModel{t: rt, environment: newEnvironment(func(c *reconcile.Config) {
			c.Lag, c.Overlap, c.Budget = lag, overlap, 20*time.Second
		})}
		l.skew = l.duration("skew", -maxSkew, maxSkew)
		// Nothing that was there before the first run may be missed either.
		l.edits()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			l.clock.advance(l.duration("pause", 0, 5*time.Minute))
			l.edits()
			l.attempt()
		}
		l.finish()
		for _, c := range l.system.latest(l.clock.Now()) {
			if !l.topic.has(l.system.found(c)) {
				rt.Errorf("record %d, changed at %s (deleted: %t), was never published", c.id, c.at.Format(time.TimeOnly), c.deleted)
			}
		}
		for _, m := range l.cursors.saved {
			switch {
			case !m.was.Covered.IsZero() && m.next.Covered.Before(m.was.Covered):
				rt.Errorf("what is covered went back from %s to %s", m.was.Covered, m.next.Covered)
			case !m.was.Covered.IsZero() && !m.next.Until.IsZero() && m.next.Since.Before(m.next.Covered.Add(-overlap)):
				rt.Errorf("a scan from %s goes further back than the overlap behind %s", m.next.Since, m.next.Covered)
			case m.next.Covered.After(l.clock.Now().Add(-lag)):
				rt.Errorf("covered up to %s, which is within the lag", m.next.Covered)
			}
		}
	})
}
