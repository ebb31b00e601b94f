package crm

// Schema is what a system says of itself: which fields its records have, what
// they hold, and who may own a record.
type Schema struct {
	System System
	// CounterpartField is the API name of the field for the other system's id.
	CounterpartField string
	Fields           map[Kind]map[string]FieldInfo // by API name
	Owners           []Owner
}

// FieldInfo describes one field of a system.
type FieldInfo struct {
	Name   string // API name
	Label  string // what people see
	Native string // the system's own word for the type, such as "enumeration/checkbox"
	// Holds is what the field takes; "" for what no mapping can write, such as
	// a file.
	Holds ValueType
	// Form narrows a text, number or date down; "" for none.
	Form Form
	// Options are what a picklist takes. Closed ones take nothing else.
	Options []string
	Closed  bool
	// Length is the most characters, or digits of a number, 0 where the system
	// does not say.
	Length int

	ReadOnly   bool // it cannot be written through the API
	Calculated bool // the system works its value out
	Required   bool // a record without it is refused
	Unique     bool // two records cannot have the same value
}

// Form is what a field wants of its values beyond their type.
type Form string

// Forms that the systems check.
const (
	WholeNumber  Form = "whole number"
	EmailAddress Form = "e-mail address"
	PhoneNumber  Form = "phone number"
	WebAddress   Form = "web address"
)

// Owner is a user to whom records can belong.
type Owner struct {
	ID     string // what the owner field of a record takes
	Email  string
	Active bool // an inactive one keeps records and gets no new ones
}
