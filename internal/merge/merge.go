package merge

import (
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Edit is one entry in the history of a field.
type Edit struct {
	Value Value
	At    int64 // milliseconds since 1970, by the clock of that side
	Own   bool  // written by the connector
	// Bounded is set when At is the record's time and the edit may be older.
	Bounded bool
}

// Side is what one read saw of a field.
type Side struct {
	Current Value
	Edits   []Edit // newest first
	// ReadAt is the record's own time, in milliseconds since 1970, where its
	// history was not asked for: no edit that the read showed is newer. It is 0
	// where Edits tell.
	ReadAt int64
	// Acknowledged is set when this side has just accepted a write of the base
	// and Current was read after it. A difference then is the side's doing.
	Acknowledged bool
	// Later is set when this side was read after all that was read of the other.
	Later bool
	// Made is set when the connector's newest entry is as old as the record,
	// which the connector made: it may be what the side filled in by itself.
	Made bool
}

// Policy is what the mapping says of a field.
type Policy struct {
	// Preferred is the side whose edit counts as the later of two made in the
	// same second.
	Preferred crm.System
	// Prefer, unless empty, names the side that wins when both were edited,
	// however old its edit is.
	Prefer crm.System
	// ReadOnly sides are never written to. Their edits count all the same.
	ReadOnly map[crm.System]bool
	// Stores tells what a side makes of a value that it cannot hold, where that
	// is known beforehand: the hash of the value itself otherwise. Nil stands
	// for a side that holds everything.
	Stores func(s crm.System, v Value) Hash
	// KeepOnClear leaves a value standing on the other side when it is cleared
	// on one.
	KeepOnClear bool
}

// Reason says why a field came out as it did.
type Reason string

// Reasons, from the dullest to the one that a person may want to look at.
const (
	InSync      Reason = "in_sync"     // both sides hold the value
	Repaired    Reason = "repaired"    // a side had lost the decided value
	OnlyEdit    Reason = "only_edit"   // one side was edited since the base
	NewerEdit   Reason = "newer_edit"  // both were edited, one later
	PreferSide  Reason = "prefer_side" // both were edited, the mapping prefers one side
	KeptOnClear Reason = "kept_on_clear"
	LostValue   Reason = "lost_value" // neither side nor their histories hold the decided value
)

// Result is the decision about one field.
type Result struct {
	// Base is to be saved before anything is written.
	Base Base
	// Value is what both sides shall hold.
	Value Value
	// WriteHubSpot and WriteZoho tell where it has to be written.
	WriteHubSpot, WriteZoho bool
	Reason                  Reason
	// Conflict is set when both sides were edited to different values.
	Conflict bool
	// Winner is the side whose edit was taken, "" when the base stands.
	Winner crm.System
}

// Writes reports whether the value has to be written to s.
func (r Result) Writes(s crm.System) bool {
	if s == crm.HubSpot {
		return r.WriteHubSpot
	}
	return r.WriteZoho
}

// Field decides one field from what was decided last and from what both sides
// show.
func Field(p Policy, base Base, hubspot, zoho Side) Result {
	m := merger{policy: p, base: base, sides: map[crm.System]*view{
		crm.HubSpot: look(hubspot), crm.Zoho: look(zoho),
	}}
	m.date()
	m.recover()
	for _, s := range crm.Systems {
		m.lift(s)
	}
	m.prefer()
	kept := m.keepOnClear()
	return m.decide(kept)
}

// view is one side as the merge sees it.
type view struct {
	Side
	user   Cell   // newest edit by a person, bottom when there is none
	text   string // its value
	index  int    // where it stands in Edits, -1 when there is none
	newest int64  // the time of the newest entry
	own    bool   // the newest entry is the connector's
}

func look(s Side) *view {
	v := &view{Side: s, index: -1}
	for i, e := range s.Edits {
		if i == 0 {
			v.newest, v.own = e.At, e.Own
		}
		if !e.Own {
			// The side is filled in by lift, which knows it.
			v.user = Cell{Hash: e.Value.Hash, Stamp: Stamp{At: e.At, Own: e.At, Bounded: e.Bounded}}
			v.text, v.index = e.Value.Text, i
			break
		}
	}
	return v
}

// after reports whether the person's newest edit was made after the side was
// last read. Of several entries with the time of that read, those are older
// that do not come after the value that was read.
func (v *view) after(b *SideBase) bool {
	if v.user.Stamp.At != b.Seen {
		return v.user.Stamp.At > b.Seen
	}
	for _, e := range v.Edits[:v.index+1] {
		if e.At == b.Seen && e.Value.Hash == b.Shown {
			return false
		}
	}
	return true
}

type merger struct {
	policy Policy
	base   Base
	sides  map[crm.System]*view
	reason Reason
	// recovered is set when the base was lost and is a guess from the histories.
	recovered bool
}

func (m *merger) compare(a, b Cell) int { return Compare(a, b, m.policy.Preferred) }

// date finds out when the edit was made that the base comes from, where only
// its bounds were known. A value that the connector wrote itself, late and
// unseen, was nobody's edit: it is as old as it can be.
func (m *merger) date() {
	stamp := &m.base.Cell.Stamp
	v := m.sides[stamp.Side]
	if !stamp.Bounded || v == nil || v.ReadAt != 0 {
		return
	}
	for _, e := range v.Edits {
		if e.Bounded || e.Value.Hash != m.base.Cell.Hash || second(e.At) > second(stamp.Own) {
			continue
		}
		exact := Instant{At: e.At}
		if e.Own || exact.compare(stamp.Since) < 0 {
			exact = stamp.Since
		}
		*stamp = Stamp{At: exact.At, Counter: exact.Counter, Side: stamp.Side, Own: e.At}
		return
	}
}

// recover takes the newest of the connector's own writes for the base when the
// base was lost and no person's edit is on record, or when both sides show what
// was written (rule R6). What stands in a record since the connector made it,
// and the other side never held, did not come from there: the side filled it in
// by itself, and it is nobody's information.
func (m *merger) recover() {
	if !m.base.Cell.IsBottom() {
		return
	}
	for _, s := range crm.Systems {
		if m.sides[s].index >= 0 && !m.agreed() {
			return
		}
	}
	for _, s := range crm.Systems {
		other := m.sides[s.Other()]
		if v := m.sides[s]; v.own && (!v.Made || other.Current.Hash != "" || len(other.Edits) > 0) {
			e := v.Edits[0]
			c := Cell{Hash: e.Value.Hash, Stamp: Stamp{At: e.At, Own: e.At, Side: s}}
			if m.compare(c, m.base.Cell) > 0 {
				m.base.Cell, m.recovered = c, true
			}
		}
	}
}

// agreed reports whether both sides show one value, as they do after it was
// brought to both. An edit that it replaced on one side was seen to be older.
func (m *merger) agreed() bool {
	h, z := m.sides[crm.HubSpot], m.sides[crm.Zoho]
	return h.Current.Hash == z.Current.Hash && !Overwrote(h.Edits) && !Overwrote(z.Edits)
}

// unseenTime is how long, in milliseconds, the connector may take from its read
// of a record to its write.
const unseenTime = 90_000

// Overwrote reports whether the connector wrote over a person's newest edit,
// by a history that is newest first, so soon that it may not have seen it.
func Overwrote(history []Edit) bool {
	i := slices.IndexFunc(history, func(e Edit) bool { return !e.Own })
	return i > 0 && history[i-1].Value.Hash != history[i].Value.Hash && history[i-1].At-history[i].At <= unseenTime
}

// lift makes an edit later than the base when it was made where the base could
// already be seen (rule R1).
func (m *merger) lift(s crm.System) {
	v, base := m.sides[s], m.base.Cell
	if v.index < 0 {
		return
	}
	v.user.Stamp.Side = s
	if base.IsBottom() || m.recovered { // where this side stood is not known
		return
	}
	switch {
	case base.Stamp.Side == s && base.Stamp.Own == v.user.Stamp.Own && base.Hash == v.user.Hash:
		v.user.Stamp = base.Stamp // it is where the base came from
	case v.after(m.base.On(s)) && m.showed(s):
		stamp, since := &v.user.Stamp, base.Stamp.earliest()
		if m.compare(v.user, base) <= 0 {
			stamp.At, stamp.Counter = base.Stamp.At, base.Stamp.Counter+1
			stamp.Bounded = base.Stamp.Bounded
		}
		if stamp.Bounded {
			stamp.Since = Instant{since.At, since.Counter + 1}
		}
	}
}

// showed reports whether whoever made the newest edit on s had the base before
// them, rather than what stood there until we wrote it.
func (m *merger) showed(s crm.System) bool {
	v, b, base := m.sides[s], m.base.On(s), m.base.Cell.Hash
	holds := func(h Hash) bool {
		return h == base || b.Image.Sent == base && b.Image.Stored == h && b.Image.Count > 0
	}
	if b.Blank || holds(b.Shown) && !b.Behind {
		return true
	}
	for _, e := range v.Edits[v.index+1:] {
		if e.At < b.Seen || e.At == b.Seen && e.Value.Hash == b.Shown {
			return false // what was read last, and what is older
		}
		// What we wrote since is the base, or what this side made of it.
		if e.Own && (e.At > b.Seen || holds(e.Value.Hash)) {
			return true
		}
	}
	return false
}

// prefer puts the preferred side's edit behind the other's when both are news.
func (m *merger) prefer() {
	p := m.policy.Prefer
	if p == "" || !m.conflict() {
		return
	}
	mine, other := &m.sides[p].user, m.sides[p.Other()].user
	if m.compare(*mine, other) < 0 {
		mine.Stamp.At, mine.Stamp.Counter = other.Stamp.At, other.Stamp.Counter+1
		m.reason = PreferSide
	}
}

// conflict reports whether both sides hold news that differ.
func (m *merger) conflict() bool {
	h, z := m.sides[crm.HubSpot].user, m.sides[crm.Zoho].user
	return h.Hash != z.Hash && m.news(h) && m.news(z)
}

func (m *merger) news(c Cell) bool { return m.compare(c, m.base.Cell) > 0 }

// keepOnClear takes a clear out of the running and returns the side that it
// was made on when it would have won: that side stays empty, the other keeps
// its value (rule R7).
func (m *merger) keepOnClear() (kept crm.System) {
	if !m.policy.KeepOnClear {
		return ""
	}
	for _, s := range crm.Systems {
		v, other := m.sides[s], m.sides[s.Other()]
		rest := other.user
		if m.compare(m.base.Cell, rest) > 0 {
			rest = m.base.Cell
		}
		if v.user.IsBottom() || v.user.Hash != "" || rest.Hash == "" {
			continue
		}
		if m.compare(v.user, rest) > 0 {
			kept = s
		}
		v.user = Cell{}
	}
	return kept
}

func (m *merger) decide(kept crm.System) Result {
	r := Result{Base: m.base, Conflict: m.conflict()}
	target := m.base.Cell
	known := false
	for _, s := range crm.Systems {
		if v := m.sides[s]; m.compare(v.user, target) > 0 {
			target, r.Winner = v.user, s
			r.Value, known = Value{Text: v.text, Hash: v.user.Hash}, true
		}
	}
	if !known {
		r.Value, known = m.find(target.Hash)
	}
	if target.Hash != m.base.Cell.Hash {
		r.Base.HubSpot.Pending, r.Base.Zoho.Pending = false, false
		r.Base.HubSpot.Refused, r.Base.Zoho.Refused = Refusal{}, Refusal{}
	}
	r.Base.Cell = target
	for _, s := range crm.Systems {
		if known && m.policy.Stores != nil {
			if stored := m.policy.Stores(s, r.Value); stored != target.Hash {
				r.Base.On(s).Image = Image{Sent: target.Hash, Stored: stored, Count: imageCertainty}
			}
		}
		write := m.settle(s, &r.Base, target, s == kept)
		if write && !known {
			r.Reason, r.Base.On(s).Pending = LostValue, false
			continue
		}
		if s == crm.HubSpot {
			r.WriteHubSpot = write
		} else {
			r.WriteZoho = write
		}
	}
	if r.Reason == "" {
		r.Reason = m.explain(r, kept)
	}
	return r
}

// find looks for the text of a value that is known by its hash.
func (m *merger) find(h Hash) (Value, bool) {
	if h == "" {
		return Value{}, true
	}
	for _, s := range crm.Systems {
		v := m.sides[s]
		if v.Current.Hash == h {
			return v.Current, true
		}
		for _, e := range v.Edits {
			if e.Value.Hash == h {
				return e.Value, true
			}
		}
	}
	return Value{}, false
}

// settle brings the base of one side up to date with what was read, and
// reports whether the target has to be written there.
func (m *merger) settle(s crm.System, base *Base, target Cell, kept bool) bool {
	v, b := m.sides[s], base.On(s)
	unmoved := b.Shown == v.Current.Hash
	b.Seen, b.Shown = max(b.Seen, v.newest, v.ReadAt), v.Current.Hash
	b.Behind = target != m.base.Cell && target.Stamp.Side != s && !v.Later
	b.Blank = v.Current.Hash == "" && target.Hash != "" && (kept || b.Blank && target == m.base.Cell)
	if target.IsBottom() || v.Current.Hash == target.Hash {
		b.Pending = false
		return false
	}
	if v.Acknowledged && b.Pending && (v.own || unmoved) {
		b.Image = b.Image.observe(target.Hash, v.Current.Hash)
	}
	if b.Blank || m.policy.ReadOnly[s] || b.Image.holds(target.Hash, v.Current.Hash) ||
		b.Refused.Code != "" && b.Refused.Hash == target.Hash {
		b.Pending = false
		return false
	}
	b.Pending = true
	return true
}

func (m *merger) explain(r Result, kept crm.System) Reason {
	switch {
	case kept != "":
		return KeptOnClear
	case r.Winner == "" && (r.WriteHubSpot || r.WriteZoho):
		return Repaired
	case r.Winner == "" || !r.WriteHubSpot && !r.WriteZoho:
		return InSync
	case m.reason != "":
		return m.reason
	case r.Conflict:
		return NewerEdit
	}
	return OnlyEdit
}
