package failure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

const week = 7 * 24 * time.Hour

// TestAMailComesOnceAWeekAlthoughNothingFails: whoever no longer gets it knows
// that mails are lost.
func TestAMailComesOnceAWeekAlthoughNothingFails(t *testing.T) {
	h := newScenario(t)
	d := h.digest(t, func(c *failure.Config) { c.Heartbeats = h.store })
	steps := []struct {
		after time.Duration
		fails bool
		want  failure.Outcome
	}{
		{0, false, failure.Heartbeat}, // the first of all shows that mails arrive
		{time.Hour, false, failure.NothingNew},
		{week - 2*time.Hour, false, failure.NothingNew},
		{time.Hour, false, failure.Heartbeat},
		{3 * 24 * time.Hour, true, failure.Sent},
		{week - time.Hour, false, failure.NothingNew}, // a list of failures is a sign, too
		{time.Hour, false, failure.Heartbeat},
	}
	for i, s := range steps {
		h.clock.now = h.clock.now.Add(s.after)
		if s.fails {
			h.record(t, failed("a", "1"))
		}
		if r, err := d.Send(t.Context()); err != nil || r.Outcome != s.want {
			t.Fatalf("step %d: %q, %v, want %q", i, r.Outcome, err, s.want)
		}
	}
	mails := h.mails.Mails()
	if len(mails) != 4 {
		t.Fatalf("%d mails, want 4", len(mails))
	}
	if m := mails[1]; !strings.Contains(m.Text, "No operation failed") || !strings.Contains(m.Text, "since 2026-11-23 10:00 UTC") || m.Subject != "HubSpot-Zoho connector: nothing failed" {
		t.Errorf("the heartbeat is %q\n%s", m.Subject, m.Text)
	}
}

func TestAHeartbeatThatIsNotAcceptedIsAnErrorAndComesAgain(t *testing.T) {
	h := newScenario(t)
	d := h.digest(t, func(c *failure.Config) { c.Heartbeats = h.store })
	h.mails.Faults.Add(sim.Fault{Status: 503, Count: 1})
	if _, err := d.Send(t.Context()); err == nil || !strings.Contains(err.Error(), "send the heartbeat") {
		t.Errorf("got %v", err)
	}
	send(t, d, failure.Heartbeat)
	send(t, d, failure.NothingNew)
}
