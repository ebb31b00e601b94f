package hubspot

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// The parts of the API that describe an account.
const (
	areaProperties = "properties"
	areaOwners     = "owners"
	areaAccount    = "account"
)

// maxText is the most characters that HubSpot keeps of a text.
const maxText = 65_536

// propertyDefinition is the definition of a property.
type propertyDefinition struct {
	Name            string `json:"name"`
	Label           string `json:"label"`
	Type            string `json:"type"`
	FieldType       string `json:"fieldType"`
	Calculated      bool   `json:"calculated"`
	ExternalOptions bool   `json:"externalOptions"`
	Unique          bool   `json:"hasUniqueValue"`
	Archived        bool   `json:"archived"`
	References      string `json:"referencedObjectType"`
	Options         []struct {
		Value string `json:"value"`
	} `json:"options"`
	Modification struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

// ReadSchema reads the definitions of the properties of contacts and companies
// and the owners, at one call for each kind and two for 100 owners or fewer.
func (c *Client) ReadSchema(ctx context.Context) (crm.Schema, error) {
	s := crm.Schema{System: crm.HubSpot, CounterpartField: c.counterpartField, Fields: map[crm.Kind]map[string]crm.FieldInfo{}}
	for _, kind := range crm.Kinds {
		req := request{action: actionDescribe, method: http.MethodGet, area: areaProperties, kind: kind}
		var answer struct {
			Results []propertyDefinition `json:"results"`
		}
		status, err := c.call(ctx, req, &answer)
		if err != nil {
			return s, err
		}
		if len(answer.Results) == 0 {
			return s, req.refusedError("the answer has no properties", status)
		}
		s.Fields[kind] = map[string]crm.FieldInfo{}
		for _, p := range answer.Results {
			if !p.Archived {
				s.Fields[kind][p.Name] = p.toFieldInfo()
			}
		}
	}
	owners, err := c.ListOwners(ctx)
	if err != nil && !crm.IsKind(err, crm.Forbidden) {
		return s, err
	}
	s.Owners = owners // none without the permission to read them
	return s, nil
}

func (p propertyDefinition) toFieldInfo() crm.FieldInfo {
	f := crm.FieldInfo{
		Name: p.Name, Label: p.Label, Native: p.Type + "/" + p.FieldType,
		ReadOnly: p.Modification.ReadOnlyValue, Calculated: p.Calculated,
		Unique: p.Unique || p.Name == propEmail,
	}
	for _, o := range p.Options {
		f.Options = append(f.Options, o.Value)
	}
	switch {
	case p.Name == propCompany:
		// The property itself is read-only: the connector writes the
		// association that it shows.
		f.Holds, f.ReadOnly, f.Calculated = crm.Lookup, false, false
	case p.Name == propOwner || p.References == "OWNER":
		f.Holds = crm.OwnedBy
	case p.Type == "string":
		f.Holds, f.Length = crm.Text, maxText
	case p.Type == "number":
		f.Holds = crm.Number
	case p.Type == "date":
		f.Holds = crm.Date
	case p.Type == "datetime":
		f.Holds = crm.DateTime
	case p.Type == "bool", p.FieldType == "booleancheckbox":
		f.Holds, f.Options = crm.Bool, nil
	case p.Type == "enumeration" && p.FieldType == "checkbox":
		f.Holds, f.Closed = crm.List, !p.ExternalOptions
	case p.Type == "enumeration":
		f.Holds, f.Closed = crm.Text, !p.ExternalOptions
	}
	if p.Name == propEmail {
		f.Form = crm.EmailAddress
	}
	return f
}

// CreateCounterpartProperty defines the unique property for the Zoho id of a
// kind. It takes the scope crm.schemas.contacts.write or
// crm.schemas.companies.write. A property of that name that exists is an error
// of kind Duplicate.
func (c *Client) CreateCounterpartProperty(ctx context.Context, kind crm.Kind) error {
	group := map[crm.Kind]string{crm.Contact: "contactinformation", crm.Company: "companyinformation"}[kind]
	req := request{action: "create property", method: http.MethodPost, area: areaProperties, kind: kind, body: map[string]any{
		"groupName": group, "name": c.counterpartField, "label": "Zoho ID", "hasUniqueValue": true, "type": "string", "fieldType": "text",
		"description": "The id of this record in Zoho CRM, kept by the connector. Do not change it.",
	}}
	if err := kind.Validate(); err != nil {
		return req.refusedError("the kind is unknown", 0)
	}
	var made propertyDefinition
	status, err := c.call(ctx, req, &made)
	if err == nil && (made.Name != c.counterpartField || !made.Unique) {
		err = req.refusedError("the created property differs from the requested one", status)
	}
	return err
}
