package zohosim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInsertRefusesWhatAFieldCannotHold(t *testing.T) {
	tests := map[string]struct {
		module, fields, code, field, path string
		detail                            string // "name=value" among the details
	}{
		"no last name":         {Contacts, `{"Email":"d@x.eu"}`, "MANDATORY_NOT_FOUND", "Last_Name", "$.data[0].Last_Name", ""},
		"last name null":       {Contacts, `{"Last_Name":null}`, "MANDATORY_NOT_FOUND", "Last_Name", "$.data[0].Last_Name", ""},
		"last name blank":      {Contacts, `{"Last_Name":"  "}`, "MANDATORY_NOT_FOUND", "Last_Name", "$.data[0].Last_Name", ""},
		"no account name":      {Accounts, `{"Phone":"1"}`, "MANDATORY_NOT_FOUND", "Account_Name", "$.data[0].Account_Name", ""},
		"text too long":        {Contacts, `{"Last_Name":"` + strings.Repeat("x", 81) + `"}`, "INVALID_DATA", "Last_Name", "$.data[0].Last_Name", "maximum_length=80"},
		"text is a number":     {Contacts, `{"Last_Name":5}`, "INVALID_DATA", "Last_Name", "$.data[0].Last_Name", "expected_data_type=text"},
		"e-mail without at":    {Contacts, `{"Last_Name":"D","Email":"x.eu"}`, "INVALID_DATA", "Email", "$.data[0].Email", "expected_data_type=email"},
		"e-mail without dot":   {Contacts, `{"Last_Name":"D","Email":"d@localhost"}`, "INVALID_DATA", "Email", "$.data[0].Email", "expected_data_type=email"},
		"phone with a slash":   {Contacts, `{"Last_Name":"D","Phone":"030/123"}`, "INVALID_DATA", "Phone", "$.data[0].Phone", "expected_data_type=phone"},
		"phone too long":       {Contacts, `{"Last_Name":"D","Phone":"` + strings.Repeat("1", 31) + `"}`, "INVALID_DATA", "Phone", "$.data[0].Phone", "maximum_length=30"},
		"unknown option":       {Contacts, `{"Last_Name":"D","Lead_Source":"Moon"}`, "INVALID_DATA", "Lead_Source", "$.data[0].Lead_Source", ""},
		"date in US form":      {Contacts, `{"Last_Name":"D","Date_of_Birth":"12/31/1980"}`, "INVALID_DATA", "Date_of_Birth", "$.data[0].Date_of_Birth", "expected_data_type=date"},
		"date that is not":     {Contacts, `{"Last_Name":"D","Date_of_Birth":"2026-02-30"}`, "INVALID_DATA", "Date_of_Birth", "$.data[0].Date_of_Birth", ""},
		"boolean as text":      {Contacts, `{"Last_Name":"D","Email_Opt_Out":"true"}`, "INVALID_DATA", "Email_Opt_Out", "$.data[0].Email_Opt_Out", "expected_data_type=boolean"},
		"integer as text":      {Accounts, `{"Account_Name":"Z","Employees":"5"}`, "INVALID_DATA", "Employees", "$.data[0].Employees", "expected_data_type=integer"},
		"integer with a point": {Accounts, `{"Account_Name":"Z","Employees":5.5}`, "INVALID_DATA", "Employees", "$.data[0].Employees", ""},
		"integer too large":    {Accounts, `{"Account_Name":"Z","Employees":1000000000}`, "INVALID_DATA", "Employees", "$.data[0].Employees", "maximum_length=9"},
		"website with a space": {Accounts, `{"Account_Name":"Z","Website":"zylker com"}`, "INVALID_DATA", "Website", "$.data[0].Website", "expected_data_type=website"},
		"lookup as text":       {Contacts, `{"Last_Name":"D","Account_Name":"Zylker"}`, "INVALID_DATA", "Account_Name", "$.data[0].Account_Name", "expected_data_type=jsonobject"},
		"lookup to nothing":    {Contacts, `{"Last_Name":"D","Account_Name":{"id":"5725767000000999999"}}`, "INVALID_DATA", "Account_Name", "$.data[0].Account_Name.id", ""},
		"lookup by name":       {Contacts, `{"Last_Name":"D","Account_Name":{"name":"Zylker"}}`, "MANDATORY_NOT_FOUND", "id", "$.data[0].Account_Name.id", ""},
		"owner unknown":        {Contacts, `{"Last_Name":"D","Owner":{"id":"1"}}`, "INVALID_DATA", "Owner", "$.data[0].Owner.id", ""},
		"record is a text":     {Contacts, `"Doe"`, "INVALID_DATA", "data", "$.data[0]", "expected_data_type=jsonobject"},
	}
	b := start(t, Config{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.must(http.StatusBadRequest, "POST", "/crm/v8/"+tt.module, `{"data":[`+tt.fields+`]}`)
			item := at(out.body, "data", 0)
			got := fmt.Sprint(at(item, "code"), at(item, "details", "api_name"), at(item, "details", "json_path"), at(item, "status"))
			if want := fmt.Sprint(tt.code, tt.field, tt.path, "error"); got != want {
				t.Errorf("got %s\nwant %s", out.text, want)
			}
			if key, value, asked := strings.Cut(tt.detail, "="); asked && fmt.Sprint(at(item, "details", key)) != value {
				t.Errorf("want %s in %s", tt.detail, out.text)
			}
		})
	}
	b.must(http.StatusNoContent, "GET", "/crm/v8/Contacts?fields=id", "")
}

func TestWritesRefuseBodiesThatAreWrongAsAWhole(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"Last_Name":"D"},`, 101), ",")
	tests := map[string]struct{ path, body, code, name string }{
		"not JSON":                     {"/crm/v8/Contacts", `{`, "INVALID_DATA", ""},
		"no data":                      {"/crm/v8/Contacts", `{}`, "MANDATORY_NOT_FOUND", "data"},
		"empty data":                   {"/crm/v8/Contacts", `{"data":[]}`, "INVALID_DATA", "data"},
		"101 records":                  {"/crm/v8/Contacts", `{"data":[` + many + `]}`, "INVALID_DATA", "data"},
		"trigger is a text":            {"/crm/v8/Contacts", `{"data":[{"Last_Name":"D"}],"trigger":"workflow"}`, "INVALID_DATA", "trigger"},
		"unknown trigger":              {"/crm/v8/Contacts", `{"data":[{"Last_Name":"D"}],"trigger":["notification"]}`, "INVALID_DATA", "trigger"},
		"unknown feature":              {"/crm/v8/Contacts", `{"data":[{"Last_Name":"D"}],"skip_feature_execution":[{"name":"x"}]}`, "INVALID_DATA", "name"},
		"upsert feature, no action":    {"/crm/v8/Contacts/upsert", `{"data":[{"Last_Name":"D"}],"skip_feature_execution":[{"name":"cadences"}]}`, "MANDATORY_NOT_FOUND", "action"},
		"three features":               {"/crm/v8/Contacts", `{"data":[{"Last_Name":"D"}],"skip_feature_execution":[{"name":"cadences"},{"name":"assignment_rules"},{"name":"connected_workflows"}]}`, "INVALID_DATA", "skip_feature_execution"},
		"check field not unique":       {"/crm/v8/Contacts/upsert", `{"data":[{"Last_Name":"D"}],"duplicate_check_fields":["Phone"]}`, "INVALID_DATA", "duplicate_check_fields"},
		"apply feature does not exist": {"/crm/v8/Contacts", `{"data":[{"Last_Name":"D"}],"apply_feature_execution":[{"name":"magic"}]}`, "INVALID_DATA", "name"},
	}
	b := start(t, Config{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.must(http.StatusBadRequest, "POST", tt.path, tt.body)
			if got, _ := at(out.body, "details", "api_name").(string); out.body["code"] != tt.code || got != tt.name {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

func TestSeveralErrorsOfOneRecordComeTogether(t *testing.T) {
	b := start(t, Config{})
	out := b.must(http.StatusBadRequest, "POST", "/crm/v8/Contacts", `{"data":[{"Email":"x","Phone":"030/1"}]}`)
	item := at(out.body, "data", 0)
	var got []string
	for _, e := range at(item, "details", "errors").([]any) {
		got = append(got, fmt.Sprint(at(e, "code"), " ", at(e, "details", "api_name")))
	}
	want := []string{"INVALID_DATA Email", "INVALID_DATA Phone", "MANDATORY_NOT_FOUND Last_Name"}
	if diff := cmp.Diff(want, got); diff != "" || at(item, "code") != "MULTIPLE_OR_MULTI_ERRORS" {
		t.Errorf("%v (-want +got):\n%s", at(item, "code"), diff)
	}
}

func TestWritesAnswerInInputOrder(t *testing.T) {
	b := start(t, Config{})
	out := b.must(http.StatusMultiStatus, "POST", "/crm/v8/Contacts",
		`{"data":[{"Last_Name":"A","HubSpot_ID":"1"},{"Email":"b@x.eu"},{"Last_Name":"C","HubSpot_ID":"1"},{"Last_Name":"D"}],"trigger":[]}`)
	var codes []any
	for i := range 4 {
		codes = append(codes, at(out.body, "data", i, "code"))
	}
	if diff := cmp.Diff([]any{"SUCCESS", "MANDATORY_NOT_FOUND", "DUPLICATE_DATA", "SUCCESS"}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	if got := at(out.body, "data", 2, "details", "json_path"); got != "$.data[2].HubSpot_ID" {
		t.Errorf("json_path %v", got)
	}
	if at(out.body, "data", 2, "details", "id") != at(out.body, "data", 0, "details", "id") {
		t.Errorf("the duplicate should name the first record: %s", out.text)
	}
}

func TestDuplicateNamesTheRecordThatIsThere(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe","HubSpot_ID":"HS-1"}`)
	out := b.must(http.StatusBadRequest, "POST", "/crm/v8/Contacts", `{"data":[{"Last_Name":"Roe","HubSpot_ID":"hs-1"}]}`)
	module := b.sim.modules[Contacts]
	want := map[string]any{"code": "DUPLICATE_DATA", "message": "duplicate data", "status": "error", "details": map[string]any{
		"api_name": "HubSpot_ID", "json_path": "$.data[0].HubSpot_ID", "id": id, "more_records": false,
		"duplicate_record": map[string]any{
			"id": id, "module": map[string]any{"api_name": "Contacts", "id": module.id},
			"Owner": map[string]any{"name": "Connector Integration", "id": DefaultUserID, "zuid": DefaultUserID[11:]},
		},
	}}
	if diff := cmp.Diff(want, at(out.body, "data", 0)); diff != "" {
		t.Errorf("duplicate (-want +got):\n%s", diff)
	}
}

func TestEmailIsUniqueOnlyWhenConfigured(t *testing.T) {
	body := `{"data":[{"Last_Name":"A","Email":"a@x.eu"},{"Last_Name":"B","Email":"A@x.eu"}]}`
	start(t, Config{}).must(http.StatusCreated, "POST", "/crm/v8/Contacts", body)
	b := start(t, Config{UniqueFields: map[string][]string{Contacts: {"Email"}}})
	out := b.must(http.StatusMultiStatus, "POST", "/crm/v8/Contacts", body)
	if got := at(out.body, "data", 1, "details", "api_name"); got != "Email" {
		t.Errorf("got %s", out.text)
	}
}

func TestUpdateIsPartialAndNullClears(t *testing.T) {
	b := start(t, Config{TimeOffset: time.Hour})
	id := b.create(Contacts, `{"First_Name":"Jane","Last_Name":"Doe","Phone":"1","Mobile":"2","Lead_Source":"Chat"}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":null,"Mobile":" 3 ","Lead_Source":"-None-"}]}`)
	got := b.record(Contacts, id)
	want := map[string]any{"First_Name": "Jane", "Last_Name": "Doe", "Full_Name": "Jane Doe", "Phone": nil, "Mobile": "3", "Lead_Source": nil, "Email_Opt_Out": false}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %v, want %v", name, got[name], value)
		}
	}
	if stamp, _ := got["Modified_Time"].(string); !strings.HasSuffix(stamp, "+01:00") || len(stamp) != 25 {
		t.Errorf("Modified_Time %q lacks the offset or has fractions", stamp)
	}
	if at(got, "Modified_By", "id") != DefaultUserID || len(id) != 19 {
		t.Errorf("modified by %v, id %s", got["Modified_By"], id)
	}
}

func TestUpdateNeedsAnIDThatIsThere(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	out := b.must(http.StatusMultiStatus, "PUT", "/crm/v8/Contacts", `{"data":[{"id":"`+id+`","Phone":"1"},{"Phone":"2"},{"id":"5725767000000999999"}]}`)
	if at(out.body, "data", 1, "code") != "MANDATORY_NOT_FOUND" || at(out.body, "data", 2, "message") != "the id given seems to be invalid" {
		t.Errorf("got %s", out.text)
	}
	b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"id":"5725767000000999999","Phone":"1"}]}`)
	b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Last_Name":""}]}`)
	b.must(http.StatusOK, "DELETE", "/crm/v8/Contacts/"+id, "")
	b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}]}`)
}

func TestIfUnmodifiedSinceGuardsAgainstLostUpdates(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe","Email":"d@x.eu"}`)
	read := b.record(Contacts, id)["Modified_Time"].(string)
	body := `{"data":[{"Phone":"1"}]}`
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, body, "If-Unmodified-Since", read)
	b.sim.Clock().Advance(2 * time.Second)
	b.must(http.StatusOK, "PATCH", "/_sim/Contacts/"+id, `{"fields":{"Phone":"9"}}`)
	for name, r := range map[string]*http.Request{
		"PUT":    b.request("PUT", "/crm/v8/Contacts/"+id, body, "If-Unmodified-Since", read),
		"upsert": b.request("POST", "/crm/v8/Contacts/upsert", `{"data":[{"Last_Name":"Doe","Email":"d@x.eu","Phone":"1"}]}`, "If-Unmodified-Since", read),
	} {
		out := b.send(r)
		item := at(out.body, "data", 0)
		if out.status != http.StatusPreconditionFailed || at(item, "code") != "ALREADY_MODIFIED" || at(item, "details", "Modified_By", "id") != DefaultPersonID {
			t.Errorf("%s: got %d %s", name, out.status, out.text)
		}
	}
	if got := b.record(Contacts, id)["Phone"]; got != "9" {
		t.Errorf("the person's edit was overwritten with %v", got)
	}
	b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, body, "If-Unmodified-Since", "Mon, 23 Nov 2026 10:00:00 GMT")
}

func TestUpsertMatchesByZohosOrder(t *testing.T) {
	// Record 1 has the e-mail, record 2 the unique field u1, record 3 u2.
	tests := map[string]struct {
		record, check string
		hit           int // 0: inserted
		field         any
	}{
		"nothing given, e-mail first":         {`"Email":"a@x.eu","HubSpot_ID":"u1"`, ``, 1, "Email"},
		"nothing given, then unique fields":   {`"Email":"new@x.eu","HubSpot_ID":"u1"`, ``, 2, "HubSpot_ID"},
		"nothing given, then the next unique": {`"Other_ID":"u2"`, ``, 3, "Other_ID"},
		"u1 given, u1 first":                  {`"HubSpot_ID":"U1","Other_ID":"u2","Email":"a@x.eu"`, `"HubSpot_ID"`, 2, "HubSpot_ID"},
		"u1 given, other unique fields match": {`"HubSpot_ID":"new","Other_ID":"u2","Email":"a@x.eu"`, `"HubSpot_ID"`, 3, "Other_ID"},
		"u1 given, the e-mail is ignored":     {`"HubSpot_ID":"new","Email":"a@x.eu"`, `"HubSpot_ID"`, 0, nil},
		"e-mail given, e-mail first":          {`"HubSpot_ID":"u1","Email":"A@X.eu"`, `"Email"`, 1, "Email"},
		"e-mail given, then u1":               {`"HubSpot_ID":"u1","Other_ID":"u2","Email":"new@x.eu"`, `"Email"`, 2, "HubSpot_ID"},
		"both given, in the order given":      {`"Other_ID":"u2","Email":"a@x.eu"`, `"Other_ID","Email"`, 3, "Other_ID"},
		"nothing matches":                     {`"HubSpot_ID":"new"`, ``, 0, nil},
		"a null matches nothing":              {`"Email":null,"HubSpot_ID":null`, ``, 0, nil},
		"an id wins over every field":         {`"id":"$3","Email":"a@x.eu"`, ``, 3, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{ExtraFields: map[string][]Field{Contacts: {{APIName: "Other_ID", Unique: true, Custom: true}}}})
			ids := []string{"",
				b.create(Contacts, `{"Last_Name":"One","Email":"a@x.eu"}`),
				b.create(Contacts, `{"Last_Name":"Two","HubSpot_ID":"u1"}`),
				b.create(Contacts, `{"Last_Name":"Three","Other_ID":"u2"}`)}
			body := `{"data":[{"Last_Name":"New",` + strings.ReplaceAll(tt.record, "$3", ids[3]) + `}]`
			if tt.check != "" {
				body += `,"duplicate_check_fields":[` + tt.check + `]`
			}
			out := b.do("POST", "/crm/v8/Contacts/upsert", body+`}`)
			item := at(out.body, "data", 0)
			if at(item, "code") == "DUPLICATE_DATA" {
				// The match was made, and another unique field belongs to someone else.
				if tt.hit == 0 || at(item, "details", "id") == ids[tt.hit] {
					t.Errorf("got %s", out.text)
				}
				return
			}
			want := "insert"
			if tt.hit > 0 {
				want = "update"
			}
			if out.status != 200 || at(item, "action") != want || at(item, "duplicate_field") != tt.field {
				t.Fatalf("got %d %s", out.status, out.text)
			}
			if tt.hit > 0 && at(item, "details", "id") != ids[tt.hit] {
				t.Errorf("hit %v, want record %d of %v", at(item, "details", "id"), tt.hit, ids)
			}
		})
	}
}

func TestAccountsMatchByName(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Accounts, `{"Account_Name":"Zylker"}`)
	out := b.must(http.StatusOK, "POST", "/crm/v8/Accounts/upsert", `{"data":[{"Account_Name":"zylker","Annual_Revenue":10.126,"Employees":7}],"trigger":[]}`)
	if at(out.body, "data", 0, "details", "id") != id || at(out.body, "data", 0, "duplicate_field") != "Account_Name" {
		t.Errorf("got %s", out.text)
	}
	got := b.record(Accounts, id)
	if got["Annual_Revenue"] != 10.13 || got["Employees"] != 7.0 {
		t.Errorf("revenue %v employees %v", got["Annual_Revenue"], got["Employees"])
	}
}

func TestUnknownAndReadOnlyFieldsFollowTheSwitch(t *testing.T) {
	body := `{"data":[{"Last_Name":"Doe","Full_Name":"X","Favourite_Colour":"red","$approved":false}]}`
	b := start(t, Config{})
	out := b.must(http.StatusCreated, "POST", "/crm/v8/Contacts", body)
	if got := b.record(Contacts, at(out.body, "data", 0, "details", "id").(string)); got["Full_Name"] != "Doe" || got["Favourite_Colour"] != nil {
		t.Errorf("ignored fields changed something: %v", got)
	}
	b = start(t, Config{UnknownFields: UnknownRefuse})
	if out := b.must(http.StatusBadRequest, "POST", "/crm/v8/Contacts", body); at(out.body, "data", 0, "code") != "MULTIPLE_OR_MULTI_ERRORS" {
		t.Errorf("got %s", out.text)
	}
}

func TestAWriteThatChangesNothingFollowsTheSwitch(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		b := start(t, Config{QuietNoOp: quiet})
		id := b.create(Contacts, `{"Last_Name":"Doe"}`)
		in := newInbox(t)
		b.watch(in, `"Contacts.edit"`, "")
		before := b.record(Contacts, id)["Modified_Time"]
		b.sim.Clock().Advance(5 * time.Second)
		b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Last_Name":"Doe"}]}`)
		moved, told := b.record(Contacts, id)["Modified_Time"] != before, len(in.all(b.sim)) == 1
		if moved == quiet || told == quiet {
			t.Errorf("quiet %v: moved %v, told %v", quiet, moved, told)
		}
	}
}

func TestAMultiSelectAppendsOnRequest(t *testing.T) {
	extra := Field{APIName: "Interests", Type: TypeMultiSelect, Options: []string{"a", "b", "c"}, Custom: true}
	b := start(t, Config{ExtraFields: map[string][]Field{Contacts: {extra}}})
	id := b.create(Contacts, `{"Last_Name":"Doe","Interests":["a"]}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Interests":["b","a"],"$append_values":{"Interests":true}}]}`)
	if diff := cmp.Diff([]any{"a", "b"}, b.record(Contacts, id)["Interests"]); diff != "" {
		t.Errorf("appended (-want +got):\n%s", diff)
	}
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Interests":["c"]}]}`)
	if diff := cmp.Diff([]any{"c"}, b.record(Contacts, id)["Interests"]); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Interests":["z"]}]}`)
}

func TestALockedRecordRefusesWrites(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	b.must(http.StatusOK, "POST", "/_sim/Contacts/"+id+"/lock", "")
	if out := b.must(http.StatusBadRequest, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}]}`); at(out.body, "data", 0, "code") != "RECORD_LOCKED" {
		t.Errorf("got %s", out.text)
	}
	b.must(http.StatusOK, "POST", "/_sim/Contacts/"+id+"/lock", `{"locked":false}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}]}`)
}
