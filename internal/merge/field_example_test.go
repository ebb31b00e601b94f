package merge_test

import (
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// A person edits a field in HubSpot, and another edits it in Zoho five seconds later.
func ExampleField() {
	london := merge.Value{Text: "London", Hash: "#1"}
	paris := merge.Value{Text: "Paris", Hash: "#2"}
	hubspot := merge.Side{Current: london, Edits: []merge.Edit{{Value: london, At: 20_000}}}
	zoho := merge.Side{Current: paris, Edits: []merge.Edit{{Value: paris, At: 25_000}}}

	result := merge.Field(merge.Policy{Preferred: crm.Zoho}, merge.Base{}, hubspot, zoho)
	fmt.Println("value:", result.Value.Text)
	fmt.Println("write to HubSpot:", result.WriteHubSpot)
	fmt.Println("write to Zoho:", result.WriteZoho)
	fmt.Println("reason:", result.Reason)
	// Output:
	// value: Paris
	// write to HubSpot: true
	// write to Zoho: false
	// reason: newer_edit
}
