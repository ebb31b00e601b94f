package batch

import (
	"context"
	"slices"
	"sync"
)

// Together runs do for 0 to n-1, all at the same time, and returns when all have
// returned. They are a company: what one of them asks of a CRM waits until none
// of the others is on its way to a question of its own any more, so that all of
// them take each step with as few calls as there can be. Nobody else in the
// process waits for them.
func Together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	c := &company{busy: n}
	ctx = context.WithValue(ctx, companyKey{}, c)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer c.step(-1, 0)
			do(ctx, i)
		})
	}
	all.Wait()
}

type companyKey struct{}

func companyOf(ctx context.Context) *company {
	c, _ := ctx.Value(companyKey{}).(*company)
	return c
}

// company counts what the members of a company do. A nil one has none.
type company struct {
	mu     sync.Mutex
	busy   int // have no request under way: they may come to one
	flying int // have one in flight, and go on when it has landed
	doors  []door
}

// door is a queue in which members may wait.
type door struct {
	queue any
	open  func()
}

// gathered reports whether everybody waits who will.
func (c *company) gathered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy == 0 && c.flying == 0
}

// step changes the counts. When everybody waits, the doors are opened, in the
// order in which the company came to them: whoever waits at the first is the
// furthest behind. What it lets out is in flight by the time the next one is
// asked, and so those ahead wait until it has caught up with them. In any other
// order they would leave without it, and their step would take a call more. The
// caller holds no queue's lock if that can be, as it never can while busy grows.
func (c *company) step(busy, flying int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.busy += busy
	c.flying += flying
	var doors []door
	if busy < 0 && c.busy == 0 && c.flying == 0 {
		doors = c.doors // it only grows
	}
	c.mu.Unlock()
	for _, d := range doors {
		d.open()
	}
}

// meet makes a queue known in which members may wait.
func (c *company) meet(queue any, open func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.ContainsFunc(c.doors, func(d door) bool { return d.queue == queue }) {
		c.doors = append(c.doors, door{queue, open})
	}
}

// enter counts a caller, who may be of a company.
func (e *entry[K, Q, A]) enter(c *company) {
	e.callers++
	if c != nil {
		e.members = append(e.members, c)
	}
}

// exit is a caller giving up.
func (e *entry[K, Q, A]) exit(c *company) {
	e.callers--
	if i := slices.Index(e.members, c); i >= 0 {
		e.members = slices.Delete(e.members, i, i+1)
	}
}

// setOff and land tell companies that their members' request is in flight, and
// that it no longer is.
func (e *entry[K, Q, A]) setOff() {
	for _, c := range e.members {
		c.step(0, 1)
	}
}

func (e *entry[K, Q, A]) land() {
	for _, c := range e.members {
		c.step(1, -1)
	}
}
