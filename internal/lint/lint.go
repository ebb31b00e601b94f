// Package lint compares a mapping with what the two CRMs say of themselves:
// whether every field that is mapped exists, can be written, holds such values
// and is long enough, whether picklists have the options that the mapping
// names, whether the owners on both sides are the same people, and whether the
// fields for each other's ids are there and unique.
//
// What it finds would otherwise show only when a record is refused, one record
// at a time. Check is pure; the schemas come from the clients of both CRMs.
//
// A finding may name options and owners' addresses: it is meant for the person
// who sets the connector up, and not for a log.
package lint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// Severity says how bad a finding is.
type Severity string

// The severities, from the worst. With an Error something that the mapping
// promises cannot work at all; with a Warning some records will have a field
// parked; a Note is good to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

var severities = []Severity{Error, Warning, Note}

// Finding is one thing in which a mapping and a CRM do not fit.
type Finding struct {
	Severity Severity
	Code     string // stable, such as "no_such_field"
	Kind     crm.Kind
	Field    string     // our name; "" for the whole object
	Side     crm.System // the CRM that it is about
	Name     string     // API name there; "" for none in particular
	Message  string     // what is wrong
	Remedy   string     // what to do about it
}

// String is one line: severity, place, what is wrong, what to do.
func (f Finding) String() string {
	place := f.place()
	if f.Name != "" {
		place += fmt.Sprintf(" (%s %s)", f.Side, f.Name)
	}
	return fmt.Sprintf("%s: %s: %s: %s", f.Severity, place, f.Message, f.Remedy)
}

// sections are the kinds as a mapping's text names them.
var sections = map[crm.Kind]string{crm.Contact: "contacts", crm.Company: "companies"}

func (f Finding) place() string {
	if f.Field == "" {
		return sections[f.Kind]
	}
	return sections[f.Kind] + ".fields." + f.Field
}

// Check compares m with the schemas of both CRMs. The findings are in the order
// of the kinds and of the mapping's fields, the worst of each field first; the
// same input gives the same list.
func Check(m *mapping.Mapping, hubspot, zoho crm.Schema) []Finding {
	c := &checker{schemas: map[crm.System]crm.Schema{crm.HubSpot: hubspot, crm.Zoho: zoho}}
	for _, kind := range crm.Kinds {
		if o := m.Object(kind); o != nil {
			c.object(o)
		}
	}
	return c.findings
}

// Failed reports whether a finding is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

type checker struct {
	schemas  map[crm.System]crm.Schema
	findings []Finding
}

// sheet collects what is found about one field, or about an object.
type sheet struct {
	kind     crm.Kind
	field    string
	findings []Finding
}

func (s *sheet) add(severity Severity, side crm.System, name, code, message, remedy string) {
	s.findings = append(s.findings, Finding{
		Severity: severity, Code: code, Kind: s.kind, Field: s.field, Side: side, Name: name, Message: message, Remedy: remedy,
	})
}

// close puts the worst findings first.
func (c *checker) close(s *sheet) {
	slices.SortStableFunc(s.findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	c.findings = append(c.findings, s.findings...)
}

// field finds a field of a CRM.
func (c *checker) field(s crm.System, kind crm.Kind, name string) (crm.FieldInfo, bool) {
	f, ok := c.schemas[s].Fields[kind][name]
	return f, ok
}

func (c *checker) object(o *mapping.Object) {
	page := &sheet{kind: o.Kind}
	known := true
	for _, s := range crm.Systems {
		if len(c.schemas[s].Fields[o.Kind]) == 0 {
			known = false
			page.add(Error, s, "", "no_such_object", fmt.Sprintf("%s shows no fields of %s", title(s), sections[o.Kind]),
				"give the connector's account access to these records")
			continue
		}
		c.checkCounterpartField(page, s)
		c.unmapped(page, s, o)
	}
	c.checkLength(page, o)
	c.close(page)
	for i := range o.Fields {
		if known {
			c.mapped(o, &o.Fields[i])
		}
	}
}

// title is what people call a CRM.
func title(s crm.System) string {
	if s == crm.HubSpot {
		return "HubSpot"
	}
	return "Zoho CRM"
}

// minCounterpartIDLength is the length of an id in Zoho.
const minCounterpartIDLength = 19

// checkCounterpartField checks the field for the other side's id. Without it, or if it is not
// unique, a create that is repeated makes a second record.
func (c *checker) checkCounterpartField(page *sheet, s crm.System) {
	name := c.schemas[s].CounterpartField
	remedy := fmt.Sprintf("add a text field with the API name %s to %s in %s and make it unique; connector setup does it", name, sections[page.kind], title(s))
	f, ok := c.field(s, page.kind, name)
	switch {
	case !ok:
		page.add(Error, s, name, "no_counterpart_field", "the field for the other side's id is missing", remedy)
	case !f.Unique:
		page.add(Error, s, name, "counterpart_field_not_unique", "the field for the other side's id is not unique, so a record could be made twice", remedy)
	case f.ReadOnly || f.Calculated:
		page.add(Error, s, name, "counterpart_field_read_only", "the field for the other side's id cannot be written", remedy)
	case f.Holds != crm.Text || f.Length > 0 && f.Length < minCounterpartIDLength:
		page.add(Error, s, name, "counterpart_field_too_short", "the field for the other side's id does not hold an id of 19 digits", remedy)
	}
}

// unmapped reports fields without which a record cannot be created on s.
func (c *checker) unmapped(page *sheet, s crm.System, o *mapping.Object) {
	if !o.Create[s] {
		return
	}
	mapped := o.FieldNames(s)
	for _, f := range sorted(c.schemas[s].Fields[o.Kind]) {
		if f.Required && !f.ReadOnly && !f.Calculated && !slices.Contains(mapped, f.Name) {
			page.add(Error, s, f.Name, "required_not_mapped", fmt.Sprintf("%s refuses a new record without %s, which is not mapped", title(s), f.Name),
				"map it, or make it optional in "+title(s))
		}
	}
}

// sorted lists fields by their API names.
func sorted(fields map[string]crm.FieldInfo) []crm.FieldInfo {
	list := make([]crm.FieldInfo, 0, len(fields))
	for _, f := range fields {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b crm.FieldInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
