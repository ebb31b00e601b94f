package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// newGrantCode is a fresh grant code of Zoho.
func (s *scenario) newGrantCode() string {
	s.Helper()
	var made struct{ Code string }
	s.must(s.callControl(s.ctx, "POST", s.ZohoURL+sim.ControlPrefix+"codes", nil, &made))
	return made.Code
}

func TestSetupPreparesBothSidesAndCanBeRunAgain(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	for _, kind := range []string{"contacts", "companies"} {
		s.hubspotAPI("DELETE", "/crm/properties/2026-09/"+kind+"/zoho_id")
	}
	dir := t.TempDir()
	env := filepath.Join(dir, "connector.env")
	if err := os.WriteFile(env, []byte("open to all"), 0o644); err != nil {
		t.Fatal(err)
	}
	line := "setup --register-channel --app-dir " + filepath.Join(dir, "app") + " --env-file " + env

	s.resetCalls()
	dry := s.checkOutput(line+" --dry-run", "would  create the unique property zoho_id of contact", "would  write")
	if strings.Contains(dry, "done") || s.countHubSpotCalls().writes+s.countZohoCalls().writes > 0 {
		t.Errorf("a dry run did something:\n%s", dry)
	}
	if _, err := os.Stat(filepath.Join(dir, "app")); !os.IsNotExist(err) {
		t.Errorf("a dry run wrote files: %v", err)
	}

	out := s.checkOutput(line+" --grant-code "+s.newGrantCode(), "became a refresh token", "the unique property zoho_id of contact is created",
		"the unique property zoho_id of company is created", "webhooks-hsmeta.json is written", "open until", "Done.")
	again := s.checkOutput(line, "HubSpot has the unique property zoho_id of contact", "is up to date", "is kept and open until", "Done.")
	info, err := os.Stat(env)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of secrets: %v, %v", info.Mode(), err)
	}
	kept, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	secrets := regexp.MustCompile(`'([^']+)'`).FindAllStringSubmatch(string(kept), -1)
	if len(secrets) != len(functions.Secrets) {
		t.Errorf("%d secrets are kept, want %d", len(secrets), len(functions.Secrets))
	}
	for _, secret := range secrets {
		for _, text := range []string{dry, out, again, s.log.String()} {
			if strings.Contains(text, secret[1]) {
				t.Errorf("a secret is printed:\n%s", text)
			}
		}
	}
	// And it works.
	h := s.mustCreate(crm.HubSpot, crm.Contact, recordKinds[0].h(), noTime)
	s.awaitIdle()
	s.findCounterpart(h)
}

func TestSetupNamesMissingPrerequisites(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	lacks := func(name string) func(string) string {
		return func(n string) string {
			if n == name {
				return ""
			}
			return s.getenv(n)
		}
	}
	for _, tt := range []struct{ without, line, want string }{
		{"ZOHO_REFRESH_TOKEN", "setup", "--grant-code"},
		{"", "setup --grant-code spent", "invalid_code"},
		{"HUBSPOT_WEBHOOK_URL", "setup --app-dir " + t.TempDir(), "HUBSPOT_WEBHOOK_URL is missing"},
		{"HASH_KEY", "setup", "left to do by hand"},
		{"SENDGRID_API_KEY", "setup --dry-run --secrets-project p", "left to do by hand"},
	} {
		c := rootCommandFor(lacks(tt.without))
		out := &safeBuffer{}
		c.SetOut(out)
		c.SetErr(&safeBuffer{})
		c.SetArgs(strings.Fields(tt.line))
		if err := c.ExecuteContext(s.ctx); err == nil || !strings.Contains(out.String()+err.Error(), tt.want) {
			t.Errorf("connector %s without %q: %v, want %q\n%s", tt.line, tt.without, err, tt.want, out)
		}
	}
}

// TestTheAppIsDeclaredBeforeThereIsAnything: its id and its token are needed to
// deploy, and its webhooks' address is known after that.
func TestTheAppIsDeclaredBeforeThereIsAnything(t *testing.T) {
	dir := t.TempDir()
	c := rootCommandFor(func(string) string { return "" })
	out := &safeBuffer{}
	c.SetOut(out)
	c.SetErr(out)
	c.SetArgs([]string{"setup", "--app-dir", dir})
	if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(out.String(), "so the app has no webhooks yet") {
		t.Errorf("%v\n%s", err, out)
	}
	app, err := os.ReadFile(filepath.Join(dir, "src/app/app-hsmeta.json"))
	if err != nil || !strings.Contains(string(app), "crm.objects.contacts.write") {
		t.Errorf("%v\n%s", err, app)
	}
	if _, err := os.Stat(filepath.Join(dir, "src/app/webhooks")); !os.IsNotExist(err) {
		t.Errorf("webhooks without an address are declared: %v", err)
	}
}

func TestTheSecretsAreThoseThatTerraformMakes(t *testing.T) {
	text, err := os.ReadFile("../../../terraform/secrets.tf")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range regexp.MustCompile(`(?m)^\s+([A-Z_]+)\s+=\s+"([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, m[1]+" connector-"+m[2])
	}
	for _, name := range functions.Secrets {
		got = append(got, name+" "+functions.SecretID("connector", name))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-terraform +code):\n%s", diff)
	}
}
