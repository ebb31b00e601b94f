package queuetest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
)

func publishAnswersWithID(t *testing.T, open Open) {
	e := newEndpoint(t, always(http.StatusNoContent))
	s := open(t, []queue.Subscription{subscription(e)})
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	attributes := map[string]string{"kind": "contact", "empty": ""}
	id, err := newPublisher(t, s, topic).Publish(ctx, &pubsub.Message{
		Data: []byte("\x00\xff data"), Attributes: attributes, OrderingKey: "k",
	}).Get(ctx)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	e.waitAcked(t, 1)
	wait(t, s)
	got := e.deliveries("\x00\xff data")
	if len(got) != 1 || id == "" {
		t.Fatalf("message %q delivered %d times", id, len(got))
	}
	if !strings.HasSuffix(got[0].Subscription, "/subscriptions/consumer") {
		t.Errorf("subscription %q is not a full name", got[0].Subscription)
	}
	want := delivery{
		ID: id, Key: "k", Data: "\x00\xff data", Attributes: attributes, Try: 1,
		Subscription: "projects/" + s.Client.Project() + "/subscriptions/consumer",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	e.check(t)
}

func unknownTopicIsRefused(t *testing.T, open Open) {
	s := open(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	_, err := newPublisher(t, s, "nowhere").Publish(ctx, &pubsub.Message{Data: []byte("x")}).Get(ctx)
	if got := status.Code(err); got != codes.NotFound {
		t.Errorf("publish to an unknown topic: %v, want %v", err, codes.NotFound)
	}
}

func redeliveryAfterNack(t *testing.T, open Open) {
	codes := []int{500, 429, 400, 404, 302, 204}
	e := newEndpoint(t, func(_ context.Context, d delivery) int { return codes[d.Try-1] })
	s := open(t, []queue.Subscription{subscription(e)})
	newPublisher(t, s, topic).publish(t, "k", "one")
	e.waitAcked(t, 1)
	wait(t, s)
	if got := len(e.deliveries("one")); got != len(codes) {
		t.Errorf("%d deliveries, want %d", got, len(codes))
	}
	e.check(t)
}

func redeliveryAfterDeadline(t *testing.T, open Open) {
	e := newEndpoint(t, func(ctx context.Context, d delivery) int {
		if d.Try == 1 {
			<-ctx.Done() // the gateway gives up at the deadline
			return http.StatusServiceUnavailable
		}
		return http.StatusNoContent
	})
	sub := subscription(e)
	sub.AckDeadline = 300 * time.Millisecond
	sub.MinBackoff, sub.MaxBackoff = 100*time.Millisecond, 100*time.Millisecond
	s := open(t, []queue.Subscription{sub})
	newPublisher(t, s, topic).publish(t, "k", "one", "two")
	e.waitAcked(t, 2)
	wait(t, s)
	if diff := cmp.Diff([]string{"one", "two"}, e.ackedData("k")); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	if got := len(e.deliveries("one")); got < 2 {
		t.Errorf("%d deliveries of the message that was too slow", got)
	}
}

func keyIsolation(t *testing.T, open Open) {
	healed := make(chan struct{})
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		if d.Key == "bad" {
			select {
			case <-healed:
			default:
				return http.StatusServiceUnavailable
			}
		}
		return http.StatusNoContent
	})
	sub := subscription(e)
	sub.MaxInFlight = 2
	s := open(t, []queue.Subscription{sub})
	p := newPublisher(t, s, topic)
	bad := numbered("bad", 40)
	p.publish(t, "bad", bad...)
	for i := range 20 {
		p.publish(t, fmt.Sprintf("good-%d", i), "a", "b")
	}
	e.waitAcked(t, 40)
	if got := e.ackedData("bad"); got != nil {
		t.Fatalf("acknowledged too early: %v", got)
	}
	close(healed)
	e.waitAcked(t, 40+len(bad))
	wait(t, s)
	if diff := cmp.Diff(bad, e.ackedData("bad")); diff != "" {
		t.Errorf("the healed key (-want +got):\n%s", diff)
	}
	e.check(t)
}

func deadLetters(t *testing.T, open Open) {
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		if d.Data == "poison" {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	dead := newEndpoint(t, always(http.StatusNoContent))
	sub := subscription(e)
	sub.DeadLetterTopic, sub.MaxDeliveryAttempts = "dead-letters", 5
	s := open(t, []queue.Subscription{sub, {
		Name: "undertaker", Topic: "dead-letters", Endpoint: dead.url, Ordered: true,
	}})
	before := time.Now().Add(-time.Minute)
	newPublisher(t, s, topic).publish(t, "k", "first", "poison", "last")
	e.waitAcked(t, 2)
	dead.waitAcked(t, 1)
	wait(t, s)
	if diff := cmp.Diff([]string{"first", "last"}, e.ackedData("k")); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	var attempts []int
	for _, d := range e.deliveries("poison") {
		attempts = append(attempts, d.Attempt)
	}
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5}, attempts); diff != "" {
		t.Errorf("delivery attempts (-want +got):\n%s", diff)
	}
	letters := dead.deliveries("poison")
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	got := letters[0].Attributes
	at, err := time.Parse(time.RFC3339Nano, got[queue.AttributePublishTime])
	if err != nil || at.Before(before) || at.After(time.Now().Add(time.Minute)) {
		t.Errorf("publish time %q: %v", got[queue.AttributePublishTime], err)
	}
	delete(got, queue.AttributePublishTime)
	want := map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount":       "5",
		"CloudPubSubDeadLetterSourceSubscription":        "consumer",
		"CloudPubSubDeadLetterSourceSubscriptionProject": s.Client.Project(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letter's attributes (-want +got):\n%s", diff)
	}
	if letters[0].Key != "k" {
		t.Errorf("dead letter's key %q", letters[0].Key)
	}
	e.check(t)
}

func createOnce(t *testing.T, open Open) {
	var mu sync.Mutex
	created := map[string]int{}
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		mu.Lock()
		defer mu.Unlock()
		if created[d.Key] == 0 { // the record is looked up before it is made
			created[d.Key]++
		}
		if d.Try <= 2 { // made, but the answer is lost
			return http.StatusBadGateway
		}
		return http.StatusNoContent
	})
	s := open(t, []queue.Subscription{subscription(e)})
	p := newPublisher(t, s, topic)
	want := map[string]int{}
	for _, key := range numbered("record", 20) {
		want[key] = 1
		p.publish(t, key, key+"/a", key+"/b")
	}
	e.waitAcked(t, 40)
	wait(t, s)
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("records created (-want +got):\n%s", diff)
	}
	if got := len(e.deliveries("record-0/a")); got < 3 {
		t.Errorf("%d deliveries of one message, want at least 3", got)
	}
	e.check(t)
}

func successCodes(t *testing.T, open Open) {
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		return map[string]int{"ok": 200, "created": 201, "accepted": 202, "empty": 204}[d.Data]
	})
	s := open(t, []queue.Subscription{subscription(e)})
	p := newPublisher(t, s, topic)
	all := []string{"ok", "created", "accepted", "empty"}
	p.publish(t, "k", all...)
	e.waitAcked(t, len(all))
	wait(t, s)
	if diff := cmp.Diff(all, e.ackedData("k")); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
}

func unordered(t *testing.T, open Open) {
	e := newEndpoint(t, nil)
	var together sync.WaitGroup
	together.Add(4)
	e.answer = func(ctx context.Context, d delivery) int {
		if d.Try > 1 {
			return http.StatusNoContent
		}
		together.Done()
		together.Wait() // passes only when all are under way at once
		return http.StatusNoContent
	}
	s := open(t, []queue.Subscription{subscription(e)})
	data := numbered("m", 4)
	newPublisher(t, s, topic).publish(t, "", data...)
	e.waitAcked(t, 4)
	wait(t, s)
	got := e.ackedData("")
	slices.Sort(got)
	if diff := cmp.Diff(data, got); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
}
