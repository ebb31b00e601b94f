package zohosim

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The requests of Zoho's own Node SDK (@zohocrm/nodejs-sdk-8.0, 2.0.0) in the
// order in which it sends them: a multipart token request, the two calls of its
// bootstrap, field metadata with a trailing &, an upsert without Content-Type, a
// read with a trailing &, a subscription whose expiry ends in Z.
func TestTheOfficialNodeSDKIsUnderstood(t *testing.T) {
	b := start(t, Config{})
	token := b.send(b.multipartToken(tokenForm()))
	b.token, _ = token.body["access_token"].(string)

	me := b.must(http.StatusOK, "GET", "/crm/v8/users?type=CurrentUser&", "")
	if got := at(me.body, "users", 0, "id"); got != DefaultUserID {
		t.Errorf("current user: got %v", got)
	}
	if got := at(b.must(http.StatusOK, "GET", "/crm/v8/org", "").body, "org", 0, "id"); got != OrganisationID {
		t.Errorf("organisation: got %v", got)
	}
	for _, module := range []string{Contacts, Accounts} {
		out := b.must(http.StatusOK, "GET", "/crm/v8/settings/fields?module="+module+"&", "")
		if fields, _ := out.body["fields"].([]any); len(fields) < 20 {
			t.Errorf("%s has %d fields", module, len(fields))
		}
	}

	upsert := b.request("POST", "/crm/v8/Contacts/upsert",
		`{"data":[{"Last_Name":"Doe","Email":"d@x.eu"}],"trigger":[],"duplicate_check_fields":["Email"]}`, "x-zoho-sdk", "Node/8.0")
	upsert.Header.Del("Content-Type")
	out := b.send(upsert)
	if out.status != http.StatusOK || at(out.body, "data", 0, "action") != "insert" {
		t.Fatalf("upsert: got %d %s", out.status, out.text)
	}
	id := at(out.body, "data", 0, "details", "id").(string)

	list := b.must(http.StatusOK, "GET", "/crm/v8/Contacts?ids="+id+"&fields=Last_Name,Email&", "")
	if got := list.header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
		t.Errorf("content type %q", got)
	}
	want := map[string]any{"id": id, "Last_Name": "Doe", "Email": "d@x.eu", "$approved": true, "$state": "save", "$locked_for_me": false}
	if diff := cmp.Diff([]any{want}, list.body["data"]); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}

	expiry := b.sim.Clock().Now().Add(24 * time.Hour).Format("2006-01-02T15:04:05Z")
	b.must(http.StatusCreated, "POST", "/crm/v8/actions/watch",
		`{"watch":[{"channel_id":"1000000068001","events":["Contacts.all"],"channel_expiry":"`+expiry+`","token":"t","notify_url":"https://fn.example.com/zoho"}]}`)
}

func TestAddressesThatAreWrong(t *testing.T) {
	b := start(t, Config{})
	tests := map[string]struct {
		method, path string
		status       int
		code         string
	}{
		"unknown version":       {"GET", "/crm/v1/Contacts?fields=id", 404, "INVALID_URL_PATTERN"},
		"unknown path":          {"GET", "/crm/v8/settings/layouts", 404, "INVALID_URL_PATTERN"},
		"too deep":              {"GET", "/crm/v8/Contacts/1/2/3", 404, "INVALID_URL_PATTERN"},
		"empty segment":         {"GET", "/crm/v8/Contacts//", 404, "INVALID_URL_PATTERN"},
		"unknown module":        {"GET", "/crm/v8/Leads?fields=id", 400, "INVALID_MODULE"},
		"module in lower case":  {"GET", "/crm/v8/contacts?fields=id", 400, "INVALID_MODULE"},
		"wrong method":          {"PATCH", "/crm/v8/Contacts", 400, "INVALID_REQUEST_METHOD"},
		"fields without module": {"GET", "/crm/v8/settings/fields", 400, "REQUIRED_PARAM_MISSING"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if out := b.must(tt.status, tt.method, tt.path, ""); out.body["code"] != tt.code {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

func TestFieldMetadataShowsWhatCanBeWritten(t *testing.T) {
	b := start(t, Config{})
	out := b.must(http.StatusOK, "GET", "/crm/v8/settings/fields?module=Contacts", "")
	fields := map[string]any{}
	for _, f := range out.body["fields"].([]any) {
		fields[at(f, "api_name").(string)] = f
	}
	if at(fields, "Last_Name", "system_mandatory") != true || at(fields, "Email", "system_mandatory") != false {
		t.Error("exactly Last_Name should be mandatory")
	}
	if at(fields, "Full_Name", "operation_type", "api_update") != false || at(fields, "Full_Name", "read_only") != true {
		t.Error("Full_Name should be read-only")
	}
	if len(at(fields, "HubSpot_ID", "unique").(map[string]any)) == 0 || len(at(fields, "Email", "unique").(map[string]any)) != 0 {
		t.Error("of the two only HubSpot_ID should be unique")
	}
	if at(fields, "Account_Name", "lookup", "module", "api_name") != Accounts {
		t.Error("Account_Name should point to Accounts")
	}
	if at(fields, "Lead_Source", "pick_list_values", 1, "actual_value") != "Advertisement" {
		t.Error("Lead_Source should have Zoho's options")
	}
}

func TestModulesAndUsersAreListed(t *testing.T) {
	b := start(t, Config{TimeOffset: time.Hour})
	modules := b.must(http.StatusOK, "GET", "/crm/v8/settings/modules", "").body
	if at(modules, "modules", 0, "api_name") != Contacts || at(modules, "modules", 1, "api_supported") != true {
		t.Errorf("modules: %v", modules)
	}
	users := b.must(http.StatusOK, "GET", "/crm/v8/users", "").body
	if at(users, "users", 1, "id") != DefaultPersonID || at(users, "users", 0, "time_zone") != "Etc/GMT-1" {
		t.Errorf("users: %v", users)
	}
	b.must(http.StatusBadRequest, "GET", "/crm/v8/users?type=Martians", "")
}
