package syncer

import (
	"errors"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Retry is the error of an operation that has to start over. A handler does that
// itself while it has time, and hands the operation back to the queue after that.
type Retry struct{ Reason RetryReason }

// RetryReason says why an operation starts over.
type RetryReason string

// Reasons to start over.
const (
	reasonBusy         RetryReason = "another handler is working on this pair"
	reasonChanged      RetryReason = "link was changed by another handler"
	reasonClaimed      RetryReason = "record belongs to another link"
	reasonStaleRead    RetryReason = "a read showed less than an earlier one"
	reasonStillThere   RetryReason = "a record that was erased still exists"
	reasonStillDiffers RetryReason = "pair still differs after 4 passes"
)

// Error implements error.
func (r Retry) Error() string { return string(r.Reason) }

// The errors of an operation that starts over. A LinkStore answers ErrChanged for
// a link that is not as it was read, and ErrClaimed for a record that belongs to
// another link.
var (
	ErrBusy         = Retry{reasonBusy}
	ErrChanged      = Retry{reasonChanged}
	ErrClaimed      = Retry{reasonClaimed}
	ErrStillDiffers = Retry{reasonStillDiffers}

	errStaleRead  = Retry{reasonStaleRead}
	errStillThere = Retry{reasonStillThere}
)

// Limits of the tries that one handler makes.
const (
	// busyWait is how long a handler waits for another one's lease before it
	// hands the operation back to the queue.
	busyWait  = 8 * time.Second
	busyPause = 100 * time.Millisecond
	// longestPause bounds how long it waits at a time: each look at the lease is
	// a read.
	longestPause = time.Second
	// maxTries bounds how often an operation starts over because another
	// handler or a person was faster.
	maxTries = 8
)

// retryPolicy says whether and when a handler starts an operation over.
type retryPolicy struct {
	deadline time.Time // for waiting
	pause    time.Duration
	tries    int // that failed because another handler was faster
}

func newRetryPolicy(now time.Time) *retryPolicy {
	return &retryPolicy{deadline: now.Add(busyWait), pause: busyPause}
}

// next reports how long to wait before the next try, and whether there is one.
func (p *retryPolicy) next(now time.Time, err error) (wait time.Duration, again bool) {
	var retry Retry
	errors.As(err, &retry)
	switch {
	case retry.Reason == reasonBusy, retry.Reason == reasonStaleRead:
		wait = p.pause
		p.pause = min(p.pause*3/2, longestPause)
		return wait, now.Before(p.deadline)
	case retry.Reason == reasonChanged, crm.IsKind(err, crm.Conflict):
		p.tries++
		return 0, p.tries < maxTries
	case retry.Reason == reasonClaimed:
		// The other side may be making the same link right now.
		p.tries++
		return busyPause, p.tries < maxTries/2
	case crm.IsKind(err, crm.RateLimited):
		// A short wait here spares the whole subscription a nack.
		wait = max(crm.AsError(err).RetryAfter, busyPause)
		return wait, !now.Add(wait).After(p.deadline)
	}
	return 0, false
}
