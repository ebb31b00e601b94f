package functions

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/ingest"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// hubspotWebhook receives webhooks of HubSpot. Its operations end in Zoho.
func hubspotWebhook(ctx context.Context, d *deps) (http.Handler, error) {
	var c hubspotWebhookConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	verifier, err := hubspot.NewVerifier(hubspot.VerifierConfig{Secrets: c.Secrets, URL: c.URL, Versions: c.Versions})
	if err != nil {
		return nil, err
	}
	config, err := d.newIngestConfig(ctx, c.PubSub, c.Topic)
	if err != nil {
		return nil, err
	}
	return ingest.NewHubSpotHandler(config, verifier, c.Portal), nil
}

// zohoWebhook receives notifications of Zoho. Its operations end in HubSpot.
func zohoWebhook(ctx context.Context, d *deps) (http.Handler, error) {
	var c zohoWebhookConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	verifier, err := zoho.NewVerifier(zoho.VerifierConfig{Tokens: c.Tokens})
	if err != nil {
		return nil, err
	}
	config, err := d.newIngestConfig(ctx, c.PubSub, c.Topic)
	if err != nil {
		return nil, err
	}
	return ingest.NewZohoHandler(config, verifier), nil
}

func (d *deps) newIngestConfig(ctx context.Context, c pubsubConfig, topic string) (ingest.Config, error) {
	publisher, err := d.newPublisher(ctx, c, topic)
	if err != nil {
		return ingest.Config{}, err
	}
	return ingest.Config{Publisher: publisher, Clock: systemClock, NewID: newID, Logger: d.logger}, nil
}
