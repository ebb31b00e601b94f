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

// tick is a time of the tests, in milliseconds after ten o'clock.
func tick(ms int) time.Time {
	return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func walk(from crm.Place) crm.Walk {
	return crm.Walk{Kind: crm.Contact, Since: tick(0), Until: tick(600_000), From: from}
}

func scanned(id string, ms int) string {
	return fmt.Sprintf(`{"id":"%s","properties":{"lastmodifieddate":"%s","hs_merged_object_ids":null},"archived":false}`,
		id, tick(ms).Format(time.RFC3339Nano))
}

// searched is a page of a search; more says that there is another.
func searched(more bool, records ...string) string {
	paging := ""
	if more {
		paging = `,"paging":{"next":{"after":"200"}}`
	}
	return `{"total":9999,"results":[` + strings.Join(records, ",") + `]` + paging + `}`
}

func seen(id string, ms int) crm.Found { return crm.Found{Ref: contactRef(id), At: tick(ms)} }

func TestChangedWalksByTimeAndThenById(t *testing.T) {
	tests := []struct {
		name    string
		from    crm.Place
		answers []string
		want    crm.FoundPage
	}{
		{"a short page ends the walk", crm.Place{}, []string{searched(false, scanned("1", 5), scanned("2", 5))},
			crm.FoundPage{Found: []crm.Found{seen("1", 5), seen("2", 5)}}},
		{"an empty page ends the walk", crm.Place{}, []string{searched(false)}, crm.FoundPage{}},
		{"the last time of a full page is left to the next", crm.Place{At: tick(3)},
			[]string{searched(true, scanned("1", 3), scanned("2", 5), scanned("3", 9), scanned("4", 9))},
			crm.FoundPage{Found: []crm.Found{seen("1", 3), seen("2", 5)}, Next: crm.Place{At: tick(9)}, More: true}},
		{"a page of one time only moves to that time", crm.Place{At: tick(3)},
			[]string{searched(true, scanned("1", 9), scanned("2", 9))},
			crm.FoundPage{Next: crm.Place{At: tick(9)}, More: true}},
		{"a page of the very first time is walked by id", crm.Place{At: tick(9)},
			[]string{searched(true, scanned("7", 9), scanned("2", 9)), searched(true, scanned("2", 9), scanned("11", 9))},
			crm.FoundPage{Found: []crm.Found{seen("2", 9), seen("11", 9)}, Next: crm.Place{At: tick(9), ID: "11"}, More: true}},
		{"the end of one time leads behind it", crm.Place{At: tick(9), ID: "11"}, []string{searched(false, scanned("12", 9))},
			crm.FoundPage{Found: []crm.Found{seen("12", 9)}, Next: crm.Place{At: tick(10)}, More: true}},
		{"the end of the last time ends the walk", crm.Place{At: tick(600_000), ID: "11"}, []string{searched(false)},
			crm.FoundPage{Next: crm.Place{At: tick(600_001)}}},
		{"a time beyond the walk does not move it", crm.Place{},
			[]string{searched(true, scanned("1", 5), scanned("2", 700_000), scanned("3", 7), scanned("4", 700_000))},
			crm.FoundPage{Found: []crm.Found{seen("1", 5), seen("2", 700_000), seen("4", 700_000)}, Next: crm.Place{At: tick(7)}, More: true}},
		{"a time close to the end, which may be newer than the index, does not move a walk that has older ones", crm.Place{},
			[]string{searched(true, scanned("1", 5), scanned("2", 599_000), scanned("3", 7), scanned("4", 598_000))},
			crm.FoundPage{Found: []crm.Found{seen("1", 5), seen("2", 599_000), seen("4", 598_000)}, Next: crm.Place{At: tick(7)}, More: true}},
		{"close to the end the last time moves the walk", crm.Place{At: tick(590_000)},
			[]string{searched(true, scanned("1", 590_000), scanned("2", 599_000), scanned("3", 595_000))},
			crm.FoundPage{Found: []crm.Found{seen("1", 590_000), seen("2", 599_000)}, Next: crm.Place{At: tick(595_000)}, More: true}},
		{"a full page of times beyond the walk walks on by id", crm.Place{At: tick(9)},
			[]string{searched(true, scanned("2", 700_000)), searched(false, scanned("3", 9))},
			crm.FoundPage{Found: []crm.Found{seen("3", 9)}, Next: crm.Place{At: tick(10)}, More: true}},
		{"a survivor is told under its former ids too", crm.Place{},
			[]string{searched(false, strings.Replace(scanned("5", 5), "null", `"3;4"`, 1))},
			crm.FoundPage{Found: []crm.Found{seen("3", 5), seen("4", 5), seen("5", 5)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var exchanges []exchange
			for _, answer := range tt.answers {
				exchanges = append(exchanges, exchange{request: contactSearch, answer: answer})
			}
			c, _ := play(t, exchanges...)
			got, err := c.ListChanged(t.Context(), walk(tt.from))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangedAsksForARangeOfTimesAndNeverForAnOffset(t *testing.T) {
	c, s := play(t,
		exchange{request: contactSearch, answer: searched(true, scanned("7", 0), scanned("8", 0))},
		exchange{request: contactSearch, answer: searched(false)},
		exchange{request: companySearch, answer: searched(false)})
	if _, err := c.ListChanged(t.Context(), walk(crm.Place{})); err != nil {
		t.Fatal(err)
	}
	w := walk(crm.Place{At: tick(2)})
	w.Kind = crm.Company
	if _, err := c.ListChanged(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ms := func(n int) string { return strconv.FormatInt(tick(n).UnixMilli(), 10) }
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

func TestDeletedListsArchivedRecordsById(t *testing.T) {
	archived := func(id, times string) string {
		return `{"id":"` + id + `","properties":{"hs_object_id":"` + id + `"},"archived":true,` + times + `}`
	}
	c, s := play(t,
		exchange{request: contactList, answer: searched(true,
			archived("1", `"archivedAt":"2026-11-23T10:00:05Z","updatedAt":"2026-11-01T10:00:00Z"`),
			archived("2", `"archivedAt":"2026-11-23T09:59:59.999Z"`), archived("3", `"updatedAt":"2026-11-23T10:00:00Z"`),
			archived("4", `"archivedAt":"2026-11-23T10:10:00.001Z"`), scanned("5", 5))},
		exchange{request: contactList, answer: searched(false)})
	first, err := c.ListDeleted(t.Context(), walk(crm.Place{}))
	if err != nil {
		t.Fatal(err)
	}
	gone := func(id string, ms int) crm.Found { return crm.Found{Ref: contactRef(id), At: tick(ms), Deleted: true} }
	want := crm.FoundPage{Found: []crm.Found{gone("1", 5_000), gone("3", 0)}, Next: crm.Place{ID: "200"}, More: true}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	last, err := c.ListDeleted(t.Context(), walk(first.Next))
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

func TestAScanFailsRatherThanPassOverWhatItCannotRead(t *testing.T) {
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
			c, _ := play(t, answer, archived)
			_, err := c.ListChanged(t.Context(), walk(crm.Place{}))
			wantError(t, err, tt.want)
			// The list knows no times but those of the envelope.
			if _, err = c.ListDeleted(t.Context(), walk(crm.Place{})); err == nil {
				t.Error("the list was taken")
			}
		})
	}
}

func TestAScanOfAnUnknownKindIsRefusedWithoutACall(t *testing.T) {
	c, _ := play(t)
	_, changed := c.ListChanged(t.Context(), crm.Walk{Kind: "deal"})
	_, deleted := c.ListDeleted(t.Context(), crm.Walk{Kind: "deal"})
	for _, err := range []error{changed, deleted} {
		wantError(t, err, crm.Error{Action: "scan", Kind: crm.Refused})
	}
}

func TestAScanCutOffIsUnavailable(t *testing.T) {
	c, _ := play(t, exchange{request: contactSearch, drop: true}, exchange{request: contactList, status: http.StatusBadGateway})
	_, err := c.ListChanged(t.Context(), walk(crm.Place{}))
	wantError(t, err, crm.Error{Action: "scan", Kind: crm.Unavailable})
	_, err = c.ListDeleted(t.Context(), walk(crm.Place{}))
	wantError(t, err, crm.Error{Action: "scan", Kind: crm.Unavailable, Status: 502})
}
