package zoho

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

const (
	// maxConcurrent is how many calls run at once: fewer than the ten that all
	// editions but the free one allow, and fewer than the ten queries and
	// writes of more than ten records that every edition allows.
	maxConcurrent = 8
	maxWait       = 10 * time.Second
	dailyProbe    = 5 * time.Minute
	// raiseAfter is how many calls in a row have to succeed before the limit,
	// which was lowered after too many calls at once, is raised by one.
	raiseAfter = 20
)

// rateLimiter keeps the calls of one organisation within its limits.
type rateLimiter struct {
	maxConcurrent int
	calls         *quota.Limiter
	day           *quota.DailyQuota

	mu        sync.Mutex
	successes int // calls that succeeded since the limit was last changed
}

func newRateLimiter(share float64) *rateLimiter {
	most := quota.LimitShare(maxConcurrent, share)
	return &rateLimiter{maxConcurrent: most, calls: quota.NewLimiter(most, 0, maxWait), day: quota.NewDailyQuota(dailyProbe)}
}

// acquire waits until the request may be sent.
func (p *rateLimiter) acquire(ctx context.Context, req request) (release func(), err error) {
	if err = p.day.AllowCall(ctx); err == nil {
		release, err = p.calls.Acquire(ctx)
	}
	if err == nil {
		return release, nil
	}
	e := req.newError(crm.Unavailable, "", err)
	var used *quota.Exhausted
	if errors.As(err, &used) {
		e.Kind, e.RetryAfter = crm.RateLimited, used.RetryAfter
	}
	return nil, e
}

// updateFrom adjusts the limits to an answer. Answers contain the credits once
// half of a day's are used.
func (p *rateLimiter) updateFrom(a answer, err error) {
	if left, odd := strconv.Atoi(a.header.Get("X-API-CREDITS-REMAINING")); odd == nil && left >= 0 {
		p.day.SetRemaining(left, 0)
	}
	e := crm.AsError(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.calls.Limit()
	switch {
	case e == nil || e.Kind != crm.RateLimited:
		if p.successes++; p.successes >= raiseAfter && limit < p.maxConcurrent {
			p.successes = 0
			p.calls.SetLimit(limit+1, limit+1)
		}
	case e.RetryAfter >= retryCredits:
		p.day.Suspend(e.RetryAfter)
	default:
		p.successes = 0
		p.calls.SetLimit(limit/2, limit/2)
		p.calls.Suspend(e.RetryAfter)
	}
}

// ReadDailyBudget reads how many credits of the last 24 hours are left. Answers
// contain the number once half of them are used, and never the limit.
func ReadDailyBudget(h http.Header) (left, limit int, ok bool) {
	left, err := strconv.Atoi(h.Get("X-API-CREDITS-REMAINING"))
	return left, 0, err == nil
}
