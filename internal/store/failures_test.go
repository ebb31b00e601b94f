package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

func failuresContract(t *testing.T, host string) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Failures)
	}{
		{"a failure comes back as it was recorded", failureComesBack},
		{"an operation is counted once", failureOncePerOperation},
		{"four who record one operation count it once", failureRace},
		{"a failure is listed until it is mailed", failureUntilMailed},
		{"a count that grew while the mail was sent is listed again", failureGrew},
		{"a later success resolves every failure of the record", failureResolved},
		{"a resolved failure that happens again opens again", failureReopened},
		{"an erased record leaves no failure", failureErased},
		{"failures are listed by id, cause, record and time", failureFilters},
		{"open and closed failures are paged, the newest first", failurePages},
		{"failures are grouped and counted by cause, however many there are", failureGroups},
		{"a dismissed failure is closed until it happens again", failureDismissed},
		{"a message that is no operation is kept without its body", failureMessage},
		{"what passes by itself is due after longer and longer pauses", failureDue},
		{"more failures than one transaction marks are marked", failureMany},
		{"eight who claim the digest, one gets it", turnRace},
		{"a turn that ran out goes to the next", turnRunsOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, store.NewFailures(newDatabase(t, host)))
		})
	}
}

var failedAt = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// failed is the failure of an operation on a contact of HubSpot.
func failed(operation, record, code string) failure.Record {
	return failure.Record{
		Ref: ref(crm.HubSpot, record), Record: ref(crm.Zoho, "9"+record),
		Cause: failure.Cause{Side: crm.Zoho, Action: "update", Kind: crm.Invalid, Code: failurecode.Code(code),
			Fields: []crm.FieldError{{Field: "Email", Code: code}}},
		Operation: operation, Change: op.Updated, FirstSeen: failedAt, LastSeen: failedAt, Count: 1,
	}.WithID()
}

func recordFailures(t *testing.T, s *store.Failures, records ...failure.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func listFailures(t *testing.T, s *store.Failures, f failure.Filter) []failure.Record {
	t.Helper()
	list, err := s.ListFailures(t.Context(), f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func unreported(t *testing.T, s *store.Failures) []failure.Record {
	t.Helper()
	list, err := s.UnreportedFailures(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func mailed(t *testing.T, s *store.Failures, records []failure.Record) {
	t.Helper()
	if err := s.MarkMailed(t.Context(), records, failedAt.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func resolve(t *testing.T, s *store.Failures, want int, refs ...crm.Ref) {
	t.Helper()
	n, err := s.ResolveFailures(t.Context(), failedAt.Add(time.Hour), refs...)
	if err != nil || n != want {
		t.Errorf("resolved %d, %v, want %d", n, err, want)
	}
}

func failureComesBack(t *testing.T, s *store.Failures) {
	f := syncer.Failure{
		Operation: op.Operation{ID: "o", Ref: ref(crm.HubSpot, "1"), Change: op.Created}, Side: crm.Zoho, Action: "create",
		Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND", Fields: []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY_NOT_FOUND"}},
		At: failedAt,
	}
	if err := s.RecordFailure(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	want := failure.Record{
		Ref: f.Operation.Ref, Record: crm.Ref{System: crm.Zoho, Kind: crm.Contact},
		Cause:     failure.Cause{Side: crm.Zoho, Action: "create", Kind: f.Kind, Code: f.Code, Fields: f.Fields},
		Operation: "o", Change: op.Created, FirstSeen: failedAt, LastSeen: failedAt, Count: 1,
	}.WithID()
	if diff := cmp.Diff([]failure.Record{want}, listFailures(t, s, failure.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func failureOncePerOperation(t *testing.T, s *store.Failures) {
	// a and b, then both delivered again, out of order.
	for i, operation := range []string{"a", "b", "a", "b", "a"} {
		r := failed(operation, "1", "INVALID_DATA")
		r.FirstSeen = failedAt.Add(time.Duration(i) * time.Minute)
		r.LastSeen = r.FirstSeen
		recordFailures(t, s, r)
	}
	got := listFailures(t, s, failure.Filter{})
	if len(got) != 1 || got[0].Count != 2 || got[0].Operation != "b" ||
		!got[0].FirstSeen.Equal(failedAt) || !got[0].LastSeen.Equal(failedAt.Add(time.Minute)) {
		t.Errorf("got %+v, want one failure with the count 2", got)
	}
}

func failureRace(t *testing.T, s *store.Failures) {
	race(4, func(int) {
		for {
			err := s.Record(t.Context(), failed("a", "1", "INVALID_DATA"))
			if err == nil {
				return
			}
			if failure.ClassOf(err) != failure.Healing {
				t.Error(err)
				return
			}
		}
	})
	if got := listFailures(t, s, failure.Filter{}); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("got %+v, want one failure, counted once", got)
	}
}

func failureUntilMailed(t *testing.T, s *store.Failures) {
	recordFailures(t, s, failed("a", "1", "INVALID_DATA"), failed("b", "2", "INVALID_DATA"))
	list := unreported(t, s)
	if len(list) != 2 {
		t.Fatalf("%d unreported, want 2", len(list))
	}
	mailed(t, s, list)
	if again := unreported(t, s); len(again) != 0 {
		t.Errorf("%d unreported after the mail", len(again))
	}
	recordFailures(t, s, failed("a", "1", "INVALID_DATA")) // delivered again
	if again := unreported(t, s); len(again) != 0 {
		t.Errorf("%d unreported after a redelivery", len(again))
	}
	recordFailures(t, s, failed("c", "1", "INVALID_DATA"))
	again := unreported(t, s)
	if len(again) != 1 || again[0].Count != 2 || again[0].MailedCount != 1 || !again[0].MailedAt.Equal(failedAt.Add(time.Hour)) {
		t.Errorf("after another operation: %+v, want the one with 2, 1 of them mailed", again)
	}
}

func failureGrew(t *testing.T, s *store.Failures) {
	recordFailures(t, s, failed("a", "1", "INVALID_DATA"))
	list := unreported(t, s)
	recordFailures(t, s, failed("b", "1", "INVALID_DATA")) // while the mail is on its way
	mailed(t, s, list)
	again := unreported(t, s)
	if len(again) != 1 || again[0].Count != 2 || again[0].MailedCount != 1 {
		t.Fatalf("unreported %+v, want the failure with 1 of 2 mailed", again)
	}
	mailed(t, s, again)
	mailed(t, s, list) // an overtaken job marks what it told long ago
	if left := unreported(t, s); len(left) != 0 {
		t.Errorf("unreported %+v", left)
	}
}

func failureResolved(t *testing.T, s *store.Failures) {
	recordFailures(t, s, failed("a", "1", "INVALID_DATA"), failed("a", "1", "DUPLICATE_DATA"), failed("b", "2", "INVALID_DATA"))
	late := failed("c", "1", "NOT_ALLOWED")
	late.LastSeen = failedAt.Add(2 * time.Hour)
	recordFailures(t, s, late) // after the success
	resolve(t, s, 2, ref(crm.Zoho, "91"), ref(crm.HubSpot, "1"))
	resolve(t, s, 0, ref(crm.Zoho, "91"))
	resolve(t, s, 0, ref(crm.Zoho, "77"), crm.Ref{System: crm.Zoho, Kind: crm.Contact})
	var open []string
	for _, r := range listFailures(t, s, failure.Filter{}) {
		open = append(open, r.Ref.RecordID+string(r.Cause.Code))
	}
	slices.Sort(open)
	if diff := cmp.Diff([]string{"1NOT_ALLOWED", "2INVALID_DATA"}, open); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	if n := len(unreported(t, s)); n != 2 {
		t.Errorf("%d unreported, want 2: what healed is no news", n)
	}
	if n := len(listFailures(t, s, failure.Filter{Resolved: true})); n != 4 {
		t.Errorf("%d with the resolved ones, want 4", n)
	}
}

func failureReopened(t *testing.T, s *store.Failures) {
	recordFailures(t, s, failed("a", "1", "INVALID_DATA"))
	mailed(t, s, unreported(t, s))
	resolve(t, s, 1, ref(crm.HubSpot, "1"))
	recordFailures(t, s, failed("b", "1", "INVALID_DATA"))
	got := unreported(t, s)
	if len(got) != 1 || got[0].Count != 2 || !got[0].IsOpen() {
		t.Errorf("unreported %+v, want the failure open with the count 2", got)
	}
}

func failureErased(t *testing.T, s *store.Failures) {
	recordFailures(t, s, failed("a", "1", "INVALID_DATA"), failed("b", "2", "INVALID_DATA"))
	if err := s.EraseFailures(t.Context(), ref(crm.Zoho, "91")); err != nil {
		t.Fatal(err)
	}
	if got := listFailures(t, s, failure.Filter{Resolved: true}); len(got) != 1 || got[0].Ref.RecordID != "2" {
		t.Errorf("left %+v, want the other record's", got)
	}
	ambiguous := failed("c", "3", "AMBIGUOUS_MATCH")
	ambiguous.Cause.Fields[0].Detail, ambiguous.Others = "records 77, 78", []crm.Ref{ref(crm.Zoho, "77"), ref(crm.Zoho, "78")}
	recordFailures(t, s, ambiguous.WithID())
	if got := listFailures(t, s, failure.Filter{Ref: ref(crm.HubSpot, "3")}); len(got) != 1 || !slices.Equal(got[0].Others, ambiguous.Others) ||
		got[0].Cause.Fields[0].Detail != "records 77, 78" {
		t.Errorf("stored as %+v", got)
	}
	resolve(t, s, 0, ref(crm.Zoho, "78"))
	if err := s.EraseFailures(t.Context(), ref(crm.Zoho, "78")); err != nil {
		t.Fatal(err)
	}
	if got := listFailures(t, s, failure.Filter{Ref: ref(crm.HubSpot, "3"), Resolved: true}); len(got) != 0 {
		t.Errorf("the id of who was erased is left in %+v", got)
	}
}

func failureFilters(t *testing.T, s *store.Failures) {
	a, b, c := failed("a", "1", "INVALID_DATA"), failed("b", "2", "INVALID_DATA"), failed("c", "2", "DUPLICATE_DATA")
	b.LastSeen, c.LastSeen = failedAt.Add(time.Minute), failedAt.Add(2*time.Minute)
	recordFailures(t, s, a, b, c)
	resolve(t, s, 1, ref(crm.HubSpot, "1"))
	tests := []struct {
		name   string
		filter failure.Filter
		want   []string
	}{
		{"everything open", failure.Filter{}, []string{"b", "c"}},
		{"by id", failure.Filter{IDs: []string{c.ID, "nobody", "not/an/id", ""}}, []string{"c"}},
		{"by cause", failure.Filter{Cause: b.Cause.ID()}, []string{"b"}},
		{"by cause, the resolved too", failure.Filter{Cause: b.Cause.ID(), Resolved: true}, []string{"a", "b"}},
		{"by record", failure.Filter{Ref: ref(crm.HubSpot, "2")}, []string{"b", "c"}},
		{"by the record to be written", failure.Filter{Ref: ref(crm.Zoho, "92")}, []string{"b", "c"}},
		{"since", failure.Filter{Since: c.LastSeen}, []string{"c"}},
		{"until", failure.Filter{Until: c.LastSeen}, []string{"b"}},
		{"by cause and time", failure.Filter{Cause: b.Cause.ID(), Since: c.LastSeen}, nil},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range listFailures(t, s, tt.filter) {
			got = append(got, r.Operation)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if list, err := s.ListFailures(t.Context(), failure.Filter{}, 1); err != nil || len(list) != 1 {
		t.Errorf("with a limit of 1: %d, %v", len(list), err)
	}
}

func failureMessage(t *testing.T, s *store.Failures) {
	want := failure.NewDeadRecord(failure.Message{
		ID: "7", Data: []byte("not JSON"), Attributes: map[string]string{"ordering_key": "zoho/company/5", "operation_id": "o"},
	}, failedAt)
	recordFailures(t, s, want, want)
	if diff := cmp.Diff([]failure.Record{want}, listFailures(t, s, failure.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func failureMany(t *testing.T, s *store.Failures) {
	const many = 105 // a transaction marks 100
	for i := range many {
		recordFailures(t, s, failed("a", fmt.Sprint(i), "INVALID_DATA"))
	}
	if some, err := s.UnreportedFailures(t.Context(), 7); err != nil || len(some) != 7 {
		t.Errorf("%d, %v, want 7", len(some), err)
	}
	list := unreported(t, s)
	mailed(t, s, list)
	if left := unreported(t, s); len(list) != many || len(left) != 0 {
		t.Errorf("%d unreported before the mail, %d after", len(list), len(left))
	}
}

func failureDue(t *testing.T, s *store.Failures) {
	locked := failed("op-1", "1", "RECORD_LOCKED")
	locked.Cause = failure.Cause{Side: crm.Zoho, Action: "apply", Kind: crm.Locked, Code: "RECORD_LOCKED"}
	locked = locked.WithID()
	recordFailures(t, s, locked, failed("op-2", "2", "INVALID_DATA"))
	due := func(at time.Time) []string {
		t.Helper()
		list, err := s.DueFailures(t.Context(), at, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return ids
	}
	at := failedAt
	for _, pause := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		if got := due(at.Add(pause - time.Second)); got != nil {
			t.Errorf("due before %s are over: %v", pause, got)
		}
		at = at.Add(pause)
		if diff := cmp.Diff([]string{locked.ID}, due(at)); diff != "" {
			t.Errorf("due after %s (-want +got):\n%s", pause, diff)
		}
		if err := s.MarkRepeated(t.Context(), at, locked.ID, "nobody"); err != nil {
			t.Fatal(err)
		}
	}
	if got := due(at.Add(1000 * time.Hour)); got != nil {
		t.Errorf("due after the last pause: %v", got)
	}

	if _, err := s.ResolveFailures(t.Context(), at, locked.Ref); err != nil {
		t.Fatal(err)
	}
	locked.Operation, locked.LastSeen = "op-3", at.Add(time.Minute)
	recordFailures(t, s, locked) // it opens again
	if diff := cmp.Diff([]string{locked.ID}, due(locked.LastSeen.Add(15*time.Minute))); diff != "" {
		t.Errorf("due after it opened again (-want +got):\n%s", diff)
	}
	locked.Operation, locked.LastSeen = "op-4", at.Add(10*time.Minute)
	recordFailures(t, s, locked)
	if got := due(locked.LastSeen.Add(14 * time.Minute)); got != nil {
		t.Errorf("due although it happened again meanwhile: %v", got)
	}
	if _, err := s.DismissFailures(t.Context(), at, failure.Accepted, locked.ID); err != nil {
		t.Fatal(err)
	}
	if got := due(at.Add(1000 * time.Hour)); got != nil {
		t.Errorf("due after a person dismissed it: %v", got)
	}
}
