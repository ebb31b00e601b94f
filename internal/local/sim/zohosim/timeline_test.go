package zohosim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestATimelineShowsWhoChangedWhatAndHow(t *testing.T) {
	b := start(t, Config{TimeOffset: 5*time.Hour + 30*time.Minute})
	id := b.create(Contacts, `{"First_Name":"Jane","Last_Name":"Doe","Phone":"1"}`)
	b.sim.Clock().Advance(10 * time.Second)
	b.must(http.StatusOK, "PATCH", "/_sim/Contacts/"+id, `{"fields":{"Phone":"2"}}`)
	out := b.must(http.StatusOK, "GET",
		"/crm/v8/Contacts/"+id+"/__timeline?per_page=200&sort_by=audited_time&sort_order=desc&include_inner_details=field_history.data_type", "")
	first := at(out.body, "__timeline", 0)
	m := b.sim.modules[Contacts]
	want := map[string]any{
		"id": at(first, "id"), "audited_time": at(first, "audited_time"), "action": "updated", "source": "crm_ui", "type": "timeline",
		"done_by":        map[string]any{"name": "Patricia Boyle", "id": DefaultPersonID},
		"record":         map[string]any{"module": map[string]any{"api_name": "Contacts", "id": m.id}, "name": "Jane Doe", "id": id},
		"related_record": nil, "automation_details": nil, "extension": nil,
		"field_history": []any{map[string]any{"api_name": "Phone", "id": m.byName["Phone"].id, "data_type": "phone", "_value": map[string]any{"old": "1", "new": "2"}}},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("newest entry (-want +got):\n%s", diff)
	}
	if stamp := at(first, "audited_time").(string); !strings.HasSuffix(stamp, "+05:30") {
		t.Errorf("audited_time %q", stamp)
	}
	second := at(out.body, "__timeline", 1)
	if at(second, "action") != "added" || at(second, "source") != "crm_api" || at(second, "done_by", "id") != DefaultUserID {
		t.Errorf("oldest entry: %v", second)
	}
	names := map[any]any{}
	for _, h := range at(second, "field_history").([]any) {
		names[at(h, "api_name")] = at(h, "_value", "new")
	}
	if names["Phone"] != "1" || names["Last_Name"] != "Doe" || names["Mobile"] != nil {
		t.Errorf("history of the creation: %v", names)
	}
}

func TestTimelineFilters(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	b.sim.Clock().Advance(time.Minute)
	since := b.later(-10 * time.Second)
	b.must(http.StatusOK, "PATCH", "/_sim/Contacts/"+id, `{"fields":{"Phone":"2"}}`)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"3"}]}`)
	source := func(comparator, values string) string {
		return `{"comparator":"` + comparator + `","field":{"api_name":"source"},"value":` + values + `}`
	}
	between := `{"comparator":"between","field":{"api_name":"audited_time"},"value":["` + since + `","` + b.later(time.Minute) + `"]}`
	tests := map[string]struct {
		filter string
		want   int // entries; 0: 204; -1: refused
	}{
		"none":                 {"", 3},
		"by the API":           {source("equal", `"crm_api"`), 2},
		"not by the API":       {source("not_in", `["crm_api"]`), 1},
		"in a time":            {between, 2},
		"both":                 {`{"group_operator":"and","group":[` + between + `,` + source("in", `["crm_api"]`) + `]}`, 1},
		"either":               {`{"group_operator":"or","group":[` + between + `,` + source("in", `["crm_api"]`) + `]}`, 3},
		"by a user":            {`{"comparator":"equal","field":{"api_name":"done_by.id"},"value":"` + DefaultPersonID + `"}`, 1},
		"by nobody":            {source("equal", `"workflow"`), 0},
		"of an unknown field":  {`{"comparator":"equal","field":{"api_name":"colour"},"value":"red"}`, -1},
		"with a wrong compare": {source("between", `["a","b"]`), -1},
		"not JSON":             {`{`, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.do("GET", "/crm/v8/Contacts/"+id+"/__timeline?filters="+url.QueryEscape(tt.filter), "")
			entries, _ := out.body["__timeline"].([]any)
			status := http.StatusOK
			switch tt.want {
			case 0:
				status = http.StatusNoContent
			case -1:
				status = http.StatusBadRequest
			}
			if out.status != status || len(entries) != max(tt.want, 0) {
				t.Errorf("got %d with %d entries: %s", out.status, len(entries), out.text)
			}
		})
	}
}

func TestTheCreationMayHaveNoHistory(t *testing.T) {
	b := start(t, Config{BareCreation: true})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	out := b.must(http.StatusOK, "GET", "/crm/v8/Contacts/"+id+"/__timeline", "")
	if at(out.body, "__timeline", 0, "action") != "added" || at(out.body, "__timeline", 0, "field_history") != nil {
		t.Errorf("got %s", out.text)
	}
}

func TestTimelinePages(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	for _, phone := range []string{"1", "2", "3"} {
		b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"`+phone+`"}]}`)
	}
	path := "/crm/v8/Contacts/" + id + "/__timeline?per_page=3"
	out := b.must(http.StatusOK, "GET", path, "")
	// Entries of one second come newest first as well.
	if at(out.body, "__timeline", 0, "field_history", 0, "_value", "new") != "3" || at(out.body, "info", "more_records") != true {
		t.Errorf("first page: %s", out.text)
	}
	token := url.QueryEscape(at(out.body, "info", "next_page_token").(string))
	out = b.must(http.StatusOK, "GET", path+"&page_token="+token, "")
	if at(out.body, "__timeline", 0, "action") != "added" || at(out.body, "__timeline", 1) != nil {
		t.Errorf("second page: %s", out.text)
	}
	b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts/5725767000000999999/__timeline", "")
}
