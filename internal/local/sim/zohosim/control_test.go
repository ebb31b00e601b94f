package zohosim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"

	"github.com/google/go-cmp/cmp"
)

func TestAPersonEditsAtATimeOfTheirOwn(t *testing.T) {
	b := start(t, Config{Users: []User{{ID: "5725767000000225009", Name: "Jo", Email: "jo@example.com"}}})
	out := b.must(http.StatusCreated, "POST", "/_sim/Contacts", `{"fields":{"Last_Name":"Doe"},"user":"5725767000000225009","at":"2026-11-01T10:00:00.5Z"}`)
	id := out.body["id"].(string)
	b.must(http.StatusOK, "PATCH", "/_sim/Contacts/"+id, `{"fields":{"Phone":"1"},"at":"2026-11-02T10:00:00Z"}`)
	got := b.must(http.StatusOK, "GET", "/_sim/Contacts/"+id, "").body
	if got["created_time"] != "2026-11-01T10:00:00+00:00" || got["modified_time"] != "2026-11-02T10:00:00+00:00" {
		t.Errorf("times %v, %v", got["created_time"], got["modified_time"])
	}
	if at(got, "timeline", 0, "audited_time") != "2026-11-02T10:00:00+00:00" || at(got, "timeline", 0, "done_by", "name") != "Jo" {
		t.Errorf("newest entry %v", at(got, "timeline", 0))
	}
	if b.record(Contacts, id)["Phone"] != "1" {
		t.Error("the API does not show the person's edit")
	}
}

func TestTheControlAPIRefuses(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe","HubSpot_ID":"1"}`)
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"an unknown module":      {"POST", "/_sim/Leads", `{}`, 404},
		"an unknown record":      {"PATCH", "/_sim/Contacts/5725767000000999999", `{"fields":{}}`, 404},
		"an unknown user":        {"PATCH", "/_sim/Contacts/" + id, `{"fields":{},"user":"1"}`, 400},
		"an unknown field":       {"PATCH", "/_sim/Contacts/" + id, `{"fields":{"Colour":"x"}}`, 400},
		"a wrong value":          {"PATCH", "/_sim/Contacts/" + id, `{"fields":{"Email":"x"}}`, 400},
		"a taken unique value":   {"POST", "/_sim/Contacts", `{"fields":{"Last_Name":"Roe","HubSpot_ID":"1"}}`, 400},
		"an unknown member":      {"POST", "/_sim/Contacts", `{"field":{}}`, 400},
		"restoring what is here": {"POST", "/_sim/Contacts/" + id + "/restore", ``, 404},
		"merging with oneself":   {"POST", "/_sim/Contacts/merge", `{"survivor":"` + id + `","loser":"` + id + `"}`, 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if out := b.must(tt.status, tt.method, tt.path, tt.body); out.body["error"] == nil {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

func TestRestoreBringsARecordBackForSixtyDays(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe","HubSpot_ID":"1"}`)
	b.must(http.StatusOK, "DELETE", "/_sim/Contacts/"+id, "")
	other := b.create(Contacts, `{"Last_Name":"Roe","HubSpot_ID":"1"}`)
	b.must(http.StatusBadRequest, "POST", "/_sim/Contacts/"+id+"/restore", "") // its unique value is taken
	b.must(http.StatusOK, "DELETE", "/_sim/Contacts/"+other, "")
	b.must(http.StatusOK, "POST", "/_sim/Contacts/"+id+"/restore", "")
	if got := b.query("select id from Contacts where HubSpot_ID = '1'").ids(); len(got) != 1 || got[0] != id {
		t.Errorf("the unique value leads to %v", got)
	}
	b.sim.Clock().Advance(60 * 24 * time.Hour)
	b.must(http.StatusNotFound, "POST", "/_sim/Contacts/"+other+"/restore", "")
}

func TestMergeDeletesTheLoser(t *testing.T) {
	b := start(t, Config{})
	survivor := b.create(Accounts, `{"Account_Name":"Zylker"}`)
	loser := b.create(Accounts, `{"Account_Name":"Zylker Ltd","Phone":"1","HubSpot_ID":"7"}`)
	contact := b.create(Contacts, `{"Last_Name":"Doe","Account_Name":{"id":"`+loser+`"}}`)
	before := b.record(Contacts, contact)["Modified_Time"]
	in := newInbox(t)
	b.watch(in, `"Accounts.all"`, "")
	b.must(http.StatusOK, "POST", "/_sim/Accounts/merge", `{"survivor":"`+survivor+`","loser":"`+loser+`"}`)

	got := b.record(Accounts, survivor)
	if got["Account_Name"] != "Zylker" || got["Phone"] != "1" || got["HubSpot_ID"] != "7" {
		t.Errorf("survivor %v %v %v", got["Account_Name"], got["Phone"], got["HubSpot_ID"])
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/Accounts/"+loser, "")
	if kind := at(b.must(http.StatusOK, "GET", "/crm/v8/Accounts/deleted", "").body, "data", 0, "type"); kind != "permanent" {
		t.Errorf("the loser is listed as %v", kind)
	}
	moved := b.record(Contacts, contact)
	if at(moved, "Account_Name", "id") != survivor || moved["Modified_Time"] != before {
		t.Errorf("contact points to %v, modified %v", moved["Account_Name"], moved["Modified_Time"])
	}
	told := map[any]any{}
	for _, m := range in.all(b.sim) {
		told[m["operation"]] = at(m["ids"], 0)
	}
	if diff := cmp.Diff(map[any]any{"delete": loser, "update": survivor}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestASilentMergeSendsNoNotification(t *testing.T) {
	b := start(t, Config{})
	ids := b.fill(2)
	in := newInbox(t)
	b.watch(in, `"Contacts.all"`, "")
	b.must(http.StatusOK, "POST", "/_sim/Contacts/merge", `{"survivor":"`+ids[0]+`","loser":"`+ids[1]+`","silent":true}`)
	if got := in.all(b.sim); got != nil {
		t.Errorf("told %v", got)
	}
}

func TestControlRequestsAreNeitherCallsNorFaulty(t *testing.T) {
	b := start(t, Config{})
	b.sim.Recorder().Reset()
	b.sim.Faults().Add(sim.Fault{Method: "POST", Status: 500, Body: "<html>", After: true, Count: 1})
	b.must(http.StatusCreated, "POST", "/_sim/Contacts", `{"fields":{"Last_Name":"Doe"}}`)
	if out := b.do("POST", "/crm/v8/Contacts", `{"data":[{"Last_Name":"Roe"}]}`); out.status != 500 {
		t.Fatalf("the fault did not play: %d", out.status)
	}
	if calls := b.sim.Recorder().Calls(); len(calls) != 1 || calls[0].Status != 500 {
		t.Errorf("recorded %v", calls)
	}
	if got := len(b.must(http.StatusOK, "GET", "/crm/v8/Contacts?fields=id", "").ids()); got != 2 {
		t.Errorf("%d records: the write before the fault should have happened", got)
	}
}

// Many clients write at once: each unique value is given once, and every
// record's index stays true.
func TestManyClientsAtOnce(t *testing.T) {
	b := start(t, Config{Quotas: true, Edition: "ultimate", SearchLag: time.Millisecond})
	in := newInbox(t)
	b.watch(in, `"Contacts.all"`, "")
	gate := make(chan struct{})
	var wg sync.WaitGroup
	created := make(chan bool, 64)
	for worker := range 8 {
		wg.Go(func() {
			<-gate
			for i := range 8 {
				out := b.do("POST", "/crm/v8/Contacts", fmt.Sprintf(`{"data":[{"Last_Name":"W%d","HubSpot_ID":"%d"}]}`, worker, i))
				created <- out.status == http.StatusCreated
				b.do("GET", "/crm/v8/Contacts/search?word=W1", "")
				b.do("POST", "/crm/v8/Contacts/upsert", fmt.Sprintf(`{"data":[{"Last_Name":"U","Phone":"%d","HubSpot_ID":"%d"}],"duplicate_check_fields":["HubSpot_ID"]}`, worker, i))
			}
		})
	}
	close(gate)
	wg.Wait()
	close(created)
	winners := 0
	for won := range created {
		if won {
			winners++
		}
	}
	out := b.query("select HubSpot_ID from Contacts where id is not null")
	if n := len(out.ids()); n != 8 || winners > 8 {
		t.Errorf("%d records and %d creations for 8 unique values", n, winners)
	}
	in.all(b.sim)
}

func TestNewRefusesAConfigThatContradictsItself(t *testing.T) {
	tests := map[string]struct {
		cfg  Config
		want string
	}{
		"unknown edition":    {Config{Edition: "gold"}, "edition"},
		"two users, one id":  {Config{Users: []User{{ID: DefaultUserID}}}, "two users"},
		"unknown unique":     {Config{UniqueFields: map[string][]string{Contacts: {"Colour"}}}, "does not exist"},
		"a field twice":      {Config{ExtraFields: map[string][]Field{Contacts: {{APIName: "Email"}}}}, "twice"},
		"an unknown type":    {Config{ExtraFields: map[string][]Field{Contacts: {{APIName: "X", Type: "colour"}}}}, "unknown type"},
		"workflow, no URL":   {Config{WorkflowWebhook: &WorkflowWebhook{}}, "absolute URL"},
		"workflow, body 501": {Config{WorkflowWebhook: &WorkflowWebhook{URL: "https://x.eu", Body: strings.Repeat("x", 501)}}, "500"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := newServer(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestTheControlAPIListsTheStoredRecords(t *testing.T) {
	b := start(t, Config{})
	kept := b.create(Contacts, `{"Last_Name":"Doe","Email":"d@x.eu"}`)
	gone := b.create(Contacts, `{"Last_Name":"Roe"}`)
	b.must(http.StatusOK, "DELETE", "/_sim/Contacts/"+gone, "")
	all := b.must(http.StatusOK, "GET", "/_sim/Contacts", "").body
	if at(all, "records", 0, "id") != kept || at(all, "records", 1, "deleted", "type") != "recycle" || at(all, "records", 2) != nil {
		t.Errorf("stored: %v", all)
	}
	one := b.must(http.StatusOK, "GET", "/_sim/Contacts?Email=d@x.eu", "").body
	if at(one, "records", 0, "fields", "Last_Name") != "Doe" || at(one, "records", 1) != nil {
		t.Errorf("narrowed: %v", one)
	}
}

func TestAContactThatMovesNotifiesBothAccounts(t *testing.T) {
	b := start(t, Config{})
	from, to := b.create(Accounts, `{"Account_Name":"From"}`), b.create(Accounts, `{"Account_Name":"To"}`)
	id := b.create(Contacts, `{"Last_Name":"Doe","Account_Name":{"id":"`+from+`"}}`)
	in := newInbox(t)
	b.watch(in, `"Accounts.edit"`, "")
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Account_Name":{"id":"`+to+`"}}]}`)
	told := map[any]bool{}
	for _, m := range in.all(b.sim) {
		told[at(m, "ids", 0)] = true
	}
	if diff := cmp.Diff(map[any]bool{from: true, to: true}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
