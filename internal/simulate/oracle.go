package simulate

import (
	"maps"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// check judges what is left when the world is at rest.
func (w *world) check() {
	w.ledger.check()
	w.mail.check()
	w.checkGivenUp()
	w.checkLinks()
	w.checkTwins()
	w.checkOrphans()
	w.checkErased()
	w.checkWrites()
	for _, id := range slices.Sorted(maps.Keys(w.links.kept)) {
		w.checkPair(w.links.kept[id])
	}
}

// checkGivenUp: what was given up, and was replayed since, is done with.
func (w *world) checkGivenUp() {
	for _, n := range w.failures.order {
		if n.Open() && n.givenUp() {
			w.violate("%s was given up for %s, was replayed, and the failure is still open", n.Ref, n.Cause.Code)
		}
	}
}

// checkTurn: nobody writes to a pair that another handler holds.
func (w *world) checkTurn(ref crm.Ref) {
	l := w.links.kept[w.links.claims[ref]]
	holder, _, _ := strings.Cut(l.Lease.Holder, "/")
	if holder != "" && holder != w.running.op && !w.running.unheld && w.Now().Before(l.Lease.Until) {
		w.violate("%s wrote to %s while %s held the pair", w.running.op, ref, holder)
	}
}

// checkLinks: a record belongs to one link at most.
func (w *world) checkLinks() {
	owner := map[crm.Ref]string{}
	for _, id := range slices.Sorted(maps.Keys(w.links.kept)) {
		l := w.links.kept[id]
		for _, s := range crm.Systems {
			r := l.Ref(s)
			if r.RecordID == "" {
				continue
			}
			if owner[r] != "" {
				w.violate("%s belongs to two links", r)
			}
			owner[r] = id
		}
	}
}

// checkOrphans: where two records of HubSpot were merged and both had a twin, a
// person was told of the twin that is left over.
func (w *world) checkOrphans() {
	if w.links.wiped || w.plan.lossy {
		return // the merge may not have been heard of
	}
	for _, r := range w.crms[crm.Zoho].records {
		source := w.crms[crm.HubSpot].on(r.ref.Kind, r.last().twin)
		if !r.alive() || r.late || r.restored || source == nil || source.mergedInto == nil || !source.survivor().alive() {
			continue
		}
		if w.pairOf(r) != nil {
			continue
		}
		if w.twinsOf(source.survivor()) == 1 && !w.lostSince(source) {
			w.violate("%s was merged into %s, which did not take over %s", source.ref, source.survivor().ref, r.ref)
			continue
		}
		if w.pairOf(source.survivor()) == nil && w.toldOf(source.survivor().ref) {
			continue
		}
		if !slices.ContainsFunc(w.failures.order, func(n *noted) bool { return n.Record.Record == r.ref || n.Ref == r.ref }) {
			w.violate("%s is left over by a merge into %s, and nobody was told", r.ref, source.survivor().ref)
		}
	}
}

// lostSince reports whether the survivor had a twin that lived when a record was
// merged into it.
func (w *world) lostSince(merged *record) bool {
	twin := w.crms[crm.Zoho].byRef[w.links.paired[merged.survivor().ref]]
	return twin != nil && twin.last().deleted && twin.last().seq > merged.mergedSeq
}

// twinsOf counts the records of Zoho that name one of HubSpot or what was merged
// into it.
func (w *world) twinsOf(survivor *record) int {
	n := 0
	for _, r := range w.crms[crm.Zoho].records {
		source := w.crms[crm.HubSpot].on(r.ref.Kind, r.last().twin)
		if r.alive() && source != nil && source.survivor() == survivor {
			n++
		}
	}
	return n
}

// checkErased: of who was deleted for privacy nothing is kept, and a person was
// told to delete the twin.
func (w *world) checkErased() {
	for _, r := range w.crms[crm.HubSpot].records {
		if !r.erased {
			continue
		}
		if id := w.links.claims[r.ref]; id != "" {
			w.violate("%s was erased, and link %s holds it still", r.ref, id)
		}
		for _, n := range w.failures.order {
			if n.Ref == r.ref || n.Record.Record == r.ref {
				w.violate("%s was erased, and failure %s names it still", r.ref, n.ID)
			}
		}
		if twin := w.crms[crm.Zoho].holder(r.ref.Kind, r.ref.RecordID, nil); twin != nil && !twin.late && !twin.restored && !w.mail.toldErased(twin.ref) {
			w.violate("%s was erased, and nobody was told to delete %s", r.ref, twin.ref)
		}
	}
}

// checkTwins: every record of HubSpot has a twin, or a reason why not.
func (w *world) checkTwins() {
	for _, r := range w.crms[crm.HubSpot].records {
		if !r.alive() {
			continue
		}
		l, linked := w.links.kept[w.links.claims[r.ref]]
		switch {
		case linked && (l.Complete() || l.Gone == crm.Zoho):
		case w.toldOf(r.ref):
		case w.people.merged[r]:
		case w.links.wiped && w.crms[crm.Zoho].holder(r.ref.Kind, r.ref.RecordID, nil) != nil:
			// Nothing has asked for it since the store was emptied.
		default:
			w.violate("%s has no twin and nobody was told why", r.ref)
		}
	}
	w.checkCopies()
}

// checkCopies: Zoho holds nothing that the connector made and then forgot, and
// nothing that it made twice.
func (w *world) checkCopies() {
	hubspot, zoho := w.crms[crm.HubSpot], w.crms[crm.Zoho]
	for _, r := range zoho.records {
		_, linked := w.links.kept[w.links.claims[r.ref]]
		if linked || !r.alive() || r.createdBy == person {
			continue
		}
		if (r.late || r.restored) && w.toldOf(r.ref) {
			continue // the record in HubSpot was linked to another record meanwhile
		}
		source := hubspot.on(r.ref.Kind, r.last().twin)
		if source == nil || source.alive() && !w.people.merged[source] && !w.links.wiped {
			w.violate("%s was created by the connector and belongs to no link", r.ref)
		}
	}
	for _, r := range hubspot.records {
		// A copy that a person deleted before we knew of it may be made again.
		if n := zoho.created[r.ref] - zoho.deletedCopies(r.ref); n > 1 && !w.people.merged[r] {
			w.violate("%s was created %d times in Zoho", r.ref, n)
		}
	}
}

func (w *world) toldOf(ref crm.Ref) bool {
	return w.failures.told(func(f failure.Record) bool { return f.Ref == ref || f.Record == ref })
}

// writesPerEdit bounds how often the connector may change a value for each
// value that a person typed; what a fault tore up may be written again.
const writesPerEdit = 2

func (w *world) checkWrites() {
	changed := w.crms[crm.HubSpot].changed + w.crms[crm.Zoho].changed
	if limit := writesPerEdit*len(w.people.edits) + Total(w.faults) + Total(w.kills); changed > limit {
		w.violate("the connector changed %d values for %d edits", changed, len(w.people.edits))
	}
}

// checkPair holds the two records of a link to what people typed.
func (w *world) checkPair(l syncer.Link) {
	h, z := w.crms[crm.HubSpot].on(l.Kind, l.HubSpot.RecordID), w.crms[crm.Zoho].on(l.Kind, l.Zoho.RecordID)
	if h == nil || z == nil || !h.alive() || !z.alive() {
		// Deleted, and the link was told; or merged, and the survivor's link stands.
		return
	}
	if !l.Complete() {
		w.violate("%s and %s live, and their link says that %s does not", h.ref, z.ref, l.Gone)
		return
	}
	if !w.people.merged[h] && !w.people.merged[z] &&
		(h.last().twin != z.ref.RecordID && !l.HubSpot.TwinRefused || z.last().twin != h.ref.RecordID && !l.Zoho.TwinRefused) {
		w.violate("%s and %s are linked and name %q and %q", h.ref, z.ref, h.last().twin, z.last().twin)
	}
	fields := theMapping.Object(l.Kind).Fields
	for i := range fields {
		if fields[i].Type == mapping.Company {
			w.checkCompany(l, h, z)
			continue
		}
		c := comparison{world: w, field: &fields[i], h: h, z: z}
		c.shownH, c.shownZ = c.shown(h), c.shown(z)
		c.check()
	}
}

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
		if !equal && !c.excused("") && !c.keptBack() && !c.lost() {
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
		// be told from what Zoho filled in by itself, and stays there.
		if other := c.z.madeFor; !equal && (other == "" || other == c.h.ref.RecordID) {
			c.violate("nobody typed anything")
		}
		return
	}
	for _, e := range allowed {
		if c.holds(e) || c.excused(e.canon) {
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

// excused reports whether a side refuses the value and a person was told.
func (c *comparison) excused(canon string) bool {
	return c.world.failures.told(func(f failure.Record) bool {
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

// lost reports whether a person was told that the decided value is nowhere to
// be found, as it may be when the record that held it was merged away.
func (c *comparison) lost() bool {
	return c.world.failures.told(func(f failure.Record) bool {
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
	if !equal && c.keptBack() {
		cleared := c.h
		if c.shownZ == "" {
			cleared = c.z
		}
		if es := c.edits(cleared); (len(es) == 0 || es[len(es)-1].canon != "") && !c.excused(c.shownH+c.shownZ) {
			c.violate("and nobody cleared it")
		}
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
	skew := c.world.plan.skew[0] - c.world.plan.skew[1]
	if skew < 0 {
		skew = -skew
	}
	switch tolerance := skew + second; {
	case ez.at-eh.at > tolerance:
		return []edit{ez}
	case eh.at-ez.at > tolerance:
		return []edit{eh}
	}
	return []edit{ez, eh}
}

// saw reports whether the record of later certainly showed a copy of earlier
// before later was typed there.
func (c *comparison) saw(later, earlier edit, h, z []edit) bool {
	if later.seq < earlier.seq {
		return false
	}
	s := later.rec.ref.System
	for _, e := range later.rec.history[c.field.On(s)] {
		canon := c.field.Canon(s, e.value)
		if e.by != connector || e.seq < earlier.seq || e.seq > later.seq ||
			canon != earlier.canon && canon != c.image(earlier.canon) {
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

// deletedCopies counts the records that the connector created as the twin of
// one record and that people deleted.
func (m *model) deletedCopies(twin crm.Ref) int {
	n := 0
	for _, r := range m.records {
		if r.createdBy == connector && !r.alive() && r.ref.Kind == twin.Kind && r.last().twin == twin.RecordID {
			n++
		}
	}
	return n
}
