// Package mapping says which fields the two CRMs share, in which direction
// each may be written and what it means for two values to be equal.
//
// A mapping is a YAML file for people; Default is the one that is built in and
// Parse reads any other and reports everything that is wrong with it at once,
// by line and column. docs/mapping.md describes the file.
//
// Two CRMs spell the same value differently: a phone number, a country, an
// option of a picklist. Canon brings a value of either side into one form, in
// which it is compared; Render brings that form back into what one side
// stores. Between them hold three laws, which keep the connector from writing
// for ever:
//
//   - reading back what was rendered gives the value that was rendered:
//     Canon(s, Render(s, c)) == c for every c that s can hold. Where the mapping
//     says what to write in place of one that it cannot hold, Stored tells what
//     is read back, and Stored(s, Stored(s, c)) == Stored(s, c);
//   - a canonical form is its own canonical form, read as HubSpot's;
//   - both sides' canonical forms are the same: equal values are equal texts.
//
// The package is pure: no clock, no network, no file but the embedded ones.
package mapping

import (
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Type is what a field holds. It decides the canonical form.
type Type string

// The types of field. The zero value is Text.
const (
	Text          Type = "text"
	Email         Type = "email"
	Phone         Type = "phone"
	URL           Type = "url"
	Domain        Type = "domain"
	Country       Type = "country"
	Number        Type = "number"
	Integer       Type = "integer"
	Currency      Type = "currency"
	Date          Type = "date"
	DateTime      Type = "datetime"
	Bool          Type = "bool"
	Picklist      Type = "picklist"
	MultiPicklist Type = "multipicklist"
	Owner         Type = "owner"
	// Company is the company that a contact belongs to: its value is the other
	// record's id, which each side has its own of.
	Company Type = "company"
)

// Direction says which side may be written. The zero value is Both.
type Direction string

// The directions.
const (
	Both      Direction = "both"
	ToZoho    Direction = "to_zoho"
	ToHubSpot Direction = "to_hubspot"
)

// allows reports whether d lets the connector write on s.
func (d Direction) allows(s crm.System) bool {
	switch d {
	case ToZoho:
		return s == crm.Zoho
	case ToHubSpot:
		return s == crm.HubSpot
	}
	return true
}

// Conflict says who wins when both sides were edited.
type Conflict string

// The conflict rules. The zero value is MostRecent.
const (
	MostRecent  Conflict = "most_recent"
	HubSpotWins Conflict = "hubspot"
	ZohoWins    Conflict = "zoho"
)

// Clear says what becomes of a value that a person deleted on one side.
type Clear string

// The rules for cleared values. The zero value is Propagate.
const (
	Propagate Clear = "propagate" // deleted on the other side too
	Keep      Clear = "keep"      // the other side keeps what it has
)

// Unknown says what becomes of an option or an owner without counterpart on
// the other side.
type Unknown string

// The rules for values without counterpart. The zero value is Park.
const (
	Park       Unknown = "park"    // the field is not written, and reported
	Pass       Unknown = "pass"    // written as it is
	UseDefault Unknown = "default" // the field's default is written
)

// Mapping is everything that is synchronised, and how.
type Mapping struct {
	// Preferred is the side that wins when two edits are equally recent.
	Preferred crm.System
	// Region is the country, ISO 3166 alpha-2, that phone numbers without a
	// country code belong to.
	Region string
	// Zone is the time zone, as Europe/Berlin, in which a date-time has its day.
	Zone string
	// IDs are the unique fields in which a side holds the other's id, where they
	// are not called as usual.
	IDs     map[crm.System]string
	Objects map[crm.Kind]*Object
}

// Object is how one kind of record is synchronised.
type Object struct {
	Kind      crm.Kind
	Direction Direction
	Conflict  Conflict
	// Create says on which side a record that the other side has is created.
	Create map[crm.System]bool
	// Match names our fields by which a counterpart is looked for before one
	// is created, in order of trust.
	Match  []string
	Fields []Field
}

// Field is one field that both sides have.
type Field struct {
	Name      string // ours, unique within the object
	HubSpot   string // HubSpot's internal property name
	Zoho      string // Zoho's API name
	Type      Type
	Direction Direction
	Conflict  Conflict
	Clear     Clear
	// Required lists the sides that refuse a record without this field.
	Required []crm.System
	// Values pairs the options of a picklist. Without any, both sides use the
	// same options.
	Values []ValuePair
	// Ignore lists, per side, options that carry no information and read as
	// empty.
	Ignore map[crm.System][]string
	// Unknown is the rule for options and owners without counterpart.
	Unknown Unknown
	// Default, in canonical form, is what a new record gets where the field is
	// required and empty, and what stands for an unknown value under UseDefault.
	Default string
	// Shorten says after how many characters a side's text is cut off. A text
	// that is too long elsewhere is refused by the side and parked.
	Shorten map[crm.System]int
	// Timed lists the sides on which a field of type Date is a date-time.
	Timed []crm.System

	region string         // of the mapping
	zone   *time.Location // of the mapping
	object Direction      // of the object
}

// ValuePair is one option of a picklist as each side names it. Several options
// of one side may be paired with the same option of the other; the first pair
// listed says which one is written back.
type ValuePair struct {
	HubSpot, Zoho string
}

// On returns the option's name on s.
func (p ValuePair) On(s crm.System) string {
	if s == crm.HubSpot {
		return p.HubSpot
	}
	return p.Zoho
}

// Object returns how k is synchronised, nil if it is not.
func (m *Mapping) Object(k crm.Kind) *Object { return m.Objects[k] }

// FieldNames lists the API names to read on s, sorted and without repetition.
func (o *Object) FieldNames(s crm.System) []string {
	names := make([]string, 0, len(o.Fields))
	for i := range o.Fields {
		names = append(names, o.Fields[i].On(s))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// OwnerNames lists the API names on s of the fields that hold an owner.
func (o *Object) OwnerNames(s crm.System) []string {
	var names []string
	for i := range o.Fields {
		if o.Fields[i].Type == Owner {
			names = append(names, o.Fields[i].On(s))
		}
	}
	slices.Sort(names)
	return names
}

// Field returns the field with our name, nil if there is none.
func (o *Object) Field(name string) *Field {
	for i := range o.Fields {
		if o.Fields[i].Name == name {
			return &o.Fields[i]
		}
	}
	return nil
}

// On returns the field's API name on s.
func (f *Field) On(s crm.System) string {
	if s == crm.HubSpot {
		return f.HubSpot
	}
	return f.Zoho
}

// Writable reports whether the connector may write the field on s: both the
// field and its object must allow it.
func (f *Field) Writable(s crm.System) bool {
	return f.Direction.allows(s) && f.object.allows(s)
}

// RequiredOn reports whether s refuses a record without the field.
func (f *Field) RequiredOn(s crm.System) bool { return slices.Contains(f.Required, s) }
