// Package quota keeps calls within what a service allows, before the service
// has to refuse them: so many at once, so many within a time. Waits that are
// short are made here, inside the handler; for one that is long the caller is
// told when to come again. Whoever works through a backlog leaves a part of
// every quota to what happens right now.
//
// It knows no service. What HubSpot's and Zoho's limits are, and what their
// answers tell of them, is in their rooms.
package quota

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

type backgroundKey struct{}

// Background marks work that can wait: sweeps and backfills.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// IsBackground reports whether ctx was marked.
func IsBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }

// Share is the part of a limit that one instance may use when several share
// it, at least one call.
func Share(limit int, share float64) int { return max(1, int(float64(limit)*share)) }

// Exhausted is returned when a call would have to wait too long.
type Exhausted struct {
	RetryAfter time.Duration
}

func (e *Exhausted) Error() string {
	return fmt.Sprintf("the quota is used up for %s", e.RetryAfter.Round(time.Second))
}

// liveShare is what background work leaves of every limit.
const liveShare = 0.2

// Gate admits a number of calls at a time. A call counts until it has returned
// and, where the limit is on a rolling window, until the window has passed
// since: the service counted it somewhere between its start and its end.
type Gate struct {
	window  time.Duration
	longest time.Duration

	mu       sync.Mutex
	limit    int // of our calls
	whole    int // of everybody's
	inFlight int
	returned []time.Time // of calls that still count, oldest first
	closed   time.Time   // nothing is admitted before
	others   int         // calls of somebody else that count
	until    time.Time   // when they no longer do
	waiting  [2][]*waiter
}

// Queues of a Gate, the first of which is served first.
const (
	live = iota
	background
)

type waiter struct{ wake chan struct{} }

// NewGate returns a gate for limit calls at once or, unless window is 0, within
// any window. A call that would wait for more than longest is refused.
func NewGate(limit int, window, longest time.Duration) *Gate {
	limit = max(limit, 1)
	return &Gate{limit: limit, whole: limit, window: window, longest: longest}
}

// Enter waits until a call may be made. leave is to be called when it has
// returned.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	class := live
	if IsBackground(ctx) {
		class = background
	}
	w := &waiter{wake: make(chan struct{}, 1)}
	deadline := time.Now().Add(g.longest)
	g.mu.Lock()
	g.waiting[class] = append(g.waiting[class], w)
	g.mu.Unlock()
	for {
		wait, err := g.try(w, class, deadline)
		if err != nil {
			return nil, err
		}
		if wait == 0 {
			return g.leave, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			g.giveUp(w, class)
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// try admits w, or tells how long to wait before the next try.
func (g *Gate) try(w *waiter, class int, deadline time.Time) (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	first := g.waiting[class][0] == w && (class == live || len(g.waiting[live]) == 0)
	wait := g.free(now, class)
	if first && wait == 0 {
		g.inFlight++
		g.remove(w, class)
		return 0, nil
	}
	if now.Add(wait).After(deadline) || !now.Before(deadline) {
		g.remove(w, class)
		return 0, &Exhausted{RetryAfter: max(wait, time.Second)}
	}
	if wait == 0 { // somebody else is first, and wakes us
		wait = deadline.Sub(now)
	}
	return min(wait, deadline.Sub(now)), nil
}

// free returns how long it takes until a place is free, as far as is known; a
// place that a call in flight takes may become free at any time.
func (g *Gate) free(now time.Time, class int) time.Duration {
	if now.Before(g.closed) {
		return g.closed.Sub(now)
	}
	for len(g.returned) > 0 && now.Sub(g.returned[0]) >= g.window {
		g.returned = g.returned[1:]
	}
	if !now.Before(g.until) {
		g.others = 0
	}
	room := min(g.limit, g.whole-g.others)
	if class == background {
		room = min(max(1, g.limit-int(float64(g.limit)*liveShare)), room)
	}
	over := g.inFlight + len(g.returned) - room + 1
	switch {
	case over <= 0:
		return 0
	case over <= len(g.returned):
		return max(g.returned[over-1].Add(g.window).Sub(now), time.Millisecond)
	case g.others > 0:
		return g.until.Sub(now)
	}
	return time.Second
}

// leave ends a call.
func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	if g.window > 0 {
		g.returned = append(g.returned, time.Now())
	}
	g.wakeFirst()
}

func (g *Gate) giveUp(w *waiter, class int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(w, class)
}

// remove takes w out and wakes who is first now.
func (g *Gate) remove(w *waiter, class int) {
	g.waiting[class] = slices.DeleteFunc(g.waiting[class], func(x *waiter) bool { return x == w })
	g.wakeFirst()
}

func (g *Gate) wakeFirst() {
	for _, queue := range g.waiting {
		if len(queue) > 0 {
			select {
			case queue[0].wake <- struct{}{}:
			default: // it is awake already
			}
			return
		}
	}
}

// Close admits nothing for a while: the service has said so.
func (g *Gate) Close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.closed) {
		g.closed = until
	}
}

// SetLimit changes the limits: that of our calls and that of everybody's.
func (g *Gate) SetLimit(limit, whole int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.whole = max(limit, 1), max(whole, 1)
	g.wakeFirst()
}

// Limit returns the limit.
func (g *Gate) Limit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit
}

// Used tells how many calls the service has counted within the window: those
// that are not ours are somebody else's, and count here until the window has
// passed.
func (g *Gate) Used(calls int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if others := calls - g.inFlight - len(g.returned); others > 0 {
		g.others, g.until = others, time.Now().Add(g.window)
	}
}
