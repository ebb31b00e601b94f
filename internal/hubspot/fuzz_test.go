package hubspot

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// parrot gives the same answer to every call and counts them.
type parrot struct {
	status int
	body   string
	calls  int
}

func (p *parrot) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.calls++; p.calls > maxCalls {
		panic("calls without end")
	}
	return &http.Response{
		StatusCode: p.status, Status: http.StatusText(p.status), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(p.body)),
	}, nil
}

// answerBodies are answers of HubSpot to calls of every kind.
var answerBodies = []string{
	`{"id":"1","properties":{"email":"a@example.com","zoho_id":"5"},"createdAt":"2026-11-23T10:00:00Z","updatedAt":"2026-11-23T10:00:00Z","archived":false}`,
	`{"status":"COMPLETE","results":[{"id":"1","properties":{"email":null},"propertiesWithHistory":{"email":[{"value":"x","timestamp":"2026-11-23T10:00:00.123Z","sourceType":"CRM_UI"}]}},{"id":"3"}],"numErrors":1,"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]}`,
	`{"status":"COMPLETE","results":[{"id":"9","objectWriteTraceId":"0"},{"id":"9","objectWriteTraceId":"1"}],"errors":[{"status":"error","category":"CONFLICT","context":{"objectWriteTraceId":["2"],"existingId":["7"]}}]}`,
	`{"total":3,"results":[{"id":"1","properties":{"lastmodifieddate":"2026-11-23T10:00:00Z"}}],"paging":{"next":{"after":"1"}}}`,
	`{"results":[{"name":"email","type":"string","fieldType":"text"}]}`,
	`{"results":[{"id":"1","email":"o@example.com","archived":false}]}`,
	`{"results":[{}],"errors":[{}]}`, `{"results":null}`, `[]`, `<html>`, ``,
}

// maxCalls bounds the calls of one input: the walks stop after a hundred pages.
const maxCalls = 1000

// FuzzAnswers: any answer to any call ends in a record that was requested or in
// an error that quotes nothing, after a bounded number of calls.
func FuzzAnswers(f *testing.F) {
	for _, body := range answerBodies {
		for _, status := range []int{200, 201, 207, 400} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return // not HTTP
		}
		p := &parrot{status: status, body: body}
		c, err := New(Config{
			URL: "http://127.0.0.1:9000", Token: testToken, AppID: testApp, HTTP: &http.Client{Transport: p},
			Fields: map[crm.Kind][]string{crm.Contact: {"email"}, crm.Company: {"name"}},
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
	ref := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}
	resetLimiter(c)
	rec, err := c.Read(ctx, ref)
	checkError(t, "read", rec.Ref, err)
	resetLimiter(c)
	many := c.ReadMany(ctx, crm.Contact, []string{"1", "2", "3"})
	for _, id := range []string{"1", "2", "3"} {
		a, there := many[id]
		if !there {
			t.Errorf("no answer about %s", id)
		}
		checkError(t, "read many", a.Value.Ref, a.Err)
	}
	if len(many) != 3 {
		t.Errorf("%d answers to 3 questions", len(many))
	}
	resetLimiter(c)
	_, err = c.WithHistory(ctx, crm.Record{Ref: ref})
	checkError(t, "history", ref, err)
	resetLimiter(c)
	found, err := c.Find(ctx, crm.Contact, []crm.Key{{Value: "5"}, {Field: "email", Value: "a@example.com"}})
	checkError(t, "find", ref, err)
	for _, r := range found {
		checkError(t, "found", r.Ref, nil)
	}
	write := crm.Write{CounterpartID: "5", Fields: map[string]crm.Value{"email": {Type: crm.Text, Text: "a@example.com"}}}
	resetLimiter(c)
	for _, a := range c.CreateMany(ctx, crm.Contact, []crm.Write{write, write, write}) {
		checkError(t, "create", a.Value.Ref, a.Err)
	}
	resetLimiter(c)
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
	resetLimiter(c)
	_, err = c.ReadSchema(ctx)
	checkError(t, "schema", ref, err)
	resetLimiter(c)
	_, err = c.ListOwners(ctx)
	checkError(t, "owners", ref, err)
}

// resetLimiter drops the limits of the last answer: a fuzzer has no time to
// wait.
func resetLimiter(c *Client) { c.limiter = newRateLimiter(1) }

// checkError checks that an answer names a contact of HubSpot, and that an
// error contains no part of the body.
func checkError(t *testing.T, action string, ref crm.Ref, err error) {
	t.Helper()
	if err != nil {
		if strings.ContainsAny(err.Error(), "@<>\n") {
			t.Errorf("%s: the error may hold a part of the body: %v", action, err)
		}
		return
	}
	if ref.Validate() != nil || ref.System != crm.HubSpot || ref.Kind != crm.Contact {
		t.Errorf("%s: %+v", action, ref)
	}
}
