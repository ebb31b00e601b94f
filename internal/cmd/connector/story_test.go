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

// story is a house in which people work, with everything it logged.
type story struct {
	*testing.T
	*house
	*people
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

func begin(t *testing.T, change ...func(*houseOptions)) *story {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
	t.Cleanup(cancel)
	s := &story{T: t, ctx: ctx, log: &safeBuffer{}}
	o := houseOptions{
		// On a busy machine a story may last until a job is due, and meet it.
		Listen: "127.0.0.1:0", Sim: true, Unscheduled: true, Getenv: func(string) string { return "" },
		Logger: slog.New(gcp.NewLogHandler(s.log, "local", slog.LevelDebug)),
	}
	for _, c := range change {
		c(&o)
	}
	h, err := startHouse(ctx, o)
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
	s.house, s.people = h, h.people()
	return s
}

func withEmulators(o *houseOptions) { o.Emulators = true }

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// rest waits until nothing moves any more.
func (s *story) rest() {
	s.Helper()
	if err := s.Wait(s.ctx); err != nil {
		s.Fatalf("%v\n%s", err, s.log)
	}
}

func (s *story) new(system crm.System, kind crm.Kind, v values, at time.Time) crm.Ref {
	s.Helper()
	ref, err := s.create(s.ctx, system, kind, v, at)
	s.must(err)
	return ref
}

func (s *story) change(ref crm.Ref, v values, at time.Time) {
	s.Helper()
	s.must(s.edit(s.ctx, ref, v, at))
}

// twin returns the one record of the other side that carries ref's id.
func (s *story) twin(ref crm.Ref) crm.Ref {
	s.Helper()
	field := map[crm.System]string{crm.HubSpot: "HubSpot_ID", crm.Zoho: "zoho_id"}[ref.System]
	refs, err := s.find(s.ctx, ref.System.Other(), ref.Kind, field, ref.RecordID)
	s.must(err)
	if len(refs) != 1 {
		s.Fatalf("%d records of %s are the twin of %s\n%s", len(refs), ref.System.Other(), ref, s.log)
	}
	return refs[0]
}

// holds compares some values of a record.
func (s *story) holds(ref crm.Ref, want values) {
	s.Helper()
	got, err := s.record(s.ctx, ref)
	s.must(err)
	for name, v := range want {
		if got[name] != v {
			s.Errorf("%s holds %q in %s, want %q", ref, got[name], name, v)
		}
	}
}

func (s *story) reset() {
	s.house.hubspot.Recorder.Reset()
	s.house.zoho.Recorder().Reset()
}

// wrote checks how many writes each side got since reset, and that nothing
// follows when every webhook comes again.
func (s *story) wrote(hubspot, zoho int) {
	s.Helper()
	if h, z := s.tallyHubSpot().writes, s.tallyZoho().writes; h > hubspot || z > zoho {
		s.Errorf("%d writes to HubSpot and %d to Zoho, want at most %d and %d", h, z, hubspot, zoho)
	}
	s.reset()
	for _, system := range crm.Systems {
		s.must(s.redeliver(s.ctx, system, 20))
	}
	s.rest()
	if h, z := s.tallyHubSpot().writes, s.tallyZoho().writes; h+z > 0 {
		s.Errorf("%d writes to HubSpot and %d to Zoho by echoes", h, z)
	}
}

// shape is what the stories need to know of a kind of record.
type shape struct {
	kind                 crm.Kind
	key, name, city, job hz
	keyValue             string
}

var shapes = []shape{
	{kind: crm.Contact, key: hz{"email", "Email"}, name: hz{"lastname", "Last_Name"}, city: hz{"city", "Mailing_City"},
		job: hz{"jobtitle", "Title"}, keyValue: "ada@example.com"},
	{kind: crm.Company, key: hz{"domain", "Website"}, name: hz{"name", "Account_Name"}, city: hz{"city", "Billing_City"},
		job: hz{"description", "Description"}, keyValue: "ada.example.com"},
}

func (x shape) h(v ...values) values {
	return merged(append(v, x.key.h(x.keyValue), x.name.h("Lovelace"))...)
}

// forBoth runs a story for contacts and for companies, on the embedded cloud.
func forBoth(t *testing.T, tell func(*story, shape)) {
	t.Helper()
	t.Parallel()
	for _, x := range shapes {
		t.Run(string(x.kind), func(t *testing.T) {
			t.Parallel()
			tell(begin(t), x)
		})
	}
}

// pair makes a record in HubSpot and lets the connector bring it to Zoho.
func (s *story) pair(x shape, more ...values) (h, z crm.Ref) {
	s.Helper()
	h = s.new(crm.HubSpot, x.kind, x.h(more...), time.Now().Add(-time.Hour))
	s.rest()
	z = s.twin(h)
	s.reset()
	return h, z
}

// pairEarlier is pair, two minutes ago. An edit of 40 seconds ago, which the
// sweep takes for settled, is then the latest that there is; before the pair it
// would be taken for a read that is behind.
func (s *story) pairEarlier(x shape, more ...values) (h, z crm.Ref) {
	s.Helper()
	const ago = 2 * time.Minute
	s.advance(-ago)
	h, z = s.pair(x, more...)
	s.advance(ago)
	return h, z
}

// advance moves both CRMs' clocks.
func (s *story) advance(d time.Duration) {
	s.Helper()
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.call(s.ctx, "POST", url+sim.ControlPrefix+"clock", map[string]any{"advance": sim.Duration(d)}, nil))
	}
}

func TestTheDemoEndsWell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := runDemo(context.Background(), &out, &safeBuffer{}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}

func TestTheScenesEndWellOnGooglesEmulators(t *testing.T) {
	tier.Long(t, "that the demo's scenes end well on Google's emulators")
	t.Parallel()
	s := begin(t, withEmulators)
	for _, scene := range scenes() {
		if r := s.play(s.ctx, scene); r.err != nil {
			s.Errorf("%s: %v", scene.name, r.err)
		}
	}
	if s.Failed() {
		s.Log(s.log)
	}
}

func TestBothSidesEditedAndTheLaterEditWinsInEachField(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x, x.city.h("Start"), x.job.h("Start"))
		// Both are edited before the connector hears of either.
		s.faultOnce(s.HubSpotURL)
		now := time.Now()
		s.change(h, merged(x.city.h("HubSpot, older"), x.job.h("HubSpot, newer")), now.Add(10*time.Second))
		s.change(z, x.city.z("Zoho, newer"), now.Add(20*time.Second))
		s.rest()
		for _, v := range []struct {
			ref  crm.Ref
			want values
		}{
			{h, merged(x.city.h("Zoho, newer"), x.job.h("HubSpot, newer"))},
			{z, merged(x.city.z("Zoho, newer"), x.job.z("HubSpot, newer"))},
		} {
			s.holds(v.ref, v.want)
		}
		s.wrote(2, 2)
	})
}

// faultOnce makes the next call of a simulator fail, so that an operation has
// to come again.
func (s *story) faultOnce(url string) {
	s.Helper()
	s.must(s.call(s.ctx, "POST", url+sim.ControlPrefix+"faults", sim.Fault{Status: 503, Count: 1}, nil))
}

func TestAClearedFieldIsCleared(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x, x.city.h("Start"))
		s.change(z, x.city.z(""), time.Time{})
		s.rest()
		s.holds(h, x.city.h(""))
		s.wrote(1, 0)
	})
}

func TestAKeyChangedAfterLinkingMakesNoSecondRecord(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x)
		s.change(h, x.key.h("new-"+x.keyValue), time.Time{})
		s.rest()
		s.holds(z, x.key.z("new-"+x.keyValue))
		if got := s.twin(h); got != z {
			s.Errorf("the twin is %s, want %s", got, z)
		}
		all, err := s.find(s.ctx, crm.Zoho, x.kind, x.name[1], "Lovelace")
		if s.must(err); len(all) != 1 {
			s.Errorf("%d records in Zoho", len(all))
		}
		s.wrote(0, 1)
	})
}

func TestWebhooksThatComeFiveTimesAndOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, x := range shapes {
		t.Run(string(x.kind), func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			chaos := sim.Chaos{Duplicate: 1, Reorder: 1, Delay: sim.Duration(20 * time.Millisecond)}
			for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
				s.must(s.call(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", chaos, nil))
			}
			h := s.new(crm.HubSpot, x.kind, x.h(), time.Time{})
			for i := range 5 {
				s.change(h, x.city.h(fmt.Sprint("City ", i)), time.Time{})
			}
			for range 2 {
				s.must(s.redeliver(s.ctx, crm.HubSpot, 20))
			}
			s.rest()
			z := s.twin(h)
			s.holds(z, x.city.z("City 4"))
			s.wrote(1, 6)
		})
	}
}

func TestManyRecordsAtOnce(t *testing.T) {
	t.Parallel()
	s := begin(t)
	const n = 60
	var refs []crm.Ref
	for i := range n {
		refs = append(refs, s.new(crm.HubSpot, crm.Contact, values{"email": fmt.Sprintf("p%d@example.com", i), "lastname": fmt.Sprint("P", i)}, time.Time{}))
	}
	s.rest()
	for i, ref := range refs {
		s.change(ref, values{"jobtitle": fmt.Sprint("Job ", i)}, time.Time{})
	}
	s.rest()
	all, err := s.records(s.ctx, crm.Zoho, crm.Contact)
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
	s := begin(t)
	s.new(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
	s.rest()
	if !strings.Contains(s.log.String(), `"outcome":"parked"`) {
		s.Errorf("nothing says that it was parked:\n%s", s.log)
	}
}

func TestFailingCRMsDelayAndLoseNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, func(o *houseOptions) { o.HubSpot.RetryBase = 50 * time.Millisecond })
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		for _, f := range faults(0.2) {
			f.Latency = 0
			s.must(s.call(s.ctx, "POST", url+sim.ControlPrefix+"faults", f, nil))
		}
	}
	var refs []crm.Ref
	for i := range 12 {
		refs = append(refs, s.new(crm.HubSpot, crm.Contact, values{"email": fmt.Sprintf("f%d@example.com", i), "lastname": "F"}, time.Time{}))
	}
	s.rest()
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.call(s.ctx, "DELETE", url+sim.ControlPrefix+"faults", nil, nil))
	}
	for _, ref := range refs {
		s.twin(ref)
	}
}

func TestNothingPersonalAndNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	s := begin(t)
	secrets := []string{
		hubspotsim.DefaultAccessToken, hubspotsim.DefaultSecret, s.getenv("ZOHO_CLIENT_SECRET"),
		s.getenv("ZOHO_REFRESH_TOKEN"), s.getenv("ZOHO_WEBHOOK_TOKEN"), s.getenv("HASH_KEY"), "Zoho-oauthtoken", "Bearer ",
	}
	planted := []string{"planted@example.com", "Plantedname", "Plantedcity", "Plantedjob", "+14155550177", "4155550177"}
	h := s.new(crm.HubSpot, crm.Contact, values{"email": planted[0], "lastname": planted[1], "city": planted[2], "phone": planted[4]}, time.Time{})
	s.rest()
	z := s.twin(h)
	s.change(z, values{"Title": planted[3]}, time.Time{})
	s.new(crm.HubSpot, crm.Contact, values{"email": "x" + planted[0]}, time.Time{}) // refused by Zoho
	s.faultOnce(s.HubSpotURL)
	s.faultOnce(s.ZohoURL)
	s.change(h, values{"city": planted[2] + "2"}, time.Time{})
	s.rest()
	s.must(s.remove(s.ctx, z))
	s.rest()
	log := s.log.String()
	if !strings.Contains(log, "operation applied") || !strings.Contains(log, "message not acknowledged") {
		s.Fatalf("the log is not that of a full story:\n%s", log)
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
