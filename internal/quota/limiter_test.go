package quota

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// admitCalls has callers acquire the limiter, each for a while, and returns
// when they were admitted, in order of their start.
func admitCalls(ctx context.Context, t *testing.T, l *Limiter, n int, stay time.Duration) []time.Duration {
	t.Helper()
	start := time.Now()
	at := make([]time.Duration, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			release, err := l.Acquire(ctx)
			if err != nil {
				at[i] = -1
				return
			}
			at[i] = time.Since(start).Truncate(100 * time.Millisecond)
			time.Sleep(stay)
			release()
		})
	}
	wait.Wait()
	return at
}

func TestALimiterAdmitsItsLimitAtATime(t *testing.T) {
	const s = time.Second
	tests := map[string]struct {
		limit   int
		window  time.Duration
		longest time.Duration
		stay    time.Duration
		want    []time.Duration
	}{
		"at once":                  {2, 0, time.Minute, s, []time.Duration{0, 0, s, s, 2 * s}},
		"within a window":          {2, 10 * s, time.Minute, 0, []time.Duration{0, 0, 10 * s, 10 * s, 20 * s}},
		"a call counts to its end": {2, 10 * s, time.Minute, s, []time.Duration{0, 0, 11 * s, 11 * s, 22 * s}},
		"a caller who would wait long is refused":              {2, 10 * s, 15 * s, 0, []time.Duration{0, 0, 10 * s, 10 * s, -1}},
		"a call that hangs does not block the others for ever": {1, 0, 3 * s, time.Minute, []time.Duration{0, -1, -1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewLimiter(tt.limit, tt.window, tt.longest)
				got := admitCalls(t.Context(), t, l, len(tt.want), tt.stay)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("admitted at (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestARollingWindowIsNeverOverfilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(19, time.Second, time.Hour)
		var mu sync.Mutex
		var counted []time.Time // by the service, somewhere within the call
		var wait sync.WaitGroup
		for i := range 300 {
			wait.Go(func() {
				release, err := l.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(i%7) * 10 * time.Millisecond)
				mu.Lock()
				counted = append(counted, time.Now())
				mu.Unlock()
				time.Sleep(time.Duration(i%5) * 10 * time.Millisecond)
				release()
			})
		}
		wait.Wait()
		for i := range counted {
			if i >= 19 && counted[i].Sub(counted[i-19]) < time.Second {
				t.Fatalf("20 calls within %v", counted[i].Sub(counted[i-19]))
			}
		}
	})
}

func TestBackgroundWorkLeavesAShareAndWaitsForLiveCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 10*time.Second, time.Minute)
		admitted := 0
		for _, at := range admitCalls(WithBackground(t.Context()), t, l, 12, 0) {
			if at == 0 {
				admitted++
			}
		}
		if admitted != 8 {
			t.Errorf("%d of background work were admitted to a limiter of 10 at once, want 8", admitted)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, 0, time.Minute)
		hold, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		var wait sync.WaitGroup
		enter := func(ctx context.Context, name string, after time.Duration) {
			wait.Go(func() {
				time.Sleep(after)
				release, err := l.Acquire(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, name)
				time.Sleep(time.Second)
				release()
			})
		}
		enter(WithBackground(t.Context()), "background", 0)
		enter(t.Context(), "live", time.Millisecond)
		enter(t.Context(), "live too", 2*time.Millisecond)
		time.Sleep(time.Second)
		hold()
		wait.Wait()
		if diff := cmp.Diff([]string{"live", "live too", "background"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestACallerWhoStopsWaitingLeavesThePlaceToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, 0, time.Hour)
		hold, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := l.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		wait.Go(func() {
			time.Sleep(time.Millisecond)
			release, err := l.Acquire(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			release()
		})
		time.Sleep(2 * time.Second)
		hold()
		wait.Wait()
		if l.inFlight != 0 || len(l.waiting[live])+len(l.waiting[background]) != 0 {
			t.Errorf("%d in flight, %v waiting", l.inFlight, l.waiting)
		}
	})
}

func TestALimiterLearnsFromAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 10*time.Second, time.Minute)
		l.SetLimit(2, 2)
		if got := admitCalls(t.Context(), t, l, 3, 0); got[2] != 10*time.Second {
			t.Errorf("the third admitted at %v although the limit is 2", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 10*time.Second, time.Minute)
		l.RecordUsage(9) // by others
		if got := admitCalls(t.Context(), t, l, 2, 0); got[0] != 0 || got[1] != 10*time.Second {
			t.Errorf("admitted at %v although others left one call", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 10*time.Second, time.Minute)
		l.SetLimit(3, 10)
		l.RecordUsage(5) // by others, within their share
		if got := admitCalls(t.Context(), t, l, 4, 0); got[2] != 0 || got[3] != 10*time.Second {
			t.Errorf("admitted at %v, want our three at once and no more", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(10, 10*time.Second, time.Minute)
		l.Suspend(5 * time.Second)
		if got := admitCalls(t.Context(), t, l, 1, 0); got[0] != 5*time.Second {
			t.Errorf("admitted at %v although it was suspended", got)
		}
		l.Suspend(time.Hour)
		_, err := l.Acquire(t.Context())
		var used *Exhausted
		if !errors.As(err, &used) || used.RetryAfter < 59*time.Minute {
			t.Errorf("got %v, want to be told to come again in an hour", err)
		}
	})
}

func TestTheDaysBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDailyQuota(time.Minute)
		admitted := func(ctx context.Context) bool { return d.AllowCall(ctx) == nil }
		later := WithBackground(t.Context())
		if !admitted(t.Context()) || !admitted(later) {
			t.Error("nothing is known, and calls are refused")
		}
		d.SetRemaining(150, 1000)
		if !admitted(t.Context()) || admitted(later) {
			t.Error("the last fifth of the day is for the living alone")
		}
		d.SetRemaining(0, 1000)
		if !admitted(t.Context()) {
			t.Error("one call finds out whether there is a new day")
		}
		if admitted(t.Context()) {
			t.Error("it is not followed by others at once")
		}
		time.Sleep(time.Minute)
		if !admitted(t.Context()) {
			t.Error("it is by another one a minute later")
		}
		d.SetRemaining(1000, 0)
		if !admitted(t.Context()) || !admitted(later) {
			t.Error("a new day")
		}
		d.Suspend(time.Hour)
		var used *Exhausted
		if err := d.AllowCall(t.Context()); !errors.As(err, &used) || used.RetryAfter != time.Hour {
			t.Errorf("got %v", err)
		}
	})
}
