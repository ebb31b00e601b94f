package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue/queuetest"
)

const project = "test-project"

// openQueue starts an embedded queue and closes it with the test.
func openQueue(t testing.TB, opts queue.Options) *queue.Queue {
	t.Helper()
	opts.Project = project
	opts.Logger = slog.New(slog.DiscardHandler)
	q, err := queue.New(opts)
	if err != nil {
		t.Fatalf("open queue: %v", err)
	}
	t.Cleanup(func() { closeQueue(t, q) })
	return q
}

func closeQueue(t testing.TB, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := q.Close(ctx); err != nil {
		t.Errorf("close queue: %v", err)
	}
}

// serve puts a queue under a real client.
func serve(t testing.TB, q *queue.Queue) *pubsub.Client {
	t.Helper()
	srv := grpc.NewServer(queue.ServerOptions()...)
	q.Register(srv)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	go func() { _ = srv.Serve(listener) }() // ends with Stop
	t.Cleanup(srv.Stop)
	return dial(t, listener.Addr().String(), project)
}

// dial returns a client as PUBSUB_EMULATOR_HOST would make it.
func dial(t testing.TB, address, project string) *pubsub.Client {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), project,
		option.WithEndpoint(address),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	)
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close client: %v", err)
		}
	})
	return client
}

func TestEmbeddedKeepsTheContract(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T, subs []queue.Subscription) queuetest.System {
		q := openQueue(t, queue.Options{Subscriptions: subs})
		return queuetest.System{Client: serve(t, q), Wait: q.Wait}
	})
}

func TestEmbeddedWithALogKeepsTheContract(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T, subs []queue.Subscription) queuetest.System {
		q := openQueue(t, queue.Options{Subscriptions: subs, Dir: t.TempDir()})
		return queuetest.System{Client: serve(t, q), Wait: q.Wait}
	})
}

// pushHandler answers each push with what answer says to its data.
func pushHandler(answer func(data string) int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Message struct {
				Data []byte `json:"data"`
			} `json:"message"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, "bad body", http.StatusBadRequest)
			return
		}
		w.WriteHeader(answer(string(body.Message.Data)))
	})
}

// publishAll publishes n messages under as many keys and waits for all of them.
func publishAll(t testing.TB, client *pubsub.Client, n int) {
	t.Helper()
	p := client.Publisher("operations")
	p.EnableMessageOrdering = true
	p.PublishSettings.DelayThreshold = time.Millisecond
	defer p.Stop()
	results := make([]*pubsub.PublishResult, n)
	for i := range results {
		results[i] = p.Publish(t.Context(), &pubsub.Message{Data: []byte("{}"), OrderingKey: fmt.Sprint("hubspot/contact/", i)})
	}
	for _, r := range results {
		if _, err := r.Get(t.Context()); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
}
