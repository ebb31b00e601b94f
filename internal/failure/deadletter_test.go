package failure_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

func listAll(t *testing.T, h *scenario) []failure.Record {
	t.Helper()
	all, err := h.store.ListFailures(t.Context(), failure.Filter{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnOperationThatWasGivenUpIsAFailure(t *testing.T) {
	h := newScenario(t)
	handle := failure.DeadLetter(h.store, h.clock)
	ref := crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: "5"}
	m := failure.Message{ID: "1", Data: encode(t, operation("o", ref)), Attributes: map[string]string{"operation_id": "o"}}
	// Pub/Sub may forward it twice, under another id.
	for _, id := range []string{"1", "1", "2"} {
		m.ID = id
		if err := handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	want := failure.Record{
		Ref: ref, Record: crm.Ref{System: crm.HubSpot, Kind: crm.Company},
		Cause:     failure.Cause{Side: crm.HubSpot, Action: "apply", Kind: crm.Unavailable, Code: "EXHAUSTED"},
		Operation: "o", Change: op.Updated, FirstSeen: start, LastSeen: start, Count: 1,
	}.WithID()
	if diff := cmp.Diff([]failure.Record{want}, listAll(t, h)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestAMessageThatIsNoOperationIsAFailureWithoutItsBody(t *testing.T) {
	const body = `{"email":"planted@example.com"`
	long := strings.Repeat("é", 300) + "\xff"
	tests := []struct {
		name       string
		data       string
		attributes map[string]string
		want       failure.Record
	}{
		{"no JSON, from nobody", body, nil, failure.Record{Cause: failure.Cause{Code: "UNDECODABLE"},
			Message: &failure.MessageInfo{Attributes: map[string]string{}}}},
		{"no body", "", map[string]string{"planted": "planted"}, failure.Record{Cause: failure.Cause{Code: "UNDECODABLE"},
			Message: &failure.MessageInfo{Attributes: map[string]string{"other_names": "planted"}}}},
		{"no JSON, from our publisher", body, map[string]string{"ordering_key": "hubspot/contact/7", "operation_id": "o", "change": "updated"},
			failure.Record{Ref: hubspotContact("7"), Operation: "o", Cause: failure.Cause{Code: "UNDECODABLE"},
				Message: &failure.MessageInfo{Attributes: map[string]string{"ordering_key": "hubspot/contact/7", "operation_id": "o", "change": "updated"}}}},
		{"an operation of a newer connector", `{"version":99}`, map[string]string{"ordering_key": "hubspot/contact/7", "operation_id": "o"},
			failure.Record{Ref: hubspotContact("7"), Operation: "o", Cause: failure.Cause{Code: "UNKNOWN_VERSION"},
				Message: &failure.MessageInfo{Attributes: map[string]string{"ordering_key": "hubspot/contact/7", "operation_id": "o"}}}},
		{"long attributes, and a key that names no record", "[]", map[string]string{"ordering_key": "x/y", "traceparent": long},
			failure.Record{Cause: failure.Cause{Code: "UNDECODABLE"}, Message: &failure.MessageInfo{Attributes: map[string]string{
				"ordering_key": "x/y", "traceparent": strings.Repeat("é", 120) + "..."}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newScenario(t)
			for _, id := range []string{"1", "1"} {
				if err := failure.DeadLetter(h.store, h.clock)(t.Context(), failure.Message{ID: id, Data: []byte(tt.data), Attributes: tt.attributes}); err != nil {
					t.Fatal(err)
				}
			}
			got := listAll(t, h)
			if len(got) != 1 || got[0].Count != 1 {
				t.Fatalf("%d failures, want 1, counted once", len(got))
			}
			info := *got[0].Message
			if info.BodySize != len(tt.data) || len(info.BodyHash) != 32 || info.ID != "1" {
				t.Errorf("message %+v", info)
			}
			if got[0].Ref != tt.want.Ref || got[0].Cause.Code != tt.want.Cause.Code || tt.want.Operation != "" && got[0].Operation != tt.want.Operation {
				t.Errorf("got %+v, want %+v", got[0], tt.want)
			}
			if diff := cmp.Diff(tt.want.Message.Attributes, info.Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if strings.Contains(fmt.Sprintf("%+v %+v", got[0], info), "planted@") {
				t.Error("the body shows")
			}
			send(t, h.digest(t), failure.Sent)
		})
	}
}

func TestMessagesThatDifferAreDifferentFailures(t *testing.T) {
	h := newScenario(t)
	for _, body := range []string{"a", "b", "a"} {
		if err := failure.DeadLetter(h.store, h.clock)(t.Context(), failure.Message{ID: "1", Data: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(listAll(t, h)); n != 2 {
		t.Errorf("%d failures, want 2", n)
	}
}

// broken is a recorder whose database is down.
type broken struct{}

var errDown = errors.New("down")

func (broken) Record(context.Context, failure.Record) error { return errDown }

func TestADeadMessageComesAgainUntilItsRecordIsSafe(t *testing.T) {
	err := failure.DeadLetter(broken{}, &clock{now: start})(t.Context(), failure.Message{ID: "1", Data: []byte("planted")})
	if !errors.Is(err, errDown) || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v, want the store's error without the body", err)
	}
}

func TestWhatHealsAndIsParkedAllTheSameIsToBeReplayed(t *testing.T) {
	err := &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Locked, Status: 400, Code: "NOT_APPROVED"}
	parked := failure.NewParkedRecord(operation("o", hubspotContact("1")), err, start)
	live, recorded := failure.Classify(err).Remedy, parked.Cause.Remedy()
	if strings.Contains(live, "replay") || recorded != live+" All attempts failed: replay it when that has passed." {
		t.Errorf("while it heals: %q; on record: %q", live, recorded)
	}
}

func TestWhatIsParkedNamesTheOneWhoRefused(t *testing.T) {
	o := operation("o", hubspotContact("1"))
	zohoContact := crm.Ref{System: crm.Zoho, Kind: crm.Contact}
	for name, tt := range map[string]struct {
		got    failure.Record
		cause  failure.Cause
		target crm.Ref
	}{
		"the other side": {
			failure.NewParkedRecord(o, fmt.Errorf("apply: %w", &crm.Error{System: crm.Zoho, Action: "create", Kind: crm.Refused, Code: "NOT_ALLOWED"}), start),
			failure.Cause{Side: crm.Zoho, Action: "create", Kind: crm.Refused, Code: "NOT_ALLOWED"}, zohoContact},
		"the side that changed": {
			failure.NewParkedRecord(o, &crm.Error{System: crm.HubSpot, Action: "read", Kind: crm.Refused, Status: 414}, start),
			failure.Cause{Side: crm.HubSpot, Action: "read", Kind: crm.Refused}, o.Ref},
		"nobody known": {failure.NewParkedRecord(o, errors.New("planted"), start),
			failure.Cause{Side: failure.Connector, Action: "apply", Code: failurecode.Unknown}, zohoContact},
		"a panic": {failure.NewParkedRecord(o, failure.ErrPanic, start),
			failure.Cause{Side: failure.Connector, Action: "apply", Kind: crm.Refused, Code: failurecode.Panic}, zohoContact},
	} {
		want := failure.Record{Ref: o.Ref, Record: tt.target, Cause: tt.cause, Operation: "o", Change: op.Updated,
			FirstSeen: start, LastSeen: start, Count: 1}.WithID()
		if diff := cmp.Diff(want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
