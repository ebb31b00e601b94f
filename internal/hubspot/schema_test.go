package hubspot

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestSchemaReadsWhatEachPropertyHolds(t *testing.T) {
	c, s := newScriptedClient(t,
		exchange{request: "GET /crm/properties/2026-09/contacts", answer: `{"results":[
			{"name":"email","label":"Email","type":"string","fieldType":"text","options":[]},
			{"name":"tags","label":"Tags","type":"enumeration","fieldType":"checkbox","options":[{"value":"a"},{"value":"b"}]},
			{"name":"vip","label":"VIP","type":"enumeration","fieldType":"booleancheckbox","options":[{"value":"true"},{"value":"false"}]},
			{"name":"hs_tag_ids","label":"Tag ids","type":"enumeration","fieldType":"select","externalOptions":true},
			{"name":"hubspot_owner_id","label":"Owner","type":"enumeration","fieldType":"select","externalOptions":true,"referencedObjectType":"OWNER"},
			{"name":"score","label":"Score","type":"number","fieldType":"calculation_equation","calculated":true,"modificationMetadata":{"readOnlyValue":true}},
			{"name":"born","label":"Born","type":"date","fieldType":"date"},
			{"name":"zoho_id","label":"Zoho ID","type":"string","fieldType":"text","hasUniqueValue":true},
			{"name":"old","label":"Old","type":"string","fieldType":"text","archived":true}]}`},
		exchange{request: "GET /crm/properties/2026-09/companies", answer: `{"results":[{"name":"name","label":"Name","type":"string","fieldType":"text"}]}`},
		exchange{request: "GET /crm/owners/2026-09", answer: `{"results":[{"id":"1","email":"a@example.com"}],"paging":{"next":{"after":"1"}}}`},
		exchange{request: "GET /crm/owners/2026-09", answer: `{"results":[{"id":2,"email":"b@example.com"}]}`},
		exchange{request: "GET /crm/owners/2026-09", answer: `{"results":[{"id":"3","email":"gone@example.com","archived":true}]}`},
	)
	got, err := c.ReadSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Schema{System: crm.HubSpot, CounterpartField: "zoho_id",
		Fields: map[crm.Kind]map[string]crm.FieldInfo{
			crm.Contact: {
				"email":            {Name: "email", Label: "Email", Native: "string/text", Holds: crm.Text, Form: crm.EmailAddress, Length: maxText, Unique: true},
				"tags":             {Name: "tags", Label: "Tags", Native: "enumeration/checkbox", Holds: crm.List, Options: []string{"a", "b"}, Closed: true},
				"vip":              {Name: "vip", Label: "VIP", Native: "enumeration/booleancheckbox", Holds: crm.Bool},
				"hs_tag_ids":       {Name: "hs_tag_ids", Label: "Tag ids", Native: "enumeration/select", Holds: crm.Text},
				"hubspot_owner_id": {Name: "hubspot_owner_id", Label: "Owner", Native: "enumeration/select", Holds: crm.OwnedBy},
				"score":            {Name: "score", Label: "Score", Native: "number/calculation_equation", Holds: crm.Number, ReadOnly: true, Calculated: true},
				"born":             {Name: "born", Label: "Born", Native: "date/date", Holds: crm.Date},
				"zoho_id":          {Name: "zoho_id", Label: "Zoho ID", Native: "string/text", Holds: crm.Text, Length: maxText, Unique: true},
			},
			crm.Company: {"name": {Name: "name", Label: "Name", Native: "string/text", Holds: crm.Text, Length: maxText}},
		},
		Owners: []crm.Owner{{ID: "1", Email: "a@example.com", Active: true}, {ID: "2", Email: "b@example.com", Active: true}, {ID: "3", Email: "gone@example.com"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	if q := s.sent[3].query; q != "after=1&archived=false&limit=100" {
		t.Errorf("the second page of owners was asked for with %q", q)
	}
}

func TestAnAccountThatShowsNoPropertiesHasNoSchema(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: "GET /crm/properties/2026-09/contacts", answer: `{"results":[]}`})
	if _, err := c.ReadSchema(t.Context()); !crm.IsKind(err, crm.Refused) {
		t.Errorf("error %v, want a refusal", err)
	}
	c, _ = newScriptedClient(t, exchange{request: "GET /crm/properties/2026-09/contacts", status: http.StatusForbidden, answer: `{"category":"MISSING_SCOPES"}`})
	if _, err := c.ReadSchema(t.Context()); !crm.IsKind(err, crm.Forbidden) {
		t.Errorf("error %v, want forbidden", err)
	}
}
