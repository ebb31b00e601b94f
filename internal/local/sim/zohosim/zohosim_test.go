package zohosim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// bench is a server under test, its address and an access token.
type bench struct {
	t     *testing.T
	sim   *Server
	url   string
	token string
}

func start(t *testing.T, cfg Config) *bench {
	t.Helper()
	s := New(cfg)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	b := &bench{t: t, sim: s, url: web.URL}
	b.token = b.refresh()["access_token"].(string)
	return b
}

// reply is an answer as the client sees it.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (b *bench) send(r *http.Request) reply {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("read answer: %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		b.t.Fatalf("close answer: %v", err)
	}
	out := reply{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if strings.HasPrefix(out.text, "{") {
		if err := json.Unmarshal(text, &out.body); err != nil {
			b.t.Fatalf("decode %q: %v", text, err)
		}
	}
	return out
}

// request makes an API or control request. Header pairs follow the body.
func (b *bench) request(method, path, body string, header ...string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Zoho-oauthtoken "+b.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (b *bench) do(method, path, body string, header ...string) reply {
	b.t.Helper()
	return b.send(b.request(method, path, body, header...))
}

// must is do with a status that is expected.
func (b *bench) must(status int, method, path, body string, header ...string) reply {
	b.t.Helper()
	out := b.do(method, path, body, header...)
	if out.status != status {
		b.t.Fatalf("%s %s: got %d %s, want %d", method, path, out.status, out.text, status)
	}
	return out
}

func (b *bench) refresh() map[string]any {
	b.t.Helper()
	return b.send(b.tokenRequest(tokenForm())).body
}

func tokenForm() url.Values {
	return url.Values{
		"refresh_token": {DefaultRefreshToken}, "client_id": {DefaultClientID},
		"client_secret": {DefaultClientSecret}, "grant_type": {"refresh_token"},
	}
}

func (b *bench) tokenRequest(form url.Values) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+"/oauth/v2/token", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// at walks into decoded JSON: names into objects, numbers into lists.
func at(v any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[key]
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return nil
			}
			v = list[key]
		}
	}
	return v
}

// create adds a record by the API and gives its id.
func (b *bench) create(module, fields string) string {
	b.t.Helper()
	out := b.must(http.StatusCreated, "POST", "/crm/v8/"+module, `{"data":[`+fields+`],"trigger":[]}`)
	return at(out.body, "data", 0, "details", "id").(string)
}

// record reads a record by id.
func (b *bench) record(module, id string) map[string]any {
	b.t.Helper()
	out := b.must(http.StatusOK, "GET", "/crm/v8/"+module+"/"+id, "")
	return at(out.body, "data", 0).(map[string]any)
}

// ids lists the ids of an answer's data in order.
func (r reply) ids() []string {
	list, _ := r.body["data"].([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i], _ = at(list, i, "id").(string)
	}
	return out
}

// inbox receives notifications.
type inbox struct {
	t      *testing.T
	url    string
	status int
	got    chan map[string]any
	heads  chan http.Header
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{t: t, status: http.StatusOK, got: make(chan map[string]any, 1_000), heads: make(chan http.Header, 1_000)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var message map[string]any
		if err != nil || json.NewDecoder(bytes.NewReader(body)).Decode(&message) != nil {
			t.Errorf("unreadable notification %q", body)
		}
		in.got <- message
		in.heads <- r.Header
		w.WriteHeader(in.status)
	}))
	t.Cleanup(web.Close)
	in.url = web.URL
	return in
}

// all waits until nothing is on its way and gives what has arrived.
func (in *inbox) all(s *Server) []map[string]any {
	in.t.Helper()
	if err := s.Deliverer().Wait(in.t.Context()); err != nil {
		in.t.Fatalf("wait for deliveries: %v", err)
	}
	var out []map[string]any
	for {
		select {
		case m := <-in.got:
			out = append(out, m)
		default:
			return out
		}
	}
}

// watch subscribes the inbox; more holds further members of the watch object.
func (b *bench) watch(in *inbox, events, more string) {
	b.t.Helper()
	b.must(http.StatusCreated, "POST", "/crm/v8/actions/watch",
		`{"watch":[{"channel_id":"1000000068001","events":[`+events+`],"notify_url":"`+in.url+`/hook?k=v","token":"t0ken",`+
			`"channel_expiry":"`+b.later(24*time.Hour)+`"`+more+`}]}`)
}

func (b *bench) later(d time.Duration) string {
	return b.sim.Clock().Now().Add(d).Format("2006-01-02T15:04:05-07:00")
}
