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

// count returns how many records a side holds that are not deleted.
func (s *story) count(system crm.System, kind crm.Kind) int {
	s.Helper()
	all, err := s.records(s.ctx, system, kind)
	s.must(err)
	n := 0
	for _, r := range all {
		if !r.gone() {
			n++
		}
	}
	return n
}

func TestARecordDeletedInZohoIsNotMadeAgainAndItsTwinStays(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x)
		s.must(s.remove(s.ctx, z))
		s.rest()
		s.change(h, x.city.h("After the deletion"), time.Time{})
		s.rest()
		if got := s.count(crm.Zoho, x.kind); got != 0 {
			s.Errorf("%d records in Zoho", got)
		}
		if got := s.count(crm.HubSpot, x.kind); got != 1 {
			s.Errorf("%d records in HubSpot", got)
		}
		s.must(s.call(s.ctx, "POST", s.url(z)+"/restore", nil, nil))
		s.rest()
		s.holds(z, x.city.z("After the deletion"))
		s.wrote(0, 1)
	})
}

func TestARecordDeletedInHubSpotLeavesZohoAlone(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x, x.city.h("Kept"))
		s.must(s.remove(s.ctx, h))
		s.rest()
		s.change(z, x.job.z("Later"), time.Time{})
		s.rest()
		s.holds(z, x.city.z("Kept"))
		if got := s.count(crm.HubSpot, x.kind); got != 0 {
			s.Errorf("%d records in HubSpot", got)
		}
	})
}

func TestContactsMergedInHubSpotKeepOneTwin(t *testing.T) {
	t.Parallel()
	s := begin(t)
	first := s.new(crm.HubSpot, crm.Contact, values{"email": "one@example.com", "lastname": "One"}, time.Now().Add(-time.Hour))
	second := s.new(crm.HubSpot, crm.Contact, values{"email": "two@example.com", "lastname": "Two"}, time.Now().Add(-time.Hour))
	s.rest()
	z := s.twin(first)
	var survivor struct {
		ID string `json:"id"`
	}
	s.must(s.call(s.ctx, "POST", s.HubSpotURL+sim.ControlPrefix+"contacts/merge",
		map[string]string{"primaryObjectId": first.RecordID, "objectIdToMerge": second.RecordID}, &survivor))
	s.rest()
	ref := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: survivor.ID}
	s.change(ref, values{"jobtitle": "Survivor"}, time.Time{})
	s.rest()
	s.holds(z, values{"Title": "Survivor", "HubSpot_ID": survivor.ID})
	if got := s.count(crm.HubSpot, crm.Contact); got != 1 {
		s.Errorf("%d contacts in HubSpot", got)
	}
	if got := s.count(crm.Zoho, crm.Contact); got != 2 {
		s.Errorf("%d contacts in Zoho, want both: the connector deletes nothing", got)
	}
}

func TestTheSweepFindsWhatWebhooksDidNotTell(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pairEarlier(x, x.city.h("Start"), x.job.h("Start"))
		for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
			s.must(s.call(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", sim.Chaos{Lose: 1}, nil))
		}
		other := x
		other.keyValue = "new-" + x.keyValue
		added := s.new(crm.HubSpot, x.kind, other.h(), time.Now().Add(-40*time.Second))
		s.change(h, x.city.h("Unheard in HubSpot"), time.Now().Add(-40*time.Second))
		s.change(z, x.job.z("Unheard in Zoho"), time.Now().Add(-40*time.Second))
		s.rest()
		s.holds(z, x.city.z("Start"))
		status, err := s.knock(s.ctx, "POST", "/Reconcile")
		if s.must(err); status != 200 {
			s.Fatalf("Reconcile answers %d\n%s", status, s.log)
		}
		s.rest()
		s.holds(h, x.job.h("Unheard in Zoho"))
		s.holds(z, x.city.z("Unheard in HubSpot"))
		s.twin(added)
	})
}

// mails sends what is to be told, and returns every mail so far.
func (s *story) mails() string {
	s.Helper()
	status, err := s.knock(s.ctx, "POST", "/SendFailureDigest")
	if s.must(err); status != 200 {
		s.Fatalf("SendFailureDigest answers %d\n%s", status, s.log)
	}
	var out json.RawMessage
	s.must(s.call(s.ctx, "GET", s.MailURL+sim.ControlPrefix+"mails", nil, &out))
	return string(out)
}

// contains reports whether a text holds all of the parts.
func contains(text string, parts ...string) bool {
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
	s := begin(t)
	ref := s.new(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
	s.rest()
	if mail := s.mails(); !contains(mail, "https://app.hubspot.com/contacts/48975575/record/0-1/"+ref.RecordID) {
		t.Errorf("no link to %s in\n%s", ref, mail)
	}
}

func TestTheCustomerIsToldOnceOfWhatCouldNotBeDone(t *testing.T) {
	t.Parallel()
	s := begin(t)
	ref := s.new(crm.HubSpot, crm.Contact, values{"email": "nameless@example.com"}, time.Time{})
	s.rest()
	first := s.mails()
	for _, want := range []string{ref.RecordID, "Last_Name", "create"} {
		if !strings.Contains(first, want) {
			s.Errorf("the mail does not say %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "nameless@example.com") {
		s.Errorf("the mail holds a value:\n%s", first)
	}
	if second := s.mails(); second != first {
		s.Errorf("told a second time:\n%s", second)
	}
	s.change(ref, values{"lastname": "Named"}, time.Time{})
	s.rest()
	s.twin(ref)
	if third := s.mails(); third != first {
		s.Errorf("told after it was put right:\n%s", third)
	}
}

// TestWhatIsTypedAsTheConnectorsOwnUserIsCarriedOver: Zoho tells that it was
// typed, although it names the connector's user as the author.
func TestWhatIsTypedAsTheConnectorsOwnUserIsCarriedOver(t *testing.T) {
	t.Parallel()
	s := begin(t)
	h, z := s.pair(shapes[0], values{"city": "London"})
	s.must(s.call(s.ctx, "PATCH", s.url(z), map[string]any{"user": zohosim.DefaultUserID, "fields": map[string]any{"Mailing_City": "Ockham"}}, nil))
	s.rest()
	s.holds(h, values{"city": "Ockham"})
	s.holds(z, values{"Mailing_City": "Ockham"})
	s.wrote(1, 0)
}
