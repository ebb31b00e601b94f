package zohosim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (b *bench) subscribe(method, watch string) reply {
	b.t.Helper()
	return b.do(method, "/crm/v8/actions/watch", `{"watch":[`+watch+`]}`)
}

const watchBase = `"channel_id":"1000000068001","events":["Contacts.edit"],"notify_url":"https://fn.example.com/zoho?k=v"`

func TestChannelExpiryRules(t *testing.T) {
	b := start(t, Config{TimeOffset: time.Hour})
	tests := map[string]struct {
		expiry string        // "" absent
		want   time.Duration // from now; 0: refused
	}{
		"absent is one hour":           {"", time.Hour},
		"null is one hour":             {"null", time.Hour},
		"a day":                        {`"` + b.later(24*time.Hour) + `"`, 24 * time.Hour},
		"almost a week":                {`"` + b.later(7*24*time.Hour-time.Minute) + `"`, 7*24*time.Hour - time.Minute},
		"more than a week is one hour": {`"` + b.later(7*24*time.Hour+time.Minute) + `"`, time.Hour},
		"in the past":                  {`"` + b.later(-time.Minute) + `"`, 0},
		"fractions of a second":        {`"` + b.sim.Clock().Now().Add(time.Hour).Format("2006-01-02T15:04:05.000Z07:00") + `"`, 0},
		"a fraction with offset":       {`"` + b.sim.Clock().Now().Add(time.Hour).Format("2006-01-02T15:04:05.000") + `+00:00"`, 0},
		"without offset":               {`"` + b.sim.Clock().Now().Add(time.Hour).Format("2006-01-02T15:04:05") + `"`, 0},
		"an epoch":                     {"1750102639787", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			watch := `{` + watchBase
			if tt.expiry != "" {
				watch += `,"channel_expiry":` + tt.expiry
			}
			out := b.subscribe("POST", watch+`}`)
			if tt.want == 0 {
				item := at(out.body, "watch", 0)
				if out.status != 400 || at(item, "code") != "INVALID_DATA" || at(item, "details", "json_path") != "$.watch[0].channel_expiry" {
					t.Errorf("got %d %s", out.status, out.text)
				}
				return
			}
			text, _ := at(out.body, "watch", 0, "details", "events", 0, "channel_expiry").(string)
			got, err := time.Parse(time.RFC3339, text)
			if err != nil || !strings.HasSuffix(text, "+01:00") {
				t.Fatalf("got %d %s", out.status, out.text)
			}
			if off := got.Sub(b.sim.Clock().Now()) - tt.want; off > 10*time.Second || off < -10*time.Second {
				t.Errorf("expires in %v, want %v", got.Sub(b.sim.Clock().Now()), tt.want)
			}
		})
	}
}

func TestChannelsAreRefused(t *testing.T) {
	b := start(t, Config{})
	m := b.sim.modules[Contacts]
	field := func(name string) string {
		return `{"field":{"api_name":"` + name + `","id":"` + m.byName[name].id + `"}}`
	}
	condition := func(selection string) string {
		return watchBase + `,"notification_condition":[{"type":"field_selection","module":{"api_name":"Contacts","id":"` + m.id + `"},"field_selection":` + selection + `}]`
	}
	eleven := field("Phone")
	for range 10 {
		eleven = `{"group_operator":"or","group":[` + field("Email") + `,` + eleven + `]}`
	}
	tests := map[string]struct{ watch, code, path string }{
		"no channel_id":          {`"events":["Contacts.edit"],"notify_url":"https://x.eu"`, "MANDATORY_NOT_FOUND", "channel_id"},
		"channel_id is a word":   {`"channel_id":"abc","events":["Contacts.edit"],"notify_url":"https://x.eu"`, "INVALID_DATA", "channel_id"},
		"channel_id above int64": {`"channel_id":"9223372036854775808","events":["Contacts.edit"],"notify_url":"https://x.eu"`, "INVALID_DATA", "channel_id"},
		"no events":              {`"channel_id":"1","notify_url":"https://x.eu"`, "MANDATORY_NOT_FOUND", "events"},
		"unknown module":         {`"channel_id":"1","events":["Leads.all"],"notify_url":"https://x.eu"`, "INVALID_DATA", "events[0]"},
		"unknown operation":      {`"channel_id":"1","events":["Contacts.edit","Contacts.update"],"notify_url":"https://x.eu"`, "INVALID_DATA", "events[1]"},
		"no notify_url":          {`"channel_id":"1","events":["Contacts.edit"]`, "MANDATORY_NOT_FOUND", "notify_url"},
		"relative notify_url":    {`"channel_id":"1","events":["Contacts.edit"],"notify_url":"/x"`, "INVALID_DATA", "notify_url"},
		"long notify_url":        {`"channel_id":"1","events":["Contacts.edit"],"notify_url":"https://x.eu/` + strings.Repeat("x", 255) + `"`, "INVALID_DATA", "notify_url"},
		"token of 51":            {watchBase + `,"token":"` + strings.Repeat("x", 51) + `"`, "INVALID_DATA", "token"},
		"flag as text":           {watchBase + `,"notify_on_related_action":"false"`, "INVALID_DATA", "notify_on_related_action"},
		"condition of a type":    {watchBase + `,"notification_condition":[{"type":"x"}]`, "INVALID_DATA", "notification_condition[0].type"},
		"condition on other id":  {watchBase + `,"notification_condition":[{"type":"field_selection","module":{"api_name":"Contacts","id":"1"}}]`, "AMBIGUITY_DURING_PROCESSING", ""},
		"condition field id":     {condition(`{"field":{"api_name":"Phone","id":"1"}}`), "AMBIGUITY_DURING_PROCESSING", ""},
		"condition empty":        {condition(`{}`), "EXPECTED_FIELD_MISSING", ""},
		"group, no operator":     {condition(`{"group":[` + field("Phone") + `]}`), "DEPENDENT_FIELD_MISSING", "notification_condition[0].field_selection.group_operator"},
		"group of three":         {condition(`{"group_operator":"or","group":[` + field("Phone") + `,` + field("Email") + `,` + field("Fax") + `]}`), "INVALID_DATA", "notification_condition[0].field_selection.group"},
		"eleven fields":          {condition(eleven), "INVALID_DATA", "notification_condition[0].field_selection"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.subscribe("POST", `{`+tt.watch+`}`)
			item := at(out.body, "watch", 0)
			if out.status != http.StatusBadRequest || at(item, "code") != tt.code {
				t.Fatalf("got %d %s", out.status, out.text)
			}
			if path := at(item, "details", "json_path"); tt.path != "" && path != "$.watch[0]."+tt.path {
				t.Errorf("json_path %v", path)
			}
		})
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/actions/watch", "")
	if out := b.subscribe("POST", `{`+watchBase+`},{"channel_id":"2"}`); out.status != http.StatusMultiStatus {
		t.Errorf("one good, one bad: got %d", out.status)
	}
}

func TestPutReplacesAndPatchMerges(t *testing.T) {
	b := start(t, Config{})
	expiry := b.later(48 * time.Hour)
	full := `{"channel_id":"7","events":["Contacts.edit","Accounts.all"],"notify_url":"https://x.eu/a","token":"t","notify_on_related_action":false,"channel_expiry":"` + expiry + `"}`
	if out := b.subscribe("PUT", full); out.status != http.StatusBadRequest {
		t.Fatalf("PUT on no channel: got %d %s", out.status, out.text)
	}
	if out := b.subscribe("POST", full); out.status != http.StatusCreated || at(out.body, "watch", 0, "details", "events", 1, "resource_name") != "Accounts" {
		t.Fatalf("POST: got %d %s", out.status, out.text)
	}
	show := func() any {
		out := b.must(http.StatusOK, "GET", "/crm/v8/actions/watch?channel_id=7&module=Contacts", "")
		return at(out.body, "watch", 0)
	}
	b.subscribe("PATCH", `{"channel_id":7,"token":"u","events":["Contacts.delete"]}`)
	want := map[string]any{
		"channel_id": "7", "events": []any{"Contacts.edit", "Contacts.delete"}, "channel_expiry": at(show(), "channel_expiry"),
		"notify_url": "https://x.eu/a", "token": "u", "resource_uri": "https://www.zohoapis.com/crm/v2/Contacts",
		"resource_id": b.sim.modules[Contacts].id, "resource_name": "Contacts", "notify_on_related_action": false,
		"return_affected_field_values": false, "fields": nil, "notification_condition": nil,
	}
	if diff := cmp.Diff(want, show()); diff != "" {
		t.Errorf("after PATCH (-want +got):\n%s", diff)
	}
	if out := b.subscribe("PATCH", `{"channel_id":"7","_delete_events":true,"events":["Contacts.edit"]}`); out.status != http.StatusOK {
		t.Fatalf("drop an event: got %d %s", out.status, out.text)
	}
	if diff := cmp.Diff([]any{"Contacts.delete"}, at(show(), "events")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if out := b.subscribe("PUT", `{"channel_id":"7","events":["Contacts.create"],"notify_url":"https://x.eu/b"}`); at(out.body, "watch", 0, "message") != "Successfully updated the subscribe details" {
		t.Fatalf("PUT: got %s", out.text)
	}
	if at(show(), "token") != nil || at(show(), "notify_on_related_action") != true || at(show(), "notify_url") != "https://x.eu/b" {
		t.Errorf("PUT did not replace everything: %v", show())
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/actions/watch?channel_id=7&module=Accounts", "")
	out := b.must(http.StatusMultiStatus, "DELETE", "/crm/v8/actions/watch?channel_ids=7,8", "")
	if at(out.body, "watch", 0, "message") != "Successfully un-subscribed from actions-watch" || at(out.body, "watch", 1, "code") != "NOT_SUBSCRIBED" {
		t.Errorf("DELETE: got %s", out.text)
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/actions/watch", "")
}

func TestCallbackBodies(t *testing.T) {
	b := start(t, Config{})
	in := newInbox(t)
	b.watch(in, `"Contacts.all"`, `,"return_affected_field_values":true,"notify_on_related_action":false`)
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}],"trigger":[]}`)
	in2 := in.all(b.sim)
	b.must(http.StatusOK, "DELETE", "/_sim/Contacts/"+id, "")
	byOperation := map[any]map[string]any{}
	for _, m := range append(in2, in.all(b.sim)...) {
		if m["server_time"].(float64) < 1e12 {
			t.Errorf("server_time %v is not in milliseconds", m["server_time"])
		}
		delete(m, "server_time")
		byOperation[m["operation"]] = m
	}
	base := func(operation string) map[string]any {
		return map[string]any{
			"query_params": map[string]any{"k": "v"}, "module": "Contacts", "resource_uri": "https://www.zohoapis.com/crm/v2/Contacts",
			"ids": []any{id}, "affected_fields": []any{}, "operation": operation, "channel_id": "1000000068001", "token": "t0ken",
		}
	}
	update := base("update")
	update["affected_fields"] = []any{map[string]any{id: []any{"Phone"}}}
	update["affected_values"] = []any{map[string]any{"record_id": id, "values": map[string]any{"Phone": "1"}}}
	want := map[any]map[string]any{"insert": base("insert"), "update": update, "delete": base("delete")}
	if diff := cmp.Diff(want, byOperation); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
}

func TestChannelsThatAreNotifiedOfAnEdit(t *testing.T) {
	phone := func(b *bench) string {
		m := b.sim.modules[Contacts]
		return `,"notification_condition":[{"type":"field_selection","module":{"api_name":"Contacts","id":"` + m.id +
			`"},"field_selection":{"group_operator":"or","group":[{"field":{"api_name":"Phone","id":"` + m.byName["Phone"].id +
			`"}},{"field":{"api_name":"Fax","id":"` + m.byName["Fax"].id + `"}}]}}]`
	}
	none := func(*bench) string { return "" }
	unrelated := func(*bench) string { return `,"notify_on_related_action":false` }
	tests := map[string]struct {
		cfg    Config
		events string
		more   func(*bench) string
		body   string
		want   []string // module.operation
	}{
		"the module's own channel":             {Config{}, `"Contacts.edit"`, none, `{"Phone":"1"}`, []string{"Contacts.update"}},
		"all operations":                       {Config{}, `"Contacts.all"`, unrelated, `{"Phone":"1"}`, []string{"Contacts.update"}},
		"another operation only":               {Config{}, `"Contacts.create"`, none, `{"Phone":"1"}`, nil},
		"the account of the contact":           {Config{}, `"Accounts.edit"`, none, `{"Phone":"1"}`, []string{"Accounts.update"}},
		"the account, switched off":            {Config{}, `"Accounts.edit"`, unrelated, `{"Phone":"1"}`, nil},
		"a selected field":                     {Config{}, `"Contacts.edit"`, phone, `{"Fax":"1"}`, []string{"Contacts.update"}},
		"a field that is not selected":         {Config{}, `"Contacts.edit"`, phone, `{"Mobile":"1"}`, nil},
		"trigger [] does not silence":          {Config{}, `"Contacts.edit"`, none, `{"Phone":"1"}],"trigger":[`, []string{"Contacts.update"}},
		"trigger [] silences when switched so": {Config{SilentTrigger: true}, `"Contacts.edit"`, none, `{"Phone":"1"}],"trigger":[`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, tt.cfg)
			account := b.create(Accounts, `{"Account_Name":"Zylker"}`)
			id := b.create(Contacts, `{"Last_Name":"Doe","Account_Name":{"id":"`+account+`"}}`)
			in := newInbox(t)
			b.watch(in, tt.events, tt.more(b))
			b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[`+tt.body+`]}`)
			var got []string
			for _, m := range in.all(b.sim) {
				got = append(got, fmt.Sprintf("%s.%s", m["module"], m["operation"]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnExpiredChannelFallsSilent(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	in := newInbox(t)
	b.watch(in, `"Contacts.all"`, "")
	b.sim.Clock().Advance(24 * time.Hour)
	b.token = b.refresh()["access_token"].(string)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}]}`)
	if got := in.all(b.sim); got != nil {
		t.Errorf("an expired channel was told %v", got)
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/actions/watch", "")
	if out := b.subscribe("PUT", `{`+watchBase+`}`); out.status != http.StatusBadRequest {
		t.Errorf("PUT on an expired channel: got %d", out.status)
	}
	b.watch(in, `"Contacts.all"`, "")
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"2"}]}`)
	if got := in.all(b.sim); len(got) != 1 {
		t.Errorf("a channel enabled anew was told %v", got)
	}
}

func TestAMassEditNotifiesOfManyRecordsAtOnce(t *testing.T) {
	b := start(t, Config{})
	ids := b.fill(3)
	in := newInbox(t)
	b.watch(in, `"Contacts.edit"`, "")
	b.must(http.StatusOK, "POST", "/_sim/notify", `{"module":"Contacts","ids":["`+strings.Join(ids, `","`)+`"],"fields":{"Department":"Sales"}}`)
	got := in.all(b.sim)
	if len(got) != 1 || len(got[0]["ids"].([]any)) != 3 || len(got[0]["affected_fields"].([]any)) != 3 {
		t.Fatalf("got %v", got)
	}
	if b.record(Contacts, ids[2])["Department"] != "Sales" {
		t.Error("the mass edit edited nothing")
	}
	b.must(http.StatusOK, "POST", "/_sim/redeliver", `{"last":1}`)
	if again := in.all(b.sim); len(again) != 1 || !cmp.Equal(got[0], again[0]) {
		t.Errorf("redelivered %v", again)
	}
}

func TestNotificationsAreRetried(t *testing.T) {
	b := start(t, Config{Retries: 2, RetryBase: time.Nanosecond})
	in := newInbox(t)
	in.status = http.StatusInternalServerError
	b.watch(in, `"Contacts.create"`, "")
	b.create(Contacts, `{"Last_Name":"Doe"}`)
	if got := in.all(b.sim); len(got) != 3 {
		t.Errorf("%d attempts, want 3", len(got))
	}
}

func TestWorkflowWebhookOfOneModule(t *testing.T) {
	in := newInbox(t)
	b := start(t, Config{WorkflowWebhook: &WorkflowWebhook{URL: in.url, Module: Accounts}})
	b.must(http.StatusCreated, "POST", "/_sim/Contacts", `{"fields":{"Last_Name":"Doe"}}`)
	id := b.must(http.StatusCreated, "POST", "/_sim/Accounts", `{"fields":{"Account_Name":"Zylker"}}`).body["id"]
	want := []map[string]any{{"module": "Accounts", "id": id, "operation": "create"}}
	if diff := cmp.Diff(want, in.all(b.sim)); diff != "" {
		t.Errorf("webhook (-want +got):\n%s", diff)
	}
}

func TestWorkflowWebhookIsSilencedByTrigger(t *testing.T) {
	in := newInbox(t)
	b := start(t, Config{WorkflowWebhook: &WorkflowWebhook{
		URL: in.url, Header: "X-Secret", Secret: "s3cret", Body: `{"id":"${!Contacts.Id}","name":"${!Contacts.Last_Name}","other":"${!Accounts.Id}"}`,
	}})
	b.create(Contacts, `{"Last_Name":"Quiet"}`) // trigger []
	b.must(http.StatusCreated, "POST", "/crm/v8/Contacts", `{"data":[{"Last_Name":"Not \"quiet\""}],"trigger":["approval"]}`)
	if got := in.all(b.sim); got != nil {
		t.Fatalf("without workflow in the trigger the webhook got %v", got)
	}
	out := b.must(http.StatusCreated, "POST", "/_sim/Contacts", `{"fields":{"Last_Name":"Not \"quiet\""}}`)
	want := []map[string]any{{"id": out.body["id"], "name": `Not "quiet"`, "other": ""}}
	if diff := cmp.Diff(want, in.all(b.sim)); diff != "" {
		t.Errorf("webhook (-want +got):\n%s", diff)
	}
	if got := (<-in.heads).Get("X-Secret"); got != "s3cret" {
		t.Errorf("secret header %q", got)
	}
}
