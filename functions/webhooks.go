package functions

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/ingest"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// hubspotWebhook hears HubSpot. Its operations end in Zoho.
func hubspotWebhook(ctx context.Context, h *house) (http.Handler, error) {
	var c hubspotWebhookConfig
	if err := h.read(ctx, &c); err != nil {
		return nil, err
	}
	verifier, err := hubspot.NewVerifier(hubspot.VerifierConfig{Secrets: c.Secrets, URL: c.URL, Versions: c.Versions})
	if err != nil {
		return nil, err
	}
	door, err := h.door(ctx, c.PubSub, c.Topic)
	if err != nil {
		return nil, err
	}
	return ingest.HubSpot(door, verifier, c.Portal), nil
}

// zohoWebhook hears Zoho. Its operations end in HubSpot.
func zohoWebhook(ctx context.Context, h *house) (http.Handler, error) {
	var c zohoWebhookConfig
	if err := h.read(ctx, &c); err != nil {
		return nil, err
	}
	verifier, err := zoho.NewVerifier(zoho.VerifierConfig{Tokens: c.Tokens})
	if err != nil {
		return nil, err
	}
	door, err := h.door(ctx, c.PubSub, c.Topic)
	if err != nil {
		return nil, err
	}
	return ingest.Zoho(door, verifier), nil
}

func (h *house) door(ctx context.Context, c pubsubConfig, topic string) (ingest.Config, error) {
	publisher, err := h.publisher(ctx, c, topic)
	if err != nil {
		return ingest.Config{}, err
	}
	return ingest.Config{Publisher: publisher, Clock: systemClock, NewID: newID, Logger: h.logger}, nil
}
