package functions

import (
	"context"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Secrets are the variables that terraform expects in Secret Manager.
var Secrets = []string{
	"HUBSPOT_ACCESS_TOKEN", "HUBSPOT_CLIENT_SECRET", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "ZOHO_WEBHOOK_TOKEN",
	"SENDGRID_API_KEY", "HASH_KEY",
}

// SecretID names the secret of a variable, as terraform does.
func SecretID(prefix, name string) string {
	return prefix + "-" + strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// RemedyFor says what a variable is to be set to.
func RemedyFor(name string) string {
	for _, s := range settings {
		if s.name == name {
			return s.remedy
		}
	}
	return ""
}

// ReadSetting is the value of a variable, fetched from Secret Manager if it names a
// secret, "" if it is not set.
func (o *Operator) ReadSetting(ctx context.Context, name string) (string, error) {
	resolved, err := gcp.ResolveSecrets(ctx, map[string]string{name: strings.TrimSpace(o.Getenv(name))}, o.deps.secrets.AccessSecret)
	return resolved[name], err
}

// GrantConsent exchanges a grant code for a refresh token.
func (o *Operator) GrantConsent(ctx context.Context, code string) (zoho.Consent, error) {
	var c consentConfig
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return zoho.Consent{}, err
	}
	return zoho.ExchangeCode(ctx, o.deps.newHTTPClient(ctx, "zoho"), c.AccountsURL, c.ClientID, zoho.Secret(c.ClientSecret), zoho.Secret(code))
}

// NewChannelManager keeps Zoho's notification channel, as RenewZohoChannels does.
func (o *Operator) NewChannelManager(ctx context.Context) (*zoho.ChannelManager, error) {
	return o.deps.newChannelManager(ctx)
}

// projectConfig is what the HubSpot app is made of.
type projectConfig struct {
	private
	Mapping    *mapping.Mapping
	webhooks   bool
	WebhookURL string
}

func (c *projectConfig) bindVariables(r *reader) {
	r.bindMapping(&c.Mapping)
	if c.webhooks {
		r.bindText("HUBSPOT_WEBHOOK_URL", &c.WebhookURL)
	}
}

// ProjectFiles are those of the HubSpot app, without its webhooks as long as
// HUBSPOT_WEBHOOK_URL is not set.
func (o *Operator) ProjectFiles(ctx context.Context) (map[string][]byte, error) {
	c := projectConfig{webhooks: o.Getenv("HUBSPOT_WEBHOOK_URL") != ""}
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	return hubspot.BuildProjectFiles(c.WebhookURL, fieldNames(c.Mapping, crm.HubSpot))
}

// AddSecret stores a value as the newest version of a secret, unless it is that
// already, and reports whether it did.
func (o *Operator) AddSecret(ctx context.Context, project, id, value string) (bool, error) {
	return o.deps.secrets.AddSecret(ctx, project, id, []byte(value))
}
