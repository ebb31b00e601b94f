// Package stats counts the work of the consumers: how operations ended, how long
// they took, their delay, and the latest ones. It holds ids and names, and no value
// of a field.
//
// Each instance counts in memory and stores one document of its own for each
// hour, from time to time, within a request: nothing runs after an answer, and no
// document has two writers. What an instance had not yet stored when it ended is
// missing, so the counts are an indication and not an account.
package stats

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// CellTime is the resolution in time.
	CellTime = 5 * time.Minute
	cells    = int(time.Hour / CellTime)
	// maxLatest is how many of the latest operations an instance keeps.
	maxLatest = 40
	// A burst is stored after maxPending operations, at most every minSaveInterval: a
	// document takes one write a second.
	maxPending      = 50
	minSaveInterval = 2 * time.Second
)

// Outcomes beside those of the syncer.
const (
	Repeated = "repeated" // it failed and is retried
	GivenUp  = "given_up" // it failed for good and is on record
)

// Operation is one attempt at an operation.
type Operation struct {
	At               time.Time // when it ended
	ID               string
	Ref              crm.Ref
	Counterpart      string // id on the other side
	Change           string
	Outcome          string
	Reason           string
	Written, Refused []string // "zoho:email"
	Calls            int
	Took             time.Duration
	Delay            time.Duration // from its receipt to its end
}

// Cell counts what ended within CellTime.
type Cell struct {
	Outcomes    map[string]int
	Calls       int
	Took, Delay Histogram
}

func (c *Cell) addOperation(o Operation) {
	if c.Outcomes == nil {
		c.Outcomes, c.Took, c.Delay = map[string]int{}, Histogram{}, Histogram{}
	}
	c.Outcomes[o.Outcome]++
	c.Calls += o.Calls
	c.Took.addDuration(o.Took)
	if o.Outcome != Repeated { // it is not yet done
		c.Delay.addDuration(o.Delay)
	}
}

// Merge adds d's counts to c.
func (c *Cell) Merge(d Cell) {
	if c.Outcomes == nil {
		c.Outcomes, c.Took, c.Delay = map[string]int{}, Histogram{}, Histogram{}
	}
	for outcome, n := range d.Outcomes {
		c.Outcomes[outcome] += n
	}
	c.Calls += d.Calls
	c.Took.addAll(d.Took)
	c.Delay.addAll(d.Delay)
}

// CountOperations is how many ended.
func (c Cell) CountOperations() (n int) {
	for _, of := range c.Outcomes {
		n += of
	}
	return n
}

// Quota is what a CRM said is left of the calls of the day.
type Quota struct {
	Left  int
	Limit int // 0: it did not say
	At    time.Time
}

// Hour is what one instance counted in one hour.
type Hour struct {
	Instance string
	Start    time.Time
	Cells    map[int]Cell // by the CellTime within the hour; empty ones are absent
	Quotas   map[crm.System]Quota
	Latest   []Operation // the oldest first
}

// Store keeps the hours.
type Store interface {
	// SaveHour replaces what is stored of the instance and hour.
	SaveHour(ctx context.Context, h Hour) error
}

// Config is what a Recorder needs.
type Config struct {
	Store    Store
	Instance string // names this process among all
	// Every is how long counts may wait to be stored when there are few; 0
	// stores each at once, where writes cost nothing.
	Every time.Duration
	// Quotas returns what is known of the calls left; nil: nothing.
	Quotas func() map[crm.System]Quota
}

// Recorder counts for one instance. It is safe for concurrent use.
type Recorder struct {
	Config

	mu      sync.Mutex
	hour    Hour
	pending int // operations that are not stored
	saved   time.Time
	saving  bool
}

// NewRecorder returns a Recorder that has counted nothing.
func NewRecorder(c Config) *Recorder { return &Recorder{Config: c} }

// RecordOperation counts an operation, and stores what was counted if it is time to. An
// error says that it is not stored; it will be, with the next.
func (r *Recorder) RecordOperation(ctx context.Context, o Operation) error {
	for due := r.addOperation(o); len(due) > 0; due = r.takePending() {
		for _, h := range due {
			if err := r.Store.SaveHour(ctx, h); err != nil {
				r.endSave(false)
				return fmt.Errorf("store the statistics: %w", err)
			}
		}
		r.endSave(true)
	}
	return nil
}

// takePending returns what was counted while the last save was under way, where
// nothing may wait.
func (r *Recorder) takePending() []Hour {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Every > 0 || r.pending == 0 || r.saving {
		return nil
	}
	r.pending, r.saving = 0, true
	return []Hour{r.copyHour()}
}

// addOperation counts o and returns the hours that have to be stored now: the one that is
// over, and the one that is under way.
func (r *Recorder) addOperation(o Operation) (due []Hour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := o.At.UTC().Truncate(time.Hour)
	if r.hour.Start.IsZero() {
		r.hour = Hour{Instance: r.Instance, Start: start, Cells: map[int]Cell{}}
	}
	if start.After(r.hour.Start) {
		if r.pending > 0 {
			due = append(due, r.copyHour())
		}
		r.hour = Hour{Instance: r.Instance, Start: start, Cells: map[int]Cell{}, Latest: r.hour.Latest}
	}
	// An operation that ended as the hour turned counts to the later one.
	i := min(max(int(o.At.Sub(r.hour.Start)/CellTime), 0), cells-1)
	cell := r.hour.Cells[i]
	cell.addOperation(o)
	r.hour.Cells[i] = cell
	r.hour.Latest = append(r.hour.Latest, o)
	r.hour.Latest = r.hour.Latest[max(0, len(r.hour.Latest)-maxLatest):]
	r.pending++
	waited := o.At.Sub(r.saved)
	if len(due) > 0 || !r.saving && (waited >= r.Every || r.pending >= maxPending && waited >= minSaveInterval) {
		due = append(due, r.copyHour())
		r.pending, r.saved, r.saving = 0, o.At, true
	}
	return due
}

// endSave ends a save. What could not be stored waits for the next save.
func (r *Recorder) endSave(stored bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saving = false
	if !stored {
		r.pending++
	}
}

// copyHour returns the hour as it is now, sharing nothing that changes.
func (r *Recorder) copyHour() Hour {
	h := r.hour
	h.Cells = make(map[int]Cell, len(r.hour.Cells))
	for i, c := range r.hour.Cells {
		var own Cell
		own.Merge(c)
		h.Cells[i] = own
	}
	h.Latest = append([]Operation(nil), r.hour.Latest...)
	if r.Quotas != nil {
		h.Quotas = r.Quotas()
	}
	return h
}
