// Package merge decides, field by field, which of two CRMs' values wins: the
// most recent edit by a person. It is pure: it reads no clock, makes no call
// and changes nothing it is given.
//
// Three candidates exist for every field and no other: the newest edit by a
// person on each side, and the base, which is what was decided last. The
// connector's own writes are never candidates, so deciding again, in any order
// and after any interruption, decides the same.
//
// "Most recent" is one total order. It compares whole seconds, since one of
// the two CRMs keeps no more; then a causal counter; then the preferred side.
// An edit made where the base was already to be seen is later than the base
// whatever the clocks of the two sides say: positions in that side's own
// history tell, and the counter records it.
package merge

import (
	"cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Hash stands for a canonical value wherever the value itself must not be
// kept. The caller makes it, with a key; the empty value has the empty hash.
type Hash string

// Value is a canonical value with its hash.
type Value struct {
	Text string
	Hash Hash
}

// String keeps the value out of logs.
func (v Value) String() string { return "[value " + string(v.Hash) + "]" }

// Stamp tells when and where an edit was made.
type Stamp struct {
	At      int64      // milliseconds since 1970, by the clock of Side
	Counter int        // raised when causality and the clocks disagree
	Side    crm.System // where a person typed it; "" for no edit at all
	RawAt   int64      // the time that Side itself gives the edit, in milliseconds
	// Bounded is set while no history shows when the edit was made. It was not made
	// before Since and not after At, which suffices until another edit competes.
	Bounded bool
	Since   Instant
}

// Instant is the part of a stamp that is compared first.
type Instant struct {
	At      int64
	Counter int
}

func (i Instant) compare(other Instant) int {
	return cmp.Or(cmp.Compare(wholeSecond(i.At), wholeSecond(other.At)), cmp.Compare(i.Counter, other.Counter))
}

// earliestInstant is when the edit can have been made at the earliest.
func (s Stamp) earliestInstant() Instant {
	if s.Bounded {
		return s.Since
	}
	return Instant{s.At, s.Counter}
}

// MayBeOlderThan reports whether c may be older than an edit that was made on the
// other side at a time in milliseconds. c may, while only its bounds are known.
func (c Cell) MayBeOlderThan(at int64) bool {
	return c.Stamp.Bounded && wholeSecond(at) <= wholeSecond(c.Stamp.At)
}

// Cell is a value, by its hash, with the stamp of the edit it comes from.
type Cell struct {
	Hash  Hash
	Stamp Stamp
}

// IsZero reports whether c is no edit at all. Such a cell is older than every
// edit, so a field that was never set does not beat one that was.
func (c Cell) IsZero() bool { return c.Stamp.Side == "" }

// Compare is the total order: negative when a is older than b. Of two edits in
// the same second without a causal order, the one on the preferred side is the
// later (R8, docs/merge-rules.md).
func Compare(a, b Cell, preferred crm.System) int {
	if a.IsZero() || b.IsZero() {
		return boolRank(!a.IsZero()) - boolRank(!b.IsZero())
	}
	return cmp.Or(
		cmp.Compare(wholeSecond(a.Stamp.At), wholeSecond(b.Stamp.At)),
		cmp.Compare(a.Stamp.Counter, b.Stamp.Counter),
		boolRank(a.Stamp.Side == preferred)-boolRank(b.Stamp.Side == preferred),
		cmp.Compare(a.Stamp.RawAt, b.Stamp.RawAt),
		cmp.Compare(a.Hash, b.Hash),
	)
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wholeSecond rounds down, also before 1970.
func wholeSecond(ms int64) int64 {
	if ms < 0 && ms%1000 != 0 {
		return ms/1000 - 1
	}
	return ms / 1000
}

// Base is what was decided last for one field of one pair of records.
type Base struct {
	Cell    Cell
	HubSpot SideBase
	Zoho    SideBase
}

// Side returns the part of the base that concerns s.
func (b *Base) Side(s crm.System) *SideBase {
	if s == crm.HubSpot {
		return &b.HubSpot
	}
	return &b.Zoho
}

// ReplaceHash replaces one hash by another wherever b holds it, because the
// canonical form of the value has changed.
func (b *Base) ReplaceHash(from, to Hash) {
	rename := func(h *Hash) {
		if *h == from {
			*h = to
		}
	}
	rename(&b.Cell.Hash)
	for _, s := range crm.Systems {
		side := b.Side(s)
		for _, h := range []*Hash{&side.Shown, &side.StoredForm.Sent, &side.StoredForm.Stored, &side.Refused.Hash} {
			rename(h)
		}
	}
}

// SideBase is how far the base has come on one side.
type SideBase struct {
	// Seen and Shown tell where this side's history stood when it was last
	// read: the time of its newest entry, in milliseconds since 1970, and the
	// value that the side held. Both are needed, since a side may keep whole
	// seconds, and an entry is found again when older ones are forgotten.
	Seen  int64
	Shown Hash
	// ReadBeforeBase is set when the base comes from an edit on the other side that
	// was made after the last read of this one. The value shown may equal the base,
	// but the person who replaced it may have seen the older of two equal edits.
	ReadBeforeBase bool
	// Pending is set from the decision to write until a read shows the value.
	Pending bool
	// Blank is set while this side stays empty beside the base, because a
	// person cleared it and the mapping keeps the other side's value.
	Blank      bool
	StoredForm StoredForm
	Refused    Refusal
}

// observationsNeeded is how often the same outcome is observed before it counts as
// the stored form. A single one may be the late write of another handler.
const observationsNeeded = 2

// StoredForm is the form in which a side stores a value that it is sent, such as a
// phone number that it reformats or a text that it cuts off (R10, docs/merge-rules.md).
type StoredForm struct {
	Sent, Stored Hash
	Count        int
}

func (f StoredForm) isConfirmedFor(sent, stored Hash) bool {
	return f.Count >= observationsNeeded && f.Sent == sent && f.Stored == stored
}

func (f StoredForm) withObservation(sent, stored Hash) StoredForm {
	if f.Sent != sent || f.Stored != stored {
		return StoredForm{Sent: sent, Stored: stored, Count: 1}
	}
	f.Count = min(f.Count+1, observationsNeeded)
	return f
}

// Refusal is a value that a side refused, with that side's code. The value is not
// sent there again until it changes (R9, docs/merge-rules.md).
type Refusal struct {
	Hash Hash
	Code string
}
