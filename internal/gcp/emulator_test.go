package gcp_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

// startPubSub starts Google's emulator. Where it is not installed the test is
// skipped, unless CONNECTOR_REQUIRE_EMULATORS says that it must be.
func startPubSub(t *testing.T) string {
	t.Helper()
	em, err := emulator.StartPubSub(t.Context())
	if emulator.MaySkip(err) {
		t.Skipf("SKIPPED, NOT PROVEN AGAINST GOOGLE'S EMULATOR: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := em.Stop(); err != nil {
			t.Error(err)
		}
	})
	return em.Addr
}

// TestWhatIsPublishedIsPushedByGooglesEmulator: from Publish through Google's
// own code to the handler and back, which must be an acknowledgement to it.
func TestWhatIsPublishedIsPushedByGooglesEmulator(t *testing.T) {
	tier.Long(t, "that Google's Pub/Sub emulator takes what is published and pushes it back")
	addr := startPubSub(t)
	client, err := gcp.NewPubSub(t.Context(), project, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }() // the test is over

	received := make(chan gcp.Message, 10)
	var log bytes.Buffer
	server := httptest.NewServer(gcp.NewPushHandler(func(_ context.Context, m gcp.Message) error {
		received <- m
		return nil
	}, slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo))))
	defer server.Close()

	topic := "projects/" + project + "/topics/" + topicID
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: "projects/" + project + "/subscriptions/" + topicID, Topic: topic,
		EnableMessageOrdering: true, PushConfig: &pubsubpb.PushConfig{PushEndpoint: server.URL},
	}); err != nil {
		t.Fatal(err)
	}
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()

	// Two of one record: the emulator, which pushes a key in order, sends the
	// second only when the first is acknowledged.
	first, second := operation("123"), operation("123")
	second.ID = "op-124"
	for _, o := range []op.Operation{first, second} {
		if err := p.Publish(telemetry.WithTrace(t.Context(), traceparent), []op.Operation{o}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []op.Operation{first, second} {
		m := await(t, received)
		got, err := op.Decode(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		want.Version = op.Version
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("operation (-want +got):\n%s", diff)
		}
		if m.OrderingKey != want.OrderingKey() || m.Attributes["traceparent"] != traceparent {
			t.Errorf("ordering key %q and trace %q were not passed on", m.OrderingKey, m.Attributes["traceparent"])
		}
	}
	server.Close() // waits for the handlers, which write the log
	if log.Len() > 0 {
		t.Errorf("logged %s, want nothing", log.String())
	}
}

func await(t *testing.T, received <-chan gcp.Message) gcp.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case m := <-received:
		return m
	case <-ctx.Done():
		t.Fatal("nothing was pushed")
		return gcp.Message{}
	}
}
