package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/consume"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Backfill returns the configuration of a backfill, for the caller to change.
// HubSpot's records are the hot ones and are all walked; Zoho's only where the
// mapping creates them in HubSpot. Companies come before their contacts.
func (d *Desk) Backfill(ctx context.Context, c Clients) (reconcile.BackfillConfig, error) {
	crms := shared(c.HubSpot, c.Zoho)
	// HubSpot shows a page of records with their histories for the price of
	// reading them.
	pages := reconcile.NewPages(crms[crm.HubSpot], c.HubSpot, systemClock)
	crms[crm.HubSpot] = pages
	db, err1 := d.database(ctx)
	worker, err2 := d.consumer(ctx, c, crms)
	if err := errors.Join(err1, err2); err != nil {
		return reconcile.BackfillConfig{}, fmt.Errorf("set up the backfill: %w", err)
	}
	all := listers(c)
	all[crm.HubSpot] = pages
	return reconcile.BackfillConfig{
		Legs: legs(c.Mapping), Listers: all, Worker: worker, Together: batch.Together,
		Links: gcp.NewLinks(db), Cursors: gcp.NewCursors(db), Clock: systemClock, NewID: newID,
	}, nil
}

// consumer is what stands behind the doors of the consumers, for operations that
// come by no queue. What each comes to is counted, and not logged for whoever
// sits at the desk.
func (d *Desk) consumer(ctx context.Context, c Clients, crms map[crm.System]syncer.CRM) (*consume.Consumer, error) {
	explaining, err1 := d.Syncer(ctx, c)
	topics, err2 := d.topics(ctx)
	db, err3 := d.database(ctx)
	settings, err4 := d.house.config(ctx, firestoreSettings...)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	config := explaining.Config
	config.CRMs = crms
	config.Publishers = map[crm.System]syncer.Publisher{crm.HubSpot: topics[crm.HubSpot], crm.Zoho: topics[crm.Zoho]}
	config.Erase = append(config.Erase, gcp.NewCursors(db).EraseCursors)
	s, err := syncer.New(config)
	if err != nil {
		return nil, err
	}
	return &consume.Consumer{
		Applier: s, Clock: systemClock, Logger: slog.New(atLeast{slog.LevelError, d.Logger().Handler()}), Counter: d.house.recorder(settings, db),
	}, nil
}

// atLeast is a log handler for what is worse than usual.
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

func listers(c Clients) map[crm.System]reconcile.Lister {
	return map[crm.System]reconcile.Lister{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho}
}

func legs(m *mapping.Mapping) []reconcile.Leg {
	var all []reconcile.Leg
	for _, kind := range []crm.Kind{crm.Company, crm.Contact} {
		object := m.Object(kind)
		if object == nil {
			continue
		}
		all = append(all, reconcile.Leg{System: crm.HubSpot, Kind: kind, Creates: object.Create[crm.Zoho]})
		if object.Create[crm.HubSpot] {
			all = append(all, reconcile.Leg{System: crm.Zoho, Kind: kind, Creates: true})
		}
	}
	return all
}

// Counts are how many records of a kind there are.
type Counts struct {
	Kind    crm.Kind `json:"kind"`
	HubSpot int      `json:"hubspot"`
	Zoho    int      `json:"zoho"`
	Pairs   int      `json:"pairs"` // linked
	Made    int      `json:"made"`  // pairs of which the connector created a record
}

// Count counts both sides, and what is linked.
func (d *Desk) Count(ctx context.Context, c Clients) ([]Counts, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	links := gcp.NewLinks(db)
	var all []Counts
	for _, kind := range mappedKinds(c.Mapping) {
		n := Counts{Kind: kind}
		var errs [5]error
		n.HubSpot, errs[0] = c.HubSpot.Count(ctx, kind)
		n.Zoho, errs[1] = c.Zoho.Count(ctx, kind)
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

// Plan returns the configuration of a plan of that backfill. Its syncer has the
// clients that the consumers have, so that operations share calls.
func (d *Desk) Plan(ctx context.Context, c Clients) (plan.Config, error) {
	s, err := d.Syncer(ctx, c)
	if err != nil {
		return plan.Config{}, err
	}
	config := s.Config
	config.CRMs = shared(c.HubSpot, c.Zoho)
	return plan.Config{Legs: legs(c.Mapping), Listers: listers(c), Syncer: config, Together: batch.Together}, nil
}
