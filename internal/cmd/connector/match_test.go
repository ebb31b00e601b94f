package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// TestACompanyMeetsItsCounterpart: accounts that are in Zoho, a company that
// appears in HubSpot, and whom it meets.
func TestACompanyMeetsItsCounterpart(t *testing.T) {
	t.Parallel()
	account := func(name, website string) values { return values{"Account_Name": name, "Website": website} }
	tests := map[string]struct {
		accounts []values
		company  values
		want     int // the account that it meets, from 1; 0 for a new one, -1 for none
	}{
		"by its host, in whatever address": {[]values{account("Other", "https://www.example.org"), account("Acme Ltd", "https://www.Example.co.uk/en/contact?x=1")},
			values{"name": "Acme", "domain": "example.co.uk"}, 2},
		"by the registrable domain": {[]values{account("Acme Ltd", "example.co.uk/shop"), account("Other", "other.co.uk")},
			values{"name": "Acme", "domain": "shop.example.co.uk"}, 1},
		"by the registrable domain of a site below it": {[]values{account("Acme Ltd", "http://shop.example.co.uk:8080")},
			values{"name": "Acme", "domain": "example.co.uk"}, 1},
		"rather by its own host": {[]values{account("Shop", "shop.example.com"), account("Acme", "example.com")},
			values{"name": "Acme Shop", "domain": "shop.example.com"}, 1},
		"not by a host that ends the same": {[]values{account("Other", "https://my-example.com")},
			values{"name": "Acme", "domain": "example.com"}, 0},
		"not by an e-mail provider": {[]values{account("Other", "gmail.com")},
			values{"name": "Acme", "domain": "gmail.com"}, 0},
		"not as another tenant of a platform": {[]values{account("Other", "other.myshopify.com")},
			values{"name": "Acme", "domain": "acme.myshopify.com"}, 0},
		"by its name": {[]values{account("Other", ""), account("ACME ltd", "")},
			values{"name": "Acme Ltd", "domain": "example.com"}, 2},
		"by its name where the host is a provider's": {[]values{account("Acme Ltd", "gmail.com")},
			values{"name": "Acme Ltd", "domain": "gmail.com"}, 1},
		"not by its name where the domains differ": {[]values{account("Acme Ltd", "example.org")},
			values{"name": "Acme Ltd", "domain": "example.com"}, 0},
		"not by a part of its name": {[]values{account("Acme Ltd & Co", "")},
			values{"name": "Acme Ltd", "domain": "example.com"}, 0},
		"of several on one domain, that with its name": {[]values{account("Acme Sales", "example.com"), account("Acme Ltd", "www.example.com")},
			values{"name": "Acme Ltd", "domain": "example.com"}, 2},
		"of several that nothing tells apart, none": {[]values{account("Acme Sales", "example.com"), account("Acme Support", "www.example.com")},
			values{"name": "Acme Ltd", "domain": "example.com"}, -1},
		"of several of one name, none": {[]values{account("Acme Ltd", ""), account("Acme ltd", "")},
			values{"name": "Acme Ltd", "domain": "example.com"}, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			var refs []crm.Ref
			for _, v := range tt.accounts {
				refs = append(refs, s.new(crm.Zoho, crm.Company, v, time.Now().Add(-time.Hour)))
			}
			s.rest()
			h := s.new(crm.HubSpot, crm.Company, tt.company, time.Now().Add(-time.Minute))
			s.rest()
			all, err := s.records(s.ctx, crm.Zoho, crm.Company)
			s.must(err)
			switch {
			case tt.want > 0:
				if got := s.twin(h); got != refs[tt.want-1] || len(all) != len(refs) {
					s.Errorf("it met %s of %d accounts, want %s", got, len(all), refs[tt.want-1])
				}
			case tt.want == 0:
				s.twin(h)
				if len(all) != len(refs)+1 {
					s.Errorf("%d accounts, want one new beside %d", len(all), len(refs))
				}
			default:
				s.parked(refs, len(all))
			}
			s.wrote(2, 2)
		})
	}
}

// parked checks that nothing was linked or made, and that a failure names the
// candidates.
func (s *story) parked(candidates []crm.Ref, records int) {
	s.Helper()
	var ids []string
	for _, ref := range candidates {
		ids = append(ids, ref.RecordID)
	}
	open := messages(s.failures())
	named := slices.ContainsFunc(open, func(m string) bool {
		return strings.Contains(m, "AMBIGUOUS_MATCH: records "+strings.Join(ids, ", "))
	})
	if records != len(candidates) || !named {
		s.Errorf("%d records beside %v, failures %v", records, ids, open)
	}
}

func TestAContactIsKnownByItsAdditionalAddresses(t *testing.T) {
	t.Parallel()
	hubspot := values{"email": "ada@example.com", "hs_additional_emails": "lovelace@example.org;ada@example.net", "lastname": "Lovelace"}
	zoho := values{"Email": "Lovelace@example.org", "Last_Name": "Lovelace", "Title": "Countess"}
	tests := map[string]struct {
		mapping    string
		tell       func(*story) (h, z crm.Ref)
		hubspot    int
		emailAfter string
	}{
		"a contact in HubSpot meets the one in Zoho": {"", func(s *story) (h, z crm.Ref) {
			z = s.new(crm.Zoho, crm.Contact, zoho, time.Now().Add(-time.Hour))
			s.rest()
			h = s.new(crm.HubSpot, crm.Contact, hubspot, time.Now().Add(-time.Minute))
			return h, z
		}, 1, "ada@example.com"},
		"a contact in Zoho meets the one in HubSpot": {"contacts:\n  create: none\n  fields:\n    email: {hubspot: email, zoho: Email, type: email, direction: to_zoho}\n" +
			"    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}\n    title: {hubspot: jobtitle, zoho: Title}\n", func(s *story) (h, z crm.Ref) {
			h = s.new(crm.HubSpot, crm.Contact, hubspot, time.Now().Add(-time.Hour))
			s.rest()
			z = s.new(crm.Zoho, crm.Contact, zoho, time.Now().Add(-time.Minute))
			return h, z
		}, 1, "lovelace@example.org"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*houseOptions)
			if tt.mapping != "" {
				change = append(change, withMapping(tt.mapping))
			}
			s := begin(t, change...)
			h, z := tt.tell(s)
			s.rest()
			s.holds(h, values{"zoho_id": z.RecordID, "jobtitle": "Countess"})
			s.holds(z, values{"HubSpot_ID": h.RecordID})
			all, err := s.records(s.ctx, crm.Zoho, crm.Contact)
			if s.must(err); len(all) != 1 {
				s.Errorf("%d contacts in Zoho", len(all))
			}
			if diff := cmp.Diff([]string(nil), messages(s.failures())); diff != "" {
				s.Errorf("failures (-want +got):\n%s", diff)
			}
			s.wrote(2, 2)
		})
	}
}

func TestAContactWithoutAddressIsMadeOnceHoweverOftenItIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.reset()
	s.new(crm.Zoho, crm.Contact, values{"Last_Name": "Lovelace"}, time.Now().Add(-time.Hour)) // a namesake
	h := s.new(crm.HubSpot, crm.Contact, values{"lastname": "Lovelace"}, time.Time{})
	for range 3 {
		s.must(s.redeliver(s.ctx, crm.HubSpot, 20))
		s.rest()
	}
	s.twin(h)
	all, err := s.records(s.ctx, crm.Zoho, crm.Contact)
	if s.must(err); len(all) != 2 {
		s.Errorf("%d contacts in Zoho, want the namesake and one", len(all))
	}
	s.wrote(1, 1)
}

func TestARequiredFieldWithoutValueGetsItsDefault(t *testing.T) {
	t.Parallel()
	s := begin(t, withMapping("contacts:\n  fields:\n    email: {hubspot: email, zoho: Email, type: email}\n"+
		"    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho, default: Unknown}\n    city: {hubspot: city, zoho: Mailing_City}\n"))
	s.reset()
	h := s.new(crm.HubSpot, crm.Contact, values{"email": "ada@example.com"}, time.Time{})
	s.rest()
	z := s.twin(h)
	s.holds(z, values{"Last_Name": "Unknown"})
	s.change(z, values{"Mailing_City": "London"}, time.Time{})
	s.rest()
	s.holds(h, values{"city": "London", "lastname": ""})
	s.change(h, values{"lastname": "Lovelace"}, time.Time{})
	s.rest()
	s.holds(z, values{"Last_Name": "Lovelace"})
	s.wrote(2, 2)
}
