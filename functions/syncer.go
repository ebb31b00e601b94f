package functions

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/assembly"
	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// A wayIn is how the program comes to a syncer. What differs between them is here,
// and nothing else does.
type wayIn struct {
	name string
	assembly.Options
	// queue is set where other instances have a part of the same operations.
	queue bool
}

// waysIn are all of them.
var (
	fromQueue    = wayIn{name: "consumers", queue: true}
	fromBackfill = wayIn{name: "backfill"}
	fromPlan     = wayIn{name: "plan", Options: assembly.Options{DryRun: true}}
	fromExplain  = wayIn{name: "explain", Options: assembly.Options{DryRun: true}}
	fromConsole  = wayIn{name: "console", Options: assembly.Options{DryRun: true}}
	fromDrift    = wayIn{name: "drift", Options: assembly.Options{DryRun: true}}

	waysIn = []wayIn{fromQueue, fromBackfill, fromPlan, fromExplain, fromConsole, fromDrift}
)

// newSyncer makes every syncer of the program. Topics are for those that write.
// hubspotPages, unless nil, stands before HubSpot: a backfill has read its pages.
func (d *deps) newSyncer(ctx context.Context, way wayIn, c syncerConfig, topics map[crm.System]*gcp.Publisher, hubspotPages syncer.CRM) (*syncer.Syncer, error) {
	crms, err := d.connectCRMs(ctx, c)
	if err != nil {
		return nil, err
	}
	if hubspotPages != nil {
		crms = map[crm.System]syncer.CRM{crm.HubSpot: hubspotPages, crm.Zoho: crms[crm.Zoho]}
	}
	db, err := d.connectFirestore(ctx, c.Firestore)
	if err != nil {
		return nil, err
	}
	seen := 1.0
	if way.queue {
		seen = c.HubSpot.Share
	}
	return assembly.NewSyncer(assembly.Deps{
		Mapping: c.Mapping, CRMs: crms,
		Links: store.NewLinks(db), Failures: store.NewFailures(db), Cursors: store.NewCursors(db),
		Suppressions: store.NewSuppressions(db), Safeguards: store.NewSafeguards(db),
		Publishers: convertPublishers(topics, toSyncerPublisher),
		Unique:     keepsUnique, Parallel: batch.Parallel,
		Clock: systemClock, NewID: newID, Logger: d.logger, HashKey: []byte(c.HashKey), Share: seen,
	}, way.Options)
}

// keepsUnique reports whether a CRM itself keeps the values of a field unique.
func keepsUnique(s crm.System, kind crm.Kind, field string) bool {
	return s == crm.HubSpot && hubspot.IsUniqueProperty(kind, field)
}
