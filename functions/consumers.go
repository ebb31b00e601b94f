package functions

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/consumer"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// consumerHandler applies the operations of one topic. ZohoConsumer and
// HubSpotConsumer differ in the subscription that pushes to them.
func consumerHandler(ctx context.Context, d *deps) (http.Handler, error) {
	worker, err := newQueueConsumer(ctx, d)
	if err != nil {
		return nil, err
	}
	return gcp.NewPushHandler(func(ctx context.Context, m gcp.Message) error {
		return worker.Handle(ctx, consumer.Message{Data: m.Data, Attempt: m.Attempt})
	}, d.logger), nil
}

func newQueueConsumer(ctx context.Context, d *deps) (*consumer.Consumer, error) {
	var c consumerConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	topics, err := d.newPublishers(ctx, c.Topics)
	if err != nil {
		return nil, err
	}
	s, err := d.newSyncer(ctx, fromQueue, c.Syncer, topics, nil)
	if err != nil {
		return nil, err
	}
	return d.newConsumer(ctx, c.Syncer.Firestore, s, d.logger)
}

// newConsumer is what stands before every syncer that writes: it gives operations
// up, and counts what they come to.
func (d *deps) newConsumer(ctx context.Context, c firestoreConfig, s *syncer.Syncer, logger *slog.Logger) (*consumer.Consumer, error) {
	db, err := d.connectFirestore(ctx, c)
	if err != nil {
		return nil, err
	}
	return &consumer.Consumer{Applier: s, Clock: systemClock, Logger: logger, Counter: d.openRecorder(c, db)}, nil
}
