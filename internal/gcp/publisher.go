package gcp

import (
	"context"
	"fmt"
	"maps"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

const (
	// publishDelay is how long the client waits for more messages of the same
	// ordering key. Operations of one request are of different records, so
	// waiting gains nothing; 0 would mean the client's default of 10 ms.
	publishDelay = time.Millisecond

	// publishTimeout bounds one message with all its retries. The client
	// publishes apart from the caller's context, so the caller's deadline does
	// not do so. HubSpot waits 5 s for an answer.
	publishTimeout = 10 * time.Second

	// maxOutstanding is how many messages may be on their way at once: each has
	// a goroutine and a call of its own, as each has its own key.
	maxOutstanding = 1000

	// attributeTrace carries the trace context of the request that published.
	// The client library keeps names with the prefix "googclient_" to itself.
	attributeTrace = "traceparent"

	// attributeOrderingKey repeats the ordering key for a push body without it.
	attributeOrderingKey = "ordering_key"
)

// Publisher puts operations on one topic, in order per record. It is safe for
// concurrent use.
type Publisher struct {
	topic *pubsub.Publisher
}

// NewPublisher returns a publisher for a topic, given by id or by full name.
// The topic is not looked up: that it is missing shows when publishing.
func NewPublisher(client *pubsub.Client, topic string) *Publisher {
	p := client.Publisher(topic)
	p.EnableMessageOrdering = true
	p.PublishSettings.DelayThreshold = publishDelay
	p.PublishSettings.Timeout = publishTimeout
	// However many bodies come at once, what waits for an answer is bounded.
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: maxOutstanding, MaxOutstandingBytes: -1, LimitExceededBehavior: pubsub.FlowControlBlock,
	}
	return &Publisher{topic: p}
}

// PublishError says which operations are not on the topic. The others are.
type PublishError struct {
	Total  int
	Failed []error // one for each operation that failed, naming its id
}

// Error counts the failures and shows the first: they mostly share one cause.
func (e *PublishError) Error() string {
	return fmt.Sprintf("publish: %d of %d operations failed, the first: %v", len(e.Failed), e.Total, e.Failed[0])
}

// Unwrap gives every failure to errors.Is and errors.As.
func (e *PublishError) Unwrap() []error { return e.Failed }

// Publish puts all of ops on the topic and returns when the service has stored
// every one of them. An operation that fails does not hold up the others; the
// error is then a *PublishError. When ctx ends first, the operations without an
// answer count as failed although they may still arrive: publishing them again
// is harmless, an operation is only a hint.
func (p *Publisher) Publish(ctx context.Context, ops []op.Operation) error {
	results := make([]*pubsub.PublishResult, len(ops))
	failures := make([]error, len(ops))
	for i, o := range ops {
		msg, err := buildMessage(ctx, o)
		if err != nil {
			failures[i] = fmt.Errorf("operation %s: %w", o.ID, err)
			continue
		}
		// After an error the client refuses the key until it is resumed. The
		// error may have come after its caller had gone, so this is the place
		// where no paused key is missed.
		p.topic.ResumePublish(msg.OrderingKey)
		results[i] = p.topic.Publish(ctx, msg)
	}
	for i, r := range results {
		if r == nil {
			continue
		}
		if _, err := r.Get(ctx); err != nil {
			failures[i] = fmt.Errorf("operation %s: %w", ops[i].ID, err)
		}
	}
	return joinFailures(failures)
}

// joinFailures returns nil unless one of failures, which holds an entry for
// each operation, is an error.
func joinFailures(failures []error) error {
	e := &PublishError{Total: len(failures)}
	for _, err := range failures {
		if err != nil {
			e.Failed = append(e.Failed, err)
		}
	}
	if len(e.Failed) == 0 {
		return nil
	}
	return e
}

// Stop sends what is under way and ends the publisher's goroutines.
func (p *Publisher) Stop() { p.topic.Stop() }

// buildMessage builds what is sent for one operation.
func buildMessage(ctx context.Context, o op.Operation) (*pubsub.Message, error) {
	data, err := op.Encode(o)
	if err != nil {
		return nil, err
	}
	attributes := maps.Clone(o.Attributes())
	if t := telemetry.Traceparent(ctx); t != "" {
		attributes[attributeTrace] = t
	}
	return &pubsub.Message{Data: data, Attributes: attributes, OrderingKey: o.OrderingKey()}, nil
}
