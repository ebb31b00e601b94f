package quota

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Limiter admits a number of calls at a time. A call counts until it has returned.
// Where the limit is on a rolling window, the call counts until the window has
// passed after that, since the service counts it at any time between its start and
// its end.
type Limiter struct {
	window  time.Duration
	maxWait time.Duration

	mu             sync.Mutex
	limit          int // the limit of the connector's calls
	accountLimit   int // the limit of all calls of the account
	inFlight       int
	returned       []time.Time // of calls that still count, oldest first
	suspendedUntil time.Time   // no call is admitted before
	others         int         // calls of other programs that count
	othersUntil    time.Time   // when they cease to count
	waiting        [2][]*waiter
}

// Queues of a Limiter. The first is served first.
const (
	live = iota
	background
)

type waiter struct{ wake chan struct{} }

// NewLimiter returns a limiter for limit calls at once or, unless window is 0, within
// any window. It refuses a call that would wait for longer than maxWait.
func NewLimiter(limit int, window, maxWait time.Duration) *Limiter {
	limit = max(limit, 1)
	return &Limiter{limit: limit, accountLimit: limit, window: window, maxWait: maxWait}
}

// Acquire waits until a call may be made. The caller calls release when the call has
// returned.
func (l *Limiter) Acquire(ctx context.Context) (release func(), err error) {
	class := live
	if IsBackground(ctx) {
		class = background
	}
	w := &waiter{wake: make(chan struct{}, 1)}
	deadline := time.Now().Add(l.maxWait)
	l.mu.Lock()
	l.waiting[class] = append(l.waiting[class], w)
	l.mu.Unlock()
	for {
		wait, err := l.tryAcquire(w, class, deadline)
		if err != nil {
			return nil, err
		}
		if wait == 0 {
			return l.release, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			l.stopWaiting(w, class)
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// tryAcquire admits w, or returns how long to wait before the next try.
func (l *Limiter) tryAcquire(w *waiter, class int, deadline time.Time) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	first := l.waiting[class][0] == w && (class == live || len(l.waiting[live]) == 0)
	wait := l.timeUntilFree(now, class)
	if first && wait == 0 {
		l.inFlight++
		l.removeWaiter(w, class)
		return 0, nil
	}
	if now.Add(wait).After(deadline) || !now.Before(deadline) {
		l.removeWaiter(w, class)
		return 0, &Exhausted{RetryAfter: max(wait, time.Second)}
	}
	if wait == 0 { // another waiter is first, and wakes w
		wait = deadline.Sub(now)
	}
	return min(wait, deadline.Sub(now)), nil
}

// timeUntilFree returns how long it takes until another call fits the limit, as far
// as is known. A call in flight may return at any time.
func (l *Limiter) timeUntilFree(now time.Time, class int) time.Duration {
	if now.Before(l.suspendedUntil) {
		return l.suspendedUntil.Sub(now)
	}
	for len(l.returned) > 0 && now.Sub(l.returned[0]) >= l.window {
		l.returned = l.returned[1:]
	}
	if !now.Before(l.othersUntil) {
		l.others = 0
	}
	capacity := min(l.limit, l.accountLimit-l.others)
	if class == background {
		capacity = min(max(1, l.limit-int(float64(l.limit)*reservedShare)), capacity)
	}
	over := l.inFlight + len(l.returned) - capacity + 1
	switch {
	case over <= 0:
		return 0
	case over <= len(l.returned):
		return max(l.returned[over-1].Add(l.window).Sub(now), time.Millisecond)
	case l.others > 0:
		return l.othersUntil.Sub(now)
	}
	return time.Second
}

// release counts a call as returned.
func (l *Limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if l.window > 0 {
		l.returned = append(l.returned, time.Now())
	}
	l.wakeFirst()
}

func (l *Limiter) stopWaiting(w *waiter, class int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeWaiter(w, class)
}

// removeWaiter removes w and wakes the first of the others.
func (l *Limiter) removeWaiter(w *waiter, class int) {
	l.waiting[class] = slices.DeleteFunc(l.waiting[class], func(x *waiter) bool { return x == w })
	l.wakeFirst()
}

func (l *Limiter) wakeFirst() {
	for _, queue := range l.waiting {
		if len(queue) > 0 {
			select {
			case queue[0].wake <- struct{}{}:
			default: // the waiter is awake already
			}
			return
		}
	}
}

// Suspend admits no call for a while, because the service asks for it.
func (l *Limiter) Suspend(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.suspendedUntil) {
		l.suspendedUntil = until
	}
}

// SetLimit changes the limit of the connector's calls and that of the account.
func (l *Limiter) SetLimit(limit, account int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit, l.accountLimit = max(limit, 1), max(account, 1)
	l.wakeFirst()
}

// Limit returns the limit.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit
}

// RecordUsage takes over how many calls the service has counted within the window.
// The calls that this limiter did not admit come from other programs. They count
// here until the window has passed.
func (l *Limiter) RecordUsage(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if others := calls - l.inFlight - len(l.returned); others > 0 {
		l.others, l.othersUntil = others, time.Now().Add(l.window)
	}
}
