package hubspotsim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxMerges   = 250
	restoreTime = 90 * 24 * time.Hour
)

// serverSet are the properties that a merge does not take over from the record
// that is merged away.
var serverSet = []string{"hs_object_id", "createdate", "hs_object_source", "hs_object_source_id",
	"hs_object_source_label", "hs_all_contact_vids", "hs_merged_object_ids", "hs_calculated_merged_vids",
	"lastmodifieddate", "hs_lastmodifieddate", "email", "hs_additional_emails", "associatedcompanyid"}

func (s *Server) mergeAPI(r *request, k *kind) (*reply, error) {
	var in struct {
		Primary string `json:"primaryObjectId"`
		Other   string `json:"objectIdToMerge"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	out, err := s.merge(k, in.Primary, in.Other, s.app())
	if err != nil {
		return nil, err
	}
	return ok(s.full(out))
}

// merge joins two records into one, which has a new id unless the account
// keeps the primary's.
func (s *Server) merge(k *kind, primaryID, otherID string, by actor) (*record, error) {
	p, okP := numeric(primaryID)
	o, okO := numeric(otherID)
	if !okP || !okO {
		return nil, invalid("Invalid input JSON: primaryObjectId and objectIdToMerge must be record ids")
	}
	primary, other := k.live(k.survivor(p)), k.live(k.survivor(o))
	if primary == nil || other == nil {
		return nil, errNoResource()
	}
	if primary == other {
		return nil, invalid("Cannot merge a record with itself")
	}
	if len(splitList(primary.get("hs_merged_object_ids"), ";"))+1 > maxMerges {
		return nil, fail(http.StatusRequestURITooLong, "", "Cannot have more than 250 identities on a profile")
	}
	now := s.now()
	survivor := primary
	away := []*record{other}
	if !s.cfg.KeepMergedID {
		survivor = s.successor(primary, now, by)
		away = []*record{primary, other} // the primary's associations come first
	}
	moved := s.absorb(survivor, primary, other, now, by)
	for _, r := range away {
		k.release(r)
		delete(k.records, r.id)
		k.merged[r.id] = survivor.id
		s.links.move(k, r.id, survivor.id)
	}
	// The survivor holds what it has, now that the others have let go.
	for name := range survivor.history {
		k.reindex(survivor.id, name, "", survivor.get(name))
	}
	s.followPrimary(survivor, by, now)
	survivor.touch(now, now, by)
	s.emitMerge(k, mergeEvent{survivor: survivor.id, primary: primary.id, other: other.id, moved: moved}, by, now)
	for _, r := range away {
		s.emitFlag(k, r.id, "deletion", "DELETED", by, now)
	}
	return survivor, nil
}

// successor makes the record with the new id, with the primary's history.
func (s *Server) successor(primary *record, now time.Time, by actor) *record {
	k := primary.kind
	r := &record{kind: k, id: s.newID(k), created: primary.created, seen: now, history: map[string][]version{}}
	for name, h := range primary.history {
		r.history[name] = slices.Clone(h)
	}
	k.records[r.id] = r
	k.order = append(k.order, r.id)
	r.history["hs_object_id"] = nil
	r.put("hs_object_id", r.idText(), now, now, by)
	return r
}

// absorb fills what the survivor lacks from other, keeps the other address and
// the old ids, and returns how many properties moved. It makes no events.
func (s *Server) absorb(survivor, primary, other *record, now time.Time, by actor) int {
	moved := 0
	put := func(name, value string) {
		at := now
		if last := survivor.last(name); !at.After(last) {
			at = last.Add(time.Millisecond)
		}
		if survivor.get(name) != value {
			survivor.put(name, value, at, now, actor{source: "MERGE_OBJECTS", id: by.id, user: by.user})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(other.history)) {
		value := other.get(name)
		if value == "" || survivor.get(name) != "" || slices.Contains(serverSet, name) {
			continue
		}
		put(name, value)
		moved++
	}
	old := splitList(survivor.get("hs_merged_object_ids"), ";")
	old = append(old, splitList(other.get("hs_merged_object_ids"), ";")...)
	old = append(old, other.idText())
	if survivor != primary {
		old = append(old, primary.idText())
	}
	put("hs_merged_object_ids", strings.Join(old, ";"))
	if survivor.kind.plural == "contacts" {
		s.absorbContact(survivor, other, old, put)
	}
	return moved
}

func (s *Server) absorbContact(survivor, other *record, old []string, put func(name, value string)) {
	put("hs_calculated_merged_vids", strings.Join(old, ";"))
	put("hs_all_contact_vids", strings.Join(append(slices.Clone(old), survivor.idText()), ";"))
	addresses := splitList(survivor.get("hs_additional_emails"), ";")
	for _, e := range append(splitList(other.get("hs_additional_emails"), ";"), other.get("email")) {
		switch {
		case e == "" || e == survivor.get("email") || slices.Contains(addresses, e):
		case survivor.get("email") == "":
			put("email", e)
		default:
			addresses = append(addresses, e)
		}
	}
	if len(addresses) > 0 {
		put("hs_additional_emails", strings.Join(addresses, ";"))
	}
}

func (s *Server) gdprDelete(r *request, k *kind) (*reply, error) {
	if k.plural != "contacts" {
		return nil, errNoResource()
	}
	var in struct {
		ObjectID   string `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	rec, err := k.find(in.ObjectID, in.IDProperty)
	if err != nil {
		return nil, err
	}
	s.privacyDelete(rec, s.app())
	return &reply{status: http.StatusNoContent}, nil
}

// privacyDelete removes a contact for ever. Its two events come in either
// order.
func (s *Server) privacyDelete(r *record, by actor) {
	now := s.now()
	r.kind.release(r)
	delete(r.kind.records, r.id)
	s.links.drop(r.kind, r.id)
	types := []string{"deletion", "privacyDeletion"}
	if s.rng.IntN(2) == 0 {
		slices.Reverse(types)
	}
	for _, t := range types {
		flag := ""
		if t == "deletion" {
			flag = "DELETED"
		}
		s.emitFlag(r.kind, r.id, t, flag, by, now)
	}
}

// restore brings an archived record back within 90 days.
func (s *Server) restore(r *record, by actor) *apiError {
	now := s.now()
	switch {
	case r.archived.IsZero():
		return fail(http.StatusConflict, conflict, "the record is not archived")
	case now.Sub(r.archived) > restoreTime:
		return fail(http.StatusConflict, conflict, "the record was archived more than 90 days ago")
	}
	for name := range r.history {
		index, values := r.kind.claims(name, r.get(name))
		for _, v := range values {
			if holder, held := r.kind.unique[index][v]; held {
				return s.errHeld(r.kind, name, holder)
			}
		}
	}
	r.archived = time.Time{}
	for name := range r.history {
		r.kind.reindex(r.id, name, "", r.get(name))
	}
	r.touch(now, now, by)
	s.emitFlag(r.kind, r.id, "restore", "", by, now)
	return nil
}
