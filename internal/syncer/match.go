package syncer

import (
	"context"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// matchOrCreate finds the counterpart of a source without a complete link, or
// creates it.
func (a *attempt) matchOrCreate(ctx context.Context, st state) (state, *ending, error) {
	st, end, err := matcher{a}.matchCounterpart(ctx, st)
	if end != nil || err != nil || st.snapshotOn(a.otherSide()) != nil {
		return st, end, err
	}
	return creator{a}.createCounterpart(ctx, st)
}

// matcher looks for the counterpart of a record that has no complete link.
type matcher struct{ *attempt }

// matchCounterpart returns the state with the counterpart that was found, or without one
// where it has to be created. Everything else ends the try.
func (m matcher) matchCounterpart(ctx context.Context, st state) (state, *ending, error) {
	src := st.snapshotOn(m.source.System).record
	candidates, err := m.findCandidates(ctx, src)
	if err != nil {
		return st, nil, err
	}
	var free []*snapshot
	taken := false
	for _, c := range candidates {
		o, err := m.findOwner(ctx, st, c)
		if err != nil {
			return st, nil, err
		}
		changed := false
		switch o.status {
		case isFree:
			free = append(free, c)
		case isTaken:
			taken = true
		case isLinkedElsewhere:
			taken = true
			changed, err = m.takeOverStaleLink(ctx, o.link)
		case isWaiting:
			changed, err = true, m.joinIncompleteLink(ctx, st, o.link)
		}
		if err != nil {
			return st, nil, err
		}
		if changed { // what was read before may be older than what the link knows
			return st, m.startOver(st), nil
		}
	}
	chosen, end, err := m.resolveMatch(ctx, st, src, free)
	switch {
	case err != nil || end != nil:
		return st, end, err
	case chosen != nil:
		return m.linkTo(st, chosen), nil, nil
	case taken:
		end, err := m.parkOperation(ctx, st, Failure{Action: "link", Kind: crm.Duplicate, Code: failurecode.CounterpartIsLinked})
		return st, end, err
	case st.link.DeletedOn == m.otherSide():
		return st, m.endIgnored(st, failurecode.CounterpartDeleted), nil
	case !m.object.Create[m.otherSide()]:
		return st, m.endIgnored(st, failurecode.CounterpartMissing), nil
	}
	return st, nil, nil
}

// findCandidates returns the records that may be the counterpart of src, the most
// certain first: the one whose id src bears, those that bear the id of src, those
// with the same key.
func (m matcher) findCandidates(ctx context.Context, src crm.Record) ([]*snapshot, error) {
	other := m.otherSide()
	if named := (crm.Ref{System: other, Kind: src.Ref.Kind, RecordID: src.CounterpartID}); named.Validate() == nil {
		h, err := m.readRecord(ctx, named)
		if err == nil {
			return []*snapshot{h}, nil
		}
		if !crm.IsKind(err, crm.NotFound) {
			return nil, err
		}
	}
	began := m.Clock.Now()
	recs, err := m.clientOf(other).Find(ctx, src.Ref.Kind, matchKeys(m.object, src))
	if err != nil {
		return nil, err
	}
	var found []*snapshot
	for _, r := range recs {
		if !contradict(m.object, src, r) {
			found = append(found, &snapshot{record: r, began: began, ended: m.Clock.Now(), exposed: true})
		}
	}
	return found, nil
}

// owner says whom a candidate belongs to.
type owner struct {
	status ownerStatus
	link   Link
}

type ownerStatus int

const (
	isFree            ownerStatus = iota // it belongs to no other record
	isTaken                              // it belongs to another record
	isLinkedElsewhere                    // its link has another record, which may be gone
	isWaiting                            // its link has no record of the source's side yet
)

// findOwner reads whom a candidate belongs to.
func (m matcher) findOwner(ctx context.Context, st state, c *snapshot) (owner, error) {
	named, err := m.bearsIDOfAnother(ctx, c.record)
	if err != nil || named {
		return owner{status: isTaken}, err
	}
	link, found, err := m.Links.FindLink(ctx, c.record.Ref)
	switch {
	case err != nil:
		return owner{}, err
	case !found || link.ID == st.link.ID:
		return owner{status: isFree}, nil
	case link.Complete() && link.Ref(m.source.System) != m.source:
		return owner{isLinkedElsewhere, link}, nil
	case link.isHeld(m.Clock.Now()):
		return owner{}, ErrBusy // it is being linked right now, perhaps to this very record
	case link.Complete():
		return owner{}, ErrChanged // it was linked to this record after that was read
	}
	copied, err := m.hasCopy(ctx, c.record.Ref)
	if copied {
		return owner{status: isTaken}, err
	}
	return owner{isWaiting, link}, err
}

// bearsIDOfAnother reports whether a record carries the id of another record of
// the source's side that is still there: it was created for that one, even if no
// link says so yet.
func (m matcher) bearsIDOfAnother(ctx context.Context, found crm.Record) (bool, error) {
	other := crm.Ref{System: m.source.System, Kind: m.source.Kind, RecordID: found.CounterpartID}
	if valid := other.Validate() == nil; !valid || other == m.source {
		return false, nil
	}
	h, err := m.readRecord(ctx, other)
	if err == nil {
		return h.record.Ref.RecordID != m.source.RecordID, nil // it may have been merged into the source
	}
	if crm.IsKind(err, crm.NotFound) {
		err = nil
	}
	return false, err
}

// hasCopy reports whether a record of the source's side, other than the source,
// carries ref's id. It was created for ref, although the answer was lost.
func (m matcher) hasCopy(ctx context.Context, ref crm.Ref) (bool, error) {
	recs, err := m.clientOf(m.source.System).Find(ctx, ref.Kind, []crm.Key{{Value: ref.RecordID}})
	for _, r := range recs {
		if r.Ref.RecordID != m.source.RecordID {
			return true, err
		}
	}
	return false, err
}

// takeOverStaleLink gives the link of a record that was merged into the source to
// the source, or makes a tombstone of the link of one that is gone, as the loser
// of a merge in Zoho is. It leaves the link of a record that lives.
func (m matcher) takeOverStaleLink(ctx context.Context, link Link) (changed bool, err error) {
	s := m.source.System
	if link.isHeld(m.Clock.Now()) {
		return false, ErrBusy
	}
	h, err := m.readRecord(ctx, link.Ref(s))
	switch {
	case err == nil && h.record.Ref != m.source:
		return false, nil
	case err == nil:
		link.setRecord(s, m.source.RecordID)
	case crm.IsKind(err, crm.NotFound):
		link.markDeleted(s, m.Clock.Now())
	default:
		return false, err
	}
	_, err = m.Links.SaveLink(ctx, link)
	return true, err
}

// joinIncompleteLink enters the source into an incomplete link that was begun from
// the other side.
func (m matcher) joinIncompleteLink(ctx context.Context, st state, link Link) error {
	if side := link.On(m.source.System); side.RecordID != m.source.RecordID {
		if side.RecordID != "" {
			link.dropDecisions()
		}
		link.setRecord(m.source.System, m.source.RecordID)
		link.restore()
	}
	return mergeHandler(m).replaceLink(ctx, link, st.link)
}

// resolveMatch chooses the one of the free candidates that alone can be meant. When
// several match equally well it parks the source.
func (m matcher) resolveMatch(ctx context.Context, st state, src crm.Record, free []*snapshot) (*snapshot, *ending, error) {
	free = bestMatches(m.object, src, free)
	switch {
	case len(free) == 0:
		return nil, nil, nil
	case len(free) > 1:
		end, err := m.parkOperation(ctx, st, ambiguousMatch(m.object, m.otherSide(), free))
		return nil, end, err
	}
	tied, lost, err := m.findCompetitors(ctx, src, free[0].record)
	switch {
	case err != nil || lost:
		return nil, nil, err
	case len(tied) > 0:
		end, err := m.parkOperation(ctx, st, ambiguousMatch(m.object, m.source.System, tied))
		return nil, end, err
	}
	return free[0], nil, nil
}

// findCompetitors looks whether other records of the source's side match the
// counterpart as well, since what is the only counterpart for one side may be one
// of several for the other. It returns the records that match equally well, the
// source among them, or that the source lost to another that matches better.
func (m matcher) findCompetitors(ctx context.Context, src, counterpart crm.Record) (tied []*snapshot, lost bool, err error) {
	if referToEachOther(src, counterpart) {
		return nil, false, nil
	}
	recs, err := m.clientOf(src.Ref.System).Find(ctx, src.Ref.Kind, m.nonUniqueKeys(matchKeys(m.object, counterpart), src))
	if err != nil {
		return nil, false, err
	}
	all := []*snapshot{{record: src}}
	for _, r := range recs {
		if r.Ref == src.Ref || r.CounterpartID != "" && r.CounterpartID != counterpart.Ref.RecordID || contradict(m.object, counterpart, r) {
			continue
		}
		link, found, err := m.Links.FindLink(ctx, r.Ref)
		if err != nil {
			return nil, false, err
		}
		if !found || !link.Complete() {
			all = append(all, &snapshot{record: r})
		}
	}
	best := bestMatches(m.object, counterpart, all)
	switch {
	case !slices.Contains(best, all[0]):
		return nil, true, nil
	case len(best) > 1:
		return best, false, nil
	}
	return nil, false, nil
}

// nonUniqueKeys keeps the keys that other records than src may bear as well.
func (m matcher) nonUniqueKeys(keys []crm.Key, src crm.Record) []crm.Key {
	s := src.Ref.System
	return slices.DeleteFunc(keys, func(k crm.Key) bool {
		if m.Unique == nil || k.Field == "" || !m.Unique(s, src.Ref.Kind, k.Field) {
			return false
		}
		return slices.ContainsFunc(matchFields(m.object), func(f *mapping.Field) bool {
			return f.On(s) == k.Field && slices.Contains(knownValues(f, src), f.Canon(s, k.Value))
		})
	})
}

// linkTo makes the source and a record a pair. The pair may have been parked before.
func (m matcher) linkTo(st state, counterpart *snapshot) state {
	ref := counterpart.record.Ref
	if st.link.On(ref.System).RecordID != ref.RecordID && st.link.DeletedOn != "" {
		st.link.dropDecisions()
	}
	if counterpart.record.CounterpartID != m.source.RecordID {
		st.link.CreatedOn = "" // it was there before
	}
	st.link.setRecord(ref.System, ref.RecordID)
	st.link.restore()
	st.link.Failing = st.link.Failing || !st.link.isStored()
	st.changed = true
	return st.withSnapshot(ref.System, counterpart)
}

// matchKeys are the values by which a counterpart of src can be found, the most
// certain first.
func matchKeys(object *mapping.Object, src crm.Record) []crm.Key {
	other := src.Ref.System.Other()
	keys := []crm.Key{{Value: src.Ref.RecordID}}
	for _, id := range src.Former {
		keys = append(keys, crm.Key{Value: id})
	}
	for _, f := range matchFields(object) {
		for _, canonical := range knownValues(f, src) {
			for _, key := range f.Keys(other, canonical) {
				if !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}

// matchFields are the fields that records are matched by, in order of trust.
func matchFields(object *mapping.Object) []*mapping.Field {
	var fields []*mapping.Field
	for _, name := range object.Match {
		if f := object.Field(name); f != nil {
			fields = append(fields, f)
		}
	}
	return fields
}

// maxNamed bounds how many candidates a failure names.
const maxNamed = 10

// ambiguousMatch is the failure of a record that has several counterparts, or that
// is one of several. Which of them is meant is for a person to decide: by merging
// them, or by writing the id of the counterpart on the right one.
func ambiguousMatch(object *mapping.Object, s crm.System, candidates []*snapshot) Failure {
	f := Failure{Action: "link", Kind: crm.Duplicate, Code: failurecode.AmbiguousMatch, Side: s, Record: crm.Ref{System: s, Kind: object.Kind}}
	var ids []string
	for _, h := range candidates[:min(len(candidates), maxNamed)] {
		ids = append(ids, h.record.Ref.RecordID)
		f.Others = append(f.Others, h.record.Ref)
	}
	if len(candidates) > maxNamed {
		ids = append(ids, "and more")
	}
	name := ""
	if fields := matchFields(object); len(fields) > 0 {
		name = fields[0].On(s)
	}
	f.Fields = []crm.FieldError{{Field: name, Code: string(f.Code), Detail: "records " + strings.Join(ids, ", ")}}
	return f
}
