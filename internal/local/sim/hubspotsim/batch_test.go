package hubspotsim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

const contactsBatch = "/crm/objects/2026-09/contacts/batch/"

func TestTracedCreateIsolatesBadRows(t *testing.T) {
	w := start(t, Config{})
	old := w.create("contacts", `{"email":"old@example.com","zoho_id":"1"}`)
	got := w.must(207, "POST", contactsBatch+"create", `{"inputs":[
		{"objectWriteTraceId":"a","properties":{"email":"new@example.com"}},
		{"objectWriteTraceId":"b","properties":{"email":"old@example.com"}},
		{"objectWriteTraceId":"c","properties":{"email":"c@example.com","nope":"1"}},
		{"objectWriteTraceId":"d","properties":{"email":"new@example.com"}},
		{"objectWriteTraceId":"e","properties":{"lastname":"E","zoho_id":"1"}}]}`)
	if n := len(got.ids()); n != 1 || got.at("numErrors") != 4.0 {
		t.Fatalf("%d results, %v errors: %s", n, got.at("numErrors"), got.raw)
	}
	created := got.str("results", 0, "id")
	type item struct{ Trace, Category, Existing string }
	var items []item
	for i := range 4 {
		items = append(items, item{got.str("errors", i, "context", "objectWriteTraceId", 0),
			got.str("errors", i, "category"), got.str("errors", i, "context", "existingId", 0)})
	}
	want := []item{{"b", conflict, old}, {"c", validation, ""}, {"d", conflict, created}, {"e", validation, ""}}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got.at("errors", 0, "correlationId") != nil {
		t.Error("an item has a correlation id")
	}
}

func TestUntracedCreateIsAllOrNothing(t *testing.T) {
	w := start(t, Config{})
	got := w.must(400, "POST", contactsBatch+"create",
		`{"inputs":[{"properties":{"lastname":"A"}},{"properties":{"lastname":"B","nope":"1"}}]}`)
	if !strings.Contains(got.raw, "PROPERTY_DOESNT_EXIST") {
		t.Error(got.raw)
	}
	w.must(409, "POST", contactsBatch+"create",
		`{"inputs":[{"properties":{"email":"a@example.com"}},{"properties":{"email":"a@example.com"}}]}`)
	if ids := w.must(200, "GET", "/crm/objects/2026-09/contacts", "").ids(); len(ids) != 0 {
		t.Errorf("contacts %v", ids)
	}
	w.must(201, "POST", contactsBatch+"create", `{"inputs":[{"properties":{"lastname":"A"}},{"properties":{"lastname":"B"}}]}`)
}

func TestUnknownIDsOfABatchAreOneItem(t *testing.T) {
	for _, version200 := range []bool{false, true} {
		t.Run(fmt.Sprintf("200 with errors: %t", version200), func(t *testing.T) {
			w := start(t, Config{Version200: version200})
			id := w.create("contacts", `{"lastname":"A"}`)
			status := 207
			if version200 {
				status = 200
			}
			for op, row := range map[string]string{"read": `{"id":"%s"}`, "update": `{"id":"%s","properties":{"fax":"1"}}`} {
				body := `{"inputs":[` + fmt.Sprintf(row, "8") + "," + fmt.Sprintf(row, id) + "," + fmt.Sprintf(row, "9") + `]}`
				got := w.must(status, "POST", contactsBatch+op, body)
				w.must(207, "POST", "/crm/objects/2026-03/contacts/batch/"+op, body)
				if diff := cmp.Diff([]string{id}, got.ids()); diff != "" {
					t.Errorf("%s results (-want +got):\n%s", op, diff)
				}
				want := []any{map[string]any{"status": "error", "category": notFound,
					"message": "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
					"context": map[string]any{"ids": []any{"8", "9"}}}}
				if diff := cmp.Diff(want, got.at("errors")); diff != "" {
					t.Errorf("%s errors (-want +got):\n%s", op, diff)
				}
			}
		})
	}
}

func TestBatchReadByUniqueProperty(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"email":"a@example.com","hs_additional_emails":"b@example.com","zoho_id":"77"}`)
	for property, value := range map[string]string{"email": "A@example.com", "zoho_id": "77"} {
		got := w.must(200, "POST", contactsBatch+"read", fmt.Sprintf(`{"idProperty":%q,"properties":["zoho_id"],"inputs":[{"id":%q}]}`, property, value))
		if diff := cmp.Diff([]string{id}, got.ids()); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", property, diff)
		}
	}
	got := w.must(200, "POST", contactsBatch+"read", `{"idProperty":"email","inputs":[{"id":"a@example.com"},{"id":"b@example.com"}]}`)
	if len(got.ids()) != 1 {
		t.Errorf("two addresses of one contact gave %v", got.ids())
	}
}

func TestBatchReadAllowsFiftyWithHistoryAndShuffles(t *testing.T) {
	w := start(t, Config{Seed: 1})
	got := w.must(201, "POST", contactsBatch+"create", `{"inputs":[`+inputs(50, `{"properties":{"lastname":"%d"}}`)+`]}`)
	ids := got.ids()
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = `{"id":"` + id + `"}`
	}
	read := w.must(200, "POST", contactsBatch+"read", `{"properties":["lastname"],"propertiesWithHistory":["lastname"],"inputs":[`+strings.Join(rows, ",")+`]}`)
	if diff := cmp.Diff(ids, read.ids()); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	var order []string
	for i := range ids {
		order = append(order, read.str("results", i, "id"))
	}
	if slices.IsSorted(order) {
		t.Error("the results come in the order of the inputs")
	}
}

func TestUpsertByUniqueProperty(t *testing.T) {
	w := start(t, Config{})
	id := w.create("companies", `{"name":"Old","zoho_id":"1"}`)
	got := w.must(200, "POST", "/crm/objects/2026-09/companies/batch/upsert", `{"inputs":[
		{"idProperty":"zoho_id","id":"1","properties":{"city":"Bonn"},"objectWriteTraceId":"x"},
		{"idProperty":"zoho_id","id":"2","properties":{"name":"New"}}]}`)
	for i := range 2 {
		isOld := got.str("results", i, "id") == id
		if got.at("results", i, "new") != !isOld {
			t.Errorf("result %d: %v", i, got.at("results", i))
		}
	}
	if got := w.must(200, "GET", "/crm/objects/2026-09/companies/2?idProperty=zoho_id&properties=name", ""); got.str("properties", "name") != "New" {
		t.Error(got.raw)
	}
	w.must(400, "POST", "/crm/objects/2026-09/companies/batch/upsert", `{"inputs":[{"idProperty":"zoho_id","id":"3","properties":{"city":"Bonn"}}]}`)
}

func TestBatchArchiveAnswersNoContent(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"lastname":"A"}`)
	w.must(204, "POST", contactsBatch+"archive", `{"inputs":[{"id":"`+id+`"},{"id":"9"}]}`)
	w.must(404, "GET", "/crm/objects/2026-09/contacts/"+id, "")
}

func TestRequiredPropertiesBindTheNewVersionOnly(t *testing.T) {
	w := start(t, Config{Required: map[string][]string{"contacts": {"phone"}}})
	const body = `{"properties":{"lastname":"A"}}`
	if got := w.must(400, "POST", "/crm/objects/2026-09/contacts", body); !strings.Contains(got.raw, "MISSING_REQUIRED") {
		t.Error(got.raw)
	}
	w.must(201, "POST", "/crm/objects/2026-03/contacts", body)
	w.must(201, "POST", "/crm/v3/objects/contacts", body)
}

func TestSearchIndexLags(t *testing.T) {
	clock := sim.NewManualClock(noon)
	w := start(t, Config{Clock: clock, SearchLag: 10 * time.Second})
	id := w.create("contacts", `{"email":"a@example.com","lastname":"Old"}`)
	find := func(property, value string) []string {
		t.Helper()
		return w.must(200, "POST", "/crm/objects/2026-09/contacts/search", fmt.Sprintf(
			`{"filterGroups":[{"filters":[{"propertyName":%q,"operator":"EQ","value":%q}]}],"properties":["lastname"]}`, property, value)).ids()
	}
	if got := find("email", "a@example.com"); len(got) != 0 {
		t.Errorf("a new contact is found at once: %v", got)
	}
	clock.Advance(10 * time.Second)
	w.must(200, "PATCH", "/crm/objects/2026-09/contacts/"+id, `{"properties":{"lastname":"New"}}`)
	for value, want := range map[string][]string{"old": {id}, "new": {}} {
		if diff := cmp.Diff(want, find("lastname", value)); diff != "" {
			t.Errorf("%s before the lag has passed (-want +got):\n%s", value, diff)
		}
	}
	clock.Advance(10 * time.Second)
	if diff := cmp.Diff([]string{id}, find("lastname", "new")); diff != "" {
		t.Errorf("after the lag (-want +got):\n%s", diff)
	}
}

func TestSearchFilters(t *testing.T) {
	w := start(t, Config{})
	a := w.create("companies", `{"name":"Acme Ltd","domain":"acme.com","annualrevenue":"90","industry":"RETAIL"}`)
	b := w.create("companies", `{"name":"Beta","annualrevenue":"1000","industry":"BANKING"}`)
	tests := []struct {
		filter string
		want   []string
	}{
		{`"propertyName":"name","operator":"EQ","value":"ACME ltd"`, []string{a}},
		{`"propertyName":"name","operator":"NEQ","value":"beta"`, []string{a}},
		{`"propertyName":"annualrevenue","operator":"GT","value":"100"`, []string{b}},
		{`"propertyName":"annualrevenue","operator":"LTE","value":"90"`, []string{a}},
		{`"propertyName":"annualrevenue","operator":"BETWEEN","value":"1","highValue":"1000"`, []string{a, b}},
		{`"propertyName":"name","operator":"IN","values":["beta","gamma"]`, []string{b}},
		{`"propertyName":"name","operator":"NOT_IN","values":["beta"]`, []string{a}},
		{`"propertyName":"domain","operator":"HAS_PROPERTY"`, []string{a}},
		{`"propertyName":"domain","operator":"NOT_HAS_PROPERTY"`, []string{b}},
		{`"propertyName":"name","operator":"CONTAINS_TOKEN","value":"acm*"`, []string{a}},
		{`"propertyName":"name","operator":"CONTAINS_TOKEN","value":"acm"`, []string{}},
		{`"propertyName":"industry","operator":"EQ","value":"retail"`, []string{}},
		{`"propertyName":"createdate","operator":"GTE","value":"1000"`, []string{a, b}},
		{`"propertyName":"hs_object_id","operator":"GT","value":"` + a + `"`, []string{b}},
	}
	for _, tt := range tests {
		t.Run(tt.filter, func(t *testing.T) {
			got := w.must(200, "POST", "/crm/objects/2026-09/companies/search", `{"filterGroups":[{"filters":[{`+tt.filter+`}]}]}`)
			if diff := cmp.Diff(tt.want, got.ids()); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchLimits(t *testing.T) {
	w := start(t, Config{})
	const f = `{"propertyName":"name","operator":"HAS_PROPERTY"}`
	group := func(n int) string { return `{"filters":[` + inputs(n, f) + `]}` }
	tests := []struct{ name, body string }{
		{"a page has 200 records at most", `{"limit":201}`},
		{"no more than 10,000 results can be reached", `{"limit":100,"after":"9901"}`},
		{"a group has six filters at most", `{"filterGroups":[` + group(7) + `]}`},
		{"there are five groups at most", `{"filterGroups":[` + inputs(6, group(1)) + `]}`},
		{"there are 18 filters at most", `{"filterGroups":[` + inputs(4, group(5)) + `]}`},
		{"a body has 3,000 characters at most", `{"query":"` + strings.Repeat("x", 3000) + `"}`},
		{"there is one sort rule", `{"sorts":["name","domain"]}`},
		{"IN wants lower case", `{"filterGroups":[{"filters":[{"propertyName":"name","operator":"IN","values":["Beta"]}]}]}`},
		{"an operator must be known", `{"filterGroups":[{"filters":[{"propertyName":"name","operator":"LIKE","value":"x"}]}]}`},
		{"a property must exist", `{"filterGroups":[{"filters":[{"propertyName":"nope","operator":"EQ","value":"x"}]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.must(400, "POST", "/crm/v3/objects/companies/search", tt.body); got.str("category") != validation {
				t.Error(got.raw)
			}
		})
	}
}

func TestSearchSortsAndPages(t *testing.T) {
	w := start(t, Config{})
	var ids []string
	for _, name := range []string{"b", "c", "a"} {
		ids = append(ids, w.create("companies", `{"name":"`+name+`"}`))
	}
	for _, sorts := range []string{`"-name"`, `{"propertyName":"name","direction":"DESCENDING"}`} {
		got := w.must(200, "POST", "/crm/objects/2026-09/companies/search", `{"limit":2,"after":0,"sorts":[`+sorts+`]}`)
		if got.str("results", 0, "id") != ids[1] || got.str("results", 1, "id") != ids[0] || got.at("total") != 3.0 {
			t.Errorf("first page: %s", got.raw)
		}
		next := w.must(200, "POST", "/crm/objects/2026-09/companies/search",
			`{"limit":2,"after":"`+got.str("paging", "next", "after")+`","sorts":[`+sorts+`]}`)
		if diff := cmp.Diff(ids[2:], next.ids()); diff != "" || next.at("paging") != nil {
			t.Errorf("second page (-want +got):\n%s", diff)
		}
	}
}
