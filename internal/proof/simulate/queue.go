package simulate

import (
	"context"
	"time"

	"github.com/hubspot-zoho/connector/internal/consumer"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
)

// hook is what a webhook says of a record.
type hook = op.Change

// The webhooks of both CRMs.
const (
	hookCreated  = op.Created
	hookUpdated  = op.Updated
	hookDeleted  = op.Deleted
	hookMerged   = op.Merged
	hookRestored = op.Restored
	hookErased   = op.Erased
)

// webhook is an event on its way to us.
type webhook struct {
	at       int64
	ref      crm.Ref
	change   hook
	occurred time.Time
}

// announce sends the webhooks of one change.
// A CRM sends events of our own writes like of any other.
func (w *world) announce(r *record, change hook) {
	if w.dropsWebhooks {
		return
	}
	// HubSpot repeats a privacy deletion for a day, and no sweep makes up for it.
	if change != hookErased && w.chance(0.05) && w.plan.has[webhookLost] && !w.healed {
		w.struck(webhookLost)
		w.say("the webhook of %s is lost", r.ref)
		return
	}
	h := webhook{at: w.now + w.between(3*second, 8*second), ref: r.ref, change: change, occurred: w.crms[r.ref.System].clock()}
	if !w.healed {
		switch x := w.rng.Float64(); {
		case x < 0.02 && w.plan.has[webhookDay]:
			w.struck(webhookDay)
			h.at = w.now + w.between(hour, day)
		case x < 0.12 && w.plan.has[webhookLate]:
			w.struck(webhookLate)
			h.at = w.now + w.between(10*second, 10*minute)
		case x < 0.19 && w.plan.has[webhookTwice]:
			w.struck(webhookTwice)
			again := h
			again.at += w.between(0, 5*minute)
			w.net = append(w.net, again)
		}
	}
	w.net = append(w.net, h)
}

// receive publishes one webhook that is due, as the webhook functions do.
func (w *world) receive(i int) {
	h := w.net[i]
	switch w.draw(publishFailed, publishFailed, answeredTwice) {
	case publishFailed:
		w.net[i].at = w.now + w.between(minute, 5*minute) // the CRM sends it again
		return
	case answeredTwice:
		w.net[i].at = w.now + w.between(minute, 5*minute)
	default:
		w.net = append(w.net[:i], w.net[i+1:]...)
	}
	w.queue.publish(op.Operation{
		Version: op.Version, ID: w.newID(), Ref: h.ref, Change: h.change,
		OccurredAt: h.occurred, ReceivedAt: w.Now(), Events: 1,
	})
}

// publisher puts the operations of a job on their topics.
type publisher struct {
	world *world
	label string
}

func (w *world) topics(label string) map[crm.System]failure.Publisher {
	return map[crm.System]failure.Publisher{crm.HubSpot: publisher{w, label}, crm.Zoho: publisher{w, label}}
}

// Publish implements reconcile.Publisher and failure.Publisher.
func (p publisher) Publish(ctx context.Context, ops []op.Operation) error {
	if err := p.world.seam(ctx, p.label); err != nil {
		return err
	}
	failed := p.world.draw(publishFailed, noFault) != noFault
	for _, o := range ops {
		if failed && p.world.chance(0.5) {
			return errStore // some are published, and the caller is answered that none is
		}
		p.world.queue.publish(o)
	}
	return nil
}

// message is an operation in the queue.
type message struct {
	op         op.Operation
	data       []byte
	attributes map[string]string
	due        int64
	attempts   int
}

// lane is what the queue holds of one ordering key.
type lane struct {
	waiting []*message
	busy    bool
	acked   []*message // the last few
	dead    bool       // of the dead-letter topic
}

// queue delivers at least once, in the order of each key.
type queue struct {
	world *world
	keys  map[string]*lane
	lanes []*lane // in the order of their first message
}

const (
	// maxAttempts is when the queue gives a message up. It is more than the
	// consumer grants an operation with a trouble of its own.
	maxAttempts = 20
	keptAcked   = 4
	// deadLetters is the lane of what was given up.
	deadLetters = "dead letters"
)

func (q *queue) publish(o op.Operation) {
	data, err := op.Encode(o)
	if err != nil {
		q.world.violate("operation %s cannot be published: %v", o.ID, err)
		return
	}
	attributes := o.Attributes()
	if q.world.draw(garbled, noFault, noFault, noFault, noFault, noFault) == garbled {
		data = data[:len(data)/2]
	}
	q.world.ledger.accept(o)
	q.world.happened("published "+string(o.Change)+" "+o.ID, o.Ref.String())
	q.add(o.OrderingKey(), &message{op: o, data: data, attributes: attributes, due: q.world.now})
}

func (q *queue) add(key string, m *message) {
	l := q.keys[key]
	if l == nil {
		l = &lane{dead: key == deadLetters}
		q.keys[key] = l
		q.lanes = append(q.lanes, l)
	}
	l.waiting = append(l.waiting, m)
}

// again returns m as it is delivered once more, at a time.
func (m *message) again(due int64) *message {
	return &message{op: m.op, data: m.data, attributes: m.attributes, due: due}
}

// deliver starts the handler on the head of a lane.
func (q *queue) deliver(l *lane) {
	w, m := q.world, l.waiting[0]
	l.busy = true
	m.attempts++
	var err error
	name := m.op.ID + " " + m.op.Ref.String()
	handle := func(ctx context.Context) {
		err = w.consumer.Handle(ctx, consumer.Message{Data: m.data, Attempt: m.attempts})
	}
	if l.dead {
		name = "dead " + name
		handle = func(ctx context.Context) {
			dead := failure.Message{ID: m.op.ID, Data: m.data, Attributes: m.attributes}
			if err = failure.DeadLetter(w.failures, w)(ctx, dead); err == nil {
				w.running.outcome = suppressed
			}
		}
	}
	w.happened("delivered", name)
	var t *task
	t = w.spawn(name, budget, handle, func(wasKilled bool) {
		l.busy = false
		switch {
		case wasKilled:
			m.due = w.now + w.between(10*second, minute)
		case t.panicked:
			w.happened("panicked", name)
			q.nack(l, m)
		case err != nil:
			w.happened("not acknowledged: "+err.Error(), name)
			w.leaks("the log", err.Error())
			q.nack(l, m)
		default:
			w.happened("ended "+t.outcome, name)
			w.ledger.end(m.op, t.outcome)
			q.ack(l, m)
		}
	})
	t.op = m.op.ID
}

func (q *queue) nack(l *lane, m *message) {
	w := q.world
	if m.attempts >= maxAttempts && !l.dead {
		w.struck(deadLettered)
		if w.replayed {
			w.violate("%s was given up although nothing was broken any more", m.op.Ref)
		}
		l.waiting = l.waiting[1:]
		q.add(deadLetters, m.again(w.now))
		return
	}
	backoff := 10 * second << min(m.attempts-1, 6)
	m.due = w.now + w.between(backoff/2, min(backoff, 10*minute))
}

func (q *queue) ack(l *lane, m *message) {
	w := q.world
	l.waiting = l.waiting[1:]
	l.acked = append(l.acked, m)
	if len(l.acked) > keptAcked {
		l.acked = l.acked[1:]
	}
	if w.healed {
		return
	}
	switch x := w.rng.Float64(); {
	case x < 0.03 && w.plan.has[redelivered]:
		w.struck(redelivered)
		l.waiting = append(l.waiting, m.again(w.now+w.between(second, 10*minute)))
	case x < 0.05 && w.plan.has[suffixAgain]:
		w.struck(suffixAgain)
		var again []*message
		for _, old := range l.acked[w.rng.IntN(len(l.acked)):] {
			again = append(again, old.again(w.now+second))
		}
		l.waiting = append(again, l.waiting...)
	}
}

func (q *queue) empty() bool {
	for _, l := range q.lanes {
		if len(l.waiting) > 0 {
			return false
		}
	}
	return true
}
