package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// line is the other side: it takes a second for each call and keeps what was
// asked.
type line struct {
	takes time.Duration
	mu    sync.Mutex
	calls []string // "at 2s: a b c"
	now   int
	most  int // in flight
	start time.Time
	do    func(ctx context.Context, requests []string) []crm.Answer[string]
}

func newLine() *line { return &line{takes: time.Second, start: time.Now()} }

func (l *line) call(ctx context.Context, requests []string) []crm.Answer[string] {
	l.mu.Lock()
	l.calls = append(l.calls, fmt.Sprintf("at %v: %s", time.Since(l.start), strings.Join(requests, " ")))
	l.now++
	l.most = max(l.most, l.now)
	l.mu.Unlock()
	defer func() { l.mu.Lock(); l.now--; l.mu.Unlock() }()
	if l.do != nil {
		return l.do(ctx, requests)
	}
	select {
	case <-time.After(l.takes):
	case <-ctx.Done():
	}
	answers := make([]crm.Answer[string], len(requests))
	for i, r := range requests {
		if answers[i].Value = "answer to " + r; strings.HasPrefix(r, "bad") {
			answers[i] = crm.Answer[string]{Err: errors.New(r + " is refused")}
		}
	}
	return answers
}

// ask lets a caller make a request after a while and returns what it got.
func ask(t *testing.T, q *Queue[string, string, string], wait *sync.WaitGroup, after time.Duration, request string) {
	t.Helper()
	wait.Go(func() {
		time.Sleep(after)
		got, _, err := q.Do(t.Context(), request, request)
		if err != nil || got != "answer to "+request {
			t.Errorf("%s got %q, %v", request, got, err)
		}
	})
}

func TestRequestsGatherWhileACallIsInFlight(t *testing.T) {
	tests := map[string]struct {
		limits Limits
		asked  []string // "0s a"
		want   []string
	}{
		"a lone request leaves at once, and so does the next": {
			Limits{Size: 10, MaxInFlight: 3}, []string{"0s a", "1s b"}, []string{"at 0s: a", "at 1s: b"}},
		"what arrives meanwhile leaves together": {
			Limits{Size: 10, MaxInFlight: 3}, []string{"0s a", "100ms b", "200ms c"}, []string{"at 0s: a", "at 1s: b c"}},
		"a full call does not wait, and what is left over does until all are back": {
			Limits{Size: 2, MaxInFlight: 3}, []string{"0s a", "100ms b", "200ms c", "300ms d"},
			[]string{"at 0s: a", "at 200ms: b c", "at 1.2s: d"}},
		"no more calls than allowed are in flight, full or not": {
			Limits{Size: 1, MaxInFlight: 2}, []string{"0s a", "100ms b", "200ms c"}, []string{"at 0s: a", "at 100ms: b", "at 1s: c"}},
		"patience ends": {
			Limits{Size: 10, MaxInFlight: 3, MaxWait: 300 * time.Millisecond}, []string{"0s a", "100ms b", "200ms c"},
			[]string{"at 0s: a", "at 400ms: b c"}},
		"patience does not end at the limit": {
			Limits{Size: 10, MaxInFlight: 1, MaxWait: 300 * time.Millisecond}, []string{"0s a", "100ms b"},
			[]string{"at 0s: a", "at 1s: b"}},
		"more than a step leaves by whole steps": {
			Limits{Size: 10, MaxInFlight: 1, Step: 2}, []string{"0s a", "100ms b", "200ms c", "300ms d"},
			[]string{"at 0s: a", "at 1s: b c", "at 2s: d"}},
		"less than a step leaves as it is": {
			Limits{Size: 10, MaxInFlight: 1, Step: 4}, []string{"0s a", "100ms b", "200ms c", "300ms d"},
			[]string{"at 0s: a", "at 1s: b c d"}},
		"a key never meets itself, in a call or beside it, and others pass it": {
			Limits{Size: 2, MaxInFlight: 3, MaxWait: 200 * time.Millisecond},
			[]string{"0s a", "10ms a", "20ms a", "30ms b", "40ms c"},
			[]string{"at 0s: a", "at 40ms: b c", "at 1s: a", "at 2s: a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine()
				q := New[string](tt.limits, l.call)
				var wait sync.WaitGroup
				for _, a := range tt.asked {
					after, request, _ := strings.Cut(a, " ")
					d, err := time.ParseDuration(after)
					if err != nil {
						t.Fatal(err)
					}
					ask(t, q, &wait, d, request)
				}
				wait.Wait()
				if diff := cmp.Diff(tt.want, l.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestARequestWaitsLongerTheMoreOthersAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := &LoadCounter{}
		other, l := newLine(), newLine()
		other.takes = time.Minute
		busy := New[string](Limits{Size: 1, MaxInFlight: 1000, Load: load}, other.call)
		q := New[string](Limits{Size: 10, MaxInFlight: 2, Load: load}, l.call)
		var wait sync.WaitGroup
		ask(t, q, &wait, 0, "alone")
		for i := range 100 {
			ask(t, busy, &wait, 2*time.Second, fmt.Sprint("other ", i))
		}
		ask(t, q, &wait, 3*time.Second, "a")
		ask(t, q, &wait, 3*time.Second+20*time.Millisecond, "b")
		ask(t, q, &wait, 10*time.Second, "c")
		wait.Wait()
		// A hundred others, and b: 101 ms.
		if diff := cmp.Diff([]string{"at 0s: alone", "at 3.101s: a b", "at 10.1s: c"}, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestBackgroundWorkWaitsLongerAndNoUrgentRequestWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := &LoadCounter{}
		l := newLine()
		q := New[string](Limits{Size: 10, MaxInFlight: 2, Load: load}, l.call)
		var wait sync.WaitGroup
		background := func(after time.Duration, request string) {
			wait.Go(func() {
				time.Sleep(after)
				if _, _, err := q.Do(quota.WithBackground(t.Context()), request, request); err != nil {
					t.Error(err)
				}
			})
		}
		background(0, "alone")
		for i := range 3 {
			background(2*time.Second+time.Duration(i)*40*time.Millisecond, fmt.Sprint("echo", i))
		}
		ask(t, q, &wait, 10*time.Second, "edit")
		background(10*time.Second+time.Millisecond, "late")
		wait.Wait()
		want := []string{"at 50ms: alone", "at 2.15s: echo0 echo1 echo2", "at 10s: edit", "at 11s: late"}
		if diff := cmp.Diff(want, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestSharedRequestsTakeOnePlaceAndNeverJoinACallThatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		q := New[string](Limits{Size: 2, MaxInFlight: 1, Shared: true}, l.call)
		var wait sync.WaitGroup
		for _, after := range []time.Duration{0, 100, 200, 300} {
			ask(t, q, &wait, after*time.Millisecond, "a")
		}
		ask(t, q, &wait, 400*time.Millisecond, "b")
		wait.Wait()
		// The second read of a may be the one that verifies a write: what the
		// first sees may be older.
		if diff := cmp.Diff([]string{"at 0s: a", "at 1s: a b"}, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestBackgroundWorkThatWaitsDelaysNoUrgentRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		var urgent []bool
		q := New[string](Limits{Size: 10, MaxInFlight: 1}, func(ctx context.Context, requests []string) []crm.Answer[string] {
			if quota.IsBackground(ctx) {
				time.Sleep(time.Hour) // for its quota
			}
			l.mu.Lock()
			urgent = append(urgent, !quota.IsBackground(ctx))
			l.mu.Unlock()
			return l.call(ctx, requests)
		})
		var wait sync.WaitGroup
		for i, request := range []string{"sweep", "another"} {
			wait.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if _, _, err := q.Do(quota.WithBackground(t.Context()), request, request); err != nil {
					t.Error(err)
				}
			})
		}
		ask(t, q, &wait, 2*time.Millisecond, "edit")
		wait.Wait()
		// The second sweep goes along with the edit.
		if diff := cmp.Diff([]string{"at 2ms: edit another", "at 1h0m0s: sweep"}, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]bool{true, false}, urgent); diff != "" {
			t.Errorf("urgent (-want +got):\n%s", diff)
		}
	})
}

func TestTheCallHasTheValuesOfItsCallerAndNotItsDeadline(t *testing.T) {
	type name struct{}
	synctest.Test(t, func(t *testing.T) {
		var seen any
		var bounded bool
		q := New[string](Limits{}, func(ctx context.Context, requests []string) []crm.Answer[string] {
			seen = ctx.Value(name{})
			_, bounded = ctx.Deadline()
			return make([]crm.Answer[string], len(requests))
		})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), name{}, "trace"), time.Minute)
		defer cancel()
		if _, _, err := q.Do(ctx, "a", "a"); err != nil || seen != "trace" || bounded {
			t.Errorf("error %v, value %v, deadline %t", err, seen, bounded)
		}
	})
}

// Whatever callers do, each gets its own answer, no call is too large, no key
// meets itself, and nobody is passed by without end.
func TestALotOfCallersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		limits := Limits{Size: 7, MaxInFlight: 3, Step: 5, MaxWait: 2 * time.Second}
		var mu sync.Mutex
		flying := map[string]bool{}
		q := New[string](limits, func(ctx context.Context, requests []string) []crm.Answer[string] {
			mu.Lock()
			for _, r := range requests {
				if flying[r] {
					t.Errorf("%s is in flight twice", r)
				}
				flying[r] = true
			}
			mu.Unlock()
			if len(requests) > limits.Size || len(requests) > limits.Step && len(requests)%limits.Step != 0 {
				t.Errorf("a call of %d", len(requests))
			}
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				for _, r := range requests {
					delete(flying, r)
				}
			}()
			return l.call(ctx, requests)
		})
		var wait sync.WaitGroup
		gate := make(chan struct{})
		var waited []time.Duration
		for i := range 500 {
			wait.Go(func() {
				<-gate
				time.Sleep(time.Duration(i%10) * time.Millisecond)
				began := time.Now()
				request := fmt.Sprint(i % 400)
				if got, _, err := q.Do(t.Context(), request, request); err != nil || got != "answer to "+request {
					t.Errorf("%s got %q, %v", request, got, err)
				}
				mu.Lock()
				defer mu.Unlock()
				waited = append(waited, time.Since(began))
			})
		}
		close(gate)
		wait.Wait()
		synctest.Wait()
		q.mu.Lock()
		defer q.mu.Unlock()
		if most := slices.Max(waited); most > 40*time.Second {
			t.Errorf("somebody waited %v for 500 requests at 15 a second", most)
		}
		if l.most > limits.MaxInFlight {
			t.Errorf("%d calls were in flight, want at most %d", l.most, limits.MaxInFlight)
		}
		if len(q.waiting)+len(q.busy)+len(q.open)+q.inFlight != 0 {
			t.Error("something is left in the queue")
		}
	})
}
