package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// runCheck runs connector check and returns its findings and exit status.
func (s *scenario) runCheck() ([]check.Finding, int) {
	s.Helper()
	out, err := s.runCommand("check", "--json")
	var r check.Report
	if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil {
		s.Fatalf("connector check: %v, %v\n%s", err, jsonErr, out)
	}
	if err == nil {
		return r.Findings, 0
	}
	return r.Findings, exitStatus(err)
}

// checkFinding looks for a finding with a text, and for its remedy.
func (s *scenario) checkFinding(findings []check.Finding, name string, severity check.Severity, text string) {
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

func TestCheckOfAHealthyStackFindsNoProblem(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.createPair(recordKinds[0])
	s.checkOutput("reconcile")
	s.awaitIdle()
	findings, status := s.runCheck()
	for _, f := range findings {
		if f.Severity == check.Error || f.Severity == check.Unknown || f.Severity == check.Warning && f.Check != "mapping" {
			t.Errorf("%+v", f)
		}
	}
	if status == 2 {
		t.Error("a check could not run")
	}
	s.checkFinding(findings, "account", check.OK, "HubSpot account 48975575")
	s.checkFinding(findings, "channel", check.OK, "open until")
	s.checkFinding(findings, "token", check.OK, "is valid until")
	s.checkPrintsNoSecret("check")
}

// checkPrintsNoSecret runs a command, whose status does not matter, and looks for
// secrets in its output.
func (s *scenario) checkPrintsNoSecret(line string) {
	s.Helper()
	out, _ := s.runCommand(strings.Fields(line)...)
	for _, secret := range []string{s.getenv("ZOHO_WEBHOOK_TOKEN"), s.getenv("ZOHO_REFRESH_TOKEN"), s.getenv("HUBSPOT_ACCESS_TOKEN"), s.getenv("HASH_KEY")} {
		if secret == "" || strings.Contains(out, secret) {
			s.Errorf("connector %s prints a secret:\n%s", line, out)
		}
	}
}

func TestCheckFindsProblemsAndNamesRemedies(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.must(s.zohoClient().CloseChannels(s.ctx, zoho.ChannelID(s.getenv("ZOHO_WEBHOOK_URL"))))
	s.createNameless()
	s.awaitIdle()
	findings, status := s.runCheck()
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	s.checkFinding(findings, "channel", check.Error, "no notification channel")
	s.checkFinding(findings, "sweep", check.Warning, "no sweep has looked")
	s.checkFinding(findings, "failures", check.Warning, "Last_Name")

	s.must(s.callControl(s.ctx, "POST", s.HubSpotURL+sim.ControlPrefix+"faults", sim.Fault{Status: 503}, nil))
	findings, status = s.runCheck()
	if status != 2 {
		t.Errorf("status %d with HubSpot away, want 2", status)
	}
	s.checkFinding(findings, "hubspot", check.Unknown, "503")
}

func TestCheckWithoutItsEnvironmentCouldNotCheck(t *testing.T) {
	c := rootCommandFor(func(string) string { return "" })
	c.SetOut(&safeBuffer{})
	c.SetErr(&safeBuffer{})
	c.SetArgs([]string{"check"})
	if err := c.Execute(); err == nil || exitStatus(err) != 2 {
		t.Errorf("got %v, status %d, want 2", err, exitStatus(err))
	}
}

func TestAReportIsSummarizedBySeverity(t *testing.T) {
	repeat := func(n int, s check.Severity) []check.Finding { return slices.Repeat([]check.Finding{{Severity: s}}, n) }
	tests := map[string]struct {
		findings []check.Finding
		want     string
		status   int
	}{
		"warnings and notes": {slices.Concat(repeat(5, check.Note), repeat(3, check.Warning), repeat(9, check.OK)), "3 warnings, 5 notes", 1},
		"one error":          {repeat(1, check.Error), "1 error", 1},
		"a failed check":     {slices.Concat(repeat(1, check.Unknown), repeat(2, check.Error)), "1 failed check, 2 errors", 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := reportError(check.Report{Findings: tt.findings})
			if err == nil || err.Error() != tt.want || exitStatus(err) != tt.status {
				t.Errorf("got %v with status %d, want %s with %d", err, exitStatus(err), tt.want, tt.status)
			}
		})
	}
	if err := reportError(check.Report{Findings: repeat(2, check.Note)}); err != nil {
		t.Errorf("notes alone are an error: %v", err)
	}
}
