package merge

import "github.com/hubspot-zoho/connector/internal/crm"

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
	// ReadLast is set when this side was read after all that was read of the other.
	ReadLast bool
	// CreatedByConnector is set when the connector's newest entry is as old as the record,
	// which the connector made: it may be what the side filled in by itself.
	CreatedByConnector bool
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
	// Base is saved before anything is written (R3, docs/merge-rules.md).
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

// WritesTo reports whether the value has to be written to s.
func (r Result) WritesTo(s crm.System) bool {
	if s == crm.HubSpot {
		return r.WriteHubSpot
	}
	return r.WriteZoho
}

// Field decides one field from the base and from the reads of both sides. The
// latest of the candidates wins (R2, docs/merge-rules.md).
func Field(p Policy, base Base, hubspot, zoho Side) Result {
	m := merger{policy: p, base: base, sides: map[crm.System]*view{
		crm.HubSpot: newView(hubspot), crm.Zoho: newView(zoho),
	}}
	m.resolveEditTime()
	m.inferBase()
	for _, s := range crm.Systems {
		m.orderAfterBase(s)
	}
	m.applyPreference()
	kept := m.setClearAside()
	return m.chooseTarget(kept)
}

// view is one side as the merge sees it.
type view struct {
	Side
	edit   Cell   // the newest edit by a person, zero when there is none
	text   string // its value
	index  int    // its index in Edits, -1 when there is none
	newest int64  // the time of the newest entry
	own    bool   // the newest entry is the connector's
}

func newView(s Side) *view {
	v := &view{Side: s, index: -1}
	for i, e := range s.Edits {
		if i == 0 {
			v.newest, v.own = e.At, e.Own
		}
		if !e.Own {
			// orderAfterBase sets Side, which is not known here.
			v.edit = Cell{Hash: e.Value.Hash, Stamp: Stamp{At: e.At, RawAt: e.At, Bounded: e.Bounded}}
			v.text, v.index = e.Value.Text, i
			break
		}
	}
	return v
}

// editedAfterRead reports whether a person made the newest edit after the side was
// last read. Of several entries with the time of that read, those are older that do
// not come after the value that was read.
func (v *view) editedAfterRead(b *SideBase) bool {
	if v.edit.Stamp.At != b.Seen {
		return v.edit.Stamp.At > b.Seen
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
	baseInferred bool
}

func (m *merger) compare(a, b Cell) int { return Compare(a, b, m.policy.Preferred) }

// orderAfterBase makes the newest edit on s later than the base when its editor could
// already see the base (R1, docs/merge-rules.md).
func (m *merger) orderAfterBase(s crm.System) {
	v, base := m.sides[s], m.base.Cell
	if v.index < 0 {
		return
	}
	v.edit.Stamp.Side = s
	if base.IsZero() || m.baseInferred { // the position of this side is not known
		return
	}
	switch {
	case base.Stamp.Side == s && base.Stamp.RawAt == v.edit.Stamp.RawAt && base.Hash == v.edit.Hash:
		v.edit.Stamp = base.Stamp // it is where the base came from
	case v.editedAfterRead(m.base.Side(s)) && m.editorSawBase(s):
		stamp, since := &v.edit.Stamp, base.Stamp.earliestInstant()
		if m.compare(v.edit, base) <= 0 {
			stamp.At, stamp.Counter = base.Stamp.At, base.Stamp.Counter+1
			stamp.Bounded = base.Stamp.Bounded
		}
		if stamp.Bounded {
			stamp.Since = Instant{since.At, since.Counter + 1}
		}
	}
}

// editorSawBase reports whether the person who made the newest edit on s saw the
// base, rather than the value that stood there until the connector wrote the base.
func (m *merger) editorSawBase(s crm.System) bool {
	v, b, base := m.sides[s], m.base.Side(s), m.base.Cell.Hash
	holds := func(h Hash) bool {
		return h == base || b.StoredForm.Sent == base && b.StoredForm.Stored == h && b.StoredForm.Count > 0
	}
	if b.Blank || holds(b.Shown) && !b.ReadBeforeBase {
		return true
	}
	for _, e := range v.Edits[v.index+1:] {
		if e.At < b.Seen || e.At == b.Seen && e.Value.Hash == b.Shown {
			return false // the last value that was read, or an older one
		}
		// The connector has written nothing since but the base, or its stored form.
		if e.Own && (e.At > b.Seen || holds(e.Value.Hash)) {
			return true
		}
	}
	return false
}

// applyPreference makes the edit on the side that the mapping prefers the later one
// when both sides hold edits newer than the base.
func (m *merger) applyPreference() {
	p := m.policy.Prefer
	if p == "" || !m.hasConflict() {
		return
	}
	mine, other := &m.sides[p].edit, m.sides[p.Other()].edit
	if m.compare(*mine, other) < 0 {
		mine.Stamp.At, mine.Stamp.Counter = other.Stamp.At, other.Stamp.Counter+1
		m.reason = PreferSide
	}
}

// hasConflict reports whether both sides hold edits that are newer than the base and
// differ.
func (m *merger) hasConflict() bool {
	h, z := m.sides[crm.HubSpot].edit, m.sides[crm.Zoho].edit
	return h.Hash != z.Hash && m.isNewerThanBase(h) && m.isNewerThanBase(z)
}

func (m *merger) isNewerThanBase(c Cell) bool { return m.compare(c, m.base.Cell) > 0 }

// setClearAside drops a clear where the mapping keeps cleared values. It returns the
// side of the clear when the clear would have won: that side stays empty, and the
// other keeps its value (R7, docs/merge-rules.md).
func (m *merger) setClearAside() (kept crm.System) {
	if !m.policy.KeepOnClear {
		return ""
	}
	for _, s := range crm.Systems {
		v, other := m.sides[s], m.sides[s.Other()]
		rest := other.edit
		if m.compare(m.base.Cell, rest) > 0 {
			rest = m.base.Cell
		}
		if v.edit.IsZero() || v.edit.Hash != "" || rest.Hash == "" {
			continue
		}
		if m.compare(v.edit, rest) > 0 {
			kept = s
		}
		v.edit = Cell{}
	}
	return kept
}

func (m *merger) chooseTarget(kept crm.System) Result {
	r := Result{Base: m.base, Conflict: m.hasConflict()}
	target := m.base.Cell
	known := false
	for _, s := range crm.Systems {
		if v := m.sides[s]; m.compare(v.edit, target) > 0 {
			target, r.Winner = v.edit, s
			r.Value, known = Value{Text: v.text, Hash: v.edit.Hash}, true
		}
	}
	if !known {
		r.Value, known = m.findValue(target.Hash)
	}
	if target.Hash != m.base.Cell.Hash {
		r.Base.HubSpot.Pending, r.Base.Zoho.Pending = false, false
		r.Base.HubSpot.Refused, r.Base.Zoho.Refused = Refusal{}, Refusal{}
	}
	r.Base.Cell = target
	for _, s := range crm.Systems {
		if known && m.policy.Stores != nil {
			if stored := m.policy.Stores(s, r.Value); stored != target.Hash {
				r.Base.Side(s).StoredForm = StoredForm{Sent: target.Hash, Stored: stored, Count: observationsNeeded}
			}
		}
		write := m.updateSideBase(s, &r.Base, target, s == kept)
		if write && !known {
			r.Reason, r.Base.Side(s).Pending = LostValue, false
			continue
		}
		if s == crm.HubSpot {
			r.WriteHubSpot = write
		} else {
			r.WriteZoho = write
		}
	}
	if r.Reason == "" {
		r.Reason = m.chooseReason(r, kept)
	}
	return r
}

// findValue looks for the text of the value with a hash.
func (m *merger) findValue(h Hash) (Value, bool) {
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

// updateSideBase brings the base of one side up to date with its read. It reports
// whether the target has to be written there (R4, R9 and R10, docs/merge-rules.md).
func (m *merger) updateSideBase(s crm.System, base *Base, target Cell, kept bool) bool {
	v, b := m.sides[s], base.Side(s)
	unmoved := b.Shown == v.Current.Hash
	b.Seen, b.Shown = max(b.Seen, v.newest, v.ReadAt), v.Current.Hash
	b.ReadBeforeBase = target != m.base.Cell && target.Stamp.Side != s && !v.ReadLast
	b.Blank = v.Current.Hash == "" && target.Hash != "" && (kept || b.Blank && target == m.base.Cell)
	if target.IsZero() || v.Current.Hash == target.Hash {
		b.Pending = false
		return false
	}
	if v.Acknowledged && b.Pending && (v.own || unmoved) {
		b.StoredForm = b.StoredForm.withObservation(target.Hash, v.Current.Hash)
	}
	if b.Blank || m.policy.ReadOnly[s] || b.StoredForm.isConfirmedFor(target.Hash, v.Current.Hash) ||
		b.Refused.Code != "" && b.Refused.Hash == target.Hash {
		b.Pending = false
		return false
	}
	b.Pending = true
	return true
}

func (m *merger) chooseReason(r Result, kept crm.System) Reason {
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
