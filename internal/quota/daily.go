package quota

import (
	"context"
	"sync"
	"time"
)

// DailyQuota is a number of calls for a day. The answers of the service report how
// many remain. Background work stops while reservedShare of them remains. When none
// remains, all calls stop, except for one in every probe interval, which finds out
// whether a new day has begun.
type DailyQuota struct {
	probeInterval time.Duration

	mu             sync.Mutex
	known          bool
	total          int
	remaining      int
	suspendedUntil time.Time
	lastProbe      time.Time
}

// NewDailyQuota returns a quota of which nothing is known yet. While the quota is
// used up, it allows one call in every interval.
func NewDailyQuota(interval time.Duration) *DailyQuota { return &DailyQuota{probeInterval: interval} }

// AllowCall returns Exhausted for a call that the quota does not allow.
func (d *DailyQuota) AllowCall(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Before(d.suspendedUntil) || d.known && d.remaining <= 0 {
		if now.Sub(d.lastProbe) >= d.probeInterval {
			d.lastProbe = now
			return nil
		}
		return &Exhausted{RetryAfter: max(d.suspendedUntil.Sub(now), d.probeInterval)}
	}
	if IsBackground(ctx) && d.known && float64(d.remaining) < float64(d.total)*reservedShare {
		return &Exhausted{RetryAfter: d.probeInterval}
	}
	return nil
}

// SetRemaining takes over the numbers of an answer. A total of 0 is unknown: then the
// greatest number that ever remained stands for it.
func (d *DailyQuota) SetRemaining(remaining, total int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if total == 0 {
		total = max(d.total, remaining)
	}
	d.known, d.remaining, d.total = true, remaining, total
	if remaining > 0 {
		d.suspendedUntil = time.Time{}
	}
}

// Suspend stops all calls for a while, because the service asks for it.
func (d *DailyQuota) Suspend(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspendedUntil, d.lastProbe = time.Now().Add(t), time.Now()
}
