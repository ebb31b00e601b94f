package zohosim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// edition is what Zoho sells: credits in 24 hours and calls at once.
type edition struct {
	base, perUser, ceiling int // ceiling 0: none
	atOnce                 int
}

var editions = map[string]edition{
	"free":         {5_000, 0, 5_000, 5},
	"standard":     {50_000, 250, 100_000, 10},
	"professional": {50_000, 500, 3_000_000, 15},
	"enterprise":   {50_000, 1_000, 5_000_000, 20},
	"ultimate":     {50_000, 2_000, 0, 25},
}

// narrowLimit is the sub-concurrency limit, the same in every edition.
const narrowLimit = 10

// bucket is the grain of the rolling day.
const bucket = time.Minute

// The documented sentence names both limits. It is used where it misleads most:
// only the first of these means that the day is over.
const (
	messageDaily  = "Number of API requests for the 24 hour period is exceeded."
	messageAtOnce = "Number of API requests for the 24 hour period is exceeded or the concurrency limit of the user for the app is exceeded."
	messageNarrow = "The sub-concurrency limit of the user for the app is exceeded."
)

// limits counts credits and calls at once.
type limits struct {
	daily, atOnce int

	mu     sync.Mutex
	active int
	narrow int
	used   int
	spent  []spending // oldest first
}

type spending struct {
	at      time.Time
	credits int
}

func (l *limits) setUp(cfg Config) error {
	e, known := editions[cfg.Edition]
	if !known {
		return fmt.Errorf("unknown edition %q", cfg.Edition)
	}
	l.atOnce = e.atOnce
	l.daily = e.base + e.perUser*(1+len(cfg.Users))
	if e.ceiling > 0 {
		l.daily = min(l.daily, e.ceiling)
	}
	if cfg.DailyCredits > 0 {
		l.daily = cfg.DailyCredits
	}
	return nil
}

// enter admits a call and charges for it, or says why not. A refused call costs
// nothing.
func (l *limits) enter(now time.Time, credits int, narrow bool) (leave func(), bad *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	message := ""
	switch {
	case l.used+credits > l.daily:
		message = messageDaily
	case l.active >= l.atOnce:
		message = messageAtOnce
	case narrow && l.narrow >= narrowLimit:
		message = messageNarrow
	}
	if message != "" {
		a := refuse(http.StatusTooManyRequests, problem{code: "TOO_MANY_REQUESTS", message: message})
		return nil, &a
	}
	l.charge(now, credits)
	l.active++
	if narrow {
		l.narrow++
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.active--
		if narrow {
			l.narrow--
		}
	}, nil
}

func (l *limits) charge(now time.Time, credits int) {
	l.used += credits
	at := now.Truncate(bucket)
	if last := len(l.spent) - 1; last >= 0 && l.spent[last].at.Equal(at) {
		l.spent[last].credits += credits
		return
	}
	l.spent = append(l.spent, spending{at, credits})
}

// expire gives back what was spent more than 24 hours ago.
func (l *limits) expire(now time.Time) {
	for len(l.spent) > 0 && now.Sub(l.spent[0].at) >= 24*time.Hour+bucket {
		l.used -= l.spent[0].credits
		l.spent = l.spent[1:]
	}
}

// left tells the remaining credits, and whether half of the day's are gone.
func (l *limits) left(now time.Time) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	return l.daily - l.used, l.used*2 >= l.daily
}

// perTen is the price of a write: a credit for every ten records.
func perTen(c *call) int { return max(1, (c.records()+9)/10) }

// many tells writes of more than ten records.
func many(c *call) bool { return c.records() > 10 }

func (c *call) records() int {
	var in struct {
		Data []json.RawMessage `json:"data"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return 0
	}
	return len(in.Data)
}
