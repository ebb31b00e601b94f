// Package quota keeps calls within the limits of a service, so that the service
// does not have to refuse them: a number of calls at once or within a time
// (Limiter), and a number of calls in a day (DailyQuota). Short waits happen here,
// inside the handler. For a long wait, Exhausted says when to come again.
// Background work leaves a part of every limit to the events of the moment.
//
// The package knows no service. The limits of HubSpot and Zoho, and the way in
// which their answers report them, are in ratelimit.go of each vendor's package.
package quota

import (
	"context"
	"fmt"
	"time"
)

type backgroundKey struct{}

// WithBackground marks the work of ctx as work that can wait, such as a sweep or a
// backfill.
func WithBackground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// IsBackground reports whether the work of ctx can wait.
func IsBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }

// LimitShare returns the part of a limit that one of several instances may use. It
// is at least one call.
func LimitShare(limit int, share float64) int { return max(1, int(float64(limit)*share)) }

// Exhausted is the error of a call that would have to wait too long.
type Exhausted struct {
	RetryAfter time.Duration
}

func (e *Exhausted) Error() string {
	return fmt.Sprintf("the quota is used up for %s", e.RetryAfter.Round(time.Second))
}

// reservedShare is the part of every limit that background work leaves unused.
const reservedShare = 0.2
