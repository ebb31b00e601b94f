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
	w.checkCounterparts()
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
		if n.IsOpen() && n.givenUp() {
			w.violate("%s was given up for %s, was replayed, and the failure is still open", n.Ref, n.Cause.Code)
		}
	}
}

// checkTurn: no handler writes to a pair that another handler holds.
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

// checkOrphans: where two records of HubSpot were merged and both had a counterpart, a
// failure exists for the counterpart that is left over.
func (w *world) checkOrphans() {
	if w.links.wiped {
		return // who belonged to whom is not known any more
	}
	for _, r := range w.crms[crm.Zoho].records {
		source := w.crms[crm.HubSpot].on(r.ref.Kind, r.last().counterpart)
		if !r.alive() || r.late || r.restored || source == nil || source.mergedInto == nil || !source.survivor().alive() {
			continue
		}
		if w.pairOf(r) != nil {
			continue
		}
		if w.counterpartsOf(source.survivor()) == 1 && !w.lostSince(source) {
			w.violate("%s was merged into %s, which did not take over %s", source.ref, source.survivor().ref, r.ref)
			continue
		}
		if w.pairOf(source.survivor()) == nil && w.reportedOf(source.survivor().ref) {
			continue
		}
		if !slices.ContainsFunc(w.failures.order, func(n *noted) bool { return n.Record.Record == r.ref || n.Ref == r.ref }) {
			w.violate("%s is left over by a merge into %s, and no failure says so", r.ref, source.survivor().ref)
		}
	}
}

// lostSince reports whether the survivor had a counterpart that lived when a record was
// merged into it.
func (w *world) lostSince(merged *record) bool {
	counterpart := w.crms[crm.Zoho].byRef[w.links.paired[merged.survivor().ref]]
	return counterpart != nil && counterpart.last().deleted && counterpart.last().seq > merged.mergedSeq
}

// counterpartsOf counts the records of Zoho that name one of HubSpot or what was merged
// into it.
func (w *world) counterpartsOf(survivor *record) int {
	n := 0
	for _, r := range w.crms[crm.Zoho].records {
		source := w.crms[crm.HubSpot].on(r.ref.Kind, r.last().counterpart)
		if r.alive() && source != nil && source.survivor() == survivor {
			n++
		}
	}
	return n
}

// checkErased: of who was deleted for privacy nothing is kept, and a person was
// asked by a failure to delete the counterpart.
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
		if counterpart := w.crms[crm.Zoho].holder(r.ref.Kind, r.ref.RecordID, nil); counterpart != nil && !counterpart.late && !counterpart.restored && !w.mail.reportedErased(counterpart.ref) {
			w.violate("%s was erased, and no failure asks to delete %s", r.ref, counterpart.ref)
		}
	}
}

// checkCounterparts: every record of HubSpot has a counterpart, or a reason why not.
func (w *world) checkCounterparts() {
	for _, r := range w.crms[crm.HubSpot].records {
		if !r.alive() {
			continue
		}
		l, linked := w.links.kept[w.links.claims[r.ref]]
		switch {
		case linked && (l.Complete() || l.DeletedOn == crm.Zoho):
		case w.reportedOf(r.ref):
		case w.people.merged[r]:
		case w.links.wiped && w.crms[crm.Zoho].holder(r.ref.Kind, r.ref.RecordID, nil) != nil:
			// Nothing has asked for it since the store was emptied.
		default:
			w.violate("%s has no counterpart and no failure says why", r.ref)
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
		if (r.late || r.restored) && w.reportedOf(r.ref) {
			continue // the record in HubSpot was linked to another record meanwhile
		}
		source := hubspot.on(r.ref.Kind, r.last().counterpart)
		if source == nil || source.alive() && !w.people.merged[source] && !w.links.wiped {
			w.violate("%s was created by the connector and belongs to no link", r.ref)
		}
	}
	for _, r := range hubspot.records {
		// A copy that a person deleted before we knew of it may be made again, and
		// one that became the counterpart of another record meanwhile.
		if n := zoho.created[r.ref] - zoho.lostCopies(r.ref); n > 1 && !w.people.merged[r] {
			w.violate("%s was created %d times in Zoho", r.ref, n)
		}
	}
}

func (w *world) reportedOf(ref crm.Ref) bool {
	return w.failures.isReported(func(f failure.Record) bool { return f.Ref == ref || f.Record == ref })
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
		// Deleted, and the link knows; or merged, and the survivor's link stands.
		return
	}
	if !l.Complete() {
		w.violate("%s and %s live, and their link says that %s does not", h.ref, z.ref, l.DeletedOn)
		return
	}
	if !w.people.merged[h] && !w.people.merged[z] &&
		(h.last().counterpart != z.ref.RecordID && !l.HubSpot.CounterpartIDRefused || z.last().counterpart != h.ref.RecordID && !l.Zoho.CounterpartIDRefused) {
		w.violate("%s and %s are linked and name %q and %q", h.ref, z.ref, h.last().counterpart, z.last().counterpart)
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

// lostCopies counts the records that the connector created as the counterpart of one
// record and that people deleted, or gave the key of another.
func (m *model) lostCopies(counterpart crm.Ref) int {
	n := 0
	for _, r := range m.records {
		if r.createdBy != connector || r.ref.Kind != counterpart.Kind {
			continue
		}
		l := m.world.links.kept[m.world.links.claims[r.ref]]
		deleted := !r.alive() && r.last().counterpart == counterpart.RecordID
		if taken := r.madeFor == counterpart.RecordID && l.HubSpot.RecordID != "" && l.HubSpot.RecordID != counterpart.RecordID; deleted || taken {
			n++
		}
	}
	return n
}
