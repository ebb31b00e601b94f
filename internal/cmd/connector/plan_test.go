package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// runPlan runs connector plan and checks that it wrote nothing.
func (s *scenario) runPlan() plan.Report {
	s.Helper()
	s.resetCalls()
	out, err := s.runCommand("plan", "--json")
	var r plan.Report
	if err := errors.Join(err, json.Unmarshal([]byte(out), &r)); err != nil {
		s.Fatalf("connector plan: %v\n%s", err, out)
	}
	if h, z := s.countHubSpotCalls().writes, s.countZohoCalls().writes; h+z > 0 {
		s.Errorf("a plan wrote %d times to HubSpot and %d times to Zoho", h, z)
	}
	for _, value := range []string{"later", "earlier", "Lovelace"} {
		if strings.Contains(out, value) {
			s.Errorf("a value is printed: %s\n%s", value, out)
		}
	}
	return r
}

func TestTheBackfillDoesAsPlanned(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		s.createStock(x, 9, 5, 4)
		s.loseWebhooks(1)
		// Two of Zoho match one of HubSpot, and what Zoho requires is missing once.
		twice := x
		twice.keyValue = "twice-" + x.keyValue
		at := time.Now().Add(-48 * time.Hour)
		s.mustCreate(crm.HubSpot, x.kind, twice.h(), at)
		for range 2 {
			s.mustCreate(crm.Zoho, x.kind, mergeValues(x.key.z(twice.keyValue), x.name.z("Lovelace")), at)
		}
		s.mustCreate(crm.HubSpot, x.kind, x.key.h("nameless-"+x.keyValue), at)
		s.awaitIdle()
		s.loseWebhooks(0)

		r := s.runPlan()
		again := s.runPlan()
		if diff := cmp.Diff(r.Counts, again.Counts); diff != "" {
			s.Errorf("a second plan says otherwise: it left something behind (-first +second):\n%s", diff)
		}
		b, err := s.runBackfill("--per-second 1000")
		s.must(err)
		s.awaitIdle()
		if diff := cmp.Diff(r.Counts, b.Counts); diff != "" {
			s.Errorf("the backfill did something else (-plan +backfill):\n%s", diff)
		}
		if n := r.Counts.Total; n(reconcile.Ambiguous) != 1 || n(reconcile.Link) != 9 || r.Records != 16 {
			s.Errorf("the plan says %v of %d records", r.Counts, r.Records)
		}
		if n := s.runPlan().Counts.Total; n(reconcile.Create)+n(reconcile.Link)+n(reconcile.Update) > 0 {
			s.Error("after the backfill a plan still has something to do")
		}
	})
}

func TestThePlanShowsItsCostAndSamplesWithoutValues(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.createStock(recordKinds[0], 3, 2, 1)
	out := s.checkOutput("plan --samples 1", "conflicts", "link hubspot/contact/", "create hubspot/contact/", "Mailing_City: [value] becomes [value]",
		"calls to HubSpot", "credits", "US dollars")
	if strings.Contains(out, "Lovelace") {
		t.Errorf("a value is shown:\n%s", out)
	}
	for line, want := range map[string]string{
		"plan --values":  "on a terminal only",
		"plan --share 2": "--share",
	} {
		if _, err := s.runCommand(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connector %s: %v, want %q", line, err, want)
		}
	}
}
