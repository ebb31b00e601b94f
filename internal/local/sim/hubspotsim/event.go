package hubspotsim

import (
	"maps"
	"slices"
	"time"
)

// Subscription names one kind of event that the app wants, in the classic
// spelling also when GenericFormat is set.
type Subscription struct {
	Type     string `json:"subscriptionType"`       // such as contact.propertyChange
	Property string `json:"propertyName,omitempty"` // of propertyChange only
}

const firstSubscription = 6527595 // id of the first subscription; the others follow

// neverSubscribed are the properties whose changes never make events.
var neverSubscribed = []string{"num_unique_conversion_events", "hs_lastmodifieddate", "lastmodifieddate"}

// DefaultSubscriptions are all events of contacts and companies, and the
// changes of every standard property that can be written, and of zoho_id.
func DefaultSubscriptions() []Subscription {
	var out []Subscription
	for _, k := range []*kind{newContacts(), newCompanies()} {
		for _, what := range []string{"creation", "deletion", "merge", "restore", "associationChange"} {
			out = append(out, Subscription{Type: k.singular + "." + what})
		}
		if k.singular == "contact" {
			out = append(out, Subscription{Type: "contact.privacyDeletion"})
		}
		for _, name := range slices.Sorted(maps.Keys(k.properties)) {
			if k.properties[name].writable() {
				out = append(out, Subscription{Type: k.singular + ".propertyChange", Property: name})
			}
		}
	}
	return out
}

// event is one element of a webhook's array.
type event struct {
	EventID          int64   `json:"eventId"`
	SubscriptionID   int64   `json:"subscriptionId"`
	PortalID         int64   `json:"portalId"`
	AppID            int64   `json:"appId"`
	OccurredAt       int64   `json:"occurredAt"`
	SubscriptionType string  `json:"subscriptionType"`
	AttemptNumber    int     `json:"attemptNumber"`
	ObjectID         int64   `json:"objectId,omitempty"`
	ObjectTypeID     string  `json:"objectTypeId,omitempty"`
	PropertyName     string  `json:"propertyName,omitempty"`
	PropertyValue    *string `json:"propertyValue,omitempty"`
	ChangeFlag       string  `json:"changeFlag,omitempty"`
	ChangeSource     string  `json:"changeSource,omitempty"`
	SourceID         string  `json:"sourceId,omitempty"`
	IsSensitive      *bool   `json:"isSensitive,omitempty"`

	PrimaryObjectID int64   `json:"primaryObjectId,omitempty"`
	MergedObjectIDs []int64 `json:"mergedObjectIds,omitempty"`
	NewObjectID     int64   `json:"newObjectId,omitempty"`
	PropertiesMoved *int    `json:"numberOfPropertiesMoved,omitempty"`

	AssociationType     string `json:"associationType,omitempty"`
	FromObjectID        int64  `json:"fromObjectId,omitempty"`
	ToObjectID          int64  `json:"toObjectId,omitempty"`
	Removed             *bool  `json:"associationRemoved,omitempty"`
	Primary             *bool  `json:"isPrimaryAssociation,omitempty"`
	FromObjectTypeID    string `json:"fromObjectTypeId,omitempty"`
	ToObjectTypeID      string `json:"toObjectTypeId,omitempty"`
	AssociationCategory string `json:"associationCategory,omitempty"`
	AssociationTypeID   int    `json:"associationTypeId,omitempty"`
}

// event makes an event with the common fields; nil = not subscribed.
func (s *Server) event(k *kind, what, property string, by actor, at time.Time) *event {
	sub := Subscription{Type: k.singular + "." + what, Property: property}
	id, subscribed := s.out.subscriptions[sub]
	if !subscribed || s.webhookURL() == "" {
		return nil
	}
	e := &event{
		EventID: int64(s.rng.Uint32()), SubscriptionID: id, PortalID: s.cfg.PortalID, AppID: s.cfg.AppID,
		OccurredAt: at.UnixMilli(), SubscriptionType: sub.Type, ChangeSource: by.source, SourceID: by.id,
	}
	if s.cfg.GenericFormat && what != "privacyDeletion" {
		e.SubscriptionType, e.ObjectTypeID = "object."+what, k.typeID
	}
	return e
}

// emitFlag makes a creation, deletion, restore or privacyDeletion.
func (s *Server) emitFlag(k *kind, id int64, what, flag string, by actor, at time.Time) {
	if e := s.event(k, what, "", by, at); e != nil {
		e.ObjectID, e.ChangeFlag = id, flag
		s.out.add(*e)
	}
}

// emitCreation makes the creation and one change per property that was set,
// all at the same time.
func (s *Server) emitCreation(r *record, c change, by actor, at time.Time) {
	s.emitFlag(r.kind, r.id, "creation", "CREATED", by, at)
	s.emitChanges(r, c, by, at)
}

func (s *Server) emitChanges(r *record, c change, by actor, at time.Time) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		e := s.event(r.kind, "propertyChange", name, by, at)
		if e == nil || slices.Contains(neverSubscribed, name) {
			continue
		}
		p := r.kind.properties[name]
		value, sensitive := eventValue(p, c[name]), p.sensitive()
		e.ObjectID, e.PropertyName, e.PropertyValue = r.id, name, &value
		if s.cfg.GenericFormat {
			e.IsSensitive = &sensitive
		}
		s.out.add(*e)
	}
}

type mergeEvent struct {
	survivor, primary, other int64
	moved                    int
}

func (s *Server) emitMerge(k *kind, m mergeEvent, by actor, at time.Time) {
	e := s.event(k, "merge", "", by, at)
	if e == nil {
		return
	}
	e.ObjectID, e.PrimaryObjectID, e.MergedObjectIDs = m.survivor, m.primary, []int64{m.other}
	e.PropertiesMoved = &m.moved
	if m.survivor != m.primary {
		e.NewObjectID = m.survivor
	}
	s.out.add(*e)
}
