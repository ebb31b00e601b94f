package zohosim

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCreditsAreCountedPerCallAndPerTenRecords(t *testing.T) {
	records := func(n int) string {
		return `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"Last_Name":"D"},`, n), ",") + `],"trigger":[]}`
	}
	tests := map[string]struct {
		method, path, body string
		cost               int
	}{
		"read":                {"GET", "/crm/v8/Contacts?fields=id", "", 1},
		"10 records":          {"POST", "/crm/v8/Contacts", records(10), 1},
		"11 records":          {"POST", "/crm/v8/Contacts", records(11), 2},
		"100 records":         {"POST", "/crm/v8/Contacts/upsert", records(100), 10},
		"query of 200 rows":   {"POST", "/crm/v8/coql", `{"select_query":"select id from Contacts where id is null"}`, 1},
		"query of 201 rows":   {"POST", "/crm/v8/coql", `{"select_query":"select id from Contacts where id is null limit 201"}`, 2},
		"query of 2,000 rows": {"POST", "/crm/v8/coql", `{"select_query":"select id from Contacts where id is null limit 2000"}`, 3},
		"deleted":             {"GET", "/crm/v8/Contacts/deleted?type=all", "", 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{Quotas: true, DailyCredits: 20})
			for range 10 { // half is used: the header shows
				b.do("GET", "/crm/v8/org", "")
			}
			out := b.do(tt.method, tt.path, tt.body)
			left, err := strconv.Atoi(out.header.Get("X-API-CREDITS-REMAINING"))
			if err != nil || left != 10-tt.cost {
				t.Errorf("%d left of 10 (%v): cost should be %d", left, err, tt.cost)
			}
		})
	}
}

func TestTheDayEndsAndBegins(t *testing.T) {
	b := start(t, Config{Quotas: true, DailyCredits: 4})
	for i := range 4 {
		out := b.must(http.StatusOK, "GET", "/crm/v8/org", "")
		if got := out.header.Get("X-API-CREDITS-REMAINING"); (got != "") != (i >= 1) {
			t.Errorf("call %d: remaining %q", i+1, got)
		}
	}
	out := b.must(http.StatusTooManyRequests, "GET", "/crm/v8/org", "")
	if out.body["code"] != "TOO_MANY_REQUESTS" || out.body["message"] != messageDaily {
		t.Errorf("got %s", out.text)
	}
	b.sim.Clock().Advance(24*time.Hour + 2*time.Minute)
	b.token = b.refresh()["access_token"].(string)
	b.must(http.StatusOK, "GET", "/crm/v8/org", "")
}

func TestConcurrencyLimits(t *testing.T) {
	now := time.Now()
	tests := map[string]struct {
		edition string
		narrow  bool
		limit   int
		message string
	}{
		"free":                       {"free", false, 5, messageAtOnce},
		"enterprise":                 {"enterprise", false, 20, messageAtOnce},
		"sub-concurrency everywhere": {"ultimate", true, 10, messageNarrow},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var l limits
			if err := l.setUp(Config{Edition: tt.edition}); err != nil {
				t.Fatal(err)
			}
			var leave func()
			for i := range tt.limit {
				var bad *answer
				if leave, bad = l.enter(now, 1, tt.narrow); bad != nil {
					t.Fatalf("call %d was refused", i+1)
				}
			}
			_, bad := l.enter(now, 1, tt.narrow)
			if bad == nil || bad.status != 429 || bad.body.(object)["message"] != tt.message {
				t.Errorf("one call too many got %v", bad)
			}
			used := l.used
			leave()
			if _, bad := l.enter(now, 1, tt.narrow); bad != nil {
				t.Error("a call that ended still counts")
			}
			if used != tt.limit {
				t.Errorf("a refused call cost %d credits", used-tt.limit)
			}
		})
	}
}

// Calls that wait for their answer count as running.
func TestOneCallTooManyAtOnceIsRefused(t *testing.T) {
	b := start(t, Config{Quotas: true, Edition: "free", Latency: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			resp, err := http.DefaultClient.Do(b.request("GET", "/crm/v8/org", "").WithContext(ctx))
			if err == nil {
				_ = resp.Body.Close() // nothing was read
				t.Error("a slow call was answered")
			}
		})
	}
	running := func() int {
		b.sim.limits.mu.Lock()
		defer b.sim.limits.mu.Unlock()
		return b.sim.limits.active
	}
	for running() < 5 && t.Context().Err() == nil {
		runtime.Gosched()
	}
	if out := b.must(http.StatusTooManyRequests, "GET", "/crm/v8/org", ""); out.body["message"] != messageAtOnce {
		t.Errorf("got %s", out.text)
	}
	cancel()
	wg.Wait()
}

func TestWhatCountsAgainstSubConcurrency(t *testing.T) {
	s := New(Config{})
	t.Cleanup(func() { _ = s.Close() }) // nothing was sent
	eleven := `{"data":[` + strings.TrimSuffix(strings.Repeat(`{},`, 11), ",") + `]}`
	tests := map[string]struct {
		path, method, body string
		want               bool
	}{
		"10 records":   {"{m}", "POST", `{"data":[{},{},{},{},{},{},{},{},{},{}]}`, false},
		"11 records":   {"{m}", "POST", eleven, true},
		"11 in upsert": {"{m}/upsert", "POST", eleven, true},
		"query":        {"coql", "POST", `{}`, true},
		"plain list":   {"{m}", "GET", "", false},
		"search":       {"{m}/search", "GET", "", false},
		"read by id":   {"{m}/{id}", "GET", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			end := s.routes()[tt.path][tt.method]
			got := end.narrow != nil && end.narrow(&call{body: []byte(tt.body)})
			if got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if sorted := s.routes()["{m}"]["GET"]; !sorted.narrow(&call{query: map[string][]string{"sort_by": {"id"}}}) {
		t.Error("a sorted list does not count")
	}
}
