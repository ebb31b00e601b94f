// Package batch lets the operations in flight in one process share calls.
//
// A request that finds no other one under way is sent at once, alone: a lone
// operation never waits. Under load a request waits a little, the longer the more
// others are under way, since they will need the same call. Requests that arrive
// while a call is in flight gather. They are sent in one call when no call is in
// flight any more, when a call is full, or when the oldest request has waited for
// its longest time. So the size of a call grows with the load and with the latency
// of the other side, and nothing has to be tuned.
//
// Background requests fill the calls of urgent ones. The requests of a cohort, which
// [RunCohort] runs, wait for one another: they are many and have time.
//
// Each request has its own result or error. A caller that gives up does not
// take its call away from the others. A call without any caller left is cancelled,
// and a call that panics fails for its callers alone.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// Limits say how requests of one kind gather.
type Limits struct {
	// Size is the most requests that one call takes.
	Size int
	// MaxInFlight is the most calls in flight.
	MaxInFlight int
	// Step, unless 0, makes a call of more than Step requests take a multiple of
	// it: what is billed by the ten is sent by the ten.
	Step int
	// MaxWait is how long a request waits while calls are in flight that are
	// not full; after it, it is sent although one still is.
	MaxWait time.Duration
	// Load, unless nil, counts what else is under way.
	Load *LoadCounter
	// Shared lets requests with the same key share one place in a call, and its
	// result. Without it, a call never holds a key twice, and no two calls with
	// the same key are in flight together.
	Shared bool
}

// Call makes one call for several requests. It returns one answer for each, in
// their order.
type Call[Q, A any] func(ctx context.Context, requests []Q) []crm.Answer[A]

// Abandoned is the error of a caller that gave up waiting.
type Abandoned struct {
	// Sent is set when the call had been sent by then: what it asked for may be done.
	Sent  bool
	Cause error
}

func (e *Abandoned) Error() string {
	if e.Sent {
		return fmt.Sprintf("gave up waiting for a shared call: %v", e.Cause)
	}
	return fmt.Sprintf("gave up waiting to join a call: %v", e.Cause)
}

func (e *Abandoned) Unwrap() error { return e.Cause }

// ErrUnanswered is the error of a request that its call returned no answer for.
var ErrUnanswered = errors.New("the shared call gave no answer for this request")

// Panicked is the error of every request of a call that panicked.
type Panicked struct {
	Value any
	Stack []byte
}

func (e *Panicked) Error() string {
	return fmt.Sprintf("a shared call panicked: %v\n%s", e.Value, e.Stack)
}

// Queue gathers the requests of one kind of call. K tells which requests are
// about the same thing.
type Queue[K comparable, Q, A any] struct {
	limits Limits
	call   Call[Q, A]

	mu       sync.Mutex
	waiting  []*entry[K, Q, A] // oldest first
	open     map[K]*entry[K, Q, A]
	inFlight int
	urgent   int        // of the calls in flight, those that are not background work
	busy     map[K]bool // keys in flight, where they must not meet
	timer    *time.Timer
}

// entry is one place in a call.
type entry[K comparable, Q, A any] struct {
	key        K
	request    Q
	ctx        context.Context // of the first caller, for its values
	background bool            // it is background work
	since      time.Time
	callers    int
	cohort     *cohort     // that it waits for, nil if it waits for none
	cohorts    []*cohort   // one for each caller that belongs to one
	call       *sharedCall // nil while it waits
	answer     crm.Answer[A]
	done       chan struct{}
}

// sharedCall is a call under way.
type sharedCall struct {
	entries int // with a caller that waits
	urgent  bool
	cancel  context.CancelFunc
}

// New returns an empty queue.
func New[K comparable, Q, A any](l Limits, call Call[Q, A]) *Queue[K, Q, A] {
	l.Size, l.MaxInFlight = max(l.Size, 1), max(l.MaxInFlight, 1)
	return &Queue[K, Q, A]{limits: l, call: call, open: map[K]*entry[K, Q, A]{}, busy: map[K]bool{}}
}

// Do makes the request in a shared call and returns its own result. shared is set
// when another caller has the same result.
func (q *Queue[K, Q, A]) Do(ctx context.Context, key K, request Q) (value A, shared bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, &Abandoned{Cause: err}
	}
	c, background := cohortOf(ctx), quota.IsBackground(ctx)
	if c == nil { // the requests of a cohort do not count as load
		q.limits.Load.add(1, background)
		defer q.limits.Load.add(-1, background)
	}
	e := q.addRequest(ctx, c, background, key, request)
	c.addCounts(-1, 0)
	select {
	case <-e.done:
	case <-ctx.Done():
		if sent, left := q.removeRequest(e, c); left {
			return value, false, &Abandoned{Sent: sent, Cause: ctx.Err()}
		}
	}
	return e.answer.Value, e.callers > 1, e.answer.Err
}

// addRequest finds or makes a place for a request.
func (q *Queue[K, Q, A]) addRequest(ctx context.Context, c *cohort, background bool, key K, request Q) *entry[K, Q, A] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c != nil {
		c.addQueue(q, q.flush)
	}
	if e := q.open[key]; e != nil && q.limits.Shared {
		e.addCaller(c)
		if c == nil && e.cohort != nil || e.background && !background { // this caller cannot wait that long
			e.cohort, e.ctx, e.background = c, ctx, background
			q.dispatchReady()
		}
		return e
	}
	e := &entry[K, Q, A]{
		key: key, request: request, ctx: ctx, background: background, since: time.Now(), cohort: c, done: make(chan struct{}),
	}
	e.addCaller(c)
	q.waiting = append(q.waiting, e)
	if q.limits.Shared {
		q.open[key] = e
	}
	q.dispatchReady()
	return e
}

// removeRequest takes a caller out. It is too late for that when the result is there.
func (q *Queue[K, Q, A]) removeRequest(e *entry[K, Q, A], c *cohort) (sent, left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-e.done:
		return true, false
	default:
	}
	e.removeCaller(c)
	if c.addCounts(1, 0); e.call != nil {
		c.addCounts(0, -1)
	}
	switch {
	case e.callers > 0:
	case e.call == nil:
		q.waiting = slices.DeleteFunc(q.waiting, func(w *entry[K, Q, A]) bool { return w == e })
		q.closeEntry(e)
	default:
		if e.call.entries--; e.call.entries == 0 {
			e.call.cancel()
		}
	}
	return e.call != nil, true
}

func (q *Queue[K, Q, A]) closeEntry(e *entry[K, Q, A]) {
	if q.open[e.key] == e {
		delete(q.open, e.key)
	}
}

// flush lets out what is ready.
func (q *Queue[K, Q, A]) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dispatchReady()
}

// dispatchReady sends every call that is ready, and wakes the queue when the next will
// be. The lock is held.
func (q *Queue[K, Q, A]) dispatchReady() {
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	for {
		group, wait, known := q.nextGroup()
		if len(group) == 0 {
			if known {
				q.timer = time.AfterFunc(max(wait, time.Millisecond), q.flush)
			}
			return
		}
		q.startCall(group)
	}
}

// nextGroup returns the requests of the next call. If it has to wait there are none;
// how long it has to is not always known.
func (q *Queue[K, Q, A]) nextGroup() (group []*entry[K, Q, A], wait time.Duration, known bool) {
	ready := q.readyEntries()
	if len(ready) == 0 {
		return nil, 0, false
	}
	group = ready[:min(len(ready), q.limits.Size)]
	// Background work, which may have to wait for its quota, delays no urgent call.
	inFlight := q.inFlight
	if firstUrgent(group) != nil {
		inFlight = q.urgent
	}
	if inFlight >= q.limits.MaxInFlight {
		return nil, 0, false
	}
	if len(group) < q.limits.Size {
		if wait, known = q.waitTime(group, inFlight); !known || wait > 0 {
			return nil, wait, known
		}
	}
	if step := q.limits.Step; step > 0 && len(group) > step && group[0].cohort == nil {
		group = group[:len(group)-len(group)%step]
	}
	return group, 0, true
}

// readyEntries returns what may leave, what is urgent first and else the oldest.
func (q *Queue[K, Q, A]) readyEntries() []*entry[K, Q, A] {
	var urgent, rest []*entry[K, Q, A]
	taken := map[K]bool{}
	for _, e := range q.waiting {
		if !q.limits.Shared {
			if q.busy[e.key] || taken[e.key] {
				continue
			}
			taken[e.key] = true
		}
		if e.background {
			rest = append(rest, e)
		} else {
			urgent = append(urgent, e)
		}
	}
	return append(urgent, rest...)
}

// firstUrgent returns the first request of a group unless all are background work.
func firstUrgent[K comparable, Q, A any](group []*entry[K, Q, A]) *entry[K, Q, A] {
	if group[0].background {
		return nil
	}
	return group[0]
}

// waitTime returns how long a group that is not full still waits for more requests. It
// is not known where only the end of a call in flight, or others, can tell.
func (q *Queue[K, Q, A]) waitTime(group []*entry[K, Q, A], inFlight int) (wait time.Duration, known bool) {
	gathered := map[*cohort]bool{nil: false}
	for _, e := range group {
		all, asked := gathered[e.cohort]
		if !asked {
			all = e.cohort.allWaiting()
			gathered[e.cohort] = all
		}
		longest := q.limits.Load.gatherTime(e.background)
		switch {
		case all:
			longest = 0
		case e.cohort == nil && inFlight == 0:
		case q.limits.MaxWait <= 0:
			continue
		default:
			longest = max(longest, q.limits.MaxWait)
		}
		if rest := longest - time.Since(e.since); !known || rest < wait {
			wait, known = rest, true
		}
	}
	return wait, known
}

// startCall takes a group out of the queue and makes its call. The call has the
// values of the context of its first urgent request, and no deadline.
func (q *Queue[K, Q, A]) startCall(group []*entry[K, Q, A]) {
	lead := firstUrgent(group)
	f := &sharedCall{entries: len(group), urgent: lead != nil}
	if lead == nil {
		lead = group[0]
	} else {
		q.urgent++
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(lead.ctx))
	f.cancel = cancel
	for _, e := range group {
		e.call = f
		e.markSent()
		q.closeEntry(e)
		if !q.limits.Shared {
			q.busy[e.key] = true
		}
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(e *entry[K, Q, A]) bool { return e.call != nil })
	q.inFlight++
	go q.runCall(ctx, cancel, group)
}

// runCall makes the call and hands the answers out.
func (q *Queue[K, Q, A]) runCall(ctx context.Context, cancel context.CancelFunc, group []*entry[K, Q, A]) {
	defer cancel()
	answers := q.callClient(ctx, group)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range group {
		e.answer = answers[i]
		e.markAnswered()
		delete(q.busy, e.key)
		close(e.done)
	}
	q.inFlight--
	if group[0].call.urgent {
		q.urgent--
	}
	q.dispatchReady()
}

// callClient calls, and turns a panic and missing answers into errors.
func (q *Queue[K, Q, A]) callClient(ctx context.Context, group []*entry[K, Q, A]) (answers []crm.Answer[A]) {
	failed := func(err error) []crm.Answer[A] {
		all := make([]crm.Answer[A], len(group))
		for i := range all {
			all[i].Err = err
		}
		return all
	}
	defer func() {
		if r := recover(); r != nil {
			answers = failed(&Panicked{Value: r, Stack: debug.Stack()})
		}
	}()
	requests := make([]Q, len(group))
	for i, e := range group {
		requests[i] = e.request
	}
	answers = q.call(ctx, requests)
	if len(answers) != len(group) {
		return failed(ErrUnanswered)
	}
	return answers
}
