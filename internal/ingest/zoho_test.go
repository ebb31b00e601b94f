package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

const (
	oldToken = "old-token-0000"
	newToken = "new-token-1111"
)

func newZohoTestHandler(t testing.TB, c Config) http.Handler {
	t.Helper()
	v, err := zoho.NewVerifier(zoho.VerifierConfig{Tokens: []string{oldToken, newToken}})
	if err != nil {
		t.Fatal(err)
	}
	return NewZohoHandler(c, v)
}

// notification is what a channel posts of contacts.
func notification(operation string, ids ...string) string {
	list, _ := json.Marshal(ids) // strings always encode
	return fmt.Sprintf(`{"server_time":%d,"query_params":{},"module":"Contacts","ids":%s,"affected_fields":[],"operation":%q,"channel_id":"1000000068001","token":%q}`,
		happened.UnixMilli(), list, operation, newToken)
}

func asJSON(body string) delivered {
	return delivered{header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

func asForm(v url.Values) delivered {
	return delivered{header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: v.Encode()}
}

func zohoRef(kind crm.Kind, id int) crm.Ref {
	return crm.Ref{System: crm.Zoho, Kind: kind, RecordID: strconv.Itoa(id)}
}

func TestWhatBecomesOfADeliveryFromZoho(t *testing.T) {
	contact := zohoRef(crm.Contact, 1)
	one := answer{Events: 1, Operations: 1}
	workflow := fmt.Sprintf(`{"module":"Accounts","id":"7","operation":"update","token":%q}`, newToken)
	followed := []op.Operation{operation(zohoRef(crm.Company, 7), op.Updated, now, 1)}
	form := url.Values{"module": {"Accounts"}, "id": {"7"}, "operation": {"update"}, "token": {newToken}}

	var ids []string
	var all []op.Operation
	for i := range 200 {
		ids = append(ids, strconv.Itoa(i+1))
		all = append(all, operation(zohoRef(crm.Contact, i+1), op.Updated, happened, 1))
	}
	twice := func(o op.Operation) op.Operation { o.Events = 2; return o }

	tests := map[string]struct {
		delivery delivered
		want     want
	}{
		"a creation": {asJSON(notification("insert", "1")), want{answer: one, stored: []op.Operation{operation(contact, op.Created, happened, 1)}}},
		"a deletion": {asJSON(notification("delete", "1")), want{answer: one, stored: []op.Operation{operation(contact, op.Deleted, happened, 1)}}},
		"an operation of tomorrow": {asJSON(notification("merge", "1")),
			want{answer: one, stored: []op.Operation{operation(contact, op.Updated, happened, 1)}}},
		"many ids": {asJSON(notification("update", ids...)), want{answer: answer{Events: 200, Operations: 200}, stored: all}},
		"an id named twice": {asJSON(notification("update", "1", "2", "1")),
			want{answer: answer{Events: 3, Operations: 2}, stored: []op.Operation{twice(all[0]), all[1]}}},
		"an id that is none among others": {asJSON(notification("update", "1", "two", "2")),
			want{answer: answer{Events: 3, Operations: 2, Rejected: []Rejected{{0, "ids[1] is not a record id"}}}, stored: all[:2]}},
		"a module that is not ours": {asJSON(strings.Replace(notification("update", "1", "2"), "Contacts", "Deals", 1)),
			want{answer: answer{Events: 2, Ignored: 2}}},
		"no time":                               {asJSON(strings.Replace(notification("insert", "1"), "server_time", "other", 1)), want{answer: one, stored: []op.Operation{operation(contact, op.Created, now, 1)}}},
		"a workflow's JSON":                     {asJSON(workflow), want{answer: one, stored: followed}},
		"a workflow's form":                     {asForm(form), want{answer: one, stored: followed}},
		"a workflow without an id":              {asForm(url.Values{"module": {"Accounts"}, "token": {newToken}}), want{status: 400, error: "id is missing"}},
		"a workflow whose placeholder was left": {asJSON(strings.Replace(workflow, `"7"`, `"${!Accounts.Id}"`, 1)), want{answer: answer{Events: 1, Rejected: []Rejected{{0, "id is not a record id"}}}}},
		"truncated JSON":                        {asJSON(notification("insert", "1")[:50]), want{status: 400, error: "the JSON ends too early"}},
		"an array":                              {asJSON("[" + notification("insert", "1") + "]"), want{status: 400, error: "the body is not a JSON object"}},
		"two notifications":                     {asJSON(workflow + workflow), want{status: 400, error: "something follows the JSON object"}},
		"no ids":                                {asJSON(notification("insert")), want{status: 400, error: "ids are missing"}},
		"no body":                               {asJSON(""), want{status: 400, error: "the JSON ends too early"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { live(t, newZohoTestHandler).check(tt.delivery, tt.want) })
	}
}

func TestOnlyZohoMayDeliverToItsWebhook(t *testing.T) {
	good := notification("insert", "1")
	token := func(with string) delivered { return asJSON(strings.Replace(good, newToken, with, 1)) }
	tests := map[string]struct {
		delivery delivered
		accepted bool
	}{
		"the new token":                   {asJSON(good), true},
		"the old token":                   {token(oldToken), true},
		"another token":                   {token("another"), false},
		"an empty token":                  {token(""), false},
		"half of a token":                 {token(newToken[:7]), false},
		"a token with more behind it":     {token(newToken + "1"), false},
		"no token":                        {asJSON(strings.Replace(good, `"token"`, `"other"`, 1)), false},
		"a token that is null":            {asJSON(strings.Replace(good, `"`+newToken+`"`, "null", 1)), false},
		"a channel's token in the header": {token("another").with(zoho.TokenHeader, newToken), false},
		"a workflow's token in the header": {asJSON(`{"module":"Contacts","id":"1","operation":"create"}`).
			with(zoho.TokenHeader, newToken), true},
		"a workflow's wrong token in the header": {asJSON(fmt.Sprintf(`{"module":"Contacts","id":"1","token":%q}`, newToken)).
			with(zoho.TokenHeader, "another"), false},
		"a form without a token": {asForm(url.Values{"module": {"Contacts"}, "id": {"1"}}), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := live(t, newZohoTestHandler)
			got := s.deliver(tt.delivery, false)
			status := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[tt.accepted]
			if got.status != status || (len(s.topic.stored) == 1) != tt.accepted {
				t.Errorf("status %d, want %d; %d operations: %s", got.status, status, len(s.topic.stored), got.text)
			}
		})
	}
}
