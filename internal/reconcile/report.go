package reconcile

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Report says what a run did.
type Report struct {
	StartedAt time.Time `json:"started_at"`
	TookMS    int64     `json:"took_ms"`
	// Published counts operations, over all scans.
	Published int `json:"published"`
	// Complete is set when no scan is left under way.
	Complete bool         `json:"complete"`
	Scans    []ScanReport `json:"scans"`
}

// Stop says why a scan did not come to its end in a run.
type Stop string

// Why a scan stopped. The next run goes on where it was.
const (
	OutOfTime   Stop = "out_of_time"
	RateLimited Stop = "rate_limited" // a quota of the CRM is used up
	Unavailable Stop = "unavailable"  // the CRM does not answer
	Overtaken   Stop = "overtaken"    // another run is at it
	Failed      Stop = "failed"       // Error says more
	MassChange  Stop = "mass_change"  // a safeguard waits for a person
)

// ScanReport says what a run did with one kind of record of one system.
type ScanReport struct {
	System  crm.System `json:"system"`
	Kind    crm.Kind   `json:"kind"`
	Deleted bool       `json:"deleted"` // it looks for deleted records
	Pages   int        `json:"pages"`
	// Published counts operations.
	Published int `json:"published"`
	// Touched counts the records of the whole scan, earlier runs included, that
	// the safeguard counts.
	Touched int `json:"touched,omitempty"`
	// Covered says up to which time every change was published.
	Covered  time.Time `json:"covered"`
	Complete bool      `json:"complete"`
	// NotDue is set when the last scan ended too recently for another.
	NotDue  bool   `json:"not_due,omitempty"`
	Stopped Stop   `json:"stopped,omitempty"`
	Error   string `json:"error,omitempty"`
	// Truncated is set when the CRM would not list all there was.
	Truncated bool `json:"truncated,omitempty"`
}

// Add adds what the next run did to what this one and those before it did.
func (r Report) Add(next Report) Report {
	next.StartedAt, next.TookMS, next.Published = r.StartedAt, r.TookMS+next.TookMS, r.Published+next.Published
	for i := range next.Scans {
		if i < len(r.Scans) {
			next.Scans[i].Pages += r.Scans[i].Pages
			next.Scans[i].Published += r.Scans[i].Published
			next.Scans[i].Truncated = next.Scans[i].Truncated || r.Scans[i].Truncated
		}
	}
	return next
}
