package hubspotsim

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Association type ids.
const (
	contactPrimary = 1   // contact to its primary company
	companyPrimary = 2   // company to a contact whose primary company it is
	contactPlain   = 279 // contact to company
	companyPlain   = 280 // company to contact
)

// links are the associations between contacts and companies. The value tells
// whether the company is the contact's primary one.
type links struct {
	byContact map[int64]map[int64]bool
	byCompany map[int64]map[int64]bool
}

// of returns the links of one record: other id -> primary.
func (l *links) of(k *kind, id int64) map[int64]bool {
	if k.plural == "contacts" {
		return l.byContact[id]
	}
	return l.byCompany[id]
}

func (l *links) set(contact, company int64, primary bool) {
	if l.byContact == nil {
		l.byContact, l.byCompany = map[int64]map[int64]bool{}, map[int64]map[int64]bool{}
	}
	if l.byContact[contact] == nil {
		l.byContact[contact] = map[int64]bool{}
	}
	if l.byCompany[company] == nil {
		l.byCompany[company] = map[int64]bool{}
	}
	l.byContact[contact][company], l.byCompany[company][contact] = primary, primary
}

func (l *links) remove(contact, company int64) {
	delete(l.byContact[contact], company)
	delete(l.byCompany[company], contact)
}

// primary returns a contact's primary company, 0 if none.
func (l *links) primary(contact int64) int64 {
	for company, primary := range l.byContact[contact] {
		if primary {
			return company
		}
	}
	return 0
}

// drop removes all links of a record.
func (l *links) drop(k *kind, id int64) {
	for other := range maps.Clone(l.of(k, id)) {
		contact, company := pair(k, id, other)
		l.remove(contact, company)
	}
}

// move gives the links of a merged-away record to the survivor, which keeps
// its own primary company.
func (l *links) move(k *kind, from, to int64) {
	for other, primary := range maps.Clone(l.of(k, from)) {
		contact, company := pair(k, to, other)
		if had, linked := l.byContact[contact][company]; linked {
			primary = primary || had
		}
		if primary && l.primary(contact) != 0 && l.primary(contact) != company && k.plural == "contacts" {
			primary = false
		}
		l.set(contact, company, primary)
	}
	l.drop(k, from)
}

// pair sorts the two ids of an association by type.
func pair(from *kind, fromID, toID int64) (contact, company int64) {
	if from.plural == "contacts" {
		return fromID, toID
	}
	return toID, fromID
}

// linkType is how requests name a type.
type linkType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

// newLink is an association in the body of a create.
type newLink struct {
	To    idOnly     `json:"to"`
	Types []linkType `json:"types"`
}

type idOnly struct {
	ID string `json:"id"`
}

// other is the object type on the far side.
func (s *Server) other(k *kind) *kind {
	if k == s.kinds[0] {
		return s.kinds[1]
	}
	return s.kinds[0]
}

// checkTypes checks association types and tells whether they make a primary.
func checkTypes(from *kind, types []linkType) (primary bool, err *apiError) {
	plain, first := contactPlain, contactPrimary
	if from.plural == "companies" {
		plain, first = companyPlain, companyPrimary
	}
	if len(types) == 0 {
		return false, invalid("Invalid input JSON: types must not be empty")
	}
	for _, t := range types {
		if t.Category != "HUBSPOT_DEFINED" || t.TypeID != plain && t.TypeID != first {
			return false, invalid("Association type %s %d does not exist for %s", t.Category, t.TypeID, from.plural)
		}
		primary = primary || t.TypeID == first
	}
	return primary, nil
}

func (s *Server) checkNewLinks(k *kind, list []newLink) *apiError {
	for _, l := range list {
		if _, err := checkTypes(k, l.Types); err != nil {
			return err
		}
		id, isNumber := numeric(l.To.ID)
		if !isNumber {
			return errBadLinkID(l.To.ID)
		}
		if s.other(k).live(id) == nil {
			return invalid("%s with id %s does not exist and cannot be associated", s.other(k).upper, l.To.ID)
		}
	}
	return nil
}

func errBadLinkID(id string) *apiError {
	e := invalid("%s is not a valid ID", id)
	e.SubCategory = "crm.associations.INVALID_IDENTIFIER"
	e.Context = map[string][]string{"id": {id}}
	return e
}

func (s *Server) addNewLinks(r *record, list []newLink) {
	for _, l := range list {
		primary, _ := checkTypes(r.kind, l.Types)
		id, _ := numeric(l.To.ID)
		contact, company := pair(r.kind, r.id, id)
		s.link(contact, company, primary, s.app())
	}
}

// link associates the two, or replaces their labels. A contact has one primary
// company at most.
func (s *Server) link(contact, company int64, primary bool, by actor) {
	now := s.now()
	was, linked := s.links.byContact[contact][company]
	if linked && was == primary {
		return
	}
	if before := s.links.primary(contact); primary && before != 0 {
		s.links.set(contact, before, false)
		s.emitLink(contact, before, linkChange{removed: true, primary: true}, by, now)
	}
	s.links.set(contact, company, primary)
	if !linked {
		s.emitLink(contact, company, linkChange{}, by, now)
	}
	if primary || was {
		s.emitLink(contact, company, linkChange{primary: true, removed: !primary}, by, now)
	}
	s.touchLinked(contact, company, by, now)
}

func (s *Server) unlink(contact, company int64, by actor) {
	was, linked := s.links.byContact[contact][company]
	if !linked {
		return
	}
	now := s.now()
	s.links.remove(contact, company)
	s.emitLink(contact, company, linkChange{removed: true}, by, now)
	if was {
		s.emitLink(contact, company, linkChange{removed: true, primary: true}, by, now)
	}
	s.touchLinked(contact, company, by, now)
}

// touchLinked moves both modification times and keeps associatedcompanyid.
func (s *Server) touchLinked(contact, company int64, by actor, now time.Time) {
	if r := s.kinds[0].live(contact); r != nil {
		s.followPrimary(r, by, now)
		r.touch(now, s.now(), by)
	}
	if r := s.kinds[1].live(company); r != nil {
		r.touch(now, s.now(), by)
	}
}

// followPrimary brings associatedcompanyid up to date: a contact's own, or
// that of every contact of a company.
func (s *Server) followPrimary(r *record, by actor, now time.Time) {
	const name = "associatedcompanyid"
	if r.kind.plural == "companies" {
		for _, id := range s.linked(r.kind, r.id) {
			s.followPrimary(s.kinds[0].live(id), by, now)
		}
		return
	}
	primary := ""
	if id := s.links.primary(r.id); id != 0 {
		primary = strconv.FormatInt(id, 10)
	}
	if r.get(name) == primary {
		return
	}
	if last := r.last(name); !now.After(last) {
		now = last.Add(time.Millisecond)
	}
	r.put(name, primary, now, s.now(), by)
}

// linked lists the living records on the far side, in order of their ids.
func (s *Server) linked(k *kind, id int64) []int64 {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.links.of(k, id))), func(other int64) bool {
		return s.other(k).live(other) == nil
	})
}

// renderLinks is the associations part of a record, in the form of the older
// reads: one entry per type.
func (s *Server) renderLinks(r *record, want []string) map[string]any {
	far := s.other(r.kind)
	if !slices.Contains(want, far.plural) && !slices.Contains(want, far.typeID) {
		return nil
	}
	type entry struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	var results []entry
	kind := r.kind.singular + "_to_" + far.singular
	for _, id := range s.linked(r.kind, r.id) {
		text := strconv.FormatInt(id, 10)
		if s.links.of(r.kind, r.id)[id] {
			results = append(results, entry{text, kind})
		}
		results = append(results, entry{text, kind + "_unlabeled"})
	}
	if len(results) == 0 {
		return nil
	}
	return map[string]any{far.plural: map[string]any{"results": results}}
}

// linkTo is the far side of an association: batch/archive takes an array, the
// other requests a single {"id":..}, and neither takes the other's form.
type linkTo struct {
	one  string
	many []idOnly
}

// UnmarshalJSON reads both forms.
func (t *linkTo) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, &t.many)
	}
	var one idOnly
	err := json.Unmarshal(b, &one)
	t.one = one.ID
	return err
}
