package hubspot

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	contactSearch = "POST /crm/objects/2026-09/contacts/search"
	contactList   = "GET /crm/objects/2026-09/contacts"
)

// millis is a time of the tests, in milliseconds after ten o'clock.
func millis(ms int) time.Time {
	return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func walkFrom(from crm.Place) crm.Walk {
	return crm.Walk{Kind: crm.Contact, Since: millis(0), Until: millis(600_000), From: from}
}

func scannedRecord(id string, ms int) string {
	return fmt.Sprintf(`{"id":"%s","properties":{"lastmodifieddate":"%s","hs_merged_object_ids":null},"archived":false}`,
		id, millis(ms).Format(time.RFC3339Nano))
}

// searchPage is a page of a search; more says that there is another.
func searchPage(more bool, records ...string) string {
	paging := ""
	if more {
		paging = `,"paging":{"next":{"after":"200"}}`
	}
	return `{"total":9999,"results":[` + strings.Join(records, ",") + `]` + paging + `}`
}

func foundContact(id string, ms int) crm.Found { return crm.Found{Ref: contactRef(id), At: millis(ms)} }

func TestListChangedWalksByTimeAndThenByID(t *testing.T) {
	tests := []struct {
		name    string
		from    crm.Place
		answers []string
		want    crm.FoundPage
	}{
		{"a short page ends the walk", crm.Place{}, []string{searchPage(false, scannedRecord("1", 5), scannedRecord("2", 5))},
			crm.FoundPage{Found: []crm.Found{foundContact("1", 5), foundContact("2", 5)}}},
		{"an empty page ends the walk", crm.Place{}, []string{searchPage(false)}, crm.FoundPage{}},
		{"the last time of a full page is left to the next", crm.Place{At: millis(3)},
			[]string{searchPage(true, scannedRecord("1", 3), scannedRecord("2", 5), scannedRecord("3", 9), scannedRecord("4", 9))},
			crm.FoundPage{Found: []crm.Found{foundContact("1", 3), foundContact("2", 5)}, Next: crm.Place{At: millis(9)}, More: true}},
		{"a page of one time only moves to that time", crm.Place{At: millis(3)},
			[]string{searchPage(true, scannedRecord("1", 9), scannedRecord("2", 9))},
			crm.FoundPage{Next: crm.Place{At: millis(9)}, More: true}},
		{"a page of the very first time is walked by id", crm.Place{At: millis(9)},
			[]string{searchPage(true, scannedRecord("7", 9), scannedRecord("2", 9)), searchPage(true, scannedRecord("2", 9), scannedRecord("11", 9))},
			crm.FoundPage{Found: []crm.Found{foundContact("2", 9), foundContact("11", 9)}, Next: crm.Place{At: millis(9), ID: "11"}, More: true}},
		{"the end of one time leads behind it", crm.Place{At: millis(9), ID: "11"}, []string{searchPage(false, scannedRecord("12", 9))},
			crm.FoundPage{Found: []crm.Found{foundContact("12", 9)}, Next: crm.Place{At: millis(10)}, More: true}},
		{"the end of the last time ends the walk", crm.Place{At: millis(600_000), ID: "11"}, []string{searchPage(false)},
			crm.FoundPage{Next: crm.Place{At: millis(600_001)}}},
		{"a time beyond the walk does not move it", crm.Place{},
			[]string{searchPage(true, scannedRecord("1", 5), scannedRecord("2", 700_000), scannedRecord("3", 7), scannedRecord("4", 700_000))},
			crm.FoundPage{Found: []crm.Found{foundContact("1", 5), foundContact("2", 700_000), foundContact("4", 700_000)}, Next: crm.Place{At: millis(7)}, More: true}},
		{"a time close to the end, which may be newer than the index, does not move a walk that has older ones", crm.Place{},
			[]string{searchPage(true, scannedRecord("1", 5), scannedRecord("2", 599_000), scannedRecord("3", 7), scannedRecord("4", 598_000))},
			crm.FoundPage{Found: []crm.Found{foundContact("1", 5), foundContact("2", 599_000), foundContact("4", 598_000)}, Next: crm.Place{At: millis(7)}, More: true}},
		{"close to the end the last time moves the walk", crm.Place{At: millis(590_000)},
			[]string{searchPage(true, scannedRecord("1", 590_000), scannedRecord("2", 599_000), scannedRecord("3", 595_000))},
			crm.FoundPage{Found: []crm.Found{foundContact("1", 590_000), foundContact("2", 599_000)}, Next: crm.Place{At: millis(595_000)}, More: true}},
		{"a full page of times beyond the walk walks on by id", crm.Place{At: millis(9)},
			[]string{searchPage(true, scannedRecord("2", 700_000)), searchPage(false, scannedRecord("3", 9))},
			crm.FoundPage{Found: []crm.Found{foundContact("3", 9)}, Next: crm.Place{At: millis(10)}, More: true}},
		{"a survivor is found under its former ids too", crm.Place{},
			[]string{searchPage(false, strings.Replace(scannedRecord("5", 5), "null", `"3;4"`, 1))},
			crm.FoundPage{Found: []crm.Found{foundContact("3", 5), foundContact("4", 5), foundContact("5", 5)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var exchanges []exchange
			for _, answer := range tt.answers {
				exchanges = append(exchanges, exchange{request: contactSearch, answer: answer})
			}
			c, _ := newScriptedClient(t, exchanges...)
			got, err := c.ListChanged(t.Context(), walkFrom(tt.from))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListChangedUsesARangeOfTimesAndNeverAnOffset(t *testing.T) {
	c, s := newScriptedClient(t,
		exchange{request: contactSearch, answer: searchPage(true, scannedRecord("7", 0), scannedRecord("8", 0))},
		exchange{request: contactSearch, answer: searchPage(false)},
		exchange{request: companySearch, answer: searchPage(false)})
	if _, err := c.ListChanged(t.Context(), walkFrom(crm.Place{})); err != nil {
		t.Fatal(err)
	}
	w := walkFrom(crm.Place{At: millis(2)})
	w.Kind = crm.Company
	if _, err := c.ListChanged(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ms := func(n int) string { return strconv.FormatInt(millis(n).UnixMilli(), 10) }
	search := func(modified, sort string, filters ...any) map[string]any {
		return map[string]any{
			"filterGroups": []any{map[string]any{"filters": filters}},
			"properties":   []any{modified, "hs_merged_object_ids"},
			"sorts":        []any{map[string]any{"propertyName": sort, "direction": "ASCENDING"}},
			"limit":        200.0,
		}
	}
	between := func(property string, from, to int) map[string]any {
		return map[string]any{"propertyName": property, "operator": "BETWEEN", "value": ms(from), "highValue": ms(to)}
	}
	want := []map[string]any{
		search("lastmodifieddate", "lastmodifieddate", between("lastmodifieddate", 0, 600_000)),
		search("lastmodifieddate", "hs_object_id", between("lastmodifieddate", 0, 0),
			map[string]any{"propertyName": "hs_object_id", "operator": "GT", "value": "0"}),
		search("hs_lastmodifieddate", "hs_lastmodifieddate", between("hs_lastmodifieddate", 2, 600_000)),
	}
	var got []map[string]any
	for _, r := range s.sent {
		got = append(got, r.body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("searches (-want +got):\n%s", diff)
	}
}

func TestListDeletedListsArchivedRecordsByID(t *testing.T) {
	archived := func(id, times string) string {
		return `{"id":"` + id + `","properties":{"hs_object_id":"` + id + `"},"archived":true,` + times + `}`
	}
	c, s := newScriptedClient(t,
		exchange{request: contactList, answer: searchPage(true,
			archived("1", `"archivedAt":"2026-11-23T10:00:05Z","updatedAt":"2026-11-01T10:00:00Z"`),
			archived("2", `"archivedAt":"2026-11-23T09:59:59.999Z"`), archived("3", `"updatedAt":"2026-11-23T10:00:00Z"`),
			archived("4", `"archivedAt":"2026-11-23T10:10:00.001Z"`), scannedRecord("5", 5))},
		exchange{request: contactList, answer: searchPage(false)})
	first, err := c.ListDeleted(t.Context(), walkFrom(crm.Place{}))
	if err != nil {
		t.Fatal(err)
	}
	foundDeleted := func(id string, ms int) crm.Found {
		return crm.Found{Ref: contactRef(id), At: millis(ms), Deleted: true}
	}
	want := crm.FoundPage{Found: []crm.Found{foundDeleted("1", 5_000), foundDeleted("3", 0)}, Next: crm.Place{ID: "200"}, More: true}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	last, err := c.ListDeleted(t.Context(), walkFrom(first.Next))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(crm.FoundPage{}, last); diff != "" {
		t.Errorf("last page (-want +got):\n%s", diff)
	}
	queries := []string{s.sent[0].query, s.sent[1].query}
	wantQueries := []string{"archived=true&limit=100&properties=hs_object_id", "after=200&archived=true&limit=100&properties=hs_object_id"}
	if diff := cmp.Diff(wantQueries, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestAScanFailsRatherThanSkipAnUnreadableRecord(t *testing.T) {
	refused := crm.Error{Action: "scan", Kind: crm.Refused, Status: 200}
	limited := crm.Error{Action: "scan", Kind: crm.RateLimited, Status: 429, Code: "SECONDLY", RetryAfter: time.Second}
	tests := []struct {
		name   string
		status int
		answer string
		want   crm.Error
	}{
		{"no results", 0, `{}`, refused},
		{"a record without id", 0, `{"results":[{"properties":{"lastmodifieddate":"2026-11-23T10:00:00Z"}}]}`, refused},
		{"a record without time", 0, `{"results":[{"id":"1","properties":{}}]}`, refused},
		{"a time of unknown form", 0, `{"results":[{"id":"1","updatedAt":"yesterday","properties":{}}]}`, refused},
		{"a quota", 429, `{"status":"error","message":"You have reached your secondly limit.","policyName":"SECONDLY"}`, limited},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := exchange{request: contactSearch, status: tt.status, answer: tt.answer}
			archived := answer
			archived.request, archived.answer = contactList, strings.ReplaceAll(tt.answer, `"results":[{`, `"results":[{"archived":true,`)
			c, _ := newScriptedClient(t, answer, archived)
			_, err := c.ListChanged(t.Context(), walkFrom(crm.Place{}))
			wantError(t, err, tt.want)
			// The list has no times but those of the envelope.
			if _, err = c.ListDeleted(t.Context(), walkFrom(crm.Place{})); err == nil {
				t.Error("the list is accepted")
			}
		})
	}
}

func TestAScanOfAnUnknownKindIsRefusedWithoutACall(t *testing.T) {
	c, _ := newScriptedClient(t)
	_, changed := c.ListChanged(t.Context(), crm.Walk{Kind: "deal"})
	_, deleted := c.ListDeleted(t.Context(), crm.Walk{Kind: "deal"})
	for _, err := range []error{changed, deleted} {
		wantError(t, err, crm.Error{Action: "scan", Kind: crm.Refused})
	}
}

func TestAScanCutOffIsUnavailable(t *testing.T) {
	c, _ := newScriptedClient(t, exchange{request: contactSearch, drop: true}, exchange{request: contactList, status: http.StatusBadGateway})
	_, err := c.ListChanged(t.Context(), walkFrom(crm.Place{}))
	wantError(t, err, crm.Error{Action: "scan", Kind: crm.Unavailable})
	_, err = c.ListDeleted(t.Context(), walkFrom(crm.Place{}))
	wantError(t, err, crm.Error{Action: "scan", Kind: crm.Unavailable, Status: 502})
}
