package hubspot

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Change is the change of one record that a delivery announces.
type Change struct {
	Ref crm.Ref
	// Change is the one that weighs most; the consumer reads the record anyway.
	Change op.Change
	// OccurredAt is the time of the latest event: a read that began after it
	// has seen the effect of all of them.
	OccurredAt time.Time
	// Events is the number of events that name the record.
	Events int
}

// ListChanges turns the events of one account into one change per record, in
// the order in which the records are first named. A merge changes its survivor
// and deletes each record that was merged away. Unsupported events change
// nothing; CountUnsupported counts them.
//
// Records of different accounts may have the same id: call SplitByPortal first.
func ListChanges(events []Event) []Change {
	r := changeList{index: make(map[crm.Ref]int)}
	for _, e := range events {
		if !e.Supported {
			continue
		}
		switch e.action {
		case actMerge:
			r.addEvent(e, e.SurvivorID, op.Merged)
			for _, id := range e.MergedIDs {
				r.addEvent(e, id, op.Deleted)
			}
		case actCreation:
			r.addEvent(e, e.ObjectID, op.Created)
		case actDeletion:
			r.addEvent(e, e.ObjectID, op.Deleted)
		case actPrivacy:
			r.addEvent(e, e.ObjectID, op.Erased)
		case actRestore:
			r.addEvent(e, e.ObjectID, op.Restored)
		case actAssociation:
			r.addEvent(e, e.ObjectID, op.Associated)
		case actProperty:
			r.addEvent(e, e.ObjectID, op.Updated)
		}
	}
	changes := make([]Change, len(r.list))
	for i, t := range r.list {
		changes[i] = t.Change
	}
	return changes
}

// CountUnsupported counts the events that ListChanges ignores, such as those of
// deals.
func CountUnsupported(events []Event) int {
	n := 0
	for _, e := range events {
		if !e.Supported {
			n++
		}
	}
	return n
}

// changeList collects the changes, one for each record.
type changeList struct {
	list  []datedChange
	index map[crm.Ref]int // index in list
}

// datedChange is a change and the time of the event that it is taken from.
type datedChange struct {
	Change
	at time.Time
}

func (r *changeList) addEvent(e Event, id string, change op.Change) {
	ref := crm.Ref{System: crm.HubSpot, Kind: e.Kind, RecordID: id}
	next := datedChange{Change{ref, change, e.OccurredAt, 1}, e.OccurredAt}
	i, seen := r.index[ref]
	if !seen {
		r.index[ref] = len(r.list)
		r.list = append(r.list, next)
		return
	}
	current := &r.list[i]
	current.Events++
	if e.OccurredAt.After(current.OccurredAt) {
		current.OccurredAt = e.OccurredAt
	}
	if next.outweighs(*current) {
		current.Change.Change, current.at = next.Change.Change, next.at
	}
}

// weights order the changes. A deletion and a restoration weigh the same: the
// later one counts, and the deletion when both have the same time.
var weights = map[op.Change]int{
	op.Erased: 5, op.Deleted: 4, op.Restored: 4, op.Merged: 3, op.Created: 2, op.Associated: 1, op.Updated: 0,
}

// outweighs reports whether t replaces other. The answer does not depend on the
// order of the events.
func (t datedChange) outweighs(other datedChange) bool {
	if a, b := weights[t.Change.Change], weights[other.Change.Change]; a != b {
		return a > b
	}
	if !t.at.Equal(other.at) {
		return t.at.After(other.at)
	}
	return t.Change.Change == op.Deleted && other.Change.Change == op.Restored
}
