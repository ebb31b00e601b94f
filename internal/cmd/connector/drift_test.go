package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// loseWebhooks has a share of both CRMs' webhooks lost.
func (s *scenario) loseWebhooks(share float64) {
	s.Helper()
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", sim.Chaos{Lose: share}, nil))
	}
}

// HubSpot loses every tenth webhook, and Zoho has had no channel for a day: after
// one run of the function that the scheduler calls nothing differs.
func TestAfterADayWithoutAChannelOneSweepLeavesNoDifference(t *testing.T) {
	t.Parallel()
	// The pairs were linked minutes before anybody edits them.
	clock := sim.NewClock()
	clock.Advance(-4 * time.Minute)
	s := newScenario(t, func(o *localStackOptions) { o.HubSpot.Clock, o.Zoho.Clock = clock, clock })
	const n = 40
	var pairs [n][2]crm.Ref
	for i := range n {
		x := recordKinds[i%2]
		x.keyValue = fmt.Sprintf("%d%s", i, x.keyValue)
		pairs[i][0] = s.mustCreate(crm.HubSpot, x.kind, x.h(x.city.h("Start"), x.job.h("Start")), time.Now().Add(-48*time.Hour))
	}
	s.awaitIdle()
	for i := range n {
		pairs[i][1] = s.findCounterpart(pairs[i][0])
	}
	report := func(name string, clean bool) {
		s.Helper()
		out, err := s.runCommand("reconcile", "--drift")
		if (err == nil) != clean {
			s.Errorf("connector reconcile --drift: %v\n%s", err, out)
		}
		compareGolden(t, name, out)
	}
	report("drift-clean.golden", true)

	s.must(s.zohoClient().CloseChannels(s.ctx, zoho.ChannelID(s.getenv("ZOHO_WEBHOOK_URL"))))
	clock.Advance(4 * time.Minute)
	for _, lost := range []bool{false, true} {
		s.loseWebhooks(map[bool]float64{true: 1}[lost])
		for i := range n {
			if (i%10 == 5) != lost {
				continue
			}
			x, at := recordKinds[i%2], clock.Now().Add(-time.Minute)
			s.mustEdit(pairs[i][1], x.city.z(fmt.Sprint("Zoho ", i)), at)
			if i%3 > 0 { // no webhook reports the edits in Zoho alone
				s.mustEdit(pairs[i][0], x.job.h(fmt.Sprint("HubSpot ", i)), at)
			}
		}
		s.awaitIdle()
	}
	s.loseWebhooks(0)
	s.must(s.deleteRecord(s.ctx, pairs[n-1][1]))
	s.awaitIdle()
	report("drift.golden", false)

	if status, err := s.callFunction(s.ctx, http.MethodPost, "/Reconcile"); err != nil || status != http.StatusOK {
		t.Fatalf("Reconcile answers %d, %v", status, err)
	}
	s.awaitIdle()
	report("drift-after.golden", true)
	for i := range n - 1 {
		x := recordKinds[i%2]
		s.checkValues(pairs[i][0], x.city.h(fmt.Sprint("Zoho ", i)))
		if i%3 > 0 {
			s.checkValues(pairs[i][1], x.job.z(fmt.Sprint("HubSpot ", i)))
		}
	}
}

func TestReconcileLooksBackApartFromTheScheduledSweep(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	x := recordKinds[0]
	s.checkOutput("reconcile")
	s.loseWebhooks(1)
	h := s.mustCreate(crm.HubSpot, x.kind, x.h(), time.Now().Add(-40*time.Minute))
	s.awaitIdle()
	s.checkOutput("reconcile", "0 operations") // it bears a time that the sweep has passed
	s.awaitIdle()
	if n := s.countRecords(crm.Zoho, x.kind); n != 0 {
		s.Errorf("%d records in Zoho", n)
	}
	out := s.checkOutput("reconcile --since 1h --json", `"complete": true`)
	s.awaitIdle()
	s.findCounterpart(h)
	if strings.Contains(out, x.keyValue) {
		t.Errorf("a value is printed:\n%s", out)
	}
	for line, want := range map[string]string{
		"reconcile --since tomorrow":   "36h",
		"reconcile --since 2226-01-01": "not in the past",
	} {
		if _, err := s.runCommand(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connector %s: %v, want %q", line, err, want)
		}
	}
}
