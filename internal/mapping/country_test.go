package mapping

import (
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestTheCountryTableIsWholeAndUnambiguous(t *testing.T) {
	owner := map[string]string{}
	for line := range strings.Lines(countriesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		names := strings.Split(strings.TrimSpace(line), "|")
		if len(names) < 3 {
			t.Fatalf("%q: want two codes and a name", line)
		}
		for _, name := range names {
			key := countryKey(name)
			if other := owner[key]; key == "" || other != "" && other != names[0] {
				t.Errorf("%q names both %s and %s", name, other, names[0])
			}
			owner[key] = names[0]
		}
		region, err := language.ParseRegion(names[0])
		if err != nil || !region.IsCountry() || region.ISO3() != names[1] {
			t.Errorf("%s has the code %s, want %s, %v", names[0], names[1], region.ISO3(), err)
		}
	}
	// ISO 3166-1 assigns 249 codes.
	if got := len(countries().name); got != 249 {
		t.Errorf("%d countries, want 249", got)
	}
}

func TestEveryCountryComesBackFromItsNameAndCodes(t *testing.T) {
	for code, name := range countries().name {
		region := language.MustParseRegion(code)
		for _, text := range []string{code, strings.ToLower(code), region.ISO3(), name, strings.ToUpper(name), "The " + name} {
			if got := canonCountry(text); got != code {
				t.Errorf("%q is %q, want %s", text, got, code)
			}
		}
		if got := renderCountry(code); got != name {
			t.Errorf("%s is written as %q, want %q", code, got, name)
		}
	}
}

func TestCountriesThatAreEasilyConfusedStayApart(t *testing.T) {
	tests := map[string]string{
		"Guinea": "GN", "Guinea-Bissau": "GW", "Guinea Bissau": "GW", "Equatorial Guinea": "GQ", "Papua New Guinea": "PG",
		"Congo": "CG", "DR Congo": "CD", "Niger": "NE", "Nigeria": "NG", "Dominica": "DM", "Dominican Republic": "DO",
		"Samoa": "WS", "American Samoa": "AS", "Ireland": "IE", "Iceland": "IS", "Austria": "AT", "Australia": "AU",
		"Trinidad & Tobago": "TT", "Korea": "KR", "North Korea": "KP", "U.S. Virgin Islands": "VI", "British Virgin Islands": "VG",
		// More than a country, so that a code would lose something.
		"Scotland": "Scotland", "Northern Ireland": "Northern Ireland", "USA / Canada": "USA / Canada", "EU": "EU", "": "",
	}
	for text, want := range tests {
		if got := canonCountry(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
