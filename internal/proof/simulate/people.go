package simulate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// edit is one value that a person typed, with what the oracle must know of it.
type edit struct {
	seq   int
	at    int64 // our time
	rec   *record
	field string // the mapping's name
	canon string // what was stored, in the form in which it is compared
}

// people are the users of both CRMs.
type people struct {
	world   *world
	left    int
	next    int64
	stopped bool
	values  int
	made    map[crm.Kind]int      // how many times people entered a record
	keys    map[crm.Kind][]string // those that were ever in use
	edits   []edit
	byField map[fieldOf][]int // indexes into edits
	merged  map[*record]bool  // records whose values a merge has moved
	// answer is an edit that a person on the other side is about to make.
	answer *answer
}

type fieldOf struct {
	rec   *record
	field string
}

type answer struct {
	rec   *record
	field string
}

// replies makes the edit that a person is about to make, if there is one.
func (p *people) replies() bool {
	a := p.answer
	p.answer = nil
	if a == nil || !a.rec.alive() {
		return false
	}
	p.typeInto(a.rec, a.field)
	return true
}

// act lets a person act.
func (p *people) act() {
	w := p.world
	p.left--
	p.next = w.now + w.between(0, w.plan.gap)
	if p.replies() {
		return
	}
	alive := p.alive()
	x := w.rng.Float64()
	switch {
	case w.plan.merges && x < 0.50 && x >= 0.42:
		p.merge()
	case w.plan.merges && x < 0.54 && x >= 0.50:
		p.mergeInZoho()
	case len(alive) == 0:
		p.create(crm.Contact)
	case x < 0.3 && p.missing() != "":
		p.create(p.missing())
	case w.plan.deletes && x < 0.34 && x > 0.30:
		p.remove(alive[w.rng.IntN(len(alive))])
	case w.plan.deletes && x < 0.35 && x >= 0.34:
		p.restore()
	case w.plan.deletes && x < 0.42 && x >= 0.40:
		p.erase(alive[w.rng.IntN(len(alive))])
	default:
		p.typeAnything(alive)
	}
}

// typeAnything edits some field of some record.
func (p *people) typeAnything(alive []*record) {
	w := p.world
	r := alive[w.rng.IntN(len(alive))]
	fields := theMapping.Object(r.ref.Kind).Fields
	field := fields[w.rng.IntN(len(fields))].Name
	p.typeInto(r, field)
	p.provoke(r, field)
}

// provoke makes a person on the other side edit the same field very soon.
func (p *people) provoke(r *record, field string) {
	w := p.world
	if !w.chance(w.plan.answers) {
		return
	}
	if other := p.counterpart(r); other != nil {
		p.answer = &answer{rec: other, field: field}
		p.next = w.now + w.between(0, 3*second)
	}
}

// counterpart returns the live record that is linked to r.
func (p *people) counterpart(r *record) *record {
	l, ok := p.world.links.kept[p.world.links.claims[r.ref]]
	if !ok {
		return nil
	}
	other := r.ref.System.Other()
	t := p.world.crms[other].on(r.ref.Kind, l.On(other).RecordID)
	if t == nil || !t.alive() {
		return nil
	}
	return t
}

func (p *people) alive() []*record {
	var all []*record
	for _, s := range crm.Systems {
		for _, r := range p.world.crms[s].records {
			if r.alive() {
				all = append(all, r)
			}
		}
	}
	return all
}

// missing is a kind of which people are to enter more.
func (p *people) missing() crm.Kind {
	for _, k := range crm.Kinds {
		if p.made[k] < p.world.plan.records[k] {
			return k
		}
	}
	return ""
}

// create makes a record in HubSpot, or in Zoho, or in both with one key.
func (p *people) create(k crm.Kind) {
	w := p.world
	p.made[k]++
	key := p.newKey(k)
	systems := []crm.System{crm.HubSpot}
	switch w.rng.IntN(6) {
	case 0:
		systems = []crm.System{crm.Zoho}
	case 1:
		systems = []crm.System{crm.Zoho, crm.HubSpot}
	}
	if known := p.onlyInZoho(); k == crm.Company && len(systems) == 1 && systems[0] == crm.HubSpot && known != "" && w.chance(0.5) {
		key = known // its contacts have waited for it
	}
	for _, s := range systems {
		m := w.crms[s]
		r := m.make(k, person)
		fields := map[string]string{}
		for i := range theMapping.Object(k).Fields {
			f := &theMapping.Object(k).Fields[i]
			switch {
			case isKey(k, f.Name):
				fields[f.On(s)] = key
			case f.Type == mapping.Company:
				if company := p.anyCompany(s); company != "" && w.chance(0.5) {
					fields[f.On(s)] = company
				}
			case k == crm.Company && s == crm.HubSpot && f.RequiredOn(crm.Zoho) && w.chance(0.3):
				// Zoho does not take it, and its contacts wait until it has a name.
			case f.RequiredOn(crm.Zoho) || w.chance(0.5):
				fields[f.On(s)] = p.value(s, f)
			}
		}
		p.save(r, fields)
		w.announce(r, hookCreated)
	}
}

// onlyInZoho returns the key of a company that Zoho alone has, "" if there is
// none.
func (p *people) onlyInZoho() string {
	for _, r := range p.world.crms[crm.Zoho].records {
		if r.ref.Kind == crm.Company && r.alive() && p.world.links.claims[r.ref] == "" {
			return theMapping.Object(crm.Company).Field(kinds[crm.Company].key).Canon(crm.Zoho, r.last().fields[keyOn(crm.Company, crm.Zoho)])
		}
	}
	return ""
}

func (p *people) newKey(k crm.Kind) string {
	key := kinds[k].fresh(len(p.keys[k]) + 1)
	p.keys[k] = append(p.keys[k], key)
	return key
}

// typeInto edits one field of a record.
func (p *people) typeInto(r *record, field string) {
	w := p.world
	s, k := r.ref.System, r.ref.Kind
	f := theMapping.Object(k).Field(field)
	api := f.On(s)
	value := p.value(s, f)
	switch {
	case f.Type == mapping.Company:
		value = p.anyCompany(s)
	case isKey(k, field):
		value = p.newKey(k)
		if s == crm.Zoho && kinds[k].taken && w.chance(0.15) {
			value = p.keys[k][w.rng.IntN(len(p.keys[k]))]
		}
		if s == crm.Zoho && w.chance(0.2) {
			value = kinds[k].spelt(value)
		}
	case f.RequiredOn(crm.Zoho):
		if s == crm.HubSpot && w.chance(0.1) {
			value = ""
		}
	default:
		if w.chance(0.2) {
			value = ""
		}
	}
	if s == crm.HubSpot && isKey(k, field) && w.crms[s].bearer(k, value, r) != nil {
		return // HubSpot does not let it be typed
	}
	shown := r.last().fields[api]
	if f.Type == mapping.Company {
		shown = w.crms[s].showsCompany(shown)
	}
	if w.crms[s].stores(api, value) == shown {
		return
	}
	p.save(r, map[string]string{api: value})
	w.announce(r, hookUpdated)
}

// save stores what a person typed and notes it for the oracle.
func (p *people) save(r *record, fields map[string]string) {
	w := p.world
	m := w.crms[r.ref.System]
	m.change(r, fields, "", person)
	w.happened("edited by a person", r.ref.String())
	for _, api := range slices.Sorted(maps.Keys(fields)) {
		name := fieldName(r.ref.Kind, r.ref.System, api)
		f := theMapping.Object(r.ref.Kind).Field(name)
		p.byField[fieldOf{r, name}] = append(p.byField[fieldOf{r, name}], len(p.edits))
		p.edits = append(p.edits, edit{
			seq: r.last().seq, at: w.now, rec: r, field: name, canon: f.Canon(r.ref.System, r.last().fields[api]),
		})
	}
}

// value draws what a person types.
func (p *people) value(s crm.System, f *mapping.Field) string {
	w := p.world
	p.values++
	v := fmt.Sprintf("v%d", p.values)
	if w.plan.repeats > 0 && !f.RequiredOn(crm.Zoho) {
		v = string(rune('A' + w.rng.IntN(w.plan.repeats)))
	}
	if w.plan.bad && f.Type == mapping.Text && w.chance(0.15) {
		return fmt.Sprintf("%s%d", badFor[s.Other()], p.values)
	}
	if f.Name == "title" && s == crm.HubSpot && w.chance(0.5) {
		v += shortenedFrom + "long"
	}
	return v
}

func (p *people) remove(r *record) {
	p.end(r)
	p.world.happened("deleted by a person", r.ref.String())
	p.world.announce(r, hookDeleted)
}

// end makes the last version of a record, in which it is deleted.
func (p *people) end(r *record) {
	w := p.world
	w.seq++
	old := *r.last()
	old.seq, old.from, old.modified, old.by, old.deleted = w.seq, w.now, w.crms[r.ref.System].clock(), person, true
	r.versions = append(r.versions, &old)
}

// erase deletes a contact of HubSpot for privacy. Its two events come in either
// order.
func (p *people) erase(r *record) {
	w := p.world
	if r.ref.Kind != crm.Contact || r.ref.System != crm.HubSpot {
		return
	}
	hooks := []hook{hookDeleted, hookErased}
	if w.chance(0.5) {
		slices.Reverse(hooks)
	}
	p.eraseFor(r, hooks...)
}

// eraseFor deletes r for privacy and sends the event.
func (p *people) eraseFor(r *record, hooks ...hook) {
	p.end(r)
	r.purged, r.erased = true, true
	p.world.happened("erased by a person", r.ref.String())
	for _, h := range hooks {
		p.world.announce(r, h)
	}
}

// restore takes the record that was deleted last out of the bin again, unless
// its unique values are in use by now.
func (p *people) restore() {
	w := p.world
	var gone *record
	for _, s := range crm.Systems {
		for _, r := range w.crms[s].records {
			if r.last().deleted && !r.purged && r.mergedInto == nil && (gone == nil || r.last().seq > gone.last().seq) {
				gone = r
			}
		}
	}
	if gone == nil {
		return
	}
	m, k, old := w.crms[gone.ref.System], gone.ref.Kind, gone.last()
	if old.counterpart != "" && m.holder(k, old.counterpart, gone) != nil || m.bearer(k, old.fields[keyOn(k, m.system)], gone) != nil {
		return
	}
	w.seq++
	back := *old
	back.seq, back.from, back.modified, back.by, back.deleted = w.seq, w.now, m.clock(), person, false
	gone.versions, gone.restored = append(gone.versions, &back), true
	w.happened("restored by a person", gone.ref.String())
	w.announce(gone, hookRestored)
}

// merge joins two records of HubSpot, into one of them or into a new one.
func (p *people) merge() {
	w := p.world
	m := w.crms[crm.HubSpot]
	primary, loser := p.two(m)
	if primary == nil {
		return
	}
	k := primary.ref.Kind
	w.happened("merged by a person into "+primary.ref.String(), loser.ref.String())
	into := primary
	fills := map[string]string{}
	for f, v := range loser.last().fields {
		if primary.last().fields[f] == "" {
			fills[f] = v
		}
	}
	counterpart := ""
	if primary.last().counterpart == "" {
		counterpart = loser.last().counterpart
	}
	p.markMerged(primary, loser)
	loser.mergedInto, loser.mergedSeq = primary, w.seq
	if w.chance(0.5) {
		into = m.make(k, person)
		into.ofMerge = true
		into.history = maps.Clone(primary.history)
		into.versions = []*version{primary.last()}
		primary.mergedInto, primary.mergedSeq = into, w.seq
		p.markMerged(into)
		w.announce(primary, hookDeleted)
	}
	m.change(into, fills, counterpart, person)
	if k == crm.Company {
		m.moveMembers(loser, into)
		m.moveMembers(primary, into)
	}
	w.announce(into, hookMerged)
	w.announce(loser, hookDeleted)
}

// markMerged notes the records, and their counterparts, whose values no longer have
// one history of their own.
func (p *people) markMerged(all ...*record) {
	for _, r := range all {
		p.merged[r] = true
		if t := p.counterpart(r); t != nil {
			p.merged[t] = true
		}
	}
}
