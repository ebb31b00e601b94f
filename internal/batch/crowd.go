package batch

import (
	"sync/atomic"
	"time"
)

// Crowd counts the requests under way in the queues that share it, and of these
// the ones that are not background work: nobody else waits for that.
type Crowd struct{ all, urgent atomic.Int64 }

// A request waits for company for as long as others are under way, up to a
// limit: with hundreds of them a call fills sooner. Background work has more time,
// and a moment of it for those that are not there yet.
const (
	lingerForEach  = time.Millisecond
	longestLinger  = time.Second
	patientForEach = 50 * time.Millisecond
	longestPatient = 3 * time.Second
)

// linger is how long a request waits for company.
func (c *Crowd) linger(patient bool) time.Duration {
	if c == nil {
		return 0
	}
	if patient {
		return min(time.Duration(max(c.all.Load(), 0))*patientForEach, longestPatient)
	}
	return min(time.Duration(max(c.urgent.Load()-1, 0))*lingerForEach, longestLinger)
}

func (c *Crowd) come(n int64, patient bool) {
	if c == nil {
		return
	}
	if c.all.Add(n); !patient {
		c.urgent.Add(n)
	}
}
