package hubspotsim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const linksBatch = "/crm/associations/2026-09/contacts/companies/batch/"

// typeIDs are the association types of the first association of a batch read.
func typeIDs(a answer) []float64 {
	out := []float64{}
	types, _ := a.at("results", 0, "to", 0, "associationTypes").([]any)
	for i := range types {
		out = append(out, a.at("results", 0, "to", 0, "associationTypes", i, "typeId").(float64))
	}
	return out
}

func TestAssociations(t *testing.T) {
	w := start(t, Config{})
	a, c, d := w.create("contacts", `{"lastname":"A"}`), w.create("companies", `{"name":"C"}`), w.create("companies", `{"name":"D"}`)
	read := `{"inputs":[{"id":"` + a + `"}]}`
	pairs := func(to, types string) string {
		return `{"inputs":[{"from":{"id":"` + a + `"},"to":` + to + types + `}]}`
	}
	one := func(id string) string { return `{"id":"` + id + `"}` }
	const primary = `,"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]`
	const plain = `,"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]`

	if got := w.must(207, "POST", linksBatch+"read", read); got.str("errors", 0, "subCategory") != "crm.associations.NO_ASSOCIATIONS_FOUND" {
		t.Errorf("a contact without company: %s", got.raw)
	}
	w.must(201, "POST", linksBatch+"create", pairs(one(c), primary))
	got := w.must(200, "POST", linksBatch+"read", read)
	if diff := cmp.Diff([]float64{1, 279}, typeIDs(got)); diff != "" {
		t.Errorf("types of a primary company (-want +got):\n%s", diff)
	}
	if id := got.str("results", 0, "to", 0, "toObjectId"); id != c {
		t.Errorf("toObjectId %q on a dated path, want the text %s", id, c)
	}
	if v := w.must(200, "POST", "/crm/v4/associations/0-1/0-2/batch/read", read).at("results", 0, "to", 0, "toObjectId"); v == nil || v == c {
		t.Errorf("toObjectId %v on /crm/v4, want a number", v)
	}
	if got := w.must(200, "POST", "/crm/associations/2026-09/companies/contacts/batch/read", `{"inputs":[{"id":"`+c+`"}]}`); typeIDs(got)[0] != 2 {
		t.Errorf("from the company: %s", got.raw)
	}
	if got := w.must(200, "GET", "/crm/objects/2026-09/contacts/"+a+"?associations=companies&properties=associatedcompanyid", ""); got.str("associations", "companies", "results", 0, "id") != c || got.str("properties", "associatedcompanyid") != c {
		t.Errorf("in the record: %s", got.raw)
	}

	spec := map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279.0}
	result := map[string]any{"associationSpec": spec, "from": map[string]any{"id": a}, "to": map[string]any{"id": c}}
	for _, got := range []answer{
		w.must(200, "POST", linksBatch+"associate/default", pairs(one(c), "")),
		w.must(200, "PUT", "/crm/objects/2026-09/contacts/"+a+"/associations/default/companies/"+c, ""),
	} {
		if diff := cmp.Diff([]any{result}, got.at("results")); diff != "" {
			t.Errorf("the default association (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]float64{1, 279}, typeIDs(w.must(200, "POST", linksBatch+"read", read))); diff != "" {
		t.Errorf("the default leaves labels alone (-want +got):\n%s", diff)
	}
	w.must(201, "POST", linksBatch+"create", pairs(one(c), plain))
	if diff := cmp.Diff([]float64{279}, typeIDs(w.must(200, "POST", linksBatch+"read", read))); diff != "" {
		t.Errorf("creating again replaces the labels (-want +got):\n%s", diff)
	}
	w.must(201, "POST", linksBatch+"create", pairs(one(c), primary))
	w.must(201, "POST", linksBatch+"create", pairs(one(d), primary))
	stored := w.must(200, "GET", "/_sim/contacts/"+a, "")
	want := []any{map[string]any{"id": c, "primary": false}, map[string]any{"id": d, "primary": true}}
	if diff := cmp.Diff(want, stored.at("associations")); diff != "" {
		t.Errorf("there is one primary company (-want +got):\n%s", diff)
	}
	w.must(204, "POST", linksBatch+"labels/archive", pairs(one(d), primary))
	w.must(204, "POST", linksBatch+"archive", pairs("["+one(c)+"]", ""))
	stored = w.must(200, "GET", "/_sim/contacts/"+a, "")
	if diff := cmp.Diff([]any{map[string]any{"id": d, "primary": false}}, stored.at("associations")); diff != "" {
		t.Errorf("after removal (-want +got):\n%s", diff)
	}
	w.must(204, "POST", linksBatch+"labels/archive", pairs(one(d), plain))
	w.must(207, "POST", linksBatch+"read", read)
}

func TestAssociationErrors(t *testing.T) {
	w := start(t, Config{})
	a, c := w.create("contacts", `{"lastname":"A"}`), w.create("companies", `{"name":"C"}`)
	const plain = `"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]`
	tests := []struct{ name, path, body, subCategory string }{
		{"an id that is no number", "create", `{"from":{"id":"x"},"to":{"id":"` + c + `"},` + plain + `}`, "crm.associations.INVALID_IDENTIFIER"},
		{"an unknown company", "create", `{"from":{"id":"` + a + `"},"to":{"id":"9"},` + plain + `}`, ""},
		{"a type of the other direction", "create", `{"from":{"id":"` + a + `"},"to":{"id":"` + c + `"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":280}]}`, ""},
		{"archive without an array", "archive", `{"from":{"id":"` + a + `"},"to":{"id":"` + c + `"}}`, ""},
		{"create with an array", "create", `{"from":{"id":"` + a + `"},"to":[{"id":"` + c + `"}],` + plain + `}`, "crm.associations.INVALID_IDENTIFIER"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.must(207, "POST", linksBatch+tt.path, `{"inputs":[`+tt.body+`]}`)
			if got.str("errors", 0, "subCategory") != tt.subCategory {
				t.Error(got.raw)
			}
		})
	}
	w.must(404, "PUT", "/crm/objects/2026-09/contacts/"+a+"/associations/default/companies/9", "")
	w.must(404, "GET", "/crm/objects/2026-09/contacts/"+a+"/associations/companies", "")
	w.must(200, "GET", "/crm/objects/2026-03/contacts/"+a+"/associations/companies", "")
}

func TestCreateWithAssociations(t *testing.T) {
	w := start(t, Config{})
	c := w.create("companies", `{"name":"C"}`)
	body := func(to string) string {
		return `{"properties":{"lastname":"A"},"associations":[{"to":{"id":"` + to + `"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}`
	}
	w.must(400, "POST", "/crm/objects/2026-09/contacts", body("9"))
	id := w.must(201, "POST", "/crm/objects/2026-09/contacts", body(c)).str("id")
	if got := w.must(200, "GET", "/_sim/contacts/"+id, ""); got.str("associations", 0, "id") != c {
		t.Error(got.raw)
	}
	if got := w.must(200, "GET", "/crm/objects/2026-09/contacts", ""); len(got.ids()) != 1 {
		t.Errorf("the refused create left %v", got.ids())
	}
}
