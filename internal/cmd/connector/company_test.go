package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// addCompany makes a company of HubSpot a contact's, as a person would.
func (s *scenario) addCompany(contact, company crm.Ref, primary bool) {
	s.Helper()
	s.must(s.callControl(s.ctx, "PUT", s.controlURL(contact)+"/companies/"+company.RecordID, map[string]bool{"primary": primary}, nil))
}

func (s *scenario) removeCompany(contact, company crm.Ref) {
	s.Helper()
	s.must(s.callControl(s.ctx, "DELETE", s.controlURL(contact)+"/companies/"+company.RecordID, nil, nil))
}

// checkCompany checks at which company a contact is shown, "" for none.
func (s *scenario) checkCompany(contact crm.Ref, company string) {
	s.Helper()
	got := s.readCompanyID(contact)
	if got != company {
		s.Errorf("%s is at company %q, want %q\n%s", contact, got, company, s.log)
	}
}

func (s *scenario) readCompanyID(contact crm.Ref) string {
	s.Helper()
	v, err := s.readRecord(s.ctx, contact)
	s.must(err)
	if contact.System == crm.HubSpot {
		return v["associatedcompanyid"]
	}
	var to struct {
		ID string `json:"id"`
	}
	if text := v["Account_Name"]; text != "" {
		s.must(json.Unmarshal([]byte(text), &to))
	}
	return to.ID
}

// setAccount puts a contact of Zoho to an account, "" for none.
func (s *scenario) setAccount(contact crm.Ref, account string) {
	s.Helper()
	var value any
	if account != "" {
		value = map[string]string{"id": account}
	}
	s.must(s.callControl(s.ctx, "PATCH", s.controlURL(contact), map[string]any{"fields": map[string]any{"Account_Name": value}}, nil))
}

func (s *scenario) newCompany(name string) crm.Ref {
	s.Helper()
	return s.mustCreate(crm.HubSpot, crm.Company, values{"name": name, "domain": name + ".example.com"}, anHourAgo())
}

func (s *scenario) newContact(name string) crm.Ref {
	s.Helper()
	return s.mustCreate(crm.HubSpot, crm.Contact, values{"email": name + "@example.com", "lastname": name}, anHourAgo())
}

// dropWebhooks and deliverWebhooks decide whether HubSpot's webhooks arrive.
func (s *scenario) dropWebhooks()    { s.setWebhookURL("") }
func (s *scenario) deliverWebhooks() { s.setWebhookURL(s.FunctionsURL + "/HubSpotWebhook") }

func (s *scenario) setWebhookURL(url string) {
	s.Helper()
	s.must(s.callControl(s.ctx, "PUT", s.HubSpotURL+sim.ControlPrefix+"webhook", map[string]string{"url": url}, nil))
}

func TestAContactsCompanyFollowsInBothDirections(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	one, two := s.newCompany("one"), s.newCompany("two")
	h := s.newContact("ada")
	s.awaitIdle()
	z, z1, z2 := s.findCounterpart(h), s.findCounterpart(one), s.findCounterpart(two)
	s.resetCalls()

	s.addCompany(h, one, true)
	s.awaitIdle()
	s.checkCompany(z, z1.RecordID)
	s.checkWrites(0, 1)

	s.setAccount(z, z2.RecordID)
	s.awaitIdle()
	s.checkCompany(h, two.RecordID)
	s.checkWrites(1, 0)
	if got := s.readAssociations(h); !got[one.RecordID] {
		s.Errorf("the company that was primary is no longer associated: %v", got)
	}

	s.setAccount(z, "")
	s.awaitIdle()
	s.checkCompany(h, "")
	if got := s.readAssociations(h); got[two.RecordID] || !got[one.RecordID] {
		s.Errorf("associated with %v, want the company that was cleared gone and the other there", got)
	}
	s.checkWrites(1, 0)
}

// readAssociations returns the companies of a contact in HubSpot, with whether each
// is primary.
func (s *scenario) readAssociations(contact crm.Ref) map[string]bool {
	s.Helper()
	var stored struct {
		Associations []struct {
			ID string `json:"id"`
		} `json:"associations"`
	}
	s.must(s.callControl(s.ctx, "GET", s.controlURL(contact), nil, &stored))
	all := map[string]bool{}
	for _, a := range stored.Associations {
		all[a.ID] = true
	}
	return all
}

func TestACompanyThatLeavesPrimaryInHubSpotIsClearedInZoho(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	company, h := s.newCompany("one"), s.newContact("ada")
	s.addCompany(h, company, true)
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.checkCompany(z, s.findCounterpart(company).RecordID)
	s.removeCompany(h, company)
	s.awaitIdle()
	s.checkCompany(z, "")
}

func TestAnotherCompanyThatIsNotPrimaryChangesNothing(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	company, other, h := s.newCompany("one"), s.newCompany("two"), s.newContact("ada")
	s.addCompany(h, company, true)
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.resetCalls()
	s.addCompany(h, other, false)
	s.awaitIdle()
	s.checkCompany(z, s.findCounterpart(company).RecordID)
	s.checkWrites(0, 0)
}

func TestACompanyWithoutWebhookIsSynchronisedWithItsContact(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.dropWebhooks()
	company := s.newCompany("one")
	s.awaitIdle()
	s.deliverWebhooks()
	h := s.newContact("ada")
	s.addCompany(h, company, true)
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.checkCompany(z, s.findCounterpart(company).RecordID)
	if n := s.countRecords(crm.Zoho, crm.Company); n != 1 {
		s.Errorf("%d accounts in Zoho", n)
	}
}

func TestAContactIsWrittenWithoutACompanyThatFailsAndGetsItLater(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	company := s.mustCreate(crm.HubSpot, crm.Company, values{"domain": "nameless.example.com"}, anHourAgo()) // Zoho wants a name
	h := s.newContact("ada")
	s.addCompany(h, company, true)
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.checkCompany(z, "")
	if mail := s.readMails(); !containsAll(mail, "COMPANY_NOT_LINKED", "Account_Name", h.RecordID) {
		s.Errorf("the mail does not say that the contact waits:\n%s", mail)
	}
	s.mustEdit(company, values{"name": "Named"}, time.Time{})
	s.awaitIdle()
	s.checkCompany(z, s.findCounterpart(company).RecordID)
	if n := s.countRecords(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho", n)
	}
}

func TestACompanyThatOnlyZohoHasIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	h := s.newContact("ada")
	s.awaitIdle()
	z := s.findCounterpart(h)
	account := s.mustCreate(crm.Zoho, crm.Company, values{"Account_Name": "Zoho only", "Website": "https://later.example.com"}, time.Time{})
	s.awaitIdle()
	s.resetCalls()
	s.setAccount(z, account.RecordID)
	s.awaitIdle()
	s.checkCompany(h, "")
	s.checkCompany(z, account.RecordID)
	if n := s.countRecords(crm.HubSpot, crm.Company); n != 0 {
		s.Errorf("%d companies in HubSpot", n)
	}
	if mail := s.readMails(); containsAll(mail, z.RecordID) {
		s.Errorf("reported as a failure:\n%s", mail)
	}
	s.checkWrites(0, 0)
	// Once HubSpot has it too, the contact arrives there.
	company := s.mustCreate(crm.HubSpot, crm.Company, values{"name": "Zoho only", "domain": "later.example.com"}, time.Time{})
	s.awaitIdle()
	s.checkCompany(h, company.RecordID)
}

func TestACompanyThatOneSideDeletedStaysOnTheOther(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	company, h := s.newCompany("one"), s.newContact("ada")
	s.addCompany(h, company, true)
	s.awaitIdle()
	z, account := s.findCounterpart(h), s.findCounterpart(company)
	s.resetCalls()
	s.must(s.deleteRecord(s.ctx, account))
	s.awaitIdle()
	s.mustEdit(z, values{"Title": "CTO"}, time.Time{})
	s.awaitIdle()
	s.checkCompany(h, company.RecordID)
	s.checkValues(h, values{"jobtitle": "CTO"})
	s.must(s.callControl(s.ctx, "POST", s.controlURL(account)+"/restore", nil, nil))
	s.awaitIdle()
	s.checkCompany(z, account.RecordID)
	s.checkWrites(2, 2)
}

func TestCompaniesMergedInHubSpotTakeTheirContactsAlong(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	one, two := s.newCompany("one"), s.newCompany("two")
	a, b := s.newContact("ada"), s.newContact("bob")
	s.addCompany(a, one, true)
	s.addCompany(b, two, true)
	s.awaitIdle()
	za, zb, z1, z2 := s.findCounterpart(a), s.findCounterpart(b), s.findCounterpart(one), s.findCounterpart(two)
	survivor := s.mergeRecords(one, two)
	s.awaitIdle()
	s.checkCompany(za, z1.RecordID)
	s.checkCompany(zb, z1.RecordID)
	s.checkValues(z1, values{"HubSpot_ID": survivor.RecordID})
	if n := s.countRecords(crm.Zoho, crm.Company); n != 2 {
		s.Errorf("%d accounts in Zoho, want both: the connector deletes nothing", n)
	}
	if mail := s.readMails(); !containsAll(mail, "COUNTERPART_OF_MERGED", z2.RecordID) {
		s.Errorf("the mail does not name the account that is left over:\n%s", mail)
	}
}

// mergeRecords merges two records of one side and returns the survivor.
func (s *scenario) mergeRecords(survivor, loser crm.Ref) crm.Ref {
	s.Helper()
	body := map[string]string{"primaryObjectId": survivor.RecordID, "objectIdToMerge": loser.RecordID}
	if survivor.System == crm.Zoho {
		body = map[string]string{"survivor": survivor.RecordID, "loser": loser.RecordID}
	}
	var merged struct {
		ID string `json:"id"`
	}
	all := survivor
	all.RecordID = ""
	s.must(s.callControl(s.ctx, "POST", s.controlURL(all)+"/merge", body, &merged))
	survivor.RecordID = merged.ID
	return survivor
}

func TestAccountsMergedInZohoTakeTheirContactsAlong(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	one, two := s.newCompany("one"), s.newCompany("two")
	a, b := s.newContact("ada"), s.newContact("bob")
	s.addCompany(a, one, true)
	s.addCompany(b, two, true)
	s.awaitIdle()
	za, zb, z1 := s.findCounterpart(a), s.findCounterpart(b), s.findCounterpart(one)
	s.mergeRecords(z1, s.findCounterpart(two))
	s.awaitIdle()
	for _, c := range []crm.Ref{za, zb} {
		s.checkCompany(c, z1.RecordID)
	}
	s.checkCompany(a, one.RecordID)
	s.checkCompany(b, one.RecordID)
	if n := s.countRecords(crm.HubSpot, crm.Company); n != 2 {
		s.Errorf("%d companies in HubSpot, want both: the connector deletes nothing", n)
	}
}
