package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// scenario is a Reconciler over HTTP: the clients that are deployed and both
// simulators, on one clock that stands still unless it is moved.
type scenario struct {
	t          *testing.T
	clock      *sim.Clock
	cursors    *cursors
	topics     map[crm.System]*topic
	urls       map[crm.System]string
	zohoTokens *consent
	config     reconcile.Config
	http       *http.Client
}

// simClock is the simulators' clock, which a sleep moves.
type simClock struct{ *sim.Clock }

func (c simClock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// consent gets access tokens as a consented application does.
type consent struct {
	url    string
	client *http.Client
	token  string
}

func (c *consent) Token(ctx context.Context, refused string) (zoho.Token, error) {
	if c.token == "" || refused != "" {
		form := url.Values{"refresh_token": {zohosim.DefaultRefreshToken}, "client_id": {zohosim.DefaultClientID},
			"client_secret": {zohosim.DefaultClientSecret}, "grant_type": {"refresh_token"}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/oauth/v2/token", strings.NewReader(form.Encode()))
		if err != nil {
			return zoho.Token{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := c.client.Do(req)
		if err != nil {
			return zoho.Token{}, err
		}
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		if err := errors.Join(json.NewDecoder(resp.Body).Decode(&answer), resp.Body.Close()); err != nil {
			return zoho.Token{}, err
		}
		c.token = answer.AccessToken
	}
	return zoho.Token{AccessToken: c.token, APIDomain: c.url}, nil
}

func newScenario(t *testing.T, lag time.Duration) *scenario {
	t.Helper()
	c := sim.NewManualClock(start)
	hs := hubspotsim.New(hubspotsim.Config{Clock: c, SearchLag: lag})
	zs := zohosim.New(zohosim.Config{Clock: c, SearchLag: lag, TimeOffset: time.Hour})
	hubspotServer, zohoServer := httptest.NewServer(hs), httptest.NewServer(zs)
	t.Cleanup(func() {
		hubspotServer.Close()
		zohoServer.Close()
		hs.Close()
		if err := zs.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &scenario{t: t, clock: c, cursors: newCursors(), http: hubspotServer.Client(),
		topics: map[crm.System]*topic{crm.HubSpot: {}, crm.Zoho: {}},
		urls:   map[crm.System]string{crm.HubSpot: hubspotServer.URL, crm.Zoho: zohoServer.URL}}
	r.zohoTokens = &consent{url: zohoServer.URL, client: zohoServer.Client()}
	hc, err1 := r.hubspot()
	zc, err2 := zoho.New(zoho.Config{Tokens: r.zohoTokens, HTTP: zohoServer.Client(), AccountsURL: zohoServer.URL})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	ids := 0
	r.config = reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.HubSpot: hc, crm.Zoho: zc},
		Publishers: map[crm.System]reconcile.Publisher{crm.HubSpot: r.topics[crm.HubSpot], crm.Zoho: r.topics[crm.Zoho]},
		Cursors:    r.cursors, Clock: simClock{c}, NewID: func() string { ids++; return strconv.Itoa(ids) },
		DeletedEvery: map[crm.System]time.Duration{}, Pause: -1,
	}
	return r
}

// hubspot is HubSpot's client, as a process that has just started has it.
func (r *scenario) hubspot() (*hubspot.Client, error) {
	return hubspot.New(hubspot.Config{URL: r.urls[crm.HubSpot], Token: hubspotsim.DefaultAccessToken,
		AppID: strconv.Itoa(hubspotsim.DefaultAppID), HTTP: r.http})
}

// run lets the lag pass and runs once.
func (r *scenario) run() reconcile.Report {
	r.t.Helper()
	r.clock.Advance(31 * time.Second)
	rec, err := reconcile.New(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	report, err := rec.Run(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// settle publishes all there is and lets the overlap pass, so that a later run
// speaks of later changes alone.
func (r *scenario) settle() {
	r.t.Helper()
	for range 2 {
		r.run()
		r.clock.Advance(10 * time.Minute)
	}
	for _, t := range r.topics {
		t.ops = nil
	}
}

// published lists what was published as change and reference, in order.
func (r *scenario) published() []string {
	var all []string
	for _, s := range crm.Systems {
		for _, o := range r.topics[s].ops {
			all = append(all, string(o.Change)+" "+o.Ref.String())
		}
	}
	return all
}

// call makes a call to a simulator and decodes its answer.
func (r *scenario) call(s crm.System, method, path string, in, out any) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.urls[s]+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+hubspotsim.DefaultAccessToken)
	if s == crm.Zoho {
		token, err := r.zohoTokens.Token(r.t.Context(), "")
		if err != nil {
			r.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Zoho-oauthtoken "+token.AccessToken)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read as far as is wanted
	if resp.StatusCode > 299 {
		r.t.Fatalf("%s %s answers %d", method, path, resp.StatusCode)
	}
	if out != nil {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			r.t.Fatal(err)
		}
	}
}

// create makes contacts by the API, a hundred a call, and returns their ids.
func (r *scenario) create(s crm.System, names ...string) []string {
	r.t.Helper()
	var ids []string
	for len(names) > 0 {
		n := min(len(names), 100)
		ids = append(ids, r.createSome(s, names[:n])...)
		names = names[n:]
	}
	return ids
}

func (r *scenario) createSome(s crm.System, names []string) []string {
	r.t.Helper()
	var rows []any
	var out struct {
		Results []struct{ ID string }
		Data    []struct{ Details struct{ ID string } }
	}
	if s == crm.HubSpot {
		for _, name := range names {
			rows = append(rows, map[string]any{"properties": map[string]string{"lastname": name}})
		}
		r.call(s, http.MethodPost, "/crm/objects/2026-09/contacts/batch/create", map[string]any{"inputs": rows}, &out)
	} else {
		for _, name := range names {
			rows = append(rows, map[string]string{"Last_Name": name})
		}
		r.call(s, http.MethodPost, "/crm/v8/Contacts", map[string]any{"data": rows}, &out)
	}
	var ids []string
	for _, x := range out.Results {
		ids = append(ids, x.ID)
	}
	for _, x := range out.Data {
		ids = append(ids, x.Details.ID)
	}
	if len(ids) != len(names) {
		r.t.Fatalf("created %d of %d", len(ids), len(names))
	}
	return ids
}

func (r *scenario) delete(s crm.System, id string) {
	r.t.Helper()
	path := "/_sim/contacts/" + id
	if s == crm.Zoho {
		path = "/_sim/Contacts/" + id
	}
	r.call(s, http.MethodDelete, path, map[string]any{}, nil)
}

func people(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "Person " + strconv.Itoa(i)
	}
	return names
}
