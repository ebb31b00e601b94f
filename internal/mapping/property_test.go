package mapping

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

var types = []Type{
	Text, Email, Phone, URL, Domain, Country, Number, Integer, Currency, Date, DateTime, Bool, Picklist, MultiPicklist, Owner,
}

// likely are texts of the kind that people and CRMs put into a field, right,
// wrong and half right.
var likely = []string{
	"", "null", "-None-", "[]", ";", "n/a", "Jane", "José", "Jose\u0301", "İstanbul", "ẞ", "a\r\nb",
	"Jane@Example.com", "jane@bücher.de", "@", "a@", "a@b", "a@@b.c", "jane@ex ample.com", "mailto:a@b.com",
	"4155552671", "+1 (415) 555-2671 ext. 12", "+1;ext=12", "011 44 20 7946 0958", "+44 (0)20 7946 0958", "x1", "+", "＋１４１５５５５２６７１",
	"+4930123456", "030/123456", "+39 06 1234567", "112", "1-800-FLOWERS", "+800 1234 5678",
	"example.com", "WWW.Example.com/", "www.www.example.com", "http://http://x.com", "https://user@x.com:8443/a?b#c", "x.com:0443", "x.com:80", "http://[::1]/", "https://x.com//", "xn--bcher-kva.de", "xn--a.de", "a..b", "a.com.",
	"Germany", "de", "DEU", "the Gambia", "U.S.", "Atlantis", "Côte d'Ivoire", "zoho:A",
	"0", "-0", "+5", "007.50", "1e5", "1E-5", "1e9999", ".5", "5.", ".", "-", "1,234", "12345678901234567890.123",
	"2026-01-01", "2026-02-30", "1767225600000", "-1", "2026-01-01T10:00:00+05:30", "2026-01-01T10:00:00.123Z", "0000-01-01", "9999-12-31T23:59:59-12:00", "99999999999999999",
	"41629779", "hubspot:41629779", "zoho:5725767000000225002", "Patricia@Example.com",
	"2026-03-29T00:30:00Z", "2026-10-25T23:59:59-03:00", "2018-11-04T02:30:00Z",
	"true", "FALSE", "Yes", "A", "B", "C", "a", "A;B", "B;A;A", ";C", "A;unknown",
}

// anyRaw draws what a CRM may hold.
func anyRaw() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom(likely),
		rapid.String(),
		rapid.StringMatching(`[+]?[0-9 ().-]{3,18}( ?(x|ext\.?) ?[0-9]{1,4})?`),
		rapid.StringMatching(`(https?://)?(www\.)?[a-zA-Z0-9-]{1,12}\.[a-z]{2,4}(:[0-9]{1,4})?(/[a-zA-Z0-9/?#]{0,8})?`),
		rapid.StringMatching(`[+-]?[0-9]{0,20}(\.[0-9]{0,8})?([eE][+-]?[0-9]{1,3})?`),
		rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][01][0-9]:00))?`),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom(likely).Draw(t, "left") + rapid.SampledFrom([]string{"", " ", ";", ".", "@", "/"}).Draw(t, "between") + rapid.SampledFrom(likely).Draw(t, "right")
		}),
	)
}

// anyTable draws pairs in which no two groups are joined, as Parse allows.
func anyTable() *rapid.Generator[[]ValuePair] {
	return rapid.Custom(func(t *rapid.T) []ValuePair {
		options := rapid.Permutation([]string{"A", "B", "C", "a", "unknown", "Jane", "D"}).Draw(t, "hubspot")
		others := rapid.Permutation([]string{"A", "B", "C", "b", "Jane", "E"}).Draw(t, "zoho")
		var pairs []ValuePair
		for len(options) > 0 && len(others) > 0 && rapid.Bool().Draw(t, "more") {
			n := rapid.IntRange(1, 3).Draw(t, "size")
			h, z := 1, min(n, len(others))
			if rapid.Bool().Draw(t, "many in HubSpot") {
				h, z = min(n, len(options)), 1
			}
			for _, a := range options[:h] {
				for _, b := range others[:z] {
					pairs = append(pairs, ValuePair{a, b})
				}
			}
			options, others = options[h:], others[z:]
		}
		return rapid.Permutation(pairs).Draw(t, "pairs")
	})
}

func anyField() *rapid.Generator[*Field] {
	return rapid.Custom(func(t *rapid.T) *Field {
		f := &Field{
			Type:   rapid.SampledFrom(types).Draw(t, "type"),
			region: rapid.SampledFrom([]string{"", "US", "DE", "GB", "IT", "AR"}).Draw(t, "region"),
		}
		if f.Type == Picklist || f.Type == MultiPicklist {
			f.Values = anyTable().Draw(t, "values")
			if rapid.Bool().Draw(t, "ignoring") {
				f.Ignore = map[crm.System][]string{crm.HubSpot: {"offline"}, crm.Zoho: {"-", "offline"}}
			}
		}
		drawStandIns(t, f)
		return f
	})
}

// drawStandIns draws what the mapping may say of values that a side cannot hold.
func drawStandIns(t *rapid.T, f *Field) {
	sides := rapid.SliceOfDistinct(anySide(), rapid.ID)
	switch f.Type {
	case Text:
		for _, s := range sides.Draw(t, "short") {
			f.Shorten = map[crm.System]int{s: rapid.IntRange(1, 8).Draw(t, "limit")}
		}
	case Date:
		f.Timed = rapid.SampledFrom([][]crm.System{nil, {crm.HubSpot}, {crm.Zoho}}).Draw(t, "timed")
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		f.zone = zone
	case Picklist, MultiPicklist, Owner:
		f.Unknown = rapid.SampledFrom([]Unknown{"", Park, Pass, UseDefault}).Draw(t, "unknown")
		f.Default = "pat@example.com"
		if len(f.Values) > 0 {
			f.Default = f.Canon(crm.HubSpot, f.Values[0].HubSpot)
		} else if f.Type != Owner {
			f.Default = "A"
		}
	}
}

func anySide() *rapid.Generator[crm.System] { return rapid.SampledFrom(crm.Systems[:]) }

// checkLaws holds every law of the package for one value.
func checkLaws(t interface {
	Helper()
	Fatalf(string, ...any)
}, f *Field, s crm.System, raw string) {
	t.Helper()
	c := f.Canon(s, raw)
	if again := f.Canon(crm.HubSpot, c); again != c {
		t.Fatalf("%s: %q on %s reads as %q, and that as %q", f.Type, raw, s, c, again)
	}
	if len(f.Values) == 0 && f.Canon(crm.Zoho, c) != c {
		t.Fatalf("%s: the form %q is another on zoho", f.Type, c)
	}
	if c != canonText(c) {
		t.Fatalf("%s: the form %q is no canonical text", f.Type, c)
	}
	if limit := 6*len(raw) + 2*maxDigits + 8; len(c) > limit {
		t.Fatalf("%s: %d bytes read as %d", f.Type, len(raw), len(c))
	}
	for _, side := range crm.Systems {
		v, err := f.Render(side, c)
		if err != nil {
			if v.Text != "" {
				t.Fatalf("%s: a refused value has the text %q", f.Type, v.Text)
			}
			continue
		}
		stored := f.Stored(side, c)
		if back := f.Canon(side, v.Text); back != stored {
			t.Fatalf("%s: %q is written on %s as %q, which reads as %q and not as %q", f.Type, c, side, v.Text, back, stored)
		}
		if again := f.Stored(side, stored); again != stored {
			t.Fatalf("%s: %q is stored on %s as %q, and that as %q", f.Type, c, side, stored, again)
		}
		if stored != c && f.Unknown != UseDefault && f.Shorten[side] == 0 {
			t.Fatalf("%s: %q is stored on %s as %q, which no mapping asks for", f.Type, c, side, stored)
		}
		if (c == "") != (v.Text == "") {
			t.Fatalf("%s: %q is written on %s as %q", f.Type, c, side, v.Text)
		}
	}
}

func TestEveryValueKeepsTheLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkLaws(t, anyField().Draw(t, "field"), anySide().Draw(t, "side"), anyRaw().Draw(t, "raw"))
	})
}

func TestEveryFieldOfTheDefaultMappingKeepsTheLaws(t *testing.T) {
	m := Default()
	rapid.Check(t, func(t *rapid.T) {
		o := m.Object(rapid.SampledFrom(crm.Kinds[:]).Draw(t, "kind"))
		f := &o.Fields[rapid.IntRange(0, len(o.Fields)-1).Draw(t, "field")]
		s, raw := anySide().Draw(t, "side"), anyRaw().Draw(t, "raw")
		if len(f.Values) > 0 && rapid.Bool().Draw(t, "listed") {
			raw = rapid.SampledFrom(f.Values).Draw(t, "pair").On(s)
		}
		checkLaws(t, f, s, raw)
	})
}

func TestFreeTypesCanAlwaysBeWritten(t *testing.T) {
	free := []Type{Text, Email, Phone, URL, Domain, Country}
	rapid.Check(t, func(t *rapid.T) {
		f := anyField().Filter(func(f *Field) bool { return slices.Contains(free, f.Type) }).Draw(t, "field")
		c := f.Canon(anySide().Draw(t, "from"), anyRaw().Draw(t, "raw"))
		if _, err := f.Render(anySide().Draw(t, "to"), c); err != nil {
			t.Fatalf("%s: %q: %v", f.Type, c, err)
		}
	})
}

func TestASideHoldsItsOwnOptions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &Field{Type: Picklist, Values: anyTable().Draw(t, "values")}
		s := anySide().Draw(t, "side")
		option := rapid.SampledFrom([]string{"A", "B", "C", "D", "E", "a", "b", "Jane", "unknown"}).Draw(t, "option")
		c := f.Canon(s, option)
		if _, err := f.Render(s, c); err != nil {
			t.Fatalf("%q of %s reads as %q: %v", option, s, c, err)
		}
		// A paired option has a counterpart; one that is not paired has none.
		_, paired := f.firstPair(s, option)
		_, err := f.Render(s.Other(), c)
		if identical := len(f.Values) == 0; (paired || identical) != (err == nil) {
			t.Fatalf("%q of %s, paired %v: on the other side %v", option, s, paired, err)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for i, raw := range likely {
		f.Add(uint8(i), i%2 == 0, raw)
	}
	pairs := []ValuePair{{"A", "B"}, {"B", "A"}, {"C", "A"}, {"D", "E"}, {"D", "F"}}
	f.Fuzz(func(t *testing.T, n uint8, hubspot bool, raw string) {
		s := crm.Zoho
		if hubspot {
			s = crm.HubSpot
		}
		for _, typ := range types {
			field := &Field{Type: typ, region: []string{"US", "DE", "GB", "IT", "AR"}[n%5]}
			if typ == Text {
				field.Shorten = map[crm.System]int{crm.Zoho: int(n)}
			}
			checkLaws(t, field, s, raw)
			if strings.HasSuffix(string(typ), "picklist") {
				field.Values = pairs
				checkLaws(t, field, s, raw)
			}
		}
	})
}
