package batch

import (
	"context"
	"sync"
	"sync/atomic"
)

// AtOnce makes calls at the same time and returns when all have returned. A
// panic of one is the caller's, once the others have ended. To the company of
// the context, if it has one, each is a member as long as it lasts.
func AtOnce(ctx context.Context, calls ...func()) {
	c := companyOf(ctx)
	c.step(len(calls)-1, 0)
	var left atomic.Int64
	left.Store(int64(len(calls)))
	var wait sync.WaitGroup
	panics := make([]any, len(calls))
	for i, call := range calls {
		wait.Go(func() {
			defer func() {
				panics[i] = recover()
				if left.Add(-1) > 0 { // the last one's place is the caller's
					c.step(-1, 0)
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
