// Package reconcile finds the changes that webhooks missed. It asks both systems for
// the records that were changed or deleted since it last asked, and publishes an
// operation for each, so that they take the same way as everything else. It never
// writes to a CRM. One run is called a sweep.
//
// A sweep consists of scans. A scan covers a stretch of time, from a little before the
// end of the last scan up to a little before now, and is walked page by page:
// a page is published before the place where it ended is saved, so a run that
// is cut off repeats a page and loses none. A scan that does not fit into one
// run is continued by the next. Two runs at once do no harm: the
// second to save a page stops.
//
// A change is found if it becomes visible to queries within Lag + Overlap of
// the time it bears; that margin also takes up the difference of the clocks.
//
// A [Backfill] walks all records once, and hands their operations to a worker
// beside the queue.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// Scanner walks the records of one system. A page may repeat records, and may
// be empty although there are more.
type Scanner interface {
	// Changed finds records that exist and were last modified within the walk.
	// One that is modified during the walk may move out of it: the next scan
	// finds it.
	ListChanged(ctx context.Context, w crm.Walk) (crm.FoundPage, error)
	// Deleted finds records that were deleted within the walk.
	ListDeleted(ctx context.Context, w crm.Walk) (crm.FoundPage, error)
}

// Cursors keeps how far the scans have come, by the name of what they cover.
type Cursors interface {
	// LoadCursor returns the zero Cursor for a name that was never saved.
	LoadCursor(ctx context.Context, name string) (Cursor, error)
	// SaveCursor replaces was by next, or returns ErrOvertaken if the stored
	// one is not equal to was.
	SaveCursor(ctx context.Context, name string, next, was Cursor) error
}

// ErrOvertaken is returned when another run has moved the cursor.
var ErrOvertaken = errors.New("another run has moved the cursor")

// Publisher takes operations and returns once all of them are durable.
type Publisher interface {
	Publish(ctx context.Context, ops []op.Operation) error
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Config holds the dependencies of a Reconciler. Zero durations mean the defaults.
type Config struct {
	Scanners map[crm.System]Scanner
	// Publishers take the operations on the records of a system. Those of
	// HubSpot's records go to the topic for operations that end in Zoho.
	Publishers map[crm.System]Publisher
	Cursors    Cursors
	Clock      Clock
	NewID      func() string
	// Kinds defaults to all kinds.
	Kinds []crm.Kind
	// LookBack is how far before now the very first scan begins; default 24 h.
	LookBack time.Duration
	// Lag is how late a search index may be; a scan ends that long before now.
	// Default 30 s.
	Lag time.Duration
	// Overlap is how far a scan goes back behind the end of the last one;
	// default 2 min.
	Overlap time.Duration
	// DeletedEvery is the time from one scan over the deleted records of a
	// system to the next; nil means 1 h for HubSpot, and a system that is not
	// in the map has a scan in every run. HubSpot lists its deleted records by
	// id alone, so that a scan reads all of them, 100 a call.
	DeletedEvery map[crm.System]time.Duration
	// Budget is how long a run may take before it leaves the rest to the next;
	// default 2.5 min, since Cloud Scheduler waits 3 min by default. A call that
	// is under way is not cut off. The context's own end is respected too.
	Budget time.Duration
	// Pause is the time between two calls of a run, which leaves most of
	// HubSpot's 5 searches a second to others; default 250 ms, negative for none.
	Pause time.Duration
	// MassChange, unless nil, stops a scan that touches too much.
	MassChange *safeguard.MassChange
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.LookBack, 24 * time.Hour},
		{&c.Lag, 30 * time.Second},
		{&c.Overlap, 2 * time.Minute},
		{&c.Budget, 150 * time.Second},
		{&c.Pause, 250 * time.Millisecond},
	} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if c.Kinds == nil {
		c.Kinds = crm.Kinds[:]
	}
	if c.DeletedEvery == nil {
		c.DeletedEvery = map[crm.System]time.Duration{crm.HubSpot: time.Hour}
	}
	c.MassChange = c.MassChange.WithDefaults()
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Cursors == nil || c.Clock == nil || c.NewID == nil {
		errs = append(errs, errors.New("cursors, clock and ids are required"))
	}
	if len(c.Scanners) == 0 {
		errs = append(errs, errors.New("no scanner is given"))
	}
	for s, scanner := range c.Scanners {
		if err := s.Validate(); err != nil {
			errs = append(errs, err)
		}
		if scanner == nil || c.Publishers[s] == nil {
			errs = append(errs, fmt.Errorf("%s has no scanner or no publisher", s))
		}
	}
	for _, k := range c.Kinds {
		if err := k.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := c.MassChange.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.LookBack < 0 || c.Lag < 0 || c.Overlap < 0 || c.Budget < 0 {
		errs = append(errs, errors.New("a duration is negative"))
	}
	return errors.Join(errs...)
}

// Reconciler runs scans. It keeps nothing between runs.
type Reconciler struct{ Config }

// New returns a Reconciler, or all faults of its configuration.
func New(c Config) (*Reconciler, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("new reconciler: %w", err)
	}
	return &Reconciler{c}, nil
}
