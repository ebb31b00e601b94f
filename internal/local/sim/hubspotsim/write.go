package hubspotsim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// change is a checked write: property name to stored value.
type change map[string]string

// check validates the properties of a write against r, which is nil for a
// create, and lists every bad one.
func (s *Server) check(k *kind, r *record, properties map[string]any) (change, []fieldError) {
	out := change{}
	var wrong []fieldError
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := k.properties[name]
		if p == nil || p.Archived {
			wrong = append(wrong, fieldError{Name: name, Code: "PROPERTY_DOESNT_EXIST",
				Message: `Property "` + name + `" does not exist`})
			continue
		}
		current := ""
		if r != nil {
			current = r.get(name)
		}
		value, why := s.normalise(k, p, properties[name], current)
		if why != nil {
			wrong = append(wrong, fieldError{Name: name, Code: why.code, Message: why.message})
			continue
		}
		if name == "lifecyclestage" && value != "" && !moves(current, value) {
			continue // it silently stays
		}
		out[name] = value
	}
	return out, wrong
}

// checkNew checks a create, the identifying property included.
func (s *Server) checkNew(k *kind, properties map[string]any, version string) (change, *apiError) {
	c, wrong := s.check(k, nil, properties)
	if version == "2026-09" {
		for _, name := range s.cfg.Required[k.plural] {
			if c[name] == "" {
				wrong = append(wrong, fieldError{Name: name, Code: "MISSING_REQUIRED_PROPERTY", Message: name + " is required."})
			}
		}
	}
	if len(wrong) > 0 {
		return nil, s.errFields(wrong)
	}
	if !slices.ContainsFunc(k.identity, func(name string) bool { return c[name] != "" }) {
		return nil, invalid("Error creating %s. Some required properties were not set: one of %s.",
			k.upper, strings.Join(k.identity, ", "))
	}
	return c, nil
}

// claimed keeps the unique values that the rows of one batch take, so that two
// rows of it cannot take the same.
type claimed map[[2]string]int64

// clash checks a change of record id (0 = new) against the unique values of
// other records and, with taken, of earlier rows.
func (s *Server) clash(k *kind, id int64, c change, taken claimed) *apiError {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		index, values := k.claims(name, c[name])
		for _, v := range values {
			holder, held := k.unique[index][v]
			if !held && taken != nil {
				holder, held = taken[[2]string{index, v}]
			}
			if held && holder != id {
				return s.errHeld(k, name, holder)
			}
			if taken != nil {
				taken[[2]string{index, v}] = id
			}
		}
	}
	return nil
}

// errHeld is the refusal of a value that another record has: 409 with the
// other's id for an address, 400 for other properties.
func (s *Server) errHeld(k *kind, name string, holder int64) *apiError {
	if name != "email" && name != "hs_additional_emails" {
		return s.errFields([]fieldError{{Name: name, Code: "CONFLICTING_UNIQUE_VALUE",
			Message: "Another " + k.singular + " already has this value of " + name + "."}})
	}
	id := strconv.FormatInt(holder, 10)
	e := fail(http.StatusConflict, conflict, "Contact already exists. Existing ID: %s", id)
	e.Context = map[string][]string{"existingId": {id}}
	return e
}

// insert makes a record of a checked change that clashes with nothing. at is
// the zero time for now.
func (s *Server) insert(k *kind, c change, by actor, at time.Time) *record {
	now := s.now()
	if at.IsZero() {
		at = now
	}
	r := &record{kind: k, id: s.newID(k), history: map[string][]version{}, created: at, seen: now}
	k.records[r.id] = r
	k.order = append(k.order, r.id)
	c = maps.Clone(c)
	if k.plural == "contacts" && c["lifecyclestage"] == "" {
		c["lifecyclestage"] = "lead"
	}
	maps.DeleteFunc(c, func(_, v string) bool { return v == "" })
	for name, value := range c {
		r.put(name, value, at, now, by)
	}
	for name, value := range s.birth(r, by, at) {
		r.put(name, value, at, now, by)
	}
	r.derive(at, now)
	r.touch(at, now, by)
	s.emitCreation(r, c, by, at)
	return r
}

// birth lists the properties that the server sets on a new record.
func (s *Server) birth(r *record, by actor, at time.Time) map[string]string {
	out := map[string]string{
		"createdate":             stamp(at),
		"hs_object_id":           r.idText(),
		"hs_object_source":       by.source,
		"hs_object_source_id":    by.id,
		"hs_object_source_label": by.source,
	}
	if r.kind.plural == "contacts" {
		out["hs_all_contact_vids"] = r.idText()
		out["hs_is_unworked"] = "true"
		out["hs_pipeline"] = "contacts-lifecycle-pipeline"
	}
	return out
}

// derive sets the calculated properties.
func (r *record) derive(at, seen time.Time) {
	if r.kind.plural != "contacts" {
		return
	}
	_, host, _ := strings.Cut(r.get("email"), "@")
	full := strings.TrimSpace(r.get("firstname") + " " + r.get("lastname"))
	if full == "" {
		full = r.get("email")
	}
	for name, value := range map[string]string{"hs_email_domain": host, "hs_full_name_or_email": full} {
		if r.get(name) != value {
			r.put(name, value, at, seen, actor{source: "CALCULATED"})
		}
	}
}

// alter applies a checked change that clashes with nothing. Equal values make
// neither history nor event. at is the zero time for now; a given time must be
// later than what the history has, else alter refuses it.
func (s *Server) alter(r *record, c change, by actor, at time.Time) *apiError {
	now, given := s.now(), !at.IsZero()
	if !given {
		at = now
	}
	c = maps.Clone(c)
	maps.DeleteFunc(c, func(name, v string) bool { return r.get(name) == v })
	if len(c) == 0 {
		return nil
	}
	for name := range c {
		if last := r.last(name); !at.After(last) {
			if given {
				return invalid("the history of %s has a later entry", name)
			}
			at = last.Add(time.Millisecond)
		}
	}
	for name, value := range c {
		r.put(name, value, at, now, by)
	}
	r.derive(at, now)
	r.touch(at, now, by)
	s.emitChanges(r, c, by, at)
	return nil
}

// archive deletes a record so that it can be restored.
func (s *Server) archive(r *record, by actor) {
	now := s.now()
	r.kind.release(r)
	r.archived = now
	r.touch(now, now, by)
	s.emitFlag(r.kind, r.id, "deletion", "DELETED", by, now)
}

// now is the clock in whole milliseconds.
func (s *Server) now() time.Time { return s.cfg.Clock.Now().Truncate(time.Millisecond) }
