package queue_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
)

const operations = "projects/" + project + "/topics/operations"

func TestPublishRefusesWhatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	client := serve(t, openQueue(t, queue.Options{})) // nobody is owed what is taken
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: operations}); err != nil {
		t.Fatal(err)
	}
	message := func(size int) *pubsubpb.PubsubMessage {
		return &pubsubpb.PubsubMessage{Data: make([]byte, size)}
	}
	many := make([]*pubsubpb.PubsubMessage, 1001)
	for i := range many {
		many[i] = message(1)
	}
	attributes := func(n int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint("a", i)] = ""
		}
		return all
	}
	with := func(name, value string) []*pubsubpb.PubsubMessage {
		return []*pubsubpb.PubsubMessage{{Data: []byte("m"), Attributes: map[string]string{name: value}}}
	}
	keyed := func(n int) *pubsubpb.PubsubMessage {
		return &pubsubpb.PubsubMessage{Data: []byte("m"), OrderingKey: strings.Repeat("k", n)}
	}
	for _, tt := range []struct {
		name  string
		topic string
		msgs  []*pubsubpb.PubsubMessage
		want  codes.Code
	}{
		{"no message", operations, nil, codes.InvalidArgument},
		{"1000 messages are taken", operations, many[:1000], codes.OK},
		{"1001 messages", operations, many, codes.InvalidArgument},
		{"9 MB are taken", operations, []*pubsubpb.PubsubMessage{message(9_000_000)}, codes.OK},
		{"10 MB and a frame", operations, []*pubsubpb.PubsubMessage{message(10_000_000)}, codes.InvalidArgument},
		{"an empty message", operations, []*pubsubpb.PubsubMessage{{}}, codes.InvalidArgument},
		{"attributes alone are taken", operations, []*pubsubpb.PubsubMessage{{Attributes: attributes(100)}}, codes.OK},
		{"101 attributes", operations, []*pubsubpb.PubsubMessage{{Attributes: attributes(101)}}, codes.InvalidArgument},
		{"an attribute name of 257 bytes", operations, with(strings.Repeat("n", 257), ""), codes.InvalidArgument},
		{"an attribute value of 1025 bytes", operations, with("n", strings.Repeat("v", 1025)), codes.InvalidArgument},
		{"an attribute of Google's own", operations, with("google", ""), codes.InvalidArgument},
		{"the trace of Google's client is taken", operations, with("googclient_traceparent", "x"), codes.OK},
		{"a key of 1024 bytes is taken", operations, []*pubsubpb.PubsubMessage{keyed(1024)}, codes.OK},
		{"a key of 1025 bytes", operations, []*pubsubpb.PubsubMessage{keyed(1025)}, codes.InvalidArgument},
		{"two keys in one request", operations, []*pubsubpb.PubsubMessage{keyed(1), keyed(2)}, codes.InvalidArgument},
		{"an unknown topic", operations + "2", []*pubsubpb.PubsubMessage{message(1)}, codes.NotFound},
		{"another project", "projects/other/topics/operations", []*pubsubpb.PubsubMessage{message(1)}, codes.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := client.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: tt.topic, Messages: tt.msgs})
			if got := status.Code(err); got != tt.want {
				t.Fatalf("publish: %v, want %v", err, tt.want)
			}
			if err == nil && len(resp.GetMessageIds()) != len(tt.msgs) {
				t.Errorf("%d ids for %d messages", len(resp.GetMessageIds()), len(tt.msgs))
			}
		})
	}
}

func TestTopicsAreCreatedListedAndDeleted(t *testing.T) {
	admin := serve(t, openQueue(t, queue.Options{Subscriptions: []queue.Subscription{
		{Name: "consumer", Topic: "operations", Endpoint: "http://h/", DeadLetterTopic: "dead-letters"},
	}})).TopicAdminClient
	ctx := t.Context()
	name := "projects/" + project + "/topics/another"
	create := func(name string) codes.Code {
		_, err := admin.CreateTopic(ctx, &pubsubpb.Topic{Name: name})
		return status.Code(err)
	}
	get := func() codes.Code {
		_, err := admin.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name})
		return status.Code(err)
	}
	remove := func() codes.Code {
		return status.Code(admin.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: name}))
	}
	update := func() codes.Code {
		_, err := admin.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{Topic: &pubsubpb.Topic{Name: name}})
		return status.Code(err)
	}
	got := []codes.Code{
		create("another"), create("projects/p/topics/x"), create("projects/p/topics/goog-topic"),
		get(), update(), create(name), create(name), get(), update(),
	}
	want := []codes.Code{
		codes.InvalidArgument, codes.InvalidArgument, codes.InvalidArgument,
		codes.NotFound, codes.NotFound, codes.OK, codes.AlreadyExists, codes.OK, codes.OK,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	var names []string
	topics := admin.ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/" + project})
	for topic, err := topics.Next(); !errors.Is(err, iterator.Done); topic, err = topics.Next() {
		if err != nil {
			t.Fatalf("list topics: %v", err)
		}
		names = append(names, topic.GetName())
	}
	wantNames := []string{name, "projects/" + project + "/topics/dead-letters", operations}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]codes.Code{codes.OK, codes.NotFound, codes.NotFound}, []codes.Code{remove(), remove(), get()}); diff != "" {
		t.Errorf("answers after deleting (-want +got):\n%s", diff)
	}
}

func TestSubscriptionsAreShownAndNotChanged(t *testing.T) {
	admin := serve(t, openQueue(t, queue.Options{Subscriptions: []queue.Subscription{{
		Name: "consumer", Topic: "operations", Endpoint: "http://h/", DeadLetterTopic: "dead-letters", Ordered: true,
		MinBackoff: 10 * time.Second, MaxBackoff: 600 * time.Second, AckDeadline: 60 * time.Second,
	}}})).SubscriptionAdminClient
	ctx := t.Context()
	name := "projects/" + project + "/subscriptions/consumer"
	got, err := admin.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	want := &pubsubpb.Subscription{
		Name: name, Topic: operations, PushConfig: &pubsubpb.PushConfig{PushEndpoint: "http://h/"},
		AckDeadlineSeconds: 60, MessageRetentionDuration: durationpb.New(7 * 24 * time.Hour), EnableMessageOrdering: true,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{
			DeadLetterTopic: "projects/" + project + "/topics/dead-letters", MaxDeliveryAttempts: 5,
		},
		RetryPolicy: &pubsubpb.RetryPolicy{
			MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(600 * time.Second),
		},
		State: pubsubpb.Subscription_ACTIVE,
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
	_, exists := admin.CreateSubscription(ctx, &pubsubpb.Subscription{Name: name, Topic: operations})
	_, created := admin.CreateSubscription(ctx, &pubsubpb.Subscription{Name: name + "2", Topic: operations})
	_, missing := admin.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: name + "2"})
	_, pulled := admin.Pull(ctx, &pubsubpb.PullRequest{Subscription: name, MaxMessages: 1})
	gotCodes := []codes.Code{status.Code(exists), status.Code(created), status.Code(missing), status.Code(pulled)}
	wantCodes := []codes.Code{codes.AlreadyExists, codes.Unimplemented, codes.NotFound, codes.Unimplemented}
	if diff := cmp.Diff(wantCodes, gotCodes); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestEveryFaultOfAConfigurationIsReported(t *testing.T) {
	_, err := queue.New(queue.Options{Subscriptions: []queue.Subscription{
		{Name: "consumer", Topic: "operations", Endpoint: "http://h/"},
		{
			Name: "consumer", Topic: "x", Endpoint: "h", DeadLetterTopic: "x", MaxDeliveryAttempts: 4,
			MinBackoff: 2, MaxBackoff: 1, MaxInFlight: -1, AckDeadline: -1, Retention: -1,
		},
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		"4 delivery attempts", "backoff from", "configured twice", "endpoint is not", "its ack deadline", "its dead-letter topic is its own",
		"its retention", "messages in flight", `dead-letter topic "x" is not a name`, `topic "x" is not a name`,
	}
	for _, w := range want {
		if !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.Contains(line, w) }) {
			t.Errorf("nothing is said of %q in:\n%v", w, err)
		}
	}
}

// BenchmarkPublishAndDeliver measures messages per second with an endpoint that
// takes 50 ms, over many keys and 256 requests in flight: at most 5,120/s.
func BenchmarkPublishAndDeliver(b *testing.B) {
	for _, bb := range []struct {
		name string
		dir  bool
	}{{"in memory", false}, {"with a log", true}} {
		b.Run(bb.name, func(b *testing.B) {
			var served atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				timer := time.NewTimer(50 * time.Millisecond)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-r.Context().Done():
				}
				served.Add(1)
				w.WriteHeader(http.StatusNoContent)
			}))
			defer srv.Close()
			opts := queue.Options{Subscriptions: []queue.Subscription{{
				Name: "consumer", Topic: "operations", Endpoint: srv.URL, Ordered: true, MaxInFlight: 256,
			}}}
			if bb.dir {
				opts.Dir = b.TempDir()
			}
			q := openQueue(b, opts)
			client := serve(b, q)
			b.ResetTimer()
			publishAll(b, client, b.N)
			if err := q.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			if served.Load() != int64(b.N) {
				b.Errorf("%d of %d messages delivered", served.Load(), b.N)
			}
		})
	}
}
