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

// backfillRun is one run of a backfill.
type backfillRun struct {
	*Backfill
	phase     Phase
	report    BackfillReport
	retries   []attempt // that failed for now, or were not begun since the pair is held
	nextStart time.Time // when more may be begun
	creates   safeguard.CreateCap
}

// attempt is an operation that is to be applied.
type attempt struct {
	op     op.Operation
	tries  int  // so far
	linked bool // the record had a link before
	dueAt  time.Time
}

// How often an operation is tried that fails for a reason which concerns all of
// them, such as a system that is down, and how long it waits. One that fails for
// a reason of its own the worker gives up sooner.
const (
	maxAttempts  = 10
	minRetryWait = time.Second
	maxRetryWait = time.Minute
)

// applyAll applies operations on records, and the retries that are due.
func (f *backfillRun) applyAll(ctx context.Context, found []crm.Found) error {
	for len(found) > 0 {
		n, err := f.awaitCapacity(ctx, len(found))
		if err != nil {
			return err
		}
		attempts, err := f.newAttempts(ctx, found[:n])
		if err != nil {
			return err
		}
		if err := f.applyTogether(ctx, attempts); err != nil {
			return err
		}
		f.report.Walked += n
		f.reportProgress()
		found = found[n:]
		if err := f.applyDue(ctx); err != nil {
			return err
		}
	}
	failed := 0
	for _, a := range f.retries {
		if a.tries > 0 {
			failed++
		}
	}
	if failed > f.Window/2 { // something is wrong with all of them
		return f.finishRetries(ctx)
	}
	return nil
}

// newAttempts makes the operations of records. A pair that another handler holds is put
// off: a consumer that waits for its lease would hold up the others.
func (f *backfillRun) newAttempts(ctx context.Context, found []crm.Found) ([]attempt, error) {
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
		a := attempt{linked: link.Complete(), dueAt: now, op: op.Operation{
			Version: op.Version, ID: f.NewID(), Ref: r.Ref, Change: op.Reconciled, OccurredAt: r.At, ReceivedAt: now}}
		if link.Lease.Holder != "" && now.Before(link.Lease.Until) {
			a.dueAt = link.Lease.Until
			f.retries = append(f.retries, a)
			continue
		}
		attempts = append(attempts, a)
	}
	f.nextStart = now.Add(time.Duration(float64(len(attempts)) / f.PerSecond * float64(time.Second)))
	return attempts, nil
}

// applyTogether applies operations together. They are brought to their end although ctx
// ends meanwhile: one that is cut off leaves its pair held for a while.
func (f *backfillRun) applyTogether(ctx context.Context, attempts []attempt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	reports, errs := make([]syncer.Result, len(attempts)), make([]error, len(attempts))
	f.RunCohort(context.WithoutCancel(ctx), len(attempts), func(ctx context.Context, i int) {
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
		if a.tries++; a.tries == maxAttempts || wait > maxRetryWait {
			return fmt.Errorf("%s: %w", a.op.Ref, errs[i])
		}
		a.dueAt = now.Add(max(wait, min(minRetryWait<<(a.tries-1), maxRetryWait)))
		f.retries = append(f.retries, a)
	}
	return held
}

// applyDue applies the retries that are due.
func (f *backfillRun) applyDue(ctx context.Context) error {
	now := f.Clock.Now()
	var due, later []attempt
	for _, a := range f.retries {
		if len(due) < f.Window && !a.dueAt.After(now) {
			due = append(due, a)
		} else {
			later = append(later, a)
		}
	}
	for f.retries = later; len(due) > 0; {
		n, err := f.awaitCapacity(ctx, len(due))
		if err != nil {
			return err
		}
		if err := f.applyTogether(ctx, due[:n]); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// finishRetries applies the retries until none is left.
func (f *backfillRun) finishRetries(ctx context.Context) error {
	for len(f.retries) > 0 {
		first := slices.MinFunc(f.retries, func(a, b attempt) int { return a.dueAt.Compare(b.dueAt) })
		if wait := first.dueAt.Sub(f.Clock.Now()); wait > 0 {
			if err := f.Clock.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		if err := f.applyDue(ctx); err != nil {
			return err
		}
		f.reportProgress()
	}
	return nil
}

// awaitCapacity returns how many operations may be begun now, at most want, and waits
// until one may.
func (f *backfillRun) awaitCapacity(ctx context.Context, want int) (int, error) {
	n := min(want, f.Window)
	if f.phase.Creates {
		var err error
		if n, err = f.creates.AllowCreates(f.report.Counts.Total(Create), n); err != nil {
			return 0, err
		}
	}
	return n, f.awaitStart(ctx)
}

// awaitStart waits until more may be begun.
func (f *backfillRun) awaitStart(ctx context.Context) error {
	if wait := f.nextStart.Sub(f.Clock.Now()); wait > 0 {
		return f.Clock.Sleep(ctx, wait)
	}
	return ctx.Err()
}

func (f *backfillRun) reportProgress() {
	if f.Progress != nil {
		f.Progress(f.report)
	}
}
