package hubspot

import (
	"bytes"
	"encoding/json"
	"path"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Scopes are the permissions that the app asks for. The setup alone needs those
// to write schemas.
var Scopes = []string{
	"oauth",
	"crm.objects.contacts.read", "crm.objects.contacts.write",
	"crm.objects.companies.read", "crm.objects.companies.write",
	"crm.objects.owners.read",
	"crm.schemas.contacts.read", "crm.schemas.contacts.write",
	"crm.schemas.companies.read", "crm.schemas.companies.write",
}

// recordEvents are the events to subscribe to for each kind of record, in the
// classic format.
var recordEvents = []string{"creation", "deletion", "merge", "restore", "associationChange"}

// subscription is one event that HubSpot sends.
type subscription struct {
	Type     string `json:"subscriptionType"`
	Object   string `json:"objectType,omitempty"`
	Property string `json:"propertyName,omitempty"`
	Active   bool   `json:"active"`
}

// component is one part of a HubSpot project.
type component struct {
	UID    string `json:"uid"`
	Type   string `json:"type"`
	Config any    `json:"config"`
}

// maxWebhookRequests is how many deliveries HubSpot sends at once.
const maxWebhookRequests = 10

// BuildProjectFiles returns the files that declare the app in a HubSpot
// project, by their paths in it: the permissions of the app, and one
// subscription for each mapped property. "hs project upload" uploads them.
// While the address of the webhooks is unknown, targetURL is "" and only the
// app is declared.
func BuildProjectFiles(targetURL string, properties map[crm.Kind][]string) (map[string][]byte, error) {
	var changes, records []subscription
	for _, kind := range crm.Kinds {
		names := properties[kind]
		if len(names) == 0 {
			continue
		}
		for _, name := range names {
			changes = append(changes, subscription{Type: "object.propertyChange", Object: string(kind), Property: name, Active: true})
		}
		for _, event := range recordEvents {
			records = append(records, subscription{Type: string(kind) + "." + event, Active: true})
		}
	}
	app := component{UID: "connector", Type: "app", Config: map[string]any{
		"name": "Zoho CRM connector", "description": "Keeps contacts and companies equal with Zoho CRM.",
		"distribution": "private", "auth": map[string]any{"type": "static", "requiredScopes": Scopes},
	}}
	webhooks := component{UID: "webhooks", Type: "webhooks", Config: map[string]any{
		"settings": map[string]any{"targetUrl": targetURL, "maxConcurrentRequests": maxWebhookRequests},
		"subscriptions": map[string]any{
			"crmObjects": changes, "legacyCrmObjects": records,
			"hubEvents": []subscription{{Type: "contact.privacyDeletion", Active: true}},
		},
	}}
	components := map[string]component{"app-hsmeta.json": app}
	if targetURL != "" {
		components["webhooks/webhooks-hsmeta.json"] = webhooks
	}
	files := map[string][]byte{}
	for name, c := range components {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			return nil, err
		}
		files[path.Join("src/app", name)] = b.Bytes()
	}
	return files, nil
}
