package mapping

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestCanonBringsBothSidesIntoOneForm(t *testing.T) {
	german := Field{Type: Phone, region: "DE"}
	tests := map[string]struct {
		field        Field
		hubspot      string
		zoho         string
		want         string
		wantDistinct string // a raw text that must not become the same
	}{
		"text keeps inner spaces and case":     {Field{}, " van  der Berg\t", "van  der Berg", "van  der Berg", "van der Berg"},
		"text composes accents":                {Field{Type: Text}, "Jose\u0301", "José", "José", "Jose"},
		"text ends its lines the same":         {Field{Type: Text}, "a\r\nb\rc", "a\nb\nc\u200B", "a\nb\nc", "a b c"},
		"a person may be called Null":          {Field{Type: Text}, "null", "null", "null", "Null"},
		"e-mail ignores case":                  {Field{Type: Email}, "Jane.Doe@Example.COM", " jane.doe@example.com", "jane.doe@example.com", "janedoe@example.com"},
		"e-mail keeps tags":                    {Field{Type: Email}, "a+b@x.com", "A+B@X.com", "a+b@x.com", "a@x.com"},
		"e-mail domain becomes ASCII":          {Field{Type: Email}, "info@bücher.de", "info@xn--bcher-kva.de", "info@xn--bcher-kva.de", "info@bucher.de"},
		"phone ignores its format":             {Field{Type: Phone}, "(415) 555-2671", "+1 415.555.2671", "+14155552671", "4155552672"},
		"phone keeps its extension apart":      {Field{Type: Phone}, "415-555-2671 x12", "+14155552671, ext. 12", "+14155552671;ext=12", "415-555-2671"},
		"phone belongs to the region":          {german, "030 123456", "+49 30 123456", "+4930123456", "+1 30123456"},
		"two phones are no phone":              {Field{Type: Phone}, "415-555-2671 or 415-555-2672", "415-555-2671 or 415-555-2672 ", "415-555-2671 or 415-555-2672", "415-555-2671"},
		"a remark beside a phone stays":        {Field{Type: Phone}, "415-555-2671 (mornings)", "415-555-2671 (mornings)", "415-555-2671 (mornings)", "415-555-2671"},
		"URL completes itself":                 {Field{Type: URL}, "HTTPS://Example.com:443/A/", "example.com/A", "https://example.com/A", "https://example.com/a"},
		"URL keeps its query":                  {Field{Type: URL}, "http://example.com/?q=/", "http://EXAMPLE.com:80/?q=/", "http://example.com/?q=/", "http://example.com/?q="},
		"URL keeps http":                       {Field{Type: URL}, "http://example.com/", "http://example.com", "http://example.com", "https://example.com"},
		"what is no URL stays":                 {Field{Type: URL}, "n/a", "n/a", "n/a", "none"},
		"domain is what a web site is about":   {Field{Type: Domain}, "example.com", "https://www.Example.com/about?x=1", "example.com", "shop.example.com"},
		"domain may begin with www alone":      {Field{Type: Domain}, "www.com", "http://www.com/", "www.com", "com"},
		"domain becomes ASCII":                 {Field{Type: Domain}, "bücher.de", "http://xn--bcher-kva.de", "xn--bcher-kva.de", "bucher.de"},
		"an address is no domain":              {Field{Type: Domain}, "jo@example.com", "jo@example.com", "jo@example.com", "example.com"},
		"country has a code":                   {Field{Type: Country}, "United States of America", "U.S.A.", "US", "United Arab Emirates"},
		"country forgives accents":             {Field{Type: Country}, "COTE D’IVOIRE", "Côte d'Ivoire", "CI", "Ivory"},
		"country by three letters":             {Field{Type: Country}, "deu", "The Netherlands", "DE", "Netherlands"},
		"an unknown country stays":             {Field{Type: Country}, "Atlantis", " Atlantis", "Atlantis", "atlantis"},
		"number has no exponent":               {Field{Type: Number}, "12000000", "1.2E7", "12000000", "1.2E6"},
		"number has no superfluous zero":       {Field{Type: Number}, "0012.50", "12.5", "12.5", "125"},
		"number keeps every digit":             {Field{Type: Currency}, "12345678901234567.89", "12345678901234567.890", "12345678901234567.89", "12345678901234567.88"},
		"number may be small":                  {Field{Type: Number}, "0.00012", "1.2e-4", "0.00012", "0.0012"},
		"nothing is below zero at zero":        {Field{Type: Number}, "-0.0", "0", "0", "-0.1"},
		"a separator makes no number":          {Field{Type: Number}, "1,234", "1,234", "1,234", "1.234"},
		"integer drops an empty fraction":      {Field{Type: Integer}, "250.0", "250", "250", "250.5"},
		"date is a day in UTC":                 {Field{Type: Date}, "1767225600000", "2026-01-01", "2026-01-01", "2026-01-02"},
		"what is no date stays":                {Field{Type: Date}, "2026-02-30", "2026-02-30", "2026-02-30", "2026-03-02"},
		"datetime is an instant":               {Field{Type: DateTime}, "2026-11-23T09:00:00.987Z", "2026-11-23T10:00:00+01:00", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z"},
		"datetime in milliseconds":             {Field{Type: DateTime}, "1767225600999", "2026-01-01T05:30:00+0530", "2026-01-01T00:00:00Z", "1767225601000"},
		"bool ignores case":                    {Field{Type: Bool}, "true", "True", "true", "false"},
		"false is not empty":                   {Field{Type: Bool}, "false", "FALSE", "false", ""},
		"options without a table are the same": {Field{Type: Picklist}, "Hot", "Hot", "Hot", "hot"},
		"a set has no order":                   {Field{Type: MultiPicklist}, ";b;a", "a; b;a", "a;b", "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			second := tt.want
			if name == "country by three letters" {
				second = "NL"
			}
			got := [2]string{tt.field.Canon(crm.HubSpot, tt.hubspot), tt.field.Canon(crm.Zoho, tt.zoho)}
			if diff := cmp.Diff([2]string{tt.want, second}, got); diff != "" {
				t.Errorf("canonical forms (-want +got):\n%s", diff)
			}
			for _, s := range crm.Systems {
				if tt.field.Canon(s, tt.wantDistinct) == tt.want {
					t.Errorf("on %s another value reads the same", s)
				}
			}
		})
	}
}

func TestWhatMeansEmptyReadsAsEmpty(t *testing.T) {
	empty := map[Type][]string{
		Text:          {"", " \t\r\n", "\u00A0\uFEFF"},
		Email:         {"  "},
		Number:        {"", "null"},
		Bool:          {"null"},
		Date:          {"null"},
		Picklist:      {"", "-None-", "null", "[]"},
		MultiPicklist: {"", ";", " ; ", "[]", "-None-", ";-None-;"},
	}
	for typ, raws := range empty {
		for _, raw := range raws {
			for _, s := range crm.Systems {
				f := Field{Type: typ}
				if got := f.Canon(s, raw); got != "" {
					t.Errorf("%s: %q on %s reads as %q, want empty", typ, raw, s, got)
				}
			}
		}
	}
}

func TestRenderWritesWhatEachSideStores(t *testing.T) {
	tests := map[string]struct {
		field         Field
		canon         string
		hubspot, zoho crm.Value
	}{
		"an empty value clears, whatever its type": {
			Field{Type: Number}, "", crm.Value{Type: crm.Number}, crm.Value{Type: crm.Number},
		},
		"an extension in words": {
			Field{Type: Phone}, "+14155552671;ext=12",
			crm.Value{Type: crm.Text, Text: "+14155552671 ext 12"}, crm.Value{Type: crm.Text, Text: "+14155552671 ext 12"},
		},
		"a phone that is none as it was typed": {
			Field{Type: Phone}, "+1;ext=12",
			crm.Value{Type: crm.Text, Text: "+1;ext=12"}, crm.Value{Type: crm.Text, Text: "+1;ext=12"},
		},
		"a country by its English name": {
			Field{Type: Country}, "DE", crm.Value{Type: crm.Text, Text: "Germany"}, crm.Value{Type: crm.Text, Text: "Germany"},
		},
		"a time with its offset for Zoho": {
			Field{Type: DateTime}, "2026-11-23T09:00:00Z",
			crm.Value{Type: crm.DateTime, Text: "2026-11-23T09:00:00Z"}, crm.Value{Type: crm.DateTime, Text: "2026-11-23T09:00:00+00:00"},
		},
		"a list joined with semicolons": {
			Field{Type: MultiPicklist, Values: []ValuePair{{"a", "Z"}, {"b", "Y"}}}, "a;b",
			crm.Value{Type: crm.List, Text: "a;b"}, crm.Value{Type: crm.List, Text: "Y;Z"},
		},
		"a bool": {Field{Type: Bool}, "false", crm.Value{Type: crm.Bool, Text: "false"}, crm.Value{Type: crm.Bool, Text: "false"}},
		"a date": {Field{Type: Date}, "2026-01-01", crm.Value{Type: crm.Date, Text: "2026-01-01"}, crm.Value{Type: crm.Date, Text: "2026-01-01"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for s, want := range map[crm.System]crm.Value{crm.HubSpot: tt.hubspot, crm.Zoho: tt.zoho} {
				got, err := tt.field.Render(s, tt.canon)
				if err != nil {
					t.Fatalf("on %s: %v", s, err)
				}
				if got.Type != want.Type || got.Text != want.Text {
					t.Errorf("on %s: got %s %q, want %s %q", s, got.Type, got.Text, want.Type, want.Text)
				}
			}
		})
	}
}

func TestRenderRefusesWhatASideCannotHold(t *testing.T) {
	tests := map[string]struct {
		field Field
		canon string
	}{
		"a word as number":               {Field{Type: Number}, "many"},
		"a separator in an amount":       {Field{Type: Currency}, "1,234"},
		"a fraction as integer":          {Field{Type: Integer}, "12.5"},
		"a day that does not exist":      {Field{Type: Date}, "2026-02-30"},
		"a word as time":                 {Field{Type: DateTime}, "soon"},
		"a word as bool":                 {Field{Type: Bool}, "maybe"},
		"a form that is not canonical":   {Field{Type: Number}, "1.50"},
		"a list with an unpaired option": {Field{Type: MultiPicklist, Values: []ValuePair{{"a", "A"}}}, "a;zoho:B"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := tt.field.Render(crm.HubSpot, tt.canon)
			if !errors.Is(err, ErrUnmappable) {
				t.Errorf("got %q, %v, want ErrUnmappable", v.Text, err)
			}
		})
	}
}

func TestPicklistGroupsComeBackAsTheirFirstOption(t *testing.T) {
	f := Field{Type: Picklist, Values: []ValuePair{
		{"BANKING", "Finance"}, {"INSURANCE", "Finance"}, {"SOFTWARE", "ISV"}, {"SOFTWARE", "ASP"}, {"swap", "Swapped"}, {"Swapped", "swap"},
	}}
	tests := map[string]struct {
		side          crm.System
		raw, want     string
		hubspot, zoho string // rendered, "" when the side cannot hold it
	}{
		"the first of several in HubSpot":       {crm.HubSpot, "BANKING", "BANKING", "BANKING", "Finance"},
		"another of several in HubSpot":         {crm.HubSpot, "INSURANCE", "BANKING", "BANKING", "Finance"},
		"their counterpart in Zoho":             {crm.Zoho, "Finance", "BANKING", "BANKING", "Finance"},
		"the first of several in Zoho":          {crm.Zoho, "ISV", "SOFTWARE", "SOFTWARE", "ISV"},
		"another of several in Zoho":            {crm.Zoho, "ASP", "SOFTWARE", "SOFTWARE", "ISV"},
		"a name that means another thing there": {crm.Zoho, "swap", "Swapped", "Swapped", "swap"},
		"a case that differs":                   {crm.HubSpot, "banking", "banking", "banking", ""},
		"an option that only HubSpot has":       {crm.HubSpot, "FARMING", "FARMING", "FARMING", ""},
		"an option that only Zoho has":          {crm.Zoho, "Farming", "zoho:Farming", "", "Farming"},
		"a Zoho option named as HubSpot's":      {crm.Zoho, "BANKING", "zoho:BANKING", "", "BANKING"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			canon := f.Canon(tt.side, tt.raw)
			if canon != tt.want {
				t.Fatalf("reads as %q, want %q", canon, tt.want)
			}
			for s, want := range map[crm.System]string{crm.HubSpot: tt.hubspot, crm.Zoho: tt.zoho} {
				v, err := f.Render(s, canon)
				if v.Text != want || (want == "") != errors.Is(err, ErrUnmappable) {
					t.Errorf("on %s: got %q, %v, want %q", s, v.Text, err, want)
				}
			}
		})
	}
}

func TestIgnoredOptionsReadAsEmpty(t *testing.T) {
	ignore := map[crm.System][]string{crm.HubSpot: {"OFFLINE"}}
	paired := Field{Type: Picklist, Ignore: ignore, Values: []ValuePair{{"A", "B"}}}
	if got := [2]string{paired.Canon(crm.HubSpot, "OFFLINE"), paired.Canon(crm.Zoho, "OFFLINE")}; got != [2]string{"", "zoho:OFFLINE"} {
		t.Errorf("with a table: got %q", got)
	}
	same := Field{Type: Picklist, Ignore: ignore}
	if got := [2]string{same.Canon(crm.HubSpot, "OFFLINE"), same.Canon(crm.Zoho, "OFFLINE")}; got != [2]string{"", ""} {
		t.Errorf("without a table: got %q", got)
	}
}
