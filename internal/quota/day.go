package quota

import (
	"context"
	"sync"
	"time"
)

// Day is a budget for a day, of which the service's answers tell how much is
// left. Background work stops when a part of it remains; when nothing does, the
// line is stopped, but for a call now and then that finds out whether there is
// a new day.
type Day struct {
	probe time.Duration

	mu     sync.Mutex
	known  bool
	whole  int
	left   int
	closed time.Time
	probed time.Time
}

// NewDay returns a budget of which nothing is known yet. While it is used up,
// one call in every probe is let through.
func NewDay(probe time.Duration) *Day { return &Day{probe: probe} }

// Enter refuses a call for which nothing is left.
func (d *Day) Enter(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Before(d.closed) || d.known && d.left <= 0 {
		if now.Sub(d.probed) >= d.probe {
			d.probed = now
			return nil
		}
		return &Exhausted{RetryAfter: max(d.closed.Sub(now), d.probe)}
	}
	if IsBackground(ctx) && d.known && float64(d.left) < float64(d.whole)*liveShare {
		return &Exhausted{RetryAfter: d.probe}
	}
	return nil
}

// Left tells what an answer said: left of whole. A whole of 0 is unknown: then
// the most that was ever left stands for it.
func (d *Day) Left(left, whole int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if whole == 0 {
		whole = max(d.whole, left)
	}
	d.known, d.left, d.whole = true, left, whole
	if left > 0 {
		d.closed = time.Time{}
	}
}

// Close stops the line for a while.
func (d *Day) Close(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.probed = time.Now().Add(t), time.Now()
}
