package reconcile

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Result tells what a run did.
type Report struct {
	StartedAt time.Time `json:"started_at"`
	TookMS    int64     `json:"took_ms"`
	// Published counts operations, over all passes.
	Published int `json:"published"`
	// Complete is set when no pass is left under way.
	Complete bool         `json:"complete"`
	Passes   []PassReport `json:"passes"`
}

// Stop says why a pass did not come to its end in a run.
type Stop string

// Why a pass stopped. The next run goes on where it was.
const (
	OutOfTime   Stop = "out_of_time"
	RateLimited Stop = "rate_limited" // a quota of the CRM is used up
	Unavailable Stop = "unavailable"  // the CRM does not answer
	Overtaken   Stop = "overtaken"    // another run is at it
	Failed      Stop = "failed"       // Error tells more
	MassChange  Stop = "mass_change"  // a safeguard waits for a person
)

// PassReport is about one kind of record of one system.
type PassReport struct {
	System  crm.System `json:"system"`
	Kind    crm.Kind   `json:"kind"`
	Deleted bool       `json:"deleted"` // it looks for deleted records
	Pages   int        `json:"pages"`
	// Published counts operations.
	Published int `json:"published"`
	// Touched counts the records of the whole pass, earlier runs included, that
	// the safeguard counts.
	Touched int `json:"touched,omitempty"`
	// Covered: everything that bears a time up to here was published.
	Covered  time.Time `json:"covered"`
	Complete bool      `json:"complete"`
	// NotDue is set when the last pass ended too recently for another.
	NotDue  bool   `json:"not_due,omitempty"`
	Stopped Stop   `json:"stopped,omitempty"`
	Error   string `json:"error,omitempty"`
	// Truncated is set when the CRM would not list all there was.
	Truncated bool `json:"truncated,omitempty"`
}

// Join adds what the next run did to what this one and those before it did.
func (r Report) Join(next Report) Report {
	next.StartedAt, next.TookMS, next.Published = r.StartedAt, r.TookMS+next.TookMS, r.Published+next.Published
	for i := range next.Passes {
		if i < len(r.Passes) {
			next.Passes[i].Pages += r.Passes[i].Pages
			next.Passes[i].Published += r.Passes[i].Published
			next.Passes[i].Truncated = next.Passes[i].Truncated || r.Passes[i].Truncated
		}
	}
	return next
}
