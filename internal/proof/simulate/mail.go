package simulate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// mailroom runs the job that mails the failures, as Cloud Scheduler does, and
// is the mail service: it keeps every mail that it accepted.
type mailroom struct {
	world  *world
	digest *failure.Digest
	due    int64
	jobs   []*mailJob // those that are running
	mails  []mail
	done   bool // the last job that ended did what there was to do
	silent bool // and that was nothing
}

// mailJob is one run of the job.
type mailJob struct {
	started int64
	sent    []int // indexes into mails
}

// mail is one that was accepted.
type mail struct {
	seq  int
	text string
	// again is set when the job could not note that the mail was accepted, or
	// another one was at the same work: its content is mailed again.
	again bool
}

const (
	mailEvery = hour
	// mailBudget is how long the job may run, turnTime how long it keeps others
	// from sending.
	mailBudget = 10 * minute
	turnTime   = 5 * minute
)

func newMailroom(w *world) *mailroom {
	m := &mailroom{world: w, due: w.now + mailEvery}
	var err error
	m.digest, err = failure.NewDigest(failure.Config{
		Store: w.failures, Mailer: m, Clock: w, NewID: w.newID,
		Pages: failure.Pages{HubSpotPortal: "4711", Zoho: "https://crm.zoho.eu"},
	})
	if err != nil {
		panic(err) // the configuration above is complete
	}
	return m
}

// start begins the job, and now and then a second one beside it.
func (m *mailroom) start() {
	w := m.world
	m.due = w.now + mailEvery
	m.spawn()
	if !w.healed && w.chance(0.2) && w.plan.has[mailOverlap] {
		w.struck(mailOverlap)
		m.spawn()
	}
}

func (m *mailroom) spawn() {
	w := m.world
	job := &mailJob{started: w.now}
	m.jobs = append(m.jobs, job)
	var report failure.Report
	var err error
	w.spawn("digest "+w.newID(), mailBudget, func(ctx context.Context) {
		w.running.job = job
		report, err = m.digest.Send(ctx)
	}, func(wasKilled bool) {
		for i, other := range m.jobs {
			if other == job {
				m.jobs = append(m.jobs[:i], m.jobs[i+1:]...)
				break
			}
		}
		m.done, m.silent = false, false
		if wasKilled || err != nil {
			w.struck(digestFailed)
			m.due = w.now + w.between(minute, 5*minute)
			for _, i := range job.sent {
				m.mails[i].again = true
			}
			return
		}
		w.happened("digest "+string(report.Outcome), "the job")
		m.done, m.silent = report.Outcome != failure.Busy, report.Outcome == failure.NothingNew
	})
}

// Send implements failure.Mailer.
func (m *mailroom) Send(ctx context.Context, sent failure.Mail) error {
	w := m.world
	if err := w.seam(ctx, "send mail"); err != nil {
		return err
	}
	f := w.draw(mailDown, mailLimited, mailLost, mailDown, mailLost)
	switch f {
	case mailDown:
		return &failure.MailError{Status: 503}
	case mailLimited:
		return &failure.MailError{Status: 429}
	}
	w.seq++
	job := w.running.job
	job.sent = append(job.sent, len(m.mails))
	m.mails = append(m.mails, mail{seq: w.seq, text: sent.Text, again: m.overtaken()})
	w.happened("mail accepted", w.running.name)
	for _, text := range []string{sent.Subject, sent.Text, sent.HTML} {
		w.leaks("a mail", text)
	}
	if f == mailLost {
		return &failure.MailError{}
	}
	return nil
}

// reportedErased reports whether a mail leaves a record to a person to delete.
func (m *mailroom) reportedErased(ref crm.Ref) bool {
	return slices.ContainsFunc(m.mails, func(letter mail) bool {
		return strings.Contains(letter.text, string(failurecode.PrivacyDeletion)) && strings.Contains(letter.text, ref.RecordID)
	})
}

// overtaken reports whether a job has been at work for longer than its turn.
func (m *mailroom) overtaken() bool {
	for _, job := range m.jobs {
		if m.world.now-job.started > turnTime-minute {
			return true
		}
	}
	return false
}

// check: every open failure was mailed, with its last news, and not
// more often than there was news, or than an answer was lost.
func (m *mailroom) check() {
	w := m.world
	for _, n := range w.failures.order {
		reported, last, again := 0, 0, 0
		for _, letter := range m.mails {
			if letter.seq < n.news[0] {
				continue // of an entry that was erased, and recorded anew
			}
			switch strings.Count(letter.text, n.ID) {
			case 0:
				continue
			case 1:
			default:
				w.violate("failure %s stands twice in one mail", n.ID)
			}
			reported, last = reported+1, letter.seq
			if letter.again {
				again++
			}
		}
		if n.IsOpen() && last < n.news[len(n.news)-1] {
			w.violate("failure %s of %s is open and no mail lists its last operation", n.ID, n.Ref)
		}
		// What names an erased person is forgotten when it was mailed, and
		// mailed anew when the erasure has to be done again.
		if reported > len(n.news)+again && !n.IsMailedOnce() {
			w.violate("failure %s of %s had news %d times and was mailed %d times, %d of them for want of an answer",
				n.ID, n.Ref, len(n.news), reported, again)
		}
	}
}

// replay lets a person publish failed operations again: one, those of a cause,
// those of a time, or all of them.
func (w *world) replay(filter failure.Filter, done func(ok bool)) {
	w.commands[replays]++
	r := failure.Replayer{Failures: w.failures, Topics: w.topics("replay publish"), Clock: w, NewID: w.newID}
	var err error
	w.spawn("replay "+w.newID(), budget, func(ctx context.Context) {
		_, err = r.Replay(ctx, filter)
	}, func(wasKilled bool) { done(!wasKilled && err == nil) })
}

// repeat replays what passes by itself, as the job does that Cloud Scheduler starts.
func (w *world) repeat() {
	w.repeatDue = w.now + 15*minute
	r := failure.Repeater{Failures: w.failures, Topics: w.topics("replay publish"), Clock: w, NewID: w.newID}
	w.spawn("repeat "+w.newID(), budget, func(ctx context.Context) {
		_, _ = r.RepeatDue(ctx) // the next run does what this one could not
	}, func(bool) {})
}

// nextRepeat is when something is to be repeated, if anything is.
func (w *world) nextRepeat() (next int64, ok bool) {
	for _, n := range w.failures.order {
		if at := n.RepeatAt(); !at.IsZero() && (!ok || at.UnixMilli() < next) {
			next, ok = at.UnixMilli(), true
		}
	}
	return next, ok
}

// anyFilter draws what a person asks to have replayed.
func (w *world) anyFilter() failure.Filter {
	n := w.failures.order[w.rng.IntN(len(w.failures.order))]
	switch w.rng.IntN(4) {
	case 0:
		return failure.Filter{IDs: []string{n.ID}}
	case 1:
		return failure.Filter{Cause: n.Cause.ID()}
	case 2:
		return failure.Filter{Since: w.Now().Add(-time.Hour)}
	}
	return failure.Filter{}
}
