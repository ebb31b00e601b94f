package mapping

import (
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// zohoOnly marks the canonical form of a Zoho option that the table does not
// pair, so that it equals no HubSpot option that happens to have its name.
const zohoOnly = "zoho:"

// canonOption returns the HubSpot option that stands for the pair, or group of
// pairs, to which a side's option belongs. Options are compared exactly: both
// CRMs tell cases apart. An option that is not paired keeps its own form, which
// no other side can hold.
func (f *Field) canonOption(s crm.System, option string) string {
	if f.ignores(s, option) {
		return ""
	}
	if len(f.Values) == 0 {
		return option
	}
	if pair, ok := f.firstPair(s, option); ok {
		// All options paired with the same Zoho option are one value; the
		// first of them stands for it.
		first, _ := f.firstPair(crm.Zoho, pair.Zoho)
		return first.HubSpot
	}
	if _, taken := f.firstPair(crm.HubSpot, option); s == crm.Zoho && (f.Unknown != Pass || taken) {
		return zohoOnly + option
	}
	return option
}

// ignores reports whether the option carries no information on s. Without a
// table both sides have the same options, hence ignore the same.
func (f *Field) ignores(s crm.System, option string) bool {
	return slices.Contains(f.Ignore[s], option) ||
		len(f.Values) == 0 && slices.Contains(f.Ignore[s.Other()], option)
}

// renderOption is the opposite of canonOption.
func (f *Field) renderOption(s crm.System, canon string) (string, bool) {
	if len(f.Values) == 0 {
		return canon, true
	}
	if pair, ok := f.firstPair(crm.HubSpot, canon); ok {
		return pair.On(s), true
	}
	option, isZoho := strings.CutPrefix(canon, zohoOnly)
	return option, isZoho == (s == crm.Zoho) || f.Unknown == Pass && !isZoho
}

func (f *Field) firstPair(s crm.System, option string) (ValuePair, bool) {
	for _, p := range f.Values {
		if p.On(s) == option {
			return p, true
		}
	}
	return ValuePair{}, false
}

// canonOptions reads a list as a set: its order means nothing, and a leading
// ";", which tells HubSpot to append, is no item.
func (f *Field) canonOptions(s crm.System, list string) string {
	return joinOptions(list, func(item string) (string, bool) {
		if f.meansEmpty(item) {
			return "", true
		}
		return f.canonOption(s, item), true
	})
}

// renderOptions fails as a whole when one item has no counterpart: writing the
// others would delete it from the side it came from. With a default, that
// stands in its place.
func (f *Field) renderOptions(s crm.System, canon string) (string, bool) {
	unmapped := false
	text := joinOptions(canon, func(item string) (string, bool) {
		option, ok := f.renderOption(s, item)
		if !ok && f.Unknown == UseDefault {
			option, ok = f.renderOption(s, f.Default)
		}
		unmapped = unmapped || !ok
		return option, ok
	})
	return text, !unmapped
}

func joinOptions(list string, convert func(string) (string, bool)) string {
	var items []string
	for item := range strings.SplitSeq(list, ";") {
		if item = canonText(item); item == "" {
			continue
		}
		if option, ok := convert(item); ok && option != "" {
			items = append(items, option)
		}
	}
	slices.Sort(items)
	return strings.Join(slices.Compact(items), ";")
}

// Writes reports whether option is what a value is written as on s, rather than
// one that is only read there.
func (f *Field) Writes(s crm.System, option string) bool {
	text, ok := f.renderOption(s, f.canonOption(s, option))
	return ok && text == option
}
