package zoho

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func failedAnswer(code, details, message string) string {
	return `{"code":"` + code + `","details":` + details + `,"message":"` + message + `","status":"error"}`
}

// faults is the table of errors of the API, with the result of each in an
// update.
var apiErrors = []struct {
	name   string
	status int
	item   string
	want   crm.Error
}{
	{"a mandatory field", 400, failedAnswer("MANDATORY_NOT_FOUND", `{"api_name":"Last_Name","json_path":"$.data[0].Last_Name"}`, "required field not found"),
		crm.Error{Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND", Fields: []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY_NOT_FOUND"}}}},
	{"an invalid value", 207, failedAnswer("INVALID_DATA", `{"api_name":"Email","json_path":"$.data[0].Email","expected_data_type":"email","maximum_length":100}`, "invalid data"),
		crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Email", Code: "INVALID_DATA"}}}},
	{"a value that is too long", 400, failedAnswer("INVALID_DATA", `{"api_name":"Phone","json_path":"$.data[0].Phone","maximum_length":30}`, "invalid data"),
		crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Phone", Code: "INVALID_DATA_LENGTH", Detail: "at most 30"}}}},
	{"a value of another type", 400, failedAnswer("INVALID_DATA", `{"api_name":"Email","json_path":"$.data[0].Email","expected_data_type":"email"}`, "invalid data"),
		crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Email", Code: "INVALID_DATA_TYPE", Detail: "of the type email"}}}},
	{"a value that is no option", 400, failedAnswer("INVALID_DATA", `{"api_name":"Rating","json_path":"$.data[0].Rating","supported_values":[{"actual_value":"Hot"}]}`, "invalid data"),
		crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Rating", Code: "INVALID_DATA_OPTION", Detail: "one of the options"}}}},
	{"an invalid lookup", 400, failedAnswer("INVALID_DATA", `{"api_name":"id","json_path":"$.data[0].Account_Name.id"}`, "the id given seems to be invalid"),
		crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Account_Name", Code: "INVALID_DATA"}}}},
	{"a wrong record id", 400, failedAnswer("INVALID_DATA", `{"api_name":"id","json_path":"$.data[0].id"}`, "the id given seems to be invalid"),
		crm.Error{Kind: crm.NotFound, Code: "INVALID_DATA"}},
	{"a wrong record id without details", 400, failedAnswer("INVALID_DATA", `{}`, "the id given seems to be invalid"),
		crm.Error{Kind: crm.NotFound, Code: "INVALID_DATA"}},
	{"a duplicate with its record", 400, failedAnswer("DUPLICATE_DATA", `{"api_name":"HubSpot_ID","duplicate_record":{"Owner":{"name":"Pranav","id":"1","zuid":"2"},"id":"2008662000006256222"},"json_path":"$.data[0].HubSpot_ID","id":"3","more_records":false}`, "duplicate data"),
		crm.Error{Kind: crm.Duplicate, Code: "DUPLICATE_DATA", ExistingID: "2008662000006256222", Fields: []crm.FieldError{{Field: "HubSpot_ID", Code: "DUPLICATE_DATA"}}}},
	{"a duplicate with an id", 400, failedAnswer("DUPLICATE_DATA", `{"api_name":"Email","json_path":"$.data[0].Email","id":"2008662000006256222"}`, "duplicate data"),
		crm.Error{Kind: crm.Duplicate, Code: "DUPLICATE_DATA", ExistingID: "2008662000006256222", Fields: []crm.FieldError{{Field: "Email", Code: "DUPLICATE_DATA"}}}},
	{"a duplicate without an id", 400, failedAnswer("DUPLICATE_DATA", `{"api_name":"Email","id":"someone@x.eu"}`, "duplicate data"),
		crm.Error{Kind: crm.Duplicate, Code: "DUPLICATE_DATA", Fields: []crm.FieldError{{Field: "Email", Code: "DUPLICATE_DATA"}}}},
	{"several errors", 207, failedAnswer("MULTIPLE_OR_MULTI_ERRORS", `{"errors":[`+
		failedAnswer("INVALID_DATA", `{"api_name":"Email","json_path":"$.data[0].Email"}`, "x")+`,`+
		failedAnswer("MANDATORY_NOT_FOUND", `{"api_name":"Last_Name","json_path":"$.data[0].Last_Name"}`, "x")+`]}`, "x"),
		crm.Error{Kind: crm.Missing, Code: "MULTIPLE_OR_MULTI_ERRORS", Fields: []crm.FieldError{{Field: "Email", Code: "INVALID_DATA"}, {Field: "Last_Name", Code: "MANDATORY_NOT_FOUND"}}}},
	{"a duplicate among several errors", 207, failedAnswer("MULTIPLE_OR_MULTI_ERRORS", `{"errors":[`+
		failedAnswer("MANDATORY_NOT_FOUND", `{"api_name":"Last_Name"}`, "x")+`,`+failedAnswer("DUPLICATE_DATA", `{"api_name":"HubSpot_ID","id":"9"}`, "x")+`]}`, "x"),
		crm.Error{Kind: crm.Duplicate, Code: "MULTIPLE_OR_MULTI_ERRORS", ExistingID: "9", Fields: []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY_NOT_FOUND"}, {Field: "HubSpot_ID", Code: "DUPLICATE_DATA"}}}},
	{"a field that needs another", 400, failedAnswer("DEPENDENT_FIELD_MISSING", `{"dependee":{"api_name":"Country","json_path":"$.data[0].Country"},"api_name":"State","json_path":"$.data[0].State"}`, "x"),
		crm.Error{Kind: crm.Missing, Code: "DEPENDENT_FIELD_MISSING", Fields: []crm.FieldError{{Field: "Country", Code: "DEPENDENT_FIELD_MISSING"}}}},
	{"a field that contradicts another", 400, failedAnswer("DEPENDENT_MISMATCH", `{"dependee":{"api_name":"Country"},"api_name":"State","json_path":"$.data[0].State"}`, "x"),
		crm.Error{Kind: crm.Invalid, Code: "DEPENDENT_MISMATCH", Fields: []crm.FieldError{{Field: "State", Code: "DEPENDENT_MISMATCH"}}}},
	{"an unknown code that names a field", 400, failedAnswer("PATTERN_NOT_MATCHED", `{"api_name":"Phone"}`, "x"),
		crm.Error{Kind: crm.Invalid, Code: "PATTERN_NOT_MATCHED", Fields: []crm.FieldError{{Field: "Phone", Code: "PATTERN_NOT_MATCHED"}}}},
	{"an unknown code", 400, failedAnswer("SOMETHING_NEW", `{}`, "x"), crm.Error{Kind: crm.Refused, Code: "SOMETHING_NEW"}},
	{"a code that quotes a value", 400, failedAnswer("jane@x.eu", `{"api_name":"jane@x.eu"}`, "jane@x.eu"), crm.Error{Kind: crm.Refused}},
	{"a conflict", 412, failedAnswer("ALREADY_MODIFIED", `{"id":"1","Modified_Time":"2026-11-23T10:00:00+01:00"}`, "x"), crm.Error{Kind: crm.Conflict, Code: "ALREADY_MODIFIED"}},
	{"a conflict with another code", 412, failedAnswer("PRECONDITION", `{}`, "x"), crm.Error{Kind: crm.Conflict, Code: "PRECONDITION"}},
	{"a conflict with another status", 400, failedAnswer("ALREADY_MODIFIED", `{}`, "x"), crm.Error{Kind: crm.Conflict, Code: "ALREADY_MODIFIED"}},
	{"a locked record", 400, failedAnswer("RECORD_LOCKED", `{}`, "x"), crm.Error{Kind: crm.Locked, Code: "RECORD_LOCKED"}},
	{"a record that waits for approval", 400, failedAnswer("NOT_APPROVED", `{}`, "x"), crm.Error{Kind: crm.Locked, Code: "NOT_APPROVED"}},
	{"a record in a blueprint", 400, failedAnswer("RECORD_IN_BLUEPRINT", `{}`, "x"), crm.Error{Kind: crm.Refused, Code: "RECORD_IN_BLUEPRINT"}},
	{"a dependent service", 400, failedAnswer("DEPENDENT_SERVICE_ERROR", `{}`, "x"), crm.Error{Kind: crm.Refused, Code: "DEPENDENT_SERVICE_ERROR"}},
	{"too many of something", 400, failedAnswer("LIMIT_EXCEEDED", `{"limit":50}`, "x"), crm.Error{Kind: crm.Refused, Code: "LIMIT_EXCEEDED"}},
	{"an unknown module", 400, failedAnswer("INVALID_MODULE", `{"resource_path_index":0}`, "x"), crm.Error{Kind: crm.Refused, Code: "INVALID_MODULE"}},
	{"a missing authorisation", 400, failedAnswer("AUTHORIZATION_FAILED", `{}`, "x"), crm.Error{Kind: crm.Forbidden, Code: "AUTHORIZATION_FAILED"}},
	{"a missing scope", 401, failedAnswer("OAUTH_SCOPE_MISMATCH", `{}`, "Unauthorized"), crm.Error{Kind: crm.Forbidden, Code: "OAUTH_SCOPE_MISMATCH"}},
	{"a missing permission", 403, failedAnswer("NO_PERMISSION", `{"permissions":["x"]}`, "x"), crm.Error{Kind: crm.Forbidden, Code: "NO_PERMISSION"}},
	{"a wrong URL", 404, failedAnswer("INVALID_URL_PATTERN", `{}`, "x"), crm.Error{Kind: crm.Refused, Code: "INVALID_URL_PATTERN"}},
	{"a used-up quota or concurrency", 429, failedAnswer("TOO_MANY_REQUESTS", `{}`, "Number of API requests for the 24 hour period is exceeded or the concurrency limit of the user for the app is exceeded."),
		crm.Error{Kind: crm.RateLimited, Code: "TOO_MANY_REQUESTS", RetryAfter: retryConcurrency}},
	{"a used-up quota", 429, failedAnswer("TOO_MANY_REQUESTS", `{}`, "Number of API requests for the 24 hour period is exceeded."),
		crm.Error{Kind: crm.RateLimited, Code: "TOO_MANY_REQUESTS", RetryAfter: retryCredits}},
	{"a rate limit in the older form", 429, `{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"You have reached the concurrency limit"}`,
		crm.Error{Kind: crm.RateLimited, Code: "TOO_MANY_REQUESTS", RetryAfter: retryConcurrency}},
	{"a rate limit with another status", 400, failedAnswer("RATE_LIMIT_EXCEEDED", `{}`, "x"), crm.Error{Kind: crm.RateLimited, Code: "RATE_LIMIT_EXCEEDED", RetryAfter: retryConcurrency}},
	{"a rate limit as a page of HTML", 429, `<html>`, crm.Error{Kind: crm.RateLimited, RetryAfter: retryConcurrency}},
	{"a server error", 500, failedAnswer("INTERNAL_ERROR", `{}`, "Internal Server Error"), crm.Error{Kind: crm.Unavailable, Code: "INTERNAL_ERROR", Ambiguous: true}},
	{"a server error of one record", 207, failedAnswer("INTERNAL_ERROR", `{}`, "x"), crm.Error{Kind: crm.Unavailable, Code: "INTERNAL_ERROR", Ambiguous: true}},
	{"a page of HTML", 502, `<html>Bad Gateway</html>`, crm.Error{Kind: crm.Unavailable, Ambiguous: true}},
	{"a page of HTML as refusal", 400, `<html>`, crm.Error{Kind: crm.Refused}},
	{"details that are a text", 400, failedAnswer("INVALID_DATA", `"x"`, "invalid data"), crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA"}},
}

func TestEveryErrorIsReadFlatAndInAList(t *testing.T) {
	for _, tt := range apiErrors {
		bodies := map[string]string{"flat": tt.item}
		if strings.HasPrefix(tt.item, `{"code":"`) {
			bodies["in a list"] = `{"data":[` + tt.item + `]}`
		}
		for form, body := range bodies {
			t.Run(tt.name+" "+form, func(t *testing.T) {
				f := newFakeAPI(t, always(tt.status, body))
				rec := crm.Record{Ref: contactRef(janeID)}
				_, err := newTestClient(t, f).Update(t.Context(), rec, crm.Write{CounterpartID: "7"})
				want := tt.want
				want.System, want.Action, want.Status = crm.Zoho, "update", tt.status
				if diff := cmp.Diff(want, wantError(t, err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if strings.Contains(err.Error(), "@") || strings.Contains(err.Error(), "html") {
					t.Errorf("the answer shows in %v", err)
				}
			})
		}
	}
}

func TestACreateHasNoRecordThatCouldBeMissing(t *testing.T) {
	f := newFakeAPI(t, always(400, `{"data":[`+failedAnswer("INVALID_DATA", `{}`, "the id given seems to be invalid")+`]}`))
	_, err := newTestClient(t, f).Create(t.Context(), crm.Contact, crm.Write{CounterpartID: "7"})
	if e := wantError(t, err); e.Kind != crm.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "999999": 24 * time.Hour, "-1": retryConcurrency, "soon": retryConcurrency,
	} {
		f := newFakeAPI(t, always(429, "{}"))
		plain := f.Config.Handler
		f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			plain.ServeHTTP(w, r)
		})
		_, err := newTestClient(t, f).Find(t.Context(), crm.Contact, []crm.Key{{Value: "1"}})
		if e := wantError(t, err); e.RetryAfter != want {
			t.Errorf("Retry-After %q: stay away for %s, want %s", header, e.RetryAfter, want)
		}
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	for _, code := range []string{"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"} {
		t.Run(code, func(t *testing.T) {
			f := newFakeAPI(t, func(_ int, r sentRequest) (int, string) {
				if r.Token != "Zoho-oauthtoken 1000.b" {
					return 401, failedAnswer(code, "{}", "invalid oauth token")
				}
				return 200, savedResult(janeID)
			})
			tokens := &tokenList{domain: f.URL, names: []string{"1000.a", "1000.b"}}
			c := newTestClient(t, f, func(cfg *Config) { cfg.Tokens = tokens })
			if _, err := c.Update(t.Context(), crm.Record{Ref: contactRef(janeID)}, crm.Write{CounterpartID: "7"}); err != nil {
				t.Fatal(err)
			}
			if len(f.calls) != 2 {
				t.Fatalf("%d calls were made, want 2", len(f.calls))
			}
			if diff := cmp.Diff(f.calls[0].Body, f.calls[1].Body); diff != "" {
				t.Errorf("the repeated call differs:\n%s", diff)
			}
			if diff := cmp.Diff([]string{"1000.a"}, tokens.refused); diff != "" {
				t.Errorf("refused tokens (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATokenThatStaysRefusedIsUnauthorized(t *testing.T) {
	f := newFakeAPI(t, always(401, failedAnswer("INVALID_TOKEN", "{}", "invalid oauth token")))
	_, err := newTestClient(t, f).Update(t.Context(), crm.Record{Ref: contactRef(janeID)}, crm.Write{CounterpartID: "7"})
	want := crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Unauthorized, Status: 401, Code: "INVALID_TOKEN"}
	if diff := cmp.Diff(want, wantError(t, err)); diff != "" || len(f.calls) != 2 {
		t.Errorf("%d calls, error (-want +got):\n%s", len(f.calls), diff)
	}
}

// tokenFunc is a TokenSource.
type tokenFunc func(refused string) (Token, error)

func (f tokenFunc) Token(_ context.Context, refused string) (Token, error) { return f(refused) }

func TestNoCallIsMadeWithoutAProperToken(t *testing.T) {
	tests := []struct {
		name  string
		token Token
		err   error
		want  crm.ErrorKind
	}{
		{"a lost consent", Token{}, ErrConsentLost, crm.Unauthorized},
		{"a throttle", Token{}, ErrThrottled, crm.Unavailable},
		{"another host", Token{AccessToken: "1000.a", APIDomain: "https://evil.example"}, nil, crm.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(Config{
				Tokens: tokenFunc(func(string) (Token, error) { return tt.token, tt.err }),
				HTTP:   &http.Client{Transport: noTransport{t}}, AccountsURL: "https://accounts.zoho.eu",
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Create(t.Context(), crm.Contact, crm.Write{CounterpartID: "7"})
			if e := wantError(t, err); e.Kind != tt.want || e.Ambiguous || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("got %v (ambiguous %t), want %s", err, e.Ambiguous, tt.want)
			}
		})
	}
}

// noTransport fails the test if anything is sent.
type noTransport struct{ t *testing.T }

func (n noTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request went to %s", r.URL.Host)
	return nil, errors.New("no network")
}

// brokenTransport fails every request.
type brokenTransport struct{ err error }

func (b brokenTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestAWriteWithoutAnswerIsAmbiguousUnlessItNeverLeft(t *testing.T) {
	tests := []struct {
		name      string
		err       error
		ambiguous bool
	}{
		{"a reset connection", &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, true},
		{"a time-out", context.DeadlineExceeded, true},
		{"a refused connection", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(Config{
				Tokens: &tokenList{domain: "https://www.zohoapis.eu", names: []string{"1000.a"}},
				HTTP:   &http.Client{Transport: brokenTransport{tt.err}},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Create(t.Context(), crm.Contact, crm.Write{CounterpartID: "7"})
			if e := wantError(t, err); e.Kind != crm.Unavailable || e.Ambiguous != tt.ambiguous || !errors.Is(err, tt.err) {
				t.Errorf("got %v (ambiguous %t), want ambiguous %t", err, e.Ambiguous, tt.ambiguous)
			}
			if strings.Contains(err.Error(), "zohoapis") {
				t.Errorf("the URL shows in %v", err)
			}
			_, err = c.Read(t.Context(), contactRef(janeID))
			if e := wantError(t, err); e.Kind != crm.Unavailable || e.Ambiguous {
				t.Errorf("a read: got %v (ambiguous %t), want unavailable", err, e.Ambiguous)
			}
		})
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	f := newFakeAPI(t, always(302, ""))
	plain := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		plain.ServeHTTP(w, r)
	})
	_, err := newTestClient(t, f).Find(t.Context(), crm.Contact, []crm.Key{{Value: "1"}})
	if e := wantError(t, err); e.Status != 302 || len(f.calls) != 1 {
		t.Errorf("got %v after %d calls, want the redirect itself", err, len(f.calls))
	}
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	f := newFakeAPI(t, always(200, `{"data":[`+strings.Repeat(" ", maxAnswer)+`]}`))
	_, err := newTestClient(t, f).Update(t.Context(), crm.Record{Ref: contactRef(janeID)}, crm.Write{CounterpartID: "7"})
	want := crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Refused, Status: 200, Code: "ANSWER_TOO_LARGE", Ambiguous: true}
	if diff := cmp.Diff(want, wantError(t, err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
