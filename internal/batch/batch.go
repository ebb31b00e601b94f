// Package batch lets the operations in flight in one process share calls.
//
// A request that finds nothing else under way leaves at once, alone: a lone
// operation never waits for company. Under load it waits a little, the longer
// the more others are under way, since they will come to the same call. What
// arrives while a call is in flight gathers, and leaves together when no call
// is in flight any more, when a call is full, or when the oldest has waited long
// enough for one that hangs. So calls grow with the load and with the latency of
// the other side, and nothing has to be tuned.
//
// What is not urgent fills the calls of what is, and the requests of a company,
// which [Together] brings together, wait for one another: they are many and have
// time.
//
// Each request has its own result or error. A caller that gives up does not
// take its call away from the others; a call that nobody waits for any more is
// cancelled; a call that panics fails for its callers and for nobody else.
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
	// AtOnce is the most calls in flight.
	AtOnce int
	// Step, unless 0, makes a call of more than Step requests take a multiple of
	// it: what is billed by the ten is sent by the ten.
	Step int
	// Patience is how long a request waits while calls are in flight that are
	// not full; after it, it leaves although one still is.
	Patience time.Duration
	// Crowd, unless nil, counts what else is under way.
	Crowd *Crowd
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
	// Sent tells that the call had left by then: what it asked for may be done.
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

	mu      sync.Mutex
	waiting []*entry[K, Q, A] // oldest first
	open    map[K]*entry[K, Q, A]
	flying  int
	urgent  int        // of the calls in flight, those that are not background work
	busy    map[K]bool // keys in flight, where they must not meet
	alarm   *time.Timer
}

// entry is one place in a call.
type entry[K comparable, Q, A any] struct {
	key     K
	request Q
	ctx     context.Context // of the first caller, for its values
	patient bool            // it is background work
	since   time.Time
	callers int
	company *company   // that it waits for, nil if it waits for none
	members []*company // one for each caller that is of a company
	flight  *flight    // nil while it waits
	answer  crm.Answer[A]
	done    chan struct{}
}

// flight is a call under way.
type flight struct {
	entries int // that somebody waits for
	urgent  bool
	cancel  context.CancelFunc
}

// New returns an empty queue.
func New[K comparable, Q, A any](l Limits, call Call[Q, A]) *Queue[K, Q, A] {
	l.Size, l.AtOnce = max(l.Size, 1), max(l.AtOnce, 1)
	return &Queue[K, Q, A]{limits: l, call: call, open: map[K]*entry[K, Q, A]{}, busy: map[K]bool{}}
}

// Do has the request made and returns its own result. shared tells that
// another caller has the same result.
func (q *Queue[K, Q, A]) Do(ctx context.Context, key K, request Q) (value A, shared bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, &Abandoned{Cause: err}
	}
	c, patient := companyOf(ctx), quota.IsBackground(ctx)
	if c == nil { // nobody waits for a company that passes
		q.limits.Crowd.come(1, patient)
		defer q.limits.Crowd.come(-1, patient)
	}
	e := q.join(ctx, c, patient, key, request)
	c.step(-1, 0)
	select {
	case <-e.done:
	case <-ctx.Done():
		if sent, left := q.leave(e, c); left {
			return value, false, &Abandoned{Sent: sent, Cause: ctx.Err()}
		}
	}
	return e.answer.Value, e.callers > 1, e.answer.Err
}

// join finds or makes a place for a request.
func (q *Queue[K, Q, A]) join(ctx context.Context, c *company, patient bool, key K, request Q) *entry[K, Q, A] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c != nil {
		c.meet(q, q.knock)
	}
	if e := q.open[key]; e != nil && q.limits.Shared {
		e.enter(c)
		if c == nil && e.company != nil || e.patient && !patient { // somebody has no time for that
			e.company, e.ctx, e.patient = c, ctx, patient
			q.depart()
		}
		return e
	}
	e := &entry[K, Q, A]{
		key: key, request: request, ctx: ctx, patient: patient, since: time.Now(), company: c, done: make(chan struct{}),
	}
	e.enter(c)
	q.waiting = append(q.waiting, e)
	if q.limits.Shared {
		q.open[key] = e
	}
	q.depart()
	return e
}

// leave takes a caller out. It is too late for that when the result is there.
func (q *Queue[K, Q, A]) leave(e *entry[K, Q, A], c *company) (sent, left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-e.done:
		return true, false
	default:
	}
	e.exit(c)
	if c.step(1, 0); e.flight != nil {
		c.step(0, -1)
	}
	switch {
	case e.callers > 0:
	case e.flight == nil:
		q.waiting = slices.DeleteFunc(q.waiting, func(w *entry[K, Q, A]) bool { return w == e })
		q.forget(e)
	default:
		if e.flight.entries--; e.flight.entries == 0 {
			e.flight.cancel()
		}
	}
	return e.flight != nil, true
}

func (q *Queue[K, Q, A]) forget(e *entry[K, Q, A]) {
	if q.open[e.key] == e {
		delete(q.open, e.key)
	}
}

// knock lets out what is ready.
func (q *Queue[K, Q, A]) knock() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.depart()
}

// depart sends every call that is ready, and wakes the queue when the next will
// be. The lock is held.
func (q *Queue[K, Q, A]) depart() {
	if q.alarm != nil {
		q.alarm.Stop()
		q.alarm = nil
	}
	for {
		group, wait, known := q.next()
		if len(group) == 0 {
			if known {
				q.alarm = time.AfterFunc(max(wait, time.Millisecond), q.knock)
			}
			return
		}
		q.send(group)
	}
}

// next returns the requests of the next call. If it has to wait there are none;
// how long it has to is not always known.
func (q *Queue[K, Q, A]) next() (group []*entry[K, Q, A], wait time.Duration, known bool) {
	ready := q.ready()
	if len(ready) == 0 {
		return nil, 0, false
	}
	group = ready[:min(len(ready), q.limits.Size)]
	// Background work, which may have to wait for its quota, holds nobody up.
	flying := q.flying
	if leader(group) != nil {
		flying = q.urgent
	}
	if flying >= q.limits.AtOnce {
		return nil, 0, false
	}
	if len(group) < q.limits.Size {
		if wait, known = q.patience(group, flying); !known || wait > 0 {
			return nil, wait, known
		}
	}
	if step := q.limits.Step; step > 0 && len(group) > step && group[0].company == nil {
		group = group[:len(group)-len(group)%step]
	}
	return group, 0, true
}

// ready returns what may leave, what is urgent first and else the oldest.
func (q *Queue[K, Q, A]) ready() []*entry[K, Q, A] {
	var urgent, rest []*entry[K, Q, A]
	taken := map[K]bool{}
	for _, e := range q.waiting {
		if !q.limits.Shared {
			if q.busy[e.key] || taken[e.key] {
				continue
			}
			taken[e.key] = true
		}
		if e.patient {
			rest = append(rest, e)
		} else {
			urgent = append(urgent, e)
		}
	}
	return append(urgent, rest...)
}

// leader returns the first request of a group unless all are background work.
func leader[K comparable, Q, A any](group []*entry[K, Q, A]) *entry[K, Q, A] {
	if group[0].patient {
		return nil
	}
	return group[0]
}

// patience returns how long a group that is not full waits for company yet. It
// is not known where only the end of a call in flight, or others, can tell.
func (q *Queue[K, Q, A]) patience(group []*entry[K, Q, A], flying int) (wait time.Duration, known bool) {
	gathered := map[*company]bool{nil: false}
	for _, e := range group {
		all, asked := gathered[e.company]
		if !asked {
			all = e.company.gathered()
			gathered[e.company] = all
		}
		longest := q.limits.Crowd.linger(e.patient)
		switch {
		case all:
			longest = 0
		case e.company == nil && flying == 0:
		case q.limits.Patience <= 0:
			continue
		default:
			longest = max(longest, q.limits.Patience)
		}
		if rest := longest - time.Since(e.since); !known || rest < wait {
			wait, known = rest, true
		}
	}
	return wait, known
}

// send takes a group out of the queue and makes its call. The call has the
// values of the context of its leader, and nobody's deadline.
func (q *Queue[K, Q, A]) send(group []*entry[K, Q, A]) {
	lead := leader(group)
	f := &flight{entries: len(group), urgent: lead != nil}
	if lead == nil {
		lead = group[0]
	} else {
		q.urgent++
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(lead.ctx))
	f.cancel = cancel
	for _, e := range group {
		e.flight = f
		e.setOff()
		q.forget(e)
		if !q.limits.Shared {
			q.busy[e.key] = true
		}
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(e *entry[K, Q, A]) bool { return e.flight != nil })
	q.flying++
	go q.fly(ctx, cancel, group)
}

// fly makes the call and hands the answers out.
func (q *Queue[K, Q, A]) fly(ctx context.Context, cancel context.CancelFunc, group []*entry[K, Q, A]) {
	defer cancel()
	answers := q.make(ctx, group)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range group {
		e.answer = answers[i]
		e.land()
		delete(q.busy, e.key)
		close(e.done)
	}
	q.flying--
	if group[0].flight.urgent {
		q.urgent--
	}
	q.depart()
}

// make calls, and turns a panic and missing answers into errors.
func (q *Queue[K, Q, A]) make(ctx context.Context, group []*entry[K, Q, A]) (answers []crm.Answer[A]) {
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
