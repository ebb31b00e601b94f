package gcp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

const (
	project     = "example"
	topicID     = "zoho-operations"
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

// refusals makes the service refuse messages by ordering key.
type refusals struct {
	mu   sync.Mutex
	keys map[string]codes.Code
	hold chan struct{} // unless nil, a publish waits until it is closed
}

func (r *refusals) set(key string, code codes.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = map[string]codes.Code{}
	}
	r.keys[key] = code
}

// React is called for every Publish request.
func (r *refusals) React(req any) (bool, any, error) {
	r.mu.Lock()
	hold := r.hold
	code := r.keys[req.(*pubsubpb.PublishRequest).Messages[0].OrderingKey]
	r.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if code != codes.OK {
		return true, nil, status.Error(code, "refused by the test")
	}
	return false, nil, nil
}

// newTopic starts a Pub/Sub service with one topic.
func newTopic(t *testing.T, r *refusals) (*pstest.Server, *pubsub.Client) {
	t.Helper()
	server := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: r})
	t.Cleanup(func() { _ = server.Close() }) // the test is over, nothing depends on it
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pubsub.NewClient(t.Context(), project, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	name := "projects/" + project + "/topics/" + topicID
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
		t.Fatal(err)
	}
	return server, client
}

func operation(id string) op.Operation {
	at := time.Date(2026, 11, 23, 10, 11, 12, 0, time.UTC)
	return op.Operation{
		ID: "op-" + id, Change: op.Updated, OccurredAt: at, ReceivedAt: at.Add(time.Second), Events: 1,
		Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: id},
	}
}

func operations(n int) []op.Operation {
	ops := make([]op.Operation, n)
	for i := range ops {
		ops[i] = operation(fmt.Sprint(100 + i))
	}
	return ops
}

// published lists the operations on the topic by id.
func published(t *testing.T, server *pstest.Server) map[string]int {
	t.Helper()
	ids := map[string]int{}
	for _, m := range server.Messages() {
		o, err := op.Decode(m.Data)
		if err != nil {
			t.Errorf("message %s: %v", m.ID, err)
		}
		ids[o.ID]++
	}
	return ids
}

func TestPublishPutsTheOperationItsOrderingKeyAndTheTraceOnTheTopic(t *testing.T) {
	server, client := newTopic(t, &refusals{})
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()

	want := operation("123")
	if err := p.Publish(telemetry.WithTrace(t.Context(), traceparent), []op.Operation{want}); err != nil {
		t.Fatal(err)
	}
	messages := server.Messages()
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want 1", len(messages))
	}
	got, err := op.Decode(messages[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	want.Version = op.Version
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operation (-want +got):\n%s", diff)
	}
	if got, want := messages[0].OrderingKey, "hubspot/contact/123"; got != want {
		t.Errorf("ordering key %q, want %q", got, want)
	}
	wantAttributes := map[string]string{
		"ordering_key": "hubspot/contact/123", "operation_id": "op-123",
		"change": "updated", "traceparent": traceparent,
	}
	if diff := cmp.Diff(wantAttributes, messages[0].Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestPublishWithoutATraceSendsNoTrace(t *testing.T) {
	server, client := newTopic(t, &refusals{})
	p := gcp.NewPublisher(client, "projects/"+project+"/topics/"+topicID)
	defer p.Stop()
	if err := p.Publish(t.Context(), operations(1)); err != nil {
		t.Fatal(err)
	}
	if got, ok := server.Messages()[0].Attributes["traceparent"]; ok {
		t.Errorf("traceparent %q, want none", got)
	}
}

func TestPublishReturnsAfterEveryOperationIsOnTheTopic(t *testing.T) {
	server, client := newTopic(t, &refusals{})
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()
	if err := p.Publish(t.Context(), operations(150)); err != nil {
		t.Fatal(err)
	}
	if got := len(published(t, server)); got != 150 {
		t.Errorf("%d operations on the topic, want 150", got)
	}
}

func TestPublishOfNothingSucceeds(t *testing.T) {
	_, client := newTopic(t, &refusals{})
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()
	if err := p.Publish(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestPublishReportsEveryFailureAndPublishesTheRest(t *testing.T) {
	r := &refusals{}
	server, client := newTopic(t, r)
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()
	r.set("hubspot/contact/101", codes.PermissionDenied)
	r.set("hubspot/contact/103", codes.PermissionDenied)
	ops := operations(5)
	ops[4].Change = "invented" // cannot be encoded

	err := p.Publish(t.Context(), ops)
	var failed *gcp.PublishError
	if !errors.As(err, &failed) {
		t.Fatalf("error %v, want a *PublishError", err)
	}
	if failed.Total != 5 || len(failed.Failed) != 3 {
		t.Errorf("%d of %d failed, want 3 of 5", len(failed.Failed), failed.Total)
	}
	if !strings.HasPrefix(err.Error(), "publish: 3 of 5 operations failed, the first: operation op-101: ") {
		t.Errorf("error text %q", err)
	}
	if status.Code(errors.Unwrap(failed.Failed[0])) != codes.PermissionDenied {
		t.Errorf("first failure %v, want PermissionDenied in its chain", failed.Failed[0])
	}
	if diff := cmp.Diff(map[string]int{"op-100": 1, "op-102": 1}, published(t, server)); diff != "" {
		t.Errorf("on the topic (-want +got):\n%s", diff)
	}
}

func TestPublishAgainAfterAFailureOfTheSameRecordSucceeds(t *testing.T) {
	r := &refusals{}
	server, client := newTopic(t, r)
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()
	r.set("hubspot/contact/100", codes.PermissionDenied)
	if err := p.Publish(t.Context(), operations(1)); err == nil {
		t.Fatal("the refused publish succeeded")
	}
	r.set("hubspot/contact/100", codes.OK)
	if err := p.Publish(t.Context(), operations(1)); err != nil {
		t.Fatalf("the key stayed paused: %v", err)
	}
	if diff := cmp.Diff(map[string]int{"op-100": 1}, published(t, server)); diff != "" {
		t.Errorf("on the topic (-want +got):\n%s", diff)
	}
}

func TestPublishGivesUpWithItsContextAndLeavesNoKeyPaused(t *testing.T) {
	r := &refusals{hold: make(chan struct{})}
	_, client := newTopic(t, r)
	p := gcp.NewPublisher(client, topicID)
	defer p.Stop()
	r.set("hubspot/contact/100", codes.PermissionDenied)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.Publish(ctx, operations(1))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	// The refusal arrives when the caller has gone, and pauses the key.
	close(r.hold)
	if err := p.Publish(t.Context(), operations(1)); err == nil {
		t.Fatal("the refused publish succeeded")
	}
	r.set("hubspot/contact/100", codes.OK)
	if err := p.Publish(t.Context(), operations(1)); err != nil {
		t.Fatalf("the key stayed paused: %v", err)
	}
}

func TestPublishAfterStopFails(t *testing.T) {
	_, client := newTopic(t, &refusals{})
	p := gcp.NewPublisher(client, topicID)
	if err := p.Publish(t.Context(), operations(1)); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := p.Publish(t.Context(), operations(1)); !errors.Is(err, pubsub.ErrPublisherStopped) {
		t.Errorf("error %v, want ErrPublisherStopped", err)
	}
}
