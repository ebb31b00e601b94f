package zoho

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// seconds is a time of the tests, in seconds after ten o'clock.
func seconds(n int) time.Time {
	return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

func walkFrom(from crm.Place) crm.Walk {
	return crm.Walk{Kind: crm.Contact, Since: seconds(0), Until: seconds(60), From: from}
}

func scannedRow(id string, n int) string {
	return fmt.Sprintf(`{"id":"%s","Modified_Time":"%s"}`, id, seconds(n).Format(time.RFC3339))
}

// pageOf is a page of a list.
func pageOf(more bool, rows ...string) string {
	return fmt.Sprintf(`{"data":[%s],"info":{"count":%d,"more_records":%t}}`, strings.Join(rows, ","), len(rows), more)
}

func foundContact(id string, n int) crm.Found { return crm.Found{Ref: contactRef(id), At: seconds(n)} }

func foundDeleted(id string, n int) crm.Found {
	return crm.Found{Ref: contactRef(id), At: seconds(n), Deleted: true}
}

func TestListChangedWalksByTimeAndID(t *testing.T) {
	const head, tail = "select id, Modified_Time from Contacts where Modified_Time <= '2026-11-23T10:01:00+00:00' and ",
		" order by Modified_Time asc, id asc limit 0, 200"
	tests := []struct {
		name   string
		from   crm.Place
		status int
		answer string
		query  string
		want   crm.FoundPage
	}{
		{"from the beginning, to a page that is not the last", crm.Place{}, 200, pageOf(true, scannedRow("12", 5), scannedRow("9", 6)),
			"Modified_Time >= '2026-11-23T10:00:00+00:00'",
			crm.FoundPage{Found: []crm.Found{foundContact("12", 5), foundContact("9", 6)}, Next: crm.Place{At: seconds(6), ID: "9"}, More: true}},
		{"from behind a record, to the end", crm.Place{At: seconds(6), ID: "9"}, 200, pageOf(false, scannedRow("10", 6)),
			"(Modified_Time > '2026-11-23T10:00:06+00:00' or (Modified_Time = '2026-11-23T10:00:06+00:00' and id > '9'))",
			crm.FoundPage{Found: []crm.Found{foundContact("10", 6)}}},
		{"nothing", crm.Place{}, 204, "", "Modified_Time >= '2026-11-23T10:00:00+00:00'", crm.FoundPage{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(tt.status, tt.answer))
			got, err := newTestClient(t, f).ListChanged(t.Context(), walkFrom(tt.from))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(head+tt.query+tail, f.calls[0].Body["select_query"]); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListChangedIncludesTheSecondInWhichTheWalkEnds(t *testing.T) {
	f := newFakeAPI(t, always(204, ""))
	w := crm.Walk{Kind: crm.Company, Since: seconds(0).Add(900 * time.Millisecond), Until: seconds(60).Add(time.Millisecond)}
	if _, err := newTestClient(t, f).ListChanged(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	want := "select id, Modified_Time from Accounts where Modified_Time <= '2026-11-23T10:01:01+00:00' and " +
		"Modified_Time >= '2026-11-23T10:00:00+00:00' order by Modified_Time asc, id asc limit 0, 200"
	if diff := cmp.Diff(want, f.calls[0].Body["select_query"]); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestListChangedRefusesAPageThatCouldHideARecord(t *testing.T) {
	tests := map[string]string{
		"times out of order":                   pageOf(false, scannedRow("1", 6), scannedRow("2", 5)),
		"ids out of order":                     pageOf(false, scannedRow("10", 5), scannedRow("9", 5)),
		"a record twice":                       pageOf(false, scannedRow("10", 5), scannedRow("10", 5)),
		"a record without time":                pageOf(false, `{"id":"1"}`),
		"a record without id":                  pageOf(false, `{"Modified_Time":"2026-11-23T10:00:05Z"}`),
		"no list":                              `{"info":{}}`,
		"a record before the place of a walk ": pageOf(false, scannedRow("3", 1)),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, always(200, answer))
			_, err := newTestClient(t, f).ListChanged(t.Context(), walkFrom(crm.Place{At: seconds(1), ID: "3"}))
			if e := wantError(t, err); e.Kind != crm.Refused || e.Code != "UNKNOWN_SHAPE" {
				t.Errorf("got %v, want an unknown shape", err)
			}
		})
	}
}

func TestAnInvalidPlaceIsNeverPutIntoAQuery(t *testing.T) {
	f := newFakeAPI(t, always(204, ""))
	_, err := newTestClient(t, f).ListChanged(t.Context(), walkFrom(crm.Place{At: seconds(1), ID: "1' or id > '0"}))
	if e := wantError(t, err); e.Kind != crm.Refused || len(f.calls) != 0 {
		t.Errorf("error %v after %d calls, want a refusal without any", err, len(f.calls))
	}
}

// recycleBin plays /deleted: the latest first, in pages of 200, at most ten of
// them.
type recycleBin struct {
	mu      sync.Mutex
	ids     []int // in the order of the list
	headers []string
	restore func(call int) // may change ids before a call is answered
}

func (b *recycleBin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.headers = append(b.headers, r.Header.Get("If-Modified-Since"))
	if b.restore != nil {
		b.restore(len(b.headers))
	}
	q := r.URL.Query()
	want := url.Values{"type": {"all"}, "page": q["page"], "per_page": {"200"}}
	var number int
	if _, err := fmt.Sscan(q.Get("page"), &number); err != nil || !slices.Equal(q["type"], want["type"]) ||
		!slices.Equal(q["per_page"], want["per_page"]) || r.URL.Path != "/crm/v8/Contacts/deleted" || number > 10 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"DISCRETE_PAGINATION_LIMIT_EXCEEDED","details":{},"message":"x","status":"error"}`))
		return
	}
	start := min((number-1)*200, len(b.ids))
	end := min(start+200, len(b.ids))
	var rows []string
	for _, id := range b.ids[start:end] {
		rows = append(rows, fmt.Sprintf(`{"id":"%d","type":"recycle","deleted_time":"2026-11-23T11:00:05+01:00"}`, id))
	}
	_, _ = w.Write([]byte(pageOf(end < len(b.ids), rows...))) // the client has left otherwise
}

// walkBin walks to the end and returns the ids that were found.
func walkBin(t *testing.T, b *recycleBin) (all []string, truncated bool) {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	c := newTestClient(t, &fakeAPI{Server: server})
	place := crm.Place{}
	for range 50 {
		p, err := c.ListDeleted(t.Context(), walkFrom(place))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Found {
			all = append(all, f.Ref.RecordID)
		}
		if !p.More {
			return all, p.Truncated
		}
		place = p.Next
	}
	t.Fatal("the walk does not end")
	return nil, false
}

func countTo(n int) []int {
	var all []int
	for i := n; i > 0; i-- {
		all = append(all, i)
	}
	return all
}

func TestListDeletedWalksAllPages(t *testing.T) {
	b := &recycleBin{ids: countTo(450)}
	got, truncated := walkBin(t, b)
	if len(got) != 450 || truncated || got[0] != "450" || got[449] != "1" {
		t.Errorf("found %d, truncated %t", len(got), truncated)
	}
	for _, h := range b.headers {
		if h != "2026-11-23T09:59:59+00:00" {
			t.Errorf("If-Modified-Since %q", h)
		}
	}
}

func TestListDeletedReportsATruncatedList(t *testing.T) {
	got, truncated := walkBin(t, &recycleBin{ids: countTo(2_100)})
	if len(got) != 2_000 || !truncated {
		t.Errorf("found %d, truncated %t", len(got), truncated)
	}
}

func TestListDeletedMissesNothingWhenRecordsAreRestoredBetweenPages(t *testing.T) {
	for name, restored := range map[string][]int{
		"one of the first page": {440}, "the last of the first page": {251}, "several": {450, 251, 300},
	} {
		t.Run(name, func(t *testing.T) {
			b := &recycleBin{ids: countTo(450)}
			b.restore = func(call int) {
				if call == 2 {
					b.ids = slices.DeleteFunc(b.ids, func(id int) bool { return slices.Contains(restored, id) })
				}
			}
			got, _ := walkBin(t, b)
			for _, id := range b.ids {
				if !slices.Contains(got, fmt.Sprint(id)) {
					t.Errorf("%d is deleted and was not found", id)
				}
			}
		})
	}
}

func TestListDeletedSkipsRecordsOlderThanTheWalk(t *testing.T) {
	row := func(id string, at time.Time) string {
		return fmt.Sprintf(`{"id":"%s","type":"permanent","deleted_time":"%s"}`, id, at.Format(time.RFC3339))
	}
	f := newFakeAPI(t, always(200, pageOf(false, row("3", seconds(90)), row("2", seconds(0)), row("1", seconds(-1)))))
	got, err := newTestClient(t, f).ListDeleted(t.Context(), walkFrom(crm.Place{}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(crm.FoundPage{Found: []crm.Found{foundDeleted("3", 90), foundDeleted("2", 0)}}, got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestListDeletedAcceptsBothEmptyAnswers(t *testing.T) {
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		got, err := newTestClient(t, newFakeAPI(t, always(status, ""))).ListDeleted(t.Context(), walkFrom(crm.Place{}))
		if err != nil {
			t.Fatalf("status %d: %v", status, err)
		}
		if diff := cmp.Diff(crm.FoundPage{}, got); diff != "" {
			t.Errorf("status %d (-want +got):\n%s", status, diff)
		}
	}
}

func TestScansReportRefusals(t *testing.T) {
	tests := []struct {
		name   string
		status int
		answer string
		want   crm.ErrorKind
	}{
		{"a quota", 429, `{"code":"TOO_MANY_REQUESTS","message":"limit"}`, crm.RateLimited},
		{"a missing scope", 401, `{"code":"OAUTH_SCOPE_MISMATCH","message":"invalid oauth scope to access this URL"}`, crm.Forbidden},
		{"a broken server", 500, `{"code":"INTERNAL_ERROR"}`, crm.Unavailable},
		{"a deleted record without time", 200, `{"data":[{"id":"1"}]}`, crm.Refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestClient(t, newFakeAPI(t, always(tt.status, tt.answer)))
			_, changed := c.ListChanged(t.Context(), walkFrom(crm.Place{}))
			_, deleted := c.ListDeleted(t.Context(), walkFrom(crm.Place{}))
			for _, err := range []error{changed, deleted} {
				if e := wantError(t, err); e.Kind != tt.want || e.Action != "scan" {
					t.Errorf("got %v, want kind %s", err, tt.want)
				}
			}
		})
	}
	_, err := newTestClient(t, newFakeAPI(t, always(204, ""))).ListDeleted(t.Context(), crm.Walk{Kind: "deal"})
	if e := wantError(t, err); e.Kind != crm.Refused {
		t.Errorf("an unknown kind: %v", err)
	}
}
