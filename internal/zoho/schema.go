package zoho

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// fieldDefinition is the definition of a field.
type fieldDefinition struct {
	APIName       string `json:"api_name"`
	Label         string `json:"field_label"`
	DataType      string `json:"data_type"`
	Length        int    `json:"length"`
	Mandatory     bool   `json:"system_mandatory"`
	ReadOnly      bool   `json:"read_only"`
	FieldReadOnly bool   `json:"field_read_only"`
	Unique        any    `json:"unique"`
	Operation     *struct {
		Create bool `json:"api_create"`
		Update bool `json:"api_update"`
	} `json:"operation_type"`
	Options []struct {
		Actual string `json:"actual_value"`
		Type   string `json:"type"`
	} `json:"pick_list_values"`
}

// dataType describes the values of a field of one of Zoho's types.
type dataType struct {
	holds      crm.ValueType
	form       crm.Form
	calculated bool
}

// dataTypes contains the types that a mapping can use. Source:
// https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html
var dataTypes = map[string]dataType{
	"text":                {holds: crm.Text},
	"textarea":            {holds: crm.Text},
	"email":               {holds: crm.Text, form: crm.EmailAddress},
	"phone":               {holds: crm.Text, form: crm.PhoneNumber},
	"website":             {holds: crm.Text, form: crm.WebAddress},
	"picklist":            {holds: crm.Text},
	"multiselectpicklist": {holds: crm.List},
	"boolean":             {holds: crm.Bool},
	"integer":             {holds: crm.Number, form: crm.WholeNumber},
	"bigint":              {holds: crm.Text, form: crm.WholeNumber}, // sent as a text
	"double":              {holds: crm.Number},
	"decimal":             {holds: crm.Number},
	"percent":             {holds: crm.Number},
	"currency":            {holds: crm.Number},
	"date":                {holds: crm.Date},
	"datetime":            {holds: crm.DateTime},
	"lookup":              {holds: crm.Lookup},
	"ownerlookup":         {holds: crm.OwnedBy},
	"userlookup":          {holds: crm.OwnedBy},
	"formula":             {holds: crm.Text, calculated: true},
	"autonumber":          {holds: crm.Text, calculated: true},
	"rollup_summary":      {holds: crm.Text, calculated: true},
}

// ReadSchema reads the definitions of the fields of contacts and companies and
// the users, at one call for each kind and one for 200 users.
func (c *Client) ReadSchema(ctx context.Context) (crm.Schema, error) {
	s := crm.Schema{System: crm.Zoho, CounterpartField: c.counterpartField, Fields: map[crm.Kind]map[string]crm.FieldInfo{}}
	for _, kind := range crm.Kinds {
		req := request{action: actionDescribe, method: http.MethodGet, path: "/settings/fields", query: url.Values{"module": {modules[kind]}}}
		a, err := c.call(ctx, req)
		if err != nil {
			return s, err
		}
		var body struct {
			Fields []fieldDefinition `json:"fields"`
		}
		if a.status != http.StatusOK {
			return s, req.statusError(a)
		}
		if decodeJSON(a.body, &body) != nil || len(body.Fields) == 0 {
			return s, req.shapeError(a, "no list of fields")
		}
		s.Fields[kind] = map[string]crm.FieldInfo{}
		for _, f := range body.Fields {
			s.Fields[kind][f.APIName] = f.toFieldInfo()
		}
	}
	owners, err := c.ListOwners(ctx)
	if err != nil && !crm.IsKind(err, crm.Forbidden) {
		return s, err
	}
	s.Owners = owners // none without the permission to read them
	return s, nil
}

func (f fieldDefinition) toFieldInfo() crm.FieldInfo {
	t := dataTypes[f.DataType]
	unique, _ := f.Unique.(map[string]any)
	info := crm.FieldInfo{
		Name: f.APIName, Label: f.Label, Native: f.DataType, Holds: t.holds, Form: t.form, Length: f.Length,
		ReadOnly:   f.ReadOnly || f.FieldReadOnly || f.Operation != nil && !(f.Operation.Create && f.Operation.Update),
		Calculated: t.calculated, Required: f.Mandatory, Unique: len(unique) > 0,
		Closed: f.DataType == "picklist" || f.DataType == "multiselectpicklist",
	}
	for _, o := range f.Options {
		if o.Type != "unused" {
			info.Options = append(info.Options, o.Actual)
		}
	}
	return info
}
