package hubspotsim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestCreatedRecordHasServerSetProperties(t *testing.T) {
	w := start(t, Config{Clock: sim.NewManualClock(noon)})
	got := w.must(201, "POST", "/crm/objects/2026-09/0-1", `{"properties":{"email":"Ada@Example.com","phone":123,"fax":""}}`)
	id := got.str("id")
	want := map[string]any{
		"email": "ada@example.com", "phone": "123", "lifecyclestage": "lead", "hs_object_id": id,
		"createdate": "2026-11-20T12:00:00Z", "lastmodifieddate": "2026-11-20T12:00:00Z",
		"hs_object_source": "INTEGRATION", "hs_object_source_id": "39522895", "hs_object_source_label": "INTEGRATION",
		"hs_all_contact_vids": id, "hs_email_domain": "example.com", "hs_is_unworked": "true",
		"hs_pipeline": "contacts-lifecycle-pipeline", "hs_full_name_or_email": "ada@example.com",
	}
	if diff := cmp.Diff(want, got.at("properties")); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	if l := got.header.Get("Location"); !strings.HasSuffix(l, "/0-1/"+id) {
		t.Errorf("Location %q", l)
	}
	if url := got.str("url"); !strings.HasSuffix(url, "/record/0-1/"+id) {
		t.Errorf("url %q", url)
	}
}

func TestReadsShowNullForUnsetAndDropUnknownNames(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"lastname":"A"}`)
	got := w.must(200, "GET", "/crm/objects/2026-03/contacts/"+id+"?properties=fax,nope&properties=lastname", "")
	p := got.at("properties").(map[string]any)
	fax, hasFax := p["fax"]
	if _, hasNope := p["nope"]; !hasFax || fax != nil || hasNope || p["lastname"] != "A" {
		t.Errorf("properties %v", p)
	}
}

func TestHistory(t *testing.T) {
	clock := sim.NewManualClock(noon)
	w := start(t, Config{Clock: clock})
	id := w.create("contacts", `{"lastname":"A"}`)
	path := "/crm/objects/2026-09/contacts/" + id
	w.must(200, "PATCH", path, `{"properties":{"lastname":"B"}}`) // in the same millisecond
	clock.Advance(time.Minute)
	w.must(200, "PATCH", path, `{"properties":{"lastname":"B"}}`) // no change
	w.must(200, "PATCH", "/_sim/contacts/"+id, `{"properties":{"lastname":"C"},"user":7}`)
	clock.Advance(time.Minute)
	w.must(200, "PATCH", path, `{"properties":{"lastname":""}}`)
	got := w.must(200, "GET", path+"?propertiesWithHistory=lastname", "")
	app := map[string]any{"sourceType": "INTEGRATION", "sourceId": "39522895"}
	entry := func(value, at string, more map[string]any) map[string]any {
		e := map[string]any{"value": value, "timestamp": at}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	want := []any{
		entry("", "2026-11-20T12:02:00Z", app),
		entry("C", "2026-11-20T12:01:00Z", map[string]any{"sourceType": "CRM_UI", "sourceId": "userId:7", "updatedByUserId": 7.0}),
		entry("B", "2026-11-20T12:00:00.001Z", app),
		entry("A", "2026-11-20T12:00:00Z", app),
	}
	if diff := cmp.Diff(want, got.at("propertiesWithHistory", "lastname")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if v := got.at("properties", "lastname"); v != nil {
		t.Errorf("lastname is %v, want null", v)
	}
}

func TestAPersonsEditCanBeDatedButNotBeforeTheHistory(t *testing.T) {
	w := start(t, Config{Clock: sim.NewManualClock(noon)})
	id := w.must(201, "POST", "/_sim/contacts", `{"properties":{"lastname":"A"},"at":"2026-11-20T10:00:00Z"}`).str("id")
	got := w.must(200, "PATCH", "/_sim/contacts/"+id, `{"properties":{"lastname":"B"},"at":"2026-11-20T11:00:00Z"}`)
	if at := got.str("history", "lastname", 0, "timestamp"); at != "2026-11-20T11:00:00Z" {
		t.Errorf("dated %s", at)
	}
	w.must(400, "PATCH", "/_sim/contacts/"+id, `{"properties":{"lastname":"C"},"at":"2026-11-20T10:30:00Z"}`)
	if got := w.must(200, "GET", "/_sim/contacts/"+id, ""); got.str("properties", "lastname") != "B" {
		t.Errorf("lastname %s", got.str("properties", "lastname"))
	}
}

func TestTheControlAPIRefusesAValueThatAPersonCouldNotType(t *testing.T) {
	w := start(t, Config{})
	a := w.must(201, "POST", "/_sim/contacts", `{"properties":{"email":"a@example.com"}}`).str("id")
	b := w.must(201, "POST", "/_sim/contacts", `{"properties":{"email":"b@example.com"}}`).str("id")
	tests := []struct {
		name, method, path, body string
		status                   int
	}{
		{"an unknown field", "POST", "/_sim/contacts", `{"property":{}}`, 400},
		{"an unknown property", "PATCH", "/_sim/contacts/" + a, `{"properties":{"nope":"1"}}`, 400},
		{"an address that another has", "PATCH", "/_sim/contacts/" + a, `{"properties":{"email":"b@example.com"}}`, 409},
		{"a contact that is not there", "PATCH", "/_sim/contacts/9", `{"properties":{"fax":"1"}}`, 404},
		{"an object type that is not there", "GET", "/_sim/deals", "", 404},
		{"the restoring of what is not archived", "POST", "/_sim/contacts/" + a + "/restore", "", 409},
		{"a merge with itself", "POST", "/_sim/contacts/merge", `{"primaryObjectId":"` + a + `","objectIdToMerge":"` + a + `"}`, 400},
		{"a merge with nobody", "POST", "/_sim/contacts/merge", `{"primaryObjectId":"` + b + `","objectIdToMerge":"9"}`, 404},
		{"a company that is not there", "PUT", "/_sim/contacts/" + a + "/companies/9", "", 404},
		{"the privacy deletion of a company", "POST", "/_sim/companies/9/privacy-delete", "", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { w.must(tt.status, tt.method, tt.path, tt.body) })
	}
	if n := len(w.Recorder.Calls()); n != 0 {
		t.Errorf("%d calls of the control API were recorded", n)
	}
}

func TestLatencyComesBeforeTheAnswer(t *testing.T) {
	w := start(t, Config{Latency: time.Millisecond})
	w.create("contacts", `{"lastname":"A"}`)
	if took := time.Duration(w.Recorder.Calls()[0].Duration); took < time.Millisecond {
		t.Errorf("the call took %s", took)
	}
}

func TestStoredValues(t *testing.T) {
	w := start(t, Config{})
	for path, body := range map[string]string{
		"contacts":  `{"name":"birthday","label":"Birthday","type":"date","fieldType":"date","groupName":"contactinformation"}`,
		"companies": `{"name":"tags","label":"Tags","type":"enumeration","fieldType":"checkbox","groupName":"companyinformation","options":[{"label":"A","value":"a"},{"label":"B","value":"b"}]}`,
	} {
		w.must(201, "POST", "/crm/properties/2026-09/"+path, body)
	}
	contact := w.create("contacts", `{"lastname":"A","lifecyclestage":"opportunity"}`)
	company := w.create("companies", `{"name":"A","tags":"a"}`)
	tests := []struct{ name, path, property, value, want string }{
		{"a date stays", "contacts/" + contact, "birthday", `"2025-07-15"`, "2025-07-15"},
		{"midnight in milliseconds is a date", "contacts/" + contact, "birthday", `1752537600000`, "2025-07-15"},
		{"a time loses a fraction of zero", "contacts/" + contact, "closedate", `"2025-07-15T02:00:00.000+02:00"`, "2025-07-15T00:00:00Z"},
		{"milliseconds are a time", "contacts/" + contact, "closedate", `"1752559200123"`, "2025-07-15T06:00:00.123Z"},
		{"a stage moves forward", "contacts/" + contact, "lifecyclestage", `"customer"`, "customer"},
		{"a stage does not move back", "contacts/" + contact, "lifecyclestage", `"lead"`, "customer"},
		{"a stage can be cleared", "contacts/" + contact, "lifecyclestage", `""`, ""},
		{"and then moves anywhere", "contacts/" + contact, "lifecyclestage", `"lead"`, "lead"},
		{"a leading semicolon appends", "companies/" + company, "tags", `";b"`, "a;b"},
		{"several values replace", "companies/" + company, "tags", `"b"`, "b"},
		{"a boolean is a value", "companies/" + company, "is_public", `true`, "true"},
		{"a number keeps its digits", "companies/" + company, "annualrevenue", `12345678901234567890.10`, "12345678901234567890.10"},
		{"an industry is an option", "companies/" + company, "industry", `"COMPUTER_SOFTWARE"`, "COMPUTER_SOFTWARE"},
		{"an owner is known by the owner's id", "companies/" + company, "hubspot_owner_id", `"41629779"`, "41629779"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.must(200, "PATCH", "/crm/objects/2026-09/"+tt.path, fmt.Sprintf(`{"properties":{%q:%s}}`, tt.property, tt.value))
			if v := got.str("properties", tt.property); v != tt.want {
				t.Errorf("stored %q, want %q", v, tt.want)
			}
		})
	}
	t.Run("a midday is no date", func(t *testing.T) {
		w.must(400, "PATCH", "/crm/objects/2026-09/contacts/"+contact, `{"properties":{"birthday":"1752559200000"}}`)
	})
}

func TestListPagesById(t *testing.T) {
	w := start(t, Config{})
	var want []string
	for i := range 5 {
		want = append(want, w.create("companies", fmt.Sprintf(`{"name":"%d"}`, i)))
	}
	w.must(204, "DELETE", "/crm/objects/2026-09/companies/"+want[2], "")
	first := w.must(200, "GET", "/crm/objects/2026-09/companies?limit=2", "")
	if diff := cmp.Diff(want[:2], first.ids()); diff != "" {
		t.Errorf("first page (-want +got):\n%s", diff)
	}
	after := first.str("paging", "next", "after")
	if after != want[1] {
		t.Errorf("after %s, want the last id %s", after, want[1])
	}
	second := w.must(200, "GET", "/crm/objects/2026-09/companies?limit=2&after="+after, "")
	if diff := cmp.Diff(want[3:], second.ids()); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
	if second.at("paging") != nil {
		t.Error("the last page has a next one")
	}
	archived := w.must(200, "GET", "/crm/objects/2026-09/companies?archived=true", "")
	if diff := cmp.Diff(want[2:3], archived.ids()); diff != "" {
		t.Errorf("archived (-want +got):\n%s", diff)
	}
	if archived.str("results", 0, "archivedAt") == "" {
		t.Error("archivedAt is missing")
	}
}

func TestDeletedRecord(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"email":"a@example.com","zoho_id":"1"}`)
	path := "/crm/objects/2026-09/contacts/" + id
	w.must(204, "DELETE", path, "")
	w.must(404, "GET", path, "")
	w.must(404, "PATCH", path, `{"properties":{"fax":"1"}}`)
	w.must(200, "GET", path+"?archived=true", "")
	if got := w.must(207, "POST", "/crm/objects/2026-09/contacts/batch/read", `{"inputs":[{"id":"`+id+`"}]}`); got.at("numErrors") != 1.0 {
		t.Errorf("batch read: %s", got.raw)
	}
	if got := w.must(200, "POST", "/crm/objects/2026-09/contacts/search", `{}`); got.at("total") != 0.0 {
		t.Errorf("search: %s", got.raw)
	}
	t.Run("frees its unique values, and cannot come back without them", func(t *testing.T) {
		other := w.create("contacts", `{"email":"a@example.com"}`)
		w.must(409, "POST", "/_sim/contacts/"+id+"/restore", "")
		w.must(204, "DELETE", "/crm/objects/2026-09/contacts/"+other, "")
		w.must(200, "POST", "/_sim/contacts/"+id+"/restore", "")
		w.must(200, "GET", "/crm/objects/2026-09/contacts/a@example.com?idProperty=email", "")
	})
	t.Run("cannot be restored after 90 days", func(t *testing.T) {
		w.must(204, "DELETE", path, "")
		w.must(200, "POST", "/_sim/clock", `{"advance":"2161h"}`)
		w.must(409, "POST", "/_sim/contacts/"+id+"/restore", "")
	})
}

func TestMerge(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keeping the primary's id: %t", keep), func(t *testing.T) {
			w := start(t, Config{KeepMergedID: keep})
			a := w.create("contacts", `{"email":"a@example.com","firstname":"Ada","zoho_id":"1"}`)
			b := w.create("contacts", `{"email":"b@example.com","firstname":"Bea","fax":"1","zoho_id":"2"}`)
			c := w.create("companies", `{"name":"C"}`)
			d := w.create("companies", `{"name":"D"}`)
			w.must(204, "PUT", "/_sim/contacts/"+a+"/companies/"+c, `{"primary":true}`)
			w.must(204, "PUT", "/_sim/contacts/"+b+"/companies/"+d, `{"primary":true}`)
			merged := w.must(200, "POST", "/crm/objects/2026-09/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`)
			id := merged.str("id")
			if (id == a) != keep {
				t.Errorf("the survivor is %s, the primary was %s", id, a)
			}
			for name, want := range map[string]string{"email": "a@example.com", "firstname": "Ada", "fax": "1",
				"zoho_id": "1", "hs_additional_emails": "b@example.com"} {
				if got := merged.str("properties", name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			for _, old := range []string{a, b} {
				if got := w.must(200, "GET", "/crm/objects/2026-09/contacts/"+old, ""); got.str("id") != id {
					t.Errorf("%s leads to %s, want %s", old, got.str("id"), id)
				}
			}
			w.must(409, "POST", "/crm/objects/2026-09/contacts", `{"properties":{"email":"b@example.com"}}`)
			w.must(200, "GET", "/crm/objects/2026-09/contacts/b@example.com?idProperty=email", "")
			w.must(404, "GET", "/crm/objects/2026-09/contacts/2?idProperty=zoho_id", "")
			if got := w.must(207, "POST", "/crm/objects/2026-09/contacts/batch/update",
				`{"inputs":[{"id":"`+b+`","properties":{"fax":"2"}}]}`); got.str("errors", 0, "category") != notFound {
				t.Errorf("a batch update of a merged-away id answered %s", got.raw)
			}
			w.must(200, "PATCH", "/crm/objects/2026-09/contacts/"+b, `{"properties":{"fax":"3"}}`)
			got := w.must(200, "GET", "/_sim/contacts/"+id, "")
			if got.str("properties", "fax") != "3" || got.str("properties", "associatedcompanyid") != c || len(got.at("associations").([]any)) != 2 {
				t.Errorf("stored %s", got.raw)
			}
		})
	}
}

func TestContactsFollowTheirMergedCompany(t *testing.T) {
	w := start(t, Config{})
	contact := w.create("contacts", `{"lastname":"A"}`)
	a, b := w.create("companies", `{"name":"A"}`), w.create("companies", `{"name":"B"}`)
	w.must(204, "PUT", "/_sim/contacts/"+contact+"/companies/"+b, `{"primary":true}`)
	id := w.must(200, "POST", "/_sim/companies/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`).str("id")
	got := w.must(200, "GET", "/_sim/contacts/"+contact, "")
	if got.str("properties", "associatedcompanyid") != id || got.str("associations", 0, "id") != id {
		t.Errorf("the survivor is %s, stored %s", id, got.raw)
	}
}

func TestBatchReadOfAMergedIDCanFollow(t *testing.T) {
	for follow, status := range map[bool]int{false: 207, true: 200} {
		w := start(t, Config{BatchReadFollowsMerge: follow})
		a, b := w.create("companies", `{"name":"A"}`), w.create("companies", `{"name":"B"}`)
		w.must(200, "POST", "/_sim/companies/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`)
		w.must(status, "POST", "/crm/objects/2026-09/companies/batch/read", `{"inputs":[{"id":"`+b+`"}]}`)
	}
}

func TestPrivacyDeletionIsForEver(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"email":"a@example.com"}`)
	w.must(204, "POST", "/crm/objects/2026-09/contacts/gdpr-delete", `{"objectId":"a@example.com","idProperty":"email"}`)
	w.must(404, "GET", "/crm/objects/2026-09/contacts/"+id+"?archived=true", "")
	w.must(404, "POST", "/_sim/contacts/"+id+"/restore", "")
	w.create("contacts", `{"email":"a@example.com"}`)
	w.must(404, "POST", "/crm/objects/2026-09/companies/gdpr-delete", `{"objectId":"1"}`)
}
