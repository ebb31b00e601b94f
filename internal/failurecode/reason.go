package failurecode

// Reason says why an operation was ignored, or why it was parked where no single
// code says so. No person has to act on an ignored operation.
type Reason string

// Reasons of ignored operations.
const (
	KindNotMapped      Reason = "kind_not_mapped"
	SourceNotFound     Reason = "source_not_found"
	SourceDeleted      Reason = "source_deleted"
	CounterpartDeleted Reason = "counterpart_deleted"
	// CounterpartMissing: there is no counterpart, and the mapping creates none.
	CounterpartMissing Reason = "no_counterpart"
	NothingToCreate    Reason = "nothing_to_create"
	Erased             Reason = "erased"
)

// FieldsRefused is the reason of a parked operation: a side refused some fields,
// and the failure that is recorded names them.
const FieldsRefused Reason = "fields_refused"

// AllReasons returns every reason of this package.
func AllReasons() []Reason {
	return []Reason{KindNotMapped, SourceNotFound, SourceDeleted, CounterpartDeleted, CounterpartMissing, NothingToCreate, Erased, FieldsRefused}
}

var reasonTexts = map[Reason]string{
	KindNotMapped:      "The mapping has no records of this kind",
	SourceNotFound:     "The record does not exist; nothing is left to do",
	SourceDeleted:      "The record was deleted; its counterpart stays",
	CounterpartDeleted: "The counterpart was deleted; it is not created again",
	CounterpartMissing: "The record has no counterpart, and the mapping creates none",
	NothingToCreate:    "The record holds nothing that the other side could take",
	Erased:             "The record was deleted for privacy",
	FieldsRefused:      "A side refused some of the fields",
}

// Text says the reason in a sentence, "" for one that this package does not have.
func (r Reason) Text() string { return reasonTexts[r] }
