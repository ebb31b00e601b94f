package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestWhoIsErasedInHubSpotIsToldOnceAndNeverComesBack(t *testing.T) {
	t.Parallel()
	s := begin(t)
	h := s.contact("ada")
	s.rest()
	z := s.twin(h)
	s.must(s.call(s.ctx, "POST", s.url(h)+"/privacy-delete", nil, nil))
	s.rest()
	first := s.mails()
	if !contains(first, "PRIVACY_DELETION", z.RecordID) || strings.Contains(first, h.RecordID) {
		s.Errorf("the mail is to name the record in Zoho and nothing of HubSpot:\n%s", first)
	}
	if second := s.mails(); second != first {
		s.Errorf("told a second time:\n%s", second)
	}
	for _, system := range crm.Systems {
		s.must(s.redeliver(s.ctx, system, 20))
	}
	s.change(z, values{"Title": "Countess"}, time.Time{})
	s.rest()
	if n := s.count(crm.HubSpot, crm.Contact); n != 0 {
		s.Errorf("%d contacts in HubSpot", n)
	}
	if n := s.count(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho: the connector deletes nothing and creates nothing", n)
	}
	if third := s.mails(); third != first {
		s.Errorf("what arrived late was told:\n%s", third)
	}
}

func TestContactsMergedInZohoKeepOneTwin(t *testing.T) {
	t.Parallel()
	s := begin(t)
	h := s.contact("ada")
	s.rest()
	// Zoho's user merges the connector's record into an older one of hers.
	old := s.new(crm.Zoho, crm.Contact, values{"Last_Name": "Lovelace", "Email": "countess@example.com"}, anHourAgo())
	s.rest()
	s.merge(old, s.twin(h))
	s.rest()
	s.change(h, values{"jobtitle": "Analyst"}, time.Time{})
	s.rest()
	s.holds(old, values{"HubSpot_ID": h.RecordID, "Title": "Analyst"})
	if n := s.count(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho", n)
	}
	if n := s.count(crm.HubSpot, crm.Contact); n != 1 {
		s.Errorf("%d contacts in HubSpot", n)
	}
}

func TestTheTwinThatAMergeInHubSpotLeavesOverIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	first, second := s.contact("ada"), s.contact("bob")
	s.rest()
	z, left := s.twin(first), s.twin(second)
	survivor := s.merge(first, second)
	s.rest()
	s.holds(z, values{"HubSpot_ID": survivor.RecordID})
	if mail := s.mails(); !contains(mail, "TWIN_OF_MERGED", left.RecordID) {
		s.Errorf("the mail does not tell of %s:\n%s", left, mail)
	}
}
