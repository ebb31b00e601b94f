package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/functions"
)

// serveDeployment serves the real functions, with a topic that does not exist, and a
// handler for GetZohoToken that refuses, as IAM does.
func serveDeployment(t *testing.T, change map[string]string) (terraformOutput string) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	env := map[string]string{
		"GOOGLE_CLOUD_PROJECT": "p", "PUBSUB_EMULATOR_HOST": "127.0.0.1:1", "ZOHO_OPERATIONS_TOPIC": "z", "HUBSPOT_OPERATIONS_TOPIC": "h",
		"HUBSPOT_CLIENT_SECRET": "the app's secret", "HUBSPOT_WEBHOOK_URL": server.URL + "/HubSpotWebhook", "ZOHO_WEBHOOK_TOKEN": "a token",
	}
	maps.Copy(env, change)
	handlers := functions.Handlers(func(name string) string { return env[name] }, slog.New(slog.DiscardHandler))
	mux.Handle("/HubSpotWebhook", handlers["HubSpotWebhook"])
	mux.Handle("/ZohoWebhook", handlers["ZohoWebhook"])
	mux.HandleFunc("/GetZohoToken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	return fmt.Sprintf(`{"hubspot_webhook_url":{"value":"%[1]s/HubSpotWebhook"},"zoho_webhook_url":{"value":"%[1]s/ZohoWebhook"},"function_urls":{"value":{"GetZohoToken":"%[1]s/GetZohoToken"}}}`, server.URL)
}

func TestADeploymentIsChecked(t *testing.T) {
	const secret = "the app's secret"
	tests := map[string]struct {
		change  map[string]string
		secret  string
		contact string
		says    string // in the output or, when it fails, in the error
		fails   bool
	}{
		"one that works":                              {secret: secret, says: "ok: HubSpotWebhook accepts a signed delivery"},
		"without the secret, which it reports":        {says: "SKIPPED: no signed delivery"},
		"with another secret":                         {secret: "another", says: "HubSpotWebhook accepts a signed delivery: status 401, want 200", fails: true},
		"one that is configured with another address": {change: map[string]string{"HUBSPOT_WEBHOOK_URL": "https://elsewhere.example.com"}, secret: secret, says: "status 401, want 200", fails: true},
		"one that is not set up":                      {change: map[string]string{"ZOHO_WEBHOOK_TOKEN": ""}, says: "ZohoWebhook refuses a wrong token: status 500, want 401", fails: true},
		"one whose topic cannot be reached":           {secret: secret, contact: "1", says: "status 503, want 200", fails: true},
		"with a contact that is no number":            {secret: secret, contact: "ada", says: "SMOKE_CONTACT is not the id of a contact", fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			env := map[string]string{"HUBSPOT_CLIENT_SECRET": tt.secret, "SMOKE_CONTACT": tt.contact}
			err := run(t.Context(), strings.NewReader(serveDeployment(t, tt.change)), &out, func(name string) string { return env[name] })
			said := out.String()
			if (err != nil) != tt.fails {
				t.Fatalf("error %v, output %s", err, said)
			}
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, tt.says) || strings.Contains(said, secret) {
				t.Errorf("it says %q, want %q", said, tt.says)
			}
		})
	}
}

func TestMissingOutputsAreNamed(t *testing.T) {
	for in, want := range map[string]string{"": "read terraform's outputs", "{}": "is it applied?"} {
		err := run(t.Context(), strings.NewReader(in), &bytes.Buffer{}, func(string) string { return "" })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", in, err)
		}
	}
}
