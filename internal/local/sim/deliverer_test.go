package sim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inbox is a receiver of messages whose body is a name.
type inbox struct {
	url    string
	status func(attempt int) int

	mu   sync.Mutex
	got  []string
	open int // requests being answered
	most int
	gate chan struct{} // when set, requests wait for it
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: func(int) int { return 200 }}
	ts := httptest.NewServer(in)
	t.Cleanup(ts.Close)
	in.url = ts.URL
	return in
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in.mu.Lock()
	in.got = append(in.got, string(body))
	in.open++
	in.most = max(in.most, in.open)
	in.mu.Unlock()
	if in.gate != nil {
		select {
		case <-in.gate:
		case <-r.Context().Done():
		}
	}
	in.mu.Lock()
	in.open--
	in.mu.Unlock()
	attempt, _ := strconv.Atoi(r.Header.Get("Attempt"))
	w.WriteHeader(in.status(attempt))
}

func (in *inbox) names() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Sorted(slices.Values(in.got))
}

func (in *inbox) job(name string) Job {
	return Job{What: name, Build: func(attempt int) (*http.Request, error) {
		r, err := http.NewRequest(http.MethodPost, in.url, newBody(name))
		if err == nil {
			r.Header.Set("Attempt", strconv.Itoa(attempt))
		}
		return r, err
	}}
}

func newBody(s string) io.Reader { return io.NopCloser(&onlyReader{s}) }

// onlyReader hides its length, so that nothing is replayed by the transport.
type onlyReader struct{ left string }

func (r *onlyReader) Read(p []byte) (int, error) {
	if r.left == "" {
		return 0, io.EOF
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func deliverer(t *testing.T, cfg DelivererConfig) *Deliverer {
	t.Helper()
	if cfg.RetryBase == 0 {
		cfg.RetryBase = time.Microsecond
	}
	d := NewDeliverer(cfg)
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

func wait(t *testing.T, d *Deliverer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.Wait(ctx); err != nil {
		t.Fatalf("not idle: %v", err)
	}
	if !d.Idle() {
		t.Fatal("Wait returned, yet something is pending")
	}
}

// attempts are the recorded attempts without what differs from run to run.
func attempts(d *Deliverer) []Delivery {
	out := d.Deliveries()
	for i := range out {
		out[i].Time = time.Time{}
		if out[i].Error != "" {
			out[i].Error = "some"
		}
	}
	return out
}

func TestDelivererRetriesUntilItIsAnswered2xx(t *testing.T) {
	in := newInbox(t)
	in.status = func(attempt int) int { return []int{500, 302, 204}[attempt] }
	d := deliverer(t, DelivererConfig{Retries: 5})
	d.Send(in.job("a"))
	wait(t, d)
	want := []Delivery{
		{Message: 1, What: "a", Attempt: 0, Status: 500},
		{Message: 1, What: "a", Attempt: 1, Status: 302},
		{Message: 1, What: "a", Attempt: 2, Status: 204, Final: true},
	}
	if diff := cmp.Diff(want, attempts(d)); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	d.Reset()
	if n := len(d.Deliveries()); n != 0 {
		t.Errorf("%d attempts after Reset", n)
	}
}

func TestDelivererGivesUp(t *testing.T) {
	d := deliverer(t, DelivererConfig{Retries: 1})
	d.Send(Job{What: "refused", Build: func(int) (*http.Request, error) {
		return http.NewRequest(http.MethodPost, "http://127.0.0.1:1/", nil)
	}})
	wait(t, d)
	d.Send(Job{What: "not built", Build: func(int) (*http.Request, error) { return nil, errors.New("no") }})
	wait(t, d)
	want := []Delivery{
		{Message: 1, What: "refused", Attempt: 0, Error: "some"},
		{Message: 1, What: "refused", Attempt: 1, Error: "some", Final: true},
		{Message: 2, What: "not built", Attempt: 0, Error: "some"},
		{Message: 2, What: "not built", Attempt: 1, Error: "some", Final: true},
	}
	if diff := cmp.Diff(want, attempts(d)); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestDelivererTimesOut(t *testing.T) {
	in := newInbox(t)
	in.gate = make(chan struct{})
	defer close(in.gate)
	d := deliverer(t, DelivererConfig{Timeout: time.Millisecond})
	d.Send(in.job("slow"))
	wait(t, d)
	if got := d.Deliveries(); len(got) != 1 || got[0].Status != 0 || !got[0].Final {
		t.Errorf("attempts %+v", got)
	}
}

func TestDelivererBoundsWhatIsInFlight(t *testing.T) {
	in := newInbox(t)
	in.gate = make(chan struct{})
	d := deliverer(t, DelivererConfig{InFlight: 3})
	for i := range 12 {
		d.Send(in.job(strconv.Itoa(i)))
	}
	if d.Idle() {
		t.Error("idle with 12 messages on their way")
	}
	for range 12 {
		in.gate <- struct{}{}
	}
	wait(t, d)
	if len(in.names()) != 12 || in.most > 3 {
		t.Errorf("%d messages arrived, %d at once; want 12, at most 3", len(in.names()), in.most)
	}
}

func TestChaosIsSeeded(t *testing.T) {
	play := func(seed uint64) []string {
		in := newInbox(t)
		d := deliverer(t, DelivererConfig{Seed: seed})
		d.SetChaos(Chaos{Duplicate: 0.3, Lose: 0.3, Reorder: 0.5, Delay: Duration(time.Millisecond)})
		for i := range 40 {
			d.Send(in.job(strconv.Itoa(i)))
		}
		wait(t, d)
		return in.names()
	}
	first := play(1)
	if diff := cmp.Diff(first, play(1)); diff != "" {
		t.Errorf("one seed gave two histories:\n%s", diff)
	}
	if cmp.Equal(first, play(2)) {
		t.Error("two seeds gave one history")
	}
	unique := slices.Compact(slices.Clone(first))
	if len(unique) == 40 || len(unique) == len(first) {
		t.Errorf("%d of 40 arrived in %d requests: nothing was lost, or nothing came twice", len(unique), len(first))
	}
}

func TestCertainLossAndDuplication(t *testing.T) {
	in := newInbox(t)
	d := deliverer(t, DelivererConfig{})
	d.SetChaos(Chaos{Lose: 1})
	d.Send(in.job("lost"))
	d.SetChaos(Chaos{Duplicate: 1, Delay: Duration(time.Nanosecond)})
	d.Send(in.job("twice"))
	wait(t, d)
	if diff := cmp.Diff([]string{"twice", "twice"}, in.names()); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
	if first := d.Deliveries()[0]; !first.Lost || !first.Final || first.What != "lost" {
		t.Errorf("noted %+v", first)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	in := newInbox(t)
	in.status = func(int) int { return 500 }
	d := NewDeliverer(DelivererConfig{Retries: 10, RetryBase: time.Hour})
	d.Send(in.job("a"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Fatalf("close: %v", err)
	}
	d.Send(in.job("b"))
	if !d.Idle() || slices.Contains(in.names(), "b") {
		t.Error("a message was sent after Close")
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	d := deliverer(t, DelivererConfig{})
	d.Send(Job{After: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait returned %v", err)
	}
}
