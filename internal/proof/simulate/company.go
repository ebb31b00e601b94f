package simulate

import (
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// companyField is the field of a contact that names its company, by that
// company's id on the side of the contact.
var companyField = theMapping.Object(crm.Contact).Field("company")

// isCompany reports whether a field of a kind names a company.
func isCompany(k crm.Kind, api string, s crm.System) bool {
	return k == crm.Contact && api == companyField.On(s)
}

// showsCompany is what a CRM shows of the company of a contact. Zoho shows none
// whose account was deleted, although no person touched the contact.
func (m *model) showsCompany(id string) string {
	if m.system == crm.Zoho && id != "" {
		if c := m.on(crm.Company, id); c == nil || !c.alive() {
			return ""
		}
	}
	return id
}

// employs reports whether a company is there to put a contact at.
func (m *model) employs(id string) bool {
	c := m.on(crm.Company, id)
	return c != nil && c.alive()
}

// anyCompany draws a company at which a person puts a contact, "" for none.
func (p *people) anyCompany(s crm.System) string {
	w := p.world
	var alive []*record
	for _, r := range w.crms[s].records {
		if r.ref.Kind == crm.Company && r.alive() {
			alive = append(alive, r)
		}
	}
	if len(alive) == 0 || w.chance(0.2) {
		return ""
	}
	return alive[w.rng.IntN(len(alive))].ref.RecordID
}

// moveMembers puts the contacts of a company that was merged at the survivor.
// Neither CRM sends an event, nor does it move the time of a contact; HubSpot
// has it in the history.
func (m *model) moveMembers(from, to *record) {
	field := companyField.On(m.system)
	for _, r := range m.records {
		if r.ref.Kind != crm.Contact || r.last().fields[field] != from.ref.RecordID {
			continue
		}
		before := r.last()
		entries := r.history[field]
		m.change(r, map[string]string{field: to.ref.RecordID}, "", person)
		r.last().modified, r.last().by = before.modified, before.by
		if m.system == crm.Zoho {
			r.history[field] = entries
		}
	}
}

// mergeInZoho joins two records of Zoho: the survivor takes what it lacks, the
// loser goes for good, and its only event is its deletion.
func (p *people) mergeInZoho() {
	w := p.world
	m := w.crms[crm.Zoho]
	survivor, loser := p.two(m)
	if survivor == nil {
		return
	}
	w.happened("merged by a person into "+survivor.ref.String(), loser.ref.String())
	p.markMerged(survivor, loser)
	fills := map[string]string{}
	for f, v := range loser.last().fields {
		if survivor.last().fields[f] == "" {
			fills[f] = v
		}
	}
	counterpart := ""
	if survivor.last().counterpart == "" {
		counterpart = loser.last().counterpart
	}
	p.end(loser)
	loser.purged, loser.swallowedBy = true, survivor
	m.change(survivor, fills, counterpart, person)
	if loser.ref.Kind == crm.Company {
		m.moveMembers(loser, survivor)
	}
	w.announce(loser, hookDeleted)
	w.announce(survivor, hookUpdated)
}

// two draws two live records of one kind.
func (p *people) two(m *model) (survivor, loser *record) {
	w := p.world
	k := crm.Kinds[w.rng.IntN(len(crm.Kinds))]
	var alive []*record
	for _, r := range m.records {
		if r.alive() && r.ref.Kind == k {
			alive = append(alive, r)
		}
	}
	if len(alive) < 2 {
		return nil, nil
	}
	i := w.rng.IntN(len(alive))
	return alive[i], alive[(i+1+w.rng.IntN(len(alive)-1))%len(alive)]
}

// stands returns the record that stands for a company by now: itself, or the
// one that it was merged into.
func (m *model) stands(id string) *record {
	r := m.on(crm.Company, id)
	for r != nil && (r.mergedInto != nil || r.swallowedBy != nil) {
		if r.mergedInto != nil {
			r = r.mergedInto
		} else {
			r = r.swallowedBy
		}
	}
	return r
}

// checkCompany holds the companies of two linked contacts to each other, and to
// the latest choice of a person where no company was deleted or merged.
func (w *world) checkCompany(l syncer.Link, h, z *record) {
	c := comparison{world: w, field: companyField, h: h, z: z}
	c.shownH, c.shownZ = h.last().fields[companyField.HubSpot], z.last().fields[companyField.Zoho]
	hc, zc := w.crms[crm.HubSpot].stands(c.shownH), w.crms[crm.Zoho].stands(c.shownZ)
	if !w.companiesAgree(hc, zc) && !w.companyWaits(l, hc, zc) && !w.lookedDeleted(c.edits(z), hc) {
		c.violate("they are not one company, and no failure says so")
	}
	if w.people.merged[h] || w.people.merged[z] || w.links.wiped {
		return
	}
	if slices.ContainsFunc(slices.Concat(c.edits(h), c.edits(z)), w.unsettled) {
		return
	}
	allowed := c.winners(w.byPair(c.edits(h)), w.byPair(c.edits(z)))
	if len(allowed) == 0 {
		return
	}
	for _, e := range allowed {
		if e.canon == "" && hc == nil && zc == nil || hc != nil && zc != nil && w.pairOf(hc) != nil && w.pairOf(hc).ID == e.canon {
			return
		}
	}
	c.violate("the latest choice is %q, made %s in %s", allowed[0].canon, w.when(allowed[0].at), allowed[0].rec.ref)
}

// unsettled reports whether the company of a choice was deleted or merged, or
// has no counterpart: where such a company stood is not judged.
func (w *world) unsettled(e edit) bool {
	company := w.crms[e.rec.ref.System].on(crm.Company, e.canon)
	return company != nil && (!company.alive() || company.restored || w.people.merged[company] || w.pairOf(company) == nil)
}

// byPair returns edits with the link of the company in place of its id.
func (w *world) byPair(edits []edit) []edit {
	var all []edit
	for _, e := range edits {
		if company := w.crms[e.rec.ref.System].stands(e.canon); company != nil {
			e.canon = w.pairOf(company).ID
		}
		all = append(all, e)
	}
	return all
}

// pairOf returns the link of a company whose two records live, nil if there is
// none.
func (w *world) pairOf(r *record) *syncer.Link {
	l, ok := w.links.kept[w.links.claims[r.ref]]
	if !ok || !l.Complete() {
		return nil
	}
	for _, s := range crm.Systems {
		if other := w.crms[s].on(l.Kind, l.On(s).RecordID); other == nil || !other.alive() {
			return nil
		}
	}
	return &l
}

func (w *world) companiesAgree(hc, zc *record) bool {
	switch {
	case hc == nil || zc == nil:
		return hc == zc
	case !hc.alive() || !zc.alive():
		return true // a company that one side deleted stays on the other
	}
	l := w.pairOf(hc)
	return l != nil && l.Zoho.RecordID == zc.ref.RecordID
}

// companyWaits reports whether there is a reason why a side is without the
// company of the other.
func (w *world) companyWaits(l syncer.Link, hc, zc *record) bool {
	for _, r := range []*record{hc, zc} {
		if r == nil || r.alive() && w.pairOf(r) != nil {
			continue
		}
		if r.ref.System == crm.Zoho || !r.alive() || w.people.merged[r] || w.reportedOf(r.ref) || w.reportedOfCompany(l) {
			return true
		}
	}
	// One that shows none may have lost it with the company, which nothing stands for.
	return (hc == nil || zc == nil) && w.reportedOfCompany(l)
}

// lookedDeleted reports whether the company that a person took a contact of Zoho
// away from was deleted soon after, so that the contact looked as it does when
// no person touched it. A company that one side deleted stays on the other.
func (w *world) lookedDeleted(edits []edit, counterpart *record) bool {
	n := len(edits)
	if counterpart == nil || n < 2 || edits[n-1].canon != "" {
		return false
	}
	left := w.crms[crm.Zoho].on(crm.Company, edits[n-2].canon)
	return left != nil && left.last().deleted && left.last().seq > edits[n-1].seq && w.links.paired[counterpart.ref] == left.ref
}

func (w *world) reportedOfCompany(l syncer.Link) bool {
	return w.failures.isReported(func(f failure.Record) bool {
		for _, fe := range f.Cause.Fields {
			if fe.Field == companyField.On(f.Cause.Side) && (f.Ref == l.Ref(f.Ref.System) || f.Record == l.Ref(f.Record.System)) {
				return true
			}
		}
		return false
	})
}
