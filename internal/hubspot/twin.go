package hubspot

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// CreateTwinProperty defines the unique property for the Zoho id of a kind. It
// takes the scope crm.schemas.contacts.write or crm.schemas.companies.write. A
// property of that name that exists is an error of kind Duplicate.
func (c *Client) CreateTwinProperty(ctx context.Context, kind crm.Kind) error {
	group := map[crm.Kind]string{crm.Contact: "contactinformation", crm.Company: "companyinformation"}[kind]
	req := request{action: "create property", method: http.MethodPost, area: areaProperties, kind: kind, body: map[string]any{
		"groupName": group, "name": c.twin, "label": "Zoho ID", "hasUniqueValue": true, "type": "string", "fieldType": "text",
		"description": "The id of this record in Zoho CRM, kept by the connector. Do not change it.",
	}}
	if err := kind.Validate(); err != nil {
		return req.refusal("the kind is unknown", 0)
	}
	var made property
	status, err := c.call(ctx, req, &made)
	if err == nil && (made.Name != c.twin || !made.Unique) {
		err = req.refusal("the property was made otherwise than asked for", status)
	}
	return err
}
