package reconcile

import (
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Outcome says what a backfill did with a record, or would do.
type Outcome string

// The outcomes.
const (
	Create    Outcome = "create"    // make a record on the other side
	Link      Outcome = "link"      // link it to a record that is there
	Update    Outcome = "update"    // change a pair that is linked
	Skip      Outcome = "skip"      // nothing
	Ambiguous Outcome = "ambiguous" // several records match: parked, with the candidates
	Parked    Outcome = "parked"    // recorded as a failure
)

// OutcomeOf says what the operation of a result was. linked is whether the record
// had a link before.
func OutcomeOf(r syncer.Result, linked bool) Outcome {
	switch {
	case r.Outcome == syncer.Parked && r.Reason == failurecode.Reason(failurecode.AmbiguousMatch):
		return Ambiguous
	case r.Created.RecordID != "":
		return Create
	case r.Outcome == syncer.Parked:
		return Parked
	case !linked && r.Counterpart.RecordID != "" && (r.Outcome == syncer.Updated || r.Outcome == syncer.Unchanged):
		return Link
	case r.Outcome == syncer.Updated:
		return Update
	}
	return Skip
}

// Outcomes counts records by kind and outcome.
type Outcomes map[crm.Kind]map[Outcome]int

// Total sums an outcome over the kinds.
func (c Outcomes) Total(o Outcome) int {
	n := 0
	for _, of := range c {
		n += of[o]
	}
	return n
}
