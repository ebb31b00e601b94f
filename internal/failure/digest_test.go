package failure_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func TestNothingNewIsSilence(t *testing.T) {
	h := newScenario(t)
	d := h.digest(t)
	send(t, d, failure.NothingNew)
	h.record(t, failed("a", "1"))
	send(t, d, failure.Sent)
	send(t, d, failure.NothingNew)
	h.record(t, failed("b", "2"))
	if _, err := h.store.ResolveFailures(t.Context(), start, hubspotContact("2")); err != nil {
		t.Fatal(err)
	}
	send(t, d, failure.NothingNew) // it healed before anybody was told
	if n := len(h.mails.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestAFailureThatGoesOnIsMailedAgainAndSaysSo(t *testing.T) {
	h := newScenario(t)
	d := h.digest(t)
	h.record(t, failed("a", "1"))
	send(t, d, failure.Sent)
	h.record(t, failed("a", "1"), failed("b", "1"))
	if r := send(t, d, failure.Sent); r.Failures != 1 || r.Operations != 1 {
		t.Errorf("report %+v, want one failure with one new operation", r)
	}
	if m := h.mails.Mails()[1]; !strings.Contains(m.Text, "2 times") || !strings.Contains(m.Text, "already mailed 2026-11-23 10:00 UTC") {
		t.Errorf("the second mail does not tell of the first:\n%s", m.Text)
	}
}

func TestWhileSendGridDoesNotAcceptTheListWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sim.Fault
		want  failure.Class
	}{
		"too many requests":       {sim.Fault{Status: 429, Body: `{"errors":[{"message":"too many requests","field":null}]}`}, failure.Healing},
		"a server error":          {sim.Fault{Status: 500}, failure.Healing},
		"an outage":               {sim.Fault{Status: 503, Body: "<html>ada@example.com</html>"}, failure.Healing},
		"a cut connection":        {sim.Fault{Drop: true}, failure.Healing},
		"a refused key":           {sim.Fault{Status: 401}, failure.Stop},
		"an unverified sender":    {sim.Fault{Status: 403, Body: `{"errors":[{"message":"connector@example.com","field":"from"}]}`}, failure.Stop},
		"a bad request":           {sim.Fault{Status: 400, Body: `{"errors":[{"message":"ada@example.com","field":"ada@example.com"}]}`}, failure.Stop},
		"checked and thrown away": {sim.Fault{Status: 200}, failure.Stop},
		"a redirect to nowhere":   {sim.Fault{Status: 302}, failure.Stop},
	} {
		t.Run(name, func(t *testing.T) {
			h := newScenario(t)
			h.record(t, failed("a", "1"))
			tt.fault.Count = 1
			h.mails.Faults.Add(tt.fault)
			_, err := h.digest(t).Send(t.Context())
			var m *failure.MailError
			if !errors.As(err, &m) || failure.ClassOf(err) != tt.want {
				t.Fatalf("error %v of class %s, want a mail error of class %s", err, failure.ClassOf(err), tt.want)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("an address shows in %v", err)
			}
			if n := h.unreported(t); n != 1 {
				t.Errorf("%d unreported, want 1", n)
			}
			send(t, h.digest(t), failure.Sent) // the turn was given back
			if n := len(h.mails.Mails()); n != 1 || h.unreported(t) != 0 {
				t.Errorf("%d mails and %d unreported, want 1 and none", n, h.unreported(t))
			}
		})
	}
}

func TestALostAnswerOfSendGridMakesASecondMail(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	h.mails.Faults.Add(sim.Fault{After: true, Drop: true, Count: 1})
	if _, err := h.digest(t).Send(t.Context()); failure.ClassOf(err) != failure.Healing {
		t.Fatalf("error %v, want one that heals", err)
	}
	send(t, h.digest(t), failure.Sent)
	mails := h.mails.Mails()
	if len(mails) != 2 || mails[0].Text != mails[1].Text {
		t.Errorf("%d mails, want the same twice", len(mails))
	}
}

// unmarked fails to mark, as a job does that is killed after SendGrid accepted.
type unmarked struct{ failure.DigestStore }

func (unmarked) MarkMailed(context.Context, []failure.Record, time.Time) error {
	return errors.New("killed")
}

func TestAJobKilledBeforeItMarkedIsRepeated(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	d := h.digest(t, func(c *failure.Config) { c.Store = unmarked{c.Store} })
	if _, err := d.Send(t.Context()); err == nil {
		t.Fatal("no error")
	}
	send(t, h.digest(t), failure.Sent)
	if n := len(h.mails.Mails()); n != 2 {
		t.Errorf("%d mails, want 2", n)
	}
}

func TestAJobThatWasKilledHoldsTheTurnForFiveMinutes(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	now := h.clock.Now()
	if mine, err := h.store.ClaimDigest(t.Context(), "killed", now, now.Add(5*time.Minute)); err != nil || !mine {
		t.Fatal(mine, err)
	}
	send(t, h.digest(t), failure.Busy)
	h.clock.advance(5 * time.Minute)
	send(t, h.digest(t), failure.Sent)
}

func TestJobsThatOverlapSendOnce(t *testing.T) {
	h := newScenario(t)
	for i := range 20 {
		h.record(t, failed(numbered("operation-", i), numbered("", i)))
	}
	d := h.digest(t)
	var gate, done sync.WaitGroup
	gate.Add(1)
	for range 6 {
		done.Go(func() {
			gate.Wait()
			if _, err := d.Send(t.Context()); err != nil && failure.ClassOf(err) != failure.Healing {
				t.Error(err)
			}
		})
	}
	gate.Done()
	done.Wait()
	if n := len(h.mails.Mails()); n != 1 || h.unreported(t) != 0 {
		t.Errorf("%d mails and %d unreported, want 1 and none", n, h.unreported(t))
	}
}

// crowded is a mailer during whose call another job comes.
type crowded struct {
	failure.Mailer
	other func()
}

func (c crowded) Send(ctx context.Context, m failure.Mail) error {
	c.other()
	return c.Mailer.Send(ctx, m)
}

func TestAJobThatComesWhileAnotherSendsLeavesItAlone(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	other := func() { send(t, h.digest(t), failure.Busy) }
	send(t, h.digest(t, func(c *failure.Config) { c.Mailer = crowded{c.Mailer, other} }), failure.Sent)
	if n := len(h.mails.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// slow is a store whose list takes most of a turn.
type slow struct {
	failure.DigestStore
	clock *clock
}

func (s slow) UnreportedFailures(ctx context.Context, limit int) ([]failure.Record, error) {
	s.clock.advance(4*time.Minute + 45*time.Second)
	return s.DigestStore.UnreportedFailures(ctx, limit)
}

func TestAJobWhoseTurnRunsOutDoesNotSend(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	if _, err := h.digest(t, func(c *failure.Config) { c.Store = slow{c.Store, h.clock} }).Send(t.Context()); err == nil {
		t.Error("it sent although another job may have begun")
	}
	send(t, h.digest(t), failure.Sent)
	if n := len(h.mails.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// parting is a mailer whose caller goes away while it sends.
type parting struct {
	failure.Mailer
	leave context.CancelFunc
}

func (p parting) Send(ctx context.Context, m failure.Mail) error {
	err := p.Mailer.Send(ctx, m)
	p.leave()
	return err
}

func TestACallerWhoLeavesDoesNotUndoTheMail(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	ctx, leave := context.WithCancel(t.Context())
	d := h.digest(t, func(c *failure.Config) { c.Mailer = parting{c.Mailer, leave} })
	if r, err := d.Send(ctx); err != nil || r.Outcome != failure.Sent {
		t.Fatalf("%+v, %v", r, err)
	}
	send(t, h.digest(t), failure.NothingNew)
}
