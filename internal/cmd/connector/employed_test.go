package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/store"
)

// recordPage is the console's page of a record.
func (s *scenario) recordPage(ref crm.Ref) string {
	s.Helper()
	query := url.Values{"page": {"record"}, "ref": {ref.String()}}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.FunctionsURL+"/Console?"+query.Encode(), http.NoBody)
	s.must(err)
	res, err := http.DefaultClient.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	s.must(err)
	if res.StatusCode != http.StatusOK {
		s.Errorf("the page of %s answers %s\n%s", ref, res.Status, s.log)
	}
	return string(body)
}

// Explain, the console and drift look at contacts with and without a company, with
// one that has no counterpart, was merged, was deleted or was taken away.
func TestContactsAreExplainedAndComparedInEveryStateOfTheirCompany(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	employed := func(name string) (contact, company crm.Ref) {
		company, contact = s.newCompany(name), s.newContact("of-"+name)
		s.addCompany(contact, company, true)
		return contact, company
	}
	alone := s.newContact("alone")
	at, _ := employed("at")
	atDeleted, _ := employed("deleted")
	atGone, gone := employed("gone")
	atMerged, merged := employed("merged")
	atSwallowed, swallowed := employed("swallowed")
	atZohos := s.newContact("of-zohos")
	took, _ := employed("took")
	other := s.newCompany("other")
	s.awaitIdle()
	zohos := s.mustCreate(crm.Zoho, crm.Company, values{"Account_Name": "Zoho only", "Website": "https://zoho-only.example.com"}, time.Time{})
	s.setAccount(s.findCounterpart(atZohos), zohos.RecordID)
	s.setAccount(s.findCounterpart(took), "")
	account := crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: s.readCompanyID(s.findCounterpart(atDeleted))}
	swallowing := s.findCounterpart(other)
	s.must(s.deleteRecord(s.ctx, account))
	s.must(s.deleteRecord(s.ctx, gone))
	s.mergeRecords(other, merged)
	s.mergeRecords(swallowing, s.findCounterpart(swallowed))
	s.awaitIdle()
	s.awaitIdle()

	for name, tt := range map[string]struct {
		contact crm.Ref
		says    string // of the company
		page    string
	}{
		"without a company":                          {alone, "never set", "empty on both sides"},
		"with a company":                             {at, "nothing", "in sync"},
		"whose account was deleted":                  {atDeleted, "nothing", "in sync"},
		"whose company was deleted":                  {atGone, "nothing", "in sync"},
		"whose company was merged":                   {atMerged, "nothing", "in sync"},
		"whose account was merged":                   {atSwallowed, "nothing", "in sync"},
		"whose company HubSpot does not have":        {atZohos, "HubSpot does not have the company", "HubSpot does not have the company"},
		"whose company was taken away from it again": {took, "nothing", "empty on both sides"},
	} {
		for _, ref := range []crm.Ref{tt.contact, s.findCounterpart(tt.contact)} {
			out := s.checkOutput("explain contact "+ref.RecordID+" company", "is linked to", tt.says)
			if strings.Contains(out, "writes") {
				t.Errorf("a contact %s is said to be written to:\n%s", name, out)
			}
			if page := s.recordPage(ref); !strings.Contains(page, tt.page) || strings.Contains(page, "will be written") {
				t.Errorf("the page of a contact %s does not say %q", name, tt.page)
			}
		}
	}
	out := s.checkOutput("reconcile --drift", "all mapped fields are in sync", "HubSpot does not have the company; the mapping creates none")
	if n := strings.Count(out, "contact company"); n != 1 {
		t.Errorf("drift names the company in %d lines, want 1:\n%s", n, out)
	}
	s.checkWrites(100, 100) // nothing follows by itself

	// A difference is reported, with advice that helps.
	s.loseWebhooks(1)
	s.setAccount(s.findCounterpart(at), "")
	s.awaitIdle()
	s.loseWebhooks(0)
	if out, err := s.runCommand("reconcile", "--drift"); err == nil || !strings.Contains(out, "edited in Zoho, not synchronised yet") {
		t.Errorf("drift of a contact whose company was taken away: %v\n%s", err, out)
	}
	s.checkOutput("explain contact "+at.RecordID+" company", "writes HubSpot")
}

// The safeguard that holds the consumers holds a backfill, which names the command that
// releases it.
func TestABackfillStopsAtAHoldAndNamesTheCommandThatReleasesIt(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	x := recordKinds[0]
	h, z := s.createPair(x, x.city.h("Oslo"))
	db := s.connectStore()
	s.must(store.NewSafeguards(db).SaveSafeguard(s.ctx, safeguard.State{Side: crm.Zoho, Kind: crm.Contact, HeldAt: time.Now(), Records: 1501, Pairs: 3000}))
	s.loseWebhooks(1)
	s.mustEdit(h, x.city.h(""), time.Time{})
	s.awaitIdle()
	s.loseWebhooks(0)

	if r := s.runPlan(); r.Counts[crm.Contact]["held"] != 1 {
		t.Errorf("the plan counts %v, want one that is held", r.Counts)
	}
	for range 2 { // it continues where it was, and is held there again
		b, err := s.runBackfill("--per-second 1000 --restart")
		if err == nil || !strings.Contains(err.Error(), "connector release lets them through") || b.Finished {
			t.Errorf("finished %t: %v", b.Finished, err)
		}
		if got, err := s.readRecord(s.ctx, z); err != nil || got["Mailing_City"] != "Oslo" {
			t.Fatalf("Zoho holds %q (%v), although clears are held", got["Mailing_City"], err)
		}
	}
	s.checkOutput("release --for 1h", "are let through")
	b, err := s.runBackfill("--per-second 1000")
	if err != nil || !b.Finished || b.Counts.Total(reconcile.Update) != 1 {
		t.Errorf("after the release: %+v, %v", b, err)
	}
	if got, err := s.readRecord(s.ctx, z); err != nil || got["Mailing_City"] != "" {
		t.Errorf("Zoho holds %q (%v) after the release", got["Mailing_City"], err)
	}
	if failed := s.checkOutput("failures"); !strings.Contains(failed, "Nothing has failed.") {
		t.Errorf("a held operation is reported as failed:\n%s", failed)
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	for _, line := range [][]string{{"version"}, {"--version"}, {"version", "--json"}} {
		c := rootCommandFor(func(string) string { return "" })
		out := &safeBuffer{}
		c.SetOut(out)
		c.SetArgs(line)
		if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "go1.") || !strings.Contains(out.String(), "commit") {
			t.Errorf("connector %v: %v\n%s", line, err, out)
		}
	}
}
