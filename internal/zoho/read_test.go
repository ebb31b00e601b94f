package zoho

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const janeID, joeID = "5725767000000524001", "5725767000000524002"

// row is a contact as Zoho sends it; extra is put in front of the system fields.
func row(id, extra string) string {
	return `{"id":"` + id + `",` + extra + `"Created_Time":"2026-11-01T10:00:00+01:00","Modified_Time":"2026-11-23T10:00:00+01:00",` +
		`"Created_By":{"name":"Jo","id":"222"},"Modified_By":{"name":"Bot","id":"` + ownUser + `","email":"bot@x.eu"}}`
}

func list(rows ...string) string {
	return `{"data":[` + strings.Join(rows, ",") + `],"info":{"more_records":false}}`
}

func TestReadConvertsEveryShapeOfValue(t *testing.T) {
	f := newFakeAPI(t, always(200, list(row(janeID, `"First_Name":"unmapped","Last_Name":"Doe","Email":"d@x.eu","Phone":null,
		"Score":12345678901234567890.50,"Email_Opt_Out":false,"Hobbies":["chess","go"],"HubSpot_ID":"508369434347",
		"Account_Name":{"name":"Zylker","id":"5725767000000524099"},"$approved":true,"Tag":[],`))))
	got, err := newTestClient(t, f).Read(t.Context(), contactRef(janeID))
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Record{
		Ref: contactRef(janeID), CounterpartID: "508369434347",
		Fields: map[string]string{
			"Last_Name": "Doe", "Email": "d@x.eu", "Score": "12345678901234567890.50", "Email_Opt_Out": "false",
			"Hobbies": "chess;go", "Account_Name": "5725767000000524099",
		},
		Created: mustTime(t, "2026-11-01T09:00:00Z"), Modified: mustTime(t, "2026-11-23T09:00:00Z"), ModifiedByUs: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	wantCall := sentRequest{
		Method: "GET", Path: "/Contacts", Token: "Zoho-oauthtoken 1000.a",
		Query: "fields=Last_Name%2CEmail%2CPhone%2CScore%2CEmail_Opt_Out%2CHobbies%2CAccount_Name%2CHubSpot_ID%2CCreated_Time%2CModified_Time%2CCreated_By%2CModified_By&ids=" + janeID,
	}
	if diff := cmp.Diff([]sentRequest{wantCall}, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestReadDistinguishesAMissingRecordFromAFailure(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   crm.ErrorKind
	}{
		{"no content", 204, "", crm.NotFound},
		{"another record only", 200, list(row(joeID, "")), crm.NotFound},
		{"an empty list", 200, list(), crm.NotFound},
		{"an invalid id", 400, `{"code":"INVALID_DATA","details":{},"message":"the id given seems to be invalid","status":"error"}`, crm.NotFound},
		{"an id that is rejected", 400, failedAnswer("INVALID_DATA", `{"param_name":"ids"}`, "invalid data"), crm.NotFound},
		{"another parameter that is rejected", 400, failedAnswer("INVALID_DATA", `{"param_name":"fields"}`, "invalid data"), crm.Refused},
		{"a page of HTML", 200, "<html>maintenance</html>", crm.Unavailable},
		{"a server error", 500, `{"code":"INTERNAL_ERROR","details":{},"message":"Internal Server Error","status":"error"}`, crm.Unavailable},
		{"an error with status 200", 200, `{"code":"INTERNAL_ERROR","details":{},"message":"x","status":"error"}`, crm.Unavailable},
		{"no list", 200, `{}`, crm.Refused},
		{"a list of something else", 200, `{"data":["x"]}`, crm.Refused},
		{"a list that is null", 200, `{"data":null}`, crm.Refused},
		{"a record without an id", 200, `{"data":[{"Last_Name":"x"}]}`, crm.Refused},
		{"a record without times", 200, `{"data":[{"id":"` + janeID + `"}]}`, crm.Refused},
		{"a redirect", 302, "", crm.Refused},
		{"a missing permission", 403, `{"code":"NO_PERMISSION","details":{"permissions":["x"]},"message":"x","status":"error"}`, crm.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(tt.status, tt.body))
			_, err := newTestClient(t, f).Read(t.Context(), contactRef(janeID))
			e := wantError(t, err)
			if e.Kind != tt.want || e.Ambiguous {
				t.Errorf("got %v (ambiguous %t), want %s", err, e.Ambiguous, tt.want)
			}
			if len(f.calls) != 1 {
				t.Errorf("%d calls were made, want 1", len(f.calls))
			}
		})
	}
}

func TestReadManyJoinsByID(t *testing.T) {
	f := newFakeAPI(t, always(200, list(row(joeID, `"Last_Name":"B",`), row("999", ""), row(janeID, `"Last_Name":"A",`))))
	got, err := newTestClient(t, f).readBatch(t.Context(), crm.Contact, []string{janeID, "77", joeID})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for id, rec := range got {
		names[id] = rec.Fields["Last_Name"]
	}
	if diff := cmp.Diff(map[string]string{janeID: "A", joeID: "B"}, names); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAnIDThatZohoRejectsDoesNotHideTheOthers(t *testing.T) {
	f := newFakeAPI(t, func(_ int, r sentRequest) (int, string) {
		query, err := url.ParseQuery(r.Query)
		if err != nil {
			return 500, ""
		}
		var rows []string
		for id := range strings.SplitSeq(query.Get("ids"), ",") {
			if id == "13" {
				return 400, failedAnswer("INVALID_DATA", `{"param_name":"ids"}`, "invalid data")
			}
			rows = append(rows, row(id, ""))
		}
		return 200, list(rows...)
	})
	got, err := newTestClient(t, f).readBatch(t.Context(), crm.Contact, []string{"11", "12", "13", "14", "15"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"11", "12", "14", "15"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestReadManyChecksItsArguments(t *testing.T) {
	f := newFakeAPI(t, always(204, ""))
	c := newTestClient(t, f)
	for name, ids := range map[string][]string{
		"101 ids": make([]string, 101), "an id with a comma": {"1,2"}, "an empty id": {""},
	} {
		if _, err := c.readBatch(t.Context(), crm.Contact, ids); !crm.IsKind(err, crm.Refused) {
			t.Errorf("%s: got error %v, want refused", name, err)
		}
	}
	if got, err := c.readBatch(t.Context(), crm.Contact, nil); got != nil || err != nil {
		t.Errorf("no ids: got %v, %v", got, err)
	}
	if _, err := c.Read(t.Context(), crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}); err == nil {
		t.Error("a record of another system was read")
	}
	if len(f.calls) != 0 {
		t.Errorf("calls were made: %v", f.calls)
	}
}

// withManyFields maps 60 fields, which takes two requests.
func withManyFields(c *Config) {
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("F%d", i))
	}
	c.Fields = map[crm.Kind][]string{crm.Contact: names}
}

func TestMoreThanFiftyFieldsAreReadInTwoRequests(t *testing.T) {
	f := newFakeAPI(t, func(n int, r sentRequest) (int, string) {
		query, err := url.ParseQuery(r.Query)
		if err != nil {
			return 400, ""
		}
		if names := strings.Split(query.Get("fields"), ","); len(names) > 50 {
			return 400, `{"code":"LIMIT_EXCEEDED","details":{"limit":50},"message":"x","status":"error"}`
		}
		if n == 1 {
			return 200, list(row(janeID, `"F0":"a",`), row(joeID, `"F0":"gone",`))
		}
		late := strings.Replace(row(janeID, `"F59":"b","HubSpot_ID":"5",`), "11-23T10:00:00", "11-23T10:00:07", 1)
		return 200, list(late)
	})
	got, err := newTestClient(t, f, withManyFields).readBatch(t.Context(), crm.Contact, []string{janeID, joeID})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]crm.Record{janeID: {
		Ref: contactRef(janeID), CounterpartID: "5", Fields: map[string]string{"F0": "a", "F59": "b"},
		Created: mustTime(t, "2026-11-01T09:00:00Z"), Modified: mustTime(t, "2026-11-23T09:00:00Z"),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if len(f.calls) != 2 {
		t.Errorf("%d calls were made, want 2", len(f.calls))
	}
}

func TestTheOwnUserIsReadOnceAndFailuresAreNotCached(t *testing.T) {
	var asked atomic.Int32
	f := newFakeAPI(t, always(204, ""))
	plain := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/crm/v8/users" && asked.Add(1) == 1 {
			w.WriteHeader(500)
			return
		}
		plain.ServeHTTP(w, r)
	})
	c := newTestClient(t, f)
	if _, err := c.Read(t.Context(), contactRef(janeID)); !crm.IsKind(err, crm.Unavailable) {
		t.Fatalf("got error %v, want unavailable", err)
	}
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := c.Read(t.Context(), contactRef(janeID)); !crm.IsKind(err, crm.NotFound) {
				t.Errorf("got error %v, want not found", err)
			}
		})
	}
	group.Wait()
	if n := asked.Load(); n != 2 {
		t.Errorf("our user was asked for %d times, want 2", n)
	}
}
