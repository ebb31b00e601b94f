package sendgridsim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sendgrid/sendgrid-go"
	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func serve(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	cfg.Clock = sim.NewManualClock(start)
	s := New(cfg)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// good is a request that is accepted.
const good = `{"personalizations":[{"to":[{"email":"ada@example.com"},{"email":"bob@example.com"}]}],` +
	`"from":{"email":"connector@example.com"},"subject":"Failures",` +
	`"content":[{"type":"text/plain","value":"text"},{"type":"text/html","value":"<p>html</p>"}]}`

func post(t *testing.T, url, key, kind, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+sendPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", kind)
	return do(t, req)
}

func get(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestAMailIsAcceptedAndKept(t *testing.T) {
	s, url := serve(t, Config{})
	resp, body := post(t, url, DefaultKey, "application/json", good)
	if resp.StatusCode != http.StatusAccepted || body != "" || resp.Header.Get("X-Message-Id") == "" {
		t.Fatalf("status %d, body %q, want 202 with an id and nothing else", resp.StatusCode, body)
	}
	want := []Mail{{ID: "simulated-000001", Accepted: start, From: "connector@example.com",
		To: []string{"ada@example.com", "bob@example.com"}, Subject: "Failures", Text: "text", HTML: "<p>html</p>"}}
	if diff := cmp.Diff(want, s.Mails()); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
}

func TestTheVendorsOwnClientIsServed(t *testing.T) {
	s, url := serve(t, Config{})
	request := sendgrid.GetRequest(DefaultKey, sendPath, url)
	request.Method = "POST"
	request.Body = mail.GetRequestBody(mail.NewSingleEmail(
		mail.NewEmail("Connector", "connector@example.com"), "Subject", mail.NewEmail("Ada", "ada@example.com"), "text", "<p>html</p>"))
	resp, err := sendgrid.MakeRequestWithContext(t.Context(), request)
	if err != nil || resp.StatusCode != http.StatusAccepted || len(s.Mails()) != 1 {
		t.Errorf("got %v, %v and %d mails, want 202 and one", resp, err, len(s.Mails()))
	}
}

// TestWhatSendGridRefuses changes one thing of a good request at a time.
func TestWhatSendGridRefuses(t *testing.T) {
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the request", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	many := strings.Repeat(`{"to":[{"email":"a@example.com"}]},`, 1000)
	tests := []struct {
		name, key, kind, body string
		status                int
		field                 any
	}{
		{"no key", "", "application/json", good, 401, nil},
		{"a wrong key", "SG.wrong", "application/json", good, 401, nil},
		{"a form", DefaultKey, "application/x-www-form-urlencoded", good, 415, nil},
		{"no content type", DefaultKey, "", good, 415, nil},
		{"no JSON", DefaultKey, "application/json; charset=utf-8", "{", 400, nil},
		{"an unknown field", DefaultKey, "application/json", change(`"subject"`, `"subjekt":"x","subject"`), 400, "subjekt"},
		{"a field of another type", DefaultKey, "application/json", change(`"Failures"`, `7`), 400, "subject"},
		{"no personalization", DefaultKey, "application/json", `{"personalizations":[]}`, 400, "personalizations"},
		{"too many personalizations", DefaultKey, "application/json", change(`[{"to"`, `[`+many+`{"to"`), 400, "personalizations"},
		{"no recipient", DefaultKey, "application/json", change(`[{"email":"ada@example.com"},{"email":"bob@example.com"}]`, `[]`), 400, "personalizations.0.to"},
		{"a recipient that is no address", DefaultKey, "application/json", change("bob@example.com", "bob"), 400, "personalizations.0.to.1.email"},
		{"a recipient with a line end", DefaultKey, "application/json", change("bob@example.com", `bob@example.com\r\nBcc: x@example.com`), 400, "personalizations.0.to.1.email"},
		{"a recipient twice", DefaultKey, "application/json", change("bob@", "Ada@"), 400, "personalizations.0"},
		{"a recipient twice in to and cc", DefaultKey, "application/json", change(`"to"`, `"cc":[{"email":"ada@example.com"}],"to"`), 400, "personalizations.0"},
		{"no sender", DefaultKey, "application/json", change(`"from":{"email":"connector@example.com"},`, ``), 400, "from"},
		{"a sender that is no address", DefaultKey, "application/json", change(`connector@example.com`, `connector`), 400, "from.email"},
		{"no subject", DefaultKey, "application/json", change(`"subject":"Failures",`, ``), 400, "subject"},
		{"a subject of two lines", DefaultKey, "application/json", change(`"Failures"`, `"a\r\nBcc: x@example.com"`), 400, "subject"},
		{"no content", DefaultKey, "application/json", change(`{"type":"text/plain","value":"text"},{"type":"text/html","value":"<p>html</p>"}`, ``), 400, "content"},
		{"empty content", DefaultKey, "application/json", change(`"value":"text"`, `"value":""`), 400, "content.0.value"},
		{"a content type of two lines", DefaultKey, "application/json", change(`text/plain`, `text/plain\r\n`), 400, "content.0.type"},
		{"HTML before text", DefaultKey, "application/json", strings.NewReplacer("text/plain", "text/html", "text/html", "text/plain").Replace(good), 400, "content"},
		{"two texts", DefaultKey, "application/json", change(`text/html`, `text/plain`), 400, "content"},
		{"a category twice", DefaultKey, "application/json", change(`"subject"`, `"categories":["a","a"],"subject"`), 400, "categories"},
		{"a header that is SendGrid's", DefaultKey, "application/json", change(`"subject"`, `"headers":{"BCC":"x@example.com"},"subject"`), 400, "headers"},
		{"a header of two lines", DefaultKey, "application/json", change(`"subject"`, `"headers":{"X-A":"a\r\nb"},"subject"`), 400, "headers"},
		{"long arguments", DefaultKey, "application/json", change(`"subject"`, `"custom_args":{"a":"`+strings.Repeat("x", 10_000)+`"},"subject"`), 400, "custom_args"},
		{"an unverified sender", DefaultKey, "application/json", change(`connector@example.com`, `connector@example.org`), 403, "from"},
	}
	s, url := serve(t, Config{Senders: []string{"@example.com"}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := post(t, url, tt.key, tt.kind, tt.body)
			var answer struct{ Errors []apiError }
			if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Errors) != 1 {
				t.Fatalf("status %d, body %q, want one error", resp.StatusCode, body)
			}
			if resp.StatusCode != tt.status || answer.Errors[0].Field != tt.field || answer.Errors[0].Message == "" {
				t.Errorf("status %d, field %v, want %d, %v", resp.StatusCode, answer.Errors[0].Field, tt.status, tt.field)
			}
		})
	}
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d refused mails were kept", n)
	}
}

func TestOtherAddressesAndMethodsAreRefused(t *testing.T) {
	_, url := serve(t, Config{})
	for path, want := range map[string]int{"/v3/mail/send": 405, "/v3/mail/sent": 404, "/": 404} {
		if resp, _ := get(t, http.MethodGet, url+path); resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestSandboxModeChecksAndSendsNothing(t *testing.T) {
	s, url := serve(t, Config{})
	body := strings.Replace(good, `"subject"`, `"mail_settings":{"sandbox_mode":{"enable":true}},"subject"`, 1)
	if resp, _ := post(t, url, DefaultKey, "application/json", body); resp.StatusCode != http.StatusOK || len(s.Mails()) != 0 {
		t.Errorf("status %d and %d mails, want 200 and none", resp.StatusCode, len(s.Mails()))
	}
}

func TestFaultsAreGivenOnDemand(t *testing.T) {
	s, url := serve(t, Config{})
	s.Faults.Add(sim.Fault{Status: http.StatusTooManyRequests, Body: `{"errors":[{"message":"too many requests","field":null}]}`, Count: 1})
	s.Faults.Add(sim.Fault{Status: http.StatusBadGateway, After: true, Count: 1})
	for _, want := range []struct{ status, mails int }{{429, 0}, {502, 1}, {202, 2}} {
		resp, _ := post(t, url, DefaultKey, "application/json", good)
		if resp.StatusCode != want.status || len(s.Mails()) != want.mails {
			t.Errorf("status %d with %d mails, want %d with %d", resp.StatusCode, len(s.Mails()), want.status, want.mails)
		}
	}
}

func TestTheControlAPIShowsTheMails(t *testing.T) {
	_, url := serve(t, Config{})
	if _, body := get(t, http.MethodGet, url+"/_sim/mails"); body != `{"mails":[]}`+"\n" {
		t.Errorf("before the first: %s", body)
	}
	post(t, url, DefaultKey, "application/json", strings.Replace(good, "Failures", "<b>Failures", 1))
	for path, want := range map[string]string{
		"/_sim/mails":        `"subject":"\u003cb\u003eFailures"`,
		"/_sim/":             `<a href="mails/1/html">&lt;b&gt;Failures</a>`,
		"/_sim/mails/1/html": "<p>html</p>",
		"/_sim/mails/1/text": "text",
	} {
		if _, body := get(t, http.MethodGet, url+path); !strings.Contains(body, want) {
			t.Errorf("%s: %s does not have %s", path, body, want)
		}
	}
	if resp, _ := get(t, http.MethodGet, url+"/_sim/mails/1/html"); !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Error("the mail may run scripts")
	}
	for _, path := range []string{"/_sim/mails/2/html", "/_sim/mails/0/html", "/_sim/mails/x/html", "/_sim/mails/1/raw"} {
		if resp, _ := get(t, http.MethodGet, url+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, resp.StatusCode)
		}
	}
	get(t, http.MethodDelete, url+"/_sim/mails")
	if _, body := get(t, http.MethodGet, url+"/_sim/mails"); body != `{"mails":[]}`+"\n" {
		t.Errorf("after the reset: %s", body)
	}
}
