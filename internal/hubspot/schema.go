package hubspot

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// The parts of the API that describe an account.
const (
	areaProperties = "properties"
	areaOwners     = "owners"
	areaAccount    = "account"

	actionDescribe = "describe"
)

// maxText is the most characters that HubSpot keeps of a text.
const maxText = 65_536

// maxOwnerPages bounds a listing that would not end, at 100 owners a page.
const maxOwnerPages = 100

// property is the definition of a property.
type property struct {
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

// Schema reads the definitions of the properties of contacts and companies and
// the owners, at one call for each kind and two for 100 owners or fewer.
func (c *Client) Schema(ctx context.Context) (crm.Schema, error) {
	s := crm.Schema{System: crm.HubSpot, Twin: c.twin, Fields: map[crm.Kind]map[string]crm.FieldInfo{}}
	for _, kind := range crm.Kinds {
		req := request{action: actionDescribe, method: http.MethodGet, area: areaProperties, kind: kind}
		var answer struct {
			Results []property `json:"results"`
		}
		status, err := c.call(ctx, req, &answer)
		if err != nil {
			return s, err
		}
		if len(answer.Results) == 0 {
			return s, req.refusal("the answer has no properties", status)
		}
		s.Fields[kind] = map[string]crm.FieldInfo{}
		for _, p := range answer.Results {
			if !p.Archived {
				s.Fields[kind][p.Name] = p.info()
			}
		}
	}
	owners, err := c.Owners(ctx)
	if err != nil && !crm.IsKind(err, crm.Forbidden) {
		return s, err
	}
	s.Owners = owners // none where they may not be read
	return s, nil
}

func (p property) info() crm.FieldInfo {
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
		// Nobody writes the property: the connector writes the association that it
		// shows.
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

// Owners lists the users to whom records can belong, the archived ones too,
// which records of the past still name. It needs the scope
// crm.objects.owners.read.
func (c *Client) Owners(ctx context.Context) ([]crm.Owner, error) {
	var owners []crm.Owner
	for _, archived := range []string{"false", "true"} {
		query := url.Values{"limit": {"100"}, "archived": {archived}}
		for page := 0; ; page++ {
			req := request{action: actionDescribe, method: http.MethodGet, area: areaOwners, path: "?" + query.Encode()}
			var answer struct {
				Results []struct {
					ID    scalar `json:"id"`
					Email string `json:"email"`
				} `json:"results"`
				Paging struct {
					Next struct {
						After scalar `json:"after"`
					} `json:"next"`
				} `json:"paging"`
			}
			status, err := c.call(ctx, req, &answer)
			if err != nil {
				return nil, err
			}
			for _, o := range answer.Results {
				owners = append(owners, crm.Owner{ID: string(o.ID), Email: o.Email, Active: archived == "false"})
			}
			after := string(answer.Paging.Next.After)
			if after == "" {
				break
			}
			if page == maxOwnerPages {
				return nil, req.refusal("the list of owners does not end", status)
			}
			query.Set("after", after)
		}
	}
	return owners, nil
}
