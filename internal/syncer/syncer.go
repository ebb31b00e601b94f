package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
)

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

// Result says what was done, without any value.
type Result struct {
	Outcome     Outcome
	Reason      failurecode.Reason // why it was ignored or parked
	Written     []string           // "zoho:email", "hubspot:phone"
	Refused     []string           // the same, for fields that a side refused
	Created     crm.Ref            // the record that was created
	Counterpart crm.Ref            // the record on the other side, where there is one
	Degraded    bool               // a history was needed and not available
	Resolved    int                // failures that this closed
	Calls       int                // calls to the two CRMs
	Took        time.Duration
}

// Config holds everything that a Syncer depends on.
type Config struct {
	Mapping  *mapping.Mapping
	CRMs     map[crm.System]CRM
	Links    LinkStore
	Failures FailureStore
	// Members and Publishers lead from a company to its contacts; Publishers by
	// the side of the record that is to be synchronised.
	Members    Members
	Publishers map[crm.System]Publisher
	// Suppressions and Erasers are for privacy deletions.
	Suppressions Suppressions
	Erasers      []Eraser
	Clock        Clock
	NewID        func() string
	// Parallel makes calls at the same time and returns when all have returned.
	Parallel func(ctx context.Context, calls ...func())
	// Precise are the sides that send events of mapped fields alone, so that
	// one that is no echo will most likely be written to the other side.
	Precise map[crm.System]bool
	// Safeguard, unless nil, is asked before values are cleared.
	Safeguard Safeguard
	// Unique, unless nil, reports whether a side refuses a second record of a kind
	// with the same value of a field, so that a record which bears one has no
	// competitor for it.
	Unique func(s crm.System, kind crm.Kind, field string) bool
	// HashKey keys the hashes of field values, at least 16 bytes.
	HashKey []byte
}

// Syncer applies operations. It is safe for concurrent use.
type Syncer struct {
	Config
	hash hasher
}

// New returns a Syncer, or everything that is missing from its configuration.
func New(c Config) (*Syncer, error) {
	var errs []error
	if c.Mapping == nil || c.Links == nil || c.Failures == nil || c.Clock == nil || c.NewID == nil || c.Parallel == nil {
		errs = append(errs, errors.New("mapping, links, failures, clock, ids and parallel calls are required"))
	}
	if c.Members == nil || c.Suppressions == nil || len(c.Erasers) == 0 {
		errs = append(errs, errors.New("members, suppressions and erasers are required"))
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

// Apply brings the record that o names and its counterpart in sync. An error means
// that the operation has to come again; anything that a retry cannot heal is
// recorded as a failure and reported as parked.
func (s *Syncer) Apply(ctx context.Context, o op.Operation) (Result, error) {
	start, calls := s.Clock.Now(), new(atomic.Int64)
	end, err := s.runOperation(ctx, o, calls)
	var r Result
	if end != nil {
		r = end.Result
	}
	if err == nil && o.Change == op.Requested {
		var resolved int
		resolved, err = s.closeSuperseded(ctx, o, end)
		r.Resolved += resolved
	}
	r.Calls, r.Took = int(calls.Load()), s.Clock.Now().Sub(start)
	slices.Sort(r.Written)
	slices.Sort(r.Refused)
	if err != nil {
		return r, fmt.Errorf("apply operation %s to %s: %w", o.ID, o.Ref, err)
	}
	return r, nil
}

// runOperation tries an operation until it has ended, or cannot be done for now.
func (s *Syncer) runOperation(ctx context.Context, o op.Operation, calls *atomic.Int64) (*ending, error) {
	a, policy := s.newAttempt(o, calls), newRetryPolicy(s.Clock.Now())
	if a.object == nil {
		return a.endWith(state{}, Ignored, failurecode.KindNotMapped), nil
	}
	for {
		end, err := a.syncOnce(ctx)
		if end == nil {
			end = a.endWith(state{}, "", "")
		}
		if err == nil {
			if !end.again {
				return end, nil
			}
			err = ErrChanged
		}
		wait, again := policy.next(s.Clock.Now(), err)
		switch {
		case !again && errors.Is(err, ErrClaimed):
			return a.parkOperation(ctx, state{}, Failure{Action: "link", Kind: crm.Duplicate, Code: failurecode.CounterpartIsLinked})
		case !again:
			return end, err
		}
		if wait > 0 {
			if err := s.Clock.Sleep(ctx, wait); err != nil {
				return end, err
			}
		}
		next := *a
		next.source, next.created = end.source, end.Created
		a = &next
	}
}

// GiveUp records an operation that failed too often to be tried again. The
// next one that succeeds on the same record closes the failure.
func (s *Syncer) GiveUp(ctx context.Context, f Failure) error {
	erased, err := s.isErased(ctx, f.Operation.Ref)
	if err != nil || erased { // nothing is kept of an erased record
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
	if err != nil && !errors.Is(err, ErrChanged) { // the handler that changed it works on it
		return fmt.Errorf("give up operation %s: %w", f.Operation.ID, err)
	}
	return nil
}
