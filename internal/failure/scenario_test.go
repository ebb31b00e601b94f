package failure_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore/docstoretest"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/sendgridsim"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// clock stands still unless it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// scenario is the real store on the embedded Firestore, and the real mailer before
// the simulated SendGrid.
type scenario struct {
	store  *store.Failures
	mails  *sendgridsim.Server
	mailer *failure.SendGridMailer
	clock  *clock
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	client, err := store.Connect(t.Context(), "test", firestore.DefaultDatabaseID, docstoretest.Serve(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	h := &scenario{store: store.NewFailures(client), clock: &clock{now: start}}
	h.mails = sendgridsim.New(sendgridsim.Config{Senders: []string{"@example.com"}, Clock: sim.NewManualClock(start)})
	handler := httptest.NewServer(h.mails)
	t.Cleanup(handler.Close)
	h.mailer = newMailer(t, handler)
	return h
}

func newMailer(t *testing.T, handler *httptest.Server) *failure.SendGridMailer {
	t.Helper()
	m, err := failure.NewSendGrid(failure.SendGridConfig{
		URL: handler.URL, Key: sendgridsim.DefaultKey, From: "Connector <connector@example.com>",
		To: []string{"ada@example.com", "Bob <bob@example.com>", "ADA@example.com"},
		// A connection that was cut is not tried again behind our back.
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// digest returns a digest of the scenario, changed before it is made.
func (h *scenario) digest(t *testing.T, changes ...func(*failure.Config)) *failure.Digest {
	t.Helper()
	c := failure.Config{
		Store: h.store, Mailer: h.mailer, Clock: h.clock, NewID: uuid.NewString,
		Pages: failure.Pages{HubSpotPortal: "4711", Zoho: failure.ZohoPages("https://accounts.zoho.eu")},
	}
	for _, change := range changes {
		change(&c)
	}
	d, err := failure.NewDigest(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (h *scenario) record(t *testing.T, records ...failure.Record) {
	t.Helper()
	for _, r := range records {
		if err := h.store.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *scenario) unreported(t *testing.T) int {
	t.Helper()
	list, err := h.store.UnreportedFailures(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// send runs a digest that has to succeed.
func send(t *testing.T, d *failure.Digest, want failure.Outcome) failure.Report {
	t.Helper()
	r, err := d.Send(t.Context())
	if err != nil || r.Outcome != want {
		t.Fatalf("outcome %q, %v, want %q", r.Outcome, err, want)
	}
	return r
}

func hubspotContact(id string) crm.Ref {
	return crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: id}
}

// failed is one failure of an update in Zoho.
func failed(operation, record string) failure.Record {
	return failure.Record{
		Ref: hubspotContact(record), Record: crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "9" + record},
		Cause: failure.Cause{Side: crm.Zoho, Action: "update", Kind: crm.Invalid, Code: "INVALID_DATA",
			Fields: []crm.FieldError{{Field: "Email", Code: "INVALID_DATA"}}},
		Operation: operation, Change: op.Updated, FirstSeen: start, LastSeen: start, Count: 1,
	}.WithID()
}

func operation(id string, ref crm.Ref) op.Operation {
	return op.Operation{Version: op.Version, ID: id, Ref: ref, Change: op.Updated, OccurredAt: start, ReceivedAt: start, Events: 1}
}

func encode(t *testing.T, o op.Operation) []byte {
	t.Helper()
	data, err := op.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }
