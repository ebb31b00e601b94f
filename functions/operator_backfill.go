package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
)

// NewBackfillConfig returns the configuration of a backfill, for the caller to change.
// HubSpot's records are the hot ones and are all walked; Zoho's only where the
// mapping creates them in HubSpot. Companies come before their contacts. Each
// result is counted; only errors are logged.
func (o *Operator) NewBackfillConfig(ctx context.Context, c Clients) (reconcile.BackfillConfig, error) {
	db, err1 := o.connectDatabase(ctx)
	topics, err2 := o.openTopics(ctx)
	crms, err3 := o.deps.connectCRMs(ctx, c.config)
	if err := errors.Join(err1, err2, err3); err != nil {
		return reconcile.BackfillConfig{}, fmt.Errorf("set up the backfill: %w", err)
	}
	// HubSpot shows a page of records with their histories for the price of
	// reading them.
	pages := reconcile.NewPages(crms[crm.HubSpot], c.HubSpot, systemClock)
	s, err := o.deps.newSyncer(ctx, fromBackfill, c.config, topics, pages)
	if err != nil {
		return reconcile.BackfillConfig{}, fmt.Errorf("set up the backfill: %w", err)
	}
	worker, err := o.deps.newConsumer(ctx, c.config.Firestore, s, slog.New(atLeast{slog.LevelError, o.Logger().Handler()}))
	if err != nil {
		return reconcile.BackfillConfig{}, fmt.Errorf("set up the backfill: %w", err)
	}
	return reconcile.BackfillConfig{
		Phases: reconcile.PhasesOf(c.Mapping), Listers: map[crm.System]reconcile.Lister{crm.HubSpot: pages, crm.Zoho: c.Zoho},
		Worker: worker, RunCohort: batch.RunCohort,
		Links: store.NewLinks(db), Cursors: store.NewCursors(db), Clock: systemClock, NewID: newID,
	}, nil
}

// atLeast is a log handler that drops entries below a level.
type atLeast struct {
	slog.Level
	slog.Handler
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.Level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Level, h.Handler.WithAttrs(attrs)}
}
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Level, h.Handler.WithGroup(name)}
}

// Counts are how many records of a kind there are.
type Counts struct {
	Kind    crm.Kind `json:"kind"`
	HubSpot int      `json:"hubspot"`
	Zoho    int      `json:"zoho"`
	Pairs   int      `json:"pairs"` // linked
	Made    int      `json:"made"`  // pairs of which the connector created a record
}

// CountRecords counts both sides, and what is linked.
func (o *Operator) CountRecords(ctx context.Context, c Clients) ([]Counts, error) {
	db, err := o.connectDatabase(ctx)
	if err != nil {
		return nil, err
	}
	links := store.NewLinks(db)
	var all []Counts
	for _, kind := range mappedKinds(c.Mapping) {
		n := Counts{Kind: kind}
		var errs [5]error
		n.HubSpot, errs[0] = c.HubSpot.CountRecords(ctx, kind)
		n.Zoho, errs[1] = c.Zoho.CountRecords(ctx, kind)
		n.Pairs, errs[2] = links.CountLinks(ctx, kind)
		madeInHubSpot, err := links.CountMade(ctx, kind, crm.HubSpot)
		errs[3] = err
		madeInZoho, err := links.CountMade(ctx, kind, crm.Zoho)
		errs[4] = err
		n.Made = madeInHubSpot + madeInZoho
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("count %s: %w", kind, err)
		}
		all = append(all, n)
	}
	return all, nil
}

// NewPlanConfig returns the configuration of a plan of that backfill. Its syncer has the
// clients that the consumers have, so that operations share calls.
func (o *Operator) NewPlanConfig(ctx context.Context, c Clients) (plan.Config, error) {
	s, err := o.deps.newSyncer(ctx, fromPlan, c.config, nil, nil)
	if err != nil {
		return plan.Config{}, fmt.Errorf("set up the plan: %w", err)
	}
	return plan.Config{
		Phases: reconcile.PhasesOf(c.Mapping), Listers: map[crm.System]reconcile.Lister{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Syncer: s, RunCohort: batch.RunCohort,
	}, nil
}
