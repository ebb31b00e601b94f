package hubspot

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestTheProjectSubscribesToEveryMappedPropertyAndEveryRecordEvent(t *testing.T) {
	const target = "https://fn.example.com/HubSpotWebhook"
	files, err := BuildProjectFiles(target, map[crm.Kind][]string{crm.Contact: {"email", "city"}})
	if err != nil {
		t.Fatal(err)
	}
	var webhooks struct {
		Config struct {
			Settings struct {
				TargetURL string `json:"targetUrl"`
			}
			Subscriptions map[string][]subscription
		}
	}
	if err := json.Unmarshal(files["src/app/webhooks/webhooks-hsmeta.json"], &webhooks); err != nil {
		t.Fatal(err)
	}
	if webhooks.Config.Settings.TargetURL != target {
		t.Errorf("the target is %s", webhooks.Config.Settings.TargetURL)
	}
	want := map[string][]subscription{
		"crmObjects": {
			{Type: "object.propertyChange", Object: "contact", Property: "email", Active: true},
			{Type: "object.propertyChange", Object: "contact", Property: "city", Active: true},
		},
		"legacyCrmObjects": {
			{Type: "contact.creation", Active: true}, {Type: "contact.deletion", Active: true}, {Type: "contact.merge", Active: true},
			{Type: "contact.restore", Active: true}, {Type: "contact.associationChange", Active: true},
		},
		"hubEvents": {{Type: "contact.privacyDeletion", Active: true}},
	}
	if diff := cmp.Diff(want, webhooks.Config.Subscriptions); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	var app struct {
		Config struct {
			Distribution string
			Auth         struct{ RequiredScopes []string }
		}
	}
	if err := json.Unmarshal(files["src/app/app-hsmeta.json"], &app); err != nil {
		t.Fatal(err)
	}
	if app.Config.Distribution != "private" || !slices.Equal(app.Config.Auth.RequiredScopes, Scopes) {
		t.Errorf("the app is %+v", app.Config)
	}
}
