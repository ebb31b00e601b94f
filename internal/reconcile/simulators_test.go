package reconcile_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

func TestTheSimulatorsListCreatedChangedAndDeletedRecords(t *testing.T) {
	r := newScenario(t, 0)
	h, z := r.create(crm.HubSpot, "A", "B"), r.create(crm.Zoho, "C", "D")
	r.run()
	want := []string{
		"reconciled hubspot/contact/" + h[0], "reconciled hubspot/contact/" + h[1],
		"reconciled zoho/contact/" + z[0], "reconciled zoho/contact/" + z[1],
	}
	if diff := cmp.Diff(want, r.published()); diff != "" {
		t.Errorf("first run (-want +got):\n%s", diff)
	}
	r.settle()
	r.call(crm.HubSpot, http.MethodPatch, "/_sim/contacts/"+h[1], map[string]any{"properties": map[string]string{"phone": "1"}}, nil)
	r.call(crm.Zoho, http.MethodPatch, "/_sim/Contacts/"+z[1], map[string]any{"fields": map[string]string{"Phone": "1"}}, nil)
	r.delete(crm.HubSpot, h[0])
	r.delete(crm.Zoho, z[0])
	r.run()
	want = []string{
		"reconciled hubspot/contact/" + h[1], "deleted hubspot/contact/" + h[0],
		"reconciled zoho/contact/" + z[1], "deleted zoho/contact/" + z[0],
	}
	if diff := cmp.Diff(want, r.published()); diff != "" {
		t.Errorf("second run (-want +got):\n%s", diff)
	}
	r.settle()
	if report := r.run(); !report.Complete || report.Published != 0 {
		t.Errorf("a run with nothing to do: %+v", report)
	}
}

func TestAMergeIsReportedUnderTheIdsOfBothSides(t *testing.T) {
	r := newScenario(t, 0)
	h, z := r.create(crm.HubSpot, "A", "B"), r.create(crm.Zoho, "C", "D")
	r.settle()
	var survivor struct{ ID string }
	r.call(crm.HubSpot, http.MethodPost, "/_sim/contacts/merge", map[string]string{"primaryObjectId": h[0], "objectIdToMerge": h[1]}, &survivor)
	r.call(crm.Zoho, http.MethodPost, "/_sim/Contacts/merge", map[string]string{"survivor": z[0], "loser": z[1]}, nil)
	r.run()
	want := []string{
		"reconciled hubspot/contact/" + h[1], "reconciled hubspot/contact/" + h[0], "reconciled hubspot/contact/" + survivor.ID,
		"reconciled zoho/contact/" + z[0], "deleted zoho/contact/" + z[1],
	}
	if diff := cmp.Diff(want, r.published()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestASearchIndexThatLagsHidesNothing(t *testing.T) {
	for name, lag := range map[string]time.Duration{"as usual": 25 * time.Second, "far more than usual": 2 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			r := newScenario(t, lag)
			id := r.create(crm.HubSpot, "A")[0]
			for range 5 {
				r.run()
			}
			if got := r.topics[crm.HubSpot].ids(); len(got) == 0 || got[0] != id {
				t.Errorf("published %v, want %s", got, id)
			}
		})
	}
}

// TestMoreRecordsThanAQueryCanReturn: HubSpot pages through 10,000 results and
// Zoho's COQL through 2,000 rows of one query. Half of the records share one
// time, the others have times of their own.
func TestMoreRecordsThanAQueryCanReturn(t *testing.T) {
	for s, n := range map[crm.System]int{crm.HubSpot: 10_200, crm.Zoho: 2_300} {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			r := newScenario(t, 0)
			r.config.Scanners = map[crm.System]reconcile.Scanner{s: r.config.Scanners[s]}
			ids := r.create(s, people(n/2)...)
			for len(ids) < n {
				r.clock.Advance(time.Second)
				ids = append(ids, r.create(s, people(min(50, n-len(ids)))...)...)
			}
			// The run is cut short again and again, by its budget.
			r.config.Budget, r.config.Pause = 20*time.Second, 4*time.Second
			runs := 1
			for ; !r.run().Complete && runs < 100; runs++ {
				continue
			}
			times := map[string]int{}
			for _, id := range r.topics[s].ids() {
				times[id]++
			}
			missed, twice := 0, 0
			for _, id := range ids {
				switch times[id] {
				case 0:
					missed++
				case 1:
				default:
					twice++
				}
			}
			if missed != 0 || twice != 0 || len(times) != n || runs < 2 {
				t.Errorf("missed %d of %d, %d more than once, in %d runs", missed, n, twice, runs)
			}
		})
	}
}

func TestManyDeletedRecordsAreFoundPageByPage(t *testing.T) {
	r := newScenario(t, 0)
	h, z := r.create(crm.HubSpot, people(130)...), r.create(crm.Zoho, people(450)...)
	r.settle()
	want := map[string]bool{}
	for i, id := range h {
		if i%10 != 0 {
			r.delete(crm.HubSpot, id)
			want["deleted hubspot/contact/"+id] = true
		}
	}
	for _, id := range z[:430] {
		r.delete(crm.Zoho, id)
		want["deleted zoho/contact/"+id] = true
	}
	r.run()
	got := map[string]bool{}
	for _, p := range r.published() {
		got[p] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestRecordsThatChangeDuringTheWalkAreNotMissed(t *testing.T) {
	r := newScenario(t, 0)
	ids := map[crm.System][]string{crm.HubSpot: r.create(crm.HubSpot, people(650)...), crm.Zoho: r.create(crm.Zoho, people(650)...)}
	paths := map[crm.System]string{crm.HubSpot: "/_sim/contacts/", crm.Zoho: "/_sim/Contacts/"}
	bodies := map[crm.System]any{
		crm.HubSpot: map[string]any{"properties": map[string]string{"phone": "1"}},
		crm.Zoho:    map[string]any{"fields": map[string]string{"Phone": "1"}}}
	for s, topic := range r.topics {
		topic.during = func([]op.Operation) error {
			if n := len(topic.ops); n < 600 { // those at the front move to the end, and all behind them up
				for _, id := range ids[s][n/2 : n/2+50] {
					r.call(s, http.MethodPatch, paths[s]+id, bodies[s], nil)
				}
			}
			return nil
		}
	}
	r.run()
	for _, s := range crm.Systems {
		if diff := cmp.Diff(650, len(distinct(r.topics[s].ids()))); diff != "" {
			t.Errorf("%s: records published (-want +got):\n%s", s, diff)
		}
	}
}

func distinct(ids []string) map[string]bool {
	all := map[string]bool{}
	for _, id := range ids {
		all[id] = true
	}
	return all
}

func TestAQuotaThatIsUsedUpEndsTheRunAndTheNextGoesOn(t *testing.T) {
	r := newScenario(t, 0)
	id := r.create(crm.HubSpot, "A")[0]
	r.call(crm.HubSpot, http.MethodPost, "/_sim/faults", map[string]any{"path": "/crm/objects/2026-09/contacts/search", "status": 429, "count": 1,
		"body": `{"status":"error","message":"You have reached your daily limit.","policyName":"DAILY","errorType":"RATE_LIMIT"}`}, nil)
	report := r.run()
	if report.Complete || report.Scans[0].Stopped != reconcile.RateLimited {
		t.Fatalf("report %+v", report)
	}
	fresh, err := r.hubspot() // the client of before asks no more for a while
	if err != nil {
		t.Fatal(err)
	}
	r.config.Scanners[crm.HubSpot] = fresh
	r.run()
	if diff := cmp.Diff([]string{"reconciled hubspot/contact/" + id}, r.published()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}
