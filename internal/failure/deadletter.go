package failure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Message is a message of the queue, whichever queue it is.
type Message struct {
	ID         string
	Data       []byte
	Attributes map[string]string
}

// Attributes whose values are kept of a message that cannot be decoded: our
// publisher's, and those by which Pub/Sub says where the message comes from.
// Of others the names alone are kept, for a value could be anything.
var keptAttributes = []string{
	"ordering_key", "operation_id", "change", "traceparent",
	"CloudPubSubDeadLetterSourceDeliveryCount",
	"CloudPubSubDeadLetterSourceSubscription",
	"CloudPubSubDeadLetterSourceSubscriptionProject",
	"CloudPubSubDeadLetterSourceTopicPublishTime",
}

// maxAttributes is how many others are named.
const maxAttributes = 20

// DeadLetter returns the handler of messages that Pub/Sub gave up. It records every
// message as a failure, also one that is not a valid operation, and returns nil once
// the record is stored; an error asks for the message again.
func DeadLetter(records Recorder, clock Clock) func(ctx context.Context, m Message) error {
	return func(ctx context.Context, m Message) error {
		if err := records.Record(ctx, NewDeadRecord(m, clock.Now())); err != nil {
			return fmt.Errorf("record dead message %s: %w", m.ID, err)
		}
		return nil
	}
}

// NewDeadRecord describes a message after the last attempt.
func NewDeadRecord(m Message, at time.Time) Record {
	o, err := op.Decode(m.Data)
	if err != nil {
		return NewUndecodableRecord(m, err, at)
	}
	return newOperationRecord(o, Cause{Side: o.Ref.System.Other(), Action: "apply", Kind: crm.Unavailable, Code: failurecode.Exhausted}, at)
}

// NewUndecodableRecord describes a message that op.Decode refused with err. The record
// that it was about is known from its attributes if our publisher sent it; it
// can then be replayed.
func NewUndecodableRecord(m Message, err error, at time.Time) Record {
	r := Record{
		Cause:     Cause{Side: Connector, Action: "receive", Kind: crm.Refused, Code: failurecode.Undecodable},
		Operation: sanitizeText(m.Attributes["operation_id"]), FirstSeen: at, LastSeen: at, Count: 1,
		Message: &MessageInfo{ID: sanitizeText(m.ID), BodyHash: hashOf(string(m.Data)), BodySize: len(m.Data), Attributes: keepAttributes(m.Attributes)},
	}
	if errors.Is(err, op.ErrUnknownVersion) {
		r.Cause.Code = failurecode.UnknownVersion
	}
	if ref, err := crm.ParseRef(m.Attributes["ordering_key"]); err == nil {
		r.Ref = ref
	}
	if m.Attributes["change"] == string(op.Erased) {
		r.Change = op.Erased // a replay must not lose it
	}
	if r.Operation == "" {
		r.Operation = "message/" + r.Message.BodyHash
	}
	return r.WithID()
}

// keepAttributes returns what is stored of the attributes.
func keepAttributes(attributes map[string]string) map[string]string {
	result := map[string]string{}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if slices.Contains(keptAttributes, name) {
			result[name] = sanitizeText(attributes[name])
		} else if len(others) < maxAttributes {
			others = append(others, sanitizeText(name))
		}
	}
	if len(others) > 0 {
		result["other_names"] = strings.Join(others, " ")
	}
	return result
}
