package functions

import (
	"context"
	"net/http"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/ingest"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// hubspotWebhook hears HubSpot. Its operations end in Zoho.
func hubspotWebhook(ctx context.Context, h *house) (http.Handler, error) {
	const topic = "ZOHO_OPERATIONS_TOPIC"
	c, err := h.config(ctx, append(pubsubSettings,
		topic, "HUBSPOT_CLIENT_SECRET", "HUBSPOT_WEBHOOK_URL", "HUBSPOT_SIGNATURE_VERSIONS", "HUBSPOT_PORTAL_ID")...)
	if err != nil {
		return nil, err
	}
	verifier, err := hubspot.NewVerifier(hubspot.VerifierConfig{
		Secrets:  c.list("HUBSPOT_CLIENT_SECRET"),
		URL:      c["HUBSPOT_WEBHOOK_URL"],
		Versions: c.list("HUBSPOT_SIGNATURE_VERSIONS"),
	})
	if err != nil {
		return nil, err
	}
	door, err := h.door(ctx, c, topic)
	if err != nil {
		return nil, err
	}
	portal, _ := strconv.ParseInt(c["HUBSPOT_PORTAL_ID"], 10, 64) // it was checked; 0 is any
	return ingest.HubSpot(door, verifier, portal), nil
}

// zohoWebhook hears Zoho. Its operations end in HubSpot.
func zohoWebhook(ctx context.Context, h *house) (http.Handler, error) {
	const topic = "HUBSPOT_OPERATIONS_TOPIC"
	c, err := h.config(ctx, append(pubsubSettings, topic, "ZOHO_WEBHOOK_TOKEN")...)
	if err != nil {
		return nil, err
	}
	verifier, err := zoho.NewVerifier(zoho.VerifierConfig{Tokens: c.list("ZOHO_WEBHOOK_TOKEN")})
	if err != nil {
		return nil, err
	}
	door, err := h.door(ctx, c, topic)
	if err != nil {
		return nil, err
	}
	return ingest.Zoho(door, verifier), nil
}

func (h *house) door(ctx context.Context, c config, topic string) (ingest.Config, error) {
	publisher, err := h.publisher(ctx, c, topic)
	if err != nil {
		return ingest.Config{}, err
	}
	return ingest.Config{Publisher: publisher, Clock: systemClock, NewID: newID, Logger: h.logger}, nil
}
