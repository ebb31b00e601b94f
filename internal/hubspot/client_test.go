package hubspot

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestNewReportsEveryProblemAtOnce(t *testing.T) {
	_, err := New(Config{
		URL: "api.hubapi.com", Version: "v3", Token: "a b", AppID: "app", CounterpartField: "zoho id",
		Fields: map[crm.Kind][]string{"deal": {"x"}, crm.Contact: {"", "a,b", "fine"}},
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"hubspot configuration: url: want an absolute http or https URL",
		"version: want the form YYYY-MM",
		"token contains a space, a line break or a character outside of ASCII",
		"app id is not a number",
		`counterpart field "zoho id" is not the name of a property`,
		"http client is missing",
		`fields: unknown kind "deal": want "contact" or "company"`,
		`fields: "" of contact is not the name of a property`,
		`fields: "a,b" of contact is not the name of a property`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestNewRefusesAddressesThatCannotBeABase(t *testing.T) {
	for _, address := range []string{"", "ftp://x", "https://", "https://user:secret@x", "https://x?a=1", "https://x#a", "https://x\n"} {
		cfg := testConfig(address, &http.Client{})
		_, err := New(cfg)
		if err == nil {
			t.Errorf("address %q is accepted", address)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
}

func TestVersionCounterpartFieldAndBasePathAreUsed(t *testing.T) {
	s := &script{t: t, left: []exchange{{request: "POST /proxy/crm/objects/2026-03/contacts/batch/read", answer: batchOf(contact("1", `"other":"77"`))}}}
	server := httptest.NewServer(s)
	defer server.Close()
	cfg := testConfig(server.URL+"/proxy/", server.Client())
	cfg.Version, cfg.CounterpartField = "2026-03", "other"
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := c.Read(t.Context(), contactRef("1"))
	if err != nil || rec.CounterpartID != "77" {
		t.Errorf("counterpart %q, error %v, want 77", rec.CounterpartID, err)
	}
}

func TestTheTokenIsNeverPrinted(t *testing.T) {
	var log bytes.Buffer
	s := &script{t: t, left: []exchange{{request: contactRead, answer: batchOf(jane), header: map[string]string{"X-HubSpot-Correlation-Id": "c0ffee"}}}}
	server := httptest.NewServer(s)
	defer server.Close()
	cfg := testConfig(server.URL, server.Client())
	cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(t.Context(), crm.Contact, []crm.Key{{Field: "email", Value: "a@x.com"}}); err != nil {
		t.Fatal(err)
	}
	cfg.Logger.Info("configured", "config", cfg)
	printed := log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v %#v", cfg, cfg, cfg, cfg, c, c, c)
	for _, secret := range []string{testToken, "a@x.com", "Doe"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if !strings.Contains(log.String(), `"correlation_id":"c0ffee"`) {
		t.Error("the call is not logged with its correlation id")
	}
}
