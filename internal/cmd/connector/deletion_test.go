package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// countRecords returns how many records a side holds that are not deleted.
func (s *scenario) countRecords(system crm.System, kind crm.Kind) int {
	s.Helper()
	all, err := s.listRecords(s.ctx, system, kind)
	s.must(err)
	n := 0
	for _, r := range all {
		if !r.isDeleted() {
			n++
		}
	}
	return n
}

func TestARecordDeletedInZohoIsNotCreatedAgainAndItsCounterpartStays(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x)
		s.must(s.deleteRecord(s.ctx, z))
		s.awaitIdle()
		s.mustEdit(h, x.city.h("After the deletion"), time.Time{})
		s.awaitIdle()
		if got := s.countRecords(crm.Zoho, x.kind); got != 0 {
			s.Errorf("%d records in Zoho", got)
		}
		if got := s.countRecords(crm.HubSpot, x.kind); got != 1 {
			s.Errorf("%d records in HubSpot", got)
		}
		s.must(s.callControl(s.ctx, "POST", s.controlURL(z)+"/restore", nil, nil))
		s.awaitIdle()
		s.checkValues(z, x.city.z("After the deletion"))
		s.checkWrites(0, 1)
	})
}

func TestARecordDeletedInHubSpotLeavesZohoAlone(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Kept"))
		s.must(s.deleteRecord(s.ctx, h))
		s.awaitIdle()
		s.mustEdit(z, x.job.z("Later"), time.Time{})
		s.awaitIdle()
		s.checkValues(z, x.city.z("Kept"))
		if got := s.countRecords(crm.HubSpot, x.kind); got != 0 {
			s.Errorf("%d records in HubSpot", got)
		}
	})
}

func TestContactsMergedInHubSpotKeepOneCounterpart(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	first := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "one@example.com", "lastname": "One"}, anHourAgo())
	second := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "two@example.com", "lastname": "Two"}, anHourAgo())
	s.awaitIdle()
	z := s.findCounterpart(first)
	var survivor struct {
		ID string `json:"id"`
	}
	s.must(s.callControl(s.ctx, "POST", s.HubSpotURL+sim.ControlPrefix+"contacts/merge",
		map[string]string{"primaryObjectId": first.RecordID, "objectIdToMerge": second.RecordID}, &survivor))
	s.awaitIdle()
	ref := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: survivor.ID}
	s.mustEdit(ref, values{"jobtitle": "Survivor"}, time.Time{})
	s.awaitIdle()
	s.checkValues(z, values{"Title": "Survivor", "HubSpot_ID": survivor.ID})
	if got := s.countRecords(crm.HubSpot, crm.Contact); got != 1 {
		s.Errorf("%d contacts in HubSpot", got)
	}
	if got := s.countRecords(crm.Zoho, crm.Contact); got != 2 {
		s.Errorf("%d contacts in Zoho, want both: the connector deletes nothing", got)
	}
}

func TestTheSweepFindsChangesThatWebhooksMissed(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPairEarlier(x, x.city.h("Start"), x.job.h("Start"))
		for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
			s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", sim.Chaos{Lose: 1}, nil))
		}
		other := x
		other.keyValue = "new-" + x.keyValue
		added := s.mustCreate(crm.HubSpot, x.kind, other.h(), time.Now().Add(-40*time.Second))
		s.mustEdit(h, x.city.h("Unseen in HubSpot"), time.Now().Add(-40*time.Second))
		s.mustEdit(z, x.job.z("Unseen in Zoho"), time.Now().Add(-40*time.Second))
		s.awaitIdle()
		s.checkValues(z, x.city.z("Start"))
		status, err := s.callFunction(s.ctx, "POST", "/Reconcile")
		if s.must(err); status != 200 {
			s.Fatalf("Reconcile answers %d\n%s", status, s.log)
		}
		s.awaitIdle()
		s.checkValues(h, x.job.h("Unseen in Zoho"))
		s.checkValues(z, x.city.z("Unseen in HubSpot"))
		s.findCounterpart(added)
	})
}

// readMails sends the mails that are due, and returns every mail so far.
func (s *scenario) readMails() string {
	s.Helper()
	status, err := s.callFunction(s.ctx, "POST", "/SendFailureDigest")
	if s.must(err); status != 200 {
		s.Fatalf("SendFailureDigest answers %d\n%s", status, s.log)
	}
	var out json.RawMessage
	s.must(s.callControl(s.ctx, "GET", s.MailURL+sim.ControlPrefix+"mails", nil, &out))
	return string(out)
}

// containsAll reports whether a text holds all of the parts.
func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// TestTheMailLinksToTheRecordInHubSpot: the account is the one that is configured.
func TestTheMailLinksToTheRecordInHubSpot(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	ref := s.createNameless()
	s.awaitIdle()
	if mail := s.readMails(); !containsAll(mail, "https://app.hubspot.com/contacts/48975575/record/0-1/"+ref.RecordID) {
		t.Errorf("no link to %s in\n%s", ref, mail)
	}
}

func TestTheCustomerIsMailedOnceAboutAFailure(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	ref := s.createNameless()
	s.awaitIdle()
	first := s.readMails()
	for _, want := range []string{ref.RecordID, "Last_Name", "create"} {
		if !strings.Contains(first, want) {
			s.Errorf("the mail does not say %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "nameless@example.com") {
		s.Errorf("the mail holds a value:\n%s", first)
	}
	if second := s.readMails(); second != first {
		s.Errorf("reported a second time:\n%s", second)
	}
	s.mustEdit(ref, values{"lastname": "Named"}, time.Time{})
	s.awaitIdle()
	s.findCounterpart(ref)
	if third := s.readMails(); third != first {
		s.Errorf("reported after the repair:\n%s", third)
	}
}

// TestEditsOfTheConnectorsOwnUserAreCarriedOver: Zoho reports that it was
// typed, although it names the connector's user as the author.
func TestEditsOfTheConnectorsOwnUserAreCarriedOver(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	h, z := s.createPair(recordKinds[0], values{"city": "London"})
	s.must(s.callControl(s.ctx, "PATCH", s.controlURL(z), map[string]any{"user": zohosim.DefaultUserID, "fields": map[string]any{"Mailing_City": "Ockham"}}, nil))
	s.awaitIdle()
	s.checkValues(h, values{"city": "Ockham"})
	s.checkValues(z, values{"Mailing_City": "Ockham"})
	s.checkWrites(1, 0)
}
