package simulate

import (
	"context"
	"log/slog"
	"strings"

	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// ledger keeps account of every operation that was accepted: none may leave
// the queue without an outcome, and none may be forgotten in it.
type ledger struct {
	world    *world
	accepted []op.Operation
	outcomes map[string]string // by the operation's id
}

// The outcomes of operations that the syncer did not end itself.
const (
	givenUp    = "given up"
	suppressed = "recorded as given up by the queue"
)

func (l *ledger) accept(o op.Operation) { l.accepted = append(l.accepted, o) }

// end notes how an operation left the queue.
func (l *ledger) end(o op.Operation, outcome string) {
	if outcome == "" {
		l.world.violate("operation %s on %s was acknowledged without an outcome", o.ID, o.Ref)
		return
	}
	l.outcomes[o.ID] = outcome
}

// check: accepted = done + nothing to do + failed and recorded.
func (l *ledger) check() {
	for _, o := range l.accepted {
		if l.outcomes[o.ID] == "" {
			l.world.violate("operation %s on %s was accepted and has no outcome", o.ID, o.Ref)
		}
	}
}

// applier is the syncer, with its answers written down.
type applier struct {
	*syncer.Syncer
	world *world
}

// Apply implements consume.Applier.
func (a applier) Apply(ctx context.Context, o op.Operation) (syncer.Result, error) {
	task := a.world.running
	r, err := a.Syncer.Apply(ctx, o)
	if err == nil {
		task.outcome = string(r.Outcome)
		a.world.judge(o, r)
	}
	return r, err
}

// GiveUp implements consume.Applier.
func (a applier) GiveUp(ctx context.Context, f syncer.Failure) error {
	task := a.world.running
	a.world.struck(poisoned)
	err := a.Syncer.GiveUp(ctx, f)
	if err == nil {
		task.outcome = givenUp
	}
	return err
}

// judge checks what an operation says of itself.
func (w *world) judge(o op.Operation, r syncer.Result) {
	switch r.Outcome {
	case syncer.Created, syncer.Updated, syncer.Unchanged, syncer.Covered, syncer.Ignored, syncer.Parked:
	default:
		w.violate("operation %s on %s ended with outcome %q", o.ID, o.Ref, r.Outcome)
	}
	if (r.Outcome == syncer.Parked || len(r.Refused) > 0) && !w.failures.of(o.ID) {
		w.violate("operation %s on %s was refused something and no failure says so", o.ID, o.Ref)
	}
}

// watch is the log of the handlers. It holds that nothing that a person typed
// is in there.
type watch struct{ world *world }

// Enabled implements slog.Handler.
func (watch) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h watch) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.world.leaks("the log", a.Value.String())
	}
	return h
}

// WithGroup implements slog.Handler.
func (h watch) WithGroup(string) slog.Handler { panic("a logger with groups is not watched") }

// Handle implements slog.Handler.
func (h watch) Handle(_ context.Context, r slog.Record) error {
	h.world.leaks("the log", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		h.world.leaks("the log", a.Value.String())
		return true
	})
	return nil
}

// leaks holds that a text holds nothing that a person typed.
func (w *world) leaks(where, text string) {
	for _, mark := range []string{planted, badFor["hubspot"], badFor["zoho"]} {
		if strings.Contains(text, mark) {
			w.violate("%s holds what a person typed: %q", where, mark)
		}
	}
}
