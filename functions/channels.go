package functions

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// renewZohoChannels is called by the scheduler, many times in a channel's life.
func renewZohoChannels(ctx context.Context, h *house) (http.Handler, error) {
	k, err := h.channels(ctx)
	if err != nil {
		return nil, err
	}
	return k.Handler(h.logger), nil
}

func (h *house) channels(ctx context.Context) (*zoho.Keeper, error) {
	c, err := h.config(ctx, slices.Concat(firestoreSettings, pubsubSettings, []string{
		"ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "ZOHO_WEBHOOK_URL", "ZOHO_WEBHOOK_TOKEN", "MAPPING_YAML", "HUBSPOT_OPERATIONS_TOPIC"})...)
	if err != nil {
		return nil, err
	}
	m, err := c.mapping()
	if err != nil {
		return nil, err
	}
	client, err := h.zoho(ctx, c, m)
	if err != nil {
		return nil, err
	}
	return h.keeper(ctx, c, m, client)
}

// keeper keeps the channel by a client of Zoho.
func (h *house) keeper(ctx context.Context, c config, m *mapping.Mapping, client *zoho.Client) (*zoho.Keeper, error) {
	db, err1 := h.database(ctx, c)
	topic, err2 := h.publisher(ctx, c, "HUBSPOT_OPERATIONS_TOPIC")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	sweeper, err := reconcile.New(reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.Zoho: client},
		Publishers: map[crm.System]reconcile.Publisher{crm.Zoho: topic},
		Cursors:    gcp.NewCursors(db),
		Clock:      systemClock,
		NewID:      newID,
		Kinds:      mappedKinds(m),
		Guard:      guard(db, m),
		Pause:      -1, // Zoho counts calls by the day
	})
	if err != nil {
		return nil, err
	}
	return zoho.NewKeeper(zoho.KeeperConfig{
		API: client, Store: gcp.NewChannels(db), Sweeper: sweeper, Clock: systemClock, Kinds: mappedKinds(m),
		NotifyURL: c["ZOHO_WEBHOOK_URL"], Token: zoho.Secret(first(c.list("ZOHO_WEBHOOK_TOKEN"))),
	})
}

// first is the one of several values that is to be used from now on.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
