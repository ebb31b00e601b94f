package zoho

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func createdRow(row, at string) string {
	return strings.Replace(row, "2026-11-01T10:00:00+01:00", at, 1)
}

func recordIDs(records []crm.Record) []string {
	var ids []string
	for _, r := range records {
		ids = append(ids, r.Ref.RecordID)
	}
	return ids
}

func TestFindRanksByKeyThenAge(t *testing.T) {
	const older, oldest = "2026-10-01T10:00:00+01:00", "2026-09-01T10:00:00+01:00"
	keys := []crm.Key{{Value: "77"}, {Field: "Email", Value: "Jane@X.eu "}, {Field: "Phone", Value: "1"}}
	tests := []struct {
		name string
		rows []string
		want []string
	}{
		{"nothing", nil, nil},
		{"the counterpart before everything else", []string{
			createdRow(row("1", `"Email":"jane@x.eu",`), oldest), row("2", `"HubSpot_ID":"77",`), createdRow(row("3", `"Phone":"1",`), older),
		}, []string{"2"}},
		{"all that match the second key, the oldest first", []string{
			row("1", `"Email":"JANE@x.eu",`), createdRow(row("2", `"Phone":"1",`), oldest), createdRow(row("3", `"Email":" jane@x.eu",`), older),
		}, []string{"3", "1"}},
		{"the third key", []string{row("1", `"Phone":"1",`)}, []string{"1"}},
		{"records of the same second by id", []string{row("12", `"Phone":"1",`), row("9", `"Phone":"1",`)}, []string{"9", "12"}},
		{"a counterpart id that only begins alike does not match", []string{row("1", `"HubSpot_ID":"77 ",`)}, nil},
		{"a row that matches no key is none", []string{row("1", `"Email":"other@x.eu",`)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(200, list(tt.rows...)))
			got, err := newTestClient(t, f).Find(t.Context(), crm.Contact, keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, recordIDs(got)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if tt.want == nil && got != nil {
				t.Errorf("got %v, want nil", got)
			}
		})
	}
}

func TestFindGivesFullRecords(t *testing.T) {
	f := newFakeAPI(t, always(200, list(row(janeID, `"Email":"d@x.eu","Account_Name":{"id":"99"},"HubSpot_ID":"77",`))))
	c := newTestClient(t, f)
	found, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Value: "77"}})
	if err != nil {
		t.Fatal(err)
	}
	read, err := c.Read(t.Context(), contactRef(janeID))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]crm.Record{read}, found); diff != "" {
		t.Errorf("record (-read +found):\n%s", diff)
	}
}

func TestFindWritesOneQuery(t *testing.T) {
	const head = "select Account_Name, Website, HubSpot_ID, Created_Time, Modified_Time, Created_By, Modified_By from Accounts where "
	const tail = " order by Created_Time asc limit 0, 50"
	tests := []struct {
		name string
		keys []crm.Key
		want string
	}{
		{"one key", []crm.Key{{Value: "7"}}, head + "HubSpot_ID = '7'" + tail},
		{"two keys", []crm.Key{{Value: "7"}, {Field: "Website", Value: "x.eu"}}, head + "HubSpot_ID = '7' or Website = 'x.eu'" + tail},
		{
			"three keys in brackets", []crm.Key{{Value: "7"}, {Field: "Website", Value: "x.eu"}, {Field: "Account_Name", Value: "X"}},
			head + "((HubSpot_ID = '7' or Website = 'x.eu') or Account_Name = 'X')" + tail,
		},
		{"empty keys are left out", []crm.Key{{}, {Field: "Website", Value: " "}, {Field: "Account_Name", Value: "X"}}, head + "Account_Name = 'X'" + tail},
		{"a single quote", []crm.Key{{Field: "Account_Name", Value: "O'Neil"}}, head + `Account_Name = "O'Neil"` + tail},
		{"a double quote", []crm.Key{{Field: "Account_Name", Value: `The "X"`}}, head + `Account_Name = 'The "X"'` + tail},
		{"both quotes", []crm.Key{{Field: "Account_Name", Value: `O'Neil "X"`}}, head + `Account_Name = 'O''Neil "X"'` + tail},
		{"a backslash", []crm.Key{{Field: "Account_Name", Value: `x\' or id is not null`}, {Value: "7"}}, head + "HubSpot_ID = '7'" + tail},
		{"a control character", []crm.Key{{Field: "Account_Name", Value: "a\nb"}, {Value: "7"}}, head + "HubSpot_ID = '7'" + tail},
		{
			"a field that is not mapped", []crm.Key{{Field: "Phone", Value: "1"}},
			strings.Replace(head, "Modified_By", "Modified_By, Phone", 1) + "Phone = '1'" + tail,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(204, ""))
			if got, err := newTestClient(t, f).Find(t.Context(), crm.Company, tt.keys); got != nil || err != nil {
				t.Fatalf("Find = %v, %v, want nothing", got, err)
			}
			want := []sentRequest{{
				Method: "POST", Path: "/coql", Token: "Zoho-oauthtoken 1000.a", Body: map[string]any{"select_query": tt.want},
			}}
			if diff := cmp.Diff(want, f.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindWithoutUsableKeyMakesNoCall(t *testing.T) {
	f := newFakeAPI(t, always(204, ""))
	c := newTestClient(t, f)
	if got, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Field: "Email"}}); got != nil || err != nil {
		t.Errorf("Find = %v, %v, want nothing", got, err)
	}
	for _, field := range []string{"Email = 'x' or Phone", "Email'", "$x", "a.b"} {
		if _, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Field: field, Value: "x"}}); !crm.IsKind(err, crm.Refused) {
			t.Errorf("field %q: got error %v, want refused", field, err)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("calls were made: %v", f.calls)
	}
}

func TestFindAsksKeyByKeyWhenThereAreTooMany(t *testing.T) {
	others := `{"data":[` + row("1", `"Phone":"1",`) + `],"info":{"more_records":true}}`
	f := newFakeAPI(t, func(_ int, r sentRequest) (int, string) {
		query, _ := r.Body["select_query"].(string)
		switch {
		case strings.Contains(query, " or "):
			return 200, others
		case strings.Contains(query, "Email = "):
			return 200, list(row("2", `"Email":"d@x.eu",`))
		}
		return 204, ""
	})
	keys := []crm.Key{{Value: "77"}, {Field: "Email", Value: "d@x.eu"}, {Field: "Phone", Value: "1"}}
	got, err := newTestClient(t, f).Find(t.Context(), crm.Contact, keys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2"}, recordIDs(got)); diff != "" || len(f.calls) != 3 {
		t.Errorf("%d calls, found (-want +got):\n%s", len(f.calls), diff)
	}
}
