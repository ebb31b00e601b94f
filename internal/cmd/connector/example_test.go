package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/lint"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// exampleMapping is the working example of docs/mapping.md.
func exampleMapping(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```yaml\n# example\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/mapping.md has no example")
	}
	return text
}

func TestTheExampleOfTheDocumentationRuns(t *testing.T) {
	t.Parallel()
	text := exampleMapping(t)
	s := newScenario(t, withMapping(text), func(o *localStackOptions) {
		o.Zoho.Users = []zohosim.User{
			{ID: zohosim.DefaultPersonID, Name: "Patricia Boyle", Email: "patricia@example.com"},
			{ID: alexInZoho, Name: "Alex Owner", Email: "alex@example.com"},
		}
	})
	s.runLint(text)
	account := s.mustCreate(crm.Zoho, crm.Company, values{"Account_Name": "Acme", "Website": "https://www.example.com/en", "Account_Type": "Analyst"}, anHourAgo())
	s.awaitIdle()
	s.resetCalls()
	h := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "ada@example.com", "date_of_birth": "1815-12-10", "salutation": "Dr",
		"hubspot_owner_id": "41629780", "message": strings.Repeat("note ", 20)}, time.Time{})
	acme := s.mustCreate(crm.HubSpot, crm.Company, values{"name": "Acme Ltd", "domain": "example.com", "type": "PARTNER"}, time.Time{})
	s.mustCreate(crm.HubSpot, crm.Company, values{"name": "Nobody's", "domain": "example.org"}, time.Time{})
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.checkValues(z, values{"Last_Name": "Unknown", "Date_of_Birth": "1815-12-10", "Salutation": "Dr.", "Department": strings.Repeat("note ", 9) + "note"})
	s.checkShown(z, map[string]any{"Owner": map[string]any{"id": alexInZoho, "email": "alex@example.com", "name": "Alex Owner"}})
	if got := s.findCounterpart(acme); got != account {
		s.Errorf("the company met %s, want %s", got, account)
	}
	s.checkValues(account, values{"Account_Name": "Acme Ltd", "Account_Type": "Partner"})
	all, err := s.listRecords(s.ctx, crm.Zoho, crm.Company)
	if s.must(err); len(all) != 1 {
		s.Errorf("%d accounts, though none is to be created", len(all))
	}
	if open := sortedMessages(s.listFailures()); len(open) > 0 {
		s.Errorf("parked: %v", open)
	}
	s.checkWrites(4, 6)
}

// runLint checks a mapping against what both simulators say of their fields.
func (s *scenario) runLint(text string) {
	s.Helper()
	m, err := mapping.Parse([]byte(text))
	s.must(err)
	hc, err := hubspot.New(hubspot.Config{URL: s.HubSpotURL, Token: hubspotsim.DefaultAccessToken, AppID: strconv.Itoa(hubspotsim.DefaultAppID),
		HTTP: &http.Client{Timeout: 10 * time.Second}})
	s.must(err)
	zc := s.zohoClient()
	hs, err := hc.ReadSchema(s.ctx)
	s.must(err)
	zo, err := zc.ReadSchema(s.ctx)
	s.must(err)
	for _, f := range lint.Check(m, hs, zo) {
		if f.Severity == lint.Error {
			s.Error(f)
		}
	}
}
