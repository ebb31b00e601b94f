package queuetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// delivery is one push as an endpoint saw it.
type delivery struct {
	ID, Key, Data, Subscription string
	Attributes                  map[string]string
	Attempt                     int // as the body counts
	Try                         int // as the endpoint counts, from 1
}

// endpoint receives pushes, answers what its answer function says, and notices
// when two messages of one key are under way at once.
type endpoint struct {
	url    string
	answer func(ctx context.Context, d delivery) int // an HTTP status

	mu       sync.Mutex
	tries    map[string]int // by message id
	active   map[string]int // by ordering key
	inFlight int
	most     int        // ever in flight
	all      []delivery // in the order of their arrival
	acked    []delivery // in the order of their answers
	faults   []string
	changed  chan struct{} // closed and replaced when something was answered
}

// newEndpoint serves until the test ends.
func newEndpoint(t *testing.T, answer func(ctx context.Context, d delivery) int) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer, tries: map[string]int{}, active: map[string]int{}, changed: make(chan struct{})}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	e.url = srv.URL
	return e
}

// always answers the same.
func always(code int) func(context.Context, delivery) int {
	return func(context.Context, delivery) int { return code }
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Message struct {
			ID          string            `json:"messageId"`
			Data        []byte            `json:"data"`
			Attributes  map[string]string `json:"attributes"`
			OrderingKey string            `json:"orderingKey"`
		} `json:"message"`
		Subscription    string `json:"subscription"`
		DeliveryAttempt int    `json:"deliveryAttempt"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		e.note(fmt.Sprintf("body: %v", err))
		http.Error(w, "bad body", http.StatusBadRequest)
		return
	}
	if got := r.Header.Get("Content-Type"); r.Method != http.MethodPost || got != "application/json" {
		e.note(fmt.Sprintf("%s with content type %q", r.Method, got))
	}
	d := e.begin(delivery{
		ID: body.Message.ID, Key: body.Message.OrderingKey, Data: string(body.Message.Data),
		Subscription: body.Subscription, Attributes: body.Message.Attributes, Attempt: body.DeliveryAttempt,
	})
	code := e.answer(r.Context(), d)
	e.end(d, code)
	w.WriteHeader(code)
}

// begin notes that a delivery is under way.
func (e *endpoint) begin(d delivery) delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tries[d.ID]++
	d.Try = e.tries[d.ID]
	e.all = append(e.all, d)
	e.inFlight++
	e.most = max(e.most, e.inFlight)
	e.active[d.Key]++
	if d.Key != "" && e.active[d.Key] > 1 {
		e.faults = append(e.faults, fmt.Sprintf("key %s: %d messages under way at once", d.Key, e.active[d.Key]))
	}
	return d
}

// end notes what a delivery is answered, just before the gateway can see it.
func (e *endpoint) end(d delivery, code int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inFlight--
	e.active[d.Key]--
	if code/100 == 2 {
		e.acked = append(e.acked, d)
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *endpoint) note(fault string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, fault)
}

// ackedData lists what was acknowledged under a key, in order.
func (e *endpoint) ackedData(key string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var data []string
	for _, d := range e.acked {
		if d.Key == key {
			data = append(data, d.Data)
		}
	}
	return data
}

// deliveries lists every push of a message's data, in order.
func (e *endpoint) deliveries(data string) []delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.all), func(d delivery) bool { return d.Data != data })
}

// waitAcked returns when n deliveries have been acknowledged, and fails the test
// when that takes too long.
func (e *endpoint) waitAcked(t *testing.T, n int) {
	t.Helper()
	deadline := time.NewTimer(maxWait)
	defer deadline.Stop()
	for {
		e.mu.Lock()
		acked, changed := len(e.acked), e.changed
		e.mu.Unlock()
		if acked >= n {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("%d of %d messages acknowledged after %v", acked, n, maxWait)
		}
	}
}

// check fails the test for what the endpoint noticed.
func (e *endpoint) check(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.faults {
		t.Error(f)
	}
}
