package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

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

// bench is a console over the real store on the embedded Firestore.
type bench struct {
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

func newBench(t *testing.T) *bench {
	t.Helper()
	db := newDatabase(t)
	b := &bench{
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
	server, err := docstore.New(docstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	client, err := store.Connect(context.Background(), "test", firestore.DefaultDatabaseID, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// get reads a page as a person.
func (b *bench) get(query string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do(httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/Console"+query, http.NoBody))
}

func (b *bench) do(r *http.Request) *httptest.ResponseRecorder {
	b.Helper()
	if r.Header.Get("Test-Who") == "" {
		r.Header.Set("Test-Who", "ada@example.com")
	}
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	return w
}

var tokenForm = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token reads one from a page.
func (b *bench) token() string {
	b.Helper()
	m := tokenForm.FindStringSubmatch(b.get("?page=record").Body.String())
	if m == nil {
		b.Fatal("the page has no token")
	}
	return m[1]
}

func (b *bench) post(form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
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

func (b *bench) record(list ...failure.Record) {
	b.Helper()
	for _, r := range list {
		if err := b.store.Record(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) open() int {
	b.Helper()
	n, err := b.store.CountFailures(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func (b *bench) published() (refs []string) {
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

func TestEveryPageCanBeReadWithNothingInTheStore(t *testing.T) {
	b := newBench(t)
	for query, want := range map[string]int{
		"": 200, "?page=failures": 200, "?page=failures&state=closed": 200, "?page=record": 200,
		"?page=failures&cause=1234567890abcdef": 200, "?page=failures&after=nonsense": 200, "?page=failures&ref=x": 200,
		"?page=overview": 200, "?page=overview&window=24h": 200, "?page=overview&window=x": 200, "?page=activity": 200, "?page=mapping": 200,
		"?page=nowhere": 404, "?page=failure&id=x": 404, "?page=failure&id=" + strings.Repeat("a", 32): 404, "?page=record&ref=x": 400,
		"?asset=console.css": 200, "?asset=console.js": 200, "?asset=icon.svg": 200, "?asset=../console.go": 404,
	} {
		w := b.get(query)
		if w.Code != want {
			t.Errorf("%q: status %d, want %d", query, w.Code, want)
		}
		if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none';") || strings.Contains(got, "unsafe") {
			t.Errorf("%q: policy %q", query, got)
		}
	}
}

func TestAFailureSaysWhenItIsRepeatedByItself(t *testing.T) {
	b := newBench(t)
	locked, refused := failedRecord("1", "RECORD_LOCKED"), failedRecord("2", "INVALID_DATA")
	locked.Cause = failure.Cause{Side: crm.Zoho, Action: "apply", Kind: crm.Locked, Code: "RECORD_LOCKED"}
	locked = locked.WithID()
	b.record(locked, refused)
	due := start.Add(15 * time.Minute).Format("2006-01-02 15:04")
	if page := b.get("?page=failure&id=" + locked.ID).Body.String(); !strings.Contains(page, "Repeated by itself") || !strings.Contains(page, due) {
		t.Errorf("the page does not say %s", due)
	}
	if page := b.get("?page=failure&id=" + refused.ID).Body.String(); strings.Contains(page, "Repeated by itself") {
		t.Error("what a person has to put right is said to be repeated")
	}
}

func TestNobodyGetsNothing(t *testing.T) {
	b := newBench(t)
	b.record(failedRecord("1", "INVALID_DATA"))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "INVALID_DATA") || tokenForm.MatchString(w.Body.String()) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestAForgedPostChangesNothing(t *testing.T) {
	b := newBench(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	good := b.token()
	tests := map[string]struct {
		token  string
		change func(*http.Request)
	}{
		"without a token":                   {"", func(*http.Request) {}},
		"with a token of nobody":            {"1.x", func(*http.Request) {}},
		"with somebody else's token":        {good, func(r *http.Request) { r.Header.Set("Test-Who", "eve@example.com") }},
		"with a longer life":                {"9" + good, func(*http.Request) {}},
		"from another site":                 {good, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"from another site, an old browser": {good, func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, action := range []string{"replay", "dismiss", "synchronise"} {
				w := b.post(url.Values{"token": {tt.token}, "action": {action}, "id": {r.ID}, "reason": {"by_hand"}, "ref": {"zoho/contact/1"}}, tt.change)
				if w.Code != http.StatusForbidden {
					t.Errorf("%s: status %d", action, w.Code)
				}
			}
		})
	}
	b.clock.now = b.clock.now.Add(13 * time.Hour)
	if w := b.post(url.Values{"token": {good}, "action": {"replay"}, "id": {r.ID}}); w.Code != http.StatusForbidden {
		t.Errorf("after 13 hours: status %d", w.Code)
	}
	if b.open() != 1 || len(b.published()) != 0 {
		t.Errorf("%d open, published %v", b.open(), b.published())
	}
	if log := b.log.String(); strings.Contains(log, "begun") || !strings.Contains(log, "console action refused") {
		t.Errorf("log %s", log)
	}
}

func TestFailuresAreReplayedOneByOneByCauseAndBySelection(t *testing.T) {
	one, two, three, other := failedRecord("1", "INVALID_DATA"), failedRecord("2", "INVALID_DATA"), failedRecord("3", "INVALID_DATA"), failedRecord("4", "DUPLICATE_DATA")
	cause := one.Cause.ID()
	tests := map[string]struct {
		form url.Values
		want []string
		next string
	}{
		"one": {url.Values{"id": {one.ID}, "one": {one.ID}}, []string{"requested hubspot/contact/1"}, "?count=1&done=replayed&id=" + one.ID + "&page=failure"},
		"a selection": {url.Values{"id": {two.ID, other.ID}}, []string{"requested hubspot/contact/2", "requested hubspot/contact/4"},
			"?count=2&done=replayed&page=failures"},
		"a cause": {url.Values{"all": {"1"}, "cause": {cause}},
			[]string{"requested hubspot/contact/1", "requested hubspot/contact/2", "requested hubspot/contact/3"},
			"?cause=" + cause + "&count=3&done=replayed&page=failures"},
		"nothing":             {url.Values{}, nil, ""},
		"everything":          {url.Values{"all": {"1"}}, nil, ""},
		"an id that is none":  {url.Values{"id": {"x"}}, nil, ""},
		"one that is no more": {url.Values{"id": {strings.Repeat("a", 32)}}, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.record(one, two, three, other)
			tt.form.Set("action", "replay")
			w := b.post(tt.form)
			if diff := cmp.Diff(tt.want, b.published()); diff != "" {
				t.Error(diff)
			}
			want := http.StatusSeeOther
			if tt.next == "" {
				want = http.StatusBadRequest
			}
			if w.Code != want || w.Header().Get("Location") != tt.next {
				t.Errorf("status %d to %q", w.Code, w.Header().Get("Location"))
			}
		})
	}
}

func TestADismissedFailureIsClosedWithItsReasonUntilItHappensAgain(t *testing.T) {
	b := newBench(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	if w := b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"because I say so"}}); w.Code != http.StatusBadRequest || b.open() != 1 {
		t.Errorf("a reason of one's own: status %d, %d open", w.Code, b.open())
	}
	if w := b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"test_data"}}); w.Code != http.StatusSeeOther || b.open() != 0 {
		t.Errorf("status %d, %d open", w.Code, b.open())
	}
	if page := b.get("?page=failure&id=" + r.ID).Body.String(); !strings.Contains(page, "It is test data.") {
		t.Errorf("the page does not say why:\n%s", page)
	}
	r.Operation = "another"
	b.record(r)
	if page := b.get("?page=failure&id=" + r.ID).Body.String(); b.open() != 1 || strings.Contains(page, "Closed <time") {
		t.Errorf("%d open", b.open())
	}
}

func TestEveryActionIsWrittenDownBeforeAndAfterWithWhoDidIt(t *testing.T) {
	b := newBench(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	b.post(url.Values{"action": {"synchronise"}, "ref": {"zoho/contact/123"}})
	b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"by_hand"}})
	b.topics[crm.Zoho].err = errors.New("no topic")
	if w := b.post(url.Values{"action": {"synchronise"}, "ref": {"zoho/contact/123"}}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	var got []string
	for line := range strings.Lines(b.log.String()) {
		field := func(name string) string {
			_, rest, _ := strings.Cut(line, `"`+name+`":"`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
		if field("msg") == "console action" {
			got = append(got, strings.Join([]string{field("who"), field("action"), field("subject"), field("outcome")}, " | "))
		}
	}
	var want []string
	for _, line := range []string{"synchronise | zoho/contact/123 | begun", "synchronise | zoho/contact/123 | done",
		"dismiss | failures " + r.ID + " | begun", "dismiss | failures " + r.ID + " | done",
		"synchronise | zoho/contact/123 | begun", "synchronise | zoho/contact/123 | failed"} {
		want = append(want, "ada@example.com | "+line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"requested zoho/contact/123"}, b.published()); diff != "" {
		t.Error(diff)
	}
}

const hostile = `<script>alert("x")</script>`

// explained is a pair in which a person typed what a browser could run.
func explained() syncer.Explanation {
	m := mapping.Default()
	name := m.Object(crm.Contact).Field("last_name")
	rec := func(s crm.System, id, field string) crm.Record {
		return crm.Record{Ref: contact(s, id), Fields: map[string]string{field: hostile}, Created: start, Modified: start}
	}
	return syncer.Explanation{
		Asked: contact(crm.HubSpot, "1"), Linked: true,
		Link: syncer.Link{Kind: crm.Contact, HubSpot: syncer.LinkSide{RecordID: "1", ReadAt: start}, Zoho: syncer.LinkSide{RecordID: "2"},
			Decisions: []syncer.Decision{{At: start, Operation: "first", Field: "last_name", Winner: crm.HubSpot, Reason: merge.NewerEdit, Wrote: []crm.System{crm.Zoho}}}},
		Records: map[crm.System]crm.Record{crm.HubSpot: rec(crm.HubSpot, "1", "lastname"), crm.Zoho: rec(crm.Zoho, "2", "Last_Name")},
		Fields: []syncer.FieldExplanation{{Field: name, Canonical: map[crm.System]string{crm.HubSpot: hostile, crm.Zoho: hostile},
			Result: merge.Result{Reason: merge.InSync, Base: merge.Base{Cell: merge.Cell{Hash: "h", Stamp: merge.Stamp{At: start.UnixMilli(), Own: start.UnixMilli(), Side: crm.HubSpot}}}}}},
	}
}

func TestARecordIsShownFieldByFieldAndWhatWasTypedIsText(t *testing.T) {
	b := newBench(t)
	b.records.explanation = explained()
	b.record(failedRecord("1", "INVALID_DATA"))
	page := b.get("?page=record&ref=hubspot/contact/1").Body.String()
	if strings.Contains(page, hostile) {
		t.Error("a script is in the page")
	}
	for _, want := range []string{"&lt;script&gt;alert", "in sync", "both were edited, this one later", "2026-11-23 10:00:00",
		"https://crm.zoho.eu/crm/tab/Contacts/2", "https://app-eu1.hubspot.com/contacts/4711/record/0-1/1", "Both sides are in sync", "Open failures", "first"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if log := b.log.String(); strings.Contains(log, "script") {
		t.Errorf("the log tells a value: %s", log)
	}
}

func TestWhatIsSearchedForStandsInNoAddressAndNoLog(t *testing.T) {
	b := newBench(t)
	b.records.explanation = explained()
	b.records.found = map[string][]crm.Ref{
		"contact ada@example.org": {contact(crm.HubSpot, "1"), contact(crm.Zoho, "2")},
		"contact two@example.org": {contact(crm.HubSpot, "1"), contact(crm.HubSpot, "7")},
	}
	w := b.post(url.Values{"action": {"search"}, "q": {" ada@example.org "}})
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "?page=record&ref=hubspot%2Fcontact%2F1" {
		t.Errorf("status %d to %q", w.Code, got)
	}
	if diff := cmp.Diff([]string{"contact"}, b.records.asked); diff != "" {
		t.Errorf("an e-mail address is a contact's: %s", diff)
	}
	if w = b.post(url.Values{"action": {"search"}, "q": {"two@example.org"}}); !strings.Contains(w.Body.String(), "Which one?") {
		t.Errorf("two records: %s", w.Body)
	}
	if w = b.post(url.Values{"action": {"search"}, "q": {"none@example.org"}}); !strings.Contains(w.Body.String(), "Neither CRM has such a record") {
		t.Errorf("no record: %s", w.Body)
	}
	if strings.Contains(b.log.String(), "example.org") {
		t.Errorf("log %s", b.log)
	}
}

func TestACRMThatIsDownIsToldByItsRemedy(t *testing.T) {
	b := newBench(t)
	b.records.err = &crm.Error{System: crm.Zoho, Action: "read", Kind: crm.Unavailable, Status: 503}
	w := b.get("?page=record&ref=zoho/contact/2")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), failure.Classify(b.records.err).Remedy) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestALongListIsPaged(t *testing.T) {
	b := newBench(t)
	for i := range 120 {
		r := failedRecord(fmt.Sprint(1000+i), "INVALID_DATA")
		r.LastSeen = start.Add(time.Duration(i) * time.Second)
		b.record(r)
	}
	seen, query := map[string]bool{}, "?page=failures"
	for range 3 {
		page := b.get(query).Body.String()
		for _, m := range regexp.MustCompile(`page=failure">|id=([0-9a-f]{32})&amp;page=failure`).FindAllStringSubmatch(page, -1) {
			seen[m[1]] = true
		}
		m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
		if m == nil {
			query = ""
			break
		}
		query = html.UnescapeString(m[1])
	}
	if len(seen) != 120 || query != "" {
		t.Errorf("%d failures on three pages, then %q", len(seen), query)
	}
}

// TestNoPageNeedsAnInlineScriptOrStyle: the policy would not run it.
func TestNoPageNeedsAnInlineScriptOrStyle(t *testing.T) {
	b := newBench(t)
	b.records.explanation = explained()
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	for _, query := range []string{"", "?page=failures&cause=" + r.Cause.ID(), "?page=failure&id=" + r.ID, "?page=record&ref=zoho/contact/2", "?page=nowhere", "?page=failures", "?page=mapping", "?page=activity"} {
		page := b.get(query).Body.String()
		if m := regexp.MustCompile(`(?i)<style|\sstyle=|<script(?:>| [^>]*>[^<])|\son[a-z]+=|javascript:|https?://[^"]*\.(?:js|css)`).FindString(page); m != "" {
			t.Errorf("%q has %q", query, m)
		}
	}
}
