// Package crm is the vocabulary that both sides of the connector share: which
// system, which kind of record, which record, what was read, what is to be
// written and what went wrong. It knows neither HubSpot nor Zoho.
package crm

import (
	"fmt"
	"strings"
	"time"
)

// System names a CRM.
type System string

// The two systems that are kept equal.
const (
	HubSpot System = "hubspot"
	Zoho    System = "zoho"
)

// Systems lists both systems in the order in which they are always visited.
var Systems = [...]System{HubSpot, Zoho}

// Other returns the opposite side.
func (s System) Other() System {
	if s == HubSpot {
		return Zoho
	}
	return HubSpot
}

// Validate reports whether s is one of the two systems.
func (s System) Validate() error {
	if s != HubSpot && s != Zoho {
		return fmt.Errorf("unknown system %q: want %q or %q", string(s), HubSpot, Zoho)
	}
	return nil
}

// Kind names a kind of record, the same on both sides.
type Kind string

// The kinds of record that are synchronised.
const (
	Contact Kind = "contact"
	Company Kind = "company"
)

// Kinds lists every kind.
var Kinds = [...]Kind{Contact, Company}

// Validate reports whether k is a known kind.
func (k Kind) Validate() error {
	if k != Contact && k != Company {
		return fmt.Errorf("unknown kind %q: want %q or %q", string(k), Contact, Company)
	}
	return nil
}

// maxIDLength bounds a record id: HubSpot's are about 12 digits, Zoho's 19.
const maxIDLength = 64

// Ref names one record of one system.
type Ref struct {
	System   System `json:"system"`
	Kind     Kind   `json:"kind"`
	RecordID string `json:"record_id"`
}

// String returns the form used as ordering key and in logs: "hubspot/contact/123".
func (r Ref) String() string {
	return string(r.System) + "/" + string(r.Kind) + "/" + r.RecordID
}

// Validate reports the first thing that keeps r from naming a record.
// Both systems number their records, so an id is digits only.
func (r Ref) Validate() error {
	if err := r.System.Validate(); err != nil {
		return err
	}
	if err := r.Kind.Validate(); err != nil {
		return err
	}
	if r.RecordID == "" || len(r.RecordID) > maxIDLength || strings.Trim(r.RecordID, "0123456789") != "" {
		return fmt.Errorf("record id of %s/%s is not a number of at most %d digits", r.System, r.Kind, maxIDLength)
	}
	return nil
}

// ParseRef reads the form that String writes.
func ParseRef(s string) (Ref, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return Ref{}, fmt.Errorf("reference %q: want system/kind/id", s)
	}
	r := Ref{System: System(parts[0]), Kind: Kind(parts[1]), RecordID: parts[2]}
	return r, r.Validate()
}

// Record is what one read of a record saw.
type Record struct {
	// Ref is the record that answered. Its id differs from the one asked for
	// when that record was merged into another.
	Ref Ref
	// Fields holds the raw value of each mapped field under the API name that
	// its system uses. An unset field is absent. Numbers and booleans are their
	// JSON text, lists are joined with ";", a lookup is the id it points to.
	Fields map[string]string
	// History holds the edits of each field, newest first, under the same
	// names. It is nil when the read did not include it.
	History map[string][]Edit
	// Aliases holds further values by which a record is known, such as a
	// contact's additional e-mail addresses, under the API name of the field.
	Aliases map[string][]string
	// Former holds the ids that the record had before merges, or took over by
	// them.
	Former []string
	// CounterpartID is the other system's id that is written on the record itself.
	CounterpartID string
	Created       time.Time
	Modified      time.Time
	// CreatedByUs and ModifiedByUs tell whether the connector's own account
	// was the last to do so.
	CreatedByUs  bool
	ModifiedByUs bool
	// AsOf is when the call left that read the record, by our clock; zero where
	// it left when the record was asked for.
	AsOf time.Time
}

// Edit is one entry in the history of a field.
type Edit struct {
	Value string // raw, as in Record.Fields; "" when the edit cleared the field
	At    time.Time
	Own   bool // written by the connector
}

// ValueType tells how a value is encoded on the wire.
type ValueType string

// The types that the two systems tell apart when they are written to.
const (
	Text     ValueType = "text"
	Number   ValueType = "number"
	Bool     ValueType = "bool"
	Date     ValueType = "date"
	DateTime ValueType = "datetime"
	List     ValueType = "list"   // Text holds the items joined with ";"
	Lookup   ValueType = "lookup" // Text holds the id
	OwnedBy  ValueType = "owner"  // Text holds the owner's e-mail address
)

// Value is one value to be written; an empty Text clears the field.
type Value struct {
	Type ValueType
	Text string
	// Otherwise is the owner to be written where the system has no active one
	// of that address; "" for none, so that the field is refused.
	Otherwise string
}

// Write is what one call changes on a record.
type Write struct {
	Fields map[string]Value
	// CounterpartID, unless empty, is written to the field that holds the other
	// system's id.
	CounterpartID string
}

// Written is what a system says of a write that succeeded.
type Written struct {
	Ref      Ref
	Modified time.Time
	// Guard is a time by the system's clock: had the record been modified after
	// it, the write would have been refused. It is zero for a write that would
	// have gone over anything.
	Guard time.Time
}

// Update is a write to a record as it was read.
type Update struct {
	Record Record
	Write  Write
}

// Answer is what a call about several records says of one of them.
type Answer[T any] struct {
	Value T
	Err   error
}

// Key finds records by the exact value of one field. A key with an empty value
// finds nothing.
type Key struct {
	Field string // API name; "" stands for the field that holds the other system's id
	Value string
	// Host tells that Value is a host, to be compared with that of a web address.
	Host HostMatch
}

// HostMatch says which hosts a key finds.
type HostMatch string

// The hosts that a key finds. "www." in front of one does not count.
const (
	SameHost   HostMatch = "same"
	BelowHost  HostMatch = "below" // shop.example.com for example.com
	WholeValue HostMatch = ""      // the field's text is compared as a whole
)
