package zoho

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// notification builds the body of a channel's notification.
func notification(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	body := map[string]any{
		"server_time": 1718117126473, "query_params": map[string]any{}, "module": "Contacts",
		"resource_uri": "https://www.zohoapis.com/crm/v2/Contacts", "ids": []any{janeID},
		"affected_fields": []any{}, "operation": "insert", "channel_id": "1000000068001", "token": "tok",
	}
	for name, v := range changes {
		body[name] = v
		if v == nil {
			delete(body, name)
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// captured is a notification with values as Zoho sent it, of a known module.
const captured = `{"server_time":1750102639787,"affected_values":[{"record_id":"6756839000000575405","values":{"Company":"Rangoni Of Test","Phone":"555-555-1111"}}],
 "query_params":{},"module":"Accounts","resource_uri":"https://www.zohoapis.com/crm/v2/Accounts","ids":["6756839000000575405"],
 "affected_fields":[{"6756839000000575405":["Company","Phone"]}],"operation":"update","channel_id":"1105420521999070702","token":"c3504777-db15-4332-8286-478a1b5006bc"}`

func TestParseNotificationReadsWhatZohoSends(t *testing.T) {
	sent := time.UnixMilli(1718117126473).UTC()
	base := Notification{
		Kind: crm.Contact, Change: op.Created, OccurredAt: sent, RecordIDs: []string{janeID}, ChannelID: "1000000068001", Token: "tok",
	}
	with := func(change func(*Notification)) Notification {
		n := base
		change(&n)
		return n
	}
	tests := []struct {
		name string
		body []byte
		want Notification
	}{
		{"an insert", notification(t, nil), base},
		{"a captured update", []byte(captured), Notification{
			Kind: crm.Company, Change: op.Updated, OccurredAt: time.UnixMilli(1750102639787).UTC(), RecordIDs: []string{"6756839000000575405"},
			ChannelID: "1105420521999070702", Token: "c3504777-db15-4332-8286-478a1b5006bc",
		}},
		{"create, the other spelling", notification(t, map[string]any{"operation": "create"}), base},
		{"edit, the other spelling", notification(t, map[string]any{"operation": "edit"}), with(func(n *Notification) { n.Change = op.Updated })},
		{"a delete", notification(t, map[string]any{"operation": "delete"}), with(func(n *Notification) { n.Change = op.Deleted })},
		{"an unknown operation", notification(t, map[string]any{"operation": "merge"}), with(func(n *Notification) { n.Change = op.Updated })},
		{"numbers for ids", notification(t, map[string]any{
			"ids": []any{json.Number("5725767000003000064")}, "channel_id": json.Number("9007199254740993"),
		}), with(func(n *Notification) { n.RecordIDs, n.ChannelID = []string{"5725767000003000064"}, "9007199254740993" })},
		{"no token", notification(t, map[string]any{"token": nil}), with(func(n *Notification) { n.Token = "" })},
		{"no time", notification(t, map[string]any{"server_time": nil}), with(func(n *Notification) { n.OccurredAt = time.Time{} })},
		{"a time that is a text", notification(t, map[string]any{"server_time": "1718117126473"}), base},
		{"a time beyond all times", notification(t, map[string]any{"server_time": json.Number("9223372036854775807")}), with(func(n *Notification) { n.OccurredAt = time.Time{} })},
		{"another module", notification(t, map[string]any{"module": "Leads"}), with(func(n *Notification) { n.Kind = "" })},
		{"some bad ids", notification(t, map[string]any{"ids": []any{"1", "x", nil, json.Number("1e3"), -5, map[string]any{}, "", "2"}}), with(func(n *Notification) {
			n.RecordIDs = []string{"1", "2"}
			for i := 1; i <= 6; i++ {
				n.Rejected = append(n.Rejected, fmt.Sprintf("ids[%d] is not a record id", i))
			}
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseNotification(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("notification (-want +got):\n%s", diff)
			}
			either, err := ParseWebhook(http.Header{}, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, either); diff != "" {
				t.Errorf("ParseWebhook differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNotificationRefusesWithoutQuoting(t *testing.T) {
	many := make([]any, MaxNotificationIDs+1)
	for i := range many {
		many[i] = "1"
	}
	tests := []struct {
		name string
		body []byte
		want string
	}{
		{"an empty body", nil, "ends too early"},
		{"a truncated body", notification(t, nil)[:60], "ends too early"},
		{"a list", []byte(`[1]`), "not a JSON object"},
		{"null", []byte(`null`), "not a JSON object"},
		{"a text", []byte(`"jane@x.eu"`), "not a JSON object"},
		{"no JSON", []byte(`jane@x.eu`), "not JSON at byte 1"},
		{"a second object", append(notification(t, nil), '{'), "something follows"},
		{"no module", notification(t, map[string]any{"module": nil}), "module is missing"},
		{"a module that is a number", notification(t, map[string]any{"module": 4711}), "module has the wrong type"},
		{"no ids", notification(t, map[string]any{"ids": nil}), "ids are missing"},
		{"ids that are a text", notification(t, map[string]any{"ids": "jane@x.eu"}), "ids has the wrong type"},
		{"too many ids", notification(t, map[string]any{"ids": many}), "1001 ids: at most 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseNotification(tt.body)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "jane") || strings.Contains(err.Error(), "4711") {
				t.Errorf("the body shows in %v", err)
			}
		})
	}
}

func TestListChangesReturnsOneChangePerRecord(t *testing.T) {
	at := time.Unix(5, 0)
	n := Notification{Kind: crm.Company, Change: op.Updated, OccurredAt: at, RecordIDs: []string{"2", "1", "2", "2"}}
	ref := func(id string) crm.Ref { return crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: id} }
	want := []Change{
		{Ref: ref("2"), Change: op.Updated, OccurredAt: at, Events: 3},
		{Ref: ref("1"), Change: op.Updated, OccurredAt: at, Events: 1},
	}
	if diff := cmp.Diff(want, n.ListChanges()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	n.Kind = ""
	if got := n.ListChanges(); got != nil {
		t.Errorf("a module that is not synchronised gave %v", got)
	}
}

func TestParseWorkflowReadsEveryForm(t *testing.T) {
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"
	form := url.Values{"module": {"Accounts"}, "id": {"77"}, "operation": {"create"}, "token": {"tok"}}
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	for name := range form {
		if err := m.WriteField(name, form.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	company := Notification{Kind: crm.Company, Change: op.Created, RecordIDs: []string{"77"}, Token: "tok"}
	contact := Notification{Kind: crm.Contact, Change: op.Updated, RecordIDs: []string{janeID}, Token: "tok"}
	tests := []struct {
		name, contentType, token, body string
		want                           Notification
	}{
		{"JSON", asJSON, "", `{"module":"Contacts","id":"` + janeID + `","operation":"update","token":"tok"}`, contact},
		{"JSON as text", "text/plain", "", `{"module":"Contacts","id":` + janeID + `,"token":"tok"}`, contact},
		{"a token in the header", asJSON, "tok", `{"module":"Contacts","id":"` + janeID + `","token":"old"}`, contact},
		{"form data", asForm, "", form.Encode(), company},
		{"form data in parts", m.FormDataContentType(), "", parts.String(), company},
		{"a delete", asJSON, "tok", `{"module":"Contacts","id":"1","operation":"delete"}`, Notification{Kind: crm.Contact, Change: op.Deleted, RecordIDs: []string{"1"}, Token: "tok"}},
		{"another module", asJSON, "tok", `{"module":"Leads","id":"1"}`, Notification{Change: op.Updated, RecordIDs: []string{"1"}, Token: "tok"}},
		{"a merge field that was not replaced", asJSON, "tok", `{"module":"Contacts","id":"${!Contacts.Id}"}`, Notification{Kind: crm.Contact, Change: op.Updated, Rejected: []string{"id is not a record id"}, Token: "tok"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{"Content-Type": {tt.contentType}}
			if tt.token != "" {
				header.Set(TokenHeader, tt.token)
			}
			got, err := ParseWebhook(header, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("notification (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWorkflowRefusesWithoutQuoting(t *testing.T) {
	for body, want := range map[string]string{
		``:                         "ends too early",
		`{"module":"Contacts"`:     "ends too early",
		`{"id":"1"}`:               "module is missing",
		`{"module":"jane"}`:        "id is missing",
		`{"module":["jane"]}`:      "module has the wrong type",
		`module=Contacts&id=jane`:  "not JSON",
		`{"module":"x","id":true}`: "id is missing",
	} {
		_, err := ParseWorkflow(http.Header{}, []byte(body))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "jane") {
			t.Errorf("%s: got error %v, want %q", body, err, want)
		}
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if _, err := ParseWorkflow(header, []byte("%zz=jane")); err == nil || strings.Contains(err.Error(), "zz") {
		t.Errorf("a broken form: got error %v", err)
	}
}

func TestVerifierAcceptsEveryTokenOfARotation(t *testing.T) {
	v, err := NewVerifier(VerifierConfig{Tokens: []string{"new", "old"}, Channels: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		n     Notification
		index int
	}{
		{"the new token", Notification{Token: "new", ChannelID: "1"}, 0},
		{"the old token", Notification{Token: "old", ChannelID: "1"}, 1},
		{"a workflow rule", Notification{Token: "new"}, 0},
		{"a wrong token", Notification{Token: "older", ChannelID: "1"}, -1},
		{"both tokens at once", Notification{Token: "new,old", ChannelID: "1"}, -1},
		{"no token", Notification{ChannelID: "1"}, -1},
		{"an unknown channel", Notification{Token: "new", ChannelID: "2"}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			index, err := v.Verify(tt.n)
			if index != tt.index || (index < 0) != errors.Is(err, ErrForged) {
				t.Errorf("Verify = %d, %v, want %d", index, err, tt.index)
			}
		})
	}
}

func TestVerifierNeverFailsOpen(t *testing.T) {
	for name, tokens := range map[string][]string{"no token": nil, "an empty token": {"a", ""}, "a blank token": {" "}} {
		if _, err := NewVerifier(VerifierConfig{Tokens: tokens}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzParseZoho(f *testing.F) {
	f.Add([]byte(captured), "application/json")
	f.Add(notification(f, nil), "")
	f.Add(notification(f, map[string]any{"ids": []any{1, "x", nil}}), "text/plain")
	f.Add([]byte("module=Contacts&id=1&token=t"), "application/x-www-form-urlencoded")
	f.Add([]byte(`{"module":"Accounts","id":"${!Accounts.Id}"}`), "application/json")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n1\r\n--b--\r\n"), "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		n, err := ParseWebhook(http.Header{"Content-Type": {contentType}}, body)
		if err != nil {
			if len(err.Error()) > 120 {
				t.Errorf("the error seems to quote the body: %v", err)
			}
			return
		}
		seen, events := map[string]bool{}, 0
		for _, c := range n.ListChanges() {
			o := op.Operation{ID: "1", Ref: c.Ref, Change: c.Change, OccurredAt: c.OccurredAt, ReceivedAt: time.Unix(1, 0), Events: c.Events}
			if _, err := op.Encode(o); err != nil || seen[c.Ref.RecordID] {
				t.Errorf("change %+v of a record seen before (%t): %v", c, seen[c.Ref.RecordID], err)
			}
			seen[c.Ref.RecordID] = true
			events += c.Events
		}
		if n.Kind != "" && events != len(n.RecordIDs) || len(n.RecordIDs)+len(n.Rejected) > MaxNotificationIDs {
			t.Errorf("%d events for %d ids, %d rejected", events, len(n.RecordIDs), len(n.Rejected))
		}
	})
}
