package functions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/store"
)

// checkConfig is what a check looks at beside the CRMs.
type checkConfig struct {
	private
	Firestore                               firestoreConfig
	Topics                                  topicsConfig
	DeadOperations                          string
	HubSpotURL, PortalID, PagesURL, ZohoURL string
}

func (c *checkConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	c.Topics.bindVariables(r)
	r.bindText("DEAD_OPERATIONS_TOPIC", &c.DeadOperations)
	r.bindText("HUBSPOT_API_URL", &c.HubSpotURL)
	r.bindText("HUBSPOT_PORTAL_ID", &c.PortalID)
	r.bindText("HUBSPOT_PAGES_URL", &c.PagesURL)
	r.bindText("ZOHO_ACCOUNTS_URL", &c.ZohoURL)
}

// NewCheckConfig returns the configuration of a check of everything that the
// environment names.
func (o *Operator) NewCheckConfig(ctx context.Context, c Clients) (check.Config, error) {
	var config checkConfig
	if err := o.deps.readConfig(ctx, &config); err != nil {
		return check.Config{}, err
	}
	db, err1 := o.deps.connectFirestore(ctx, config.Firestore)
	_, err2 := o.deps.newPublishers(ctx, config.Topics) // connects
	if err := errors.Join(err1, err2); err != nil {
		return check.Config{}, err
	}
	stats := store.NewStats(db)
	return check.Config{
		Mapping: c.Mapping,
		Schemas: map[crm.System]check.Schemer{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Account: c.HubSpot.ReadAccount, PortalID: config.PortalID, PagesURL: config.PagesURL,
		Clocks: map[string]func(context.Context) (time.Time, error){
			"HubSpot": o.clockOf(config.HubSpotURL), "Zoho": o.clockOf(config.ZohoURL),
		},
		Token:     store.NewTokens(db).LoadToken,
		Channels:  c.Zoho.ListChannels,
		NotifyURL: o.Getenv("ZOHO_WEBHOOK_URL"),
		Topics: func(ctx context.Context) ([]check.Topic, error) {
			return o.topicsOf(ctx, config.Topics.HubSpotChanges, config.Topics.ZohoChanges, config.DeadOperations)
		},
		Cursors:    store.NewCursors(db),
		Failures:   store.NewFailures(db),
		Safeguards: store.NewSafeguards(db),
		LoadStats:  stats.LoadHours,
		Now:        systemClock.Now,
	}, nil
}

func (o *Operator) topicsOf(ctx context.Context, names ...string) ([]check.Topic, error) {
	var all []check.Topic
	for _, name := range names {
		exists, n, err := gcp.CountSubscriptions(ctx, o.deps.pubsub, name)
		if err != nil {
			return nil, err
		}
		all = append(all, check.Topic{Name: name, Exists: exists, Subscriptions: n})
	}
	return all, nil
}

// clockOf reads the time that a server puts on its answers. What it answers
// does not matter.
func (o *Operator) clockOf(url string) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
		if err != nil {
			return time.Time{}, err
		}
		res, err := o.deps.newHTTPClient(ctx, "clock").Do(req)
		if err != nil {
			return time.Time{}, errors.New("no answer")
		}
		at, parseErr := http.ParseTime(res.Header.Get("Date"))
		if err := errors.Join(parseErr, res.Body.Close()); err != nil {
			return time.Time{}, fmt.Errorf("the answer bears no time: %w", err)
		}
		return at, nil
	}
}
