package functions

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/quota"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// reconcileChanges finds what no webhook told of, and repeats what was given up
// for a reason that passes by itself.
func reconcileChanges(ctx context.Context, h *house) (http.Handler, error) {
	c, err := h.config(ctx, slices.Concat(firestoreSettings, pubsubSettings, []string{
		"HUBSPOT_API_URL", "HUBSPOT_API_VERSION", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_APP_ID", "CRM_QUOTA_SHARE",
		"ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "MAPPING_YAML",
		"ZOHO_OPERATIONS_TOPIC", "HUBSPOT_OPERATIONS_TOPIC"})...)
	if err != nil {
		return nil, err
	}
	m, err := c.mapping()
	if err != nil {
		return nil, err
	}
	hubspotCRM, err1 := h.hubspot(ctx, c, m)
	zohoCRM, err2 := h.zoho(ctx, c, m)
	db, err3 := h.database(ctx, c)
	toZoho, err4 := h.publisher(ctx, c, "ZOHO_OPERATIONS_TOPIC")
	toHubSpot, err5 := h.publisher(ctx, c, "HUBSPOT_OPERATIONS_TOPIC")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	r, err := reconcile.New(reconcile.Config{
		Scanners: map[crm.System]reconcile.Scanner{crm.HubSpot: hubspotCRM, crm.Zoho: zohoCRM},
		// What changed in HubSpot goes to Zoho, and the other way round.
		Publishers: map[crm.System]reconcile.Publisher{crm.HubSpot: toZoho, crm.Zoho: toHubSpot},
		Cursors:    gcp.NewCursors(db),
		Clock:      systemClock,
		NewID:      newID,
		Kinds:      mappedKinds(m),
		Guard:      guard(db, m),
	})
	if err != nil {
		return nil, err
	}
	sweep := r.Handler(h.logger)
	repeater := failure.Repeater{
		Failures: gcp.NewFailures(db), Clock: systemClock, NewID: newID,
		Topics: map[crm.System]failure.Publisher{crm.HubSpot: toZoho, crm.Zoho: toHubSpot},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			repeater.RunLogged(r.Context(), h.logger)
		}
		sweep.ServeHTTP(w, r.WithContext(quota.Background(r.Context()))) // edits of right now go first
	}), nil
}

// guard stops a sweep that would touch more than half of all pairs.
func guard(db *gcp.Firestore, m *mapping.Mapping) *reconcile.Guard {
	return &reconcile.Guard{Pairs: gcp.NewLinks(db), Creates: func(from crm.System, kind crm.Kind) bool {
		object := m.Object(kind)
		return object != nil && object.Create[from.Other()]
	}}
}
