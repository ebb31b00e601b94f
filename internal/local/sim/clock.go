package sim

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"
)

// Clock is the wall clock plus an offset that a test can push forward, or a
// clock that only a test moves.
type Clock struct {
	offset atomic.Int64
	start  time.Time // of a manual clock; zero = follow the wall clock
}

// NewClock returns a clock that shows the wall clock's time.
func NewClock() *Clock { return &Clock{} }

// NewManualClock returns a clock that stands at start until it is advanced.
func NewManualClock(start time.Time) *Clock { return &Clock{start: start.UTC()} }

// Now returns the clock's time in UTC.
func (c *Clock) Now() time.Time {
	if !c.start.IsZero() {
		return c.start.Add(time.Duration(c.offset.Load()))
	}
	return time.Now().Add(time.Duration(c.offset.Load())).UTC()
}

// Advance moves the clock by d. Timers that are already running do not notice.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// Duration is a time.Duration that is a Go duration string such as "1.5s" in
// JSON.
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads a Go duration string.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration must be a string such as \"1.5s\": %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}
