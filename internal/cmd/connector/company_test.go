package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func anHourAgo() time.Time { return time.Now().Add(-time.Hour) }

// joins makes a company of HubSpot a contact's, as a person would.
func (s *story) joins(contact, company crm.Ref, primary bool) {
	s.Helper()
	s.must(s.call(s.ctx, "PUT", s.url(contact)+"/companies/"+company.RecordID, map[string]bool{"primary": primary}, nil))
}

func (s *story) leaves(contact, company crm.Ref) {
	s.Helper()
	s.must(s.call(s.ctx, "DELETE", s.url(contact)+"/companies/"+company.RecordID, nil, nil))
}

// worksFor checks at which company a contact is shown, "" for none.
func (s *story) worksFor(contact crm.Ref, company string) {
	s.Helper()
	got := s.companyOf(contact)
	if got != company {
		s.Errorf("%s is at company %q, want %q\n%s", contact, got, company, s.log)
	}
}

func (s *story) companyOf(contact crm.Ref) string {
	s.Helper()
	v, err := s.record(s.ctx, contact)
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

// moves puts a contact of Zoho to an account, "" for none.
func (s *story) moves(contact crm.Ref, account string) {
	s.Helper()
	var value any
	if account != "" {
		value = map[string]string{"id": account}
	}
	s.must(s.call(s.ctx, "PATCH", s.url(contact), map[string]any{"fields": map[string]any{"Account_Name": value}}, nil))
}

func (s *story) company(name string) crm.Ref {
	s.Helper()
	return s.new(crm.HubSpot, crm.Company, values{"name": name, "domain": name + ".example.com"}, anHourAgo())
}

func (s *story) contact(name string) crm.Ref {
	s.Helper()
	return s.new(crm.HubSpot, crm.Contact, values{"email": name + "@example.com", "lastname": name}, anHourAgo())
}

// deaf and hearing say whether HubSpot's webhooks arrive.
func (s *story) deaf()    { s.webhook("") }
func (s *story) hearing() { s.webhook(s.FunctionsURL + "/HubSpotWebhook") }

func (s *story) webhook(url string) {
	s.Helper()
	s.must(s.call(s.ctx, "PUT", s.HubSpotURL+sim.ControlPrefix+"webhook", map[string]string{"url": url}, nil))
}

func TestAContactsCompanyFollowsInBothDirections(t *testing.T) {
	t.Parallel()
	s := begin(t)
	one, two := s.company("one"), s.company("two")
	h := s.contact("ada")
	s.rest()
	z, z1, z2 := s.twin(h), s.twin(one), s.twin(two)
	s.reset()

	s.joins(h, one, true)
	s.rest()
	s.worksFor(z, z1.RecordID)
	s.wrote(0, 1)

	s.moves(z, z2.RecordID)
	s.rest()
	s.worksFor(h, two.RecordID)
	s.wrote(1, 0)
	if got := s.associations(h); !got[one.RecordID] {
		s.Errorf("the company that was primary is no longer associated: %v", got)
	}

	s.moves(z, "")
	s.rest()
	s.worksFor(h, "")
	if got := s.associations(h); got[two.RecordID] || !got[one.RecordID] {
		s.Errorf("associated with %v, want the company that was cleared gone and the other there", got)
	}
	s.wrote(1, 0)
}

// associations are the companies of a contact in HubSpot, primary or not.
func (s *story) associations(contact crm.Ref) map[string]bool {
	s.Helper()
	var stored struct {
		Associations []struct {
			ID string `json:"id"`
		} `json:"associations"`
	}
	s.must(s.call(s.ctx, "GET", s.url(contact), nil, &stored))
	all := map[string]bool{}
	for _, a := range stored.Associations {
		all[a.ID] = true
	}
	return all
}

func TestACompanyThatLeavesPrimaryInHubSpotIsClearedInZoho(t *testing.T) {
	t.Parallel()
	s := begin(t)
	company, h := s.company("one"), s.contact("ada")
	s.joins(h, company, true)
	s.rest()
	z := s.twin(h)
	s.worksFor(z, s.twin(company).RecordID)
	s.leaves(h, company)
	s.rest()
	s.worksFor(z, "")
}

func TestAnotherCompanyThatIsNotPrimaryChangesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t)
	company, other, h := s.company("one"), s.company("two"), s.contact("ada")
	s.joins(h, company, true)
	s.rest()
	z := s.twin(h)
	s.reset()
	s.joins(h, other, false)
	s.rest()
	s.worksFor(z, s.twin(company).RecordID)
	s.wrote(0, 0)
}

func TestACompanyThatNobodyHeardOfIsSynchronisedWithItsContact(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.deaf()
	company := s.company("one")
	s.rest()
	s.hearing()
	h := s.contact("ada")
	s.joins(h, company, true)
	s.rest()
	z := s.twin(h)
	s.worksFor(z, s.twin(company).RecordID)
	if n := s.count(crm.Zoho, crm.Company); n != 1 {
		s.Errorf("%d accounts in Zoho", n)
	}
}

func TestAContactIsWrittenWithoutACompanyThatFailsAndGetsItLater(t *testing.T) {
	t.Parallel()
	s := begin(t)
	company := s.new(crm.HubSpot, crm.Company, values{"domain": "nameless.example.com"}, anHourAgo()) // Zoho wants a name
	h := s.contact("ada")
	s.joins(h, company, true)
	s.rest()
	z := s.twin(h)
	s.worksFor(z, "")
	if mail := s.mails(); !contains(mail, "COMPANY_NOT_LINKED", "Account_Name", h.RecordID) {
		s.Errorf("the mail does not tell that the contact waits:\n%s", mail)
	}
	s.change(company, values{"name": "Named"}, time.Time{})
	s.rest()
	s.worksFor(z, s.twin(company).RecordID)
	if n := s.count(crm.Zoho, crm.Contact); n != 1 {
		s.Errorf("%d contacts in Zoho", n)
	}
}

func TestACompanyThatOnlyZohoHasIsNoFailure(t *testing.T) {
	t.Parallel()
	s := begin(t)
	h := s.contact("ada")
	s.rest()
	z := s.twin(h)
	account := s.new(crm.Zoho, crm.Company, values{"Account_Name": "Zoho only", "Website": "https://later.example.com"}, time.Time{})
	s.rest()
	s.reset()
	s.moves(z, account.RecordID)
	s.rest()
	s.worksFor(h, "")
	s.worksFor(z, account.RecordID)
	if n := s.count(crm.HubSpot, crm.Company); n != 0 {
		s.Errorf("%d companies in HubSpot", n)
	}
	if mail := s.mails(); contains(mail, z.RecordID) {
		s.Errorf("told as a failure:\n%s", mail)
	}
	s.wrote(0, 0)
	// Once HubSpot has it too, the contact arrives there.
	company := s.new(crm.HubSpot, crm.Company, values{"name": "Zoho only", "domain": "later.example.com"}, time.Time{})
	s.rest()
	s.worksFor(h, company.RecordID)
}

func TestACompanyThatOneSideDeletedStaysOnTheOther(t *testing.T) {
	t.Parallel()
	s := begin(t)
	company, h := s.company("one"), s.contact("ada")
	s.joins(h, company, true)
	s.rest()
	z, account := s.twin(h), s.twin(company)
	s.reset()
	s.must(s.remove(s.ctx, account))
	s.rest()
	s.change(z, values{"Title": "CTO"}, time.Time{})
	s.rest()
	s.worksFor(h, company.RecordID)
	s.holds(h, values{"jobtitle": "CTO"})
	s.must(s.call(s.ctx, "POST", s.url(account)+"/restore", nil, nil))
	s.rest()
	s.worksFor(z, account.RecordID)
	s.wrote(2, 2)
}

func TestCompaniesMergedInHubSpotTakeTheirContactsAlong(t *testing.T) {
	t.Parallel()
	s := begin(t)
	one, two := s.company("one"), s.company("two")
	a, b := s.contact("ada"), s.contact("bob")
	s.joins(a, one, true)
	s.joins(b, two, true)
	s.rest()
	za, zb, z1, z2 := s.twin(a), s.twin(b), s.twin(one), s.twin(two)
	survivor := s.merge(one, two)
	s.rest()
	s.worksFor(za, z1.RecordID)
	s.worksFor(zb, z1.RecordID)
	s.holds(z1, values{"HubSpot_ID": survivor.RecordID})
	if n := s.count(crm.Zoho, crm.Company); n != 2 {
		s.Errorf("%d accounts in Zoho, want both: the connector deletes nothing", n)
	}
	if mail := s.mails(); !contains(mail, "TWIN_OF_MERGED", z2.RecordID) {
		s.Errorf("the mail does not tell of the account that is left over:\n%s", mail)
	}
}

// merge merges two records of one side and returns the survivor.
func (s *story) merge(survivor, loser crm.Ref) crm.Ref {
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
	s.must(s.call(s.ctx, "POST", s.url(all)+"/merge", body, &merged))
	survivor.RecordID = merged.ID
	return survivor
}

func TestAccountsMergedInZohoTakeTheirContactsAlong(t *testing.T) {
	t.Parallel()
	s := begin(t)
	one, two := s.company("one"), s.company("two")
	a, b := s.contact("ada"), s.contact("bob")
	s.joins(a, one, true)
	s.joins(b, two, true)
	s.rest()
	za, zb, z1 := s.twin(a), s.twin(b), s.twin(one)
	s.merge(z1, s.twin(two))
	s.rest()
	for _, c := range []crm.Ref{za, zb} {
		s.worksFor(c, z1.RecordID)
	}
	s.worksFor(a, one.RecordID)
	s.worksFor(b, one.RecordID)
	if n := s.count(crm.HubSpot, crm.Company); n != 2 {
		s.Errorf("%d companies in HubSpot, want both: the connector deletes nothing", n)
	}
}
