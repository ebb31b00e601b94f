package queue

import (
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Limits of the service. Source: https://cloud.google.com/pubsub/quotas#resource_limits
const (
	maxRequestMessages = 1000       // messages of one publish request
	maxRequestBytes    = 10_000_000 // of one publish request
	maxAttributes      = 100        // of one message
	maxAttributeKey    = 256        // bytes
	maxAttributeValue  = 1024       // bytes
	maxOrderingKey     = 1024       // bytes
)

// Message is one published message. It is not changed after publishing.
type Message struct {
	ID          string
	Data        []byte
	Attributes  map[string]string
	OrderingKey string
	PublishTime time.Time // whole milliseconds, UTC
}

// String names the message and keeps what it carries out of logs.
func (m *Message) String() string { return "message " + m.ID }

// checkRequest says what the service would refuse in a publish request. The
// size is that of the messages as they travel.
func checkRequest(msgs []*pubsubpb.PubsubMessage, size int) error {
	switch {
	case len(msgs) == 0:
		return fmt.Errorf("a publish request needs at least one message")
	case len(msgs) > maxRequestMessages:
		return fmt.Errorf("a publish request holds at most %d messages, not %d", maxRequestMessages, len(msgs))
	case size > maxRequestBytes:
		return fmt.Errorf("a publish request holds at most %d bytes, not %d", maxRequestBytes, size)
	}
	for i, m := range msgs {
		if m.GetOrderingKey() != msgs[0].GetOrderingKey() {
			return fmt.Errorf("message %d: all messages of a publish request have the same ordering key", i)
		}
		if err := checkMessage(m); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

// checkMessage says what the service would refuse in one message, without
// quoting it.
func checkMessage(m *pubsubpb.PubsubMessage) error {
	switch {
	case len(m.GetData()) == 0 && len(m.GetAttributes()) == 0:
		return fmt.Errorf("neither data nor an attribute")
	case len(m.GetOrderingKey()) > maxOrderingKey:
		return fmt.Errorf("an ordering key has at most %d bytes, not %d", maxOrderingKey, len(m.GetOrderingKey()))
	case len(m.GetAttributes()) > maxAttributes:
		return fmt.Errorf("at most %d attributes, not %d", maxAttributes, len(m.GetAttributes()))
	}
	for k, v := range m.GetAttributes() {
		switch {
		case k == "" || len(k) > maxAttributeKey:
			return fmt.Errorf("an attribute's name has 1 to %d bytes, not %d", maxAttributeKey, len(k))
		case len(v) > maxAttributeValue:
			return fmt.Errorf("an attribute's value has at most %d bytes, not %d", maxAttributeValue, len(v))
		case strings.HasPrefix(k, "goog") && !strings.HasPrefix(k, "googclient_"):
			return fmt.Errorf("an attribute's name must not start with goog")
		}
	}
	return nil
}
