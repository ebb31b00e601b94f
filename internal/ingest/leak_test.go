package ingest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// TestNothingPersonalAndNoSecretIsLoggedOrAnswered plants what must not come
// out in every place of a delivery, good and bad.
func TestNothingPersonalAndNoSecretIsLoggedOrAnswered(t *testing.T) {
	const planted = "planted@example.com"
	value := fmt.Sprintf(`,"propertyName":"email","propertyValue":%q,"sourceId":%q,"changeFlag":%q`, planted, planted, planted)
	property := event("contact.propertyChange", 1, 0, value)
	text := fmt.Sprintf("%q", planted)
	deliveries := map[string][]delivered{
		"HubSpot": {
			signed(events(property)),
			signed(events(strings.Replace(property, `"objectId":1`, `"objectId":`+text, 1), property)),
			signed(events(strings.Replace(property, "contact.propertyChange", planted, 1), text)),
			signed(events(strings.Replace(property, `"occurredAt":`, `"occurredAt":`+text+`,"x":`, 1))),
			signed(events(property)[:280]),
			signed(property),
			signed(planted),
			signedAs("another", targetURL, events(property), now),
			signed(events(property)).with(hubspot.HeaderTimestamp, planted),
			signed(events(property)).with("Content-Encoding", planted),
			{method: "GET", body: planted},
		},
		"Zoho": {
			asJSON(strings.Replace(notification("update", "1", planted), `"affected_fields":[]`,
				`"affected_values":[{"record_id":"1","values":{"Email":`+text+`}}]`, 1)),
			asJSON(notification(planted, "1")),
			asJSON(strings.Replace(notification("update", "1"), "Contacts", planted, 1)),
			asJSON(strings.Replace(notification("update", "1"), newToken, planted, 1)),
			asJSON(strings.Replace(notification("update", "1"), `"ids":["1"]`, `"ids":`+text, 1)),
			asJSON(strings.Replace(notification("update", "1"), `"module":"Contacts"`, `"module":{"a":`+text+`}`, 1)),
			asJSON(notification("update", planted)[:90]),
			asForm(url.Values{"module": {"Contacts"}, "id": {planted}, "token": {newToken}}),
			asForm(url.Values{"module": {"Contacts"}, "id": {"1"}, "token": {planted}}),
			asJSON(`{"module":"Contacts","id":"1"}`).with(zoho.TokenHeader, newToken+planted),
			{method: "GET", body: planted},
		},
	}
	for name, e := range entrances {
		t.Run(name, func(t *testing.T) {
			s := live(t, e.open)
			said := ""
			statuses := map[int]bool{}
			for _, broken := range []error{nil, context.DeadlineExceeded} {
				s.topic.broken = broken
				for _, d := range deliveries[name] {
					a := s.deliver(d, false)
					said += a.text
					statuses[a.status] = true
				}
			}
			for _, status := range []int{200, 400, 401, 405, 503} {
				if !statuses[status] {
					t.Errorf("no delivery was answered with %d: the test looks at too little", status)
				}
			}
			said += s.log.String()
			signature := signed(events(property)).header.Get(hubspot.HeaderSignatureV3)
			for _, leak := range []string{planted, url.QueryEscape(planted), oldSecret, newSecret, oldToken, newToken, signature} {
				if strings.Contains(said, leak) {
					t.Errorf("%q is told: %s", leak, lineWith(said, leak))
				}
			}
		})
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}
