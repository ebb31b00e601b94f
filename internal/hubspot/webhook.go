package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/jsonerr"
)

// MaxEvents is the most events taken from one delivery. HubSpot sends up to
// 100.
const MaxEvents = 1000

// maxOccurredAt is the end of the year 9999, in milliseconds since 1970. JSON
// has no form for later times.
const maxOccurredAt = 253402300799999

// Event is one element of a webhook delivery, without the value it may carry:
// the consumer reads the record.
//
// EventID is not unique and no key. PortalID is 0 when the event lacks it.
type Event struct {
	EventID        int64
	SubscriptionID int64
	PortalID       int64
	AppID          int64
	OccurredAt     time.Time
	Type           string // such as contact.propertyChange
	// Supported is set when the event is about a contact or a company in a way
	// that ListChanges understands. Of other events only Type is reliable.
	Supported bool
	// Index is the place of the event in its delivery.
	Index int
	// Kind is that of ObjectID; for an association change it is Contact.
	Kind         crm.Kind
	ObjectID     string // the contact of an association change
	PropertyName string
	ChangeSource string
	SourceID     string

	// SurvivorID and MergedIDs belong to a merge: the record that remains, and
	// every other id that the event names.
	SurvivorID string
	MergedIDs  []string

	// CompanyID, Removed and Primary belong to an association change.
	CompanyID string
	Removed   bool
	Primary   bool

	action string // the part of Type after the dot
}

// BadEvent is an element of a delivery that cannot be understood.
type BadEvent struct {
	Index  int
	Reason string // names fields, never their values
}

// The actions that end the type of an event.
const (
	actCreation    = "creation"
	actDeletion    = "deletion"
	actMerge       = "merge"
	actProperty    = "propertyChange"
	actRestore     = "restore"
	actAssociation = "associationChange"
	actPrivacy     = "privacyDeletion"
)

// ParseEvents reads the body of a delivery. The error is for a body that is no
// JSON array of at most MaxEvents elements, such as one that was cut off, or
// that of a workflow, which is an object. Elements that cannot be understood
// are listed in bad; the others are still read.
func ParseEvents(body []byte) (events []Event, bad []BadEvent, err error) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
		return nil, nil, errors.New("the body is not a JSON array")
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, nil, fmt.Errorf("the body is not a JSON array: %w", jsonerr.Describe(err))
	}
	if len(elements) > MaxEvents {
		return nil, nil, fmt.Errorf("the body holds %d events, more than %d", len(elements), MaxEvents)
	}
	for i, element := range elements {
		event, err := parseEvent(element)
		if err != nil {
			bad = append(bad, BadEvent{Index: i, Reason: err.Error()})
			continue
		}
		event.Index = i
		events = append(events, event)
	}
	return events, bad, nil
}

// SplitByPortal separates the events of one account from those that name
// another: an app may be installed in several, and their records have the same
// ids. An event without an account counts as ours, and so does every event when
// portal is 0.
func SplitByPortal(events []Event, portal int64) (ours []Event, foreign []BadEvent) {
	for _, e := range events {
		if portal == 0 || e.PortalID == 0 || e.PortalID == portal {
			ours = append(ours, e)
		} else {
			foreign = append(foreign, BadEvent{Index: e.Index, Reason: "the event is of another HubSpot account"})
		}
	}
	return ours, foreign
}

// wireEvent is an event as it is sent. Names that HubSpot spells in two ways
// appear twice.
type wireEvent struct {
	EventID          number `json:"eventId"`
	SubscriptionID   number `json:"subscriptionId"`
	PortalID         number `json:"portalId"`
	AppID            number `json:"appId"`
	OccurredAt       number `json:"occurredAt"`
	SubscriptionType text   `json:"subscriptionType"`
	EventType        text   `json:"eventType"`
	ObjectID         id     `json:"objectId"`
	ObjectTypeID     text   `json:"objectTypeId"`
	PropertyName     text   `json:"propertyName"`
	ChangeSource     text   `json:"changeSource"`
	SourceID         scalar `json:"sourceId"`

	PrimaryObjectID id              `json:"primaryObjectId"`
	NewObjectID     id              `json:"newObjectId"`
	MergedObjectIDs lenientList[id] `json:"mergedObjectIds"`

	AssociationType  text `json:"associationType"`
	FromObjectID     id   `json:"fromObjectId"`
	ToObjectID       id   `json:"toObjectId"`
	FromObjectTypeID text `json:"fromObjectTypeId"`
	ToObjectTypeID   text `json:"toObjectTypeId"`
	Removed          flag `json:"associationRemoved"`
	Primary          flag `json:"isPrimaryAssociation"`
}

var (
	errNotObject  = errors.New("the element is not an object")
	errNoType     = errors.New("subscriptionType is missing")
	errNoTime     = errors.New("occurredAt is not a time in milliseconds")
	errNoObjectID = errors.New("objectId is not the number of a record")
	errNoSurvivor = errors.New("a merge does not name a record")
	errNoEnds     = errors.New("an association change does not name a contact and a company")
)

func parseEvent(element json.RawMessage) (Event, error) {
	var w wireEvent
	if !bytes.HasPrefix(element, []byte("{")) || json.Unmarshal(element, &w) != nil {
		return Event{}, errNotObject
	}
	e := Event{
		EventID: int64(w.EventID), SubscriptionID: int64(w.SubscriptionID),
		PortalID: int64(w.PortalID), AppID: int64(w.AppID),
		Type: string(w.SubscriptionType), PropertyName: string(w.PropertyName),
		ChangeSource: string(w.ChangeSource), SourceID: string(w.SourceID), ObjectID: string(w.ObjectID),
	}
	if e.Type == "" {
		e.Type = string(w.EventType)
	}
	if e.Type == "" {
		return Event{}, errNoType
	}
	if w.OccurredAt > 0 && w.OccurredAt <= maxOccurredAt {
		e.OccurredAt = time.UnixMilli(int64(w.OccurredAt)).UTC()
	}
	subject, action, _ := strings.Cut(e.Type, ".")
	e.action = action
	e.Kind, e.Supported = parseObjectType(subject)
	if subject == "object" {
		e.Kind, e.Supported = parseObjectType(string(w.ObjectTypeID))
	}
	return e, e.fillIn(subject, w)
}

// fillIn fills in the fields that the action of a supported event needs, or
// returns an error if one is missing.
func (e *Event) fillIn(subject string, w wireEvent) error {
	if e.action == actAssociation {
		if err := e.fillAssociation(subject, w); err != nil || !e.Supported {
			return err
		}
	}
	switch {
	case !e.Supported:
		return nil
	case e.OccurredAt.IsZero():
		return errNoTime
	}
	switch e.action {
	case actMerge:
		return e.fillMerge(w)
	case actCreation, actDeletion, actProperty, actRestore, actPrivacy:
		if e.ObjectID == "" {
			return errNoObjectID
		}
	case actAssociation:
	default:
		e.Supported = false
	}
	return nil
}

// fillMerge finds the record that remains. The event may give it a new id, and
// then the id that was primary is among those merged away.
func (e *Event) fillMerge(w wireEvent) error {
	for _, candidate := range []id{w.NewObjectID, w.PrimaryObjectID, w.ObjectID} {
		if candidate != "" {
			e.SurvivorID = string(candidate)
			break
		}
	}
	if e.SurvivorID == "" {
		return errNoSurvivor
	}
	seen := map[string]bool{"": true, e.SurvivorID: true}
	for _, candidate := range append([]id{w.PrimaryObjectID, w.ObjectID}, w.MergedObjectIDs...) {
		if one := string(candidate); !seen[one] {
			seen[one] = true
			e.MergedIDs = append(e.MergedIDs, one)
		}
	}
	return nil
}

// fillAssociation finds the contact among the ends of an association. Changes
// between other kinds of record stay unsupported.
func (e *Event) fillAssociation(subject string, w wireEvent) error {
	from, to, found := strings.Cut(strings.ToLower(string(w.AssociationType)), "_to_")
	to, _, _ = strings.Cut(to, "_") // a label may follow
	if !found {
		from, to = string(w.FromObjectTypeID), string(w.ToObjectTypeID)
	}
	if from == "" && to == "" && (e.Supported || subject == "object") {
		return errNoEnds
	}
	fromKind, fromKnown := parseObjectType(from)
	toKind, toKnown := parseObjectType(to)
	e.Supported = fromKnown && toKnown && fromKind != toKind
	if !e.Supported {
		return nil
	}
	contact, company := w.FromObjectID, w.ToObjectID
	if fromKind == crm.Company {
		contact, company = company, contact
	}
	if contact == "" {
		return errNoEnds
	}
	e.Kind, e.ObjectID, e.CompanyID = crm.Contact, string(contact), string(company)
	e.Removed, e.Primary = bool(w.Removed), bool(w.Primary)
	return nil
}

// parseObjectType reads the name or the number of an object type.
func parseObjectType(objectType string) (crm.Kind, bool) {
	switch objectType {
	case "contact", "0-1":
		return crm.Contact, true
	case "company", "0-2":
		return crm.Company, true
	}
	return "", false
}
