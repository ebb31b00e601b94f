// Package failurecode names the codes of the failures that the connector itself
// finds. Package failure has the class, the text and the remedy of each; this
// package stands beneath it, so that package syncer can use the codes as well.
package failurecode

// Codes of a synchronisation that a person has to help along.
const (
	NotMappable         = "NOT_MAPPABLE"
	NoCounterpart       = "NO_COUNTERPART" // of an option
	OwnerUnknown        = "OWNER_UNKNOWN"
	CounterpartIsLinked = "COUNTERPART_IS_LINKED"
	AmbiguousMatch      = "AMBIGUOUS_MATCH"
	CounterpartOfMerged = "COUNTERPART_OF_MERGED"
	CompanyNotLinked    = "COMPANY_NOT_LINKED"
	// PrivacyDeletion leaves the counterpart of an erased record to a person.
	PrivacyDeletion = "PRIVACY_DELETION"
	LostValue       = "LOST_VALUE"
	// MassClear holds an operation that would clear values on too many records.
	MassClear = "MASS_CLEAR"
)

// Codes of messages and of handlers.
const (
	Undecodable      = "UNDECODABLE"     // the message is not a valid operation
	UnknownVersion   = "UNKNOWN_VERSION" // a newer connector wrote the operation
	Exhausted        = "EXHAUSTED"       // all deliveries by Pub/Sub failed
	Panic            = "PANIC"
	DeadlineExceeded = "DEADLINE_EXCEEDED"
	Unknown          = "UNKNOWN_ERROR"
)

// All returns every code of this package.
func All() []string {
	return []string{
		NotMappable, NoCounterpart, OwnerUnknown, CounterpartIsLinked, AmbiguousMatch, CounterpartOfMerged, CompanyNotLinked,
		PrivacyDeletion, LostValue, MassClear, Undecodable, UnknownVersion, Exhausted, Panic, DeadlineExceeded, Unknown,
	}
}
