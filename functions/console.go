package functions

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/version"
)

// operatorConsole is the pages for the people who operate the connector.
func operatorConsole(ctx context.Context, d *deps) (http.Handler, error) {
	c, err := newConsole(ctx, d)
	if err != nil {
		return nil, err // not a handler that is a typed nil
	}
	return c, nil
}

func newConsole(ctx context.Context, d *deps) (*console.Console, error) {
	var c consoleConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	authenticator, err := gcp.NewAuthenticator(c.Access)
	if err != nil {
		return nil, fmt.Errorf("configuration: CONSOLE_ACCESS: %w", err)
	}
	s := c.Syncer
	hubspotCRM, err1 := d.connectHubSpot(ctx, s.HubSpot, s.Mapping)
	zohoCRM, err2 := d.connectZoho(ctx, s.Zoho, s.Mapping)
	topics, err3 := d.newPublishers(ctx, c.Topics)
	db, err4 := d.connectFirestore(ctx, s.Firestore)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	records, err := d.newSyncer(ctx, fromConsole, s, topics, nil)
	if err != nil {
		return nil, err
	}
	return console.New(console.Config{
		Gate:     authenticator,
		Failures: store.NewFailures(db),
		Records:  records,
		Stats:    store.NewStats(db),
		Token:    store.NewTokens(db),
		Channels: store.NewChannels(db),
		Mapping:  s.Mapping,
		Schemas:  map[crm.System]console.Schemer{crm.HubSpot: hubspotCRM, crm.Zoho: zohoCRM},
		Topics:   convertPublishers(topics, toReplayPublisher),
		Pages:    c.Pages.recordPages(),
		Clock:    systemClock,
		NewID:    newID,
		Key:      []byte(s.HashKey),
		Version:  version.Commit(),
		Logger:   d.logger,
	})
}
