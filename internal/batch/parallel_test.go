package batch

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestParallelCallsShareTheirRequests(t *testing.T) {
	one, other := make(chan int), make(chan int)
	var got int
	Parallel(t.Context(),
		func() { one <- 1; got = <-other },
		func() { n := <-one; other <- n + 1 },
	)
	if got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestAPanicReachesTheCallerWhenTheOthersHaveEnded(t *testing.T) {
	ended := false
	defer func() {
		if p := recover(); p != "oh" || !ended {
			t.Errorf("panic %v, the other ended: %t", p, ended)
		}
	}()
	Parallel(t.Context(), func() { panic("oh") }, func() { ended = true })
}

func TestMembersThatMakeTwoRequestsInParallelStillTakeEachStepTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := newLine(), newLine()
		load := &LoadCounter{}
		queue := func(l *line) *Queue[string, string, string] {
			return New[string](Limits{Size: 50, MaxInFlight: 4, MaxWait: 2 * time.Second, Shared: true, Load: load}, l.call)
		}
		first, second := queue(one), queue(other)
		RunCohort(t.Context(), 30, func(ctx context.Context, i int) {
			id := fmt.Sprint("record ", i)
			ask := func(q *Queue[string, string, string]) func() {
				return func() {
					if _, _, err := q.Do(ctx, id, id); err != nil {
						t.Error(err)
					}
				}
			}
			Parallel(ctx, ask(first), ask(second))
			ask(first)()
		})
		if len(one.calls) != 2 || len(other.calls) != 1 {
			t.Errorf("%d and %d calls, want 2 and 1", len(one.calls), len(other.calls))
		}
	})
}
