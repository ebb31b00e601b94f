package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Lister walks all records of one system.
type Lister interface {
	// List returns the page behind a place, the zero Place being the beginning.
	ListRefs(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error)
}

// Counter counts the records of one system.
type Counter interface {
	CountRecords(ctx context.Context, kind crm.Kind) (int, error)
}

// Worker applies an operation as a consumer does. An error asks for a retry; an
// operation that no retry can help is recorded as a failure.
type Worker interface {
	Work(ctx context.Context, o op.Operation, attempt int) (syncer.Result, error)
}

// Links finds the links of records.
type Links interface {
	LinksOf(ctx context.Context, refs []crm.Ref) (map[crm.Ref]syncer.Link, error)
}

// Phase is one walk of a backfill: all records of a kind on one side.
type Phase struct {
	System crm.System
	Kind   crm.Kind
	// Creates is set when records without a counterpart get one.
	Creates bool
}

// PhasesOf returns the phases of a backfill. HubSpot's records are all walked, Zoho's only where the mapping creates them in HubSpot; companies come
// before their contacts.
func PhasesOf(m *mapping.Mapping) []Phase {
	var all []Phase
	for _, kind := range []crm.Kind{crm.Company, crm.Contact} {
		object := m.Object(kind)
		if object == nil {
			continue
		}
		all = append(all, Phase{System: crm.HubSpot, Kind: kind, Creates: object.Create[crm.Zoho]})
		if object.Create[crm.HubSpot] {
			all = append(all, Phase{System: crm.Zoho, Kind: kind, Creates: true})
		}
	}
	return all
}

// BackfillConfig holds the dependencies of a Backfill.
type BackfillConfig struct {
	Phases  []Phase // in order
	Listers map[crm.System]Lister
	Worker  Worker
	Links   Links
	Cursors Cursors
	Clock   Clock
	NewID   func() string
	// Together runs do for 0 to n-1 and returns when all have returned. What
	// runs at the same time may share calls.
	RunCohort func(ctx context.Context, n int, do func(ctx context.Context, i int))
	// PerSecond is how many records are begun in a second at most; default 100.
	PerSecond float64
	// Window is how many records are worked on at a time; default 200, with
	// which the calls of both systems are full.
	Window int
	// CreateCap bounds how many records a run creates.
	CreateCap safeguard.CreateCap
	// Restart begins every phase anew.
	Restart bool
	// Progress, unless nil, receives the report after each batch of records.
	Progress func(BackfillReport)
}

func (c BackfillConfig) withDefaults() BackfillConfig {
	if c.PerSecond == 0 {
		c.PerSecond = 100
	}
	if c.Window == 0 {
		c.Window = 200
	}
	return c
}

// BackfillReport says what a run did.
type BackfillReport struct {
	Walked int      `json:"walked"` // records, earlier runs of the same backfill included
	Counts Outcomes `json:"counts"` // of this run
	// Finished is set when everything was done, now or before; Stopped says why
	// not.
	Finished bool   `json:"finished"`
	Stopped  string `json:"stopped,omitempty"`
	// FinishedBefore are the phases that an earlier run had finished.
	FinishedBefore []string `json:"finished_before,omitempty"`
}

// ErrHeld stops a backfill until a person has looked: a safeguard holds what an
// operation would do.
var ErrHeld = errors.New("values would be cleared on very many records, which looks like a mistake and is held")

// Backfill applies an operation to every record of its phases, so that the
// records which both sides already hold are linked by the same code as later
// changes. The operations pass no queue, in which thousands of them
// would stand before the edits of people: a consumer of its own works on as many
// at a time as fill the calls to both systems.
//
// A run that ends early, in whatever way, is continued by the next: its place is
// saved when nothing before it is left to do. An operation that is cut off is
// finished by the next on the same record, like any other.
type Backfill struct{ BackfillConfig }

// NewBackfill returns a Backfill, or all faults of c.
func NewBackfill(c BackfillConfig) (*Backfill, error) {
	c = c.withDefaults()
	var errs []error
	if c.Cursors == nil || c.Links == nil || c.Worker == nil || c.RunCohort == nil || c.Clock == nil || c.NewID == nil {
		errs = append(errs, errors.New("cursors, links, worker, together, clock and ids are required"))
	}
	for _, l := range c.Phases {
		if c.Listers[l.System] == nil {
			errs = append(errs, fmt.Errorf("%s has no lister", l.System))
		}
	}
	if c.PerSecond < 0 || c.Window < 0 || c.CreateCap.Allowed < 0 {
		errs = append(errs, errors.New("a bound is negative"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("new backfill: %w", err)
	}
	return &Backfill{c}, nil
}

// Run works until every phase is finished. It ends without an error when ctx does, after
// the operations that are under way.
func (b *Backfill) Run(ctx context.Context) (BackfillReport, error) {
	f := &backfillRun{Backfill: b, report: BackfillReport{Counts: Outcomes{}}, creates: b.CreateCap}
	for _, leg := range b.Phases {
		f.report.Counts[leg.Kind] = map[Outcome]int{}
	}
	if b.Restart {
		if err := f.restartPhases(ctx); err != nil {
			return f.report, err
		}
	}
	for _, leg := range b.Phases {
		err := f.runPhase(ctx, leg)
		if ctx.Err() != nil {
			f.report.Stopped = "interrupted"
			return f.report, nil //nolint:nilerr // the caller interrupted it
		}
		if err != nil {
			f.report.Stopped = err.Error()
			return f.report, fmt.Errorf("backfill %s of %s: %w", leg.Kind, leg.System, err)
		}
	}
	f.report.Finished = true
	return f.report, nil
}

func (l Phase) cursorName() string { return fmt.Sprintf("backfill-%s-%s", l.System, l.Kind) }

// restartPhases begins every phase anew, before any is walked: a run that is stopped is then
// continued by the next without another restart.
func (f *backfillRun) restartPhases(ctx context.Context) error {
	for _, leg := range f.Phases {
		stored, err := f.loadCursor(ctx, leg)
		if err != nil {
			return err
		}
		if err := f.Cursors.SaveCursor(ctx, leg.cursorName(), f.newCursor(stored), stored); err != nil {
			return fmt.Errorf("restart %s of %s: %w", leg.Kind, leg.System, err)
		}
	}
	return nil
}

func (f *backfillRun) loadCursor(ctx context.Context, leg Phase) (Cursor, error) {
	stored, err := f.Cursors.LoadCursor(ctx, leg.cursorName())
	if err == nil {
		err = stored.validate()
	}
	return stored, err
}

// newCursor is the cursor of a phase at its beginning.
func (f *backfillRun) newCursor(stored Cursor) Cursor {
	now := f.Clock.Now().UTC().Truncate(time.Millisecond)
	return Cursor{Version: CursorVersion, Covered: stored.Covered, Since: now, Until: now}
}

// runPhase runs one phase from where the last run left it.
func (f *backfillRun) runPhase(ctx context.Context, leg Phase) error {
	f.phase = leg
	stored, err := f.loadCursor(ctx, leg)
	if err != nil {
		return err
	}
	if !stored.isUnderWay() && !stored.Covered.IsZero() {
		f.report.FinishedBefore = append(f.report.FinishedBefore, fmt.Sprintf("%s %s at %s", leg.System, leg.Kind, stored.Covered.UTC().Format(time.RFC3339)))
		return nil
	}
	at := stored
	if !stored.isUnderWay() {
		at = f.newCursor(stored)
	}
	f.report.Walked += at.Touched
	for more := true; more; {
		if err := f.awaitStart(ctx); err != nil {
			return err
		}
		var found []crm.Found
		if found, at.From, more, err = f.listWindow(ctx, at.From); err != nil {
			return err
		}
		if err := f.applyAll(ctx, found); err != nil {
			return err
		}
		at.Touched += len(found)
		if len(f.retries) > 0 && more {
			continue // the place is saved when nothing before it is left
		}
		if err := f.finishRetries(ctx); err != nil {
			return err
		}
		next := at
		if !more {
			next = Cursor{Version: CursorVersion, Covered: at.Until}
		}
		if err := f.Cursors.SaveCursor(context.WithoutCancel(ctx), leg.cursorName(), next, stored); err != nil {
			return err
		}
		stored = next
	}
	return nil
}

// listWindow lists pages until there are as many records as are worked on at a time.
func (f *backfillRun) listWindow(ctx context.Context, from crm.Place) (found []crm.Found, next crm.Place, more bool, err error) {
	for more = true; more && len(found) < f.Window; {
		page, err := f.listPage(ctx, from)
		if err != nil {
			return nil, from, false, err
		}
		found = append(found, page.Found...)
		if more = page.More; more {
			from = page.Next
		}
	}
	return found, from, more, nil
}

// listPage asks for one page, and again after a short refusal.
func (f *backfillRun) listPage(ctx context.Context, from crm.Place) (crm.FoundPage, error) {
	for try := 1; ; try++ {
		page, err := f.Listers[f.phase.System].ListRefs(ctx, f.phase.Kind, from)
		if err == nil && page.More && page.Next.Equal(from) {
			err = errNoProgress
		}
		e := crm.AsError(err)
		if e == nil || !e.Temporary() || try == maxPageTries || e.RetryAfter > maxRetryWait {
			return page, err
		}
		if err := f.Clock.Sleep(ctx, max(e.RetryAfter, minPageWait)); err != nil {
			return page, err
		}
	}
}
