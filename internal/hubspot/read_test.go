package hubspot

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const jane = `{"id":"101","properties":{"createdate":"2024-01-17T19:55:04.281Z","email":"a@x.com","lastname":"Doe","associatedcompanyid":null,
	"hs_object_id":"101","lastmodifieddate":"2024-09-11T13:27:39.356Z","zoho_id":"5725767000000524001",
	"hs_object_source":"INTEGRATION","hs_object_source_id":"39522895","unasked":"x"},
	"propertiesWithHistory":{
	"lastname":[
		{"value":"Doe","timestamp":"2024-09-11T13:27:39.356Z","sourceType":"INTEGRATION","sourceId":"39522895"},
		{"value":"Roe","timestamp":"2024-03-01T00:00:00Z","sourceType":"INTEGRATION","sourceId":"777","sourceLabel":"Other app"},
		{"value":null,"timestamp":"1706000000000","sourceType":"CRM_UI","sourceId":"userId:51446676","updatedByUserId":51446676}],
	"email":[{"value":"a@x.com","timestamp":"2024-02-25T15:52:36.931Z","sourceType":"CRM_UI","sourceId":"userId:51446676"}],
	"associatedcompanyid":[]},
	"createdAt":"2024-01-17T19:55:04.281Z","updatedAt":"2024-09-11T13:27:39.356Z","archived":false,"url":"https://app.hubspot.com/x"}`

func janeRecord() crm.Record {
	return crm.Record{
		Ref:    contactRef("101"),
		Fields: map[string]string{"email": "a@x.com", "lastname": "Doe"},
		History: map[string][]crm.Edit{
			"lastname": {
				{Value: "Doe", At: mustTime("2024-09-11T13:27:39.356Z"), Own: true},
				{Value: "Roe", At: mustTime("2024-03-01T00:00:00Z")},
				{Value: "", At: time.UnixMilli(1706000000000).UTC()},
			},
			"email": {{Value: "a@x.com", At: mustTime("2024-02-25T15:52:36.931Z")}},
		},
		CounterpartID: "5725767000000524001",
		Created:       mustTime("2024-01-17T19:55:04.281Z"),
		Modified:      mustTime("2024-09-11T13:27:39.356Z"),
		CreatedByUs:   true,
		ModifiedByUs:  true,
	}
}

// contact is the shortest answer about a contact.
func contact(id string, more ...string) string {
	properties := append([]string{`"createdate":"2024-01-01T00:00:00Z"`}, more...)
	return `{"id":"` + id + `","properties":{` + strings.Join(properties, ",") + `},"propertiesWithHistory":{}}`
}

func TestReadReturnsTheRecordWithItsHistories(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(jane)})
	got, err := c.Read(t.Context(), contactRef("101"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(janeRecord(), got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	want := map[string]any{
		"inputs": []any{map[string]any{"id": "101"}},
		"properties": []any{"associatedcompanyid", "createdate", "email", "hs_additional_emails", "hs_all_contact_vids",
			"hs_calculated_merged_vids", "hs_merged_object_ids", "hs_object_source", "hs_object_source_id",
			"lastmodifieddate", "lastname", "zoho_id"},
		"propertiesWithHistory": []any{"associatedcompanyid", "email", "lastname", "zoho_id"},
	}
	if diff := cmp.Diff(want, s.sent[0].body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestReadTakesTheModificationTimeOfACompanyFromItsOwnProperty(t *testing.T) {
	c, s := newScriptedClient(t, exchange{request: companyRead, answer: batchOf(`{"id":"7","properties":{"name":"Acme",
		"hs_lastmodifieddate":"2025-01-02T03:04:05Z","lastmodifieddate":"2020-01-01T00:00:00Z"},"propertiesWithHistory":{"name":[]}}`)})
	got, err := c.Read(t.Context(), crm.Ref{System: crm.HubSpot, Kind: crm.Company, RecordID: "7"})
	if err != nil {
		t.Fatal(err)
	}
	if want := mustTime("2025-01-02T03:04:05Z"); !got.Modified.Equal(want) {
		t.Errorf("modified %v, want %v", got.Modified, want)
	}
	if slices.Contains(s.sent[0].body["properties"].([]any), any("hs_additional_emails")) {
		t.Error("a property of contacts was asked of a company")
	}
}

func TestReadFollowsMerges(t *testing.T) {
	survivor := contact("300", `"hs_merged_object_ids":"100;200"`)
	vids := contact("300", `"hs_calculated_merged_vids":"100:1706000000000;200:1706000000001"`)
	tests := map[string][]exchange{
		"when the batch answers with the survivor":              {{request: contactRead, answer: batchOf(survivor)}},
		"when the survivor lists old ids with their merge time": {{request: contactRead, answer: batchOf(vids)}},
		"when the batch does not know the old id": {
			{request: contactRead, status: http.StatusMultiStatus, answer: notFound(`"200"`)},
			{request: contactGet("200"), answer: contact("300")}},
		"when the batch says nothing of the old id": {
			{request: contactRead, answer: batchOf()},
			{request: contactGet("200"), answer: contact("300")}},
	}
	for name, exchanges := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t, exchanges...)
			got, err := c.Read(t.Context(), contactRef("200"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Ref != contactRef("300") {
				t.Errorf("ref %s, want that of the survivor 300", got.Ref)
			}
		})
	}
}

func TestReadReturnsTheFormerIDsOfASurvivor(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(contact("200",
		`"hs_merged_object_ids":"100;90","hs_calculated_merged_vids":"100:1706000000000; 80:1706000000001","hs_all_contact_vids":"200;100;70"`))})
	got, err := c.Read(t.Context(), contactRef("200"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"100", "90", "80", "70"}, got.Former); diff != "" {
		t.Errorf("former ids (-want +got):\n%s", diff)
	}
}

func TestReadAsksASingleRecordForTheSameProperties(t *testing.T) {
	c, s := newScriptedClient(t,
		exchange{request: contactRead, answer: notFound(`"200"`)},
		exchange{request: contactGet("200"), answer: jane})
	if _, err := c.Read(t.Context(), contactRef("200")); err != nil {
		t.Fatal(err)
	}
	query := s.sent[1].query
	for _, part := range []string{"properties=associatedcompanyid%2Ccreatedate%2Cemail", "propertiesWithHistory=associatedcompanyid%2Cemail%2Clastname%2Czoho_id"} {
		if !strings.Contains(query, part) {
			t.Errorf("query %s lacks %s", query, part)
		}
	}
}

func TestReadOfAMissingRecordIsNotFound(t *testing.T) {
	missing := exchange{request: contactRead, status: http.StatusMultiStatus, answer: notFound(`"200"`)}
	tests := map[string]exchange{
		"numeric id":  {status: 404, answer: `{"status":"error","message":"resource not found","correlationId":"x"}`},
		"other id":    {status: 404, answer: `{"status":"error","message":"Object not found.  objectId are usually numeric.","category":"OBJECT_NOT_FOUND"}`},
		"archived":    {answer: `{"id":"200","properties":{},"archived":true,"archivedAt":"2026-01-01T00:00:00Z"}`},
		"empty error": {status: 404},
	}
	for name, get := range tests {
		t.Run(name, func(t *testing.T) {
			get.request = contactGet("200")
			c, _ := newScriptedClient(t, missing, get)
			_, err := c.Read(t.Context(), contactRef("200"))
			if !crm.IsKind(err, crm.NotFound) {
				t.Errorf("error %v, want kind not_found", err)
			}
		})
	}
}

func TestReadOfARecordThatTheBatchCallsArchivedIsNotFound(t *testing.T) {
	c, _ := newScriptedClient(t,
		exchange{request: contactRead, answer: batchOf(`{"id":"200","properties":{},"propertiesWithHistory":{},"archived":true}`)},
		exchange{request: contactGet("200"), status: 404})
	if _, err := c.Read(t.Context(), contactRef("200")); !crm.IsKind(err, crm.NotFound) {
		t.Errorf("error %v, want kind not_found", err)
	}
}

func TestReadRefusesAnswersOfUnknownShape(t *testing.T) {
	tests := map[string]string{
		"not JSON":                   `<html>ok</html>`,
		"empty":                      ``,
		"cut off":                    batchOf(jane)[:200],
		"an array":                   `[]`,
		"no results":                 `{"status":"COMPLETE"}`,
		"still running":              `{"status":"PROCESSING","results":[]}`,
		"results of another type":    `{"results":{}}`,
		"errors counted, not listed": `{"status":"COMPLETE","results":[],"numErrors":1}`,
		"a value that is an object":  batchOf(`{"id":"101","properties":{"lastname":{}}}`),
		"a time of another form":     batchOf(contact("101", `"lastmodifieddate":"yesterday"`)),
		"values without histories":   batchOf(`{"id":"101","properties":{"lastname":"Doe"}}`),
		"a history without times":    batchOf(`{"id":"101","properties":{},"propertiesWithHistory":{"lastname":[{"value":"x"}]}}`),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t, exchange{request: contactRead, answer: answer})
			_, err := c.Read(t.Context(), contactRef("101"))
			wantError(t, err, crm.Error{Action: "read", Kind: crm.Refused, Status: 200})
		})
	}
}

func TestReadRefusesAReferenceToAnotherSystem(t *testing.T) {
	c, _ := newScriptedClient(t)
	for _, ref := range []crm.Ref{{System: crm.Zoho, Kind: crm.Contact, RecordID: "1"}, contactRef("../1"), {}} {
		if _, err := c.Read(t.Context(), ref); !crm.IsKind(err, crm.Refused) {
			t.Errorf("reading %v: error %v, want kind refused", ref, err)
		}
	}
}

func TestWithHistoryReadsOnlyRecordsWithoutHistory(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(jane)})
	full := crm.Record{Ref: contactRef("5"), History: map[string][]crm.Edit{}}
	got, err := c.WithHistory(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, got); diff != "" {
		t.Errorf("record with history (-want +got):\n%s", diff)
	}
	got, err = c.WithHistory(t.Context(), crm.Record{Ref: contactRef("101")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(janeRecord(), got); diff != "" {
		t.Errorf("record without history (-want +got):\n%s", diff)
	}
}

func TestReadManyAsksFor50AtATimeAndJoinsById(t *testing.T) {
	var ids, first, second []string
	for i := range 60 {
		ids = append(ids, fmt.Sprint(1000+i))
	}
	for i, id := range ids {
		if i < 50 {
			first = append(first, contact(id, `"lastname":"L`+id+`"`))
		} else {
			second = append(second, contact(id, `"lastname":"L`+id+`"`))
		}
	}
	slices.Reverse(first)
	c, s := newScriptedClient(t,
		exchange{request: contactRead, answer: batchOf(first...)},
		exchange{request: contactRead, answer: batchOf(second...)})
	results := c.ReadMany(t.Context(), crm.Contact, append(ids, ids[0]))
	for _, id := range ids {
		if got := results[id]; got.Err != nil || got.Value.Fields["lastname"] != "L"+id {
			t.Errorf("id %s has %v, %v", id, got.Value.Ref, got.Err)
		}
	}
	sizes := []int{len(s.sent[0].body["inputs"].([]any)), len(s.sent[1].body["inputs"].([]any))}
	if diff := cmp.Diff([]int{50, 10}, sizes); diff != "" {
		t.Errorf("inputs per call (-want +got):\n%s", diff)
	}
}

func TestReadManyKeepsTheErrorOfOneFromTheOthers(t *testing.T) {
	answer := `{"status":"COMPLETE","results":[` + contact("1") + `],"numErrors":2,"errors":[
		{"category":"VALIDATION_ERROR","message":"no","context":{"ids":["2"]}},
		{"category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["3"]}}]}`
	c, _ := newScriptedClient(t,
		exchange{request: contactRead, status: http.StatusMultiStatus, answer: answer},
		exchange{request: contactGet("3"), status: 404})
	kinds := map[string]crm.ErrorKind{}
	for id, result := range c.ReadMany(t.Context(), crm.Contact, []string{"1", "2", "3", "x"}) {
		kinds[id] = ""
		if e := crm.AsError(result.Err); e != nil {
			kinds[id] = e.Kind
		}
	}
	want := map[string]crm.ErrorKind{"1": "", "2": crm.Refused, "3": crm.NotFound, "x": crm.Refused}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("error kinds (-want +got):\n%s", diff)
	}
}

func TestReadManyGivesAnErrorAboutNoIdInParticularToAllThatAreAbsent(t *testing.T) {
	for name, context := range map[string]string{"no context": `{}`, "ids of no input": `{"ids":["77"]}`, "an id of no input": `{"id":"77"}`} {
		t.Run(name, func(t *testing.T) {
			c, _ := newScriptedClient(t, exchange{request: contactRead, status: http.StatusMultiStatus, answer: `{"status":"COMPLETE","results":[` +
				contact("1") + `],"numErrors":1,"errors":[{"category":"RATE_LIMITS","context":` + context + `}]}`})
			results := c.ReadMany(t.Context(), crm.Contact, []string{"1", "2", "3"})
			if results["1"].Err != nil {
				t.Errorf("the record that was read has error %v", results["1"].Err)
			}
			for _, id := range []string{"2", "3"} {
				wantError(t, results[id].Err, crm.Error{Action: "read", Kind: crm.RateLimited, Status: 207, Code: "RATE_LIMITS", RetryAfter: 10 * time.Second})
			}
		})
	}
}

func TestReadManyFailsAsAWholeWhenTheCallDoes(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, status: 404, answer: `<html>no such path</html>`})
	for id, result := range c.ReadMany(t.Context(), crm.Contact, []string{"1", "2"}) {
		if !crm.IsKind(result.Err, crm.Refused) {
			t.Errorf("id %s has error %v, want kind refused: a wrong address deletes nothing", id, result.Err)
		}
	}
}

func TestTheLastEditDecidesWhoModified(t *testing.T) {
	ours, theirs := crm.Edit{At: mustTime("2026-01-01T00:00:00Z"), Own: true}, crm.Edit{At: mustTime("2026-01-01T00:00:00Z")}
	later := crm.Edit{At: mustTime("2026-01-01T00:00:01Z")}
	tests := map[string]struct {
		history map[string][]crm.Edit
		want    bool
	}{
		"no edits":                         {nil, false},
		"the connector":                    {map[string][]crm.Edit{"a": {ours}, "b": {ours}}, true},
		"a person at the same moment":      {map[string][]crm.Edit{"a": {ours}, "b": {theirs}}, false},
		"a person later, in another field": {map[string][]crm.Edit{"a": {ours}, "b": {later}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := newestIsOwn(test.history); got != test.want {
				t.Errorf("modified by us: %v, want %v", got, test.want)
			}
		})
	}
}

func TestReadManyGivesTwoMergedIdsTheSameRecord(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactRead, answer: batchOf(contact("300", `"hs_merged_object_ids":"100"`))})
	results := c.ReadMany(t.Context(), crm.Contact, []string{"100", "300"})
	for _, id := range []string{"100", "300"} {
		if got := results[id].Value.Ref.RecordID; got != "300" {
			t.Errorf("id %s has record %q, want 300", id, got)
		}
	}
}

func TestJoiningABatchDependsOnNoPosition(t *testing.T) {
	c, err := New(testConfig("http://hubspot.test", &http.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[1-9][0-9]{0,5}`), 1, 20, rapid.ID).Draw(t, "ids")
		present := map[string]bool{}
		var answer batchAnswer
		for _, id := range rapid.Permutation(ids).Draw(t, "order") {
			if rapid.Bool().Draw(t, "present") {
				present[id] = true
				answer.Results = append(answer.Results, wireRecord{ID: scalar(id)})
			}
		}
		got, _ := c.joinBatch(t.Context(), request{action: actionRead, kind: crm.Contact}, 200, ids, "", answer)
		if len(got) != len(ids) {
			t.Fatalf("%d results for %d ids", len(got), len(ids))
		}
		for _, id := range ids {
			r := got[id]
			switch {
			case present[id] && (r.Err != nil || r.Value.Ref.RecordID != id):
				t.Errorf("id %s has record %v, error %v", id, r.Value.Ref, r.Err)
			case !present[id] && !crm.IsKind(r.Err, crm.NotFound):
				t.Errorf("absent id %s has error %v, want kind not_found", id, r.Err)
			}
		}
	})
}
