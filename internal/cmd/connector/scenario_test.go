package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

// scenario is a local stack in which people work, with everything it logged.
type scenario struct {
	*testing.T
	*localStack
	*crmUsers
	ctx context.Context
	log *safeBuffer
}

// safeBuffer is a buffer for many writers.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newScenario(t *testing.T, change ...func(*localStackOptions)) *scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
	t.Cleanup(cancel)
	s := &scenario{T: t, ctx: ctx, log: &safeBuffer{}}
	o := localStackOptions{
		// On a busy machine a scenario may last until a job is due, and meet it.
		Listen: "127.0.0.1:0", Sim: true, Unscheduled: true, Getenv: func(string) string { return "" },
		Logger: slog.New(gcp.NewLogHandler(s.log, "local", slog.LevelDebug)),
	}
	for _, c := range change {
		c(&o)
	}
	h, err := startLocalStack(ctx, o)
	if emulator.MaySkip(err) {
		t.Skipf("SKIPPED: Google's emulators are not installed: %v", err)
	}
	if err != nil {
		t.Fatalf("start: %v\n%s", err, s.log)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() && testing.Verbose() {
			t.Log(s.log)
		}
	})
	s.localStack, s.crmUsers = h, h.crmUsers()
	return s
}

func withEmulators(o *localStackOptions) { o.Emulators = true }

func (s *scenario) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// awaitIdle waits until nothing moves any more.
func (s *scenario) awaitIdle() {
	s.Helper()
	if err := s.waitUntilIdle(s.ctx); err != nil {
		s.Fatalf("%v\n%s", err, s.log)
	}
}

func (s *scenario) mustCreate(system crm.System, kind crm.Kind, v values, at time.Time) crm.Ref {
	s.Helper()
	ref, err := s.createRecord(s.ctx, system, kind, v, at)
	s.must(err)
	return ref
}

func (s *scenario) mustEdit(ref crm.Ref, v values, at time.Time) {
	s.Helper()
	s.must(s.editRecord(s.ctx, ref, v, at))
}

// findCounterpart returns the one record of the other side that carries ref's id.
func (s *scenario) findCounterpart(ref crm.Ref) crm.Ref {
	s.Helper()
	field := map[crm.System]string{crm.HubSpot: "HubSpot_ID", crm.Zoho: "zoho_id"}[ref.System]
	refs, err := s.findRecords(s.ctx, ref.System.Other(), ref.Kind, field, ref.RecordID)
	s.must(err)
	if len(refs) != 1 {
		s.Fatalf("%d records of %s are the counterpart of %s\n%s", len(refs), ref.System.Other(), ref, s.log)
	}
	return refs[0]
}

// checkValues compares some values of a record.
func (s *scenario) checkValues(ref crm.Ref, want values) {
	s.Helper()
	got, err := s.readRecord(s.ctx, ref)
	s.must(err)
	for name, v := range want {
		if got[name] != v {
			s.Errorf("%s holds %q in %s, want %q", ref, got[name], name, v)
		}
	}
}

func (s *scenario) resetCalls() {
	s.localStack.hubspot.Recorder.Reset()
	s.localStack.zoho.Recorder().Reset()
}

// checkWrites checks how many writes each side got since reset, and that nothing
// follows when every webhook comes again.
func (s *scenario) checkWrites(hubspot, zoho int) {
	s.Helper()
	if h, z := s.countHubSpotCalls().writes, s.countZohoCalls().writes; h > hubspot || z > zoho {
		s.Errorf("%d writes to HubSpot and %d to Zoho, want at most %d and %d", h, z, hubspot, zoho)
	}
	s.resetCalls()
	for _, system := range crm.Systems {
		s.must(s.redeliverWebhooks(s.ctx, system, 20))
	}
	s.awaitIdle()
	if h, z := s.countHubSpotCalls().writes, s.countZohoCalls().writes; h+z > 0 {
		s.Errorf("%d writes to HubSpot and %d to Zoho by echoes", h, z)
	}
}

// recordKind is what the scenarios need to know of a kind of record.
type recordKind struct {
	kind                 crm.Kind
	key, name, city, job fieldPair
	keyValue             string
}

var recordKinds = []recordKind{
	{kind: crm.Contact, key: fieldPair{"email", "Email"}, name: fieldPair{"lastname", "Last_Name"}, city: fieldPair{"city", "Mailing_City"},
		job: fieldPair{"jobtitle", "Title"}, keyValue: "ada@example.com"},
	{kind: crm.Company, key: fieldPair{"domain", "Website"}, name: fieldPair{"name", "Account_Name"}, city: fieldPair{"city", "Billing_City"},
		job: fieldPair{"description", "Description"}, keyValue: "ada.example.com"},
}

func (x recordKind) h(v ...values) values {
	return mergeValues(append(v, x.key.h(x.keyValue), x.name.h("Lovelace"))...)
}

// forBothKinds runs a scenario for contacts and for companies, on the embedded cloud.
func forBothKinds(t *testing.T, run func(*scenario, recordKind)) {
	t.Helper()
	t.Parallel()
	for _, x := range recordKinds {
		t.Run(string(x.kind), func(t *testing.T) {
			t.Parallel()
			run(newScenario(t), x)
		})
	}
}

// createPair makes a record in HubSpot and lets the connector bring it to Zoho.
func (s *scenario) createPair(x recordKind, more ...values) (h, z crm.Ref) {
	s.Helper()
	h = s.mustCreate(crm.HubSpot, x.kind, x.h(more...), time.Now().Add(-time.Hour))
	s.awaitIdle()
	z = s.findCounterpart(h)
	s.resetCalls()
	return h, z
}

// createPairEarlier is pair, two minutes ago. An edit of 40 seconds ago, which the
// sweep takes for settled, is then the latest that there is; before the pair it
// would be taken for a read that is behind.
func (s *scenario) createPairEarlier(x recordKind, more ...values) (h, z crm.Ref) {
	s.Helper()
	const ago = 2 * time.Minute
	s.advanceClocks(-ago)
	h, z = s.createPair(x, more...)
	s.advanceClocks(ago)
	return h, z
}

// advanceClocks moves both CRMs' clocks.
func (s *scenario) advanceClocks(d time.Duration) {
	s.Helper()
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"clock", map[string]any{"advance": sim.Duration(d)}, nil))
	}
}

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

// failNextCall makes the next call of a simulator fail, so that an operation has
// to come again.
func (s *scenario) failNextCall(url string) {
	s.Helper()
	s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"faults", sim.Fault{Status: 503, Count: 1}, nil))
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
	s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
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
