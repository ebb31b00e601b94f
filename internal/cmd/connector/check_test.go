package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// checked runs connector check and returns its findings and exit status.
func (s *story) checked() ([]check.Finding, int) {
	s.Helper()
	out, err := s.run("check", "--json")
	var r check.Report
	if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil {
		s.Fatalf("connector check: %v, %v\n%s", err, jsonErr, out)
	}
	if err == nil {
		return r.Findings, 0
	}
	return r.Findings, exitStatus(err)
}

// finds looks for a finding with a text, and for its remedy.
func (s *story) finds(findings []check.Finding, name string, severity check.Severity, text string) {
	s.Helper()
	for _, f := range findings {
		if f.Check == name && f.Severity == severity && strings.Contains(f.Message, text) {
			if f.Remedy == "" && severity != check.OK {
				s.Errorf("%+v has no remedy", f)
			}
			return
		}
	}
	s.Errorf("check %s finds no %s with %q: %+v", name, severity, text, findings)
}

func TestCheckOfAHouseInOrder(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.pair(shapes[0])
	s.says("reconcile")
	s.rest()
	findings, status := s.checked()
	for _, f := range findings {
		if f.Severity == check.Error || f.Severity == check.Unknown || f.Severity == check.Warning && f.Check != "mapping" {
			t.Errorf("%+v", f)
		}
	}
	if status == 2 {
		t.Error("something could not be looked at")
	}
	s.finds(findings, "account", check.OK, "HubSpot account 48975575")
	s.finds(findings, "channel", check.OK, "open until")
	s.finds(findings, "token", check.OK, "lives until")
	s.says2("check")
}

// says2 runs a command of which the status does not matter, and looks for
// secrets in what it prints.
func (s *story) says2(line string) {
	s.Helper()
	out, _ := s.run(strings.Fields(line)...)
	for _, secret := range []string{s.getenv("ZOHO_WEBHOOK_TOKEN"), s.getenv("ZOHO_REFRESH_TOKEN"), s.getenv("HUBSPOT_ACCESS_TOKEN"), s.getenv("HASH_KEY")} {
		if secret == "" || strings.Contains(out, secret) {
			s.Errorf("connector %s tells a secret:\n%s", line, out)
		}
	}
}

func TestCheckFindsWhatIsWrongAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.must(s.zohoClient().CloseChannels(s.ctx, zoho.ChannelID(s.getenv("ZOHO_WEBHOOK_URL"))))
	s.new(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
	s.rest()
	findings, status := s.checked()
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	s.finds(findings, "channel", check.Error, "no notification channel")
	s.finds(findings, "sweep", check.Warning, "no sweep has looked")
	s.finds(findings, "failures", check.Warning, "Last_Name")

	s.must(s.call(s.ctx, "POST", s.HubSpotURL+sim.ControlPrefix+"faults", sim.Fault{Status: 503}, nil))
	findings, status = s.checked()
	if status != 2 {
		t.Errorf("status %d with HubSpot away, want 2", status)
	}
	s.finds(findings, "hubspot", check.Unknown, "503")
}

func TestCheckWithoutItsEnvironmentCouldNotCheck(t *testing.T) {
	c := rootFor(func(string) string { return "" })
	c.SetOut(&safeBuffer{})
	c.SetErr(&safeBuffer{})
	c.SetArgs([]string{"check"})
	if err := c.Execute(); err == nil || exitStatus(err) != 2 {
		t.Errorf("got %v, status %d, want 2", err, exitStatus(err))
	}
}
