package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue/queuetest"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

// projects gives every test a project of its own in the one emulator.
var projects atomic.Int64

// startEmulator starts Google's emulator and returns its address.
func startEmulator(t *testing.T) string {
	t.Helper()
	e, err := emulator.StartPubSub(t.Context())
	if emulator.MaySkip(err) {
		t.Skipf("SKIPPED: the gateway over Google's Pub/Sub emulator is UNTESTED: %v", err)
	}
	if err != nil {
		t.Fatalf("start emulator: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Errorf("stop emulator: %v", err)
		}
	})
	return e.Addr
}

func openPull(t *testing.T, client *pubsub.Client, subs []queue.Subscription) *queue.Pull {
	t.Helper()
	p, err := queue.OpenPull(t.Context(), client, queue.PullOptions{
		Subscriptions: subs, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("open pull: %v", err)
	}
	return p
}

func closePull(t *testing.T, p *queue.Pull) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Errorf("close pull: %v", err)
	}
}

func TestGoogleEmulator(t *testing.T) {
	tier.Long(t, "that the queue over Google's Pub/Sub emulator keeps the embedded one's contract")
	t.Parallel()
	address := startEmulator(t)
	client := func(t *testing.T) *pubsub.Client {
		return dial(t, address, fmt.Sprintf("project-%d", projects.Add(1)))
	}
	t.Run("keeps the contract", func(t *testing.T) {
		queuetest.Run(t, func(t *testing.T, subs []queue.Subscription) queuetest.System {
			c := client(t)
			p := openPull(t, c, subs)
			t.Cleanup(func() { closePull(t, p) })
			return queuetest.System{Client: c, Wait: p.Wait}
		})
	})
	t.Run("a restart delivers the rest in order", func(t *testing.T) {
		c := client(t)
		for range 5 { // the order of what is handed back must not be luck
			restartPull(t, c)
		}
	})
}

// restartPull closes a gateway whose endpoint fails from the third message on,
// and opens another.
func restartPull(t *testing.T, client *pubsub.Client) {
	var mu sync.Mutex
	var acked []string
	healed := false
	failed := make(chan struct{}, 1000)
	srv := httptest.NewServer(pushHandler(func(data string) int {
		mu.Lock()
		defer mu.Unlock()
		if len(acked) >= 2 && !healed {
			failed <- struct{}{}
			return http.StatusServiceUnavailable
		}
		acked = append(acked, data)
		return http.StatusNoContent
	}))
	defer srv.Close()
	subs := []queue.Subscription{{
		Name: "consumer", Topic: "operations", Endpoint: srv.URL, Ordered: true,
		MinBackoff: 50 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	}}
	first := openPull(t, client, subs)
	want := []string{"a", "b", "c", "d", "e"}
	publish(t, client, "k", want...)
	<-failed
	closePull(t, first)
	mu.Lock()
	healed = true
	mu.Unlock()
	second := openPull(t, client, subs)
	defer closePull(t, second)
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acked) >= len(want)
	})
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, acked); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
}

// publish stores messages of one key in order.
func publish(t testing.TB, client *pubsub.Client, key string, data ...string) {
	t.Helper()
	p := client.Publisher("operations")
	p.EnableMessageOrdering = true
	defer p.Stop()
	var errs []error
	results := make([]*pubsub.PublishResult, len(data))
	for i, d := range data {
		results[i] = p.Publish(t.Context(), &pubsub.Message{Data: []byte(d), OrderingKey: key})
	}
	for _, r := range results {
		_, err := r.Get(t.Context())
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// waitFor returns when done reports true, and fails the test when it does not
// within half a minute.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatal("what was waited for did not happen")
		}
	}
}
