package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// explained is a pair in which a person typed what a browser could run.
func explained() syncer.Explanation {
	m := mapping.Default()
	name := m.Object(crm.Contact).Field("last_name")
	rec := func(s crm.System, id, field string) crm.Record {
		return crm.Record{Ref: contact(s, id), Fields: map[string]string{field: hostile}, Created: start, Modified: start}
	}
	return syncer.Explanation{
		Asked: contact(crm.HubSpot, "1"), Linked: true,
		Link: syncer.Link{Kind: crm.Contact, HubSpot: syncer.LinkSide{RecordID: "1", ReadAt: start}, Zoho: syncer.LinkSide{RecordID: "2"},
			Decisions: []syncer.Decision{{At: start, Operation: "first", Field: "last_name", Winner: crm.HubSpot, Reason: merge.NewerEdit, Wrote: []crm.System{crm.Zoho}}}},
		Records: map[crm.System]crm.Record{crm.HubSpot: rec(crm.HubSpot, "1", "lastname"), crm.Zoho: rec(crm.Zoho, "2", "Last_Name")},
		Fields: []syncer.FieldExplanation{{Field: name, Canonical: map[crm.System]string{crm.HubSpot: hostile, crm.Zoho: hostile},
			Result: merge.Result{Reason: merge.InSync, Base: merge.Base{Cell: merge.Cell{Hash: "h", Stamp: merge.Stamp{At: start.UnixMilli(), RawAt: start.UnixMilli(), Side: crm.HubSpot}}}}}},
	}
}

func TestARecordIsShownFieldByFieldAndWhatWasTypedIsText(t *testing.T) {
	b := newScenario(t)
	b.records.explanation = explained()
	b.record(failedRecord("1", "INVALID_DATA"))
	page := b.get("?page=record&ref=hubspot/contact/1").Body.String()
	if strings.Contains(page, hostile) {
		t.Error("a script is in the page")
	}
	for _, want := range []string{"&lt;script&gt;alert", "in sync", "both were edited, this one later", "2026-11-23 10:00:00",
		"https://crm.zoho.eu/crm/tab/Contacts/2", "https://app-eu1.hubspot.com/contacts/4711/record/0-1/1", "Both sides are in sync", "Open failures", "first"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if log := b.log.String(); strings.Contains(log, "script") {
		t.Errorf("the log tells a value: %s", log)
	}
}

func TestWhatIsSearchedForStandsInNoAddressAndNoLog(t *testing.T) {
	b := newScenario(t)
	b.records.explanation = explained()
	b.records.found = map[string][]crm.Ref{
		"contact ada@example.org": {contact(crm.HubSpot, "1"), contact(crm.Zoho, "2")},
		"contact two@example.org": {contact(crm.HubSpot, "1"), contact(crm.HubSpot, "7")},
	}
	w := b.post(url.Values{"action": {"search"}, "q": {" ada@example.org "}})
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "?page=record&ref=hubspot%2Fcontact%2F1" {
		t.Errorf("status %d to %q", w.Code, got)
	}
	if diff := cmp.Diff([]string{"contact"}, b.records.asked); diff != "" {
		t.Errorf("an e-mail address is a contact's: %s", diff)
	}
	if w = b.post(url.Values{"action": {"search"}, "q": {"two@example.org"}}); !strings.Contains(w.Body.String(), "Which one?") {
		t.Errorf("two records: %s", w.Body)
	}
	if w = b.post(url.Values{"action": {"search"}, "q": {"none@example.org"}}); !strings.Contains(w.Body.String(), "Neither CRM has such a record") {
		t.Errorf("no record: %s", w.Body)
	}
	if strings.Contains(b.log.String(), "example.org") {
		t.Errorf("log %s", b.log)
	}
}

func TestTheRemedyNamesACRMThatIsDown(t *testing.T) {
	b := newScenario(t)
	b.records.err = &crm.Error{System: crm.Zoho, Action: "read", Kind: crm.Unavailable, Status: 503}
	w := b.get("?page=record&ref=zoho/contact/2")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), failure.Classify(b.records.err).Remedy) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
