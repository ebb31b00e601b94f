package failure

import (
	"context"
	"regexp"
	"time"
)

// Dismissal says why a person closed a failure without repairing it. The
// reasons are a list, so that no personal data stands in them.
type Dismissal string

// The reasons for which a failure may be dismissed.
const (
	Accepted  Dismissal = "accepted"   // the two sides may differ here
	ByHand    Dismissal = "by_hand"    // it was done by hand in both CRMs
	NotWanted Dismissal = "not_wanted" // the record is not to be synchronised
	TestData  Dismissal = "test_data"
)

// Dismissals lists the reasons in the order in which they are offered.
var Dismissals = []Dismissal{ByHand, Accepted, NotWanted, TestData}

// dismissals are the texts of the reasons.
var dismissals = map[Dismissal]string{
	ByHand:    "It was fixed by hand in both CRMs",
	Accepted:  "The two sides may differ here",
	NotWanted: "The record is not to be synchronised",
	TestData:  "It is test data",
}

// Text returns the reason as a sentence, "" if there is no such reason.
func (d Dismissal) Text() string { return dismissals[d] }

// Place is where a page of a list ended; what follows is older. The zero value
// is the beginning.
type Place string

var placeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z [0-9a-f]{32}$`)

// PlaceOf is the place of the failure with an id in a list by a time.
func PlaceOf(at time.Time, id string) Place {
	return Place(at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + id)
}

// IsValid reports whether p can have come from PlaceOf.
func (p Place) IsValid() bool { return placeForm.MatchString(string(p)) }

// Listing asks for one page of failures, the newest first.
type Listing struct {
	Closed bool   // the closed ones, else the open ones
	Cause  string // a Cause's ID, of open failures only; "" for all
	After  Place
	Size   int
}

// Causes is a look at the open failures by cause.
type Causes struct {
	Open   int // failures
	Groups []Group
	Newest []Record // those that were looked at, the newest first
	// Partial is set when only the newest failures were looked at: a cause that
	// did not occur lately may be missing, and Rows are not all.
	Partial bool
}

// Store is where a person looks at failures and closes them.
type Store interface {
	Lister
	// PageFailures returns one page, and the place after it if there is more.
	PageFailures(ctx context.Context, l Listing) (page []Record, next Place, err error)
	// GroupFailures looks at the newest failures, at most limit, and counts
	// those of their causes, the most frequent cause first.
	GroupFailures(ctx context.Context, limit int) (Causes, error)
	// CountFailures returns how many are open, of one cause unless it is "".
	CountFailures(ctx context.Context, cause string) (int, error)
	// DismissFailures closes those of the failures that are open, and returns
	// how many. What happens again opens again.
	DismissFailures(ctx context.Context, at time.Time, why Dismissal, ids ...string) (int, error)
}
