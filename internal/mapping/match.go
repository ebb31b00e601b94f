package mapping

import (
	_ "embed"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/hubspot-zoho/connector/internal/crm"
)

//go:embed sharedhosts.txt
var sharedHostsText string

// sharedHosts are the hosts of e-mail providers and networks, under which
// everybody has an address: two records that name one have nothing in common.
var sharedHosts = sync.OnceValue(func() map[string]bool {
	hosts := map[string]bool{}
	for line := range strings.Lines(sharedHostsText) {
		for host := range strings.FieldsSeq(strings.SplitN(line, "#", 2)[0]) {
			hosts[host] = true
		}
	}
	return hosts
})

// Likeness says how far two values speak for one and the same record.
type Likeness int

// Likenesses, from the least.
const (
	Different Likeness = iota - 1
	NoMatter           // one of them says nothing
	Alike              // a web site and another one below it
	Equal
)

// Compare compares two canonical values of a field for matching. Free text is
// compared without regard to case and to the number of blanks. The host of a
// registrable domain, as example.co.uk, is like those below it; two of these may
// be two companies of one organisation.
func (f *Field) Compare(a, b string) Likeness {
	if f.Type == Domain {
		return compareDomains(a, b)
	}
	switch {
	case a == "" || b == "":
		return NoMatter
	case a == b, f.Type == Text && strings.EqualFold(words(a), words(b)):
		return Equal
	}
	return Different
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

func compareDomains(a, b string) Likeness {
	mine, other := registrable(a), registrable(b)
	switch {
	case mine == "" || other == "":
		return NoMatter
	case a == b:
		return Equal
	case mine == other && (a == mine || b == mine):
		return Alike
	}
	return Different
}

// registrable returns the part of a host that an organisation registered,
// example.co.uk of www.shop.example.co.uk. It is "" for what tells no company
// from another: no host at all, a public suffix, an e-mail provider.
func registrable(host string) string {
	if !isHost(host) || sharedHosts()[host] {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || sharedHosts()[domain] {
		return ""
	}
	return domain
}

// Keys lists by what to look on s for the counterpart of a record whose field
// has the canonical value, the most certain first. A search compares texts, and
// people type a domain as a URL: what it finds is to be compared anew. There is
// none for an empty value or one that no record can be known by.
func (f *Field) Keys(s crm.System, canon string) []crm.Key {
	if f.Type != Domain {
		v, err := f.Render(s, canon)
		if err != nil || v.Text == "" {
			return nil
		}
		return []crm.Key{{Field: f.On(s), Value: v.Text}}
	}
	domain := registrable(canon)
	if domain == "" {
		return nil
	}
	keys := []crm.Key{{Field: f.On(s), Value: canon, Host: crm.SameHost}}
	if domain == canon {
		return append(keys, crm.Key{Field: f.On(s), Value: canon, Host: crm.BelowHost})
	}
	return append(keys, crm.Key{Field: f.On(s), Value: domain, Host: crm.SameHost})
}
