package simulate

import (
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// comparison is one field of one pair.
type comparison struct {
	world          *world
	field          *mapping.Field
	h, z           *record
	shownH, shownZ string
}

func (c *comparison) shown(r *record) string {
	s := r.ref.System
	return c.field.Canon(s, r.last().fields[c.field.On(s)])
}

func (c *comparison) violate(format string, args ...any) {
	args = append([]any{c.field.Name, c.h.ref, c.shownH, c.z.ref, c.shownZ}, args...)
	c.world.violate("%s: %s holds %q, %s holds %q; "+format, args...)
}

// image is what Zoho makes of a value.
func (c *comparison) image(canon string) string {
	return c.field.Canon(crm.Zoho, c.world.crms[crm.Zoho].stores(c.field.Zoho, canon))
}

// edits returns what people typed into the field of r, oldest first.
func (c *comparison) edits(r *record) []edit {
	var all []edit
	for _, i := range c.world.people.byField[fieldOf{r, c.field.Name}] {
		all = append(all, c.world.people.edits[i])
	}
	return all
}

func (c *comparison) check() {
	equal := c.shownH == c.shownZ || c.image(c.shownH) == c.shownZ
	if c.world.people.merged[c.h] || c.world.people.merged[c.z] {
		if !equal && !c.excused("") && !c.keptBack() && !c.lost() && !c.leftByAnother() {
			c.violate("a merge went before")
		}
		return
	}
	if c.field.Clear == mapping.Keep {
		c.checkKept(equal)
		return
	}
	allowed := c.winners(c.edits(c.h), c.edits(c.z))
	if len(allowed) == 0 {
		// What we wrote when we made a record for another one that is gone cannot
		// be distinguished from what Zoho filled in by itself, and stays there.
		if other := c.z.madeFor; !equal && (other == "" || other == c.h.ref.RecordID) {
			c.violate("no person typed anything")
		}
		return
	}
	for _, e := range allowed {
		if c.holds(e) || c.excused(e.canon) || c.fromFormerCounterpart(e) {
			return
		}
	}
	c.violate("the latest edit is %q, made %s in %s", allowed[0].canon, c.world.when(allowed[0].at), allowed[0].rec.ref)
}

// holds reports whether both sides show an edit.
func (c *comparison) holds(e edit) bool {
	if e.rec == c.h {
		return c.shownH == e.canon && (c.shownZ == e.canon || c.shownZ == c.image(e.canon))
	}
	// Zoho shows its own; HubSpot may hold the long form of it.
	return c.shownZ == e.canon && (c.shownH == e.canon || c.image(c.shownH) == e.canon)
}

// excused reports whether a side refuses the value and a failure exists.
func (c *comparison) excused(canon string) bool {
	return c.world.failures.isReported(func(f failure.Record) bool {
		if !c.isOf(f.Ref) && !c.isOf(f.Record) {
			return false
		}
		for _, fe := range f.Cause.Fields {
			if fe.Field == c.field.On(f.Cause.Side) {
				return c.refusable(f.Cause.Side, canon)
			}
		}
		return false
	})
}

// lost reports whether a failure says that the decided value is nowhere to
// be found, as it may be when the record that held it was merged away.
func (c *comparison) lost() bool {
	return c.world.failures.isReported(func(f failure.Record) bool {
		return f.Cause.Code == "LOST_VALUE" && len(f.Cause.Fields) == 1 && f.Cause.Fields[0].Field == c.field.Name &&
			(c.isOf(f.Ref) || c.isOf(f.Record))
	})
}

// isOf reports whether ref leads to one of the two records.
func (c *comparison) isOf(ref crm.Ref) bool {
	if ref.RecordID == "" {
		return false
	}
	r := c.world.crms[ref.System].byRef[ref]
	return r != nil && (r.survivor() == c.h || r == c.z)
}

// refusable reports whether s has a reason not to take a value.
func (c *comparison) refusable(s crm.System, canon string) bool {
	if k := c.h.ref.Kind; isKey(k, c.field.Name) && kinds[k].taken && canon != "" {
		return s == crm.HubSpot && slices.Contains(c.world.people.keys[k], canon)
	}
	return canon == "" || strings.HasPrefix(canon, badFor[s])
}

// keptBack reports whether one side was cleared and the other keeps its value.
func (c *comparison) keptBack() bool {
	return c.field.Clear == mapping.Keep && (c.shownH == "" || c.shownZ == "")
}

// checkKept judges a field whose clears stay on their side.
func (c *comparison) checkKept(equal bool) {
	if !equal && c.keptBack() && !c.leftByAnother() {
		cleared := c.h
		if c.shownZ == "" {
			cleared = c.z
		}
		if es := c.edits(cleared); (len(es) == 0 || es[len(es)-1].canon != "") && !c.excused(c.shownH+c.shownZ) {
			c.violate("and no person cleared it")
		}
		return
	}
	if !equal && c.leftByAnother() {
		return
	}
	typed := func(es []edit) (kept []edit) {
		for _, e := range es {
			if e.canon != "" {
				kept = append(kept, e)
			}
		}
		return kept
	}
	for _, e := range c.winners(typed(c.edits(c.h)), typed(c.edits(c.z))) {
		if c.holds(e) || c.excused(e.canon) {
			return
		}
	}
	es := c.edits(c.h)
	if n := len(es); equal && n > 0 && es[n-1].canon == "" {
		return // what stood before a clear may have been what Zoho kept
	}
	if equal && c.world.links.wiped {
		return // as is what stood on a side that is empty
	}
	c.violate("which is not the latest edit")
}

// leftByAnother reports whether Zoho holds what we wrote there for another record,
// which is gone: no person typed it, so it stays.
func (c *comparison) leftByAnother() bool {
	entries := c.z.history[c.field.Zoho]
	return c.shownH == "" && c.z.madeFor != "" && c.z.madeFor != c.h.ref.RecordID && len(entries) > 0 && entries[len(entries)-1].by == connector
}

// fromFormerCounterpart reports whether both show what a person typed, after an edit, into
// a record of Zoho that was the counterpart before and is gone.
func (c *comparison) fromFormerCounterpart(e edit) bool {
	return c.shownH == c.shownZ && slices.ContainsFunc(c.world.people.edits, func(later edit) bool {
		return later.field == c.field.Name && later.canon == c.shownH && later.at > e.at-c.tolerance() &&
			later.rec.ref.System == crm.Zoho && later.rec != c.z && !later.rec.alive() && later.rec.last().counterpart == c.h.ref.RecordID
	})
}

// winners returns the edits that may have won: of the last ones on each side
// the one whose author saw the other, or else the later one, or both when no
// clock tells them apart.
func (c *comparison) winners(h, z []edit) []edit {
	switch {
	case len(h) == 0 && len(z) == 0:
		return nil
	case len(h) == 0:
		return z[len(z)-1:]
	case len(z) == 0:
		return h[len(h)-1:]
	}
	eh, ez := h[len(h)-1], z[len(z)-1]
	switch {
	case c.world.links.wiped: // only the clocks are left to tell
	case c.saw(ez, eh, h, z):
		return []edit{ez}
	case c.saw(eh, ez, h, z):
		return []edit{eh}
	}
	switch tolerance := c.tolerance(); {
	case ez.at-eh.at > tolerance:
		return []edit{ez}
	case eh.at-ez.at > tolerance:
		return []edit{eh}
	}
	return []edit{ez, eh}
}

// tolerance is within which time no clock tells which of two edits is the later.
func (c *comparison) tolerance() int64 {
	skew := c.world.plan.skew[0] - c.world.plan.skew[1]
	return max(skew, -skew) + second
}

// saw reports whether the record of later certainly showed a copy of earlier
// before later was typed there. What Zoho makes of a value is no proof to who has
// not learnt it yet: the clocks are left to tell then.
func (c *comparison) saw(later, earlier edit, h, z []edit) bool {
	if later.seq < earlier.seq {
		return false
	}
	s := later.rec.ref.System
	for _, e := range later.rec.history[c.field.On(s)] {
		canon := c.field.Canon(s, e.value)
		if e.by != connector || e.seq < earlier.seq || e.seq > later.seq || canon != earlier.canon {
			continue
		}
		for _, other := range slices.Concat(h, z) {
			if other.seq != earlier.seq && other.seq < e.seq && (other.canon == canon || other.canon == earlier.canon) {
				return false // it may be a copy of that one
			}
		}
		return true
	}
	return false
}
