package queue

import (
	"container/heap"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// source is where the messages of an engine come from and where their fate is
// written. Its methods are called by many goroutines at once, for one item by
// one at a time. An error means that the fate is not durable: the message is
// then delivered again.
type source interface {
	ack(ctx context.Context, it *item) error
	// bury moves the message to the dead-letter topic and acknowledges it.
	deadLetter(ctx context.Context, it *item) error
	// nacked reports one more failed delivery. It may forget it.
	nacked(it *item)
}

// engine delivers the messages of one subscription.
type engine struct {
	sub    Subscription
	name   string // full name of the subscription
	src    source
	client *http.Client
	held   *counter
	faults Faults
	now    func() time.Time
	log    *slog.Logger

	base  context.Context // of every delivery
	abort context.CancelFunc

	mu      sync.Mutex
	lanes   map[string]*lane // by ordering key
	ready   fifo[*lane]
	waiting laneHeap
	timer   *time.Timer // fires when the first waiting lane is due
	workers int         // deliveries under way
	closing bool
	stopped chan struct{} // closed when closing and no delivery is under way
}

// settings are what all engines of a gateway share.
type settings struct {
	client  *http.Client
	held    *counter
	faults  Faults
	now     func() time.Time
	log     *slog.Logger
	project string
}

func newEngine(sub Subscription, src source, s settings) *engine {
	e := &engine{
		sub:     sub,
		name:    subscriptionName(s.project, sub.Name),
		src:     src,
		client:  s.client,
		held:    s.held,
		faults:  s.faults,
		now:     s.now,
		log:     s.log.With("subscription", sub.Name),
		lanes:   map[string]*lane{},
		stopped: make(chan struct{}),
	}
	e.base, e.abort = context.WithCancel(context.Background())
	return e
}

// add takes messages, in order, and starts delivering them.
func (e *engine) add(items ...*item) {
	e.held.add(len(items))
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, it := range items {
		e.enqueue(it)
	}
	e.start()
}

// enqueue puts one message into its lane. The lock is held.
func (e *engine) enqueue(it *item) {
	key := it.msg.OrderingKey
	if !e.sub.Ordered {
		key = ""
	}
	l := e.lanes[key]
	if l == nil || key == "" {
		l = &lane{key: key}
		if key != "" {
			e.lanes[key] = l
		}
	}
	l.items.push(it)
	if l.items.len() == 1 {
		e.ready.push(l)
	}
}

// start sets as many workers to work as there is work and room for. The lock is
// held.
func (e *engine) start() {
	// Every ready lane is taken by a worker that was started for it or by one
	// that has just finished, so one worker per ready lane is enough.
	for n := e.ready.len(); n > 0 && e.workers < e.sub.MaxInFlight && !e.closing; n-- {
		e.workers++
		go e.work()
	}
}

// work delivers heads of ready lanes until there are none.
func (e *engine) work() {
	for {
		e.mu.Lock()
		if e.closing || e.ready.len() == 0 {
			e.workers--
			if e.closing && e.workers == 0 {
				close(e.stopped)
			}
			e.mu.Unlock()
			return
		}
		l := e.ready.pop()
		it := l.items.first()
		e.mu.Unlock()
		e.deliver(l, it)
	}
}

// deliver tries the head of a lane once and writes down what came of it.
func (e *engine) deliver(l *lane, it *item) {
	if e.now().Sub(it.msg.PublishTime) > e.sub.Retention {
		e.log.Warn("message expired", "message_id", it.msg.ID, "attempts", it.attempts)
		e.settle(l, it, false, e.src.ack)
		return
	}
	err := e.push(it)
	if err == nil {
		e.settle(l, it, true, e.src.ack)
		return
	}
	if e.base.Err() != nil { // cut short by Close: not a failure of the endpoint
		e.retry(l, it)
		return
	}
	it.attempts++
	e.src.nacked(it)
	if e.sub.DeadLetterTopic != "" && it.attempts >= e.sub.MaxDeliveryAttempts {
		e.log.Warn("message dead-lettered", "message_id", it.msg.ID, "attempts", it.attempts, "error", err.Error())
		e.settle(l, it, false, e.src.deadLetter)
		return
	}
	e.log.Info("message not acknowledged", "message_id", it.msg.ID, "attempts", it.attempts, "error", err.Error())
	e.retry(l, it)
}

// push posts one message within the ack deadline.
func (e *engine) push(it *item) error {
	attempt := 0
	if e.sub.DeadLetterTopic != "" {
		attempt = it.attempts + 1
	}
	body, err := encodePush(it.msg, e.name, attempt)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.base, e.sub.AckDeadline)
	defer cancel()
	return post(ctx, e.client, e.sub.Endpoint, body)
}

// settle makes the fate of a message durable and lets its lane proceed. If that
// cannot be done, the message stays and is delivered again.
func (e *engine) settle(l *lane, it *item, acked bool, fate func(context.Context, *item) error) {
	if err := fate(e.base, it); err != nil {
		e.log.Error("fate of a message not stored", "message_id", it.msg.ID, "error", err.Error())
		e.retry(l, it)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l.items.pop()
	if acked {
		if again := e.faults.again(l, it); len(again) > 0 {
			l.items.pushFront(again)
			e.held.add(len(again))
		}
	}
	e.held.add(-1)
	switch {
	case l.items.len() > 0:
		e.ready.push(l)
		e.start()
	case e.faults.RedeliverRate == 0 && l.key != "":
		delete(e.lanes, l.key)
	}
}

// retry holds a lane until its head may be tried again.
func (e *engine) retry(l *lane, it *item) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l.due = time.Now().Add(backoff(e.sub.MinBackoff, e.sub.MaxBackoff, it.attempts, rand.Float64()))
	heap.Push(&e.waiting, l)
	e.arm()
}

// arm sets the timer to the first waiting lane. The lock is held.
func (e *engine) arm() {
	if e.closing || e.waiting.Len() == 0 {
		return
	}
	d := time.Until(e.waiting[0].due)
	if e.timer == nil {
		e.timer = time.AfterFunc(d, e.wake)
		return
	}
	e.timer.Reset(d)
}

// wake readies the lanes whose time has come.
func (e *engine) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.waiting.takeDue(time.Now()) {
		e.ready.push(l)
	}
	e.start()
	e.arm()
}

// backoff returns how long to wait after the given number of failures: twice as
// long each time, of which the upper half is left to chance (0 to 1), never
// outside shortest and longest.
func backoff(shortest, longest time.Duration, failures int, chance float64) time.Duration {
	d := shortest
	for range failures - 1 {
		if d >= longest/2 {
			d = longest
			break
		}
		d *= 2
	}
	least := max(shortest, d/2)
	return least + time.Duration(chance*float64(d-least))
}

// close stops taking messages and waits for the deliveries under way. When ctx
// ends first, they are cut short. Whatever is held stays unacknowledged.
func (e *engine) close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closing {
		e.closing = true
		if e.timer != nil {
			e.timer.Stop()
		}
		if e.workers == 0 {
			close(e.stopped)
		}
	}
	e.mu.Unlock()
	defer e.abort()
	select {
	case <-e.stopped:
		return nil
	case <-ctx.Done():
	}
	e.abort()
	<-e.stopped
	return ctx.Err()
}

// stats counts the lanes.
func (e *engine) stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		Subscription: e.sub.Name,
		HeldBack:     e.waiting.Len(),
		InFlight:     e.workers,
		Ready:        e.ready.len(),
	}
}
