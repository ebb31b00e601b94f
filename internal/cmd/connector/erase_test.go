package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestAContactErasedInHubSpotIsReportedOnceAndNeverComesBack(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	h := s.newContact("ada")
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.must(s.callControl(s.ctx, "POST", s.controlURL(h)+"/privacy-delete", nil, nil))
	s.awaitIdle()
	first := s.readMails()
	if !containsAll(first, "PRIVACY_DELETION", z.RecordID) || strings.Contains(first, h.RecordID) {
		s.Errorf("the mail is to name the record in Zoho and nothing of HubSpot:\n%s", first)
	}
	if second := s.readMails(); second != first {
		s.Errorf("reported a second time:\n%s", second)
	}
	for _, system := range crm.Systems {
		s.must(s.redeliverWebhooks(s.ctx, system, 20))
	}
	s.mustEdit(z, values{"Title": "Countess"}, time.Time{})
	s.awaitIdle()
	if n := s.countRecords(crm.HubSpot, crm.Contact); n != 0 {
		s.Errorf("%d contacts in HubSpot", n)
	}
	if n := s.countRecords(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho: the connector deletes nothing and creates nothing", n)
	}
	if third := s.readMails(); third != first {
		s.Errorf("a late webhook was reported:\n%s", third)
	}
}

func TestContactsMergedInZohoKeepOneCounterpart(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	h := s.newContact("ada")
	s.awaitIdle()
	// Zoho's user merges the connector's record into an older one of hers.
	old := s.mustCreate(crm.Zoho, crm.Contact, values{"Last_Name": "Lovelace", "Email": "countess@example.com"}, anHourAgo())
	s.awaitIdle()
	s.mergeRecords(old, s.findCounterpart(h))
	s.awaitIdle()
	s.mustEdit(h, values{"jobtitle": "Analyst"}, time.Time{})
	s.awaitIdle()
	s.checkValues(old, values{"HubSpot_ID": h.RecordID, "Title": "Analyst"})
	if n := s.countRecords(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho", n)
	}
	if n := s.countRecords(crm.HubSpot, crm.Contact); n != 1 {
		s.Errorf("%d contacts in HubSpot", n)
	}
}

func TestTheCounterpartThatAMergeInHubSpotLeavesOverIsReported(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	first, second := s.newContact("ada"), s.newContact("bob")
	s.awaitIdle()
	z, left := s.findCounterpart(first), s.findCounterpart(second)
	survivor := s.mergeRecords(first, second)
	s.awaitIdle()
	s.checkValues(z, values{"HubSpot_ID": survivor.RecordID})
	if mail := s.readMails(); !containsAll(mail, "COUNTERPART_OF_MERGED", left.RecordID) {
		s.Errorf("the mail does not name %s:\n%s", left, mail)
	}
}
