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
func (s *story) recordPage(ref crm.Ref) string {
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
func TestContactsAreExplainedAndComparedWhateverBecameOfTheirCompany(t *testing.T) {
	t.Parallel()
	s := begin(t)
	employed := func(name string) (contact, company crm.Ref) {
		company, contact = s.company(name), s.contact("of-"+name)
		s.joins(contact, company, true)
		return contact, company
	}
	alone := s.contact("alone")
	at, _ := employed("at")
	atDeleted, _ := employed("deleted")
	atGone, gone := employed("gone")
	atMerged, merged := employed("merged")
	atSwallowed, swallowed := employed("swallowed")
	atZohos := s.contact("of-zohos")
	took, _ := employed("took")
	other := s.company("other")
	s.rest()
	zohos := s.new(crm.Zoho, crm.Company, values{"Account_Name": "Zoho only", "Website": "https://zoho-only.example.com"}, time.Time{})
	s.moves(s.twin(atZohos), zohos.RecordID)
	s.moves(s.twin(took), "")
	account := crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: s.companyOf(s.twin(atDeleted))}
	swallowing := s.twin(other)
	s.must(s.remove(s.ctx, account))
	s.must(s.remove(s.ctx, gone))
	s.merge(other, merged)
	s.merge(swallowing, s.twin(swallowed))
	s.rest()
	s.rest()

	for name, tt := range map[string]struct {
		contact crm.Ref
		says    string // of the company
		page    string
	}{
		"without a company":                          {alone, "nobody set it", "empty on both sides"},
		"with a company":                             {at, "nothing", "in sync"},
		"whose account was deleted":                  {atDeleted, "nothing", "in sync"},
		"whose company was deleted":                  {atGone, "nothing", "in sync"},
		"whose company was merged":                   {atMerged, "nothing", "in sync"},
		"whose account was merged":                   {atSwallowed, "nothing", "in sync"},
		"whose company HubSpot does not have":        {atZohos, "HubSpot does not have the company", "HubSpot does not have the company"},
		"whose company was taken away from it again": {took, "nothing", "empty on both sides"},
	} {
		for _, ref := range []crm.Ref{tt.contact, s.twin(tt.contact)} {
			out := s.says("explain contact "+ref.RecordID+" company", "is linked to", tt.says)
			if strings.Contains(out, "writes") {
				t.Errorf("a contact %s is said to be written to:\n%s", name, out)
			}
			if page := s.recordPage(ref); !strings.Contains(page, tt.page) || strings.Contains(page, "will be written") {
				t.Errorf("the page of a contact %s does not say %q", name, tt.page)
			}
		}
	}
	out := s.says("reconcile --drift", "nothing differs that should be equal", "HubSpot does not have the company, and the mapping creates none")
	if n := strings.Count(out, "contact company"); n != 1 {
		t.Errorf("drift tells of the company in %d lines, want 1:\n%s", n, out)
	}
	s.wrote(100, 100) // nothing follows by itself

	// A difference is told, with advice that helps.
	s.lose(1)
	s.moves(s.twin(at), "")
	s.rest()
	s.lose(0)
	if out, err := s.run("reconcile", "--drift"); err == nil || !strings.Contains(out, "edited in Zoho, and not heard of") {
		t.Errorf("drift of a contact whose company was taken away: %v\n%s", err, out)
	}
	s.says("explain contact "+at.RecordID+" company", "writes HubSpot")
}

// The safeguard that holds the consumers holds a backfill, which says what lets it
// go on.
func TestABackfillStopsAtAHoldAndNamesTheCommandThatReleasesIt(t *testing.T) {
	t.Parallel()
	s := begin(t)
	x := shapes[0]
	h, z := s.pair(x, x.city.h("Oslo"))
	db, err := store.Connect(s.ctx, s.getenv("GOOGLE_CLOUD_PROJECT"), "(default)", s.getenv("FIRESTORE_EMULATOR_HOST"))
	s.must(err)
	defer func() { _ = db.Close() }()
	s.must(store.NewBrakes(db).SaveBrake(s.ctx, safeguard.State{Side: crm.Zoho, Kind: crm.Contact, HeldAt: time.Now(), Records: 1501, Pairs: 3000}))
	s.lose(1)
	s.change(h, x.city.h(""), time.Time{})
	s.rest()
	s.lose(0)

	if r := s.planned(); r.Counts[crm.Contact]["held"] != 1 {
		t.Errorf("the plan counts %v, want one that is held", r.Counts)
	}
	for range 2 { // it goes on where it was, and that is where it was held
		b, err := s.backfill("--per-second 1000 --restart")
		if err == nil || !strings.Contains(err.Error(), "connector release lets them through") || b.Finished {
			t.Errorf("finished %t: %v", b.Finished, err)
		}
		if got, err := s.record(s.ctx, z); err != nil || got["Mailing_City"] != "Oslo" {
			t.Fatalf("Zoho holds %q (%v), although clears are held", got["Mailing_City"], err)
		}
	}
	s.says("release --for 1h", "are let through")
	b, err := s.backfill("--per-second 1000")
	if err != nil || !b.Finished || b.Counts.Total(reconcile.Update) != 1 {
		t.Errorf("after the release: %+v, %v", b, err)
	}
	if got, err := s.record(s.ctx, z); err != nil || got["Mailing_City"] != "" {
		t.Errorf("Zoho holds %q (%v) after the release", got["Mailing_City"], err)
	}
	if failed := s.says("failures"); !strings.Contains(failed, "Nothing has failed.") {
		t.Errorf("what was held is told as failed:\n%s", failed)
	}
}

func TestTheVersionIsTold(t *testing.T) {
	for _, line := range [][]string{{"version"}, {"--version"}, {"version", "--json"}} {
		c := rootFor(func(string) string { return "" })
		out := &safeBuffer{}
		c.SetOut(out)
		c.SetArgs(line)
		if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "go1.") || !strings.Contains(out.String(), "commit") {
			t.Errorf("connector %v: %v\n%s", line, err, out)
		}
	}
}
