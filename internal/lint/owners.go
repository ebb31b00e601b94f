package lint

import (
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// checkOwners reports the people who can own records on one side and have no
// account on the other.
func (c *checker) checkOwners(page *sheet, f *mapping.Field) {
	if f.Type != mapping.Owner {
		return
	}
	for _, s := range crm.Systems {
		if len(c.schemas[s].Owners) == 0 {
			page.add(Error, s, f.On(s), "no_owners", title(s)+" does not show which users can own records",
				"grant the connector's account the right to read users")
			return
		}
	}
	for _, s := range crm.Systems {
		there := s.Other()
		if !f.Writable(there) {
			continue
		}
		if v, err := f.Render(there, f.Default); f.Default != "" && (err != nil || !c.canOwn(there, v.Text)) {
			page.add(Error, there, f.On(there), "no_such_default", "the default owner has no active account",
				"name a user who has one on both sides")
		}
		lone := c.ownersWithoutAccount(f, s)
		if len(lone) == 0 {
			continue
		}
		severity, remedy := Warning, "pair the addresses under values, or name a default owner with unknown: default; until then the owner is parked"
		if f.Unknown == mapping.UseDefault {
			severity, remedy = Note, "nothing, if the default owner is right for their records; else pair the addresses under values"
		}
		page.add(severity, s, f.On(s), "owner_without_account", count(len(lone), "owner")+" without account in "+title(there)+": "+quoted(lone), remedy)
	}
}

// ownersWithoutAccount lists the addresses of the active owners of s that have no
// account on the other side.
func (c *checker) ownersWithoutAccount(f *mapping.Field, s crm.System) (lone []string) {
	there := s.Other()
	for _, o := range c.schemas[s].Owners {
		v, err := f.Render(there, f.Canon(s, o.Email))
		if o.Active && o.Email != "" && (err != nil || !c.canOwn(there, v.Text)) {
			lone = append(lone, strings.ToLower(o.Email))
		}
	}
	slices.Sort(lone)
	return lone
}

// canOwn reports whether an address is that of an active owner of s.
func (c *checker) canOwn(s crm.System, email string) bool {
	return slices.ContainsFunc(c.schemas[s].Owners, func(o crm.Owner) bool {
		return o.Active && strings.EqualFold(o.Email, email)
	})
}
