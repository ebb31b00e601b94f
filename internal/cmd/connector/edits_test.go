package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

func TestTheDemoEndsWell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := runDemo(context.Background(), &out, &safeBuffer{}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}

func TestTheDemoCasesEndWellOnGooglesEmulators(t *testing.T) {
	tier.Long(t, "that the demo's cases end well on Google's emulators")
	t.Parallel()
	s := newScenario(t, withEmulators)
	for _, demoCase := range demoCases() {
		if r := s.playCase(s.ctx, demoCase); r.err != nil {
			s.Errorf("%s: %v", demoCase.name, r.err)
		}
	}
	if s.Failed() {
		s.Log(s.log)
	}
}

func TestBothSidesEditedAndTheLaterEditWinsInEachField(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Start"), x.job.h("Start"))
		// Both are edited before the connector receives either edit.
		s.failNextCall(s.HubSpotURL)
		now := time.Now()
		s.mustEdit(h, mergeValues(x.city.h("HubSpot, older"), x.job.h("HubSpot, newer")), now.Add(10*time.Second))
		s.mustEdit(z, x.city.z("Zoho, newer"), now.Add(20*time.Second))
		s.awaitIdle()
		for _, v := range []struct {
			ref  crm.Ref
			want values
		}{
			{h, mergeValues(x.city.h("Zoho, newer"), x.job.h("HubSpot, newer"))},
			{z, mergeValues(x.city.z("Zoho, newer"), x.job.z("HubSpot, newer"))},
		} {
			s.checkValues(v.ref, v.want)
		}
		s.checkWrites(2, 2)
	})
}

func TestAClearedFieldIsCleared(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Start"))
		s.mustEdit(z, x.city.z(""), time.Time{})
		s.awaitIdle()
		s.checkValues(h, x.city.h(""))
		s.checkWrites(1, 0)
	})
}

func TestAKeyChangedAfterLinkingMakesNoSecondRecord(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x)
		s.mustEdit(h, x.key.h("new-"+x.keyValue), time.Time{})
		s.awaitIdle()
		s.checkValues(z, x.key.z("new-"+x.keyValue))
		if got := s.findCounterpart(h); got != z {
			s.Errorf("the counterpart is %s, want %s", got, z)
		}
		all, err := s.findRecords(s.ctx, crm.Zoho, x.kind, x.name[1], "Lovelace")
		if s.must(err); len(all) != 1 {
			s.Errorf("%d records in Zoho", len(all))
		}
		s.checkWrites(0, 1)
	})
}

func TestWebhooksThatComeFiveTimesAndOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, x := range recordKinds {
		t.Run(string(x.kind), func(t *testing.T) {
			t.Parallel()
			s := newScenario(t)
			chaos := sim.Chaos{Duplicate: 1, Reorder: 1, Delay: sim.Duration(20 * time.Millisecond)}
			for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
				s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", chaos, nil))
			}
			h := s.mustCreate(crm.HubSpot, x.kind, x.h(), time.Time{})
			for i := range 5 {
				s.mustEdit(h, x.city.h(fmt.Sprint("City ", i)), time.Time{})
			}
			for range 2 {
				s.must(s.redeliverWebhooks(s.ctx, crm.HubSpot, 20))
			}
			s.awaitIdle()
			z := s.findCounterpart(h)
			s.checkValues(z, x.city.z("City 4"))
			s.checkWrites(1, 6)
		})
	}
}

func TestManyRecordsAtOnce(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	const n = 60
	var refs []crm.Ref
	for i := range n {
		refs = append(refs, s.mustCreate(crm.HubSpot, crm.Contact, values{"email": fmt.Sprintf("p%d@example.com", i), "lastname": fmt.Sprint("P", i)}, time.Time{}))
	}
	s.awaitIdle()
	for i, ref := range refs {
		s.mustEdit(ref, values{"jobtitle": fmt.Sprint("Job ", i)}, time.Time{})
	}
	s.awaitIdle()
	all, err := s.listRecords(s.ctx, crm.Zoho, crm.Contact)
	s.must(err)
	titles := map[string]string{}
	for _, r := range all {
		titles[r.values()["HubSpot_ID"]] = r.values()["Title"]
	}
	if len(all) != n {
		s.Errorf("%d contacts in Zoho, want %d", len(all), n)
	}
	for i, ref := range refs {
		if want := fmt.Sprint("Job ", i); titles[ref.RecordID] != want {
			s.Errorf("%s has the title %q in Zoho, want %q", ref, titles[ref.RecordID], want)
		}
	}
}

func TestAContactThatZohoRefusesIsParkedAndSaidSo(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.createNameless()
	s.awaitIdle()
	if !strings.Contains(s.log.String(), `"outcome":"parked"`) {
		s.Errorf("nothing says that it was parked:\n%s", s.log)
	}
}

func TestFailingCRMsDelayAndLoseNothing(t *testing.T) {
	t.Parallel()
	s := newScenario(t, func(o *localStackOptions) { o.HubSpot.RetryBase = 50 * time.Millisecond })
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		for _, f := range spreadFaults(0.2) {
			f.Latency = 0
			s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"faults", f, nil))
		}
	}
	var refs []crm.Ref
	for i := range 12 {
		refs = append(refs, s.mustCreate(crm.HubSpot, crm.Contact, values{"email": fmt.Sprintf("f%d@example.com", i), "lastname": "F"}, time.Time{}))
	}
	s.awaitIdle()
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.callControl(s.ctx, "DELETE", url+sim.ControlPrefix+"faults", nil, nil))
	}
	for _, ref := range refs {
		s.findCounterpart(ref)
	}
}

func TestNothingPersonalAndNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	secrets := []string{
		hubspotsim.DefaultAccessToken, hubspotsim.DefaultSecret, s.getenv("ZOHO_CLIENT_SECRET"),
		s.getenv("ZOHO_REFRESH_TOKEN"), s.getenv("ZOHO_WEBHOOK_TOKEN"), s.getenv("HASH_KEY"), "Zoho-oauthtoken", "Bearer ",
	}
	planted := []string{"planted@example.com", "Plantedname", "Plantedcity", "Plantedjob", "+14155550177", "4155550177"}
	h := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": planted[0], "lastname": planted[1], "city": planted[2], "phone": planted[4]}, time.Time{})
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.mustEdit(z, values{"Title": planted[3]}, time.Time{})
	s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "x" + planted[0]}, time.Time{}) // refused by Zoho
	s.failNextCall(s.HubSpotURL)
	s.failNextCall(s.ZohoURL)
	s.mustEdit(h, values{"city": planted[2] + "2"}, time.Time{})
	s.awaitIdle()
	s.must(s.deleteRecord(s.ctx, z))
	s.awaitIdle()
	log := s.log.String()
	if !strings.Contains(log, "operation applied") || !strings.Contains(log, "message not acknowledged") {
		s.Fatalf("the log is not that of a full scenario:\n%s", log)
	}
	for _, leak := range append(secrets, planted...) {
		if strings.Contains(strings.ToLower(log), strings.ToLower(leak)) {
			for _, line := range strings.Split(log, "\n") {
				if strings.Contains(strings.ToLower(line), strings.ToLower(leak)) {
					s.Errorf("%q is logged: %s", leak, line)
					break
				}
			}
		}
	}
}
