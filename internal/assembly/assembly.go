// Package assembly puts a syncer together: it is the only place where one is made,
// for the consumers, a backfill, a plan, an explanation, the console, a comparison,
// and for the simulation that proves them. Every caller gives the same
// dependencies and states each difference as an option, so that a safeguard which one
// way has cannot be missing from another.
package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/dryrun"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Links stores the links of records.
type Links interface {
	syncer.LinkStore
	syncer.Members
	safeguard.Pairs
}

// Failures stores failed operations.
type Failures interface {
	syncer.FailureStore
	EraseFailures(ctx context.Context, refs ...crm.Ref) error
}

// Cursors stores how far a walk has come, which may name a record.
type Cursors interface {
	EraseCursors(ctx context.Context, refs ...crm.Ref) error
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Deps are what every syncer needs.
type Deps struct {
	Mapping *mapping.Mapping
	// CRMs are the two sides as an operation calls them, with everything that
	// stands between: the limiter of each account and the calls that are shared.
	CRMs         map[crm.System]syncer.CRM
	Links        Links
	Failures     Failures
	Cursors      Cursors
	Suppressions syncer.Suppressions
	Safeguards   safeguard.Store
	// Publishers are by the side of the record that changed. A dry run needs none.
	Publishers map[crm.System]syncer.Publisher
	// Unique reports which values a side keeps to one record; Parallel makes calls
	// at the same time.
	Unique   func(s crm.System, kind crm.Kind, field string) bool
	Parallel func(ctx context.Context, calls ...func())
	Clock    Clock
	NewID    func() string
	Logger   *slog.Logger
	HashKey  []byte
	// Share is the part of all operations that this process sees, above 0 and at
	// most 1.
	Share float64
}

// Options are what may differ between two syncers.
type Options struct {
	// DryRun keeps everything back that would be written, wherever to. Reads see
	// it as if it had been.
	DryRun bool
}

func (d Deps) validate(o Options) error {
	var errs []error
	for name, missing := range map[string]bool{
		"mapping": d.Mapping == nil, "links": d.Links == nil, "failures": d.Failures == nil, "cursors": d.Cursors == nil,
		"suppressions": d.Suppressions == nil, "safeguards": d.Safeguards == nil, "unique values": d.Unique == nil, "calls at once": d.Parallel == nil,
		"clock": d.Clock == nil, "ids": d.NewID == nil, "logger": d.Logger == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s missing", name))
		}
	}
	if d.Share <= 0 || d.Share > 1 {
		errs = append(errs, fmt.Errorf("the share of the operations is %v, want above 0 and at most 1", d.Share))
	}
	for _, s := range crm.Systems {
		if d.CRMs[s] == nil || d.Publishers[s] == nil && !o.DryRun {
			errs = append(errs, fmt.Errorf("%s has no client or no publisher", s))
		}
	}
	return errors.Join(errs...)
}

// NewSyncer returns a syncer with every safeguard there is, or everything that is
// missing.
func NewSyncer(d Deps, o Options) (*syncer.Syncer, error) {
	if err := d.validate(o); err != nil {
		return nil, fmt.Errorf("assemble a syncer: %w", err)
	}
	safeguards, logger := d.Safeguards, d.Logger
	if o.DryRun {
		safeguards, logger = dryrun.Safeguards(safeguards), slog.New(slog.DiscardHandler)
	}
	c := syncer.Config{
		Mapping: d.Mapping, CRMs: d.CRMs, Links: d.Links, Members: d.Links, Failures: d.Failures, Publishers: d.Publishers,
		Suppressions: d.Suppressions, Erasers: []syncer.Eraser{d.Failures.EraseFailures, d.Cursors.EraseCursors},
		Safeguard: safeguard.NewMassClear(safeguard.Config{Store: safeguards, Pairs: d.Links, Clock: d.Clock, Logger: logger, Part: d.Share}),
		Clock:     d.Clock, NewID: d.NewID, Parallel: d.Parallel, Unique: d.Unique, HashKey: d.HashKey,
		// Zoho reports every change of a record, HubSpot only changes of the
		// properties that were subscribed to.
		Precise: map[crm.System]bool{crm.HubSpot: true},
	}
	if o.DryRun {
		c = dryrun.Over(c)
	}
	return syncer.New(c)
}
