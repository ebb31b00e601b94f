package console_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore/docstoretest"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// clock is moved by the test alone.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// gate lets the person of the header in.
type gate struct{}

func (gate) IdentifyCaller(r *http.Request) (string, error) {
	if who := r.Header.Get("Test-Who"); who != "" {
		return who, nil
	}
	return "", errors.New("nobody came")
}

// topic keeps what is published, or refuses it.
type topic struct {
	ops []op.Operation
	err error
}

func (t *topic) Publish(_ context.Context, ops []op.Operation) error {
	if t.err != nil {
		return t.err
	}
	t.ops = append(t.ops, ops...)
	return nil
}

// records explains one pair.
type records struct {
	explanation syncer.Explanation
	found       map[string][]crm.Ref
	err         error
	asked       []string
}

func (r *records) Explain(context.Context, crm.Ref) (syncer.Explanation, error) {
	return r.explanation, r.err
}

func (r *records) FindRecords(_ context.Context, kind crm.Kind, text string) ([]crm.Ref, error) {
	r.asked = append(r.asked, string(kind))
	return r.found[string(kind)+" "+text], r.err
}

// schema is what a CRM says of its fields, or why it says nothing.
type schema struct {
	says crm.Schema
	err  error
}

func (s *schema) ReadSchema(context.Context) (crm.Schema, error) { return s.says, s.err }

// scenario is a console over the real store on the embedded Firestore.
type scenario struct {
	*testing.T
	console *console.Console
	store   *store.Failures
	stats   *store.Stats
	tokens  *store.Tokens
	schemas map[crm.System]console.Schemer
	topics  map[crm.System]*topic
	records *records
	clock   *clock
	log     *bytes.Buffer
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	db := newDatabase(t)
	b := &scenario{
		T: t, store: store.NewFailures(db), stats: store.NewStats(db), tokens: store.NewTokens(db),
		clock: &clock{start}, log: &bytes.Buffer{}, records: &records{},
		topics:  map[crm.System]*topic{crm.HubSpot: {}, crm.Zoho: {}},
		schemas: map[crm.System]console.Schemer{crm.HubSpot: &schema{}, crm.Zoho: &schema{}},
	}
	c, err := console.New(console.Config{
		Gate: gate{}, Failures: b.store, Records: b.records, Clock: b.clock, NewID: uuid.NewString, Version: "abc",
		Stats: b.stats, Token: b.tokens, Channels: store.NewChannels(db), Mapping: mapping.Default(), Schemas: b.schemas,
		Topics: map[crm.System]failure.Publisher{crm.HubSpot: b.topics[crm.HubSpot], crm.Zoho: b.topics[crm.Zoho]},
		Pages:  failure.Pages{HubSpot: "https://app-eu1.hubspot.com", HubSpotPortal: "4711", Zoho: "https://crm.zoho.eu"}, Key: []byte("a key of sixteen bytes"),
		Logger: slog.New(slog.NewJSONHandler(b.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.console = c
	return b
}

func newDatabase(t testing.TB) *firestore.Client {
	t.Helper()
	client, err := store.Connect(context.Background(), "test", firestore.DefaultDatabaseID, docstoretest.Serve(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// get reads a page as a person.
func (b *scenario) get(query string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do(httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/Console"+query, http.NoBody))
}

func (b *scenario) do(r *http.Request) *httptest.ResponseRecorder {
	b.Helper()
	if r.Header.Get("Test-Who") == "" {
		r.Header.Set("Test-Who", "ada@example.com")
	}
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	return w
}

// token reads one from a page.
func (b *scenario) token() string {
	b.Helper()
	m := tokenForm.FindStringSubmatch(b.get("?page=record").Body.String())
	if m == nil {
		b.Fatal("the page has no token")
	}
	return m[1]
}

func (b *scenario) post(form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.Helper()
	if !form.Has("token") {
		form.Set("token", b.token())
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/Console?page=failures", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	return b.do(r)
}

func (b *scenario) record(list ...failure.Record) {
	b.Helper()
	for _, r := range list {
		if err := b.store.Record(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *scenario) open() int {
	b.Helper()
	n, err := b.store.CountFailures(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func (b *scenario) published() (refs []string) {
	for _, s := range crm.Systems {
		for _, o := range b.topics[s].ops {
			refs = append(refs, string(o.Change)+" "+o.Ref.String())
		}
	}
	slices.Sort(refs)
	return refs
}

func contact(s crm.System, id string) crm.Ref {
	return crm.Ref{System: s, Kind: crm.Contact, RecordID: id}
}

// failedRecord is a failure of an update in Zoho.
func failedRecord(record, code string) failure.Record {
	return failure.Record{
		Ref: contact(crm.HubSpot, record), Record: contact(crm.Zoho, "9"+record),
		Cause:     failure.Cause{Side: crm.Zoho, Action: "update", Kind: crm.Invalid, Code: failurecode.Code(code), Fields: []crm.FieldError{{Field: "Email", Code: code}}},
		Operation: "operation-" + record, Change: op.Updated, FirstSeen: start, LastSeen: start, Count: 1,
	}.WithID()
}
