package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// filling is one run of a backfill.
type filling struct {
	*Backfill
	leg     Leg
	report  BackfillReport
	again   []attempt // that failed for now, or were not begun since the pair is held
	next    time.Time // when more may be begun
	creates safeguard.CreateCap
}

// attempt is an operation that is to be applied.
type attempt struct {
	op     op.Operation
	tries  int  // so far
	linked bool // the record had a link before
	due    time.Time
}

// How often an operation is tried that fails for a reason which concerns all of
// them, such as a system that is down, and how long it waits. One that fails for
// a reason of its own the worker gives up sooner.
const (
	mostTries   = 10
	shortest    = time.Second
	longestWait = time.Minute
)

// do works on records, and on what is to be done again by now.
func (f *filling) do(ctx context.Context, found []crm.Found) error {
	for len(found) > 0 {
		n, err := f.room(ctx, len(found))
		if err != nil {
			return err
		}
		attempts, err := f.begin(ctx, found[:n])
		if err != nil {
			return err
		}
		if err := f.apply(ctx, attempts); err != nil {
			return err
		}
		f.report.Walked += n
		f.tell()
		found = found[n:]
		if err := f.repeat(ctx); err != nil {
			return err
		}
	}
	failed := 0
	for _, a := range f.again {
		if a.tries > 0 {
			failed++
		}
	}
	if failed > f.Window/2 { // something is wrong with all of them
		return f.finish(ctx)
	}
	return nil
}

// begin makes the operations of records. A pair that somebody works on is put
// off: a consumer that waits for its lease would hold up the others.
func (f *filling) begin(ctx context.Context, found []crm.Found) ([]attempt, error) {
	refs := make([]crm.Ref, len(found))
	for i := range found {
		refs[i] = found[i].Ref
	}
	links, err := f.Links.LinksOf(ctx, refs)
	if err != nil {
		return nil, err
	}
	now := f.Clock.Now()
	var attempts []attempt
	for _, r := range found {
		link := links[r.Ref]
		a := attempt{linked: link.Complete(), due: now, op: op.Operation{
			Version: op.Version, ID: f.NewID(), Ref: r.Ref, Change: op.Reconciled, OccurredAt: r.At, ReceivedAt: now}}
		if link.Lease.Holder != "" && now.Before(link.Lease.Until) {
			a.due = link.Lease.Until
			f.again = append(f.again, a)
			continue
		}
		attempts = append(attempts, a)
	}
	f.next = now.Add(time.Duration(float64(len(attempts)) / f.PerSecond * float64(time.Second)))
	return attempts, nil
}

// apply applies operations together. They are brought to their end although ctx
// ends meanwhile: one that is cut off leaves its pair held for a while.
func (f *filling) apply(ctx context.Context, attempts []attempt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	reports, errs := make([]syncer.Result, len(attempts)), make([]error, len(attempts))
	f.Together(context.WithoutCancel(ctx), len(attempts), func(ctx context.Context, i int) {
		reports[i], errs[i] = f.Worker.Work(ctx, attempts[i].op, attempts[i].tries+1)
	})
	now := f.Clock.Now()
	var held error
	for i, a := range attempts {
		if errs[i] == nil {
			f.report.Counts[a.op.Ref.Kind][OutcomeOf(reports[i], a.linked)]++
			continue
		}
		if failure.IsHeld(errs[i]) { // no other attempt helps before a person has released it
			held = fmt.Errorf("%s: %w", a.op.Ref, ErrHeld)
			continue
		}
		var wait time.Duration
		if e := crm.AsError(errs[i]); e != nil {
			wait = e.RetryAfter
		}
		if a.tries++; a.tries == mostTries || wait > longestWait {
			return fmt.Errorf("%s: %w", a.op.Ref, errs[i])
		}
		a.due = now.Add(max(wait, min(shortest<<(a.tries-1), longestWait)))
		f.again = append(f.again, a)
	}
	return held
}

// repeat applies again what is due.
func (f *filling) repeat(ctx context.Context) error {
	now := f.Clock.Now()
	var due, later []attempt
	for _, a := range f.again {
		if len(due) < f.Window && !a.due.After(now) {
			due = append(due, a)
		} else {
			later = append(later, a)
		}
	}
	for f.again = later; len(due) > 0; {
		n, err := f.room(ctx, len(due))
		if err != nil {
			return err
		}
		if err := f.apply(ctx, due[:n]); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// finish waits until nothing is to be done again.
func (f *filling) finish(ctx context.Context) error {
	for len(f.again) > 0 {
		first := slices.MinFunc(f.again, func(a, b attempt) int { return a.due.Compare(b.due) })
		if wait := first.due.Sub(f.Clock.Now()); wait > 0 {
			if err := f.Clock.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		if err := f.repeat(ctx); err != nil {
			return err
		}
		f.tell()
	}
	return nil
}

// room returns how many operations may be begun now, at most want, and waits
// until one may.
func (f *filling) room(ctx context.Context, want int) (int, error) {
	n := min(want, f.Window)
	if f.leg.Creates {
		var err error
		if n, err = f.creates.AllowCreates(f.report.Counts.Total(Create), n); err != nil {
			return 0, err
		}
	}
	return n, f.pause(ctx)
}

// pause waits until more may be begun.
func (f *filling) pause(ctx context.Context) error {
	if wait := f.next.Sub(f.Clock.Now()); wait > 0 {
		return f.Clock.Sleep(ctx, wait)
	}
	return ctx.Err()
}

func (f *filling) tell() {
	if f.Progress != nil {
		f.Progress(f.report)
	}
}
