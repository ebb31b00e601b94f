package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// checkOptions compares the options of a picklist on both sides with each
// other, through the mapping's table.
func checkOptions(page *sheet, f *mapping.Field, found ends) {
	if f.Type != mapping.Picklist && f.Type != mapping.MultiPicklist {
		return
	}
	for _, s := range crm.Systems {
		checkTable(page, f, s, found[s])
	}
	for _, s := range crm.Systems {
		if f.Writable(s.Other()) {
			checkUnpaired(page, f, s, found)
		}
	}
}

// checkTable reports options that the mapping names and the side does not have.
// One that would be written is worse than one that is only read.
func checkTable(page *sheet, f *mapping.Field, s crm.System, info crm.FieldInfo) {
	if !info.Closed {
		return
	}
	var written, read []string
	for _, p := range f.Values {
		option := p.On(s)
		if slices.Contains(info.Options, option) || slices.Contains(written, option) || slices.Contains(read, option) {
			continue
		}
		if f.Writable(s) && f.Writes(s, option) {
			written = append(written, option)
		} else {
			read = append(read, option)
		}
	}
	for _, option := range f.Ignore[s] {
		if !slices.Contains(info.Options, option) {
			read = append(read, option)
		}
	}
	if len(written) > 0 {
		page.add(Error, s, info.Name, "no_such_option", "has no option "+quoted(written),
			"add it in "+title(s)+", or pair another one under values")
	}
	if len(read) > 0 {
		page.add(Note, s, info.Name, "option_not_used", "has no option "+quoted(read), "take it out of the mapping if it does not come back")
	}
}

// checkUnpaired reports options of s that the other side cannot hold.
func checkUnpaired(page *sheet, f *mapping.Field, s crm.System, found ends) {
	here, there := found[s], found[s.Other()]
	if !there.Closed {
		return
	}
	var lone []string
	for _, option := range here.Options {
		canon := f.Canon(s, option)
		v, err := f.Render(s.Other(), canon)
		if f.Stored(s.Other(), canon) != canon {
			continue // something stands in for it
		}
		if err != nil || v.Text != "" && !slices.Contains(there.Options, v.Text) && (len(f.Values) == 0 || f.Unknown == mapping.Pass) {
			lone = append(lone, option)
		}
	}
	if len(lone) > 0 {
		page.add(Warning, s, here.Name, "unpaired", fmt.Sprintf("%s without counterpart in %s: %s", count(len(lone), "option"), title(s.Other()), quoted(lone)),
			"pair it under values; until then a record with such an option has the field parked")
	}
	checkDefault(page, f, s.Other(), there)
}

// checkDefault reports a default that the side does not have.
func checkDefault(page *sheet, f *mapping.Field, s crm.System, info crm.FieldInfo) {
	v, err := f.Render(s, f.Default)
	if f.Default != "" && info.Closed && f.Type == mapping.Picklist && err == nil && !slices.Contains(info.Options, v.Text) {
		page.add(Error, s, info.Name, "no_such_default", "has no option "+quoted([]string{v.Text})+", which is the default",
			"add it in "+title(s)+", or name another default")
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxListed bounds how many options a finding spells out.
const maxListed = 8

func quoted(options []string) string {
	var b strings.Builder
	for i, option := range options {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(options)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", option)
	}
	return b.String()
}
