package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClockMovesByWhatItIsAdvanced(t *testing.T) {
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	c := NewManualClock(start)
	c.Advance(time.Hour)
	c.Advance(-time.Minute)
	if got, want := c.Now(), start.Add(59*time.Minute); !got.Equal(want) {
		t.Errorf("the clock shows %s, want %s", got, want)
	}
	wall := NewClock()
	wall.Advance(24 * time.Hour)
	if ahead := time.Until(wall.Now()); ahead < 23*time.Hour {
		t.Errorf("the wall clock is %s ahead, want a day", ahead)
	}
}

func TestDurationIsTextInJSON(t *testing.T) {
	var f Fault
	if err := json.Unmarshal([]byte(`{"latency":"1.5s"}`), &f); err != nil || f.Latency != Duration(1500*time.Millisecond) {
		t.Errorf("latency %d, error %v", f.Latency, err)
	}
	if b, err := json.Marshal(f.Latency); err != nil || string(b) != `"1.5s"` {
		t.Errorf("written as %s, error %v", b, err)
	}
	for _, bad := range []string{`1`, `"soon"`} {
		if err := json.Unmarshal([]byte(bad), new(Duration)); err == nil {
			t.Errorf("%s is taken as a duration", bad)
		}
	}
}

// counter answers 201 and counts what it committed.
type counter struct{ n int }

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.n++
	w.Header().Set("X-Real", "yes")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body)
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name      string
		fault     Fault
		status    int // 0 = the connection is closed
		body      string
		committed int
	}{
		{"a status comes instead of the commit", Fault{Status: 503, Body: "<html>"}, 503, "<html>", 0},
		{"a commit can come before a failure", Fault{Status: 504, After: true}, 504, "", 1},
		{"a drop closes the connection", Fault{Drop: true}, 0, "", 0},
		{"a drop can come after the commit", Fault{Drop: true, After: true}, 0, "", 1},
		{"a mere delay ends in the real answer", Fault{Latency: Duration(time.Millisecond)}, 201, "in", 1},
		{"a delay can lie between commit and answer", Fault{Latency: Duration(time.Millisecond), After: true}, 201, "in", 1},
		{"another method is left alone", Fault{Method: "GET", Status: 500}, 201, "in", 1},
		{"another path is left alone", Fault{Path: "/b", Status: 500}, 201, "in", 1},
		{"a path is a prefix", Fault{Path: "/a", Status: 423}, 423, "", 0},
		{"a rate of nearly nothing says no", Fault{Rate: 1e-12, Status: 500}, 201, "in", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			real, faults, rec := &counter{}, NewFaults(1), &Recorder{Bodies: true}
			faults.Add(tt.fault)
			ts := httptest.NewServer(rec.Wrap(faults.Wrap(real)))
			defer ts.Close()
			status, body := post(t, ts.URL+"/a/1?q=1", "in")
			if status != tt.status || body != tt.body {
				t.Errorf("answered %d %q, want %d %q", status, body, tt.status, tt.body)
			}
			ts.Close() // the handler has ended
			if real.n != tt.committed {
				t.Errorf("committed %d times, want %d", real.n, tt.committed)
			}
			if c := rec.Calls(); len(c) != 1 || c[0].Status != tt.status || c[0].Path != "/a/1" || c[0].Query != "q=1" || c[0].ResponseBody != tt.body {
				t.Errorf("recorded %+v", c)
			}
		})
	}
}

// post returns status 0 when the connection was closed.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestFaultsCountDownAndTheFirstMatchWins(t *testing.T) {
	faults := NewFaults(1)
	faults.Add(Fault{Status: 500, Count: 2})
	faults.Add(Fault{Status: 429, Count: 1, Header: map[string]string{"Retry-After": "1"}})
	h := faults.Wrap(&counter{})
	var got []int
	for range 4 {
		got = append(got, serve(h, "GET", "/", "").Code)
	}
	if diff := cmp.Diff([]int{500, 500, 429, 201}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	faults.Add(Fault{Status: 500})
	faults.Clear()
	if code := serve(h, "GET", "/", "").Code; code != 201 {
		t.Errorf("after Clear: %d", code)
	}
}

func serve(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestRatesComeFromTheSeed(t *testing.T) {
	draw := func(seed uint64) (out []int) {
		faults := NewFaults(seed)
		faults.Add(Fault{Status: 500, Rate: 0.5})
		h := faults.Wrap(&counter{})
		for range 64 {
			out = append(out, serve(h, "GET", "/", "").Code)
		}
		return out
	}
	if diff := cmp.Diff(draw(1), draw(1)); diff != "" {
		t.Errorf("one seed gave two sequences:\n%s", diff)
	}
	if cmp.Equal(draw(1), draw(2)) {
		t.Error("two seeds gave one sequence")
	}
}

func TestRecorderKeepsTheLatestCalls(t *testing.T) {
	rec := &Recorder{Limit: 3}
	h := rec.Wrap(&counter{})
	for _, path := range []string{"/1", "/2", "/3", "/4", "/_sim/calls", "/5"} {
		serve(h, "GET", path, "secret")
	}
	var got []string
	for _, c := range rec.Calls() {
		got = append(got, c.Path)
		if c.RequestBody != "" || c.ResponseBody != "" {
			t.Error("a body was kept unasked")
		}
	}
	if diff := cmp.Diff([]string{"/3", "/4", "/5"}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	rec.Reset()
	if n := len(rec.Calls()); n != 0 {
		t.Errorf("%d calls after Reset", n)
	}
}

func TestRecorderBoundsBodies(t *testing.T) {
	rec := &Recorder{Bodies: true}
	w := serve(rec.Wrap(&counter{}), "POST", "/", strings.Repeat("x", maxBody+1))
	c := rec.Calls()[0]
	if len(c.RequestBody) != maxBody || len(c.ResponseBody) != maxBody || w.Body.Len() != maxBody+1 {
		t.Errorf("kept %d and %d bytes, passed on %d", len(c.RequestBody), len(c.ResponseBody), w.Body.Len())
	}
}

func TestTheControlAPI(t *testing.T) {
	clock := NewManualClock(time.Unix(0, 0))
	faults, rec := NewFaults(1), &Recorder{}
	d := NewDeliverer(DelivererConfig{})
	defer func() { _ = d.Close(t.Context()) }()
	mux := http.NewServeMux()
	Control{Clock: clock, Faults: faults, Recorder: rec, Deliverer: d}.Mount(mux)
	mux.Handle("/", &counter{})
	h := rec.Wrap(faults.Wrap(mux))
	steps := []struct {
		name, method, path, body string
		status                   int
		answer                   string
	}{
		{"one fault", "POST", "/_sim/faults", `{"path":"/a","status":503,"count":1}`, 204, ""},
		{"a list of faults", "POST", "/_sim/faults", `[{"path":"/b","status":423}]`, 204, ""},
		{"an unknown field is refused", "POST", "/_sim/faults", `{"paht":"/a"}`, 400, "paht"},
		{"half a value is refused", "POST", "/_sim/faults", `{"path"`, 400, "decode"},
		{"two values are refused", "POST", "/_sim/clock", `{} {}`, 400, "follows"},
		{"the fault is played", "GET", "/a", "", 503, ""},
		{"the other too", "GET", "/b", "", 423, ""},
		{"faults can be cleared", "DELETE", "/_sim/faults", "", 204, ""},
		{"nothing is left of them", "GET", "/b", "", 201, ""},
		{"the calls are those of the API", "GET", "/_sim/calls", "", 200, `"path":"/b","status":423`},
		{"calls can be taken away", "POST", "/_sim/calls/take", "", 200, `"path":"/b","status":423`},
		{"and are there no more", "GET", "/_sim/calls", "", 200, `{"calls":[]}`},
		{"calls can be forgotten", "DELETE", "/_sim/calls", "", 204, ""},
		{"and are a list still", "GET", "/_sim/calls", "", 200, `{"calls":[]}`},
		{"the clock moves", "POST", "/_sim/clock", `{"advance":"1h"}`, 200, "1970-01-01T01:00:00Z"},
		{"chaos", "POST", "/_sim/deliveries", `{"duplicate":0.1,"lose":0.1,"reorder":0.2,"delay":"50ms"}`, 204, ""},
		{"deliveries", "GET", "/_sim/deliveries", "", 200, `{"deliveries":[]}`},
		{"deliveries can be forgotten", "DELETE", "/_sim/deliveries", "", 204, ""},
		{"idle", "GET", "/_sim/idle", "", 200, `{"idle":true}`},
	}
	for _, s := range steps {
		w := serve(h, s.method, s.path, s.body)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.answer) {
			t.Errorf("%s: answered %d %s, want %d with %q", s.name, w.Code, w.Body, s.status, s.answer)
		}
	}
	if want := (Chaos{Duplicate: 0.1, Lose: 0.1, Reorder: 0.2, Delay: Duration(50 * time.Millisecond)}); d.chaos != want {
		t.Errorf("chaos %+v, want %+v", d.chaos, want)
	}
}
