package functions

import (
	"context"
	"errors"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/store"
)

// deadLetter records what Pub/Sub gave up.
func deadLetter(ctx context.Context, d *deps) (http.Handler, error) {
	var c firestoreConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	db, err := d.connectFirestore(ctx, c)
	if err != nil {
		return nil, err
	}
	record := failure.DeadLetter(store.NewFailures(db), systemClock)
	return gcp.NewPushHandler(func(ctx context.Context, m gcp.Message) error {
		return record(ctx, failure.Message{ID: m.ID, Data: m.Data, Attributes: m.Attributes})
	}, d.logger), nil
}

// sendFailureDigest mails what is new.
func sendFailureDigest(ctx context.Context, d *deps) (http.Handler, error) {
	var c digestConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	mailer, err1 := failure.NewSendGrid(failure.SendGridConfig{URL: c.URL, Key: c.Key, From: c.From, To: c.To, HTTP: d.newHTTPClient(ctx, "sendgrid")})
	db, err2 := d.connectFirestore(ctx, c.Firestore)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	failures := store.NewFailures(db)
	config := failure.Config{Store: failures, Mailer: mailer, Clock: systemClock, NewID: newID, Pages: c.Pages.recordPages()}
	if c.Heartbeat {
		config.Heartbeats = failures
	}
	digest, err := failure.NewDigest(config)
	if err != nil {
		return nil, err
	}
	return digest.Handler(d.logger), nil
}
