// Package queuetest is the contract of a queue that pushes: what publishers and
// endpoints may rely on, whichever store keeps the messages.
package queuetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
)

// patience is how long a test waits for what must come.
const maxWait = 60 * time.Second

// System is a queue with its gateway.
type System struct {
	Client *pubsub.Client // publishes to it
	Wait   func(ctx context.Context) error
}

// Open starts a system with nothing in it, which pushes the messages of subs
// and ends with the test.
type Open func(t *testing.T, subs []queue.Subscription) System

// Run tests a system. Subtests run in parallel, each with a system of its own.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Open)
	}{
		{"publish answers with the id that is delivered", publishAnswersWithID},
		{"a topic that does not exist is refused", unknownTopicIsRefused},
		{"a key keeps its order while random tries fail", orderUnderFailures},
		{"a message comes again after a nack", redeliveryAfterNack},
		{"a message comes again after the ack deadline", redeliveryAfterDeadline},
		{"a failing key does not hold up the others", keyIsolation},
		{"a dead letter tells where it came from and frees its key", deadLetters},
		{"16 publishers of one record are delivered one at a time", raceOnOneRecord},
		{"an idempotent handler creates once under redelivery", createOnce},
		{"1000 messages of 100 keys arrive with 8 in flight", manyKeys},
		{"every success that the service takes acknowledges", successCodes},
		{"messages without a key do not wait for each other", unordered},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

const topic = "operations"

// subscription pushes from topic to an endpoint, with quick retries.
func subscription(e *endpoint) queue.Subscription {
	return queue.Subscription{
		Name: "consumer", Topic: topic, Endpoint: e.url, Ordered: true,
		AckDeadline: 20 * time.Second, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, MaxInFlight: 32,
	}
}

// publisher publishes to the topic of a system.
type publisher struct{ *pubsub.Publisher }

func newPublisher(t *testing.T, s System, topic string) publisher {
	t.Helper()
	p := s.Client.Publisher(topic)
	p.EnableMessageOrdering = true
	p.PublishSettings.DelayThreshold = time.Millisecond
	t.Cleanup(p.Stop)
	return publisher{p}
}

// publish stores messages of one key in order and returns their ids.
func (p publisher) publish(t *testing.T, key string, data ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	results := make([]*pubsub.PublishResult, len(data))
	for i, d := range data {
		results[i] = p.Publish(ctx, &pubsub.Message{Data: []byte(d), OrderingKey: key})
	}
	ids := make([]string, len(data))
	for i, r := range results {
		id, err := r.Get(ctx)
		if err != nil {
			t.Fatalf("publish %s: %v", data[i], err)
		}
		ids[i] = id
	}
	return ids
}

// wait returns when the system is idle.
func wait(t *testing.T, s System) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	if err := s.Wait(ctx); err != nil {
		t.Fatalf("wait until idle: %v", err)
	}
}

// numbered returns prefix-0, prefix-1 and so on.
func numbered(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return all
}
