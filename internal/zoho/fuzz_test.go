package zoho

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// parrot gives the same answer to every call but the one that reads our own
// user.
type parrot struct {
	status int
	body   string
	calls  int
}

func (p *parrot) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.calls++; p.calls > maxCalls {
		panic("calls without end")
	}
	status, body := p.status, p.body
	if strings.HasSuffix(r.URL.Path, "/users") && r.URL.Query().Get("type") == "CurrentUser" {
		status, body = 200, `{"users":[{"id":"`+ownUser+`"}]}`
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// answerBodies are answers of Zoho to calls of every kind.
var answerBodies = []string{
	`{"data":[{"id":"1","Last_Name":"x","HubSpot_ID":"5","Modified_Time":"2026-11-23T10:00:00+01:00","Created_Time":"2026-11-23T10:00:00+01:00","Modified_By":{"id":"` + ownUser + `","name":"bot"}}],"info":{"more_records":false}}`,
	`{"data":[{"code":"SUCCESS","details":{"id":"1","Modified_Time":"2026-11-23T10:00:00+01:00"},"status":"success"},{"code":"DUPLICATE_DATA","details":{"api_name":"HubSpot_ID","duplicate_record":{"id":"7"}},"status":"error"},{}]}`,
	`{"data":[{"code":"MULTIPLE_OR_MULTI_ERRORS","details":{"errors":[{"code":"INVALID_DATA","details":{"api_name":"Email"}}]},"status":"error"}]}`,
	`{"__timeline":[{"audited_time":"2026-11-23T10:00:00+01:00","action":"updated","done_by":{"id":"1"},"field_history":[{"api_name":"Email","_value":{"old":"a","new":"b"}}]}],"info":{"more_records":true,"next_page_token":"t"}}`,
	`{"data":[{"id":"1","deleted_time":"2026-11-23T10:00:00+01:00","type":"recycle"}],"info":{"more_records":true,"page":1}}`,
	`{"fields":[{"api_name":"Email","data_type":"email","length":100}]}`,
	`{"users":[{"id":"1","email":"o@example.com","status":"active"}],"info":{"more_records":true}}`,
	`{"watch":[{"channel_id":"1","channel_expiry":"2026-11-23T10:00:00+01:00","resource_name":"Contacts","events":["Contacts.all"]}],"info":{"more_records":true}}`,
	`{"data":null}`, `{"data":{}}`, `[]`, `{"code":"INVALID_TOKEN","details":{},"message":"x","status":"error"}`, `<html>`, ``,
}

// maxCalls bounds the calls of one input: the walks stop after a hundred pages.
const maxCalls = 1000

// FuzzAnswers: any answer to any call ends in a record that was requested or in
// an error that quotes nothing, after a bounded number of calls.
func FuzzAnswers(f *testing.F) {
	for _, body := range answerBodies {
		for _, status := range []int{200, 201, 204, 207, 400, 401} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return // not HTTP
		}
		p := &parrot{status: status, body: body}
		c, err := New(Config{
			Tokens: &tokenList{domain: "http://127.0.0.1:9001", names: []string{"1000.a", "1000.b"}},
			HTTP:   &http.Client{Transport: p}, AccountsURL: "http://127.0.0.1:9000", Fields: testFields(),
		})
		if err != nil {
			t.Fatal(err)
		}
		callEverything(t, c)
	})
}

// callEverything makes a call of every kind.
func callEverything(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	ref := crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "1"}
	rec, err := c.Read(ctx, ref)
	checkError(t, "read", rec.Ref, err)
	many := c.ReadMany(ctx, crm.Contact, []string{"1", "2", "3"})
	for _, id := range []string{"1", "2", "3"} {
		a, there := many[id]
		if !there {
			t.Errorf("no answer about %s", id)
		}
		checkError(t, "read many", a.Value.Ref, a.Err)
	}
	if len(many) != 3 {
		t.Errorf("%d answers for 3 ids", len(many))
	}
	_, err = c.WithHistory(ctx, crm.Record{Ref: ref})
	checkError(t, "history", ref, err)
	found, err := c.Find(ctx, crm.Contact, []crm.Key{{Value: "5"}, {Field: "Email", Value: "a@example.com"}})
	checkError(t, "find", ref, err)
	for _, r := range found {
		checkError(t, "found", r.Ref, nil)
	}
	write := crm.Write{CounterpartID: "5", Fields: map[string]crm.Value{"Email": {Type: crm.Text, Text: "a@example.com"}}}
	for _, a := range c.CreateMany(ctx, crm.Contact, []crm.Write{write, write, write}) {
		checkError(t, "create", a.Value.Ref, a.Err)
	}
	done, err := c.Update(ctx, crm.Record{Ref: ref}, write)
	checkError(t, "update", done.Ref, err)
	walk := crm.Walk{Kind: crm.Contact, Since: time.Unix(0, 0), Until: time.Unix(2_000_000_000, 0)}
	for _, scan := range []func(context.Context, crm.Walk) (crm.FoundPage, error){c.ListChanged, c.ListDeleted} {
		page, err := scan(ctx, walk)
		checkError(t, "scan", ref, err)
		for _, x := range page.Found {
			checkError(t, "scan", x.Ref, nil)
		}
	}
	_, err = c.ReadSchema(ctx)
	checkError(t, "schema", ref, err)
	_, err = c.ListOwners(ctx)
	checkError(t, "owners", ref, err)
	_, err = c.ListChannels(ctx)
	checkError(t, "channels", ref, err)
}

// checkError checks that an answer names a contact of Zoho, and that an error
// contains no part of the body.
func checkError(t *testing.T, action string, ref crm.Ref, err error) {
	t.Helper()
	if err != nil {
		if strings.ContainsAny(err.Error(), "@<>\n") {
			t.Errorf("%s: the error may hold a part of the body: %v", action, err)
		}
		return
	}
	if ref.Validate() != nil || ref.System != crm.Zoho || ref.Kind != crm.Contact {
		t.Errorf("%s: %+v", action, ref)
	}
}

// plainStore keeps the state of the tokens for one test.
type plainStore struct{ state TokenState }

func (s *plainStore) LoadToken(context.Context) (TokenState, error) { return s.state, nil }

func (s *plainStore) ChangeToken(_ context.Context, change func(*TokenState) error) (TokenState, error) {
	return s.state, change(&s.state)
}

// secret cannot be mistaken for a code or a number.
const secret = "pl@nted"

// FuzzTokenAnswers: neither the accounts server nor the token service can send
// a token to a host that is not Zoho's, make it valid for more than an hour, or
// get their text into an error or the log.
func FuzzTokenAnswers(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"1000.` + secret + `","api_domain":"http://127.0.0.1:9001","token_type":"Bearer","expires_in":3600}`,
		`{"access_token":"1000.a","api_domain":"https://www.zohoapis.eu","expires_in":3600000}`,
		`{"access_token":"1000.a","api_domain":"https://` + secret + `.example","expires_in":-1}`,
		`{"error":"invalid_code"}`, `{"error":"Access Denied","error_description":"` + secret + `"}`, `{"error":"` + secret + `"}`,
		`{"access_token":"1000.a","api_domain":"https://www.zohoapis.eu","expires_at":"2026-11-23T10:00:00Z"}`,
		`<html>` + secret, `null`, ``,
	} {
		for _, status := range []int{200, 400, 503} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return // not HTTP
		}
		var log bytes.Buffer
		const server = "http://127.0.0.1:9000"
		tokens, err := NewTokenService(TokenServiceConfig{
			AccountsURL: server, ClientID: "c-1", ClientSecret: "s-1", RefreshToken: "r-1", Store: &plainStore{},
			HTTP: &http.Client{Transport: &parrot{status: status, body: body}}, Clock: realClock{},
			NewID: func() string { return "holder" }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		service, err := NewTokenClient(server, &http.Client{Transport: &parrot{status: status, body: body}}, realClock{})
		if err != nil {
			t.Fatal(err)
		}
		token, err := tokens.Token(t.Context(), "")
		if err == nil && (CheckAPIDomain(token.APIDomain, server) != nil || token.AccessToken == "" || time.Until(token.Expiry) > time.Hour) {
			t.Errorf("accepted a token for %s until %s", token.APIDomain, token.Expiry)
		}
		_, served := service.Token(t.Context(), "")
		for _, err := range []error{err, served} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		}
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log quotes the answer: %s", &log)
		}
	})
}

// FuzzVerify: only a configured token is accepted.
func FuzzVerify(f *testing.F) {
	const good = "a-token-of-thirty-two-characters"
	v, err := NewVerifier(VerifierConfig{Tokens: []string{good}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"token":"`+good+`","module":"Contacts","ids":["1"]}`), "application/json", "")
	f.Add([]byte("token="+good+"&module=Contacts&id=1"), "application/x-www-form-urlencoded", "")
	f.Add([]byte(`{"token":"","module":"Contacts","ids":["1"]}`), "application/json", good)
	f.Add([]byte(`{"token":null}`), "application/json", good[1:])
	f.Fuzz(func(t *testing.T, body []byte, contentType, header string) {
		n, err := ParseWebhook(http.Header{"Content-Type": {contentType}, "X-Webhook-Token": {header}}, body)
		if err != nil {
			return
		}
		if _, err := v.Verify(n); err == nil && string(n.Token) != good {
			t.Errorf("accepted without the token")
		}
	})
}
