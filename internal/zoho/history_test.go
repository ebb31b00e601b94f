package zoho

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// timelineEntry is one line of a timeline; changes are "field:old:new" in JSON.
func timelineEntry(at, user, source string, changes ...string) string {
	var fields []string
	for _, c := range changes {
		p := strings.SplitN(c, "|", 3)
		fields = append(fields, fmt.Sprintf(`{"api_name":%q,"_value":{"old":%s,"new":%s}}`, p[0], p[1], p[2]))
	}
	return fmt.Sprintf(`{"audited_time":%q,"action":"updated","source":%q,"done_by":{"name":"x","id":%q},"field_history":[%s]}`,
		at, source, user, strings.Join(fields, ","))
}

func timelineOf(info string, entries ...string) string {
	return `{"__timeline":[` + strings.Join(entries, ",") + `],"info":{` + info + `}}`
}

// janeRecord is the record of these tests as Read gives it.
func janeRecord(t *testing.T) crm.Record {
	t.Helper()
	return crm.Record{
		Ref: contactRef(janeID), CounterpartID: "77", CreatedByUs: true, Created: mustTime(t, "2026-11-01T09:00:00Z"),
		Fields: map[string]string{"Last_Name": "Doe", "Phone": "3", "Score": "5", "Account_Name": "99"},
	}
}

func TestHistoryIsNewestFirstAndEndsWithTheCreation(t *testing.T) {
	f := newFakeAPI(t, always(200, timelineOf(`"more_records":false`,
		timelineEntry("2026-11-12T13:13:15+05:30", "222", "crm_ui", `Phone|"2"|"3"`, `Unmapped|"a"|"b"`),
		timelineEntry("2026-11-12T07:43:15Z", ownUser, "crm_api", `Phone|"1"|"2"`),
		timelineEntry("2026-11-11T10:00:00Z", ownUser, "workflow", `Score|null|5`, `Email_Opt_Out|false|true`),
		`{"audited_time":"2026-11-10T10:00:00Z","action":"sent","source":"crm_ui","done_by":{"id":"222"},"field_history":null}`,
		timelineEntry("2026-11-10T10:00:00Z", ownUser, "crm_ui", `Account_Name|{"name":"A","id":"98"}|{"name":"B","id":"99"}`),
		timelineEntry("2026-11-09T10:00:00Z", "222", "crm_api", `Email|"d@x.eu"|null`),
	)))
	rec := janeRecord(t)
	got, err := newTestClient(t, f).WithHistory(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time { return mustTime(t, text) }
	created := rec.Created
	want := map[string][]crm.Edit{
		"Phone": {
			{Value: "3", At: at("2026-11-12T07:43:15Z")},
			{Value: "2", At: at("2026-11-12T07:43:15Z"), Own: true},
			{Value: "1", At: created, Own: true},
		},
		"Score":         {{Value: "5", At: at("2026-11-11T10:00:00Z"), Own: true}},
		"Email_Opt_Out": {{Value: "true", At: at("2026-11-11T10:00:00Z"), Own: true}, {Value: "false", At: created, Own: true}},
		"Account_Name":  {{Value: "99", At: at("2026-11-10T10:00:00Z")}, {Value: "98", At: created, Own: true}},
		"Email":         {{Value: "", At: at("2026-11-09T10:00:00Z")}, {Value: "d@x.eu", At: created, Own: true}},
		"Last_Name":     {{Value: "Doe", At: created, Own: true}},
		"HubSpot_ID":    {{Value: "77", At: created, Own: true}},
	}
	if diff := cmp.Diff(want, got.History); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	wantCall := sentRequest{
		Method: "GET", Path: "/Contacts/" + janeID + "/__timeline", Token: "Zoho-oauthtoken 1000.a",
		Query: "include_inner_details=field_history.data_type&per_page=200&sort_by=audited_time&sort_order=desc",
	}
	if diff := cmp.Diff([]sentRequest{wantCall}, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestEditsThatAPersonTypesAsOurUserAreNotOurs: people should not work as this
// user, but they do.
func TestEditsThatAPersonTypesAsOurUserAreNotOurs(t *testing.T) {
	for source, own := range map[string]bool{
		"crm_api": true, "workflow": true, "custom_function": true, "a source of next year": true,
		"crm_ui": false, "mass_update": false, "convert": false, "import": false, "bulkapi": false,
	} {
		f := newFakeAPI(t, always(200, timelineOf(`"more_records":true`, timelineEntry("2026-11-12T07:43:15Z", ownUser, source, `Phone|"1"|"3"`))))
		got, err := newTestClient(t, f).WithHistory(t.Context(), janeRecord(t))
		if err != nil || len(got.History["Phone"]) != 1 || got.History["Phone"][0].Own != own {
			t.Errorf("%s: %+v, %v, want own %t", source, got.History["Phone"], err, own)
		}
	}
}

func TestHistoryFollowsFivePagesAndThenAddsNoCreation(t *testing.T) {
	tests := []struct {
		name         string
		pages, calls int
		want         []string
	}{
		{"one page", 1, 1, []string{"v1", "v0"}},
		{"three pages", 3, 3, []string{"v3", "v2", "v1", "v0"}},
		{"too many pages", 9, 5, []string{"v9", "v8", "v7", "v6", "v5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, func(n int, r sentRequest) (int, string) {
				if n > 1 != strings.Contains(r.Query, fmt.Sprintf("page_token=p%d", n)) {
					return 400, ""
				}
				v := tt.pages - n + 1
				change := fmt.Sprintf(`Phone|"v%d"|"v%d"`, v-1, v)
				info := fmt.Sprintf(`"more_records":%t,"next_page_token":"p%d"`, v > 1, n+1)
				return 200, timelineOf(info, timelineEntry(fmt.Sprintf("2026-11-12T10:00:%02dZ", v), "222", "crm_ui", change))
			})
			got, err := newTestClient(t, f).WithHistory(t.Context(), janeRecord(t))
			if err != nil {
				t.Fatal(err)
			}
			var values []string
			for _, e := range got.History["Phone"] {
				values = append(values, e.Value)
			}
			if diff := cmp.Diff(tt.want, values); diff != "" || len(f.calls) != tt.calls {
				t.Errorf("%d calls, values (-want +got):\n%s", len(f.calls), diff)
			}
		})
	}
}

func TestHistoryIsPutInOrder(t *testing.T) {
	f := newFakeAPI(t, always(200, timelineOf(``,
		timelineEntry("2026-11-10T10:00:00Z", "222", "crm_ui", `Phone|"a"|"b"`),
		timelineEntry("2026-11-12T10:00:00Z", "222", "crm_ui", `Phone|"b"|"c"`),
	)))
	got, err := newTestClient(t, f).WithHistory(t.Context(), janeRecord(t))
	if err != nil {
		t.Fatal(err)
	}
	var values string
	for _, e := range got.History["Phone"] {
		values += e.Value
	}
	if values != "cba" {
		t.Errorf("values are %q, want the newest first: cba", values)
	}
}

func TestAnEmptyTimelineIsTrustedForAnUnmodifiedRecordOnly(t *testing.T) {
	f := newFakeAPI(t, always(204, ""))
	c := newTestClient(t, f)
	rec := janeRecord(t)
	rec.Fields = map[string]string{"Phone": "3"}
	rec.CounterpartID = ""
	tests := []struct {
		name     string
		modified time.Time
		want     map[string][]crm.Edit
	}{
		{"untouched", rec.Created, map[string][]crm.Edit{"Phone": {{Value: "3", At: rec.Created, Own: true}}}},
		{"modified", rec.Created.Add(time.Hour), map[string][]crm.Edit{}},
	}
	for _, tt := range tests {
		rec.Modified = tt.modified
		got, err := c.WithHistory(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.History); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestHistoryOfUnknownShapeIsAFailure(t *testing.T) {
	for name, body := range map[string]string{
		"no time":              timelineOf(``, timelineEntry("", "222", "crm_ui", `Phone|"a"|"b"`)),
		"no values":            timelineOf(``, `{"audited_time":"2026-11-10T10:00:00Z","field_history":[{"api_name":"Phone"}]}`),
		"a field is a text":    timelineOf(``, `{"audited_time":"2026-11-10T10:00:00Z","field_history":["Phone"]}`),
		"the fields are a map": timelineOf(``, `{"audited_time":"2026-11-10T10:00:00Z","field_history":{}}`),
		"no timeline":          `{"data":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, always(200, body))
			_, err := newTestClient(t, f).WithHistory(t.Context(), janeRecord(t))
			if e := wantError(t, err); e.Kind != crm.Refused {
				t.Errorf("got %v, want refused", err)
			}
		})
	}
}
