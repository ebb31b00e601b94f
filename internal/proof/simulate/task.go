package simulate

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
)

// task is one invocation of a handler, cut up at its effects.
type task struct {
	world    *world
	name     string
	next     func() (struct{}, bool)
	stop     func()
	yield    func(struct{}) bool
	label    string // the effect that comes next
	wake     int64  // not to be resumed before
	limit    int64  // when its time is up
	over     context.CancelCauseFunc
	dead     bool
	unheld   bool              // the store has forgotten its lease
	panicked bool              // of a trouble that was meant to
	op       string            // the operation that it applies
	outcome  string            // how an operation ended
	job      *mailJob          // of a job that mails
	looks    bool              // it may change nothing
	done     func(killed bool) // called once, when the task has ended
}

// budget is how long a consumer may run, in milliseconds.
const budget = 55 * second

// killed unwinds a task whose process was ended.
var killed = http.ErrAbortHandler

// spawn prepares a handler that may run for a time; the scheduler starts it.
func (w *world) spawn(name string, limit int64, run func(ctx context.Context), done func(killed bool)) *task {
	t := &task{world: w, name: name, label: "start", wake: w.now, limit: w.now + limit, done: done}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			switch r := recover(); r {
			case nil, killed:
			case planted:
				t.panicked = true // the handler answers 500
			default:
				w.violate("%s panicked before %s: %v", t.name, t.label, r)
			}
		}()
		ctx, over := context.WithCancelCause(context.Background())
		t.over = over
		run(ctx)
		// What ends a push is its answer: a process may die before it.
		t.pause("answer")
	})
	w.tasks = append(w.tasks, t)
	return t
}

// pause hands over to the scheduler before an effect.
func (t *task) pause(label string) {
	t.label = label
	if t.dead || !t.yield(struct{}{}) {
		t.dead = true
		panic(killed)
	}
}

// resume lets t act until its next effect.
func (w *world) resume(t *task) {
	w.running = t
	_, more := t.next()
	w.running = nil
	if !more {
		w.drop(t)
		t.done(false)
	}
}

// kill ends t before its next effect.
func (w *world) kill(t *task) {
	w.kills["before "+t.label]++
	w.happened("killed before "+t.label, t.name)
	w.running = t
	t.dead = true
	t.stop()
	w.running = nil
	w.drop(t)
	t.done(true)
}

func (w *world) drop(t *task) {
	for i, other := range w.tasks {
		if other == t {
			w.tasks = append(w.tasks[:i], w.tasks[i+1:]...)
			return
		}
	}
}

// seam is the beginning of every effect of a handler. An error is that of a
// context that has ended.
func (w *world) seam(ctx context.Context, label string) error {
	t := w.running
	if t == nil {
		panic("effect outside of a task: " + label)
	}
	t.pause(label)
	if t.looks && !looking(label) {
		w.violate("%s only looks, and came to %s", t.name, label)
	}
	w.calls++
	w.happened(label, t.name)
	return t.inTime(ctx)
}

// looking reports whether an effect changes nothing.
func looking(label string) bool {
	for _, s := range []string{"hubspot ", "zoho "} {
		label = strings.TrimPrefix(label, s)
	}
	verb, _, _ := strings.Cut(label, " ")
	return slices.Contains([]string{"find", "read", "history", "list", "load", "look", "count"}, verb)
}

// Sleep implements syncer.Clock.
func (w *world) Sleep(ctx context.Context, d time.Duration) error {
	t := w.running
	t.wake = w.now + d.Milliseconds()
	t.pause("sleep")
	return t.inTime(ctx)
}

// errOutOfTime is why the context of a handler ended.
var errOutOfTime = fmt.Errorf("handler is out of time: %w", context.DeadlineExceeded)

// inTime ends the context of a task whose time is up, and with it those that
// the handler derived from it, and returns the error of the one at hand.
func (t *task) inTime(ctx context.Context) error {
	if t.world.now > t.limit {
		t.over(errOutOfTime)
	}
	if ctx.Err() == nil {
		return nil
	}
	t.world.faults[string(handlerTimeout)]++
	return context.Cause(ctx)
}
