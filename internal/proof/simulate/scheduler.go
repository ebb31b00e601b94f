package simulate

import (
	"math"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
)

// maxTasks is how many handlers run at once.
const maxTasks = 8

// play runs the world to its end: people edit; they stop and the queue drains
// under faults; faults are healed, what was put aside is repeated by itself or
// replayed, and a world that lost webhooks is swept once more.
func (w *world) play() {
	w.people.next = w.now
	w.run(func() bool { return w.people.left == 0 })
	w.people.stopped = true
	w.run(w.quiet)
	w.healed = true
	w.holds.release()
	w.now += 6 * minute // leases and turns run out
	w.run(w.quiet)
	w.repeatAll()
	w.replayAll()
	if w.plan.lossy {
		w.now += sweepSettled
		// A pass that was cut off long ago is finished first, up to when it began.
		for range 2 {
			for w.sweeper.complete = false; !w.sweeper.complete && w.steps < maxSteps; {
				w.sweeper.start()
				w.run(w.quiet)
			}
		}
	}
	w.operator.atRest()
	w.mailAll()
	if !w.quiet() {
		w.violate("not at rest after %d steps", maxSteps)
	}
}

// repeatAll lets time pass until nothing is left that passes by itself.
func (w *world) repeatAll() {
	for range maxRepeats {
		next, ok := w.nextRepeat()
		if !ok {
			return
		}
		w.now = max(w.now, next)
		w.repeat()
		w.run(w.quiet)
	}
	w.violate("what passes by itself was repeated for longer and longer, and is still open")
}

// maxRepeats is more than there are failures times repetitions.
const maxRepeats = 1000

// replayAll publishes again what was given up, cause by cause, and once more:
// a replay can safely be repeated.
func (w *world) replayAll() {
	var causes []string
	for _, n := range w.failures.order {
		if id := n.Cause.ID(); n.IsOpen() && n.givenUp() && !slices.Contains(causes, id) {
			causes = append(causes, id)
		}
	}
	w.replayed = true
	for _, id := range slices.Concat(causes, causes) {
		w.replay(failure.Filter{Cause: id}, func(ok bool) {
			if !ok {
				w.violate("a replay failed although nothing is broken any more")
			}
		})
		w.run(w.quiet)
	}
}

// mailAll mails what is left, and then finds that there is nothing left.
func (w *world) mailAll() {
	for range 2 {
		w.mail.spawn()
		w.run(w.quiet)
	}
	if !w.mail.silent {
		w.violate("the last mail did not tell everything")
	}
}

func (w *world) quiet() bool {
	return len(w.tasks) == 0 && len(w.net) == 0 && len(w.landing) == 0 && w.queue.empty()
}

func (w *world) run(done func() bool) {
	for !done() && w.steps < maxSteps {
		w.steps++
		w.step()
	}
}

// step draws what happens next among everything that can happen now.
func (w *world) step() {
	w.land()
	w.trouble()
	var can []func()
	for _, t := range w.tasks {
		if t.wake <= w.now {
			can = append(can, func() { w.advance(t) })
		}
	}
	if len(w.tasks) < maxTasks && !w.operator.inTurn {
		for _, l := range w.queue.lanes {
			if !l.busy && len(l.waiting) > 0 && l.waiting[0].due <= w.now {
				can = append(can, func() { w.queue.deliver(l) })
			}
		}
	}
	for i := range w.net {
		if w.net[i].at <= w.now {
			can = append(can, func() { w.receive(i) })
			break
		}
	}
	if !w.people.stopped && w.people.left > 0 && w.people.next <= w.now {
		can = append(can, w.people.act)
	}
	can = append(can, w.jobs()...)
	if len(can) == 0 {
		w.now = max(w.now, w.nextEvent())
		return
	}
	if pick := w.rng.IntN(len(can) + 1); pick < len(can) {
		can[pick]()
		return
	}
	w.now += w.between(1, 2*second)
}

// jobs are what Cloud Scheduler starts now, and what a person does beside the
// two CRMs.
func (w *world) jobs() (can []func()) {
	if w.plan.lossy && !w.people.stopped && w.sweeper.due <= w.now {
		can = append(can, w.sweeper.start)
	}
	if !w.healed && w.mail.due <= w.now {
		can = append(can, w.mail.start)
	}
	if !w.healed && w.repeatDue <= w.now {
		can = append(can, w.repeat)
	}
	if w.plan.replays && !w.healed && w.replayDue <= w.now && len(w.failures.order) > 0 {
		can = append(can, func() {
			w.replayDue = w.now + w.between(hour, 4*hour)
			w.replay(w.anyFilter(), func(bool) {})
		})
	}
	if !w.people.stopped && w.operator.due <= w.now {
		can = append(can, w.operator.act)
	}
	if !w.healed && w.holds.ends != 0 && w.holds.ends <= w.now {
		can = append(can, w.holds.release)
	}
	return can
}

// advance lets a task act, or ends its process, or freezes it.
func (w *world) advance(t *task) {
	w.now += w.between(2, 150)
	switch {
	case w.healed:
	case w.chance(w.plan.kill):
		w.kill(t)
		return
	case w.chance(0.004) && w.plan.has[stalled]:
		w.struck(stalled)
		t.wake = w.now + w.between(5*second, 150*second)
		if t.job != nil {
			t.wake += w.between(0, turnTime)
		}
		return
	}
	w.resume(t)
}

// land carries out late writes whose time has come.
func (w *world) land() {
	for i := 0; i < len(w.landing); {
		if l := w.landing[i]; l.at <= w.now {
			w.landing = append(w.landing[:i], w.landing[i+1:]...)
			w.happened("lands late", l.what)
			l.do()
			continue
		}
		i++
	}
}

// trouble begins the faults that are not those of one call.
func (w *world) trouble() {
	if w.healed {
		return
	}
	if w.plan.wipe && !w.links.wiped && 2*w.people.left < w.plan.edits {
		w.struck(wiped)
		w.links.wipe()
	}
	if w.plan.has[outage] && w.chance(0.0002) {
		w.struck(outage)
		w.anyCRM().fail(down, w.now+w.between(minute, 6*hour))
	}
	if w.plan.has[revoked] && w.chance(0.0001) {
		w.struck(revoked)
		w.anyCRM().fail(unauthed, w.now+w.between(30*minute, 8*hour))
	}
	if w.plan.has[usedUp] && w.chance(0.0001) {
		w.struck(usedUp)
		w.anyCRM().fail(usedUp, w.now+w.between(hour, 8*hour))
	}
	for _, f := range []fault{recordLocked, unreadable, odd, explosive} {
		if w.plan.has[f] && w.chance(0.0001) {
			w.poison(f)
		}
	}
	if w.plan.has[held] && w.holds.ends == 0 && w.chance(0.0002) {
		w.holds.begin()
	}
	if w.plan.has[storeOutage] && w.chance(0.0002) {
		w.struck(storeOutage)
		w.storeOutage = w.now + w.between(minute, hour)
	}
}

func (w *world) anyCRM() *model { return w.crms[crm.Systems[w.rng.IntN(2)]] }

// poison makes one record a trouble for whatever has to do with it.
func (w *world) poison(f fault) {
	all := w.people.alive()
	if len(all) == 0 {
		return
	}
	w.struck(f)
	r := all[w.rng.IntN(len(all))]
	r.trouble, r.troubled = f, w.now+w.between(5*minute, 3*hour)
}

// nextEvent is when something can happen that cannot happen now.
func (w *world) nextEvent() int64 {
	next := int64(math.MaxInt64)
	for _, t := range w.tasks {
		next = min(next, t.wake)
	}
	if len(w.tasks) < maxTasks && !w.operator.inTurn {
		for _, l := range w.queue.lanes {
			if !l.busy && len(l.waiting) > 0 {
				next = min(next, l.waiting[0].due)
			}
		}
	}
	for _, h := range w.net {
		next = min(next, h.at)
	}
	for _, l := range w.landing {
		next = min(next, l.at)
	}
	if !w.healed {
		next = min(next, w.mail.due)
		if w.holds.ends != 0 {
			next = min(next, w.holds.ends)
		}
	}
	if !w.people.stopped && w.people.left > 0 {
		next = min(next, w.people.next)
		if w.plan.lossy {
			next = min(next, w.sweeper.due)
		}
	}
	if next == math.MaxInt64 {
		return w.now + second
	}
	return next
}
