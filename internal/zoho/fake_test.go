package zoho

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const ownUser = "5725767000000411001"

// sentRequest is a call as the fake API saw it.
type sentRequest struct {
	Method, Path, Query, Token, Guard string
	Body                              map[string]any
}

// fakeAPI answers like Zoho: our own user by itself, anything else by answer.
type fakeAPI struct {
	*httptest.Server
	mu    sync.Mutex
	calls []sentRequest
}

// newFakeAPI starts a server that passes each call to answer, except the one
// that reads our own user.
func newFakeAPI(t *testing.T, answer func(n int, r sentRequest) (int, string)) *fakeAPI {
	t.Helper()
	f := &fakeAPI{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		if r.URL.Path == "/crm/v8/users" {
			writeAll(t, w, `{"users":[{"id":"`+ownUser+`","email":"bot@x.eu"}],"info":{"count":1}}`)
			return
		}
		status, body := answer(f.record(t, r))
		w.WriteHeader(status)
		if body != "" {
			writeAll(t, w, body)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func writeAll(t *testing.T, w io.Writer, body string) {
	t.Helper()
	if _, err := io.WriteString(w, body); err != nil {
		t.Logf("answer: %v", err)
	}
}

func (f *fakeAPI) record(t *testing.T, r *http.Request) (int, sentRequest) {
	t.Helper()
	seen := sentRequest{
		Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, apiVersion), Query: r.URL.RawQuery,
		Token: r.Header.Get("Authorization"), Guard: r.Header.Get("If-Unmodified-Since"),
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read request: %v", err)
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &seen.Body); err != nil {
			t.Errorf("request is no JSON: %v", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, seen)
	return len(f.calls), seen
}

// always answers every call the same.
func always(status int, body string) func(int, sentRequest) (int, string) {
	return func(int, sentRequest) (int, string) { return status, body }
}

// tokenList gives its tokens one after the other, a new one for each refusal.
type tokenList struct {
	domain  string
	mu      sync.Mutex
	names   []string
	refused []string
}

func (l *tokenList) Token(_ context.Context, refused string) (Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused != "" {
		l.refused = append(l.refused, refused)
		if len(l.names) > 1 {
			l.names = l.names[1:]
		}
	}
	return Token{AccessToken: l.names[0], APIDomain: l.domain, Expiry: time.Now().Add(time.Hour)}, nil
}

// testFields is the mapping of the tests.
func testFields() map[crm.Kind][]string {
	return map[crm.Kind][]string{
		crm.Contact: {"Last_Name", "Email", "Phone", "Score", "Email_Opt_Out", "Hobbies", "Account_Name"},
		crm.Company: {"Account_Name", "Website"},
	}
}

func newTestClient(t *testing.T, f *fakeAPI, changes ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		Tokens: &tokenList{domain: f.URL, names: []string{"1000.a", "1000.b", "1000.c"}}, HTTP: f.Client(),
		AccountsURL: "http://127.0.0.1:1", Fields: testFields(),
		Now: func() time.Time { return mustTime(t, "2026-11-23T10:00:00Z") },
	}
	for _, change := range changes {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func contactRef(id string) crm.Ref {
	return crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: id}
}

// wantError returns the CRM error in err without its cause.
func wantError(t *testing.T, err error) crm.Error {
	t.Helper()
	e := crm.AsError(err)
	if e == nil {
		t.Fatalf("got error %v, want a crm.Error", err)
	}
	plain := *e
	plain.Err = nil
	return plain
}
