package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/dryrun"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Config is what a plan needs.
type Config struct {
	Phases  []reconcile.Phase // what the backfill walks
	Listers map[crm.System]reconcile.Lister
	// Syncer is the backfill's, as a dry run.
	Syncer *syncer.Syncer
	// RunCohort runs do for 0 to n-1 and returns when all have returned, as the
	// backfill's does, AtOnce of them; default 200.
	RunCohort func(ctx context.Context, n int, do func(ctx context.Context, i int))
	AtOnce    int
	// Samples is how many operations of each outcome are kept; default 3.
	Samples int
	// Progress, unless nil, receives how many records were processed.
	Progress func(done int)
}

// Outcomes that a backfill does not have, since it stops or tries again.
const (
	Unread reconcile.Outcome = "unread" // a CRM did not show the record
	Held   reconcile.Outcome = "held"   // values would be cleared, and that is held
)

// Outcomes lists them in the order in which they are shown.
var Outcomes = []reconcile.Outcome{reconcile.Create, reconcile.Link, reconcile.Update, reconcile.Skip, reconcile.Ambiguous, reconcile.Parked, Held, Unread}

// Report says what a backfill would do.
type Report struct {
	Records int                `json:"records"`
	Counts  reconcile.Outcomes `json:"counts"`
	// Conflicts are the pairs of which both sides hold something else, so that
	// one loses; they are among those that are linked or updated.
	Conflicts map[crm.Kind]int `json:"conflicts"`
	// Writes are the records that would be written to, by side, and Values those
	// of them that would get more than the other side's id.
	Writes  map[crm.System]int `json:"writes"`
	Values  map[crm.System]int `json:"values"`
	Samples []Sample           `json:"samples"`
}

// Sample is one operation that stands for others.
type Sample struct {
	Outcome     reconcile.Outcome `json:"outcome"`
	Record      string            `json:"record"`
	Counterpart string            `json:"counterpart,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Fields      []SampledField    `json:"fields,omitempty"`
}

// SampledField is a field that would be written. Its values are for the
// terminal of the person who asked.
type SampledField struct {
	Side crm.System `json:"side"`
	Name string     `json:"name"` // API name there
	From string     `json:"-"`
	To   string     `json:"-"`
}

// planning is one run.
type planning struct {
	Config
	mu     sync.Mutex
	report Report
	kept   map[reconcile.Outcome]int
	failed error
}

// Run walks every phase. Nothing is written anywhere.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.AtOnce == 0 {
		c.AtOnce = 200
	}
	if c.Samples == 0 {
		c.Samples = 3
	}
	if c.Syncer == nil || c.RunCohort == nil {
		return Report{}, errors.New("plan: a syncer and something that runs operations together are required")
	}
	if !dryrun.IsDryRun(c.Syncer) {
		return Report{}, errors.New("plan: the syncer is no dry run, it would write")
	}
	p := &planning{
		Config: c, kept: map[reconcile.Outcome]int{},
		report: Report{Counts: reconcile.Outcomes{}, Conflicts: map[crm.Kind]int{}, Writes: map[crm.System]int{}, Values: map[crm.System]int{}},
	}
	for _, phase := range c.Phases {
		p.report.Counts[phase.Kind] = map[reconcile.Outcome]int{}
	}
	for _, phase := range c.Phases {
		if err := p.runPhase(ctx, phase); err != nil {
			return p.report, fmt.Errorf("plan %s of %s: %w", phase.Kind, phase.System, err)
		}
	}
	slices.SortStableFunc(p.report.Samples, func(a, b Sample) int {
		return cmp.Compare(slices.Index(Outcomes, a.Outcome), slices.Index(Outcomes, b.Outcome))
	})
	return p.report, nil
}

func (p *planning) runPhase(ctx context.Context, phase reconcile.Phase) error {
	for from := (crm.Place{}); ; {
		page, err := p.Listers[phase.System].ListRefs(ctx, phase.Kind, from)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(page.Found, p.AtOnce) {
			p.RunCohort(ctx, len(some), func(ctx context.Context, i int) { p.keepError(p.planRecord(ctx, some[i])) })
			if p.failed != nil {
				return p.failed
			}
		}
		if p.Progress != nil {
			p.Progress(p.report.Records)
		}
		if !page.More {
			return nil
		}
		from = page.Next
	}
}

// keepError keeps the first error.
func (p *planning) keepError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// planRecord lets the syncer work on one record and counts what it did.
func (p *planning) planRecord(ctx context.Context, found crm.Found) error {
	before, linked, err := p.Syncer.Links.FindLink(ctx, found.Ref)
	if err != nil {
		return err
	}
	applied, all := dryrun.Collect(ctx)
	o := op.Operation{Version: op.Version, ID: "plan", Ref: found.Ref, Change: op.Reconciled, OccurredAt: found.At, ReceivedAt: p.Syncer.Clock.Now()}
	report, err := p.Syncer.Apply(applied, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e := crm.AsError(err); err != nil && (e == nil || e.Kind == crm.Unauthorized || e.Kind == crm.Forbidden) && !errors.Is(err, syncer.ErrBusy) {
		return err
	}
	after, _, linkErr := p.Syncer.Links.FindLink(ctx, found.Ref)
	if linkErr != nil {
		return linkErr
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Records++
	outcome := reconcile.OutcomeOf(report, linked && before.Complete())
	switch {
	case failure.IsHeld(err):
		outcome = Held
	case err != nil:
		outcome = Unread
	}
	p.report.Counts[found.Ref.Kind][outcome]++
	if (outcome == reconcile.Link || outcome == reconcile.Update) && hasConflict(before, after) {
		p.report.Conflicts[found.Ref.Kind]++
	}
	p.countWrites(all.All)
	p.keepSample(outcome, report, all.All, found.Ref)
	return nil
}

// hasConflict reports whether both sides had been edited in a field.
func hasConflict(before, after syncer.Link) bool {
	known := map[time.Time]bool{}
	for _, d := range before.Decisions {
		known[d.At] = true
	}
	return slices.ContainsFunc(after.Decisions, func(d syncer.Decision) bool {
		return !known[d.At] && (d.Reason == merge.NewerEdit || d.Reason == merge.PreferSide)
	})
}

// countWrites counts each record that is written to once.
func (p *planning) countWrites(all []dryrun.Change) {
	values := map[crm.Ref]bool{}
	for _, c := range all {
		values[c.Ref] = values[c.Ref] || len(c.Write.Fields) > 0
	}
	for ref, valued := range values {
		if p.report.Writes[ref.System]++; valued {
			p.report.Values[ref.System]++
		}
	}
}

// keepSample keeps the first few operations of an outcome.
func (p *planning) keepSample(o reconcile.Outcome, r syncer.Result, all []dryrun.Change, ref crm.Ref) {
	if o == reconcile.Skip || p.kept[o] >= p.Samples {
		return
	}
	p.kept[o]++
	s := Sample{Outcome: o, Record: ref.String(), Reason: string(r.Reason)}
	if r.Counterpart.RecordID != "" && o != reconcile.Create {
		s.Counterpart = r.Counterpart.String()
	}
	for _, c := range all {
		for name, v := range c.Write.Fields {
			s.Fields = append(s.Fields, SampledField{Side: c.Ref.System, Name: name, From: c.Before[name], To: v.Text})
		}
	}
	slices.SortFunc(s.Fields, func(a, b SampledField) int { return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Name, b.Name)) })
	p.report.Samples = append(p.report.Samples, s)
}
