package main

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func TestTheDemoPageLetsBothSidesBeEditedAndDrawsTheWay(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	var made struct{ ID string }
	s.must(s.callControl(s.ctx, http.MethodPost, s.DemoURL+"/edit", map[string]any{
		"system": "hubspot", "kind": "contact", "values": map[string]string{"last_name": "Lovelace", "email": "ada@example.com"}}, &made))
	s.awaitIdle()
	ref := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: made.ID}
	var state stateJSON
	s.must(s.callControl(s.ctx, http.MethodGet, s.DemoURL+"/state?kind=contact", nil, &state))
	if z := state.Records[crm.Zoho]; len(z) != 1 || z[0].Counterpart != made.ID || z[0].Values["last_name"] != "Lovelace" {
		t.Fatalf("Zoho holds %+v", z)
	}
	first := state.Paths[len(state.Paths)-1]
	if first.Record != ref.String() || first.Webhook != "HubSpotWebhook" || first.Topic != "zoho-operations" ||
		first.Consumer != "ZohoConsumer" || first.Outcome != "created" || len(first.Calls) < 3 || first.Attempts != 1 {
		t.Errorf("the way of the first operation: %+v", first)
	}
	s.must(s.callControl(s.ctx, http.MethodPost, s.DemoURL+"/fault", map[string]any{"name": "zoho_down", "on": true}, nil))
	s.must(s.callControl(s.ctx, http.MethodPost, s.DemoURL+"/edit", map[string]any{
		"system": "hubspot", "kind": "contact", "id": made.ID, "values": map[string]string{"city": "London"}}, nil))
	s.createRefusedByZoho()
	s.must(s.callControl(s.ctx, http.MethodPost, s.DemoURL+"/fault", map[string]any{"name": "zoho_down", "on": false}, nil))
	s.awaitIdle()
	s.checkValues(s.findCounterpart(ref), values{"Mailing_City": "London"})
}

// createRefusedByZoho waits until Zoho has refused a call.
func (s *scenario) createRefusedByZoho() {
	s.Helper()
	for !slices.ContainsFunc(s.localStack.zoho.Recorder().Calls(), func(c sim.Call) bool { return c.Status >= 500 }) {
		s.must((clock.System{}).Sleep(s.ctx, 5*time.Millisecond))
	}
}

func TestTheDemoPageRefusesRequestsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	for name, change := range map[string]func(*http.Request){
		"another host": func(r *http.Request) { r.Host = "evil.example.com" },
		"another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.DemoURL+"/fault", strings.NewReader(`{"name":"slow","on":true}`))
		s.must(err)
		change(req)
		res, err := newLocalClient().Do(req)
		s.must(err)
		s.must(res.Body.Close())
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	for _, in := range []map[string]any{
		{"system": "sap", "kind": "contact"}, {"system": "zoho", "kind": "contact", "id": "../1"},
		{"system": "zoho", "kind": "contact", "values": map[string]string{"hs_object_id": "1"}},
	} {
		if err := s.callControl(s.ctx, http.MethodPost, s.DemoURL+"/edit", in, nil); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("%v: %v", in, err)
		}
	}
}

// TestTheDemoPrintsItsLinksAndEndsWithoutATerminal: a buffer is no terminal.
func TestTheDemoPrintsItsLinksAndEndsWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if err := runDemo(t.Context(), &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"Both CRMs side by side: http://127.0.0.1:", "The operator's console:   http://127.0.0.1:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not print %q:\n%s", want, &out)
		}
	}
}
