package hubspot

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	testToken = "pat-na1-11111111-2222"
	testApp   = "39522895"
)

// exchange is one request that a test expects and the answer it gets.
type exchange struct {
	request string // method and path
	status  int    // 0 means 200
	header  map[string]string
	answer  string
	drop    bool // cut the connection and answer nothing
}

// sentRequest is a request as the server saw it.
type sentRequest struct {
	query string
	body  map[string]any
}

// script is a server that plays exchanges in order.
type script struct {
	t    *testing.T
	mu   sync.Mutex
	left []exchange
	sent []sentRequest
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.left) == 0 {
		s.t.Errorf("unexpected request %s %s", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := s.left[0]
	s.left = s.left[1:]
	if got := r.Method + " " + r.URL.Path; got != next.request {
		s.t.Errorf("request %q, want %q", got, next.request)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+testToken {
		s.t.Errorf("authorization header is not the token's")
	}
	s.sent = append(s.sent, sentRequest{query: r.URL.RawQuery, body: decodeBody(s.t, r)})
	if next.drop {
		panic(http.ErrAbortHandler)
	}
	for name, value := range next.header {
		w.Header().Set(name, value)
	}
	if next.status != 0 {
		w.WriteHeader(next.status)
	}
	if _, err := io.WriteString(w, next.answer); err != nil {
		s.t.Logf("the client left: %v", err)
	}
}

func decodeBody(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	if r.Method == http.MethodGet {
		return nil
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q, want application/json", got)
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		t.Errorf("request body: %v", err)
	}
	return body
}

// newScriptedClient starts a server with the exchanges and returns a client of
// it. The test fails if any exchange is left over.
func newScriptedClient(t *testing.T, exchanges ...exchange) (*Client, *script) {
	t.Helper()
	s := &script{t: t, left: exchanges}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if len(s.left) > 0 {
			t.Errorf("%d expected requests did not come, first %s", len(s.left), s.left[0].request)
		}
	})
	return newClient(t, server), s
}

func newClient(t *testing.T, server *httptest.Server) *Client {
	t.Helper()
	c, err := New(testConfig(server.URL, server.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testConfig(url string, client *http.Client) Config {
	return Config{
		URL: url, Token: testToken, AppID: testApp, HTTP: client,
		Fields: map[crm.Kind][]string{
			crm.Contact: {"lastname", "email", "associatedcompanyid"},
			crm.Company: {"name", "domain"},
		},
	}
}

const (
	contactRead   = "POST /crm/objects/2026-09/contacts/batch/read"
	contactCreate = "POST /crm/objects/2026-09/contacts/batch/create"
	contactUpdate = "POST /crm/objects/2026-09/contacts/batch/update"
	companyRead   = "POST /crm/objects/2026-09/companies/batch/read"
	companySearch = "POST /crm/objects/2026-09/companies/search"
)

func contactGet(id string) string { return "GET /crm/objects/2026-09/contacts/" + id }

// batchOf wraps records, or nothing, in the envelope of a batch.
func batchOf(records ...string) string {
	return `{"status":"COMPLETE","results":[` + strings.Join(records, ",") +
		`],"startedAt":"2026-11-04T20:29:54.816Z","completedAt":"2026-11-04T20:29:54.897Z"}`
}

// failedBatch is the envelope of a batch with one error and no result.
func failedBatch(item string) string {
	return `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[` + item + `]}`
}

func notFound(ids string) string {
	return failedBatch(`{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":[` + ids + `]}}`)
}

func contactRef(id string) crm.Ref {
	return crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: id}
}

func mustTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err) // a constant of a test
	}
	return t
}

// wantError compares err, without its cause, with want.
func wantError(t *testing.T, err error, want crm.Error) {
	t.Helper()
	got := crm.AsError(err)
	if got == nil {
		t.Fatalf("error %v, want a CRM error of kind %s", err, want.Kind)
	}
	plain := *got
	plain.Err = nil
	want.System = crm.HubSpot
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
