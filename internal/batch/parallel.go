package batch

import (
	"context"
	"sync"
	"sync/atomic"
)

// Parallel makes calls at the same time and returns when all have returned. A
// panic of one is the caller's, once the others have ended. To the cohort of
// the context, if it has one, each is a member as long as it lasts.
func Parallel(ctx context.Context, calls ...func()) {
	c := cohortOf(ctx)
	c.addCounts(len(calls)-1, 0)
	var left atomic.Int64
	left.Store(int64(len(calls)))
	var wait sync.WaitGroup
	panics := make([]any, len(calls))
	for i, call := range calls {
		wait.Go(func() {
			defer func() {
				panics[i] = recover()
				if left.Add(-1) > 0 { // the last one's place is the caller's
					c.addCounts(-1, 0)
				}
			}()
			call()
		})
	}
	wait.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
