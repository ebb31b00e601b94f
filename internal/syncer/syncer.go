// Package syncer applies one operation: it reads the record that changed,
// finds its twin on the other side, decides field by field which value is the
// most recent, and writes what differs. It knows neither vendor, nor HTTP, nor
// Google; every effect goes through an interface of this package.
//
// An operation may be applied twice, late, out of order, or be cut off between
// any two steps: the next one to arrive finishes the work. What makes it so:
// the decision is stored before anything is written, a lease keeps two
// handlers from writing to one pair, every write is read back, and a record is
// created under an id that the other side refuses to take twice.
package syncer

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Reader reads one record.
type Reader interface {
	// Read answers crm.NotFound for a record that is gone, and another id than
	// the one asked for when the record was merged away.
	Read(ctx context.Context, ref crm.Ref) (crm.Record, error)
	// WithHistory adds the history of the fields where Read left it out.
	WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error)
}

// Finder looks for records by value. What it does not find may exist all the
// same: a search index lags.
type Finder interface {
	Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error)
}

// Writer changes records.
type Writer interface {
	Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error)
	Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error)
}

// CRM is one side.
type CRM interface {
	Reader
	Finder
	Writer
}

// FailureStore keeps what could not be done until a person was told of it.
type FailureStore interface {
	RecordFailure(ctx context.Context, f Failure) error
	// ResolveFailures closes every open failure of the records and returns how
	// many there were.
	ResolveFailures(ctx context.Context, at time.Time, refs ...crm.Ref) (int, error)
}

// Failure is an operation, or a part of it, that no retry can heal.
type Failure struct {
	Operation op.Operation
	// Side refused; Record is the record it was meant for, without an id when
	// it was to be created.
	Side   crm.System
	Record crm.Ref
	Action string // "create", "update", "link", "merge", "delete"
	Kind   crm.ErrorKind
	Code   string
	Fields []crm.FieldError
	// Others are the records whose ids stand in the details of Fields.
	Others []crm.Ref
	At     time.Time
}

// Safeguard holds what looks like a mistake: values that are cleared on very many
// records within minutes.
type Safeguard interface {
	// Clear is asked before values of a record are cleared. After an error they
	// are not, and the operation comes again.
	AllowClear(ctx context.Context, record crm.Ref) error
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Outcome is how an operation ended.
type Outcome string

// Outcomes of an operation.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Covered   Outcome = "covered" // a later read had already seen it
	Ignored   Outcome = "ignored" // nothing is to be done with it
	Parked    Outcome = "parked"  // recorded as a failure
)

// Result tells what was done, without any value.
type Result struct {
	Outcome     Outcome
	Reason      string   // why it was ignored or parked
	Written     []string // "zoho:email", "hubspot:phone"
	Refused     []string // the same, for fields that a side refused
	Created     crm.Ref  // the record that was made
	Counterpart crm.Ref  // the record on the other side, where there is one
	Degraded    bool     // a history was needed and not to be had
	Resolved    int      // failures that this closed
	Calls       int      // calls to the two CRMs
	Took        time.Duration
}

// Config joins a Syncer to the world.
type Config struct {
	Mapping  *mapping.Mapping
	CRMs     map[crm.System]CRM
	Links    LinkStore
	Failures FailureStore
	// Members and Publishers lead from a company to its contacts; Publishers by
	// the side of the record that is to be looked at.
	Members    Members
	Publishers map[crm.System]Publisher
	// Graves and Erase are for privacy deletions.
	Suppressions Suppressions
	Erasers      []Eraser
	Clock        Clock
	NewID        func() string
	// Parallel makes calls at the same time and returns when all have returned.
	Parallel func(ctx context.Context, calls ...func())
	// Precise are the sides whose events tell of mapped fields alone, so that
	// one that is no echo will most likely be written to the other side.
	Precise map[crm.System]bool
	// Brake, unless nil, is asked before values are cleared.
	Safeguard Safeguard
	// Unique, unless nil, reports whether a side sees to it that no two records
	// of a kind bear the same value of a field, so that a record which bears one
	// has no rival for it.
	Unique func(s crm.System, kind crm.Kind, field string) bool
	// HashKey keys the hashes of field values, at least 16 bytes.
	HashKey []byte
}

// Times that bound one operation.
const (
	// leaseTime outlives the longest time a handler may run (60 s).
	leaseTime = 90 * time.Second
	// busyWait is how long a handler waits for another one's lease before it
	// hands the operation back to the queue.
	busyWait  = 8 * time.Second
	busyPause = 100 * time.Millisecond
	// longestPause bounds how long it waits at a time: each look at the lease is
	// a read.
	longestPause = time.Second
	// readMargin allows for a CRM that answers a read from a copy that is a
	// little behind.
	readMargin = 5 * time.Second
	// restTime is how long a pair must have been left alone for a change to be
	// taken for the first of its kind.
	restTime = 30 * time.Second
	// echoTime is how long after a write of ours its echo arrives, as a rule.
	echoTime = 10 * time.Second
	// maxTries bounds how often an operation starts over because another
	// handler or a person was faster.
	maxTries = 8
	// maxPasses bounds write, read back, decide again.
	maxPasses = 4
)

// ErrBusy is returned when another handler holds the pair.
var ErrBusy = errors.New("another handler is working on this pair")

// errOutdated asks for a record to be read again: the CRM answered with a copy
// that is behind.
var errOutdated = errors.New("a read showed less than an earlier one")

// ErrUnsettled is returned when a pair still differs after maxPasses writes.
var ErrUnsettled = errors.New("pair does not come to rest")

// Syncer applies operations.
type Syncer struct {
	Config
	hash hasher
}

// New returns a Syncer, or everything that is missing from its configuration.
func New(c Config) (*Syncer, error) {
	var errs []error
	if c.Mapping == nil || c.Links == nil || c.Failures == nil || c.Clock == nil || c.NewID == nil || c.Parallel == nil {
		errs = append(errs, errors.New("mapping, links, failures, clock, ids and how to make calls at once are required"))
	}
	if c.Members == nil || c.Suppressions == nil || len(c.Erasers) == 0 {
		errs = append(errs, errors.New("members, graves and what is to be erased are required"))
	}
	for _, s := range crm.Systems {
		if c.CRMs[s] == nil {
			errs = append(errs, fmt.Errorf("no client for %s", s))
		}
		if c.Publishers[s] == nil {
			errs = append(errs, fmt.Errorf("no publisher for %s", s))
		}
	}
	if len(c.HashKey) < 16 {
		errs = append(errs, errors.New("the hash key has fewer than 16 bytes"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("new syncer: %w", err)
	}
	return &Syncer{Config: c, hash: hasher{c.HashKey}}, nil
}

// Apply brings the record that o names and its twin together. An error means
// that the operation has to come again; anything that repeating cannot heal is
// recorded as a failure and reported as parked.
func (s *Syncer) Apply(ctx context.Context, o op.Operation) (Result, error) {
	start := s.Clock.Now()
	t := s.newTask(o)
	err := t.run(ctx)
	if err == nil {
		err = t.supersede(ctx)
	}
	t.report.Took = s.Clock.Now().Sub(start)
	sort.Strings(t.report.Written)
	sort.Strings(t.report.Refused)
	if err != nil {
		return t.report, fmt.Errorf("apply operation %s to %s: %w", o.ID, o.Ref, err)
	}
	return t.report, nil
}

// GiveUp records an operation that failed too often to be tried again. The
// next one that succeeds on the same record closes the failure.
func (s *Syncer) GiveUp(ctx context.Context, f Failure) error {
	erased, err := s.erased(ctx, f.Operation.Ref)
	if err != nil || erased { // of who was erased nothing is kept
		return err
	}
	f.At = s.Clock.Now()
	if err := s.Failures.RecordFailure(ctx, f); err != nil {
		return fmt.Errorf("give up operation %s: %w", f.Operation.ID, err)
	}
	link, found, err := s.Links.FindLink(ctx, f.Operation.Ref)
	if err == nil && found && !link.Failing {
		link.Failing = true
		_, err = s.Links.SaveLink(ctx, link)
	}
	if err != nil && !errors.Is(err, ErrChanged) { // whoever changed it works on it
		return fmt.Errorf("give up operation %s: %w", f.Operation.ID, err)
	}
	return nil
}

// run starts over as long as somebody else was faster.
func (t *task) run(ctx context.Context) error {
	if t.object == nil {
		return t.end(Ignored, "kind_not_mapped")
	}
	deadline, busy := t.Clock.Now().Add(busyWait), busyPause
	var err error
	for try := 0; try < maxTries; {
		err = t.attempt(ctx)
		pause := time.Duration(0)
		switch {
		case errors.Is(err, ErrBusy), errors.Is(err, errOutdated):
			if !t.Clock.Now().Before(deadline) {
				return err
			}
			pause = busy
			busy = min(busy*3/2, longestPause)
		case errors.Is(err, errErased):
			return t.end(Ignored, "erased")
		case errors.Is(err, ErrChanged), crm.IsKind(err, crm.Conflict):
			try++
		case crm.IsKind(err, crm.RateLimited):
			// A short wait here spares the whole subscription a nack.
			pause = max(crm.AsError(err).RetryAfter, busyPause)
			if t.Clock.Now().Add(pause).After(deadline) {
				return err
			}
		case errors.Is(err, ErrClaimed):
			// The other side may be making the same link right now.
			if try++; try >= maxTries/2 {
				return t.park(ctx, Failure{Action: "link", Kind: crm.Duplicate, Code: "COUNTERPART_IS_LINKED"})
			}
			pause = busyPause
		default:
			return err
		}
		if pause > 0 {
			if err := t.Clock.Sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return err
}
