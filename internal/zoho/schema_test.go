package zoho

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const fieldsAnswer = `{"fields":[
	{"api_name":"Email","field_label":"Email","data_type":"email","length":100,"unique":{},"operation_type":{"api_create":true,"api_update":true}},
	{"api_name":"HubSpot_ID","field_label":"HubSpot ID","data_type":"text","length":255,"unique":{"casesensitive":false}},
	{"api_name":"Hobbies","field_label":"Hobbies","data_type":"multiselectpicklist","pick_list_values":[
		{"actual_value":"Golf","type":"used"},{"actual_value":"Old","type":"unused"}]},
	{"api_name":"Last_Name","field_label":"Last Name","data_type":"text","length":80,"system_mandatory":true},
	{"api_name":"Full_Name","field_label":"Full Name","data_type":"text","length":120,"operation_type":{"api_create":false,"api_update":false}},
	{"api_name":"Age","field_label":"Age","data_type":"formula","field_read_only":true,"length":null},
	{"api_name":"Owner","field_label":"Owner","data_type":"ownerlookup","length":120},
	{"api_name":"Photo","field_label":"Photo","data_type":"profileimage"}]}`

func TestSchemaReadsWhatEachFieldHolds(t *testing.T) {
	pages := []string{
		`{"users":[{"id":"1","email":"a@example.com","status":"active"}],"info":{"more_records":true}}`,
		`{"users":[{"id":"2","email":"gone@example.com","status":"disabled"}],"info":{"more_records":false}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/settings/fields"):
			writeAll(t, w, fieldsAnswer)
		case r.URL.Query().Get("page") == "1":
			writeAll(t, w, pages[0])
		default:
			writeAll(t, w, pages[1])
		}
	}))
	t.Cleanup(server.Close)
	c := newTestClient(t, &fakeAPI{Server: server})
	got, err := c.ReadSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]crm.FieldInfo{
		"Email":      {Name: "Email", Label: "Email", Native: "email", Holds: crm.Text, Form: crm.EmailAddress, Length: 100},
		"HubSpot_ID": {Name: "HubSpot_ID", Label: "HubSpot ID", Native: "text", Holds: crm.Text, Length: 255, Unique: true},
		"Hobbies":    {Name: "Hobbies", Label: "Hobbies", Native: "multiselectpicklist", Holds: crm.List, Options: []string{"Golf"}, Closed: true},
		"Last_Name":  {Name: "Last_Name", Label: "Last Name", Native: "text", Holds: crm.Text, Length: 80, Required: true},
		"Full_Name":  {Name: "Full_Name", Label: "Full Name", Native: "text", Holds: crm.Text, Length: 120, ReadOnly: true},
		"Age":        {Name: "Age", Label: "Age", Native: "formula", Holds: crm.Text, ReadOnly: true, Calculated: true},
		"Owner":      {Name: "Owner", Label: "Owner", Native: "ownerlookup", Holds: crm.OwnedBy, Length: 120},
		"Photo":      {Name: "Photo", Label: "Photo", Native: "profileimage"},
	}
	want := crm.Schema{System: crm.Zoho, CounterpartField: "HubSpot_ID",
		Fields: map[crm.Kind]map[string]crm.FieldInfo{crm.Contact: fields, crm.Company: fields},
		Owners: []crm.Owner{{ID: "1", Email: "a@example.com", Active: true}, {ID: "2", Email: "gone@example.com"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestFieldsThatCannotBeReadAreNoSchema(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		kind   crm.ErrorKind
	}{
		"a scope is missing": {http.StatusUnauthorized, `{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"Unauthorized","status":"error"}`, crm.Forbidden},
		"no list":            {http.StatusOK, `{"fields":[]}`, crm.Refused},
	} {
		f := newFakeAPI(t, always(tt.status, tt.body))
		if _, err := newTestClient(t, f).ReadSchema(t.Context()); !crm.IsKind(err, tt.kind) {
			t.Errorf("%s: error %v, want %s", name, err, tt.kind)
		}
	}
}
