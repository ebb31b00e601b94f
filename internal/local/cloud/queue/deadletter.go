package queue

import (
	"maps"
	"strconv"
	"time"
)

// The attributes that a dead letter carries beside its own.
// Source: https://cloud.google.com/pubsub/docs/handling-failures#track-delivery-attempts
const (
	AttributeDeliveryCount = "CloudPubSubDeadLetterSourceDeliveryCount"
	AttributeSubscription  = "CloudPubSubDeadLetterSourceSubscription"
	AttributeProject       = "CloudPubSubDeadLetterSourceSubscriptionProject"
	AttributePublishTime   = "CloudPubSubDeadLetterSourceTopicPublishTime"
)

// deadLetterTime is how the service writes the time of publishing there, in UTC.
const deadLetterTime = "2006-01-02T15:04:05.000+00:00"

// deadLetter returns what is published to the dead-letter topic for m: a new
// message with the same data and ordering key.
func deadLetter(m *Message, project, subscription string, attempts int) *Message {
	attributes := make(map[string]string, len(m.Attributes)+4)
	maps.Copy(attributes, m.Attributes)
	attributes[AttributeDeliveryCount] = strconv.Itoa(attempts)
	attributes[AttributeSubscription] = subscription
	attributes[AttributeProject] = project
	attributes[AttributePublishTime] = m.PublishTime.UTC().Truncate(time.Millisecond).Format(deadLetterTime)
	return &Message{Data: m.Data, Attributes: attributes, OrderingKey: m.OrderingKey}
}
