package hubspot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// One element of each form that HubSpot sends.
const (
	creationEvent = `{"eventId":60775291,"subscriptionId":6527595,"portalId":48975575,"appId":39522895,"occurredAt":1782371969536,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":508369434347,"changeFlag":"CREATED","changeSource":"INTEGRATION","sourceId":"39522895"}`
	propertyEvent = `{"eventId":2572854942,"subscriptionId":6527612,"portalId":48975575,"appId":39522895,"occurredAt":1782371969536,"subscriptionType":"company.propertyChange","attemptNumber":0,"objectId":508369434347,"propertyName":"name","propertyValue":"Maton","changeSource":"CRM_UI","sourceId":"userId:1"}`
	deletionEvent = `{"eventId":1903345127,"subscriptionId":6527596,"portalId":48975575,"appId":39522895,"occurredAt":1782372000123,"subscriptionType":"contact.deletion","attemptNumber":0,"objectId":508369434347,"changeFlag":"DELETED","changeSource":"CRM_UI","sourceId":"userId:47812075"}`
	objectEvent   = `{"eventId":1765889350,"subscriptionId":7662269,"portalId":247279312,"appId":51879189,"occurredAt":1788597072520,"subscriptionType":"object.propertyChange","attemptNumber":0,"objectId":546500061938,"objectTypeId":"0-1","propertyName":"email","propertyValue":"x@hubspot.com","changeSource":"CRM_UI","sourceId":"userId:98499705","isSensitive":false}`
	linkEvent     = `{"eventId":3029365631,"subscriptionId":6527630,"portalId":48975575,"appId":39522895,"occurredAt":1782372100000,"subscriptionType":"contact.associationChange","attemptNumber":0,"changeSource":"USER","sourceId":"userId:82088707","associationType":"CONTACT_TO_COMPANY","fromObjectId":508369434347,"toObjectId":58061514894,"associationRemoved":false,"isPrimaryAssociation":true}`
	mergeEvent    = `{"eventId":811220071,"subscriptionId":6527640,"portalId":48975575,"appId":39522895,"occurredAt":1782372200000,"subscriptionType":"contact.merge","attemptNumber":0,"objectId":508369434999,"changeSource":"CRM_UI","sourceId":"userId:47812075","primaryObjectId":508369434347,"mergedObjectIds":[508369434348],"newObjectId":508369434999,"numberOfPropertiesMoved":3}`
	dealEvent     = `{"eventId":1,"subscriptionType":"deal.propertyChange","objectId":7,"occurredAt":1782372200000}`
)

var ignoreAction = cmpopts.IgnoreUnexported(Event{})

// commonEvent fills in the fields that most of the elements share.
func commonEvent(eventID, subscriptionID, occurredAt int64, eventType, source, sourceID string) Event {
	return Event{
		EventID: eventID, SubscriptionID: subscriptionID, PortalID: 48975575, AppID: 39522895,
		OccurredAt: time.UnixMilli(occurredAt).UTC(), Type: eventType, Supported: true, Kind: crm.Contact,
		ObjectID: "508369434347", ChangeSource: source, SourceID: sourceID,
	}
}

func TestParseEventsReadsEveryForm(t *testing.T) {
	property := commonEvent(2572854942, 6527612, 1782371969536, "company.propertyChange", "CRM_UI", "userId:1")
	property.Kind, property.PropertyName = crm.Company, "name"
	link := commonEvent(3029365631, 6527630, 1782372100000, "contact.associationChange", "USER", "userId:82088707")
	link.CompanyID, link.Primary = "58061514894", true
	merge := commonEvent(811220071, 6527640, 1782372200000, "contact.merge", "CRM_UI", "userId:47812075")
	merge.ObjectID, merge.SurvivorID = "508369434999", "508369434999"
	merge.MergedIDs = []string{"508369434347", "508369434348"}
	want := []Event{
		commonEvent(60775291, 6527595, 1782371969536, "contact.creation", "INTEGRATION", "39522895"),
		property,
		commonEvent(1903345127, 6527596, 1782372000123, "contact.deletion", "CRM_UI", "userId:47812075"),
		{EventID: 1765889350, SubscriptionID: 7662269, PortalID: 247279312, AppID: 51879189,
			OccurredAt: time.UnixMilli(1788597072520).UTC(), Type: "object.propertyChange", Supported: true, Kind: crm.Contact,
			ObjectID: "546500061938", PropertyName: "email", ChangeSource: "CRM_UI", SourceID: "userId:98499705"},
		link,
		merge,
		{EventID: 1, Type: "deal.propertyChange", ObjectID: "7", OccurredAt: time.UnixMilli(1782372200000).UTC()},
	}
	for i := range want {
		want[i].Index = i
	}
	body := " [\n" + strings.Join([]string{creationEvent, propertyEvent, deletionEvent, objectEvent, linkEvent, mergeEvent, dealEvent}, " ,\t ") + "\n] "
	got, bad, err := ParseEvents([]byte(body))
	if err != nil || len(bad) > 0 {
		t.Fatalf("bad %v, error %v, want none", bad, err)
	}
	if diff := cmp.Diff(want, got, ignoreAction); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestParseEventsToleratesOtherSpellings(t *testing.T) {
	plain := Event{Type: "contact.propertyChange", Supported: true, Kind: crm.Contact, ObjectID: "5", OccurredAt: time.UnixMilli(1782372200000).UTC()}
	with := func(change func(*Event)) Event {
		e := plain
		change(&e)
		return e
	}
	tests := map[string]struct {
		element string
		want    Event
	}{
		"numbers in strings": {`{"eventId":"9","portalId":"8","occurredAt":"1782372200000","subscriptionType":"contact.propertyChange","objectId":"5","sourceId":77}`,
			with(func(e *Event) { e.EventID, e.PortalID, e.SourceID = 9, 8, "77" })},
		"eventType": {`{"eventType":"contact.propertyChange","occurredAt":1782372200000,"objectId":5}`, plain},
		"unknown fields and nulls": {`{"new":{"a":[1]},"sourceId":null,"propertyName":null,"subscriptionType":"contact.propertyChange","occurredAt":1782372200000,"objectId":5}`,
			plain},
		"odd types where nothing depends on them": {`{"eventId":{},"portalId":1.5,"changeSource":7,"associationRemoved":"no","mergedObjectIds":3,"subscriptionType":"contact.propertyChange","occurredAt":1782372200000,"objectId":5}`,
			plain},
		"object types of companies": {`{"subscriptionType":"object.creation","objectTypeId":"0-2","occurredAt":1782372200000,"objectId":5}`,
			with(func(e *Event) { e.Type, e.Kind = "object.creation", crm.Company })},
		"association from the company": {`{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_CONTACT","fromObjectId":6,"toObjectId":5,"associationRemoved":true,"occurredAt":1782372200000}`,
			with(func(e *Event) { e.Type, e.CompanyID, e.Removed = "company.associationChange", "6", true })},
		"association with a label": {`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY_UNLABELED","fromObjectId":5,"toObjectId":6,"occurredAt":1782372200000}`,
			with(func(e *Event) { e.Type, e.CompanyID = "contact.associationChange", "6" })},
		"association in the generic form": {`{"subscriptionType":"object.associationChange","fromObjectTypeId":"0-2","toObjectTypeId":"0-1","fromObjectId":6,"toObjectId":5,"occurredAt":1782372200000}`,
			with(func(e *Event) { e.Type, e.CompanyID = "object.associationChange", "6" })},
		"merge that keeps the primary id": {`{"subscriptionType":"contact.merge","primaryObjectId":5,"mergedObjectIds":["7",8,7,null],"occurredAt":1782372200000}`,
			with(func(e *Event) {
				e.Type, e.ObjectID, e.SurvivorID, e.MergedIDs = "contact.merge", "", "5", []string{"7", "8"}
			})},
		"merge that names its object alone": {`{"subscriptionType":"company.merge","objectId":5,"occurredAt":1782372200000}`,
			with(func(e *Event) { e.Type, e.Kind, e.SurvivorID = "company.merge", crm.Company, "5" })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, bad, err := ParseEvents([]byte("[" + test.element + "]"))
			if err != nil || len(bad) > 0 {
				t.Fatalf("bad %v, error %v, want none", bad, err)
			}
			if diff := cmp.Diff([]Event{test.want}, got, ignoreAction); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEventsKeepsBadElementsFromTheOthers(t *testing.T) {
	tests := map[string]struct{ element, reason string }{
		"null":                        {`null`, "the element is not an object"},
		"a string":                    {`"secret"`, "the element is not an object"},
		"an array":                    {`[]`, "the element is not an object"},
		"no type":                     {`{"objectId":1}`, "subscriptionType is missing"},
		"no time":                     {`{"subscriptionType":"contact.creation","objectId":1}`, "occurredAt is not a time in milliseconds"},
		"a time of another form":      {`{"subscriptionType":"contact.creation","objectId":1,"occurredAt":"secret"}`, "occurredAt is not a time in milliseconds"},
		"a time beyond all years":     {`{"subscriptionType":"contact.creation","objectId":1,"occurredAt":9223372036854775807}`, "occurredAt is not a time in milliseconds"},
		"no id":                       {`{"subscriptionType":"contact.creation","occurredAt":1}`, "objectId is not the number of a record"},
		"an id that is no number":     {`{"subscriptionType":"contact.creation","occurredAt":1,"objectId":"secret"}`, "objectId is not the number of a record"},
		"a negative id":               {`{"subscriptionType":"contact.creation","occurredAt":1,"objectId":-1}`, "objectId is not the number of a record"},
		"a fraction as id":            {`{"subscriptionType":"contact.creation","occurredAt":1,"objectId":1.5}`, "objectId is not the number of a record"},
		"a merge of nothing":          {`{"subscriptionType":"contact.merge","occurredAt":1,"mergedObjectIds":[1]}`, "a merge does not name a record"},
		"an association without ends": {`{"subscriptionType":"contact.associationChange","occurredAt":1}`, "an association change does not name a contact and a company"},
		"an association without the contact": {`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","toObjectId":3,"occurredAt":1}`,
			"an association change does not name a contact and a company"},
		"an association at no time": {`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":3,"toObjectId":3}`,
			"occurredAt is not a time in milliseconds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			events, bad, err := ParseEvents([]byte("[" + creationEvent + "," + test.element + "," + deletionEvent + "]"))
			if err != nil {
				t.Fatal(err)
			}
			if len(events) != 2 || events[0].Type != "contact.creation" || events[1].Type != "contact.deletion" {
				t.Errorf("events %v, want the two good ones", events)
			}
			if diff := cmp.Diff([]BadEvent{{Index: 1, Reason: test.reason}}, bad); diff != "" {
				t.Errorf("bad (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEventsMarksUnsupportedEvents(t *testing.T) {
	for _, element := range []string{
		dealEvent,
		`{"subscriptionType":"conversation.newMessage"}`,
		`{"subscriptionType":"object.creation","objectTypeId":"2-123","objectId":"x"}`,
		`{"subscriptionType":"object.creation","objectId":1,"occurredAt":1}`,
		`{"subscriptionType":"contact.invention","objectId":1,"occurredAt":1}`,
		`{"subscriptionType":"contact","objectId":1,"occurredAt":1}`,
		`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_DEAL","fromObjectId":1,"toObjectId":2}`,
		`{"subscriptionType":"deal.associationChange","fromObjectId":1,"toObjectId":2}`,
		`{"subscriptionType":"object.associationChange","fromObjectTypeId":"0-1","toObjectTypeId":"0-1","fromObjectId":1,"toObjectId":2}`,
	} {
		events, bad, err := ParseEvents([]byte("[" + element + "]"))
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: bad %v, error %v, want none", element, bad, err)
		}
		if len(events) != 1 || CountUnsupported(events) != 1 || len(ListChanges(events)) != 0 {
			t.Errorf("%s is not ignored: %v", element, ListChanges(events))
		}
	}
}

func TestParseEventsRefusesOtherBodies(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"empty":              {"", "the body is not a JSON array"},
		"null":               {"null", "the body is not a JSON array"},
		"a workflow's":       {creationEvent, "the body is not a JSON array"},
		"cut off":            {"[" + creationEvent[:100], "the body is not a JSON array: not JSON at byte 101"},
		"something after it": {"[] secret", "the body is not a JSON array: not JSON at byte 4"},
		"too many events":    {"[" + strings.Repeat("1,", MaxEvents) + "1]", "the body holds 1001 events, more than 1000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := ParseEvents([]byte(test.body))
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
	full := "[" + strings.Repeat(dealEvent+",", MaxEvents-1) + dealEvent + "]"
	if events, _, err := ParseEvents([]byte(full)); err != nil || len(events) != MaxEvents {
		t.Errorf("%d events, error %v, want %d", len(events), err, MaxEvents)
	}
}

func FuzzParseEvents(f *testing.F) {
	for _, element := range []string{creationEvent, propertyEvent, objectEvent, linkEvent, mergeEvent, dealEvent, "null", `""`} {
		f.Add([]byte("[" + element + "]"))
	}
	f.Add([]byte("[" + creationEvent + "," + mergeEvent + "," + deletionEvent + ",7]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, bad, err := ParseEvents(body)
		if err != nil && (events != nil || bad != nil) {
			t.Errorf("both an error and events: %v", err)
		}
		named := 0
		for _, e := range events {
			if e.Supported {
				named += 1 + len(e.MergedIDs)
			}
		}
		// No event has more commas than the body.
		if most := 1 + strings.Count(string(body), ","); len(events)+len(bad) > most || named > most+len(events) {
			t.Errorf("%d events, %d bad, %d records from a body of at most %d", len(events), len(bad), named, most)
		}
		counted := 0
		for _, c := range ListChanges(events) {
			if err := c.Ref.Validate(); err != nil {
				t.Errorf("change of %v: %v", c.Ref, err)
			}
			counted += c.Events
		}
		if counted != named {
			t.Errorf("changes count %d events, want %d", counted, named)
		}
	})
}
