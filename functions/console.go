package functions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/version"
)

// pages are where people look at records. Without the account's id there are no
// links to HubSpot.
func (c config) pages() failure.Pages {
	return failure.Pages{
		HubSpot: c["HUBSPOT_PAGES_URL"], HubSpotPortal: c["HUBSPOT_PORTAL_ID"], Zoho: failure.ZohoPages(c["ZOHO_ACCOUNTS_URL"]),
	}
}

// operatorConsole is the pages for the people who operate the connector.
func operatorConsole(ctx context.Context, h *house) (http.Handler, error) {
	c, err := h.config(ctx, slices.Concat(firestoreSettings, pubsubSettings, []string{
		"ZOHO_OPERATIONS_TOPIC", "HUBSPOT_OPERATIONS_TOPIC", "CONSOLE_ACCESS", "HASH_KEY", "MAPPING_YAML",
		"HUBSPOT_API_URL", "HUBSPOT_API_VERSION", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_APP_ID", "HUBSPOT_PORTAL_ID", "HUBSPOT_PAGES_URL",
		"ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL"})...)
	if err != nil {
		return nil, err
	}
	gate, err := gcp.NewGate(c["CONSOLE_ACCESS"])
	if err != nil {
		return nil, fmt.Errorf("configuration: CONSOLE_ACCESS: %w", err)
	}
	m, err := c.mapping()
	if err != nil {
		return nil, err
	}
	hubspotCRM, err1 := h.hubspot(ctx, c, m)
	zohoCRM, err2 := h.zoho(ctx, c, m)
	records, err3 := h.syncer(ctx)
	db, err4 := h.database(ctx, c)
	toZoho, err5 := h.publisher(ctx, c, "ZOHO_OPERATIONS_TOPIC")
	toHubSpot, err6 := h.publisher(ctx, c, "HUBSPOT_OPERATIONS_TOPIC")
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, err
	}
	return console.New(console.Config{
		Gate:     gate,
		Failures: gcp.NewFailures(db),
		Records:  records,
		Figures:  gcp.NewFigures(db),
		Token:    gcp.NewTokens(db),
		Channels: gcp.NewChannels(db),
		Mapping:  m,
		Schemas:  map[crm.System]console.Schemer{crm.HubSpot: hubspotCRM, crm.Zoho: zohoCRM},
		// What changed in HubSpot goes to Zoho, and the other way round.
		Topics:  map[crm.System]failure.Publisher{crm.HubSpot: toZoho, crm.Zoho: toHubSpot},
		Pages:   c.pages(),
		Clock:   systemClock,
		NewID:   newID,
		Key:     []byte(c["HASH_KEY"]),
		Version: version.Commit(),
		Logger:  h.logger,
	})
}
