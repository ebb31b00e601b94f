// Package consumer handles the messages of a queue: it decodes a message, applies the
// operation, logs the outcome once, and decides whether an operation that failed is
// retried. The trouble of one record must not slow down a whole subscription: an
// operation that cannot succeed by retrying is recorded and acknowledged.
package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/quota"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

const (
	// handleTime bounds one operation. It is below the lease on a pair (90 s)
	// and below the acknowledgement deadline of the subscriptions.
	handleTime = 55 * time.Second
	// maxAttempts is how often an operation may fail for a reason of its own,
	// and maxAge how old it may become where attempts are not counted.
	maxAttempts = 8
	maxAge      = time.Hour
)

// Message is one delivery of an operation.
type Message struct {
	Data    []byte
	Attempt int // counted from 1; 0 when the queue does not count
}

// Applier applies operations. *syncer.Syncer is one.
type Applier interface {
	Apply(ctx context.Context, o op.Operation) (syncer.Result, error)
	GiveUp(ctx context.Context, f syncer.Failure) error
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Counter counts operations by their outcome. *stats.Recorder is one.
type Counter interface {
	RecordOperation(ctx context.Context, o stats.Operation) error
}

// Consumer applies the operations of a subscription. Counter may be nil.
type Consumer struct {
	Applier Applier
	Clock   Clock
	Logger  *slog.Logger
	Counter Counter
}

// Handle applies the operation of a message. An error asks for the message
// again, and so does a panic; the push handler logs both.
func (c *Consumer) Handle(ctx context.Context, m Message) error {
	o, err := op.Decode(m.Data)
	if err != nil {
		// Another version of the consumer may be able to read it; if none is, the
		// dead-letter topic takes it.
		return err
	}
	_, err = c.applyOrGiveUp(ctx, m.Attempt, o)
	return err
}

// Work does for an operation that no queue brought what Handle does for a
// message, and returns the outcome. An error asks for the operation again.
func (c *Consumer) Work(ctx context.Context, o op.Operation, attempt int) (r syncer.Result, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // the end of the process, no fault
			panic(p)
		default: // there is no push handler
			c.Logger.ErrorContext(ctx, "operation panicked", logschema.OperationID, o.ID, "ref", o.Ref.String(),
				"type", fmt.Sprintf("%T", p), "stack", string(debug.Stack())) // what it says may hold a value
			err = failure.ErrPanic
		}
	}()
	return c.applyOrGiveUp(ctx, attempt, o)
}

// applyOrGiveUp applies an operation. A panic of the last attempt is recorded like any
// other failure.
func (c *Consumer) applyOrGiveUp(ctx context.Context, attempt int, o op.Operation) (r syncer.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	defer func() {
		if !c.cannotSucceed(failure.Classify(failure.ErrPanic), attempt, o) {
			return
		}
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // no fault: the end of a connection, or of a process
			panic(p)
		default:
			r, err = c.giveUpOrRetry(ctx, attempt, o, syncer.Result{}, failure.ErrPanic)
		}
	}()
	if o.Change == op.Reconciled { // a sweep found it: edits of right now go first
		ctx = quota.WithBackground(ctx)
	}
	r, err = c.Applier.Apply(ctx, o)
	if err != nil {
		return c.giveUpOrRetry(ctx, attempt, o, r, err)
	}
	c.logReport(ctx, attempt, o, r)
	c.recordStats(ctx, o, r, string(r.Outcome), string(r.Reason))
	return r, nil
}

// recordStats counts the outcome and never fails an operation: its work is done.
func (c *Consumer) recordStats(ctx context.Context, o op.Operation, r syncer.Result, outcome, reason string) {
	if c.Counter == nil {
		return
	}
	now := c.Clock.Now()
	err := c.Counter.RecordOperation(ctx, stats.Operation{
		At: now, ID: o.ID, Ref: o.Ref, Counterpart: r.Counterpart.RecordID, Change: string(o.Change), Outcome: outcome, Reason: reason,
		Written: r.Written, Refused: r.Refused, Calls: r.Calls, Took: r.Took, Delay: now.Sub(o.ReceivedAt),
	})
	if err != nil {
		c.Logger.WarnContext(ctx, "stats were not stored", "error", err.Error())
	}
}

// giveUpOrRetry decides between another attempt and a record of the failure, with which
// the operation is parked.
func (c *Consumer) giveUpOrRetry(ctx context.Context, attempt int, o op.Operation, r syncer.Result, err error) (syncer.Result, error) {
	v := failure.Classify(err)
	if !c.cannotSucceed(v, attempt, o) {
		c.recordStats(context.WithoutCancel(ctx), o, r, stats.Repeated, string(v.Code))
		return r, err
	}
	given := c.Applier.GiveUp(context.WithoutCancel(ctx), syncer.Failure{
		Operation: o, Side: v.System, Action: "apply", Kind: v.Kind, Code: v.Code, Fields: v.Fields,
	})
	if given != nil {
		return r, errors.Join(err, given)
	}
	c.Logger.ErrorContext(ctx, logschema.OperationGivenUp, logschema.OperationID, o.ID, "ref", o.Ref.String(),
		"change", string(o.Change), "attempt", attempt, logschema.Class, string(v.Class), logschema.Code, string(v.Code), "error", err.Error())
	c.recordStats(context.WithoutCancel(ctx), o, r, stats.GivenUp, string(v.Code))
	r.Outcome, r.Reason = syncer.Parked, failurecode.Reason(v.Code)
	return r, nil
}

// cannotSucceed reports whether another attempt is a waste. A system that is down, a
// quota that is used up or credentials that are refused concern every operation
// alike: those wait, however long it takes.
func (c *Consumer) cannotSucceed(v failure.Classification, attempt int, o op.Operation) bool {
	switch {
	case v.Class == failure.Permanent:
		return true
	case v.Class == failure.Stop, v.Origin == failure.Outage, v.Origin == failure.Quota:
		return false
	case attempt > 0:
		return attempt >= maxAttempts
	}
	return c.Clock.Now().Sub(o.ReceivedAt) > maxAge
}

func (c *Consumer) logReport(ctx context.Context, attempt int, o op.Operation, r syncer.Result) {
	level := slog.LevelInfo
	if r.Outcome == syncer.Parked || len(r.Refused) > 0 {
		level = slog.LevelWarn
	}
	c.Logger.LogAttrs(ctx, level, logschema.OperationApplied,
		slog.String(logschema.OperationID, o.ID), slog.String("ref", o.Ref.String()), slog.String("change", string(o.Change)),
		slog.String(logschema.Outcome, string(r.Outcome)), slog.String("reason", string(r.Reason)), slog.String("counterpart", r.Counterpart.RecordID),
		slog.Any("written", r.Written), slog.Any("refused", r.Refused), slog.Int("resolved", r.Resolved),
		slog.Bool("degraded", r.Degraded), slog.Int("events", o.Events), slog.Int(logschema.Calls, r.Calls),
		slog.Int("attempt", attempt), slog.Int64(logschema.TookMS, r.Took.Milliseconds()),
		slog.Int64(logschema.BehindMS, c.Clock.Now().Sub(o.ReceivedAt).Milliseconds()))
}
