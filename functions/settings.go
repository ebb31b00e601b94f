package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// setting is one environment variable.
type setting struct {
	name     string
	fallback string // used when the variable is empty
	remedy   string // what to set it to
	optional bool   // it may be empty although there is no fallback
	check    func(value string) error
}

func (s setting) isRequired() bool { return s.fallback == "" && !s.optional }

// settings are all variables that any function reads. Tests compare the tables of
// docs/configuration.md and of terraform with it.
var settings = []setting{
	{name: "GOOGLE_CLOUD_PROJECT", remedy: "the id of the Google Cloud project"},
	{name: "FIRESTORE_DATABASE", fallback: "(default)", remedy: "the name of the Firestore database"},
	{name: "PUBSUB_EMULATOR_HOST", optional: true, remedy: "host:port of an emulator"},
	{name: "FIRESTORE_EMULATOR_HOST", optional: true, remedy: "host:port of an emulator"},
	{name: "ZOHO_OPERATIONS_TOPIC", remedy: "the id of the topic for operations that end in Zoho"},
	{name: "HUBSPOT_OPERATIONS_TOPIC", remedy: "the id of the topic for operations that end in HubSpot"},
	{name: "DEAD_OPERATIONS_TOPIC", remedy: "the id of the topic for operations that were given up"},
	{name: "HUBSPOT_API_URL", fallback: "https://api.hubapi.com", remedy: "https://api.hubapi.com", check: checkURL},
	{name: "HUBSPOT_API_VERSION", fallback: "2026-09", remedy: "the version in the paths of HubSpot's API, such as 2026-09", check: checkYearMonth},
	{name: "HUBSPOT_ACCESS_TOKEN", remedy: "the access token of the HubSpot app", check: checkCredential},
	{name: "HUBSPOT_APP_ID", remedy: "the app's id, which marks the connector's own writes", check: checkDigits},
	{name: "HUBSPOT_PORTAL_ID", optional: true, remedy: "the id of the HubSpot account, the number in the addresses of its pages", check: checkDigits},
	{name: "HUBSPOT_PAGES_URL", fallback: "https://app.hubspot.com", remedy: "where people sign in to HubSpot, such as https://app-eu1.hubspot.com, without a path", check: checkOrigin},
	{name: "HUBSPOT_CLIENT_SECRET", remedy: "the app's client secret; two separated by a comma while it is rotated"},
	{name: "HUBSPOT_WEBHOOK_URL", remedy: "the public URL of HubSpotWebhook, exactly as the app's targetUrl", check: checkURL},
	{name: "HUBSPOT_SIGNATURE_VERSIONS", fallback: "v3", remedy: "v3, or for an old app v1 or v2, separated by commas", check: checkSignatureVersions},
	{name: "ZOHO_ACCOUNTS_URL", fallback: "https://accounts.zoho.com", remedy: "Zoho's accounts server in your data centre, such as https://accounts.zoho.eu", check: checkURL},
	{name: "ZOHO_CLIENT_ID", remedy: "the client id from Zoho's API console"},
	{name: "ZOHO_CLIENT_SECRET", remedy: "the client secret from Zoho's API console"},
	{name: "ZOHO_REFRESH_TOKEN", remedy: "the refresh token of the dedicated Zoho user"},
	{name: "ZOHO_WEBHOOK_TOKEN", remedy: "the token of the notification channel; two separated by a comma while it is rotated", check: checkChannelTokens},
	{name: "ZOHO_WEBHOOK_URL", remedy: "the public URL of ZohoWebhook", check: checkURL},
	{name: "ZOHO_TOKEN_URL", remedy: "the URL of GetZohoToken", check: checkURL},
	{name: "SENDGRID_API_KEY", remedy: "the API key of the SendGrid account", check: checkCredential},
	{name: "SENDGRID_URL", fallback: "https://api.sendgrid.com", remedy: "https://api.sendgrid.com, or https://api.eu.sendgrid.com for an account in the EU", check: checkURL},
	{name: "FAILURE_MAIL_FROM", remedy: "the verified sender of the failure mail", check: checkMailAddress},
	{name: "FAILURE_MAIL_TO", remedy: "who receives the failure mail, separated by commas", check: checkMailAddresses},
	{name: "FAILURE_MAIL_HEARTBEAT", fallback: "off", remedy: "on to receive a mail once a week when nothing failed, or off", check: checkSwitch},
	{name: "HASH_KEY", remedy: "a random key of at least 16 characters", check: checkLength},
	{name: "MAPPING_YAML", optional: true, remedy: "the text of a mapping"},
	{name: "OTEL_EXPORTER_OTLP_ENDPOINT", optional: true, remedy: "https://telemetry.googleapis.com, or http://host:4317 of a collector", check: checkURL},
	{name: "CALL_BATCHING", fallback: "on", remedy: "on, or off to give each operation calls of its own", check: checkSwitch},
	{name: "CRM_QUOTA_SHARE", fallback: "1", remedy: "the part of the CRMs' quotas for one instance, such as 0.25", check: checkShare},
	{name: "CONSOLE_ACCESS", fallback: "iam", remedy: "iam, or the audience of Identity-Aware Proxy, such as /projects/123/locations/europe-west1/services/console", check: checkAccess},
}

// EnvironmentNames lists every variable that the functions read.
func EnvironmentNames() []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name
	}
	return names
}

func splitList(value string) []string {
	var values []string
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// variables are the environment, and the secrets that it names.
type variables struct {
	getenv func(string) string
	access gcp.SecretAccess
}

// readVariable reads the variables that a configuration wants, fetches those that name a
// secret, and stores all of them in the configuration, or reports everything that
// is missing or wrong at once, without any value.
func (e variables) readVariable(ctx context.Context, into configuration) error {
	r := &reader{}
	into.bindVariables(r)
	texts := map[string]string{}
	for name := range r.bound {
		texts[name] = strings.TrimSpace(e.getenv(name))
	}
	texts, err := gcp.ResolveSecrets(ctx, texts, e.access)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	var errs []error
	for _, s := range settings {
		text, wanted := texts[s.name]
		if !wanted {
			continue
		}
		if text == "" {
			text = s.fallback
		}
		if err := s.checkValue(text); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, set := range r.bound[s.name] {
			if err := set(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
				break
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// checkValue says what is wrong with a value, and what to do about it.
func (s setting) checkValue(text string) error {
	switch {
	case text == "" && s.isRequired():
		return fmt.Errorf("%s is missing: set it to %s", s.name, s.remedy)
	case text == "" || s.check == nil:
		return nil
	}
	if err := s.check(text); err != nil {
		return fmt.Errorf("%s %w: set it to %s", s.name, err, s.remedy)
	}
	return nil
}
