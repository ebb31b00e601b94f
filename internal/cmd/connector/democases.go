package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// demoCase is one edit as people make it, and the records that must result.
type demoCase struct {
	name, outcome string
	key           string // e-mail or domain by which the records of the case are found
	zoho          values // a record that Zoho has had for an hour
	// What people do; a record that is not there is made.
	hubspotEdit, zohoEdit values
	repeat                bool // the last webhooks are sent again
	// What each CRM has to hold in the end; nil: no such record.
	wantHubSpot, wantZoho values
	// How many writes that may take.
	maxHubSpotWrites, maxZohoWrites int
}

var keyField = map[crm.System]map[crm.Kind]string{
	crm.HubSpot: {crm.Contact: "email", crm.Company: "domain"},
	crm.Zoho:    {crm.Contact: "Email", crm.Company: "Website"},
}

// demoCases are the four cases that the connector exists for, an echo, and a field
// that is cleared, for both kinds of record.
func demoCases() []demoCase {
	var all []demoCase
	for _, kind := range crm.Kinds {
		all = append(all, demoCasesOf(kind)...)
	}
	return all
}

func demoCasesOf(kind crm.Kind) []demoCase {
	title, city, phone := fieldPair{"jobtitle", "Title"}, fieldPair{"city", "Mailing_City"}, fieldPair{"phone", "Phone"}
	named := func(s crm.System, key string) values {
		name := map[crm.System]string{crm.HubSpot: "lastname", crm.Zoho: "Last_Name"}[s]
		if kind == crm.Company {
			name = map[crm.System]string{crm.HubSpot: "name", crm.Zoho: "Account_Name"}[s]
		}
		return values{keyField[s][kind]: key, name: "Of " + key}
	}
	if kind == crm.Company {
		title, city = fieldPair{"description", "Description"}, fieldPair{"city", "Billing_City"}
	}
	host := func(n int) string {
		if kind == crm.Company {
			return fmt.Sprintf("company%d.example.com", n)
		}
		return fmt.Sprintf("person%d@example.com", n)
	}
	h := func(n int, v ...values) values { return mergeValues(append(v, named(crm.HubSpot, host(n)))...) }
	z := func(n int, v ...values) values { return mergeValues(append(v, named(crm.Zoho, host(n)))...) }
	noun := string(kind)
	return []demoCase{
		{name: "a " + noun + " is new in HubSpot and not in Zoho", outcome: "created in Zoho", key: host(1),
			hubspotEdit: h(1, city.h("Oslo"), phone.h("+14155550101")), wantHubSpot: h(1, city.h("Oslo")), wantZoho: z(1, city.z("Oslo"), phone.z("+14155550101")),
			maxHubSpotWrites: 1, maxZohoWrites: 1},
		{name: "a " + noun + " is new in HubSpot and already in Zoho", outcome: "the newer value wins in each field", key: host(2),
			zoho:             z(2, title.z("older in Zoho"), city.z("only in Zoho")),
			hubspotEdit:      h(2, title.h("newer in HubSpot"), phone.h("+14155550102")),
			wantHubSpot:      h(2, title.h("newer in HubSpot"), city.h("only in Zoho"), phone.h("+14155550102")),
			wantZoho:         z(2, title.z("newer in HubSpot"), city.z("only in Zoho"), phone.z("+14155550102")),
			maxHubSpotWrites: 1, maxZohoWrites: 1},
		{name: "a " + noun + " of both is edited in Zoho", outcome: "HubSpot is updated", key: host(1),
			zohoEdit: city.z("Bergen"), wantHubSpot: h(1, city.h("Bergen")), wantZoho: z(1, city.z("Bergen")), maxHubSpotWrites: 1},
		{name: "a " + noun + " that only Zoho has is edited", outcome: "no change in HubSpot", key: host(3),
			zoho: z(3), zohoEdit: city.z("Far away"), wantZoho: z(3, city.z("Far away"))},
		{name: "a field of a " + noun + " is cleared in HubSpot", outcome: "cleared in Zoho", key: host(1),
			hubspotEdit: city.h(""), wantHubSpot: h(1, city.h("")), wantZoho: z(1, city.z("")), maxZohoWrites: 1},
		{name: "every webhook of a " + noun + " is repeated", outcome: "no change", key: host(1), repeat: true,
			wantHubSpot: h(1, city.h("")), wantZoho: z(1, city.z(""))},
	}
}

// fieldPair is a field under its two API names.
type fieldPair [2]string

func (n fieldPair) h(v string) values { return values{n[0]: v} }
func (n fieldPair) z(v string) values { return values{n[1]: v} }

func mergeValues(all ...values) values {
	sum := values{}
	for _, v := range all {
		maps.Copy(sum, v)
	}
	return sum
}

const idleTime = 60 * time.Millisecond // what waitUntilIdle takes when nothing happens

// prepareRecords creates the records that the case needs.
func (s demoCase) prepareRecords(ctx context.Context, p *crmUsers) error {
	if s.zoho == nil {
		return nil
	}
	_, err := p.createRecord(ctx, crm.Zoho, s.kindOf(), s.zoho, time.Now().Add(-time.Hour))
	return err
}

func (s demoCase) kindOf() crm.Kind {
	if strings.Contains(s.key, "@") {
		return crm.Contact
	}
	return crm.Company
}

// makeEdits makes the edits of the case as people do.
func (s demoCase) makeEdits(ctx context.Context, p *crmUsers) error {
	if s.repeat {
		for _, system := range crm.Systems {
			if err := p.redeliverWebhooks(ctx, system, 5); err != nil {
				return err
			}
		}
	}
	for system, v := range map[crm.System]values{crm.HubSpot: s.hubspotEdit, crm.Zoho: s.zohoEdit} {
		if v == nil {
			continue
		}
		refs, err := p.findRecords(ctx, system, s.kindOf(), keyField[system][s.kindOf()], s.key)
		if err != nil {
			return err
		}
		if len(refs) == 0 {
			_, err = p.createRecord(ctx, system, s.kindOf(), v, time.Time{})
		} else {
			err = p.editRecord(ctx, refs[0], v, time.Time{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkOutcome compares both CRMs with the records that the case wants.
func (s demoCase) checkOutcome(ctx context.Context, p *crmUsers, r caseResult) error {
	for system, want := range map[crm.System]values{crm.HubSpot: s.wantHubSpot, crm.Zoho: s.wantZoho} {
		refs, err := p.findRecords(ctx, system, s.kindOf(), keyField[system][s.kindOf()], s.key)
		if err != nil {
			return err
		}
		if n := len(refs); n > 1 || (n == 1) != (want != nil) {
			return fmt.Errorf("%s holds %d records of %s", system, n, s.key)
		}
		if want == nil {
			continue
		}
		got, err := p.readRecord(ctx, refs[0])
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				return fmt.Errorf("%s holds %q in %s, want %q", system, got[name], name, want[name])
			}
		}
	}
	if r.hubspot.writes > s.maxHubSpotWrites || r.zoho.writes > s.maxZohoWrites {
		return fmt.Errorf("more writes than %d to HubSpot and %d to Zoho", s.maxHubSpotWrites, s.maxZohoWrites)
	}
	return nil
}
