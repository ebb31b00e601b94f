package merge

import (
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// resolveEditTime replaces the bounds of the edit that the base comes from by its
// exact time, where a history shows it now (R11, docs/merge-rules.md). A value that
// the connector wrote itself, late and unseen, is no edit by a person: it counts as
// made at the earliest possible time.
func (m *merger) resolveEditTime() {
	stamp := &m.base.Cell.Stamp
	v := m.sides[stamp.Side]
	if !stamp.Bounded || v == nil || v.ReadAt != 0 {
		return
	}
	for _, e := range v.Edits {
		if e.Bounded || e.Value.Hash != m.base.Cell.Hash || wholeSecond(e.At) > wholeSecond(stamp.RawAt) {
			continue
		}
		exact := Instant{At: e.At}
		if e.Own || exact.compare(stamp.Since) < 0 {
			exact = stamp.Since
		}
		*stamp = Stamp{At: exact.At, Counter: exact.Counter, Side: stamp.Side, RawAt: e.At}
		return
	}
}

// inferBase takes the newest of the connector's own writes for the base when the
// base was lost and no history holds an edit by a person, or when both sides show
// the value that was written (R6, docs/merge-rules.md). A value that a record has
// held since the connector created it, and that the other side never held, did not
// come from there: the side filled it in by itself, and it is not information.
func (m *merger) inferBase() {
	if !m.base.Cell.IsZero() {
		return
	}
	for _, s := range crm.Systems {
		if m.sides[s].index >= 0 && !m.sidesAgree() {
			return
		}
	}
	for _, s := range crm.Systems {
		other := m.sides[s.Other()]
		if v := m.sides[s]; v.own && (!v.CreatedByConnector || other.Current.Hash != "" || len(other.Edits) > 0) {
			e := v.Edits[0]
			c := Cell{Hash: e.Value.Hash, Stamp: Stamp{At: e.At, RawAt: e.At, Side: s}}
			if m.compare(c, m.base.Cell) > 0 {
				m.base.Cell, m.baseInferred = c, true
			}
		}
	}
}

// sidesAgree reports whether both sides show one value, as they do after the
// connector brought it to both. An edit that the value replaced was seen to be older.
func (m *merger) sidesAgree() bool {
	h, z := m.sides[crm.HubSpot], m.sides[crm.Zoho]
	return h.Current.Hash == z.Current.Hash && !OverwroteUnseenEdit(h.Edits) && !OverwroteUnseenEdit(z.Edits)
}

// unseenTime is the longest time, in milliseconds, from the connector's read of a
// record to its write.
const unseenTime = 90_000

// OverwroteUnseenEdit reports whether the connector wrote over the newest edit by a
// person so soon that it may not have seen it. The history is newest first.
func OverwroteUnseenEdit(history []Edit) bool {
	i := slices.IndexFunc(history, func(e Edit) bool { return !e.Own })
	return i > 0 && history[i-1].Value.Hash != history[i].Value.Hash && history[i-1].At-history[i].At <= unseenTime
}
