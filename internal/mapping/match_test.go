package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestCompareSaysHowFarTwoValuesSpeakForOneRecord(t *testing.T) {
	domain, text, email := Field{Type: Domain}, Field{Type: Text}, Field{Type: Email}
	tests := map[string]struct {
		field Field
		a, b  string
		want  Likeness
	}{
		"one host":                                 {domain, "example.com", "https://www.Example.com/about", Equal},
		"a web site and one below it":              {domain, "example.com", "http://shop.example.com/", Alike},
		"the registrable domain may have two dots": {domain, "example.co.uk", "shop.example.co.uk", Alike},
		"a public suffix is nobody's":              {domain, "co.uk", "co.uk", NoMatter},
		"two sites of one organisation":            {domain, "eu.example.com", "us.example.com", Different},
		"two tenants of a platform differ":         {domain, "ada.github.io", "bob.github.io", Different},
		"two organisations":                        {domain, "example.com", "example.org", Different},
		"an e-mail provider is nobody's":           {domain, "gmail.com", "gmail.com", NoMatter},
		"nor is a host below it":                   {domain, "mail.yahoo.co.uk", "mail.yahoo.co.uk", NoMatter},
		"nor a network":                            {domain, "https://www.facebook.com/acme", "https://www.facebook.com/acme", NoMatter},
		"no host says nothing":                     {domain, "n/a", "n/a", NoMatter},
		"an empty value says nothing":              {text, "", "Acme", NoMatter},
		"a name ignores case and blanks":           {text, "ACME  Ltd", "Acme Ltd", Equal},
		"a name is not cut short":                  {text, "Acme", "Acme Ltd", Different},
		"an address ignores case":                  {email, "A@x.com", "a@X.com", Equal},
		"two addresses":                            {email, "a@x.com", "b@x.com", Different},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := tt.field.Canon(crm.HubSpot, tt.a), tt.field.Canon(crm.Zoho, tt.b)
			if got := tt.field.Compare(a, b); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			if got := tt.field.Compare(b, a); got != tt.want {
				t.Errorf("the other way round %d, want %d", got, tt.want)
			}
		})
	}
}

func TestKeysFindWhatCompares(t *testing.T) {
	tests := map[string]struct {
		field Field
		value string
		want  []crm.Key
	}{
		"a registrable domain, and what is below it": {Field{Type: Domain, Zoho: "Website"}, "example.co.uk",
			[]crm.Key{{Field: "Website", Value: "example.co.uk", Host: crm.SameHost}, {Field: "Website", Value: "example.co.uk", Host: crm.BelowHost}}},
		"a host, and the domain above it": {Field{Type: Domain, Zoho: "Website"}, "shop.example.com",
			[]crm.Key{{Field: "Website", Value: "shop.example.com", Host: crm.SameHost}, {Field: "Website", Value: "example.com", Host: crm.SameHost}}},
		"an e-mail provider finds nobody":  {Field{Type: Domain, Zoho: "Website"}, "gmail.com", nil},
		"an address":                       {Field{Type: Email, Zoho: "Email"}, "A@x.com", []crm.Key{{Field: "Email", Value: "a@x.com"}}},
		"nothing for an empty value":       {Field{Type: Email, Zoho: "Email"}, "", nil},
		"nothing for what cannot be there": {Field{Type: Number, Zoho: "Number"}, "many", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.field.Keys(crm.Zoho, tt.field.Canon(crm.HubSpot, tt.value))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestComparisonsAreSymmetricAndAValueIsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyField().Draw(t, "field")
		a, b := f.Canon(crm.HubSpot, anyRaw().Draw(t, "a")), f.Canon(crm.Zoho, anyRaw().Draw(t, "b"))
		if f.Compare(a, b) != f.Compare(b, a) {
			t.Fatalf("%s: %q and %q compare differently the other way round", f.Type, a, b)
		}
		if got := f.Compare(a, a); got != Equal && got != NoMatter {
			t.Fatalf("%s: %q is not itself", f.Type, a)
		}
	})
}
