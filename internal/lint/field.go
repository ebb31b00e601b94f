package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// ends are what both CRMs say of one mapped field.
type ends map[crm.System]crm.FieldInfo

func (c *checker) mapped(o *mapping.Object, f *mapping.Field) {
	page := &sheet{kind: o.Kind, field: f.Name}
	found := ends{}
	for _, s := range crm.Systems {
		info, ok := c.field(s, o.Kind, f.On(s))
		if !ok {
			page.add(Error, s, f.On(s), "no_such_field", title(s)+" has no such field", c.suggest(s, o.Kind, f.On(s)))
			continue
		}
		found[s] = info
		checkWritable(page, s, f, info)
		checkType(page, s, f, info)
		checkRequired(page, s, o, f, info)
	}
	if len(found) == len(crm.Systems) {
		checkOptions(page, f, found)
		c.checkOwners(page, f)
	}
	c.close(page)
}

// suggest looks for the field that was meant: people take the label for the
// API name, or miss a letter's case.
func (c *checker) suggest(s crm.System, kind crm.Kind, name string) string {
	for _, f := range sorted(c.schemas[s].Fields[kind]) {
		if bare(f.Name) == bare(name) || bare(f.Label) == bare(name) {
			return fmt.Sprintf("write %s: %s, or create the field", s, f.Name)
		}
	}
	return fmt.Sprintf("create it in %s, or copy the API name from the settings there", title(s))
}

var separators = strings.NewReplacer(" ", "", "_", "", "-", "", "/", "")

// bare reduces a name to what people remember of it.
func bare(name string) string { return strings.ToLower(separators.Replace(name)) }

func checkWritable(page *sheet, s crm.System, f *mapping.Field, info crm.FieldInfo) {
	if !f.Writable(s) || !info.ReadOnly && !info.Calculated {
		return
	}
	why := "is read-only"
	if info.Calculated {
		why = "is calculated by " + title(s)
	}
	to := map[crm.System]mapping.Direction{crm.HubSpot: mapping.ToZoho, crm.Zoho: mapping.ToHubSpot}[s]
	page.add(Error, s, info.Name, "not_writable", why+", yet the mapping writes it", fmt.Sprintf("write direction: %s", to))
}

// holders lists what a field of a CRM may hold for each type of a mapping.
var holders = map[mapping.Type][]crm.ValueType{
	mapping.Text:          {crm.Text},
	mapping.Email:         {crm.Text},
	mapping.Phone:         {crm.Text},
	mapping.URL:           {crm.Text},
	mapping.Domain:        {crm.Text},
	mapping.Country:       {crm.Text},
	mapping.Number:        {crm.Number, crm.Text},
	mapping.Integer:       {crm.Number, crm.Text},
	mapping.Currency:      {crm.Number, crm.Text},
	mapping.Date:          {crm.Date, crm.Text},
	mapping.DateTime:      {crm.DateTime},
	mapping.Bool:          {crm.Bool},
	mapping.Picklist:      {crm.Text},
	mapping.MultiPicklist: {crm.List},
	mapping.Owner:         {crm.OwnedBy},
	mapping.Company:       {crm.Lookup},
}

// forms are the types whose values have the form that a CRM may ask for.
var forms = map[crm.Form][]mapping.Type{
	crm.WholeNumber:  {mapping.Integer},
	crm.EmailAddress: {mapping.Email},
	crm.PhoneNumber:  {mapping.Phone},
	crm.WebAddress:   {mapping.URL, mapping.Domain},
}

// suited are the types for what a CRM's field holds, the likeliest first.
var suited = map[crm.ValueType][]mapping.Type{
	crm.Text:     {mapping.Text},
	crm.Number:   {mapping.Number, mapping.Integer, mapping.Currency},
	crm.Bool:     {mapping.Bool},
	crm.Date:     {mapping.Date},
	crm.DateTime: {mapping.DateTime},
	crm.List:     {mapping.MultiPicklist},
	crm.OwnedBy:  {mapping.Owner},
}

func checkType(page *sheet, s crm.System, f *mapping.Field, info crm.FieldInfo) {
	isPicklist := f.Type == mapping.Picklist || f.Type == mapping.MultiPicklist
	switch {
	case len(suited[info.Holds]) == 0 && !holds(f, s, info.Holds):
		page.add(Error, s, info.Name, "type_not_supported", fmt.Sprintf("is of %s's type %s, which cannot be mapped", title(s), info.Native),
			"map a field that holds a plain value")
	case f.Type == mapping.Date && info.Holds == crm.DateTime && !slices.Contains(f.Timed, s):
		page.add(Error, s, info.Name, "wrong_type", fmt.Sprintf("is of %s's type %s, the mapping says date", title(s), info.Native),
			fmt.Sprintf("write datetime: %s, or type: datetime if both sides have a time", s))
	case slices.Contains(f.Timed, s) && info.Holds != crm.DateTime:
		page.add(Error, s, info.Name, "wrong_type", fmt.Sprintf("is of %s's type %s, the mapping says that it has a time", title(s), info.Native),
			"take the side out of datetime")
	case !holds(f, s, info.Holds):
		page.add(Error, s, info.Name, "wrong_type", fmt.Sprintf("is of %s's type %s, the mapping says %s", title(s), info.Native, f.Type),
			"write type: "+words(suited[info.Holds], " or "))
	case info.Closed && !isPicklist && f.Writable(s):
		page.add(Error, s, info.Name, "is_picklist", fmt.Sprintf("takes nothing but its options, the mapping says %s", f.Type),
			"write type: picklist")
	case info.Form != "" && f.Writable(s) && !slices.Contains(forms[info.Form], f.Type):
		page.add(Warning, s, info.Name, "form", fmt.Sprintf("takes only values of the form %q, the mapping says %s", info.Form, f.Type),
			"write type: "+words(forms[info.Form], " or "))
	}
}

func holds(f *mapping.Field, s crm.System, v crm.ValueType) bool {
	return slices.Contains(holders[f.Type], v) || f.Type == mapping.Date && slices.Contains(f.Timed, s) && v == crm.DateTime
}

func words[T ~string](list []T, between string) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
	}
	return strings.Join(texts, between)
}

func checkRequired(page *sheet, s crm.System, o *mapping.Object, f *mapping.Field, info crm.FieldInfo) {
	if !info.Required || f.RequiredOn(s) || !f.Writable(s) {
		return
	}
	severity := Warning
	if o.Create[s] {
		severity = Error
	}
	page.add(severity, s, info.Name, "required", title(s)+" refuses a record without it", fmt.Sprintf("write required: %s", s))
}

// checkLength reports, at once for the whole object, the texts of which one
// side takes less than the other.
func (c *checker) checkLength(page *sheet, o *mapping.Object) {
	for _, s := range crm.Systems {
		var shorter []string
		for i := range o.Fields {
			f := &o.Fields[i]
			here, _ := c.field(s, o.Kind, f.On(s))
			there, _ := c.field(s.Other(), o.Kind, f.On(s.Other()))
			limited := here.Holds == crm.Text && !here.Closed && here.Length > 0 && here.Length < there.Length &&
				(f.Shorten[s] == 0 || f.Shorten[s] > here.Length)
			if limited && f.Writable(s) && there.Holds == crm.Text {
				shorter = append(shorter, fmt.Sprintf("%s (%d)", f.Name, here.Length))
			}
		}
		if len(shorter) > 0 {
			page.add(Note, s, "", "shorter", fmt.Sprintf("%s takes fewer characters than %s of %s", title(s), title(s.Other()), strings.Join(shorter, ", ")),
				"nothing, unless such texts occur: a longer one is parked until it is corrected, or cut off if the mapping says shorten")
		}
	}
}
