package ingest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/op"
)

const (
	targetURL = "https://webhook.example.com/HubSpotWebhook"
	oldSecret = "old-secret-0000"
	newSecret = "new-secret-1111"
	portal    = 3 // of all events, unless they say otherwise
)

func newHubSpotTestHandler(t testing.TB, c Config) http.Handler {
	t.Helper()
	v, err := hubspot.NewVerifier(hubspot.VerifierConfig{Secrets: []string{oldSecret, newSecret}, URL: targetURL})
	if err != nil {
		t.Fatal(err)
	}
	return NewHubSpotHandler(c, v, portal)
}

// happened is when the first event of a test happened.
var happened = now.Add(-2 * time.Second)

// event is one element of a delivery.
func event(kind string, id, after int, more string) string {
	return fmt.Sprintf(`{"eventId":1,"subscriptionId":2,"portalId":3,"appId":4,"occurredAt":%d,"subscriptionType":%q,"attemptNumber":0,"objectId":%d%s}`,
		happened.UnixMilli()+int64(after), kind, id, more)
}

func creation(id int) string { return event("contact.creation", id, 0, "") }

func events(e ...string) string { return "[" + strings.Join(e, ",") + "]" }

// signedAs is a delivery as HubSpot signs it.
func signedAs(secret, address, body string, at time.Time) delivered {
	timestamp := strconv.FormatInt(at.UnixMilli(), 10)
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set(hubspot.HeaderTimestamp, timestamp)
	h.Set(hubspot.HeaderSignatureV3, hubspot.SignRequest(hubspot.SignatureV3, secret, http.MethodPost, address, []byte(body), timestamp))
	return delivered{header: h, body: body}
}

func signed(body string) delivered { return signedAs(newSecret, targetURL, body, now) }

func hubspotRef(kind crm.Kind, id int) crm.Ref {
	return crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: strconv.Itoa(id)}
}

func TestWhatBecomesOfADeliveryFromHubSpot(t *testing.T) {
	contact, company := hubspotRef(crm.Contact, 1), hubspotRef(crm.Company, 2)
	created := operation(contact, op.Created, happened, 1)
	property := event("company.propertyChange", 2, 500, `,"propertyName":"name","propertyValue":"Maton"`)
	changed := operation(company, op.Updated, happened.Add(500*time.Millisecond), 1)
	fivefold := func(o op.Operation) op.Operation { o.Events = 5; return o }

	hundred := make([]string, 100)
	var ninetyNine []op.Operation
	for i := range hundred {
		hundred[i] = creation(i + 1)
		if i != 41 {
			ninetyNine = append(ninetyNine, operation(hubspotRef(crm.Contact, i+1), op.Created, happened, 1))
		}
	}
	hundred[41] = strings.Replace(hundred[41], `"objectId":42`, `"objectId":"forty-two"`, 1)

	tests := map[string]struct {
		body string
		want want
	}{
		"one event": {events(creation(1)), want{answer: answer{Events: 1, Operations: 1}, stored: []op.Operation{created}}},
		"events of two records": {events(creation(1), property),
			want{answer: answer{Events: 2, Operations: 2}, stored: []op.Operation{created, changed}}},
		"every event five times": {events(slices.Repeat([]string{creation(1), property}, 5)...),
			want{answer: answer{Events: 10, Operations: 2}, stored: []op.Operation{fivefold(created), fivefold(changed)}}},
		"events out of order": {events(event("contact.propertyChange", 1, 900, ""), creation(1)),
			want{answer: answer{Events: 2, Operations: 1}, stored: []op.Operation{operation(contact, op.Created, happened.Add(900*time.Millisecond), 2)}}},
		"a merge": {events(event("contact.merge", 9, 0, `,"primaryObjectId":1,"mergedObjectIds":[5],"newObjectId":9`)),
			want{answer: answer{Events: 1, Operations: 3}, stored: []op.Operation{operation(hubspotRef(crm.Contact, 9), op.Merged, happened, 1),
				operation(contact, op.Deleted, happened, 1), operation(hubspotRef(crm.Contact, 5), op.Deleted, happened, 1)}}},
		"one bad event among a hundred": {events(hundred...),
			want{answer: answer{Events: 100, Operations: 99, Rejected: []Rejected{{41, "objectId is not the number of a record"}}}, stored: ninetyNine}},
		"bad events only": {events("7", "{}"),
			want{answer: answer{Events: 2, Rejected: []Rejected{{0, "the element is not an object"}, {1, "subscriptionType is missing"}}}}},
		"events of other kinds": {events(event("deal.creation", 1, 0, ""), event("contact.newAction", 1, 0, ""), event("conversation.newMessage", 1, 0, "")),
			want{answer: answer{Events: 3, Ignored: 3}}},
		"an event of another kind beside ours": {events(event("deal.creation", 7, 0, ""), creation(1)),
			want{answer: answer{Events: 2, Operations: 1, Ignored: 1}, stored: []op.Operation{created}}},
		"an event of another account beside ours": {events(abroad(creation(1)), creation(1)),
			want{answer: answer{Events: 2, Operations: 1, Rejected: []Rejected{{0, "the event is of another HubSpot account"}}}, stored: []op.Operation{created}}},
		"events of another account only": {events(abroad(creation(1)), abroad(property)),
			want{status: 403, error: "of another HubSpot account than HUBSPOT_PORTAL_ID names"}},
		"an event that names no account": {events(strings.Replace(creation(1), `"portalId":3,`, "", 1)),
			want{answer: answer{Events: 1, Operations: 1}, stored: []op.Operation{created}}},
		"no event":          {"[]", want{}},
		"truncated JSON":    {events(creation(1), creation(2))[:200], want{status: 400, error: "the body is not a JSON array: not JSON at byte 200"}},
		"an object":         {creation(1), want{status: 400, error: "the body is not a JSON array"}},
		"no body":           {"", want{status: 400, error: "the body is not a JSON array"}},
		"more than a flood": {events(slices.Repeat([]string{"{}"}, hubspot.MaxEvents+1)...), want{status: 400, error: "1001 events, more than 1000"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { live(t, newHubSpotTestHandler).check(signed(tt.body), tt.want) })
	}
}

// abroad makes an event one of another account.
func abroad(e string) string { return strings.Replace(e, `"portalId":3`, `"portalId":4`, 1) }

func TestWithoutAPortalEveryAccountIsOurs(t *testing.T) {
	v, err := hubspot.NewVerifier(hubspot.VerifierConfig{Secrets: []string{newSecret}, URL: targetURL})
	if err != nil {
		t.Fatal(err)
	}
	anyPortal := func(_ testing.TB, c Config) http.Handler { return NewHubSpotHandler(c, v, 0) }
	live(t, anyPortal).check(signed(events(abroad(creation(1)))),
		want{answer: answer{Events: 1, Operations: 1}, stored: []op.Operation{operation(hubspotRef(crm.Contact, 1), op.Created, happened, 1)}})
}

func TestOnlyHubSpotMayDeliverToItsWebhook(t *testing.T) {
	body := events(creation(1))
	good := signed(body)
	without := func(name string) delivered {
		d := good.with(name, "")
		d.header.Del(name)
		return d
	}
	v1 := delivered{body: body, header: http.Header{}}.with(hubspot.HeaderSignatureVersion, hubspot.SignatureV1).
		with(hubspot.HeaderSignature, hubspot.SignRequest(hubspot.SignatureV1, newSecret, "", "", []byte(body), ""))
	otherBody := good
	otherBody.body = events(creation(2))
	queried := signedAs(newSecret, targetURL+"?from=app", body, now)
	queried.query = "/?from=app"
	garbage := delivered{body: "not JSON", header: http.Header{}}

	tests := map[string]struct {
		delivery delivered
		refused  string // "" is accepted
	}{
		"signed by the new secret":          {good, ""},
		"signed by the old secret":          {signedAs(oldSecret, targetURL, body, now), ""},
		"signed with the query":             {queried, ""},
		"signed five minutes ago":           {signedAs(newSecret, targetURL, body, now.Add(-hubspot.MaxSkew)), ""},
		"signed five minutes ahead":         {signedAs(newSecret, targetURL, body, now.Add(hubspot.MaxSkew)), ""},
		"signed longer ago":                 {signedAs(newSecret, targetURL, body, now.Add(-hubspot.MaxSkew-time.Millisecond)), "too old"},
		"signed further ahead":              {signedAs(newSecret, targetURL, body, now.Add(hubspot.MaxSkew+time.Millisecond)), "from the future"},
		"signed by another":                 {signedAs("another", targetURL, body, now), "does not match"},
		"signed by nobody":                  {signedAs("", targetURL, body, now), "does not match"},
		"signed for another address":        {signedAs(newSecret, targetURL+"/", body, now), "does not match"},
		"signed for another body":           {otherBody, "does not match"},
		"the signature of another time":     {good.with(hubspot.HeaderTimestamp, strconv.FormatInt(now.UnixMilli()-1, 10)), "does not match"},
		"a signature that is no base64":     {good.with(hubspot.HeaderSignatureV3, "%%%"), "does not match"},
		"no signature":                      {without(hubspot.HeaderSignatureV3), "not signed"},
		"no time":                           {without(hubspot.HeaderTimestamp), "does not match"},
		"the replayable signature v1":       {v1, "version that is not accepted"},
		"garbage from nobody, as a forgery": {garbage, "not signed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := want{status: http.StatusUnauthorized, error: tt.refused}
			if tt.refused == "" {
				w = want{answer: answer{Events: 1, Operations: 1}, stored: []op.Operation{operation(hubspotRef(crm.Contact, 1), op.Created, happened, 1)}}
			}
			live(t, newHubSpotTestHandler).check(tt.delivery, w)
		})
	}
}
