package queuetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
)

// failures says how many tries of a message fail first: 0 to 3, as its data
// decides.
func failures(data string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(data)) // a hash never fails
	return int(h.Sum32() % 4)
}

func orderUnderFailures(t *testing.T, open Open) {
	e := newEndpoint(t, func(_ context.Context, d delivery) int {
		if d.Try <= failures(d.Data) {
			return http.StatusServiceUnavailable
		}
		return http.StatusNoContent
	})
	s := open(t, []queue.Subscription{subscription(e)})
	want := publishKeys(t, s, 10, 20)
	e.waitAcked(t, 200)
	wait(t, s)
	if diff := cmp.Diff(want, e.byKey()); diff != "" {
		t.Errorf("order per key (-want +got):\n%s", diff)
	}
	e.check(t)
}

func manyKeys(t *testing.T, open Open) {
	e := newEndpoint(t, always(http.StatusNoContent))
	sub := subscription(e)
	sub.MaxInFlight = 8
	s := open(t, []queue.Subscription{sub})
	want := publishKeys(t, s, 100, 10)
	e.waitAcked(t, 1000)
	wait(t, s)
	if diff := cmp.Diff(want, e.byKey()); diff != "" {
		t.Errorf("order per key (-want +got):\n%s", diff)
	}
	e.mu.Lock()
	most := e.most
	e.mu.Unlock()
	if most > 8 {
		t.Errorf("%d in flight, want at most 8", most)
	}
	e.check(t)
}

func raceOnOneRecord(t *testing.T, open Open) {
	e := newEndpoint(t, always(http.StatusNoContent))
	s := open(t, []queue.Subscription{subscription(e)})
	const publishers, each = 16, 5
	gate := make(chan struct{})
	var wg sync.WaitGroup
	errs := make(chan error, publishers*each)
	for i := range publishers {
		p := newPublisher(t, s, topic)
		wg.Go(func() {
			<-gate
			for j := range each {
				r := p.Publish(t.Context(), &pubsub.Message{Data: fmt.Appendf(nil, "%d/%d", i, j), OrderingKey: "record"})
				if _, err := r.Get(t.Context()); err != nil {
					errs <- err
				}
			}
		})
	}
	close(gate)
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Errorf("publish: %v", err)
	}
	e.waitAcked(t, publishers*each)
	wait(t, s)
	var want []string
	for i := range publishers {
		for j := range each {
			want = append(want, fmt.Sprintf("%d/%d", i, j))
		}
	}
	got := e.ackedData("record")
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	e.check(t)
}

// publishKeys publishes each messages on each of keys keys, the keys side by
// side, and returns what was published by key.
func publishKeys(t *testing.T, s System, keys, each int) map[string][]string {
	t.Helper()
	p := newPublisher(t, s, topic)
	published := map[string][]string{}
	var results []*pubsub.PublishResult
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	for i := range each {
		for k := range keys {
			key := fmt.Sprintf("key-%d", k)
			data := fmt.Sprintf("%s/%d", key, i)
			published[key] = append(published[key], data)
			results = append(results, p.Publish(ctx, &pubsub.Message{Data: []byte(data), OrderingKey: key}))
		}
	}
	for _, r := range results {
		if _, err := r.Get(ctx); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	return published
}

// byKey lists what was acknowledged by key, in order.
func (e *endpoint) byKey() map[string][]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string][]string{}
	for _, d := range e.acked {
		all[d.Key] = append(all[d.Key], d.Data)
	}
	return all
}
