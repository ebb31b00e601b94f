package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// How a run deals with a CRM that refuses for the moment. A longer wait is left
// to the next run.
const (
	maxPageTries = 4
	minPageWait  = time.Second
	maxPageWait  = 10 * time.Second
)

// errNoProgress is a page that leads back to itself.
var errNoProgress = errors.New("the next page begins where this one began")

// sweepRun is one run of a Reconciler.
type sweepRun struct {
	*Reconciler
	deadline time.Time
	calls    int
	// unavailable holds the systems that answer no call, with the reason.
	unavailable map[crm.System]Stop
	errs        []error
}

// scan is one kind of record of one system, changed or deleted.
type scan struct {
	name     string
	listPage func(ctx context.Context, w crm.Walk) (crm.FoundPage, error)
	cursor   Cursor // as it is stored
	report   ScanReport
}

// Run makes the scans that are due, or goes on with them, one page of each in
// turn. It ends early, without an error, when its time is up, when a CRM limits
// or does not answer calls, or when another run is at the same work; the report
// says so. An error is something that the next run may well meet again.
func (r *Reconciler) Run(ctx context.Context) (Report, error) {
	start := r.Clock.Now()
	t := &sweepRun{Reconciler: r, deadline: start.Add(r.Budget), unavailable: map[crm.System]Stop{}}
	all := t.newScans()
	var open []*scan
	for _, p := range all {
		if t.loadCursor(ctx, p) {
			open = append(open, p)
		}
	}
	for len(open) > 0 {
		var left []*scan
		for _, p := range open {
			if t.scanPage(ctx, p) {
				left = append(left, p)
			}
		}
		open = left
	}
	report := Report{StartedAt: start.UTC(), TookMS: r.Clock.Now().Sub(start).Milliseconds(), Complete: true}
	for _, p := range all {
		p.report.Covered = p.cursor.Covered
		report.Scans = append(report.Scans, p.report)
		report.Published += p.report.Published
		report.Complete = report.Complete && (p.report.Complete || p.report.NotDue)
	}
	if err := errors.Join(t.errs...); err != nil {
		return report, fmt.Errorf("reconcile: %w", err)
	}
	return report, nil
}

// Sweep is Run for a caller who only needs to know that every change was published,
// by this run or by another one.
func (r *Reconciler) Sweep(ctx context.Context) error {
	report, err := r.Run(ctx)
	if err != nil {
		return err
	}
	for _, p := range report.Scans {
		if !p.Complete && !p.NotDue && p.Stopped != Overtaken {
			return fmt.Errorf("reconcile: the scan over %s of %s has stopped: %s", p.Kind, p.System, p.Stopped)
		}
	}
	return nil
}

func (t *sweepRun) newScans() []*scan {
	var all []*scan
	for _, deleted := range []bool{false, true} {
		for _, s := range crm.Systems {
			scanner := t.Scanners[s]
			if scanner == nil {
				continue
			}
			for _, k := range t.Kinds {
				p := &scan{report: ScanReport{System: s, Kind: k, Deleted: deleted}, listPage: scanner.ListChanged}
				what := "changed"
				if deleted {
					what, p.listPage = "deleted", scanner.ListDeleted
				}
				p.name = fmt.Sprintf("reconcile-%s-%s-%s", s, k, what)
				all = append(all, p)
			}
		}
	}
	return all
}

// loadCursor reads the cursor and reports whether there is anything to do.
func (t *sweepRun) loadCursor(ctx context.Context, p *scan) bool {
	var err error
	if p.cursor, err = t.Cursors.LoadCursor(ctx, p.name); err == nil {
		err = p.cursor.validate()
	}
	if err != nil {
		p.cursor = Cursor{}
		return t.stopScan(ctx, p, err)
	}
	if p.cursor.isUnderWay() || p.cursor.Covered.IsZero() {
		return true
	}
	rest := time.Duration(0)
	if p.report.Deleted {
		rest = t.DeletedEvery[p.report.System]
	}
	p.report.NotDue = !t.horizon().After(p.cursor.Covered) || t.horizon().Sub(p.cursor.Covered) < rest
	return !p.report.NotDue
}

// horizon is how far a scan may go at most.
func (t *sweepRun) horizon() time.Time {
	return t.Clock.Now().Add(-t.Lag).UTC().Truncate(time.Millisecond)
}

// scanPage does one page and reports whether the scan goes on.
func (t *sweepRun) scanPage(ctx context.Context, p *scan) bool {
	if why, down := t.unavailable[p.report.System]; down {
		p.report.Stopped = why
		return false
	}
	if t.calls > 0 && t.Pause > 0 {
		if err := t.Clock.Sleep(ctx, t.Pause); err != nil {
			return t.stopScan(ctx, p, err)
		}
	}
	if !t.Clock.Now().Before(t.deadline) {
		p.report.Stopped = OutOfTime
		return false
	}
	before := p.cursor.beginAt(t.horizon(), t.LookBack, t.Overlap)
	page, err := t.listPage(ctx, p, before)
	if err != nil {
		return t.stopScan(ctx, p, err)
	}
	ops, err := t.newOperations(p, page)
	if err == nil {
		before.Touched, err = t.MassChange.AllowChanges(ctx, p.report.System, p.report.Kind, before.Touched, refsOf(ops))
		p.report.Touched = before.Touched
	}
	if err == nil && len(ops) > 0 {
		err = t.Publishers[p.report.System].Publish(ctx, ops)
	}
	if err != nil {
		return t.stopScan(ctx, p, err)
	}
	p.report.Pages++
	p.report.Published += len(ops)
	p.report.Truncated = p.report.Truncated || page.Truncated
	// Only what is published may be counted as covered.
	after := before.afterPage(page)
	if err := t.Cursors.SaveCursor(ctx, p.name, after, p.cursor); err != nil {
		return t.stopScan(ctx, p, err)
	}
	p.cursor, p.report.Complete = after, !page.More
	return page.More
}

// listPage asks for one page, and again after a short refusal.
func (t *sweepRun) listPage(ctx context.Context, p *scan, c Cursor) (crm.FoundPage, error) {
	w := crm.Walk{Kind: p.report.Kind, Since: c.Since, Until: c.Until, From: c.From}
	for try := 1; ; try++ {
		t.calls++
		page, err := p.listPage(ctx, w)
		if err == nil && page.More && page.Next.Equal(w.From) {
			err = errNoProgress
		}
		e := crm.AsError(err)
		if e == nil || e.Kind != crm.RateLimited && e.Kind != crm.Unavailable && e.Kind != crm.Locked {
			return page, err
		}
		wait := max(e.RetryAfter, minPageWait)
		if try == maxPageTries || wait > maxPageWait || t.Clock.Now().Add(wait).After(t.deadline) {
			return page, err
		}
		if err := t.Clock.Sleep(ctx, wait); err != nil {
			return page, err
		}
	}
}

// stopScan ends a scan for this run and says why.
func (t *sweepRun) stopScan(ctx context.Context, p *scan, err error) bool {
	s := p.report.System
	switch {
	case errors.Is(err, ErrOvertaken):
		p.report.Stopped = Overtaken
	case ctx.Err() != nil:
		p.report.Stopped = OutOfTime
	case errors.Is(err, safeguard.ErrMassChange):
		p.report.Stopped, p.report.Error = MassChange, err.Error()
		t.errs = append(t.errs, fmt.Errorf("%s, at %d records: %w", p.name, p.report.Touched, err))
	case crm.IsKind(err, crm.RateLimited):
		p.report.Stopped, t.unavailable[s] = RateLimited, RateLimited
	case crm.IsKind(err, crm.Unavailable), crm.IsKind(err, crm.Locked):
		p.report.Stopped, t.unavailable[s] = Unavailable, Unavailable
	default:
		p.report.Stopped, p.report.Error = Failed, err.Error()
		t.errs = append(t.errs, fmt.Errorf("%s: %w", p.name, err))
		if crm.IsKind(err, crm.Unauthorized) {
			t.unavailable[s] = Failed
		}
	}
	return false
}

func refsOf(ops []op.Operation) []crm.Ref {
	refs := make([]crm.Ref, len(ops))
	for i := range ops {
		refs[i] = ops[i].Ref
	}
	return refs
}

// newOperations turns a page into what is published, one for each record.
func (t *sweepRun) newOperations(p *scan, page crm.FoundPage) ([]op.Operation, error) {
	now := t.Clock.Now()
	seen := map[crm.Ref]bool{}
	var ops []op.Operation
	for _, f := range page.Found {
		if seen[f.Ref] {
			continue
		}
		seen[f.Ref] = true
		if err := f.Ref.Validate(); err != nil || f.Ref.System != p.report.System || f.Ref.Kind != p.report.Kind {
			return nil, errors.New("a page holds a record of another system or kind")
		}
		change := op.Reconciled
		if f.Deleted {
			change = op.Deleted
		}
		ops = append(ops, op.Operation{
			Version: op.Version, ID: t.NewID(), Ref: f.Ref, Change: change, OccurredAt: f.At, ReceivedAt: now,
		})
	}
	return ops, nil
}
