package functions

import (
	"context"
	"errors"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/quota"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/store"
)

// reconcileChanges finds changes that webhooks missed, and repeats operations that
// were given up for a reason that passes by itself.
func reconcileChanges(ctx context.Context, d *deps) (http.Handler, error) {
	var c reconcileConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	config, err := d.buildSweepConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	r, err := reconcile.New(config)
	if err != nil {
		return nil, err
	}
	db, err1 := d.connectFirestore(ctx, c.Firestore)
	topics, err2 := d.newPublishers(ctx, c.Topics)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	sweep := r.Handler(d.logger)
	repeater := failure.Repeater{Failures: store.NewFailures(db), Clock: systemClock, NewID: newID, Topics: convertPublishers(topics, toReplayPublisher)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			repeater.RepeatDueLogged(r.Context(), d.logger)
		}
		sweep.ServeHTTP(w, r.WithContext(quota.WithBackground(r.Context()))) // edits of right now go first
	}), nil
}

// buildSweepConfig returns the configuration of a sweep of both CRMs, the scheduler's and a
// person's alike.
func (d *deps) buildSweepConfig(ctx context.Context, c reconcileConfig) (reconcile.Config, error) {
	hubspotCRM, err1 := d.connectHubSpot(ctx, c.HubSpot, c.Mapping)
	zohoCRM, err2 := d.connectZoho(ctx, c.Zoho, c.Mapping)
	topics, err3 := d.newPublishers(ctx, c.Topics)
	db, err4 := d.connectFirestore(ctx, c.Firestore)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return reconcile.Config{}, err
	}
	return reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.HubSpot: hubspotCRM, crm.Zoho: zohoCRM},
		Publishers: convertPublishers(topics, toSweepPublisher),
		Cursors:    store.NewCursors(db),
		Clock:      systemClock,
		NewID:      newID,
		Kinds:      mappedKinds(c.Mapping),
		MassChange: newMassChange(db, c.Mapping),
	}, nil
}

// newMassChange returns the safeguard that stops a sweep that would touch more than half of all pairs.
func newMassChange(db *store.Client, m *mapping.Mapping) *safeguard.MassChange {
	return &safeguard.MassChange{Pairs: store.NewLinks(db), Creates: func(from crm.System, kind crm.Kind) bool {
		object := m.Object(kind)
		return object != nil && object.Create[from.Other()]
	}}
}
