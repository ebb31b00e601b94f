package batch

import (
	"sync/atomic"
	"time"
)

// LoadCounter counts the requests under way in the queues that share it, and of these
// the ones that are not background work: no other request waits for that.
type LoadCounter struct{ all, urgent atomic.Int64 }

// A request waits for others while they are under way, up to a
// limit: with hundreds of them a call fills sooner. Background work has more time,
// and a moment of it for those that are not there yet.
const (
	waitForEach           = time.Millisecond
	maxGatherTime         = time.Second
	backgroundWaitForEach = 50 * time.Millisecond
	maxBackgroundWait     = 3 * time.Second
)

// gatherTime is how long a request waits for others.
func (c *LoadCounter) gatherTime(background bool) time.Duration {
	if c == nil {
		return 0
	}
	if background {
		return min(time.Duration(max(c.all.Load(), 0))*backgroundWaitForEach, maxBackgroundWait)
	}
	return min(time.Duration(max(c.urgent.Load()-1, 0))*waitForEach, maxGatherTime)
}

func (c *LoadCounter) add(n int64, background bool) {
	if c == nil {
		return
	}
	if c.all.Add(n); !background {
		c.urgent.Add(n)
	}
}
