package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
)

// operateScale multiplies the records of the operator's scenario. 20 is the full
// size: 5,000 in Zoho and 1,000 in HubSpot, of which 600 match, 50 ambiguously.
var operateScale = flag.Int("operate", 4, "size of the operator's scenario; 20 is the full one")

// createOpeningStock creates the stock of the scenario, in units of the scale: HubSpot
// has 50 for each, Zoho 250. Of HubSpot's, 600 of 1,000 match and 50 of these match two.
func (s *scenario) createOpeningStock(n int) (matched, ambiguous, hubspotOnly, zohoOnly int) {
	s.Helper()
	ambiguous = n * 5 / 2
	matched = n*30 - ambiguous
	hubspotOnly = n * 20
	zohoOnly = n*250 - matched - 2*ambiguous
	s.createStock(recordKinds[0], matched, hubspotOnly, zohoOnly)
	s.loseWebhooks(1)
	at := time.Now().Add(-48 * time.Hour)
	for i := range ambiguous {
		key, name := fmt.Sprintf("twice%d@example.com", i), fmt.Sprint("Twice ", i)
		s.mustCreate(crm.HubSpot, crm.Contact, values{"email": key, "lastname": name}, at)
		for range 2 {
			s.mustCreate(crm.Zoho, crm.Contact, values{"Email": key, "Last_Name": name}, at)
		}
	}
	s.awaitIdle()
	s.loseWebhooks(0)
	return matched, ambiguous, hubspotOnly, zohoOnly
}

// linkedPair is a record on both sides.
type linkedPair struct{ hubspot, zoho crm.Ref }

// editWhileBackfilling edits one linked record of HubSpot after another, as one person
// does who looks at each result. It measures how long each edit takes to arrive in
// Zoho, until it has enough or quit is closed.
func (s *scenario) editWhileBackfilling(quit <-chan struct{}, pairs []linkedPair, enough int) []time.Duration {
	var took []time.Duration
	for i := 0; i < enough && s.ctx.Err() == nil; i++ {
		select {
		case <-quit:
			return took
		default:
		}
		p := pairs[i%len(pairs)]
		want := fmt.Sprintf("live %d of %s", i, p.hubspot.RecordID)
		start := time.Now()
		if s.editRecord(s.ctx, p.hubspot, values{"jobtitle": want}, time.Time{}) != nil {
			continue
		}
		for {
			if got, err := s.readRecord(s.ctx, p.zoho); err != nil || got["Title"] == want || s.ctx.Err() != nil {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		took = append(took, time.Since(start))
		time.Sleep(20 * time.Millisecond)
	}
	return took
}

func p95(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)*95/100]
}

// countPairs counts the pairs of contacts, and those of which the connector created
// a record in Zoho.
func (s *scenario) countPairs(links *store.Links) (pairs, made int) {
	s.Helper()
	pairs, err1 := links.CountLinks(s.ctx, crm.Contact)
	made, err2 := links.CountMade(s.ctx, crm.Contact, crm.Zoho)
	s.must(errors.Join(err1, err2))
	return pairs, made
}

// editBackfilled edits records of HubSpot that a backfill is about to come to, or has
// just come to, and returns them with what was typed.
func (s *scenario) editBackfilled(quit <-chan struct{}) map[crm.Ref]string {
	typed := map[crm.Ref]string{}
	all, err := s.listRecords(s.ctx, crm.HubSpot, crm.Contact)
	if err != nil {
		s.Error(err)
	}
	for i, r := range all {
		select {
		case <-quit:
			return typed
		default:
		}
		if i%7 > 0 || strings.HasPrefix(r.values()["email"], "twice") || r.values()["email"] == recordKinds[0].keyValue {
			continue
		}
		ref := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: r.ID}
		typed[ref] = fmt.Sprint("typed meanwhile ", i)
		if err := s.editRecord(s.ctx, ref, values{"jobtitle": typed[ref]}, time.Time{}); err != nil {
			s.Error(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return typed
}

// runKilledBackfills runs a backfill three times. The first two are killed when a
// third, and two thirds, of the records are linked.
func (s *scenario) runKilledBackfills(links *store.Links, records int) {
	s.Helper()
	for run := 1; run <= 3; run++ {
		ctx, kill := context.WithCancel(s.ctx)
		c, out, log := s.startCommand(ctx, "backfill", "--json", "--window", "50", "--per-second", "100", "--max-creates", "100000")
		s.must(c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for killed := run == 3; !killed; time.Sleep(5 * time.Millisecond) {
			if pairs, _ := s.countPairs(links); pairs > records*run/3 {
				kill()
				killed = true
			}
		}
		err := <-ended
		kill()
		if state := c.ProcessState.Sys().(syscall.WaitStatus); (run < 3) != (state.Signaled() && state.Signal() == syscall.SIGKILL) || run == 3 && err != nil {
			s.Fatalf("run %d ended with %v\n%s\n%s", run, err, out, log)
		}
		s.Logf("run %d: %v %s", run, c.ProcessState, out)
	}
}

// checkTypedValues checks that Zoho holds the values that a person typed into HubSpot
// during a backfill.
func (s *scenario) checkTypedValues(typed map[crm.Ref]string) {
	s.Helper()
	counterparts := map[string]string{}
	all, err := s.listRecords(s.ctx, crm.Zoho, crm.Contact)
	s.must(err)
	for _, r := range all {
		counterparts[r.values()["HubSpot_ID"]] = r.values()["Title"]
	}
	if len(typed) == 0 {
		s.Error("there were no edits meanwhile")
	}
	for ref, want := range typed {
		if got := counterparts[ref.RecordID]; got != want {
			s.Errorf("%s: Zoho holds %q, a person typed %q during the backfill", ref, got, want)
		}
	}
}

// An operator switches the connector on: plan, then a backfill whose process is
// killed twice and started again, while people go on working. Pairs that were
// being written when it was killed stay leased for a minute and a half.
func TestTheOperatorsScenario(t *testing.T) {
	tier.Long(t, "that a backfill whose process is killed twice loses and doubles nothing")
	t.Parallel()
	s := newScenario(t, asTheApp, farAway)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	t.Cleanup(cancel)
	s.ctx = ctx
	h, z := s.createPair(recordKinds[0])
	matched, ambiguous, hubspotOnly, zohoOnly := s.createOpeningStock(*operateScale)
	s.checkOutput("setup", "Done.")
	if _, status := s.runCheck(); status == 2 {
		t.Error("check could not look at something")
	}
	r := s.runPlan()
	want := map[reconcile.Outcome]int{reconcile.Link: matched, reconcile.Ambiguous: ambiguous, reconcile.Create: hubspotOnly, reconcile.Skip: 1}
	if diff := cmp.Diff(want, r.Counts[crm.Contact]); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}

	db := s.connectStore()
	links := store.NewLinks(db)
	const edits = 60
	quiet := s.editWhileBackfilling(nil, []linkedPair{{h, z}}, edits)
	var during []time.Duration
	var typed map[crm.Ref]string
	quit := make(chan struct{})
	var people sync.WaitGroup
	people.Go(func() { during = s.editWhileBackfilling(quit, []linkedPair{{h, z}}, 5*edits) })
	people.Go(func() { typed = s.editBackfilled(quit) })
	began := time.Now()
	s.runKilledBackfills(links, matched+hubspotOnly)
	backfilled := time.Since(began)
	close(quit)
	people.Wait()
	s.awaitIdle()

	if pairs, made := s.countPairs(links); made != r.Counts.Total(reconcile.Create)+1 || pairs != made+r.Counts.Total(reconcile.Link) { // and the one that people edit
		t.Errorf("there are %d pairs, %d of them made by creating, the plan said %v and one was there", pairs, made, r.Counts)
	}
	if got, want := s.countRecords(crm.Zoho, crm.Contact), matched+2*ambiguous+hubspotOnly+zohoOnly+1; got != want {
		t.Errorf("Zoho has %d contacts, want %d: a duplicate, or one is missing", got, want)
	}
	if got, want := s.countRecords(crm.HubSpot, crm.Contact), matched+ambiguous+hubspotOnly+1; got != want {
		t.Errorf("HubSpot has %d contacts, want %d", got, want)
	}
	rest := map[reconcile.Outcome]int{reconcile.Ambiguous: ambiguous, reconcile.Skip: matched + hubspotOnly + 1}
	if diff := cmp.Diff(rest, s.runPlan().Counts[crm.Contact]); diff != "" {
		t.Errorf("the plan after the backfill (-want +got):\n%s", diff)
	}
	s.checkTypedValues(typed)
	t.Logf("%d records in HubSpot, %d in Zoho, %d edited meanwhile; backfilled in %s; a live edit arrives in %s (p95 of %d) without a backfill and in %s (p95 of %d) during it",
		matched+ambiguous+hubspotOnly, matched+2*ambiguous+zohoOnly, len(typed), backfilled.Round(time.Millisecond),
		p95(quiet).Round(time.Millisecond), len(quiet), p95(during).Round(time.Millisecond), len(during))
}
