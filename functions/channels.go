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
func renewZohoChannels(ctx context.Context, d *deps) (http.Handler, error) {
	k, err := d.newChannelManager(ctx)
	if err != nil {
		return nil, err
	}
	return k.Handler(d.logger), nil
}

// newChannelManager returns the manager of Zoho's notification channel.
func (d *deps) newChannelManager(ctx context.Context) (*zoho.ChannelManager, error) {
	c := channelsConfig{Zoho: zohoConfig{direct: d.refreshesTokensItself()}}
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	client, err1 := d.connectZoho(ctx, c.Zoho, c.Mapping)
	db, err2 := d.connectFirestore(ctx, c.Firestore)
	topic, err3 := d.newPublisher(ctx, c.PubSub, c.ZohoChanges)
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
		MassChange: newMassChange(db, c.Mapping),
		Pause:      -1, // Zoho counts calls by the day
	})
	if err != nil {
		return nil, err
	}
	return zoho.NewChannelManager(zoho.ChannelManagerConfig{
		API: client, Store: store.NewChannels(db), Sweeper: sweeper, Clock: systemClock, Kinds: mappedKinds(c.Mapping),
		NotifyURL: c.NotifyURL, Token: zoho.Secret(pickFirst(c.WebhookTokens)),
	})
}

// pickFirst returns the value to use from now on.
func pickFirst(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
