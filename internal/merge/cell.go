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
	Own     int64      // the time on Side before any lift, in milliseconds
	// Bounded is set while no history told when the edit was made: not before
	// Since and not after At, which suffices until another edit competes.
	Bounded bool
	Since   Instant
}

// Instant is the part of a stamp that is compared first.
type Instant struct {
	At      int64
	Counter int
}

func (i Instant) compare(other Instant) int {
	return cmp.Or(cmp.Compare(second(i.At), second(other.At)), cmp.Compare(i.Counter, other.Counter))
}

// earliest is when the edit can have been made at the earliest.
func (s Stamp) earliest() Instant {
	if s.Bounded {
		return s.Since
	}
	return Instant{s.At, s.Counter}
}

// Contends reports whether an edit made at a time, in milliseconds, on the other
// side might be later than c, if c was made earlier than it has to be assumed.
func (c Cell) Contends(at int64) bool {
	return c.Stamp.Bounded && second(at) <= second(c.Stamp.At)
}

// Cell is a value, by its hash, with the stamp of the edit it comes from.
type Cell struct {
	Hash  Hash
	Stamp Stamp
}

// IsBottom reports whether c is no edit at all. It is older than every edit,
// so a field that was never set does not beat one that was.
func (c Cell) IsBottom() bool { return c.Stamp.Side == "" }

// Compare is the total order: negative when a is older than b. Of two edits in
// the same second without a causal order, the one on the preferred side is the
// later.
func Compare(a, b Cell, preferred crm.System) int {
	if a.IsBottom() || b.IsBottom() {
		return rank(!a.IsBottom()) - rank(!b.IsBottom())
	}
	return cmp.Or(
		cmp.Compare(second(a.Stamp.At), second(b.Stamp.At)),
		cmp.Compare(a.Stamp.Counter, b.Stamp.Counter),
		rank(a.Stamp.Side == preferred)-rank(b.Stamp.Side == preferred),
		cmp.Compare(a.Stamp.Own, b.Stamp.Own),
		cmp.Compare(a.Hash, b.Hash),
	)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// second rounds down, also before 1970.
func second(ms int64) int64 {
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

// On returns what the base knows of one side.
func (b *Base) On(s crm.System) *SideBase {
	if s == crm.HubSpot {
		return &b.HubSpot
	}
	return &b.Zoho
}

// Rename replaces one hash by another wherever b holds it: the value that it
// stands for is known under another canonical form from now on.
func (b *Base) Rename(from, to Hash) {
	rename := func(h *Hash) {
		if *h == from {
			*h = to
		}
	}
	rename(&b.Cell.Hash)
	for _, s := range crm.Systems {
		side := b.On(s)
		for _, h := range []*Hash{&side.Shown, &side.Image.Sent, &side.Image.Stored, &side.Refused.Hash} {
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
	// Behind is set when the other side typed again what this one showed already,
	// until this one is read after that: the value shown is the base's, but
	// whoever replaced it may have seen the older of two equal edits.
	Behind bool
	// Pending is set from the decision to write until a read shows the value.
	Pending bool
	// Blank is set while this side stays empty beside the base, because a
	// person cleared it and the mapping keeps the other side's value.
	Blank   bool
	Image   Image
	Refused Refusal
}

// imageCertainty is how often the same outcome is seen before it is believed.
// Once may be another handler's late write.
const imageCertainty = 2

// Image is what a side stores when it is sent a value: a phone number that it
// reformats, a text that it cuts off.
type Image struct {
	Sent, Stored Hash
	Count        int
}

func (i Image) holds(sent, stored Hash) bool {
	return i.Count >= imageCertainty && i.Sent == sent && i.Stored == stored
}

func (i Image) observe(sent, stored Hash) Image {
	if i.Sent != sent || i.Stored != stored {
		return Image{Sent: sent, Stored: stored, Count: 1}
	}
	i.Count = min(i.Count+1, imageCertainty)
	return i
}

// Refusal is a value that a side would not take, with that side's code. It is
// not sent there again until the value changes.
type Refusal struct {
	Hash Hash
	Code string
}
