package failure

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// systemNames are what people call the systems.
var systemNames = map[crm.System]string{
	crm.HubSpot: "HubSpot", crm.Zoho: "Zoho CRM", Google: "Google Cloud", SendGrid: "SendGrid", Connector: "The connector",
}

// messages say what happened, by kind: before the fields and behind them.
var messages = map[crm.ErrorKind]struct{ withFields, without string }{
	crm.Invalid:      {"refused the value of", "refused a value"},
	crm.Missing:      {"requires", "requires a field that is empty"},
	crm.Duplicate:    {"already has another record with the same", "already has such a record"},
	crm.NotFound:     {"does not find", "no longer has the record"},
	crm.Conflict:     {"reports another change of", "reports that the record changed meanwhile"},
	crm.Locked:       {"has locked", "has locked the record"},
	crm.RateLimited:  {"took no more calls for", "took no more calls"},
	crm.Unavailable:  {"failed on", "failed or did not answer"},
	crm.Unauthorized: {"refused the credentials for", "refused the credentials"},
	crm.Forbidden:    {"does not permit writing", "does not permit it"},
	crm.Refused:      {"refused", "refused the request"},
}

// codeMessages are the texts of the codes that have one in the table.
var codeMessages = textsByCode(connectorRules)

func textsByCode(rules []rule) map[failurecode.Code]string {
	texts := map[failurecode.Code]string{}
	for _, r := range rules {
		if r.text != "" {
			texts[r.code] = r.text
		}
	}
	return texts
}

// Message says in our own words what happened: the system, the fields by their
// names, the codes. It never holds a value.
func (c Cause) Message() string {
	fields := c.fieldList()
	if m, ok := codeMessages[c.Code]; ok {
		if fields != "" {
			return m + ": " + fields
		}
		return m + " (" + string(c.Code) + ")"
	}
	name, known := systemNames[c.Side]
	if !known {
		name = "A system"
	}
	words, known := messages[c.Kind]
	switch {
	case !known:
		words = messages[crm.Unavailable]
	case c.hasMixedCodes():
		words = messages[crm.Refused]
	}
	if fields == "" {
		return name + " " + words.without + inParentheses(string(c.Code))
	}
	return name + " " + words.withFields + " " + fields
}

// fieldList names the fields, each with its code.
func (c Cause) fieldList() string {
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, sanitizeName(f.Field)+inParentheses(cmp.Or(f.Code, string(c.Code)), f.Detail))
	}
	return strings.Join(fields, ", ")
}

// hasMixedCodes reports whether the fields have several codes, so that no one verb is
// right for all of them.
func (c Cause) hasMixedCodes() bool {
	return slices.ContainsFunc(c.Fields, func(f crm.FieldError) bool { return f.Code != c.Fields[0].Code })
}

func inParentheses(code string, detail ...string) string {
	text := sanitizeName(code)
	for _, d := range detail {
		if d != "" {
			text += ": " + sanitizeName(d)
		}
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// maxWord bounds one name or code in a mail, in characters.
const maxWord = 120

// sanitizeText makes a name or a code from outside harmless wherever it is put: one
// line, nothing invisible, not too long.
func sanitizeText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxWord {
		return string(runes[:maxWord]) + "..."
	}
	return s
}

// sanitizeName is sanitizeText for names and codes of the CRMs. What would make an address of
// them, which mail programs turn into links, is no part of such a name.
func sanitizeName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("./:@\\", r) {
			return '_'
		}
		return r
	}, sanitizeText(s))
}

// kindNames are what people call the kinds of record.
var kindNames = map[crm.Kind]string{crm.Contact: "contact", crm.Company: "company"}

// DescribeTask names the kind of operation: "update company in Zoho CRM".
func (r Record) DescribeTask() string {
	kind, known := kindNames[r.Record.Kind]
	if !known {
		if kind, known = kindNames[r.Ref.Kind]; !known {
			return "read a message"
		}
	}
	switch r.Cause.Action {
	case "link":
		return "link " + kind + " between HubSpot and Zoho CRM"
	case "merge":
		return "merge " + kind + " of HubSpot and Zoho CRM"
	case "apply", "receive", "":
		return "synchronise " + kind
	}
	if r.Cause.Side.Validate() != nil {
		return "synchronise " + kind
	}
	return sanitizeName(r.Cause.Action) + " " + kind + " in " + systemNames[r.Cause.Side]
}

// Pages says where people look at the records. What is empty gives no links.
type Pages struct {
	// HubSpot is the origin of HubSpot's pages, https://app.hubspot.com if
	// empty; accounts in the EU have https://app-eu1.hubspot.com.
	HubSpot string
	// HubSpotPortal is the number of the HubSpot account. Without it records of
	// HubSpot have no links.
	HubSpotPortal string
	// Zoho is the origin of Zoho CRM's pages, such as https://crm.zoho.eu.
	// Without it records of Zoho have no links.
	Zoho string
}

const defaultHubSpotPages = "https://app.hubspot.com"

// The names of the kinds in the addresses of the two systems.
var (
	hubspotPageTypes = map[crm.Kind]string{crm.Contact: "0-1", crm.Company: "0-2"}
	zohoPageTabs     = map[crm.Kind]string{crm.Contact: "Contacts", crm.Company: "Accounts"}
)

// ZohoPages returns the origin of Zoho CRM's pages in the data centre of an
// accounts server: https://crm.zoho.eu for https://accounts.zoho.eu. It is ""
// for a server that is not Zoho's.
func ZohoPages(accountsURL string) string {
	u, err := url.Parse(accountsURL)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	rest, found := strings.CutPrefix(u.Host, "accounts.")
	if !found || !strings.HasPrefix(rest, "zoho.") && rest != "zohocloud.ca" {
		return ""
	}
	return "https://crm." + rest
}

// URL returns the address of the page of a record, or "".
func (p Pages) URL(ref crm.Ref) string {
	if ref.Validate() != nil { // digits only
		return ""
	}
	switch {
	case ref.System == crm.HubSpot && p.HubSpotPortal != "":
		return cmp.Or(p.HubSpot, defaultHubSpotPages) + "/contacts/" + p.HubSpotPortal + "/record/" + hubspotPageTypes[ref.Kind] + "/" + ref.RecordID
	case ref.System == crm.Zoho && p.Zoho != "":
		return p.Zoho + "/crm/tab/" + zohoPageTabs[ref.Kind] + "/" + ref.RecordID
	}
	return ""
}
