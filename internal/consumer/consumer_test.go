package consumer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/proof/terraformtest"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// fixed is a clock that stands still, an hour and a half after the operation
// was received unless said otherwise.
type fixed time.Time

func (f fixed) Now() time.Time { return time.Time(f) }

// broken applies nothing and remembers what was given up.
type broken struct {
	err, giveUp error
	panics      any
	given       []syncer.Failure
}

func (b *broken) Apply(context.Context, op.Operation) (syncer.Result, error) {
	if b.panics != nil {
		panic(b.panics)
	}
	return syncer.Result{Outcome: syncer.Updated}, b.err
}

func (b *broken) GiveUp(_ context.Context, f syncer.Failure) error {
	b.given = append(b.given, f)
	return b.giveUp
}

var received = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func message(t *testing.T, attempt int) Message {
	t.Helper()
	data, err := op.Encode(op.Operation{
		ID: "op", Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}, Change: op.Updated,
		OccurredAt: received, ReceivedAt: received, Events: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Message{Data: data, Attempt: attempt}
}

func TestWhatComesAgainAndWhatIsGivenUp(t *testing.T) {
	hubspotDown := &crm.Error{System: crm.HubSpot, Action: "read", Kind: crm.Unavailable, Status: 503}
	locked := &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Locked, Status: 400, Code: "RECORD_LOCKED"}
	limited := &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.RateLimited, Status: 429}
	scope := &crm.Error{System: crm.HubSpot, Action: "read", Kind: crm.Forbidden, Status: 403, Code: "MISSING_SCOPES"}
	tests := []struct {
		name    string
		err     error
		attempt int
		age     time.Duration
		givenUp bool
	}{
		{"a success is acknowledged", nil, 1, 0, false},
		{"a CRM that is down is waited for", hubspotDown, 500, 8 * time.Hour, false},
		{"a quota is waited for", limited, 500, 8 * time.Hour, false},
		{"a missing scope holds everything", scope, 500, 8 * time.Hour, false},
		{"a store that is down is waited for", status.Error(codes.Unavailable, "down"), 500, 8 * time.Hour, false},
		{"a locked record comes again", locked, 3, 0, false},
		{"a record that stays locked is given up", locked, maxAttempts, 0, true},
		{"a pair that never settles is given up", syncer.ErrStillDiffers, maxAttempts, 0, true},
		{"an unknown error comes again", errors.New("what"), 1, 0, false},
		{"an unknown error is given up in the end", errors.New("what"), maxAttempts, 0, true},
		{"without a count the age decides: young", errors.New("what"), 0, time.Minute, false},
		{"without a count the age decides: old", errors.New("what"), 0, 2 * time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &broken{err: tt.err}
			var log bytes.Buffer
			c := &Consumer{Applier: b, Clock: fixed(received.Add(tt.age)), Logger: slog.New(slog.NewJSONHandler(&log, nil))}
			err := c.Handle(context.Background(), message(t, tt.attempt))
			if again := err != nil; again != (tt.err != nil && !tt.givenUp) {
				t.Errorf("error %v", err)
			}
			if got := len(b.given) == 1; got != tt.givenUp {
				t.Errorf("given up: %t", got)
			}
			if lines := strings.Count(log.String(), "\n"); lines > 1 || err == nil && lines != 1 {
				t.Errorf("%d lines in the log, want one and, for what comes again, none:\n%s", lines, &log)
			}
		})
	}
}

func TestAnOperationIsNotAcknowledgedBeforeItsFailureIsRecorded(t *testing.T) {
	b := &broken{err: syncer.ErrStillDiffers, giveUp: errors.New("store is down")}
	c := &Consumer{Applier: b, Clock: fixed(received), Logger: slog.New(slog.DiscardHandler)}
	if err := c.Handle(context.Background(), message(t, maxAttempts)); !errors.Is(err, b.giveUp) {
		t.Errorf("got %v", err)
	}
}

func TestAPanicComesAgainAndIsRecordedInTheEnd(t *testing.T) {
	handle := func(attempt int, value any, b *broken) (panicked any, err error) {
		c := &Consumer{Applier: b, Clock: fixed(received), Logger: slog.New(slog.DiscardHandler)}
		b.panics = value
		defer func() { panicked = recover() }()
		return nil, c.Handle(context.Background(), message(t, attempt))
	}
	b := &broken{}
	if panicked, _ := handle(1, "planted", b); panicked != "planted" || len(b.given) != 0 {
		t.Errorf("first attempt: the handler sees %v, %d given up", panicked, len(b.given))
	}
	if panicked, err := handle(maxAttempts, "planted", b); err != nil || panicked != nil || len(b.given) != 1 || b.given[0].Code != failurecode.Panic {
		t.Errorf("last attempt: %v, the handler sees %v, given up: %+v", err, panicked, b.given)
	}
	b = &broken{giveUp: errors.New("store is down")}
	if _, err := handle(maxAttempts, "planted", b); !errors.Is(err, b.giveUp) {
		t.Errorf("last attempt without a store: %v", err)
	}
	b = &broken{}
	if panicked, _ := handle(maxAttempts, http.ErrAbortHandler, b); panicked != any(http.ErrAbortHandler) || len(b.given) != 0 {
		t.Errorf("an aborted request: the handler sees %v, %d given up", panicked, len(b.given))
	}
}

func TestWhatCannotBeDecodedIsKept(t *testing.T) {
	c := &Consumer{Applier: &broken{}, Clock: fixed(received), Logger: slog.New(slog.DiscardHandler)}
	if err := c.Handle(context.Background(), Message{Data: []byte(`{"version":99}`)}); !errors.Is(err, op.ErrUnknownVersion) {
		t.Errorf("got %v", err)
	}
}

// TestAHandlerEndsBeforeItsMessageIsDeliveredAgain: the time to acknowledge is
// the function's timeout, see terraform/pubsub.tf.
func TestAHandlerEndsBeforeItsMessageIsDeliveredAgain(t *testing.T) {
	tables, err := terraformtest.Read("../../terraform")
	if err != nil {
		t.Fatal(err)
	}
	deployed, err := tables.Functions()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ZohoConsumer", "HubSpotConsumer"} {
		if got, want := time.Duration(deployed[name].Timeout)*time.Second, handleTime+5*time.Second; got != want {
			t.Errorf("%s has %s to acknowledge, want 5 s more than its handler's %s", name, got, handleTime)
		}
	}
}
