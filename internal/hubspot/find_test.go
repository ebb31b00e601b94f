package hubspot

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func recordIDs(records []crm.Record) []string {
	var ids []string
	for _, r := range records {
		ids = append(ids, r.Ref.RecordID)
	}
	return ids
}

func company(id, created, domain string) string {
	return `{"id":"` + id + `","properties":{"createdate":"` + created + `","domain":"` + domain +
		`"},"propertiesWithHistory":{"domain":[]}}`
}

func TestFindTriesKeysInOrderAndStopsAtTheFirstThatMatches(t *testing.T) {
	c, s := newScriptedClient(t,
		exchange{request: contactRead, status: http.StatusMultiStatus, answer: notFound(`"5725"`)},
		exchange{request: contactRead, answer: batchOf(jane)})
	got, err := c.Find(t.Context(), crm.Contact, []crm.Key{
		{Field: "", Value: "5725"}, {Field: "email", Value: ""}, {Field: "email", Value: " A@x.com"}, {Field: "lastname", Value: "Doe"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]crm.Record{janeRecord()}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	var asked []any
	for _, r := range s.sent {
		asked = append(asked, r.body["idProperty"], r.body["inputs"])
	}
	want := []any{
		"zoho_id", []any{map[string]any{"id": "5725"}},
		"email", []any{map[string]any{"id": "A@x.com"}}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("lookups (-want +got):\n%s", diff)
	}
}

func TestFindReturnsNilWhenNoKeyMatches(t *testing.T) {
	c, _ := newScriptedClient(t,
		exchange{request: contactRead, answer: batchOf()},
		exchange{request: contactRead, status: http.StatusMultiStatus, answer: notFound(`"b@x.com"`)})
	got, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Value: "1"}, {Field: "email", Value: "b@x.com"}})
	if got != nil || err != nil {
		t.Errorf("found %v, error %v, want nil, nil", recordIDs(got), err)
	}
}

func TestFindByEmailAcceptsAContactWithAnotherPrimaryAddress(t *testing.T) {
	tests := map[string]string{
		"that lists the address":      contact("8", `"email":"main@x.com"`, `"hs_additional_emails":"c@x.com;B@x.com"`),
		"that shows no other address": contact("8", `"email":"main@x.com"`),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			// The e-mail is mapped, so the answer needs a history.
			c, _ := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(answer)})
			got, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Field: "email", Value: "b@x.com"}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"8"}, recordIDs(got)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindByCounterpartIDRefusesARecordWithAnotherCounterpart(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(contact("8", `"zoho_id":"99"`))})
	got, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Value: "9"}})
	if len(got) != 0 || err != nil {
		t.Errorf("found %v, error %v, want nothing", recordIDs(got), err)
	}
}

func TestFindBySearchReadsAgainAndReturnsAllMatchesOldestFirst(t *testing.T) {
	c, s := newScriptedClient(t,
		exchange{request: companySearch, answer: `{"total":4,"results":[{"id":"30","properties":{"domain":"x.com"}},{"id":"20","properties":{}},{"id":"40","properties":{}},{"id":"50","properties":{}}]}`},
		exchange{request: companyRead, status: http.StatusMultiStatus, answer: `{"status":"COMPLETE","results":[` +
			company("20", "2024-01-01T00:00:00Z", "X.com") + `,` + company("40", "2023-01-01T00:00:00Z", "moved.com") + `,` +
			company("30", "2025-01-01T00:00:00Z", "x.com") + `],"numErrors":1,"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["50"]}}]}`},
		exchange{request: "GET /crm/objects/2026-09/companies/50", status: 404})
	got, err := c.Find(t.Context(), crm.Company, []crm.Key{{Field: "domain", Value: "x.com"}})
	if err != nil {
		t.Fatal(err)
	}
	// 40 has changed since it was indexed, 50 is deleted.
	if diff := cmp.Diff([]string{"20", "30"}, recordIDs(got)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if got[0].History == nil {
		t.Error("a record that was found has no history")
	}
	want := map[string]any{
		"filterGroups": []any{map[string]any{"filters": []any{
			map[string]any{"propertyName": "domain", "operator": "EQ", "value": "x.com"}}}},
		"properties": []any{"domain"},
		"sorts":      []any{map[string]any{"propertyName": "createdate", "direction": "ASCENDING"}},
		"limit":      200.0,
	}
	if diff := cmp.Diff(want, s.sent[0].body); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
}

func TestFindBySearchReturnsTheSurvivorOfAMergeOnce(t *testing.T) {
	survivor := `{"id":"30","properties":{"domain":"x.com","hs_merged_object_ids":"20"},"propertiesWithHistory":{}}`
	c, _ := newScriptedClient(t,
		exchange{request: companySearch, answer: `{"results":[{"id":"20"},{"id":"30"}]}`},
		exchange{request: companyRead, answer: batchOf(survivor)})
	got, err := c.Find(t.Context(), crm.Company, []crm.Key{{Field: "domain", Value: "x.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"30"}, recordIDs(got)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestFindBySearchLeavesNoUnmappedFieldInTheRecord(t *testing.T) {
	c, _ := newScriptedClient(t,
		exchange{request: companySearch, answer: `{"results":[{"id":"30"}]}`},
		exchange{request: companyRead, answer: batchOf(`{"id":"30","properties":{"ticker":"ACM"},"propertiesWithHistory":{"ticker":[{"value":"ACM","timestamp":"2024-01-01T00:00:00Z"}]}}`)})
	got, err := c.Find(t.Context(), crm.Company, []crm.Key{{Field: "ticker", Value: "acm"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []crm.Record{{
		Ref:    crm.Ref{System: crm.HubSpot, Kind: crm.Company, RecordID: "30"},
		Fields: map[string]string{}, History: map[string][]crm.Edit{}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestFindFailsRatherThanMissARecord(t *testing.T) {
	unavailable := exchange{request: companyRead, status: 503}
	tests := map[string][]exchange{
		"when the search has an unknown shape": {{request: companySearch, answer: `{"total":1}`}},
		"when the search fails":                {{request: companySearch, status: 500}},
		"when the record cannot be read": {
			{request: companySearch, answer: `{"results":[{"id":"30"}]}`}, unavailable},
	}
	for name, exchanges := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t, exchanges...)
			got, err := c.Find(t.Context(), crm.Company, []crm.Key{{Field: "name", Value: "Acme"}, {Field: "domain", Value: "x.com"}})
			e := crm.AsError(err)
			if e == nil || e.Action != "find" || got != nil {
				t.Errorf("found %v, error %v, want an error of find", recordIDs(got), err)
			}
		})
	}
}

func TestFindUsesTheOtherKeysWhenTheCounterpartPropertyIsMissing(t *testing.T) {
	c, _ := newScriptedClient(t,
		exchange{request: contactRead, status: 400, answer: `{"status":"error","category":"VALIDATION_ERROR","message":"no unique property zoho_id"}`},
		exchange{request: contactRead, answer: batchOf(jane)})
	got, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Value: "5725"}, {Field: "email", Value: "a@x.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]crm.Record{janeRecord()}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
