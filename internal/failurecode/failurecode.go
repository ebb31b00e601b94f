// Package failurecode declares the codes of the failures that the connector itself
// finds, and the reasons for which it ignores an operation. Package failure has the
// class, the text and the remedy of each code; this package stands beneath it, so
// that package syncer can use the codes as well.
package failurecode

// Code names the cause of a failure: one of the constants below, or a code that a
// CRM or a Google service answered.
type Code string

// Codes of a synchronisation that a person has to help along.
const (
	NotMappable         Code = "NOT_MAPPABLE"
	NoCounterpart       Code = "NO_COUNTERPART" // of an option
	OwnerUnknown        Code = "OWNER_UNKNOWN"
	CounterpartIsLinked Code = "COUNTERPART_IS_LINKED"
	AmbiguousMatch      Code = "AMBIGUOUS_MATCH"
	CounterpartOfMerged Code = "COUNTERPART_OF_MERGED"
	CompanyNotLinked    Code = "COMPANY_NOT_LINKED"
	// PrivacyDeletion leaves the counterpart of an erased record to a person.
	PrivacyDeletion Code = "PRIVACY_DELETION"
	LostValue       Code = "LOST_VALUE"
	// MassClear holds an operation that would clear values on too many records.
	MassClear Code = "MASS_CLEAR"
)

// Codes of a value that a CRM refused without a code for the field.
const (
	ValueRefused   Code = "REFUSED"
	DuplicateValue Code = "DUPLICATE"
)

// Codes of messages and of handlers.
const (
	Undecodable      Code = "UNDECODABLE"     // the message is not a valid operation
	UnknownVersion   Code = "UNKNOWN_VERSION" // a newer connector wrote the operation
	Exhausted        Code = "EXHAUSTED"       // all deliveries by Pub/Sub failed
	Panic            Code = "PANIC"
	DeadlineExceeded Code = "DEADLINE_EXCEEDED"
	Unknown          Code = "UNKNOWN_ERROR"
)

// All returns every code of this package.
func All() []Code {
	return []Code{
		NotMappable, NoCounterpart, OwnerUnknown, CounterpartIsLinked, AmbiguousMatch, CounterpartOfMerged, CompanyNotLinked,
		PrivacyDeletion, LostValue, MassClear, ValueRefused, DuplicateValue,
		Undecodable, UnknownVersion, Exhausted, Panic, DeadlineExceeded, Unknown,
	}
}
