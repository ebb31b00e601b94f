package main

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/store"
)

// scenario is a local stack in which people work, with its whole log.
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

// awaitIdle waits until everything is idle.
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

func anHourAgo() time.Time { return time.Now().Add(-time.Hour) }

// createNameless creates a contact that Zoho refuses, because it requires a name.
func (s *scenario) createNameless() crm.Ref {
	s.Helper()
	return s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
}

// connectStore connects to the Firestore of the local stack until the test ends.
func (s *scenario) connectStore() *store.Client {
	s.Helper()
	db, err := store.Connect(s.ctx, s.getenv("GOOGLE_CLOUD_PROJECT"), "(default)", s.getenv("FIRESTORE_EMULATOR_HOST"))
	s.must(err)
	s.Cleanup(func() { _ = db.Close() }) // the local stack may have ended before
	return db
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

// recordKind is a kind of record with the fields that the scenarios edit.
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
	h = s.mustCreate(crm.HubSpot, x.kind, x.h(more...), anHourAgo())
	s.awaitIdle()
	z = s.findCounterpart(h)
	s.resetCalls()
	return h, z
}

// createPairEarlier creates a pair, two minutes ago. An edit of 40 seconds ago, which
// is old enough for the sweep, is then the latest edit; before the pair it would look
// like a stale read.
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

// failNextCall makes the next call of a simulator fail, so that an operation has
// to come again.
func (s *scenario) failNextCall(url string) {
	s.Helper()
	s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"faults", sim.Fault{Status: 503, Count: 1}, nil))
}
