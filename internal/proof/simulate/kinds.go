package simulate

import (
	"fmt"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// theMapping shares, of each kind, a key by which people know a record, a name
// that must not be empty in Zoho, and fields that both sides keep as they are,
// or that Zoho shortens.
var theMapping = &mapping.Mapping{
	Preferred: crm.Zoho,
	Objects: map[crm.Kind]*mapping.Object{
		crm.Contact: {
			Kind:   crm.Contact,
			Create: map[crm.System]bool{crm.Zoho: true},
			Match:  []string{"email"},
			Fields: []mapping.Field{
				{Name: "email", HubSpot: "email", Zoho: "Email", Type: mapping.Email},
				{Name: "last_name", HubSpot: "lastname", Zoho: "Last_Name", Type: mapping.Text,
					Clear: mapping.Keep, Required: []crm.System{crm.Zoho}},
				{Name: "city", HubSpot: "city", Zoho: "Mailing_City", Type: mapping.Text},
				{Name: "title", HubSpot: "jobtitle", Zoho: "Title", Type: mapping.Text},
				{Name: "company", HubSpot: "associatedcompanyid", Zoho: "Account_Name", Type: mapping.Company},
			},
		},
		crm.Company: {
			Kind:   crm.Company,
			Create: map[crm.System]bool{crm.Zoho: true},
			Match:  []string{"domain", "name"},
			Fields: []mapping.Field{
				{Name: "domain", HubSpot: "domain", Zoho: "Website", Type: mapping.Domain},
				{Name: "name", HubSpot: "name", Zoho: "Account_Name", Type: mapping.Text,
					Clear: mapping.Keep, Required: []crm.System{crm.Zoho}},
				{Name: "city", HubSpot: "city", Zoho: "Billing_City", Type: mapping.Text},
			},
		},
	},
}

// kind is what the world has to know of one kind of record beside its mapping.
type kind struct {
	key string // the field by which people know a record
	// taken reports whether HubSpot refuses a key that another record has.
	taken bool
	// fresh makes a key that no record has, and spelt what Zoho's users make of it.
	fresh func(n int) string
	spelt func(key string) string
}

var kinds = map[crm.Kind]kind{
	crm.Contact: {
		key: "email", taken: true,
		fresh: func(n int) string { return fmt.Sprintf("p%d@%s", n, planted) },
		spelt: strings.ToUpper,
	},
	crm.Company: {
		key:   "domain",
		fresh: func(n int) string { return fmt.Sprintf("c%d.%s", n, planted) },
		spelt: func(key string) string { return "https://www." + key + "/about" },
	},
}

// planted is part of every key: a text that repeats one names a person.
const planted = "planted.example"

// isKey reports whether a field is the key of its kind.
func isKey(k crm.Kind, field string) bool { return kinds[k].key == field }

// keyOn is the API name of the key.
func keyOn(k crm.Kind, s crm.System) string { return theMapping.Object(k).Field(kinds[k].key).On(s) }

// fieldName is the mapping's name of a field of s.
func fieldName(k crm.Kind, s crm.System, api string) string {
	o := theMapping.Object(k)
	for i := range o.Fields {
		if o.Fields[i].On(s) == api {
			return o.Fields[i].Name
		}
	}
	return ""
}
