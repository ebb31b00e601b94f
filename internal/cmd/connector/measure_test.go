package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// backfillPairs is how many pairs are measured.
var backfillPairs = flag.Int("pairs", 0, "pairs of the backfill that is measured; 0 measures nothing")

const whilePeopleEdit = "As many again, while people edit"

// routes counts calls by method and route, ids left out.
func routes(calls []sim.Call) map[string]int {
	all := map[string]int{}
	for _, c := range calls {
		all[c.Method+" "+strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, c.Path)]++
	}
	return all
}

// measurePeakMemory watches a process until it has ended and returns how many MB of memory
// it had at most, 0 where the system does not report it.
func (s *scenario) measurePeakMemory(pid int, ended <-chan struct{}) int {
	most := 0
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(status)) {
			var kB int
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
				most = max(most, kB>>10)
			}
		}
		select {
		case <-ended:
			return most
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// asTheApp has HubSpot send the app's subscriptions: nothing of the
// property for Zoho's ids.
func asTheApp(o *localStackOptions) {
	o.HubSpot.Subscriptions = slices.DeleteFunc(hubspotsim.DefaultSubscriptions(),
		func(s hubspotsim.Subscription) bool { return s.Property == "zoho_id" })
}

// farAway lets each call to a CRM take as long as over the internet. How long a
// person waits is mostly that, with a backfill under way or without.
func farAway(o *localStackOptions) {
	o.HubSpot.Latency, o.Zoho.Latency = 100*time.Millisecond, 100*time.Millisecond
}

// TestTheCostOfABackfill logs the cost of a backfill, its memory and the time that
// the edits of people take meanwhile. The numbers in docs/operate.md are
// those of:
//
//	go test ./internal/cmd/connector -run TheCostOfABackfill -v -pairs 10000
//
// A third of the pairs differ in a value, which is written to Zoho. What it
// asserts is that all are linked.
func TestTheCostOfABackfill(t *testing.T) {
	t.Parallel()
	n := *backfillPairs
	if n == 0 {
		t.Skip("SKIPPED: it measures; its assertions are those of TestABackfillLinksCreatesAndLeavesZohosOwnAlone and of the operator's scenario: give -pairs 10000")
	}
	s := newScenario(t, asTheApp, farAway)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	t.Cleanup(cancel)
	s.ctx = ctx
	var living []linkedPair
	for i := range 20 {
		x := recordKinds[0]
		x.keyValue = fmt.Sprintf("living%d@example.com", i)
		h, z := s.createPair(x)
		living = append(living, linkedPair{h, z})
	}
	x := recordKinds[0]
	s.createDifferingStock(x, n, 3, 0, 0)
	s.localStack.hubspot.Recorder.Limit, s.localStack.zoho.Recorder().Limit = 1_000_000, 1_000_000

	quit := make(chan struct{})
	run := func(what string, args ...string) backfillResult {
		t.Helper()
		s.resetCalls()
		c, out, log := s.startCommand(s.ctx, append([]string{"backfill", "--json"}, args...)...)
		began := time.Now()
		s.must(c.Start())
		memory := make(chan int)
		ended := make(chan struct{})
		go func() { memory <- s.measurePeakMemory(c.Process.Pid, ended) }()
		err := c.Wait()
		took := time.Since(began)
		close(ended)
		if what == whilePeopleEdit {
			close(quit) // they stop, so that all comes to rest
		}
		var b backfillResult
		if err := errors.Join(err, json.Unmarshal([]byte(out.String()), &b)); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", what, err, out, log)
		}
		s.awaitIdle()
		inHubSpot, inZoho := s.localStack.hubspot.Recorder.Calls(), s.localStack.zoho.Recorder().Calls()
		t.Logf("%s: %d records in %s, %d calls to HubSpot and %d to Zoho: %.3f a record; %d MB of memory at most\n%v\n%v\n%v", what, b.Walked,
			took.Round(time.Millisecond), len(inHubSpot), len(inZoho), float64(len(inHubSpot)+len(inZoho))/float64(b.Walked), <-memory,
			b.Counts, routes(inHubSpot), routes(inZoho))
		return b
	}
	if b := run("Pairs that are not linked"); b.Counts[crm.Contact][reconcile.Link] != n {
		t.Errorf("the backfill did %v, want %d linked", b.Counts, n)
	}
	if b := run("Pairs that are linked", "--restart"); b.Counts[crm.Contact][reconcile.Skip] != n+len(living) {
		t.Errorf("the backfill did %v, want nothing", b.Counts)
	}

	x.keyValue = "later." + x.keyValue
	s.createDifferingStock(x, n, 3, 0, 0)
	quiet := s.editWhileBackfilling(nil, living, 100)
	var during []time.Duration
	var people sync.WaitGroup
	people.Go(func() { during = s.editWhileBackfilling(quit, living, 1_000_000) })
	b := run(whilePeopleEdit, "--restart")
	people.Wait()
	s.awaitIdle()
	if b.Counts[crm.Contact][reconcile.Link] != n || !b.Finished {
		t.Errorf("the backfill did %v, want %d linked", b.Counts, n)
	}
	t.Logf("an edit arrives in %s, and in %s during a backfill (p95 of %d and of %d)",
		p95(quiet).Round(time.Millisecond), p95(during).Round(time.Millisecond), len(quiet), len(during))
}
