// Package clock is the one place where deployed code reads the time or waits.
// Everything else is given a clock, so that it can be run on any time.
package clock

import (
	"context"
	"time"
)

// System is the machine's clock.
type System struct{}

// Now returns the current time.
func (System) Now() time.Time { return time.Now() }

// Sleep waits for d, or until ctx is done and then returns its error.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
