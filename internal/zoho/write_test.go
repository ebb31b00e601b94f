package zoho

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func savedResult(id string) string {
	return `{"data":[{"code":"SUCCESS","details":{"Modified_Time":"2026-11-23T10:00:05+01:00","Modified_By":{"name":"Bot","id":"111"},
		"Created_Time":"2026-11-01T10:00:00+01:00","id":"` + id + `"},"message":"record updated","status":"success"}]}`
}

func TestCreateSendsEveryTypeOfValue(t *testing.T) {
	f := newFakeAPI(t, always(201, savedResult(janeID)))
	got, err := newTestClient(t, f).Create(t.Context(), crm.Contact, crm.Write{CounterpartID: "508369434347", Fields: map[string]crm.Value{
		"Last_Name":     {Type: crm.Text, Text: "O'Neil \"x\""},
		"Score":         {Type: crm.Number, Text: "-12.50"},
		"Email_Opt_Out": {Type: crm.Bool, Text: "true"},
		"Hobbies":       {Type: crm.List, Text: "chess; go;;go"},
		"Account_Name":  {Type: crm.Lookup, Text: "5725767000000524099"},
		"Date_of_Birth": {Type: crm.Date, Text: "1990-02-28"},
		"Last_Call":     {Type: crm.DateTime, Text: "2026-11-23T10:00:00.987+01:00"},
		"Phone":         {Type: crm.Text},
		"Employees":     {Type: crm.Number},
		"Tags":          {Type: crm.List},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Written{Ref: contactRef(janeID), Modified: mustTime(t, "2026-11-23T09:00:05Z")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	wantCall := sentRequest{Method: "POST", Path: "/Contacts", Token: "Zoho-oauthtoken 1000.a", Body: map[string]any{
		"data": []any{map[string]any{
			"Last_Name": "O'Neil \"x\"", "Score": -12.5, "Email_Opt_Out": true, "Hobbies": []any{"chess", "go"},
			"Account_Name": map[string]any{"id": "5725767000000524099"}, "Date_of_Birth": "1990-02-28",
			"Last_Call": "2026-11-23T10:00:00+01:00", "Phone": nil, "Employees": nil, "Tags": nil, "HubSpot_ID": "508369434347",
		}},
		"trigger":                []any{},
		"skip_feature_execution": []any{map[string]any{"name": "cadences"}},
	}}
	if diff := cmp.Diff([]sentRequest{wantCall}, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestUpdateIsGuardedByTheTimeItWasReadAt(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	tests := []struct {
		name     string
		modified time.Time
		guard    string
	}{
		{"whole seconds with an offset", time.Date(2026, 11, 23, 10, 0, 0, 999, berlin), "2026-11-23T10:00:00+01:00"},
		{"UTC has an offset in digits too", time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), "2026-11-23T09:00:00+00:00"},
		{"no guard without a time", time.Time{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(200, savedResult(janeID)))
			rec := crm.Record{Ref: contactRef(janeID), Modified: tt.modified}
			_, err := newTestClient(t, f).Update(t.Context(), rec, crm.Write{CounterpartID: "7"})
			if err != nil {
				t.Fatal(err)
			}
			want := []sentRequest{{
				Method: "PUT", Path: "/Contacts/" + janeID, Token: "Zoho-oauthtoken 1000.a", Guard: tt.guard,
				Body: map[string]any{
					"data": []any{map[string]any{"HubSpot_ID": "7"}}, "trigger": []any{},
					"skip_feature_execution": []any{map[string]any{"name": "cadences"}},
				},
			}}
			if diff := cmp.Diff(want, f.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateOfNothingMakesNoCall(t *testing.T) {
	f := newFakeAPI(t, always(500, ""))
	rec := crm.Record{Ref: contactRef(janeID), Modified: time.Unix(5, 0)}
	got, err := newTestClient(t, f).Update(t.Context(), rec, crm.Write{})
	if err != nil || got != (crm.Written{Ref: rec.Ref, Modified: rec.Modified}) || len(f.calls) != 0 {
		t.Errorf("Update = %v, %v after %d calls", got, err, len(f.calls))
	}
}

func TestAValueWithoutJSONFormIsInvalidBeforeTheCall(t *testing.T) {
	f := newFakeAPI(t, always(500, ""))
	_, err := newTestClient(t, f).Create(t.Context(), crm.Contact, crm.Write{Fields: map[string]crm.Value{
		"A_Number": {Type: crm.Number, Text: "1,5"}, "B_Number": {Type: crm.Number, Text: "true"}, "C_Number": {Type: crm.Number, Text: "0x1"},
		"D_Bool": {Type: crm.Bool, Text: "yes"}, "E_Date": {Type: crm.Date, Text: "28.2.1990"},
		"F_Time": {Type: crm.DateTime, Text: "2026-11-23"}, "G_Lookup": {Type: crm.Lookup, Text: "Zylker"},
		"H_Other": {Type: "money", Text: "1"}, "$state": {Text: "x"}, "id": {Text: "1"}, "Last_Name": {Text: "fine"},
	}})
	want := crm.Error{System: crm.Zoho, Action: "create", Kind: crm.Invalid, Code: "NOT_ENCODED", Fields: []crm.FieldError{
		{Field: "$state", Code: "NOT_A_FIELD"},
		{Field: "A_Number", Code: "NOT_A_NUMBER"}, {Field: "B_Number", Code: "NOT_A_NUMBER"}, {Field: "C_Number", Code: "NOT_A_NUMBER"},
		{Field: "D_Bool", Code: "NOT_A_BOOLEAN"}, {Field: "E_Date", Code: "NOT_A_DATE"}, {Field: "F_Time", Code: "NOT_A_DATETIME"},
		{Field: "G_Lookup", Code: "NOT_A_RECORD_ID"}, {Field: "H_Other", Code: "UNKNOWN_TYPE"}, {Field: "id", Code: "NOT_A_FIELD"},
	}}
	if diff := cmp.Diff(want, wantError(t, err)); diff != "" || len(f.calls) != 0 {
		t.Errorf("%d calls, error (-want +got):\n%s", len(f.calls), diff)
	}
}

func TestAWriteSucceedsByItsStatusAlone(t *testing.T) {
	success := func(details string) string {
		return `{"data":[{"code":"SUCCESS","details":` + details + `,"message":"record added","status":"success"}]}`
	}
	tests := []struct {
		name   string
		status int
		body   string
		ok     bool
		kind   crm.ErrorKind
	}{
		{"200", 200, savedResult(janeID), true, ""},
		{"201", 201, savedResult(janeID), true, ""},
		{"202", 202, savedResult(janeID), true, ""},
		{"207", 207, savedResult(janeID), true, ""},
		{"an id that is a number", 200, success(`{"id":` + janeID + `}`), true, ""},
		{"a time that is none", 200, success(`{"id":"` + janeID + `","Modified_Time":"now"}`), true, ""},
		{"no id", 200, success(`{}`), false, crm.Refused},
		{"details that are a list", 200, success(`[]`), false, crm.Refused},
		{"another record", 200, savedResult(joeID), false, crm.Refused},
		{"two results", 200, `{"data":[{"code":"SUCCESS","status":"success"},{"code":"SUCCESS","status":"success"}]}`, false, crm.Refused},
		{"no result", 200, `{"data":[]}`, false, crm.Refused},
		{"a result without code and status", 200, `{"data":[{}]}`, false, crm.Refused},
		{"a code without a status", 200, `{"data":[{"code":"SUCCESS","details":{"id":"` + janeID + `"}}]}`, false, crm.Refused},
		{"an empty object", 200, `{}`, false, crm.Refused},
		{"no body", 204, ``, false, crm.Unavailable},
		{"a page of HTML", 200, `<html>ok</html>`, false, crm.Unavailable},
		{"JSON that ends early", 200, `{"data":[{"code":"SUCC`, false, crm.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(tt.status, tt.body))
			got, err := newTestClient(t, f).Update(t.Context(), crm.Record{Ref: contactRef(janeID)}, crm.Write{CounterpartID: "7"})
			if tt.ok {
				if err != nil || got.Ref != contactRef(janeID) {
					t.Errorf("Update = %v, %v, want success", got, err)
				}
				return
			}
			if e := wantError(t, err); e.Kind != tt.kind || !e.Ambiguous {
				t.Errorf("got %v (ambiguous %t), want an ambiguous %s", err, e.Ambiguous, tt.kind)
			}
		})
	}
}
