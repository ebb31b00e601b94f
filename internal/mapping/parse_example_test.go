package mapping_test

import (
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// A mapping lists the fields of each kind of record. The error lists every problem
// with its line and column.
func ExampleParse() {
	m, err := mapping.Parse([]byte(`
contacts:
  match: [email]
  fields:
    email: {hubspot: email, zoho: Email, type: email}
    last_name: {hubspot: lastname, zoho: Last_Name, required: [zoho]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range m.Object(crm.Contact).Fields {
		fmt.Printf("%s: %s in HubSpot, %s in Zoho, %s\n", f.Name, f.HubSpot, f.Zoho, f.Type)
	}
	// Output:
	// email: email in HubSpot, Email in Zoho, email
	// last_name: lastname in HubSpot, Last_Name in Zoho, text
}
