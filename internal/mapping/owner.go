package mapping

import (
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// An owner is known by the e-mail address of its account, the one thing that
// both CRMs have of a person. The packages of the CRMs turn their own ids into
// addresses; an id without a user stays an id, marked with its
// side, which the other side cannot hold.
var ownerIDs = map[crm.System]string{crm.HubSpot: "hubspot:", crm.Zoho: zohoOnly}

func (f *Field) canonOwner(s crm.System, text string) string {
	for _, side := range crm.Systems {
		if isDigits(strings.TrimPrefix(text, ownerIDs[side])) && strings.HasPrefix(text, ownerIDs[side]) {
			return text
		}
	}
	if isDigits(text) {
		return ownerIDs[s] + text
	}
	email := canonEmail(text)
	if pair, ok := f.firstPair(s, email); ok {
		first, _ := f.firstPair(crm.Zoho, pair.Zoho)
		return first.HubSpot
	}
	return email
}

func (f *Field) renderOwner(s crm.System, canon string) (string, bool) {
	if id, found := strings.CutPrefix(canon, ownerIDs[s]); found && isDigits(id) {
		return id, true
	}
	if pair, ok := f.firstPair(crm.HubSpot, canon); ok {
		return pair.On(s), true
	}
	return canon, strings.Contains(canon, "@")
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, digits) == "" }
