package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// eventJSON is an event in the common form.
func eventJSON(eventType string, id int, occurredAt int64) string {
	return fmt.Sprintf(`{"subscriptionType":%q,"objectId":%d,"occurredAt":%d}`, eventType, id, occurredAt)
}

func mustParse(t *testing.T, elements ...string) []Event {
	t.Helper()
	events, bad, err := ParseEvents([]byte("[" + strings.Join(elements, ",") + "]"))
	if err != nil || len(bad) > 0 {
		t.Fatalf("bad %v, error %v", bad, err)
	}
	return events
}

func changeOf(kind crm.Kind, id string, change op.Change, occurredAt int64, events int) Change {
	return Change{Ref: crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: id}, Change: change,
		OccurredAt: time.UnixMilli(occurredAt).UTC(), Events: events}
}

func TestListChangesReturnsOneChangePerRecord(t *testing.T) {
	tests := map[string]struct {
		elements []string
		want     []Change
	}{
		"nothing of nothing": {nil, []Change{}},
		"a creation with its properties": {
			[]string{eventJSON("contact.propertyChange", 1, 5), eventJSON("contact.creation", 1, 5), eventJSON("contact.propertyChange", 1, 9)},
			[]Change{changeOf(crm.Contact, "1", op.Created, 9, 3)}},
		"the same number of two kinds": {
			[]string{eventJSON("company.propertyChange", 1, 5), eventJSON("contact.propertyChange", 1, 5)},
			[]Change{changeOf(crm.Company, "1", op.Updated, 5, 1), changeOf(crm.Contact, "1", op.Updated, 5, 1)}},
		"a deletion outranks a later update": {
			[]string{eventJSON("contact.deletion", 1, 5), eventJSON("contact.propertyChange", 1, 9)},
			[]Change{changeOf(crm.Contact, "1", op.Deleted, 9, 2)}},
		"an erasure outranks the deletion that follows it": {
			[]string{eventJSON("contact.privacyDeletion", 1, 5), eventJSON("contact.deletion", 1, 9)},
			[]Change{changeOf(crm.Contact, "1", op.Erased, 9, 2)}},
		"an erasure outranks the deletion before it": {
			[]string{eventJSON("contact.deletion", 1, 9), eventJSON("contact.privacyDeletion", 1, 5)},
			[]Change{changeOf(crm.Contact, "1", op.Erased, 9, 2)}},
		"the later of deletion and restoration holds": {
			[]string{eventJSON("contact.restore", 1, 7), eventJSON("contact.deletion", 1, 5), eventJSON("contact.propertyChange", 1, 9),
				eventJSON("contact.deletion", 2, 7), eventJSON("contact.restore", 2, 5),
				eventJSON("contact.restore", 3, 5), eventJSON("contact.deletion", 3, 5)},
			[]Change{changeOf(crm.Contact, "1", op.Restored, 9, 3), changeOf(crm.Contact, "2", op.Deleted, 7, 2), changeOf(crm.Contact, "3", op.Deleted, 5, 2)}},
		"a merge to a new record": {
			[]string{mergeEvent, eventJSON("contact.deletion", 508369434348, 1782372200001)},
			[]Change{changeOf(crm.Contact, "508369434999", op.Merged, 1782372200000, 1),
				changeOf(crm.Contact, "508369434347", op.Deleted, 1782372200000, 1),
				changeOf(crm.Contact, "508369434348", op.Deleted, 1782372200001, 2)}},
		"a merge outranks an update of the survivor": {
			[]string{eventJSON("contact.propertyChange", 5, 9), `{"subscriptionType":"contact.merge","primaryObjectId":5,"mergedObjectIds":[6],"occurredAt":7}`},
			[]Change{changeOf(crm.Contact, "5", op.Merged, 9, 2), changeOf(crm.Contact, "6", op.Deleted, 7, 1)}},
		"both directions of an association": {
			[]string{linkEvent, `{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_CONTACT","fromObjectId":58061514894,"toObjectId":508369434347,"occurredAt":1782372100000}`},
			[]Change{changeOf(crm.Contact, "508369434347", op.Associated, 1782372100000, 2)}},
		"what is unknown is left out": {[]string{dealEvent, eventJSON("contact.creation", 1, 5)}, []Change{changeOf(crm.Contact, "1", op.Created, 5, 1)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ListChanges(mustParse(t, test.elements...))); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// anyEvents draws deliveries about few records, so that several events name the
// same record.
func anyEvents(t *rapid.T) []Event {
	one := rapid.Custom(func(t *rapid.T) Event {
		id := rapid.StringMatching(`[1-4]`)
		e := Event{
			Supported:  rapid.IntRange(0, 9).Draw(t, "known") > 0,
			Kind:       rapid.SampledFrom(crm.Kinds[:]).Draw(t, "kind"),
			ObjectID:   id.Draw(t, "id"),
			OccurredAt: time.UnixMilli(rapid.Int64Range(1, 5).Draw(t, "at")).UTC(),
			action: rapid.SampledFrom([]string{actCreation, actDeletion, actMerge, actProperty, actRestore,
				actAssociation, actPrivacy}).Draw(t, "action"),
		}
		if e.action == actMerge {
			e.SurvivorID = e.ObjectID
			e.MergedIDs = rapid.SliceOfNDistinct(id.Filter(func(s string) bool { return s != e.ObjectID }), 0, 3, rapid.ID).Draw(t, "merged")
		}
		return e
	})
	return rapid.SliceOfN(one, 0, 12).Draw(t, "events")
}

func TestListChangesLosesNoRecordAndInventsNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		named, latest := map[crm.Ref]int{}, map[crm.Ref]time.Time{}
		for _, e := range events {
			if !e.Supported {
				continue
			}
			for _, id := range append([]string{e.ObjectID}, e.MergedIDs...) {
				ref := crm.Ref{System: crm.HubSpot, Kind: e.Kind, RecordID: id}
				named[ref]++
				if e.OccurredAt.After(latest[ref]) {
					latest[ref] = e.OccurredAt
				}
			}
		}
		got, times := map[crm.Ref]int{}, map[crm.Ref]time.Time{}
		changes := ListChanges(events)
		for _, c := range changes {
			got[c.Ref], times[c.Ref] = c.Events, c.OccurredAt
		}
		if len(got) != len(changes) {
			t.Errorf("%d changes for %d records", len(changes), len(got))
		}
		if diff := cmp.Diff(named, got); diff != "" {
			t.Errorf("events per record (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(latest, times); diff != "" {
			t.Errorf("latest event per record (-want +got):\n%s", diff)
		}
	})
}

func TestListChangesDoesNotDependOnTheOrderOfDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		sorted := func(events []Event) []Change {
			changes := ListChanges(events)
			slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
			return changes
		}
		if diff := cmp.Diff(sorted(events), sorted(rapid.Permutation(events).Draw(t, "order"))); diff != "" {
			t.Errorf("changes (-one order +the other):\n%s", diff)
		}
	})
}

func TestEveryChangeMakesAnOperation(t *testing.T) {
	events := mustParse(t, mergeEvent, linkEvent, propertyEvent, eventJSON("contact.restore", 9, 253402300799999),
		eventJSON("contact.privacyDeletion", 10, 1), eventJSON("company.deletion", 11, 1), eventJSON("company.creation", 12, 1))
	for _, c := range ListChanges(events) {
		_, err := op.Encode(op.Operation{ID: "x", Ref: c.Ref, Change: c.Change, OccurredAt: c.OccurredAt,
			ReceivedAt: time.UnixMilli(1).UTC(), Events: c.Events})
		if err != nil {
			t.Errorf("change %s of %s: %v", c.Change, c.Ref, err)
		}
	}
}
