package hubspot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	companySet   = "POST /crm/associations/2026-09/contacts/companies/batch/create"
	companyEnded = "POST /crm/associations/2026-09/contacts/companies/batch/archive"
)

// companyUpdate returns the update that moves a contact from company to the
// company to; "" means none.
func companyUpdate(id, company, to string) crm.Update {
	fields := map[string]string{}
	if company != "" {
		fields[propCompany] = company
	}
	return crm.Update{
		Record: crm.Record{Ref: contactRef(id), Fields: fields},
		Write:  crm.Write{Fields: map[string]crm.Value{propCompany: {Type: crm.Lookup, Text: to}}},
	}
}

func TestTheCompanyOfAContactIsWrittenAsAnAssociationBeforeItsProperties(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: companySet, status: 201, answer: batchOf(`{"fromObjectId":101,"toObjectId":55,"labels":["Primary"]}`)},
		exchange{request: contactUpdate, answer: batchOf(contact("101"))})
	u := companyUpdate("101", "44", "55")
	u.Write.Fields["lastname"] = crm.Value{Text: "Doe"}
	if _, err := c.Update(t.Context(), u.Record, u.Write); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"inputs": []any{map[string]any{"from": map[string]any{"id": "101"}, "to": map[string]any{"id": "55"},
		"types": []any{map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1.0}}}}}
	if diff := cmp.Diff(want, s.sent[0].body); diff != "" {
		t.Errorf("association (-want +got):\n%s", diff)
	}
	properties := s.sent[1].body["inputs"].([]any)[0].(map[string]any)["properties"]
	if diff := cmp.Diff(map[string]any{"lastname": "Doe"}, properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

func TestAClearedCompanyEndsTheAssociationThatWasPrimary(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: companyEnded, status: 204})
	u := companyUpdate("101", "44", "")
	got, err := c.Update(t.Context(), u.Record, u.Write)
	if err != nil || got.Ref != u.Record.Ref {
		t.Fatalf("written %v, %v", got, err)
	}
	want := map[string]any{"inputs": []any{map[string]any{"from": map[string]any{"id": "101"}, "to": []any{map[string]any{"id": "44"}}}}}
	if diff := cmp.Diff(want, s.sent[0].body); diff != "" {
		t.Errorf("association (-want +got):\n%s", diff)
	}
}

func TestACompanyThatAContactHasAlreadyMakesNoCall(t *testing.T) {
	c, _ := newScriptedClient(t)
	for _, company := range []string{"", "44"} {
		u := companyUpdate("101", company, company)
		if _, err := c.Update(t.Context(), u.Record, u.Write); err != nil {
			t.Error(err)
		}
	}
}

func TestANewContactBeginsWithItsCompany(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: contactCreate, status: 201, answer: batchOf(contact("900"))})
	w := someWrite()
	w.Fields[propCompany] = crm.Value{Type: crm.Lookup, Text: "55"}
	if _, err := c.Create(t.Context(), crm.Contact, w); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"to": map[string]any{"id": "55"},
		"types": []any{map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1.0}}}}
	if diff := cmp.Diff(want, s.sent[0].body["inputs"].([]any)[0].(map[string]any)["associations"]); diff != "" {
		t.Errorf("associations (-want +got):\n%s", diff)
	}
}

func TestManyCompaniesShareOneCall(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: companySet, status: 201, answer: batchOf()}, exchange{request: companyEnded, status: 204})
	for i, a := range c.UpdateMany(t.Context(), crm.Contact, []crm.Update{companyUpdate("1", "", "55"), companyUpdate("2", "55", ""), companyUpdate("3", "", "56")}) {
		if a.Err != nil {
			t.Errorf("update %d: %v", i, a.Err)
		}
	}
	if n := len(s.sent[0].body["inputs"].([]any)); n != 2 {
		t.Errorf("%d companies in the first call, want 2", n)
	}
}

func TestOneBadCompanyDoesNotStopTheOthers(t *testing.T) {
	gone := failedBatch(`{"category":"OBJECT_NOT_FOUND","message":"x","context":{"ids":["66"]}}`)
	c, _ := newScriptedClient(t, exchange{request: companySet, status: 207, answer: gone},
		exchange{request: companySet, status: 201, answer: batchOf()}, exchange{request: companySet, status: 207, answer: gone})
	answers := c.UpdateMany(t.Context(), crm.Contact, []crm.Update{companyUpdate("1", "", "55"), companyUpdate("2", "", "66")})
	if answers[0].Err != nil {
		t.Errorf("the good one: %v", answers[0].Err)
	}
	wantError(t, answers[1].Err, crm.Error{Action: "update", Kind: crm.Invalid, Status: 207, Code: "OBJECT_NOT_FOUND",
		Fields: []crm.FieldError{{Field: propCompany, Code: "COMPANY_NOT_FOUND"}}})
}

func TestARefusedAssociationNamesItsCause(t *testing.T) {
	field := func(code string) []crm.FieldError { return []crm.FieldError{{Field: propCompany, Code: code}} }
	tests := map[string]struct {
		status int
		answer string
		want   crm.Error
	}{
		"the company does not exist": {207, notFound(`"55"`), crm.Error{Kind: crm.Invalid, Code: "OBJECT_NOT_FOUND", Fields: field("COMPANY_NOT_FOUND")}},
		"the contact does not exist": {207, notFound(`"101"`), crm.Error{Kind: crm.NotFound, Code: "OBJECT_NOT_FOUND"}},
		"an id that is none": {207, failedBatch(`{"category":"VALIDATION_ERROR","subCategory":"crm.associations.INVALID_IDENTIFIER","message":"x","context":{"id":["x"]}}`),
			crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: field("VALIDATION_ERROR")}},
		"HubSpot fails":                    {503, `{}`, crm.Error{Kind: crm.Unavailable, Ambiguous: true}},
		"a scope is missing":               {403, `{"category":"MISSING_SCOPES"}`, crm.Error{Kind: crm.Forbidden, Code: "MISSING_SCOPES"}},
		"errors that are counted only":     {207, `{"results":[],"numErrors":1}`, crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"an answer that is no envelope":    {200, `<html>`, crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"a wrong address is not a company": {404, `<html>`, crm.Error{Kind: crm.Refused}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t, exchange{request: companySet, status: test.status, answer: test.answer})
			u := companyUpdate("101", "", "55")
			_, err := c.Update(t.Context(), u.Record, u.Write)
			test.want.Status, test.want.Action = test.status, "update"
			wantError(t, err, test.want)
		})
	}
}
