package hubspot

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func someWrite() crm.Write {
	return crm.Write{CounterpartID: "5725", Fields: map[string]crm.Value{
		"lastname": {Type: crm.Text, Text: "Doe"}, "fax": {Type: crm.Text, Text: ""}}}
}

func TestCreateSendsATracedBatchOfOne(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: contactCreate, status: http.StatusCreated,
		answer: batchOf(contact("900", `"lastmodifieddate":"2026-11-01T10:00:00.5Z"`))})
	got, err := c.Create(t.Context(), crm.Contact, someWrite())
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Written{Ref: contactRef("900"), Modified: mustTime("2026-11-01T10:00:00.5Z")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	body := map[string]any{"inputs": []any{map[string]any{
		"objectWriteTraceId": "0", "properties": map[string]any{"lastname": "Doe", "zoho_id": "5725"}}}}
	if diff := cmp.Diff(body, s.sent[0].body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestUpdateSendsTheDifferencesAndClears(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: contactUpdate, answer: batchOf(`{"id":"101","properties":{},"updatedAt":"2026-11-01T10:00:00Z"}`)})
	got, err := c.Update(t.Context(), crm.Record{Ref: contactRef("101")}, someWrite())
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Written{Ref: contactRef("101"), Modified: mustTime("2026-11-01T10:00:00Z")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	body := map[string]any{"inputs": []any{map[string]any{"id": "101", "objectWriteTraceId": "0",
		"properties": map[string]any{"lastname": "Doe", "fax": "", "zoho_id": "5725"}}}}
	if diff := cmp.Diff(body, s.sent[0].body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestAWriteToARecordThatWasMergedMeanwhileReturnsTheSurvivor(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactUpdate, answer: batchOf(contact("300"))})
	got, err := c.Update(t.Context(), crm.Record{Ref: contactRef("101")}, someWrite())
	if err != nil || got.Ref != contactRef("300") {
		t.Errorf("written %v, error %v, want the survivor 300", got.Ref, err)
	}
}

func TestAWriteIsSentOnce(t *testing.T) {
	for _, status := range []int{409, 429, 500, 503} {
		c, s := newScriptedClient(t, exchange{request: contactCreate, status: status})
		if _, err := c.Create(t.Context(), crm.Contact, someWrite()); err == nil {
			t.Errorf("status %d is no error", status)
		}
		if len(s.sent) != 1 {
			t.Errorf("status %d: sent %d times, want once", status, len(s.sent))
		}
	}
}

func TestAWriteOfNothingMakesNoCall(t *testing.T) {
	c, _ := newScriptedClient(t)
	rec := janeRecord()
	got, err := c.Update(t.Context(), rec, crm.Write{})
	if want := (crm.Written{Ref: rec.Ref, Modified: rec.Modified}); err != nil || got != want {
		t.Errorf("update gave %v, %v, want %v", got, err, want)
	}
	_, err = c.Create(t.Context(), crm.Contact, crm.Write{Fields: map[string]crm.Value{"fax": {}}})
	wantError(t, err, crm.Error{Action: "create", Kind: crm.Refused})
	_, err = c.Update(t.Context(), crm.Record{}, someWrite())
	wantError(t, err, crm.Error{Action: "update", Kind: crm.Refused})
}

func TestValuesAreEncodedAsHubSpotTakesThem(t *testing.T) {
	tests := map[string]struct {
		value crm.Value
		want  string
	}{
		"text is sent as it is":                {crm.Value{Type: crm.Text, Text: " ;a "}, " ;a "},
		"empty text clears":                    {crm.Value{Type: crm.Number}, ""},
		"a number stays":                       {crm.Value{Type: crm.Number, Text: "-1234.50"}, "-1234.50"},
		"an exponent is spelled out":           {crm.Value{Type: crm.Number, Text: "1.5e3"}, "1500"},
		"a negative exponent is spelled out":   {crm.Value{Type: crm.Number, Text: "12E-3"}, "0.012"},
		"a huge exponent is left to HubSpot":   {crm.Value{Type: crm.Number, Text: "1e999"}, "1e999"},
		"a text as number is left to HubSpot":  {crm.Value{Type: crm.Number, Text: "0x1e2"}, "0x1e2"},
		"a boolean is lower case":              {crm.Value{Type: crm.Bool, Text: "True"}, "true"},
		"a date stays":                         {crm.Value{Type: crm.Date, Text: "2026-02-28"}, "2026-02-28"},
		"a moment as date is its UTC day":      {crm.Value{Type: crm.Date, Text: "2026-02-28T23:00:00-05:00"}, "2026-03-01"},
		"a moment is sent in UTC":              {crm.Value{Type: crm.DateTime, Text: "2026-02-28T23:00:00.1239+01:00"}, "2026-02-28T22:00:00.123Z"},
		"a list is joined":                     {crm.Value{Type: crm.List, Text: "a;b"}, "a;b"},
		"a list never begins with a semicolon": {crm.Value{Type: crm.List, Text: ";a; ;b"}, "a;b"},
		"a lookup is the id":                   {crm.Value{Type: crm.Lookup, Text: "55"}, "55"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := encodeValue(test.value); got != test.want {
				t.Errorf("encoded %q, want %q", got, test.want)
			}
		})
	}
}

const twoBadValues = `{"status":"error","category":"VALIDATION_ERROR","correlationId":"c0ffee",
	"message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Email address secret@person is invalid\",\"error\":\"INVALID_EMAIL\",\"name\":\"email\",\"localizedErrorMessage\":\"x\",\"portalId\":1},{\"isValid\":false,\"message\":\"secret was not one of the allowed options: [(]\",\"error\":\"INVALID_OPTION\",\"name\":\"lifecyclestage\"}]",
	"errors":[{"message":"Email address secret@person is invalid","code":"INVALID_EMAIL","context":{"propertyName":["email"]}},
		{"message":"secret","code":"READ_ONLY_VALUE","context":{"propertyName":["hs_score"]}}]}`

func conflict(context string) string {
	return failedBatch(`{"status":"error","category":"CONFLICT","message":"Contact already exists","context":{` + context + `}}`)
}

func TestRefusedWrites(t *testing.T) {
	validation := func(code string) string {
		return `{"category":"VALIDATION_ERROR","message":"no","errors":[{"code":"` + code + `","message":"secret","context":{"propertyName":["name"]}}]}`
	}
	field := func(code string) []crm.FieldError { return []crm.FieldError{{Field: "name", Code: code}} }
	tests := map[string]struct {
		status int
		answer string
		want   crm.Error
	}{
		"every bad value is named once": {400, twoBadValues, crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: []crm.FieldError{
			{Field: "email", Code: "INVALID_EMAIL"}, {Field: "lifecyclestage", Code: "INVALID_OPTION"}, {Field: "hs_score", Code: "READ_ONLY_VALUE"}}}},
		"unknown property": {400, validation("PROPERTY_DOESNT_EXIST"), crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: field("PROPERTY_DOESNT_EXIST")}},
		"bad value as item of a batch": {207, failedBatch(validation("INVALID_DATE")),
			crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: field("INVALID_DATE")}},
		"required property": {400, validation("MISSING_REQUIRED"), crm.Error{Kind: crm.Missing, Code: "VALIDATION_ERROR", Fields: field("MISSING_REQUIRED")}},
		"required property without a code": {400,
			`{"category":"VALIDATION_ERROR","message":"Error creating CONTACT. Some required properties were not set.","context":{"properties":["name"]}}`,
			crm.Error{Kind: crm.Missing, Code: "VALIDATION_ERROR", Fields: field("MISSING_REQUIRED")}},
		"validation of no field": {400, `{"category":"VALIDATION_ERROR","message":"Duplicate IDs found in batch input: [1]. IDs must be unique"}`,
			crm.Error{Kind: crm.Refused, Code: "VALIDATION_ERROR"}},
		"conflict with id in the context": {207, conflict(`"objectWriteTraceId":["0"],"existingId":["123"]`),
			crm.Error{Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "123"}},
		"conflict with a number in the context": {200, conflict(`"existingId":123`),
			crm.Error{Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "123"}},
		"conflict with id in the message": {409, `{"category":"CONFLICT","message":"Contact already exists. Existing ID: 123"}`,
			crm.Error{Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "123"}},
		"conflict without an id": {409, `{"category":"CONFLICT","message":"Contact already exists"}`,
			crm.Error{Kind: crm.Duplicate, Code: "CONFLICT"}},
		"conflict of a custom unique property": {400, validation("CONFLICTING_UNIQUE_VALUE"),
			crm.Error{Kind: crm.Duplicate, Code: "VALIDATION_ERROR", Fields: field("CONFLICTING_UNIQUE_VALUE")}},
		"missing and bad at once": {400, `{"category":"VALIDATION_ERROR","message":"x","errors":[
			{"code":"MISSING_REQUIRED","context":{"propertyName":["name"]}},{"code":"INVALID_DATE","context":{"propertyName":["born"]}}]}`,
			crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: append(field("MISSING_REQUIRED"), crm.FieldError{Field: "born", Code: "INVALID_DATE"})}},
		"a list in the message that is cut off": {400, `{"category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"name\":\"na","errors":[{"code":"INVALID_LONG","context":{"propertyName":"name"}}]}`,
			crm.Error{Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: field("INVALID_LONG")}},
		"conflict with id in a detail": {409, `{"category":"CONFLICT","errors":[{"message":"Contact already exists. Existing ID: 7"}]}`,
			crm.Error{Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "7"}},
		"missing scope as item of a batch": {207, failedBatch(`{"category":"MISSING_SCOPES"}`), crm.Error{Kind: crm.Forbidden, Code: "MISSING_SCOPES"}},
		"a record with an unreadable time": {200, batchOf(contact("1", `"lastmodifieddate":"today"`)), crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"unknown id":                       {207, notFound(`"101"`), crm.Error{Kind: crm.NotFound, Code: "OBJECT_NOT_FOUND"}},
		"both a result and an error": {207, `{"results":[` + contact("1") + `],"numErrors":1,"errors":[{"category":"CONFLICT"}]}`,
			crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"a result and an error that is counted only": {200, `{"results":[` + contact("1") + `],"numErrors":1}`, crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"neither a result nor an error":              {200, batchOf(), crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"two results":                                {200, batchOf(contact("1"), contact("2")), crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"a result without an id":                     {200, batchOf(`{"properties":{}}`), crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"no envelope":                                {200, `{}`, crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"HTML that says 200":                         {200, `<html>`, crm.Error{Kind: crm.Refused, Ambiguous: true}},
		"an error of HubSpot's own":                  {207, failedBatch(`{"category":"INTERNAL_ERROR"}`), crm.Error{Kind: crm.Unavailable, Code: "INTERNAL_ERROR", Ambiguous: true}},
		"an error whose parts have odd types": {207, `{"results":[],"numErrors":1,"errors":[{"message":3,"context":"x","errors":{}}]}`,
			crm.Error{Kind: crm.Refused}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t,
				exchange{request: contactCreate, status: test.status, answer: test.answer},
				exchange{request: contactUpdate, status: test.status, answer: test.answer})
			test.want.Status = test.status
			_, err := c.Create(t.Context(), crm.Contact, someWrite())
			test.want.Action = "create"
			wantError(t, err, test.want)
			_, err = c.Update(t.Context(), crm.Record{Ref: contactRef("101")}, someWrite())
			test.want.Action = "update"
			wantError(t, err, test.want)
		})
	}
}
