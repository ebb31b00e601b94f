package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestEachRequestHasItsOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		q := New[string](Limits{Size: 10, MaxInFlight: 1}, l.call)
		var wait sync.WaitGroup
		ask(t, q, &wait, 0, "first")
		wait.Go(func() {
			time.Sleep(time.Millisecond)
			if _, _, err := q.Do(t.Context(), "bad", "bad"); err == nil || err.Error() != "bad is refused" {
				t.Errorf("got error %v", err)
			}
		})
		ask(t, q, &wait, 2*time.Millisecond, "good")
		wait.Wait()
		if len(l.calls) != 2 {
			t.Errorf("calls: %v", l.calls)
		}
	})
}

func TestACallerThatGivesUpTakesNothingFromTheOthers(t *testing.T) {
	tests := map[string]struct {
		gives time.Duration // up after
		sent  bool
		want  []string
	}{
		"before its call has left": {500 * time.Millisecond, false, []string{"at 0s: first", "at 1s: other"}},
		"while its call is made":   {1500 * time.Millisecond, true, []string{"at 0s: first", "at 1s: leaver other"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine()
				q := New[string](Limits{Size: 10, MaxInFlight: 1}, l.call)
				var wait sync.WaitGroup
				ask(t, q, &wait, 0, "first")
				wait.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), tt.gives)
					defer cancel()
					time.Sleep(time.Millisecond)
					_, _, err := q.Do(ctx, "leaver", "leaver")
					var gone *Abandoned
					if !errors.As(err, &gone) || gone.Sent != tt.sent || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got error %v, want one that is abandoned, sent %t", err, tt.sent)
					}
					if time.Since(l.start) != tt.gives {
						t.Errorf("it left after %v, want %v", time.Since(l.start), tt.gives)
					}
				})
				ask(t, q, &wait, 2*time.Millisecond, "other")
				wait.Wait()
				if diff := cmp.Diff(tt.want, l.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestACallWithoutCallersIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		l.takes = time.Hour
		q := New[string](Limits{Size: 10, MaxInFlight: 1, Shared: true}, l.call)
		var wait sync.WaitGroup
		for i := range 2 {
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				time.Sleep(time.Duration(i) * time.Millisecond)
				key := fmt.Sprint(i)
				if _, _, err := q.Do(ctx, key, key); err == nil {
					t.Error("a call of an hour was answered within seconds")
				}
			})
		}
		wait.Wait()
		synctest.Wait()
		if l.now != 0 || time.Since(l.start) != 2*time.Second {
			t.Errorf("%d calls are in flight after %v", l.now, time.Since(l.start))
		}
	})
}

func TestACallerThatHasGivenUpBeforeMakesNoRequest(t *testing.T) {
	l := newLine()
	q := New[string](Limits{Size: 10, MaxInFlight: 1}, l.call)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := q.Do(ctx, "a", "a"); !errors.Is(err, context.Canceled) || len(l.calls) != 0 {
		t.Errorf("got %v after %v", err, l.calls)
	}
}

func TestACallThatPanicsOrForgetsAnAnswerDelaysNoOther(t *testing.T) {
	tests := map[string]func(requests []string) []crm.Answer[string]{
		"a panic":             func([]string) []crm.Answer[string] { panic("planted") },
		"too few answers":     func([]string) []crm.Answer[string] { return nil },
		"more than was asked": func(r []string) []crm.Answer[string] { return make([]crm.Answer[string], len(r)+1) },
	}
	for name, odd := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine()
				first := true
				l.do = func(_ context.Context, requests []string) []crm.Answer[string] {
					if first {
						first = false
						time.Sleep(time.Second)
						return odd(requests)
					}
					return []crm.Answer[string]{{Value: "answer to " + requests[0]}}
				}
				q := New[string](Limits{Size: 10, MaxInFlight: 1}, l.call)
				var wait sync.WaitGroup
				wait.Go(func() {
					_, _, err := q.Do(t.Context(), "a", "a")
					var p *Panicked
					switch {
					case err == nil:
						t.Error("no error")
					case name == "a panic" && (!errors.As(err, &p) || !strings.Contains(err.Error(), "batch_test.go")):
						t.Errorf("got %v, want the panic and where it was", err)
					case name != "a panic" && !errors.Is(err, ErrUnanswered):
						t.Errorf("got %v", err)
					}
				})
				ask(t, q, &wait, time.Millisecond, "b")
				wait.Wait()
			})
		})
	}
}
