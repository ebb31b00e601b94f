package hubspotsim

import (
	"strings"
	"testing"
)

// TestOfficialNodeSDKShapes plays the requests that @hubspot/api-client sends.
func TestOfficialNodeSDKShapes(t *testing.T) {
	w := start(t, Config{})
	id := w.must(201, "POST", "/crm/v3/objects/contacts", `{"associations":[],"properties":{"email":"a@example.com"}}`).str("id")
	company := w.must(201, "POST", "/crm/v3/objects/companies", `{"associations":[],"properties":{"name":"A"}}`).str("id")
	tests := []struct {
		name, method, path, body string
		status                   int
	}{
		{"basicApi.getById repeats properties", "GET", "/crm/v3/objects/contacts/" + id + "?properties=email&properties=fax&archived=false", "", 200},
		{"basicApi.getById with history and associations", "GET", "/crm/v3/objects/contacts/" + id + "?propertiesWithHistory=email&associations=companies&archived=false", "", 200},
		{"basicApi.getPage", "GET", "/crm/v3/objects/contacts?limit=10&archived=false", "", 200},
		{"basicApi.update", "PATCH", "/crm/v3/objects/contacts/" + id, `{"properties":{"fax":"1"}}`, 200},
		{"batchApi.read", "POST", "/crm/v3/objects/contacts/batch/read?archived=false", `{"propertiesWithHistory":[],"inputs":[{"id":"` + id + `"}],"properties":["email"]}`, 200},
		{"batchApi.create", "POST", "/crm/v3/objects/contacts/batch/create", `{"inputs":[{"associations":[],"properties":{"email":"b@example.com"}}]}`, 201},
		{"batchApi.update", "POST", "/crm/v3/objects/contacts/batch/update", `{"inputs":[{"id":"` + id + `","properties":{"fax":"2"}}]}`, 200},
		{"batchApi.upsert", "POST", "/crm/v3/objects/contacts/batch/upsert", `{"inputs":[{"idProperty":"zoho_id","id":"1","properties":{"lastname":"L"}}]}`, 200},
		{"searchApi.doSearch", "POST", "/crm/v3/objects/contacts/search", `{"query":"","limit":10,"after":"0","sorts":[],"properties":["email"],"filterGroups":[]}`, 200},
		{"searchApi.doSearch with sorts as text", "POST", "/crm/v3/objects/contacts/search", `{"limit":10,"after":"0","sorts":["createdate"],"properties":[],"filterGroups":[]}`, 200},
		{"properties.coreApi.getAll", "GET", "/crm/v3/properties/contacts?archived=false", "", 200},
		{"properties.coreApi.getByName", "GET", "/crm/v3/properties/contacts/email?archived=false", "", 200},
		{"owners.ownersApi.getPage", "GET", "/crm/v3/owners/?email=&after=&limit=100&archived=false", "", 200},
		{"owners.ownersApi.getById", "GET", "/crm/v3/owners/41629779?idProperty=id&archived=false", "", 200},
		{"associations.v4.basicApi.create", "PUT", "/crm/v4/objects/contacts/" + id + "/associations/companies/" + company, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]`, 201},
		{"associations.v4.basicApi.createDefault", "PUT", "/crm/v4/objects/contacts/" + id + "/associations/default/companies/" + company, "", 200},
		{"associations.v4.basicApi.getPage", "GET", "/crm/v4/objects/contacts/" + id + "/associations/companies?limit=500", "", 200},
		{"associations.v4.batchApi.getPage", "POST", "/crm/v4/associations/contacts/companies/batch/read", `{"inputs":[{"id":"` + id + `"}]}`, 200},
		{"associations.v4.batchApi.createDefault", "POST", "/crm/v4/associations/contacts/companies/batch/associate/default", `{"inputs":[{"from":{"id":"` + id + `"},"to":{"id":"` + company + `"}}]}`, 200},
		{"associations.v4.schema.definitionsApi.getAll", "GET", "/crm/v4/associations/contacts/companies/labels", "", 200},
		{"associations.v4.basicApi.archive", "DELETE", "/crm/v4/objects/contacts/" + id + "/associations/companies/" + company, "", 204},
		{"basicApi.merge", "POST", "/crm/v3/objects/companies/merge", `{"objectIdToMerge":"1","primaryObjectId":"` + company + `"}`, 404},
		{"gdprApi.purge", "POST", "/crm/v3/objects/contacts/gdpr-delete", `{"idProperty":"email","objectId":"b@example.com"}`, 204},
		{"basicApi.archive", "DELETE", "/crm/v3/objects/contacts/" + id, "", 204},
		{"apiRequest reaches dated paths", "GET", "/crm/objects/2026-09/contacts?limit=1", "", 200},
		{"account", "GET", "/account-info/v3/details", "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { w.must(tt.status, tt.method, tt.path, tt.body) })
	}
}

// TestOfficialNodeSDKShapesByOtherKeys plays what the SDK sends for records that
// are named by a unique property, for all forms of search, and for the metadata.
func TestOfficialNodeSDKShapesByOtherKeys(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"email":"a@example.com","zoho_id":"z1"}`)
	counterpart := w.create("contacts", `{"email":"b@example.com"}`)
	company := w.create("companies", `{"name":"A"}`)
	property := `"groupName":"contactinformation","label":"Mine","type":"enumeration","fieldType":"select","options":[{"hidden":false,"displayOrder":1,"label":"A","value":"a"}]`
	tests := []struct {
		name, method, path, body string
		status                   int
	}{
		{"basicApi.getById by e-mail, escaped", "GET", "/crm/v3/objects/contacts/a%40example.com?associations=companies&archived=false&idProperty=email", "", 200},
		{"basicApi.update by zoho_id", "PATCH", "/crm/v3/objects/contacts/z1?idProperty=zoho_id", `{"properties":{"lastname":"Y"}}`, 200},
		{"basicApi.getPage after a record", "GET", "/crm/v3/objects/contacts?limit=1&after=" + id + "&properties=lastname", "", 200},
		{"basicApi.create with an association", "POST", "/crm/v3/objects/contacts", `{"associations":[{"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}],"to":{"id":"` + company + `"}}],"properties":{"email":"c@example.com"}}`, 201},
		{"batchApi.read by zoho_id with history", "POST", "/crm/v3/objects/contacts/batch/read", `{"propertiesWithHistory":["lastname"],"idProperty":"zoho_id","inputs":[{"id":"z1"}],"properties":["lastname"]}`, 200},
		{"batchApi.read, one unknown", "POST", "/crm/v3/objects/contacts/batch/read", `{"propertiesWithHistory":[],"inputs":[{"id":"` + id + `"},{"id":"999"}],"properties":[]}`, 207},
		{"batchApi.create, one traced conflict", "POST", "/crm/v3/objects/contacts/batch/create", `{"inputs":[{"associations":[],"objectWriteTraceId":"a","properties":{"email":"d@example.com"}},{"associations":[],"objectWriteTraceId":"b","properties":{"email":"a@example.com"}}]}`, 207},
		{"batchApi.update by zoho_id is not for batches", "POST", "/crm/v3/objects/contacts/batch/update", `{"inputs":[{"idProperty":"zoho_id","id":"z1","properties":{"lastname":"W"}}]}`, 400},
		{"batchApi.upsert with a trace", "POST", "/crm/v3/objects/contacts/batch/upsert", `{"inputs":[{"idProperty":"zoho_id","id":"z1","properties":{"lastname":"up"}},{"idProperty":"zoho_id","objectWriteTraceId":"q","id":"z9","properties":{"lastname":"up2"}}]}`, 200},
		{"batchApi.archive, one unknown", "POST", "/crm/v3/objects/contacts/batch/archive", `{"inputs":[{"id":"999"}]}`, 204},
		{"searchApi.doSearch, descending by a sign", "POST", "/crm/v3/objects/contacts/search", `{"limit":10,"after":"0","sorts":["-createdate"],"properties":["lastname"],"filterGroups":[{"filters":[{"propertyName":"lastname","value":"up","operator":"EQ"}]}]}`, 200},
		{"searchApi.doSearch, sorts as objects", "POST", "/crm/v3/objects/contacts/search", `{"limit":2,"after":"0","sorts":[{"propertyName":"lastname","direction":"DESCENDING"}],"properties":[],"filterGroups":[]}`, 200},
		{"searchApi.doSearch, IN and a query", "POST", "/crm/v3/objects/contacts/search", `{"query":"example","limit":100,"sorts":[],"properties":[],"filterGroups":[{"filters":[{"propertyName":"lastname","values":["up","u"],"operator":"IN"}]}]}`, 200},
		{"searchApi.doSearch, BETWEEN and a numeric after", "POST", "/crm/v3/objects/contacts/search", `{"limit":1,"after":0,"sorts":[],"properties":[],"filterGroups":[{"filters":[{"highValue":"9999999999999","propertyName":"createdate","value":"0","operator":"BETWEEN"}]}]}`, 200},
		{"basicApi.merge", "POST", "/crm/v3/objects/contacts/merge", `{"objectIdToMerge":"` + counterpart + `","primaryObjectId":"` + id + `"}`, 200},
		{"basicApi.getById of the one merged away", "GET", "/crm/v3/objects/contacts/" + counterpart, "", 200},
		{"properties.coreApi.create", "POST", "/crm/v3/properties/contacts", `{"name":"mine",` + property + `}`, 201},
		{"properties.coreApi.update", "PATCH", "/crm/v3/properties/contacts/mine", `{"options":[{"hidden":false,"displayOrder":-1,"label":"A","value":"a"},{"hidden":false,"label":"B","value":"b"}],"label":"New"}`, 200},
		{"properties.coreApi.getAll of some columns", "GET", "/crm/v3/properties/contacts?archived=false&properties=name%2Clabel", "", 200},
		{"properties.batchApi.create", "POST", "/crm/v3/properties/contacts/batch/create", `{"inputs":[{"name":"mine2",` + property + `}]}`, 201},
		{"properties.batchApi.read", "POST", "/crm/v3/properties/contacts/batch/read", `{"archived":false,"inputs":[{"name":"mine2"},{"name":"lastname"}]}`, 200},
		{"properties.batchApi.archive", "POST", "/crm/v3/properties/contacts/batch/archive", `{"inputs":[{"name":"mine2"}]}`, 204},
		{"properties.coreApi.archive", "DELETE", "/crm/v3/properties/contacts/mine", "", 204},
		{"owners.ownersApi.getPage with a slash", "GET", "/crm/v3/owners/?email=kim%40example.com&limit=100&archived=false", "", 200},
		{"owners.ownersApi.getById by user", "GET", "/crm/v3/owners/9586504?idProperty=userId&archived=false", "", 200},
		{"owners.ownersApi.getById, a user as an owner", "GET", "/crm/v3/owners/9586504?idProperty=id", "", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { w.must(tt.status, tt.method, tt.path, tt.body) })
	}
}

func TestMountsAndTypeIDsAreTheSame(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"lastname":"A"}`)
	for _, mount := range []string{"/crm/v3/objects/", "/crm/v4/objects/", "/crm/objects/2026-03/", "/crm/objects/2026-09/"} {
		for _, kind := range []string{"contacts", "0-1"} {
			if got := w.must(200, "GET", mount+kind+"/"+id, ""); got.str("id") != id {
				t.Errorf("%s%s: %s", mount, kind, got.raw)
			}
		}
		w.must(400, "GET", mount+"contact/"+id, "")
	}
	for _, path := range []string{"/crm/v3/properties/0-1", "/crm/properties/2026-03/contacts", "/crm/owners/2026-09", "/account-info/2026-09/details"} {
		w.must(200, "GET", path, "")
	}
}

func TestStandardProperties(t *testing.T) {
	w := start(t, Config{})
	tests := []struct {
		path, kind, field    string
		readOnly, calculated bool
		options              int // at least
	}{
		{"contacts/email", "string", "text", false, false, 0},
		{"contacts/phone", "string", "phonenumber", false, false, 0},
		{"contacts/lifecyclestage", "enumeration", "radio", false, false, 8},
		{"contacts/hs_lead_status", "enumeration", "radio", false, false, 8},
		{"contacts/hs_analytics_source", "enumeration", "select", true, false, 8},
		{"contacts/hubspot_owner_id", "enumeration", "select", false, false, 0},
		{"contacts/date_of_birth", "string", "text", false, false, 0},
		{"contacts/lastmodifieddate", "datetime", "date", true, false, 0},
		{"contacts/hs_email_domain", "string", "text", true, true, 0},
		{"companies/industry", "enumeration", "select", false, false, 140},
		{"companies/annualrevenue", "number", "number", false, false, 0},
		{"companies/description", "string", "textarea", false, false, 0},
		{"companies/is_public", "bool", "booleancheckbox", false, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			got := w.must(200, "GET", "/crm/properties/2026-09/"+tt.path, "")
			options, _ := got.at("options").([]any)
			if got.str("type") != tt.kind || got.str("fieldType") != tt.field || got.at("calculated") != tt.calculated ||
				got.at("modificationMetadata", "readOnlyValue") != tt.readOnly || len(options) < tt.options {
				t.Error(got.raw)
			}
		})
	}
	for _, kind := range []string{"contacts", "companies"} {
		if got := w.must(200, "GET", "/crm/properties/2026-09/"+kind+"/zoho_id", ""); got.at("hasUniqueValue") != true {
			t.Errorf("zoho_id of %s is not unique", kind)
		}
	}
}

func TestPropertiesCanBeMadeAndChanged(t *testing.T) {
	w := start(t, Config{})
	const path = "/crm/properties/2026-09/contacts"
	const def = `{"groupName":"contactinformation","name":"crm_key","label":"Key","hasUniqueValue":true,"type":"string","fieldType":"text"}`
	w.must(201, "POST", path, def)
	w.must(409, "POST", path, def)
	w.must(400, "POST", path, strings.Replace(def, "crm_key", "Ümlaut", 1))
	w.must(400, "POST", path, strings.NewReplacer("crm_key", "other", "contactinformation", "nowhere").Replace(def))
	w.must(400, "POST", path, strings.NewReplacer("crm_key", "other", `"text"`, `"date"`).Replace(def))
	for i := range 8 {
		w.must(201, "POST", path, strings.Replace(def, "crm_key", "key"+string(rune('a'+i)), 1))
	}
	w.must(400, "POST", path, strings.Replace(def, "crm_key", "eleventh", 1))
	w.create("contacts", `{"lastname":"A","crm_key":"1"}`)
	w.must(400, "POST", "/crm/objects/2026-09/contacts", `{"properties":{"lastname":"B","crm_key":"1"}}`)
	if got := w.must(200, "PATCH", path+"/crm_key", `{"label":"New"}`); got.str("label") != "New" || got.at("hasUniqueValue") != true {
		t.Error(got.raw)
	}
	w.must(400, "PATCH", path+"/email", `{"label":"New"}`)
	w.must(404, "PATCH", path+"/nope", `{"label":"New"}`)
	w.must(204, "DELETE", path+"/crm_key", "")
	w.must(404, "GET", path+"/crm_key", "")
	w.must(404, "DELETE", path+"/crm_key", "")
	w.must(400, "POST", "/crm/objects/2026-09/contacts", `{"properties":{"lastname":"B","crm_key":"2"}}`)
	if got := w.must(207, "POST", path+"/batch/read", `{"inputs":[{"name":"email"},{"name":"nope"}]}`); got.str("results", 0, "name") != "email" {
		t.Error(got.raw)
	}
}

func TestPropertiesInBatches(t *testing.T) {
	w := start(t, Config{})
	const path = "/crm/properties/2026-09/companies"
	def := func(name, group string) string {
		return `{"name":"` + name + `","groupName":"` + group + `","label":"L","type":"string","fieldType":"text"}`
	}
	got := w.must(207, "POST", path+"/batch/create", `{"inputs":[`+def("one", "companyinformation")+`,`+def("two", "nowhere")+`,`+def("name", "companyinformation")+`]}`)
	if got.str("results", 0, "name") != "one" || got.str("errors", 0, "category") != "VALIDATION_ERROR" || got.str("errors", 1, "category") != "CONFLICT" {
		t.Error(got.raw)
	}
	got = w.must(207, "POST", path+"/batch/read", `{"inputs":[{"name":"one"},{"name":"two"}]}`)
	if got.str("results", 0, "name") != "one" || got.str("errors", 0, "context", "propertyName", 0) != "two" || got.str("startedAt") == "" || got.str("completedAt") == "" {
		t.Error(got.raw)
	}
	w.must(400, "POST", path+"/batch/archive", `{"inputs":[{"name":"one"},{"name":"name"}]}`)
	w.must(200, "GET", path+"/one", "")
	w.must(204, "POST", path+"/batch/archive", `{"inputs":[{"name":"one"},{"name":"two"}]}`)
	if got := w.must(200, "GET", path+"?archived=true", ""); got.str("results", 0, "name") != "one" || got.at("results", 1) != nil {
		t.Errorf("archived properties: %s", got.raw)
	}
	w.must(200, "GET", path+"/one?archived=true", "")
	if got := w.must(200, "POST", path+"/batch/read", `{"archived":true,"inputs":[{"name":"one"}]}`); got.at("results", 0, "archived") != true {
		t.Error(got.raw)
	}
	w.must(400, "POST", path+"/batch/create", `{"inputs":[]}`)
	w.must(404, "POST", path+"/batch/upsert", `{"inputs":[{"name":"one"}]}`)
}

func TestOwners(t *testing.T) {
	w := start(t, Config{})
	if got := w.must(200, "GET", "/crm/owners/2026-09?email=kim@example.com", ""); got.str("results", 0, "id") != "41629780" {
		t.Error(got.raw)
	}
	if got := w.must(200, "GET", "/crm/owners/2026-09?limit=1", ""); got.str("paging", "next", "after") != "41629779" {
		t.Error(got.raw)
	}
	got := w.must(200, "GET", "/crm/owners/2026-09/41629781?archived=true", "")
	if id, present := got.body["userId"]; !present || id != nil {
		t.Errorf("an archived owner has userId %v, want null", id)
	}
	w.must(404, "GET", "/crm/owners/2026-09/41629781", "")
	if got := w.must(200, "GET", "/crm/owners/2026-09/9586504?idProperty=userId", ""); got.str("id") != "41629780" {
		t.Error(got.raw)
	}
	w.must(404, "GET", "/crm/owners/2026-09/9586504?idProperty=userId&archived=true", "")
	w.must(400, "GET", "/crm/owners/2026-09/9586504?idProperty=email", "")
}
