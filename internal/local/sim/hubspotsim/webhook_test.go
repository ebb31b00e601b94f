package hubspotsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// wantV1 and wantV3 are the published rules, written down a second time.
func wantV1(secret string, body []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(secret+string(body))))
}

func wantV3(secret, uri string, body []byte, timestamp string) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte("POST" + uri + string(body) + timestamp))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestSignaturesMatchThePublishedVectors(t *testing.T) {
	const uri = "https://www.example.com/webhook_uri"
	const v1Body = `[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]`
	const v1 = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
	if got := signV1(DefaultSecret, []byte(v1Body)); got != v1 || wantV1(DefaultSecret, []byte(v1Body)) != v1 {
		t.Errorf("v1 is %s, want %s", got, v1)
	}
	const ours = "[{\"propertyValue\":\"Zoë – ☕ \\\"q\\\" <&>\"}]"
	tests := []struct{ name, secret, uri, body, timestamp, want string }{
		{"an early time", DefaultSecret, uri, `{'example_field':'example_value'}`, "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
		{"a later time", DefaultSecret, uri, `{'example_field':'example_value'}`, "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="},
		{"not only ASCII", "s3cr3t-é", "https://fn.example.com/hook?src=hs:app/v3&x=(a)", ours, "1790000004000", "HWPF5EMRH4xctF8YxaN9x5sQ8Gz9gSF8h4l0r3h74ZI="},
		{"an escaped URL", "s3cr3t-é", "https://fn.example.com/hook?src=hs%3Aapp%2Fv3&x=%28a%29", ours, "1790000004000", "HWPF5EMRH4xctF8YxaN9x5sQ8Gz9gSF8h4l0r3h74ZI="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := signV3(tt.secret, "POST", tt.uri, []byte(tt.body), tt.timestamp); got != tt.want {
				t.Errorf("v3 is %s, want %s", got, tt.want)
			}
			if !strings.Contains(tt.uri, "%") {
				if got := wantV3(tt.secret, tt.uri, []byte(tt.body), tt.timestamp); got != tt.want {
					t.Errorf("the test's own v3 is %s, want %s", got, tt.want)
				}
			}
		})
	}
}

func TestDeliveriesCarryBothSignatures(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, ClientSecret: "s3cret", SignNow: func() time.Time { return noon }})
	w.create("contacts", `{"lastname":"Zoë <&>"}`)
	w.settle()
	for _, r := range hook.got() {
		at := r.header.Get("X-HubSpot-Request-Timestamp")
		if at != fmt.Sprint(noon.UnixMilli()) {
			t.Errorf("timestamp %s", at)
		}
		if got, want := r.header.Get("X-HubSpot-Signature-v3"), wantV3("s3cret", hook.url, r.body, at); got != want {
			t.Errorf("v3 %s, want %s", got, want)
		}
		if got, want := r.header.Get("X-HubSpot-Signature"), wantV1("s3cret", r.body); got != want {
			t.Errorf("v1 %s, want %s", got, want)
		}
		if v := r.header.Get("X-HubSpot-Signature-Version"); v != "v1" {
			t.Errorf("version %s", v)
		}
	}
	if len(hook.got()) == 0 {
		t.Error("nothing was delivered")
	}
}

func TestCreateIsACreationAndOneChangePerProperty(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, Clock: sim.NewManualClock(noon)})
	id := w.create("contacts", `{"email":"a@example.com","closedate":"2025-07-15T06:00:00Z"}`)
	events := hook.events(w)
	want := []string{"contact.creation", "contact.propertyChange closedate=1752559200000",
		"contact.propertyChange email=a@example.com", "contact.propertyChange lifecyclestage=lead"}
	if diff := cmp.Diff(want, brief(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, e := range events {
		if fmt.Sprint(e.ObjectID) != id || e.OccurredAt != noon.UnixMilli() || e.PortalID != DefaultPortalID ||
			e.AppID != DefaultAppID || e.ChangeSource != "INTEGRATION" || e.SourceID != "39522895" || e.SubscriptionID == 0 {
			t.Errorf("event %+v", e)
		}
	}
	if events[0].ChangeFlag != "CREATED" || events[1].ChangeFlag != "" {
		t.Error("only a creation has a flag")
	}
}

func TestCapturedEventHasExactlyTheseFields(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, Subscriptions: []Subscription{{Type: "contact.propertyChange", Property: "firstname"}}})
	id := w.create("contacts", `{"firstname":"Maton","lastname":"X"}`)
	w.settle()
	var got []map[string]json.RawMessage
	if err := json.Unmarshal(hook.got()[0].body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || string(got[0]["objectId"]) != id {
		t.Fatalf("body %s", hook.got()[0].body)
	}
	var names []string
	for name := range got[0] {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"appId", "attemptNumber", "changeSource", "eventId", "objectId", "occurredAt", "portalId",
		"propertyName", "propertyValue", "sourceId", "subscriptionId", "subscriptionType"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestGenericFormat(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, GenericFormat: true})
	w.create("companies", `{"name":"A"}`)
	for _, e := range hook.events(w) {
		if !strings.HasPrefix(e.SubscriptionType, "object.") || e.ObjectTypeID != "0-2" {
			t.Errorf("event %+v", e)
		}
		if change := e.SubscriptionType == "object.propertyChange"; change != (e.IsSensitive != nil) {
			t.Errorf("isSensitive of %s", e.SubscriptionType)
		}
	}
}

func TestSensitiveValuesAreRedacted(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, GenericFormat: true,
		Subscriptions: []Subscription{{Type: "contact.propertyChange", Property: "secret"}}})
	w.must(201, "POST", "/crm/properties/2026-09/contacts",
		`{"name":"secret","label":"S","type":"string","fieldType":"text","groupName":"contactinformation","dataSensitivity":"sensitive"}`)
	w.create("contacts", `{"lastname":"A","secret":"x"}`)
	if diff := cmp.Diff([]string{"object.propertyChange secret=REDACTED"}, brief(hook.events(w))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestEqualWritesMakeNoEvent(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url})
	id := w.create("contacts", `{"lastname":"A"}`)
	before := len(hook.events(w))
	w.must(200, "PATCH", "/crm/objects/2026-09/contacts/"+id, `{"properties":{"lastname":"A","fax":""}}`)
	if after := len(hook.events(w)); after != before {
		t.Errorf("%d events, want none", after-before)
	}
	w.must(200, "PATCH", "/_sim/contacts/"+id, `{"properties":{"lastname":""},"user":7}`)
	last := hook.events(w)[before]
	if *last.PropertyValue != "" || last.ChangeSource != "CRM_UI" || last.SourceID != "userId:7" {
		t.Errorf("event %+v", last)
	}
}

func TestOtherEvents(t *testing.T) {
	tests := []struct {
		name string
		do   func(w *world, a, b, c string)
		want []string
	}{
		{"a deletion", func(w *world, a, _, _ string) { w.must(200, "DELETE", "/_sim/contacts/"+a, "") },
			[]string{"contact.deletion"}},
		{"a restore", func(w *world, a, _, _ string) {
			w.must(200, "DELETE", "/_sim/contacts/"+a, "")
			w.must(200, "POST", "/_sim/contacts/"+a+"/restore", "")
		}, []string{"contact.deletion", "contact.restore"}},
		{"a privacy deletion is two events", func(w *world, a, _, _ string) {
			w.must(204, "POST", "/_sim/contacts/"+a+"/privacy-delete", "")
		}, []string{"contact.deletion", "contact.privacyDeletion"}},
		{"a merge is a merge and the deletion of what is gone, without changes", func(w *world, a, b, _ string) {
			w.must(200, "POST", "/_sim/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`)
		}, []string{"contact.deletion", "contact.deletion", "contact.merge"}},
		{"a primary company is two messages in each direction", func(w *world, a, _, c string) {
			w.must(204, "PUT", "/_sim/contacts/"+a+"/companies/"+c, `{"primary":true}`)
		}, []string{"company.associationChange", "company.associationChange", "contact.associationChange", "contact.associationChange"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hook := listen(t)
			w := start(t, Config{WebhookURL: hook.url})
			a, b := w.create("contacts", `{"lastname":"A"}`), w.create("contacts", `{"lastname":"B","fax":"1"}`)
			c := w.create("companies", `{"name":"C"}`)
			before := len(hook.events(w))
			tt.do(w, a, b, c)
			got := brief(hook.events(w)[before:])
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergeAndAssociationEventsNameTheRecords(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, Subscriptions: []Subscription{{Type: "contact.merge"}, {Type: "contact.associationChange"}}})
	a, b := w.create("contacts", `{"lastname":"A"}`), w.create("contacts", `{"lastname":"B","fax":"1"}`)
	c := w.create("companies", `{"name":"C"}`)
	w.must(204, "PUT", "/_sim/contacts/"+a+"/companies/"+c, "")
	id := w.must(200, "POST", "/_sim/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`).str("id")
	events := hook.events(w)
	link, merge := events[0], events[1]
	if link.ObjectID != 0 || link.AssociationType != "CONTACT_TO_COMPANY" || fmt.Sprint(link.FromObjectID) != a ||
		fmt.Sprint(link.ToObjectID) != c || *link.Removed || *link.Primary || link.ChangeSource != "USER" {
		t.Errorf("association %+v", link)
	}
	if fmt.Sprint(merge.ObjectID) != id || fmt.Sprint(merge.NewObjectID) != id || fmt.Sprint(merge.PrimaryObjectID) != a ||
		fmt.Sprint(merge.MergedObjectIDs[0]) != b || *merge.PropertiesMoved != 1 {
		t.Errorf("merge %+v", merge)
	}
}

func TestGenericAssociationEvents(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, GenericFormat: true, Subscriptions: []Subscription{{Type: "company.associationChange"}}})
	a, c := w.create("contacts", `{"lastname":"A"}`), w.create("companies", `{"name":"C"}`)
	w.must(204, "PUT", "/_sim/contacts/"+a+"/companies/"+c, `{"primary":true}`)
	w.must(204, "DELETE", "/_sim/contacts/"+a+"/companies/"+c, "")
	type seen struct {
		Type          string
		TypeID        int
		Removed, From bool
	}
	var got []seen
	for _, e := range hook.events(w) {
		got = append(got, seen{e.SubscriptionType, e.AssociationTypeID, *e.Removed,
			fmt.Sprint(e.FromObjectID) == c && e.FromObjectTypeID == "0-2" && e.ToObjectTypeID == "0-1"})
	}
	slices.SortFunc(got, func(a, b seen) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	const what = "object.associationChange"
	want := []seen{{what, 2, false, true}, {what, 2, true, true}, {what, 280, false, true}, {what, 280, true, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRefusedDeliveriesAreRetriedWithAGrowingAttemptNumber(t *testing.T) {
	hook := listen(t)
	hook.status = func(attempt int) int {
		if attempt < 3 {
			return 404
		}
		return 204
	}
	var calls int64
	w := start(t, Config{WebhookURL: hook.url, RetryBase: time.Millisecond, SignNow: func() time.Time {
		calls++ // one delivery, so never at once
		return noon.Add(time.Duration(calls) * time.Second)
	}, Subscriptions: []Subscription{{Type: "contact.creation"}}})
	w.create("contacts", `{"lastname":"A"}`)
	w.settle()
	var attempts []int
	stamps, ids := map[string]bool{}, map[int64]bool{}
	for _, r := range hook.got() {
		attempts = append(attempts, r.events[0].AttemptNumber)
		stamps[r.header.Get("X-HubSpot-Request-Timestamp")] = true
		ids[r.events[0].EventID] = true
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if len(stamps) != 4 || len(ids) != 1 {
		t.Errorf("%d signatures, %d event ids", len(stamps), len(ids))
	}
}

func TestDeliveryEndsAfterTenRetries(t *testing.T) {
	hook := listen(t)
	hook.status = func(int) int { return 503 }
	w := start(t, Config{WebhookURL: hook.url, RetryBase: time.Nanosecond, Subscriptions: []Subscription{{Type: "contact.creation"}}})
	w.create("contacts", `{"lastname":"A"}`)
	w.settle()
	if n := len(hook.got()); n != 11 {
		t.Errorf("%d attempts, want 11", n)
	}
}

func TestEventsComeInBatchesOfAHundred(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, DeliveryDelay: time.Hour, Subscriptions: []Subscription{{Type: "contact.creation"}}})
	for range 3 {
		w.must(201, "POST", contactsBatch+"create", `{"inputs":[`+inputs(70, `{"properties":{"lastname":"%d"}}`)+`]}`)
	}
	w.settle()
	var sizes []int
	for _, r := range hook.got() {
		sizes = append(sizes, len(r.events))
	}
	slices.Sort(sizes)
	if diff := cmp.Diff([]int{10, 100, 100}, sizes); diff != "" {
		t.Errorf("batch sizes (-want +got):\n%s", diff)
	}
}

func TestEventsOnDemand(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, ClientSecret: "s"})
	w.must(204, "POST", "/_sim/test-event", `{"subscriptionType":"contact.propertyChange","propertyName":"email"}`)
	w.settle()
	e := hook.got()[0].events[0]
	if e.EventID != 100 || e.ObjectID != 123 || e.ChangeSource != "CRM" || *e.PropertyValue != "sample-value" || e.SourceID != "" {
		t.Errorf("test event %+v", e)
	}
	w.must(204, "POST", "/_sim/test-event", `{"wrong":true,"portalId":5}`)
	w.settle()
	r := hook.got()[1]
	at := r.header.Get("X-HubSpot-Request-Timestamp")
	if r.header.Get("X-HubSpot-Signature-v3") == wantV3("s", hook.url, r.body, at) || r.events[0].PortalID != 5 {
		t.Error("the signature is right, or the portal is ours")
	}
	if sum, err := hex.DecodeString(r.header.Get("X-HubSpot-Signature")); err != nil || len(sum) != sha256.Size {
		t.Error("a wrong signature still has the right form")
	}
	w.must(204, "POST", "/_sim/test-event", `{"unsigned":true}`)
	w.settle()
	if r := hook.got()[2]; r.header.Get("X-HubSpot-Signature-v3") != "" || r.header.Get("X-HubSpot-Signature") != "" {
		t.Error("unsigned has a signature")
	}
}

func TestRedeliver(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url})
	w.create("contacts", `{"lastname":"A"}`)
	first := hook.events(w)
	if got := w.must(200, "POST", "/_sim/redeliver", `{"last":5}`); got.at("batches") != 1.0 {
		t.Error(got.raw)
	}
	if diff := cmp.Diff(append(slices.Clone(first), first...), hook.events(w)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWebhookURLCanBeSetLater(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{})
	w.create("contacts", `{"lastname":"A"}`)
	w.must(204, "PUT", "/_sim/webhook", `{"url":"`+hook.url+`"}`)
	w.create("contacts", `{"lastname":"B"}`)
	if got := brief(hook.events(w)); len(got) == 0 || got[0] != "contact.creation" {
		t.Errorf("events %v", got)
	}
	if got := w.must(200, "GET", "/_sim/idle", ""); got.at("idle") != true {
		t.Error(got.raw)
	}
}
