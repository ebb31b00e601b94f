package zohosim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sdk sends a request as the Node SDK does: without a Content-Type, with a
// header of its own, and the query as it was written down.
func (b *bench) sdk(status int, method, path, body string, header ...string) reply {
	b.t.Helper()
	r := b.request(method, path, body, append(header, "x-zoho-sdk", "linux/6.18/nodejs-8.0/v20.20.2:2.0.0")...)
	r.Header.Del("Content-Type")
	out := b.send(r)
	if out.status != status {
		b.t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, out.status, out.text, status)
	}
	return out
}

// TestOfficialNodeSDKRequests plays what the calls of @zohocrm/nodejs-sdk-8.0
// put on the wire, in their order: later ones need what earlier ones wrote.
func TestOfficialNodeSDKRequests(t *testing.T) {
	b := start(t, Config{})
	account := b.create(Accounts, `{"Account_Name":"Zylker"}`)
	first := b.create(Contacts, `{"Last_Name":"Roe","HubSpot_ID":"h1"}`)
	second := b.create(Contacts, `{"Last_Name":"Two","HubSpot_ID":"h2"}`)
	field := at(b.must(http.StatusOK, "GET", "/crm/v8/settings/fields?module=Contacts", "").body, "fields", 0, "id").(string)
	tomorrow := b.sim.Clock().Now().Add(24 * time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	const nobody = "5725767000009999999"
	tests := []struct {
		name, method, path, body string
		status                   int
	}{
		{"createRecords", "POST", "Contacts", `{"data":[{"Last_Name":"Doe","First_Name":"Jane","Email":"d@x.eu","Phone":"123","Date_of_Birth":"1990-05-06","Email_Opt_Out":true,` +
			`"HubSpot_ID":"h3","Lead_Source":"Advertisement","Description":"a\nb","Account_Name":{"id":"` + account + `"}}],"trigger":[]}`, 201},
		{"createRecords, one without its name", "POST", "Contacts", `{"data":[{"Last_Name":"Three","HubSpot_ID":"h4"},{"Phone":"9"}],"trigger":[]}`, 207},
		{"createRecords, a duplicate", "POST", "Contacts", `{"data":[{"Last_Name":"Dup","HubSpot_ID":"h2"}],"trigger":[]}`, 400},
		{"getRecord", "GET", "Contacts/" + first, "", 200},
		{"getRecord with fields", "GET", "Contacts/" + first + "?fields=Last_Name,HubSpot_ID&", "", 200},
		{"getRecords by ids", "GET", "Contacts?ids=" + first + "," + second + "&fields=Last_Name,HubSpot_ID,Modified_Time,Modified_By,Owner,Tag&", "", 200},
		{"getRecords sorted", "GET", "Contacts?fields=Last_Name,Created_Time&per_page=1&page=1&sort_by=Modified_Time&sort_order=desc&", "", 200},
		{"getRecords, approved ones", "GET", "Contacts?approved=both&fields=Last_Name&", "", 200},
		{"getRecords by an unknown id", "GET", "Contacts?ids=" + nobody + "&fields=Last_Name&", "", 204},
		{"getRecords without fields", "GET", "Contacts", "", 400},
		{"updateRecord", "PUT", "Contacts/" + first, `{"data":[{"Phone":"777"}],"trigger":[]}`, 200},
		{"updateRecord with null", "PUT", "Contacts/" + first, `{"data":[{"Phone":null}],"trigger":[]}`, 200},
		{"updateRecord with triggers", "PUT", "Contacts/" + first, `{"data":[{"Phone":"778"}],"trigger":["workflow","approval","blueprint"]}`, 200},
		{"updateRecord without trigger", "PUT", "Contacts/" + first, `{"data":[{"Phone":"779"}]}`, 200},
		{"updateRecords", "PUT", "Contacts", `{"data":[{"id":"` + first + `","Phone":"1"},{"Phone":"2","id":"` + second + `"}],"trigger":[]}`, 200},
		{"updateRecords, one unknown", "PUT", "Contacts", `{"data":[{"id":"` + first + `","Phone":"1"},{"id":"` + nobody + `","Phone":"2"}],"trigger":[]}`, 207},
		{"upsertRecords", "POST", "Contacts/upsert", `{"data":[{"Last_Name":"U1","HubSpot_ID":"h2"},{"Last_Name":"U2","HubSpot_ID":"h9","Email":"u2@x.eu"}],"trigger":[],"duplicate_check_fields":["HubSpot_ID"]}`, 200},
		{"upsertRecords by the system's field", "POST", "Contacts/upsert", `{"data":[{"Last_Name":"U3","Email":"u2@x.eu"}],"trigger":[]}`, 200},
		{"searchRecords by email", "GET", "Contacts/search?email=d@x.eu&per_page=5&fields=Last_Name,HubSpot_ID&", "", 200},
		{"searchRecords by criteria", "GET", "Contacts/search?criteria=((Last_Name:starts_with:U)and(HubSpot_ID:equals:h2))&per_page=5&fields=Last_Name,HubSpot_ID&", "", 200},
		{"searchRecords, none", "GET", "Contacts/search?word=zzzzzz&", "", 204},
		{"coql getRecords", "POST", "coql", `{"select_query":"select Last_Name, Modified_By, Account_Name.Account_Name from Contacts where HubSpot_ID in ('h1','h2') order by Modified_Time asc, id asc limit 0, 200"}`, 200},
		{"getTimelines", "GET", "Contacts/" + first + "/__timeline", "", 200},
		{"getTimelines with filters half escaped", "GET", "Contacts/" + first + "/__timeline?sort_by=audited_time&sort_order=desc&include_inner_details=field_history.data_type&per_page=2&filters=" +
			"%7B%22comparator%22:%22equal%22,%22field%22:%7B%22api_name%22:%22source%22%7D,%22value%22:%22crm_api%22%7D&", "", 200},
		{"deleteRecord", "DELETE", "Contacts/" + second + "?wf_trigger=false&", "", 200},
		{"deleteRecords, one gone", "DELETE", "Contacts?ids=" + first + "," + second + "&wf_trigger=true&", "", 207},
		{"getDeletedRecords", "GET", "Contacts/deleted?type=all&page=1&per_page=2&", "", 200},
		{"getFields", "GET", "settings/fields?module=Contacts&type=all&include=allowed_permissions_to_update&", "", 200},
		{"getField", "GET", "settings/fields/" + field + "?module=Contacts&", "", 200},
		{"getField of the other module", "GET", "settings/fields/" + field + "?module=Accounts&", "", 400},
		{"getModules", "GET", "settings/modules?status=visible&", "", 200},
		{"getModuleByAPIName", "GET", "settings/modules/Contacts", "", 200},
		{"getModuleByAPIName, unknown", "GET", "settings/modules/Leads", "", 400},
		{"getUsers", "GET", "users?type=ActiveConfirmedUsers&page=1&per_page=200&", "", 200},
		{"getUsers, none", "GET", "users?type=DeactiveUsers&page=1&per_page=200&", "", 204},
		{"getUser", "GET", "users/" + DefaultPersonID, "", 200},
		{"getUser, unknown", "GET", "users/" + nobody, "", 400},
		{"getOrganization", "GET", "org", "", 200},
		{"enableNotifications", "POST", "actions/watch", `{"watch":[{"channel_expiry":"` + tomorrow + `","token":"TOKEN","notify_on_related_action":false,"return_affected_field_values":true,` +
			`"notify_url":"https://fn.example.com/zoho?k=v","channel_id":"1000000068001","events":["Contacts.create","Contacts.edit","Accounts.all"]}]}`, 201},
		{"enableNotifications, one wrong", "POST", "actions/watch", `{"watch":[{"notify_url":"https://fn.example.com/zoho","channel_id":"1000000068003","events":["Contacts.all"]},` +
			`{"notify_url":"https://fn.example.com/zoho","channel_id":"1000000068004","events":["Contacts.nope"]}]}`, 207},
		{"getNotifications", "GET", "actions/watch?channel_id=1000000068001&page=1&per_page=200&", "", 200},
		{"updateNotifications", "PUT", "actions/watch", `{"watch":[{"channel_expiry":"` + tomorrow + `","token":"T2","notify_url":"https://fn.example.com/zoho","channel_id":"1000000068001","events":["Contacts.create","Contacts.edit"]}]}`, 200},
		{"disableNotification", "PATCH", "actions/watch", `{"watch":[{"_delete_events":true,"channel_id":"1000000068001","events":["Contacts.edit"]}]}`, 200},
		{"deleteNotification", "DELETE", "actions/watch?channel_ids=1000000068001,1000000068003&", "", 200},
		{"deleteNotification again", "DELETE", "actions/watch?channel_ids=1000000068001&", "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner := *b
			inner.t = t
			inner.sdk(tt.status, tt.method, "/crm/v8/"+tt.path, tt.body)
		})
	}
}

// The SDK writes the time of If-Modified-Since in UTC with a Z.
func TestIfModifiedSinceMayEndInZ(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	later := b.sim.Clock().Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	for _, path := range []string{"Contacts/" + id, "Contacts?fields=Last_Name&", "Contacts/deleted?type=recycle&"} {
		b.sdk(http.StatusNotModified, "GET", "/crm/v8/"+path, "", "If-Modified-Since", later)
	}
}

func TestASingleThingIsAListOfOne(t *testing.T) {
	b := start(t, Config{})
	field := at(b.must(http.StatusOK, "GET", "/crm/v8/settings/fields?module=Accounts", "").body, "fields", 2)
	tests := []struct {
		path, list, key string
		want            any
	}{
		{"settings/fields/" + at(field, "id").(string) + "?module=Accounts", "fields", "api_name", at(field, "api_name")},
		{"settings/modules/Accounts", "modules", "api_name", Accounts},
		{"settings/modules/" + at(b.must(http.StatusOK, "GET", "/crm/v8/settings/modules", "").body, "modules", 0, "id").(string), "modules", "api_name", Contacts},
		{"users/" + DefaultUserID, "users", "id", DefaultUserID},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			list, _ := b.must(http.StatusOK, "GET", "/crm/v8/"+tt.path, "").body[tt.list].([]any)
			if len(list) != 1 || at(list, 0, tt.key) != tt.want {
				t.Errorf("got %v, want %v alone", list, tt.want)
			}
		})
	}
}

func TestUsersComeInPages(t *testing.T) {
	b := start(t, Config{})
	out := b.must(http.StatusOK, "GET", "/crm/v8/users?type=AllUsers&page=2&per_page=1", "").body
	if at(out, "users", 0, "id") != DefaultPersonID || at(out, "info", "more_records") != false {
		t.Errorf("second page: %v", out)
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/users?page=2147483647", "")
	for _, query := range []string{"page=0", "page=9223372036854775807", "per_page=201", "type=Martians"} {
		b.must(http.StatusBadRequest, "GET", "/crm/v8/users?"+query, "")
	}
}

// The SDK knows these keys and no others.
func TestTimelinesSayLessAboutPagesThanLists(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}],"trigger":[]}`)
	path := "/crm/v8/Contacts/" + id + "/__timeline?per_page=1"
	info := at(b.must(http.StatusOK, "GET", path, "").body, "info").(map[string]any)
	keys := []string{}
	for key := range info {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	want := strings.Fields("count more_records next_page_token page per_page previous_page_token")
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	b.must(http.StatusOK, "GET", path+"&page_token="+url.QueryEscape(info["next_page_token"].(string)), "")
}
