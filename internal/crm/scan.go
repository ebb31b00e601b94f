package crm

import "time"

// Walk asks a system for the records of one kind that were changed, or deleted,
// from Since to Until, both included, by that system's clock.
type Walk struct {
	Kind  Kind
	Since time.Time
	Until time.Time
	// From is where the last page ended; the zero value is the beginning. A
	// place holds for the same Since and Until only.
	From Place
}

// Place is how far a walk has come. What it means is its system's business,
// but for the zero value, which is the beginning.
type Place struct {
	At   time.Time `json:"at"`
	ID   string    `json:"id,omitempty"`
	Page int       `json:"page,omitempty"`
}

// IsZero reports whether p is the beginning of a walk.
func (p Place) IsZero() bool { return p.At.IsZero() && p.ID == "" && p.Page == 0 }

// Equal reports whether p and q are the same place.
func (p Place) Equal(q Place) bool { return p.At.Equal(q.At) && p.ID == q.ID && p.Page == q.Page }

// Found is a record that a walk came upon.
type Found struct {
	Ref Ref
	// At is when the record was last modified, or when it was deleted, by the
	// clock of its system.
	At      time.Time
	Deleted bool
}

// FoundPage is one step of a walk.
type FoundPage struct {
	Found []Found
	// Next is where to go on. It means nothing unless More is set.
	Next Place
	More bool
	// Truncated is set when the system would not list what is left of the walk.
	Truncated bool
}
