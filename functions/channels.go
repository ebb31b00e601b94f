package functions

import (
	"context"
	"errors"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// renewZohoChannels is called by the scheduler, many times in a channel's life.
func renewZohoChannels(ctx context.Context, h *house) (http.Handler, error) {
	k, err := h.channelManager(ctx)
	if err != nil {
		return nil, err
	}
	return k.Handler(h.logger), nil
}

// channelManager keeps Zoho's notification channel.
func (h *house) channelManager(ctx context.Context) (*zoho.ChannelManager, error) {
	c := channelsConfig{Zoho: zohoConfig{direct: h.direct()}}
	if err := h.read(ctx, &c); err != nil {
		return nil, err
	}
	client, err1 := h.zoho(ctx, c.Zoho, c.Mapping)
	db, err2 := h.database(ctx, c.Firestore)
	topic, err3 := h.publisher(ctx, c.PubSub, c.ZohoChanges)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	sweeper, err := reconcile.New(reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.Zoho: client},
		Publishers: map[crm.System]reconcile.Publisher{crm.Zoho: topic},
		Cursors:    store.NewCursors(db),
		Clock:      systemClock,
		NewID:      newID,
		Kinds:      mappedKinds(c.Mapping),
		Guard:      guard(db, c.Mapping),
		Pause:      -1, // Zoho counts calls by the day
	})
	if err != nil {
		return nil, err
	}
	return zoho.NewChannelManager(zoho.ChannelManagerConfig{
		API: client, Store: store.NewChannels(db), Sweeper: sweeper, Clock: systemClock, Kinds: mappedKinds(c.Mapping),
		NotifyURL: c.NotifyURL, Token: zoho.Secret(first(c.WebhookTokens)),
	})
}

// first is the one of several values that is to be used from now on.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
