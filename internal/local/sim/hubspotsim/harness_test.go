package hubspotsim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is a simulator behind a real listener.
type world struct {
	*Server
	t   *testing.T
	url string
}

func start(t *testing.T, cfg Config) *world {
	t.Helper()
	s := New(cfg)
	ts := httptest.NewServer(s)
	t.Cleanup(func() {
		ts.Close()
		s.Close()
	})
	return &world{Server: s, t: t, url: ts.URL}
}

// answer is what a call gave back.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// send makes a call with the given token and content type.
func (w *world) send(method, path, token, kind, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 && raw[0] == '{' {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			w.t.Fatalf("%s %s answered bad JSON: %v", method, path, err)
		}
	}
	return a
}

// call makes an authenticated call.
func (w *world) call(method, path, body string) answer {
	w.t.Helper()
	return w.send(method, path, w.cfg.AccessToken, "application/json", body)
}

// must makes a call that is to answer with status.
func (w *world) must(status int, method, path, body string) answer {
	w.t.Helper()
	a := w.call(method, path, body)
	if a.status != status {
		w.t.Fatalf("%s %s answered %d, want %d: %s", method, path, a.status, status, a.raw)
	}
	return a
}

// create makes a record through the API and returns its id.
func (w *world) create(kind, properties string) string {
	w.t.Helper()
	return w.must(201, "POST", "/crm/objects/2026-09/"+kind, `{"properties":`+properties+`}`).str("id")
}

// at follows a path of keys and indexes into the body.
func (a answer) at(path ...any) any {
	var v any = a.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (a answer) str(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// list returns the ids of results, sorted.
func (a answer) ids() []string {
	out := []string{}
	results, _ := a.body["results"].([]any)
	for i := range results {
		out = append(out, a.str("results", i, "id"))
	}
	slices.Sort(out)
	return out
}

// receiver is a webhook endpoint that remembers what it got.
type receiver struct {
	url    string
	status func(attempt int) int

	mu       sync.Mutex
	requests []received
}

type received struct {
	header http.Header
	body   []byte
	events []event
}

func listen(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: func(int) int { return 200 }}
	ts := httptest.NewServer(r)
	t.Cleanup(ts.Close)
	r.url = ts.URL + "/webhook"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	got := received{header: req.Header, body: body}
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&got.events); err != nil || len(got.events) == 0 {
		w.WriteHeader(400)
		return
	}
	r.mu.Lock()
	r.requests = append(r.requests, got)
	r.mu.Unlock()
	w.WriteHeader(r.status(got.events[0].AttemptNumber))
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// events waits for the simulator and returns all events so far.
func (r *receiver) events(w *world) []event {
	w.t.Helper()
	w.settle()
	return r.sofar()
}

func (r *receiver) sofar() []event {
	var out []event
	for _, req := range r.got() {
		out = append(out, req.events...)
	}
	return out
}

// brief are the events as "type property=value".
func brief(events []event) []string {
	out := []string{}
	for _, e := range events {
		text := e.SubscriptionType
		if e.PropertyName != "" {
			text += " " + e.PropertyName + "=" + *e.PropertyValue
		}
		out = append(out, text)
	}
	return out
}

func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Wait(ctx); err != nil {
		w.t.Fatalf("the deliveries do not end: %v", err)
	}
}
