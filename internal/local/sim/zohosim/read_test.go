package zohosim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListRefusesWhatZohoRefuses(t *testing.T) {
	b := start(t, Config{})
	b.create(Contacts, `{"Last_Name":"Doe"}`)
	names := strings.Repeat("Phone,", 51)
	tests := map[string]struct{ query, code string }{
		"no fields":           {"", "REQUIRED_PARAM_MISSING"},
		"51 fields":           {"fields=" + names, "LIMIT_EXCEEDED"},
		"101 ids":             {"fields=id&ids=" + strings.Repeat("5725767000000999999,", 101), "LIMIT_EXCEEDED"},
		"201 per page":        {"fields=id&per_page=201", "INVALID_DATA"},
		"sort by a field":     {"fields=id&sort_by=Last_Name", "INVALID_DATA"},
		"page 11":             {"fields=id&page=11", "DISCRETE_PAGINATION_LIMIT_EXCEEDED"},
		"page and page_token": {"fields=id&page=2&page_token=x", "AMBIGUITY_DURING_PROCESSING"},
		"made-up page_token":  {"fields=id&page_token=abcdefghijklmn", "INVALID_DATA"},
		"id that is none":     {"fields=id&ids=abc", "INVALID_DATA"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if out := b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts?"+tt.query, ""); out.body["code"] != tt.code {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

// fill adds n contacts and gives their ids in order.
func (b *bench) fill(n int) []string {
	b.t.Helper()
	var ids []string
	for from := 0; from < n; from += 100 {
		var records []string
		for i := from; i < min(n, from+100); i++ {
			records = append(records, fmt.Sprintf(`{"Last_Name":"N%05d","Email":"n%d@x.eu"}`, i, i))
		}
		out := b.must(http.StatusCreated, "POST", "/crm/v8/Contacts", `{"data":[`+strings.Join(records, ",")+`],"trigger":[]}`)
		for i := range records {
			ids = append(ids, at(out.body, "data", i, "details", "id").(string))
		}
	}
	return ids
}

func TestPageTokensLeadBeyondTwoThousand(t *testing.T) {
	b := start(t, Config{})
	ids := b.fill(2_150)
	var got []string
	path := "/crm/v8/Contacts?fields=Last_Name&sort_by=id&sort_order=asc"
	next := path
	for next != "" {
		out := b.must(http.StatusOK, "GET", next, "")
		got = append(got, out.ids()...)
		next = ""
		if token, more := at(out.body, "info", "next_page_token").(string); more {
			next = path + "&page_token=" + url.QueryEscape(token)
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("walked ids (-want +got):\n%s", diff)
	}
}

func TestPageTokensAreBoundToParametersAndADay(t *testing.T) {
	b := start(t, Config{})
	b.fill(3)
	out := b.must(http.StatusOK, "GET", "/crm/v8/Contacts?fields=Last_Name&per_page=2", "")
	token := url.QueryEscape(at(out.body, "info", "next_page_token").(string))
	b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts?fields=Email&per_page=2&page_token="+token, "")
	if out := b.must(http.StatusOK, "GET", "/crm/v8/Contacts?fields=Last_Name&per_page=2&page_token="+token, ""); len(out.ids()) != 1 {
		t.Errorf("got %s", out.text)
	}
	b.sim.Clock().Advance(24 * time.Hour)
	b.token = b.refresh()["access_token"].(string)
	if out := b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts?fields=Last_Name&page_token="+token, ""); out.body["code"] != "EXPIRED_VALUE" {
		t.Errorf("got %s", out.text)
	}
}

func TestMissingRecordsAreAbsent(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	const absent = "5725767000000999999"
	out := b.must(http.StatusOK, "GET", "/crm/v8/Contacts?fields=id&ids="+absent+","+id, "")
	if diff := cmp.Diff([]string{id}, out.ids()); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/crm/v8/Contacts?fields=id&ids=" + absent, "/crm/v8/Contacts/" + absent, "/crm/v8/Accounts?fields=id"} {
		if out := b.must(http.StatusNoContent, "GET", path, ""); out.text != "" {
			t.Errorf("%s: a 204 has a body", path)
		}
	}
	b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts/abc", "")
}

func TestIfModifiedSince(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	stamp := b.record(Contacts, id)["Modified_Time"].(string)
	for _, path := range []string{"/crm/v8/Contacts?fields=id", "/crm/v8/Contacts/" + id, "/crm/v8/Contacts/deleted?type=all"} {
		b.must(http.StatusNotModified, "GET", path, "", "If-Modified-Since", stamp)
		b.must(http.StatusBadRequest, "GET", path, "", "If-Modified-Since", "yesterday")
	}
	b.sim.Clock().Advance(2 * time.Second)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Phone":"1"}]}`)
	if got := b.must(http.StatusOK, "GET", "/crm/v8/Contacts?fields=id", "", "If-Modified-Since", stamp).ids(); !slices.Equal(got, []string{id}) {
		t.Errorf("got %v", got)
	}
}

func TestDeletedRecordsAreListedForTheirTime(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"First_Name":"Deb","Last_Name":"Doe"}`)
	b.must(http.StatusNoContent, "GET", "/crm/v8/Contacts/deleted?type=all", "")
	b.must(http.StatusOK, "DELETE", "/_sim/Contacts/"+id, "")
	b.must(http.StatusNoContent, "GET", "/crm/v8/Contacts/"+id, "")

	item := at(b.must(http.StatusOK, "GET", "/crm/v8/Contacts/deleted?type=all", "").body, "data", 0)
	person := map[string]any{"id": DefaultPersonID, "name": "Patricia Boyle"}
	want := map[string]any{"id": id, "display_name": "Deb Doe", "type": "recycle", "deleted_by": person,
		"created_by": map[string]any{"id": DefaultUserID, "name": "Connector Integration"}, "deleted_time": at(item, "deleted_time")}
	if diff := cmp.Diff(want, item); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	for _, step := range []struct {
		days               int
		recycle, permanent int
	}{{0, 200, 204}, {60, 204, 200}, {119, 204, 200}, {1, 204, 204}} {
		b.sim.Clock().Advance(time.Duration(step.days) * 24 * time.Hour)
		b.token = b.refresh()["access_token"].(string)
		b.must(step.recycle, "GET", "/crm/v8/Contacts/deleted?type=recycle", "")
		b.must(step.permanent, "GET", "/crm/v8/Contacts/deleted?type=permanent", "")
	}
}

func TestDeleteByIDs(t *testing.T) {
	b := start(t, Config{})
	id := b.create(Contacts, `{"Last_Name":"Doe"}`)
	out := b.must(http.StatusMultiStatus, "DELETE", "/crm/v8/Contacts?ids="+id+",5725767000000999999", "")
	want := map[string]any{"code": "SUCCESS", "details": map[string]any{"id": id}, "message": "record deleted", "status": "success"}
	if diff := cmp.Diff(want, at(out.body, "data", 0)); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	b.must(http.StatusBadRequest, "DELETE", "/crm/v8/Contacts?ids="+id, "")
	b.must(http.StatusBadRequest, "DELETE", "/crm/v8/Contacts", "")
}

func TestLookupShowsTheCompanyAndForgetsADeletedOne(t *testing.T) {
	b := start(t, Config{})
	account := b.create(Accounts, `{"Account_Name":"Zylker"}`)
	id := b.create(Contacts, `{"Last_Name":"Doe","Account_Name":{"id":"`+account+`"}}`)
	if diff := cmp.Diff(map[string]any{"id": account, "name": "Zylker"}, b.record(Contacts, id)["Account_Name"]); diff != "" {
		t.Errorf("lookup (-want +got):\n%s", diff)
	}
	b.must(http.StatusOK, "DELETE", "/crm/v8/Accounts/"+account, "")
	if got := b.record(Contacts, id)["Account_Name"]; got != nil {
		t.Errorf("lookup to a deleted account: %v", got)
	}
}
