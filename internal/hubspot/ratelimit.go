package hubspot

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// HubSpot's quotas for an app with a static token, of a Professional account or
// better. Answers contain the limit of the window and the rest of the day, but
// not the limit of searches, which the whole account shares.
const (
	windowCalls = 190
	windowTime  = 10 * time.Second
	searchCalls = 5
	searchTime  = time.Second
)

// How long a call waits for its turn, at most. A search is one of many steps;
// the window opens after ten seconds at the latest.
const (
	maxWait       = 12 * time.Second
	maxSearchWait = 6 * time.Second
	dailyProbe    = time.Minute
)

// rateLimiter keeps the calls of one account within its quotas.
type rateLimiter struct {
	share          float64
	window, search *quota.Limiter
	day            *quota.DailyQuota
}

func newRateLimiter(share float64) *rateLimiter {
	return &rateLimiter{
		share:  share,
		window: quota.NewLimiter(quota.LimitShare(windowCalls, share), windowTime, maxWait),
		search: quota.NewLimiter(quota.LimitShare(searchCalls, share), searchTime, maxSearchWait),
		day:    quota.NewDailyQuota(dailyProbe),
	}
}

// limiterFor returns the limiter of the request: searches do not count in the
// window.
func (p *rateLimiter) limiterFor(req request) *quota.Limiter {
	if strings.HasPrefix(req.path, "/search") {
		return p.search
	}
	return p.window
}

// acquire waits until the request may be sent.
func (p *rateLimiter) acquire(ctx context.Context, req request) (release func(), err error) {
	if err = p.day.AllowCall(ctx); err == nil {
		release, err = p.limiterFor(req).Acquire(ctx)
	}
	if err == nil {
		return release, nil
	}
	e := &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.Unavailable, Err: err}
	var used *quota.Exhausted
	if errors.As(err, &used) {
		e.Kind, e.RetryAfter = crm.RateLimited, used.RetryAfter
	}
	return nil, e
}

// updateFrom adjusts the limits to an answer.
func (p *rateLimiter) updateFrom(req request, h http.Header, err error) {
	number := func(name string) (int, bool) {
		n, err := strconv.Atoi(h.Get(name))
		return n, err == nil && n >= 0
	}
	if most, given := number("X-HubSpot-RateLimit-Max"); given && most > 0 {
		p.window.SetLimit(quota.LimitShare(most, p.share), most)
		if left, given := number("X-HubSpot-RateLimit-Remaining"); given {
			p.window.RecordUsage(most - left)
		}
	}
	if left, given := number("X-HubSpot-RateLimit-Daily-Remaining"); given {
		whole, _ := number("X-HubSpot-RateLimit-Daily") // 0 where the answer lacks it
		p.day.SetRemaining(left, whole)
	}
	e := crm.AsError(err)
	switch {
	case e == nil || e.Kind != crm.RateLimited:
	case e.Code == policyDaily:
		p.day.Suspend(e.RetryAfter)
	default:
		p.limiterFor(req).Suspend(min(e.RetryAfter, windowTime))
	}
}

// ReadDailyBudget reads how many calls of the day are left, from an answer to a
// private app. Answers to searches do not contain it.
func ReadDailyBudget(h http.Header) (left, limit int, ok bool) {
	left, err1 := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily-Remaining"))
	limit, err2 := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily"))
	return left, limit, err1 == nil && err2 == nil
}
