package functions

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
)

// deadLetter records what Pub/Sub gave up.
func deadLetter(ctx context.Context, h *house) (http.Handler, error) {
	c, err := h.config(ctx, firestoreSettings...)
	if err != nil {
		return nil, err
	}
	db, err := h.database(ctx, c)
	if err != nil {
		return nil, err
	}
	record := failure.DeadLetter(gcp.NewFailures(db), systemClock)
	return gcp.Push(func(ctx context.Context, m gcp.Message) error {
		return record(ctx, failure.Message{ID: m.ID, Data: m.Data, Attributes: m.Attributes})
	}, h.logger), nil
}

// sendFailureDigest mails what is new.
func sendFailureDigest(ctx context.Context, h *house) (http.Handler, error) {
	c, err := h.config(ctx, slices.Concat(firestoreSettings, []string{
		"SENDGRID_API_KEY", "SENDGRID_URL", "FAILURE_MAIL_FROM", "FAILURE_MAIL_TO", "FAILURE_MAIL_HEARTBEAT", "HUBSPOT_PORTAL_ID", "HUBSPOT_PAGES_URL", "ZOHO_ACCOUNTS_URL"})...)
	if err != nil {
		return nil, err
	}
	mailer, err1 := failure.NewSendGrid(failure.SendGridConfig{
		URL: c["SENDGRID_URL"], Key: c["SENDGRID_API_KEY"], From: c["FAILURE_MAIL_FROM"], To: c.list("FAILURE_MAIL_TO"), HTTP: h.httpClient(ctx, "sendgrid"),
	})
	db, err2 := h.database(ctx, c)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	failures := gcp.NewFailures(db)
	config := failure.Config{Store: failures, Mailer: mailer, Clock: systemClock, NewID: newID, Pages: c.pages()}
	if c["FAILURE_MAIL_HEARTBEAT"] == "on" {
		config.Signs = failures
	}
	d, err := failure.NewDigest(config)
	if err != nil {
		return nil, err
	}
	return d.Handler(h.logger), nil
}
