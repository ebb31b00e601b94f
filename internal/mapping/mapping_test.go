package mapping

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestTheDefaultMappingHoldsThePolicyOfTheProject(t *testing.T) {
	m := Default()
	if m.Preferred != crm.Zoho || m.Region != "US" {
		t.Errorf("preferred %q, region %q: want zoho, US", m.Preferred, m.Region)
	}
	wantMatch := map[crm.Kind][]string{crm.Contact: {"email"}, crm.Company: {"domain", "name"}}
	for _, k := range crm.Kinds {
		o := m.Object(k)
		if o == nil {
			t.Fatalf("%s is not mapped", k)
		}
		if o.Direction != Both || o.Conflict != MostRecent {
			t.Errorf("%s: direction %q, conflict %q", k, o.Direction, o.Conflict)
		}
		if diff := cmp.Diff(map[crm.System]bool{crm.Zoho: true, crm.HubSpot: false}, o.Create); diff != "" {
			t.Errorf("%s: create (-want +got):\n%s", k, diff)
		}
		if diff := cmp.Diff(wantMatch[k], o.Match); diff != "" {
			t.Errorf("%s: match (-want +got):\n%s", k, diff)
		}
	}
	if got := m.Object("deal"); got != nil {
		t.Errorf("deals are mapped: %v", got)
	}
}

func TestDefaultMappingNamesTheFieldsOfBothSides(t *testing.T) {
	want := map[crm.Kind]map[crm.System][]string{
		crm.Contact: {
			crm.HubSpot: {"address", "associatedcompanyid", "city", "country", "email", "fax", "firstname", "hs_analytics_source", "jobtitle", "lastname", "mobilephone", "phone", "state", "zip"},
			crm.Zoho:    {"Account_Name", "Email", "Fax", "First_Name", "Last_Name", "Lead_Source", "Mailing_City", "Mailing_Country", "Mailing_State", "Mailing_Street", "Mailing_Zip", "Mobile", "Phone", "Title"},
		},
		crm.Company: {
			crm.HubSpot: {"address", "annualrevenue", "city", "country", "description", "domain", "industry", "name", "numberofemployees", "phone", "state", "zip"},
			crm.Zoho:    {"Account_Name", "Annual_Revenue", "Billing_City", "Billing_Code", "Billing_Country", "Billing_State", "Billing_Street", "Description", "Employees", "Industry", "Phone", "Website"},
		},
	}
	for k, sides := range want {
		for s, names := range sides {
			if diff := cmp.Diff(names, Default().Object(k).FieldNames(s)); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", k, s, diff)
			}
		}
	}
}

func TestDefaultMappingKeepsWhatZohoRequires(t *testing.T) {
	for k, name := range map[crm.Kind]string{crm.Contact: "last_name", crm.Company: "name"} {
		f := Default().Object(k).Field(name)
		if f == nil || !f.RequiredOn(crm.Zoho) || f.RequiredOn(crm.HubSpot) || f.Clear != Keep {
			t.Errorf("%s %s: got %+v", k, name, f)
		}
	}
}

func TestDefaultMappingReadsLeadSourcesAndIndustries(t *testing.T) {
	source, industry := Default().Object(crm.Contact).Field("lead_source"), Default().Object(crm.Company).Field("industry")
	if source.Writable(crm.HubSpot) || !source.Writable(crm.Zoho) {
		t.Error("lead_source: want it written on Zoho alone")
	}
	if got := source.Canon(crm.HubSpot, "OFFLINE"); got != "" {
		t.Errorf("OFFLINE reads as %q, want empty", got)
	}
	if a, b := industry.Canon(crm.HubSpot, "BANKING"), industry.Canon(crm.Zoho, "Financial Services"); a != b || a != "FINANCIAL_SERVICES" {
		t.Errorf("BANKING reads as %q, Financial Services as %q", a, b)
	}
	if _, err := industry.Render(crm.Zoho, industry.Canon(crm.HubSpot, "FARMING")); err == nil {
		t.Error("FARMING was rendered for Zoho, which has no such option")
	}
}

func TestDefaultYAMLIsACopy(t *testing.T) {
	DefaultYAML()[0] = 'X'
	if DefaultYAML()[0] == 'X' {
		t.Error("a caller changed the built-in text")
	}
}

func TestAFieldIsWritableOnlyWhereItAndItsObjectAllow(t *testing.T) {
	tests := map[string]struct {
		object, field Direction
		want          []crm.System
	}{
		"both and both":       {Both, Both, []crm.System{crm.HubSpot, crm.Zoho}},
		"the zero values":     {"", "", []crm.System{crm.HubSpot, crm.Zoho}},
		"field to Zoho":       {Both, ToZoho, []crm.System{crm.Zoho}},
		"object to HubSpot":   {ToHubSpot, Both, []crm.System{crm.HubSpot}},
		"against one another": {ToHubSpot, ToZoho, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := Field{Direction: tt.field, object: tt.object}
			var got []crm.System
			for _, s := range crm.Systems {
				if f.Writable(s) {
					got = append(got, s)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("writable on %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFieldNamesAreReadOnceEach(t *testing.T) {
	o := Object{Fields: []Field{{Name: "b", HubSpot: "y"}, {Name: "a", HubSpot: "x"}, {Name: "c", HubSpot: "x"}}}
	if diff := cmp.Diff([]string{"x", "y"}, o.FieldNames(crm.HubSpot)); diff != "" {
		t.Error(diff)
	}
	if got := o.Field("nothing"); got != nil {
		t.Errorf("found %v", got)
	}
}
