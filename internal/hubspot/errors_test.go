package hubspot

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func rateLimit(message, policy string) string {
	return `{"status":"error","message":"` + message + `","errorType":"RATE_LIMIT","correlationId":"c"` + policy + `}`
}

func TestStatusesAreClassified(t *testing.T) {
	date := "Mon, 23 Nov 2026 10:00:00 GMT"
	tests := map[string]struct {
		status int
		header map[string]string
		answer string
		want   crm.Error
	}{
		"expired token": {401, nil, `{"category":"EXPIRED_AUTHENTICATION","message":"The OAuth token used to make this call expired 3 second(s) ago."}`,
			crm.Error{Kind: crm.Unauthorized, Code: "EXPIRED_AUTHENTICATION"}},
		"bad token": {401, nil, `{"category":"INVALID_AUTHENTICATION"}`, crm.Error{Kind: crm.Unauthorized, Code: "INVALID_AUTHENTICATION"}},
		"missing scope": {403, nil, `{"category":"MISSING_SCOPES","errors":[{"context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`,
			crm.Error{Kind: crm.Forbidden, Code: "MISSING_SCOPES"}},
		"ten seconds' limit": {429, nil, rateLimit("You have reached your ten_secondly_rolling limit.", `,"policyName":"TEN_SECONDLY_ROLLING"`),
			crm.Error{Kind: crm.RateLimited, Code: "TEN_SECONDLY_ROLLING", RetryAfter: 10 * time.Second}},
		"limit without a policy name": {429, nil, rateLimit("You have reached your ten_secondly_rolling limit.", ""),
			crm.Error{Kind: crm.RateLimited, Code: "TEN_SECONDLY_ROLLING", RetryAfter: 10 * time.Second}},
		"search limit": {429, nil, rateLimit("You have reached your secondly limit.", ""),
			crm.Error{Kind: crm.RateLimited, Code: "SECONDLY", RetryAfter: time.Second}},
		"daily limit": {429, nil, rateLimit("You have reached your daily limit.", ""),
			crm.Error{Kind: crm.RateLimited, Code: "DAILY", RetryAfter: time.Hour}},
		"limit by category alone": {429, nil, `{"category":"RATE_LIMITS"}`,
			crm.Error{Kind: crm.RateLimited, Code: "RATE_LIMITS", RetryAfter: 10 * time.Second}},
		"limit with Retry-After": {429, map[string]string{"Retry-After": "3"}, rateLimit("", `,"policyName":"TEN_SECONDLY_ROLLING"`),
			crm.Error{Kind: crm.RateLimited, Code: "TEN_SECONDLY_ROLLING", RetryAfter: 3 * time.Second}},
		"limit with Retry-After in milliseconds": {429, map[string]string{"Retry-After": "9000"}, rateLimit("", `,"policyName":"TEN_SECONDLY_ROLLING"`),
			crm.Error{Kind: crm.RateLimited, Code: "TEN_SECONDLY_ROLLING", RetryAfter: 10 * time.Second}},
		"limit with Retry-After as date": {429, map[string]string{"Retry-After": "Mon, 23 Nov 2026 10:00:20 GMT", "Date": date}, `<html>`,
			crm.Error{Kind: crm.RateLimited, RetryAfter: 20 * time.Second}},
		"limit with senseless Retry-After": {429, map[string]string{"Retry-After": "NaN"}, ``,
			crm.Error{Kind: crm.RateLimited, RetryAfter: 10 * time.Second}},
		"locked":      {423, nil, `{}`, crm.Error{Kind: crm.Locked, RetryAfter: 2 * time.Second}},
		"moving away": {477, map[string]string{"Retry-After": "999999"}, ``, crm.Error{Kind: crm.Unavailable, RetryAfter: 24 * time.Hour}},
		"moving away for an unknown time": {477, nil, ``,
			crm.Error{Kind: crm.Unavailable, RetryAfter: 10 * time.Minute}},
		"URI too long": {414, nil, ``, crm.Error{Kind: crm.Refused}},
		"a redirect":   {302, map[string]string{"Location": "/elsewhere"}, ``, crm.Error{Kind: crm.Refused}},
		"wrong path":   {404, nil, `<html>not found</html>`, crm.Error{Kind: crm.Refused}},
		"bad request without a category": {400, nil, `{"message":"Unable to infer object type from: butterflies"}`,
			crm.Error{Kind: crm.Refused}},
		"changed meanwhile": {412, nil, ``, crm.Error{Kind: crm.Conflict}},
		"out of order":      {500, nil, `{"category":"INTERNAL_ERROR"}`, crm.Error{Kind: crm.Unavailable, Code: "INTERNAL_ERROR", Ambiguous: true}},
		"bad gateway":       {502, nil, `<html><body>Bad gateway</body></html>`, crm.Error{Kind: crm.Unavailable, Ambiguous: true}},
		"time-out at the edge": {524, map[string]string{"Retry-After": "30"}, `<html>`,
			crm.Error{Kind: crm.Unavailable, Ambiguous: true, RetryAfter: 30 * time.Second}},
		"request time-out":        {408, nil, ``, crm.Error{Kind: crm.Unavailable, Ambiguous: true}},
		"a category with a value": {400, nil, `{"category":"a@x.com"}`, crm.Error{Kind: crm.Refused}},
		"an array":                {400, nil, `[1]`, crm.Error{Kind: crm.Refused}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := exchange{status: test.status, header: test.header, answer: test.answer}
			read, create := answer, answer
			read.request, create.request = contactRead, contactCreate
			c, _ := newScriptedClient(t, create, read)
			test.want.Status = test.status
			_, err := c.Create(t.Context(), crm.Contact, someWrite())
			test.want.Action = "create"
			wantError(t, err, test.want)
			c.limiter = newRateLimiter(1) // the old one was adjusted to the answer
			_, err = c.Read(t.Context(), contactRef("101"))
			test.want.Action, test.want.Ambiguous = "read", false
			wantError(t, err, test.want)
		})
	}
}

func TestMissingScopesAreNamed(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, status: 403,
		answer: `{"category":"MISSING_SCOPES","context":{"requiredGranularScopes":["crm.objects.contacts.read","a@x.com"]}}`})
	_, err := c.Read(t.Context(), contactRef("101"))
	want := "hubspot read: forbidden, status 403, code MISSING_SCOPES: missing scopes crm.objects.contacts.read"
	if err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestALostAnswerIsAmbiguousForWritesOnly(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactCreate, drop: true}, exchange{request: contactRead, drop: true})
	_, err := c.Create(t.Context(), crm.Contact, someWrite())
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Unavailable, Ambiguous: true})
	_, err = c.Read(t.Context(), contactRef("101"))
	wantError(t, err, crm.Error{Action: "read", Kind: crm.Unavailable})
}

func TestAnAnswerCutShortIsAmbiguousForWrites(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactCreate, status: 201, header: map[string]string{"Content-Length": "1000"}, answer: `{"results"`})
	_, err := c.Create(t.Context(), crm.Contact, someWrite())
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Unavailable, Status: 201, Ambiguous: true})
}

func TestAConnectionThatWasNeverMadeIsNotAmbiguous(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	c := newClient(t, server)
	server.Close()
	_, err := c.Create(t.Context(), crm.Contact, someWrite())
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Unavailable})
}

func TestACancelledContextIsTheCauseOfTheError(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(started)
		<-ended
	}))
	defer server.Close()
	defer close(ended)
	c := newClient(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	_, err := c.Create(ctx, crm.Contact, someWrite())
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Unavailable, Ambiguous: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v does not contain the cancellation", err)
	}
	_, err = c.Create(ctx, crm.Contact, someWrite())
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Unavailable})
}

func TestCausesOfALostAnswer(t *testing.T) {
	tests := map[string]struct {
		cause     error
		want      error
		ambiguous bool
	}{
		"the answer took too long":  {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, context.DeadlineExceeded, true},
		"connecting took too long":  {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, context.DeadlineExceeded, false},
		"the connection was reset":  {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, syscall.ECONNRESET, true},
		"the connection is refused": {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, syscall.ECONNREFUSED, false},
		"the connection was closed": {io.EOF, io.ErrUnexpectedEOF, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			failing := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, test.cause })}
			c, err := New(testConfig("https://hubspot.test", failing))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Update(t.Context(), crm.Record{Ref: contactRef("101")}, someWrite())
			wantError(t, err, crm.Error{Action: "update", Kind: crm.Unavailable, Ambiguous: test.ambiguous})
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want the cause %v", err, test.want)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		spaces := []byte(strings.Repeat(" ", 1<<20))
		// The first part would be a valid answer.
		if _, err := io.WriteString(w, batchOf(jane)); err != nil {
			t.Errorf("write: %v", err)
		}
		for range 33 {
			if _, err := w.Write(spaces); err != nil {
				return // the client stopped reading
			}
		}
	}))
	defer server.Close()
	_, err := newClient(t, server).Read(t.Context(), contactRef("101"))
	wantError(t, err, crm.Error{Action: "read", Kind: crm.Refused, Status: 200})
}

func TestErrorTextsContainNoValues(t *testing.T) {
	bodies := map[string]string{
		"validation":   twoBadValues,
		"conflict":     `{"category":"CONFLICT","message":"secret already exists. Existing ID: 12"}`,
		"odd category": `{"category":"SECRET secret@person","errorType":"secret","policyName":"secret","code":"secret","context":{"propertyName":["secret@person"]}}`,
		"html":         `<html>secret</html>`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 207, 302, 400, 403, 409, 429, 500} {
			t.Run(name+" "+http.StatusText(status), func(t *testing.T) {
				c, _ := newScriptedClient(t, exchange{request: contactRead, status: status, answer: body, header: map[string]string{"Location": "http://secret.test/secret"}})
				_, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Field: "email", Value: "secret@person"}})
				if err == nil {
					t.Fatal("no error")
				}
				if text := strings.ToLower(err.Error()); strings.Contains(text, "secret") || strings.Contains(text, testToken) {
					t.Errorf("the error contains too much: %s", text)
				}
			})
		}
	}
}

func TestATransportErrorContainsNoAddress(t *testing.T) {
	for name, cause := range map[string]error{
		"unknown": errors.New(`malformed HTTP response "secret"`), "tls": &tls.CertificateVerificationError{Err: errors.New("secret")}} {
		failing := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, cause })}
		c, err := New(testConfig("https://secret.test", failing))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(t.Context(), contactRef("101"))
		if diff := cmp.Diff("hubspot read: unavailable: no valid answer", err.Error()); diff != "" {
			t.Errorf("%s cause (-want +got):\n%s", name, diff)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzStatusError: no body gets into the text of an error, and every body gives
// an error.
func FuzzStatusError(f *testing.F) {
	for _, body := range []string{twoBadValues, conflict(`"existingId":["1"]`), rateLimit("daily", ""), `<html>`, `[]`, `{"errors":{},"context":[]}`} {
		for _, status := range []int{207, 400, 403, 404, 409, 429, 502} {
			f.Add(status, body, "5")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, wait string) {
		req := request{action: actionUpdate, method: http.MethodPost}
		for _, e := range []*crm.Error{
			req.statusError(status, http.Header{"Retry-After": {wait}}, []byte(body)),
			req.itemError(status, parseErrorBody([]byte(body))),
		} {
			if e.Kind == "" || e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
				t.Errorf("kind %q, retry after %s", e.Kind, e.RetryAfter)
			}
			if text := e.Error(); strings.ContainsAny(text, "@<>\"'\n") {
				t.Errorf("the text may hold a part of the body: %s", text)
			}
		}
	})
}
