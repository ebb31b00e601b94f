package zoho

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Change is the change of one record that a notification announces.
type Change struct {
	Ref        crm.Ref
	Change     op.Change
	OccurredAt time.Time // zero if the sender gives no time
	Events     int       // how often the notification names the record
}

// ListChanges returns one change for each record, in the order given, and none
// for a module that is not synchronised.
func (n Notification) ListChanges() []Change {
	if n.Kind == "" {
		return nil
	}
	var changes []Change
	index := make(map[string]int, len(n.RecordIDs))
	for _, id := range n.RecordIDs {
		if i, ok := index[id]; ok {
			changes[i].Events++
			continue
		}
		index[id] = len(changes)
		changes = append(changes, Change{
			Ref:    crm.Ref{System: crm.Zoho, Kind: n.Kind, RecordID: id},
			Change: n.Change, OccurredAt: n.OccurredAt, Events: 1,
		})
	}
	return changes
}

// parseOperation reads both spellings of an operation: a subscription names
// create and edit, a notification insert and update. An unknown one, which may
// be a merge, counts as an update: the record is read again anyway.
func parseOperation(operation string) op.Change {
	switch operation {
	case "insert", "create":
		return op.Created
	case "delete":
		return op.Deleted
	}
	return op.Updated
}
