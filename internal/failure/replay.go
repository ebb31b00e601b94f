package failure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// replayChunk is how many operations are published at once.
const replayChunk = 200

// Publisher puts operations on a topic and returns when they are stored there.
// An error that unwraps to a list holds one error for each operation that
// failed, and the others are on the topic; after any other error none may be.
type Publisher interface {
	Publish(ctx context.Context, ops []op.Operation) error
}

// Replayer publishes failed operations again.
type Replayer struct {
	Failures Lister
	// Topics are the publishers by the system of the record that changed: what
	// changed in HubSpot goes to the topic that ZohoConsumer reads.
	Topics map[crm.System]Publisher
	Clock  Clock
	NewID  func() string
}

// ReplayReport counts what was done.
type ReplayReport struct {
	Matched   int `json:"matched"`   // failures that the filter selects
	Nameless  int `json:"nameless"`  // of these, messages that name no record
	Published int `json:"published"` // operations, one for each record
	Failed    int `json:"failed"`    // operations that may not be on their topic
}

// Replay publishes one fresh operation for each record among the failures that
// f selects: the consumer reads both sides as they are now and decides anew.
// Replaying twice is harmless. When some operations cannot be published the
// others still are; the error then says why, and the same call repeats it all.
func (p Replayer) Replay(ctx context.Context, f Filter) (ReplayReport, error) {
	report, latest, err := p.findLatest(ctx, f)
	if err != nil {
		return ReplayReport{}, err
	}
	var errs []error
	for _, s := range crm.Systems {
		ops := p.newOperations(s, latest)
		for chunk := range slices.Chunk(ops, replayChunk) {
			failed, err := p.publishChunk(ctx, s, chunk)
			report.Published += len(chunk) - failed
			report.Failed += failed
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return report, fmt.Errorf("replay: %w", err)
	}
	return report, nil
}

// CountReplays reports what Replay would publish, and publishes nothing.
func (p Replayer) CountReplays(ctx context.Context, f Filter) (ReplayReport, error) {
	report, latest, err := p.findLatest(ctx, f)
	report.Published = len(latest)
	return report, err
}

// findLatest finds the latest failure of each record.
func (p Replayer) findLatest(ctx context.Context, f Filter) (ReplayReport, map[crm.Ref]Record, error) {
	failures, err := p.Failures.ListFailures(ctx, f, 0)
	if err != nil {
		return ReplayReport{}, nil, fmt.Errorf("list failures to replay: %w", err)
	}
	report := ReplayReport{Matched: len(failures)}
	latest := map[crm.Ref]Record{}
	for _, r := range failures {
		if r.Ref.Validate() != nil {
			report.Nameless++
			continue
		}
		if r.IsMailedOnce() {
			continue // nothing but a person can do it
		}
		known, ok := latest[r.Ref]
		erased := r.Change == op.Erased || ok && known.Change == op.Erased
		if !ok || r.LastSeen.After(known.LastSeen) {
			known = r
		}
		if erased {
			known.Change = op.Erased
		}
		latest[r.Ref] = known
	}
	return report, latest, nil
}

// newOperations makes one operation for each record of a system, the one that
// failed first ahead.
func (p Replayer) newOperations(s crm.System, latest map[crm.Ref]Record) []op.Operation {
	var chosen []Record
	for ref, r := range latest {
		if ref.System == s {
			chosen = append(chosen, r)
		}
	}
	slices.SortFunc(chosen, func(a, b Record) int {
		return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), cmp.Compare(a.ID, b.ID))
	})
	now := p.Clock.Now()
	ops := make([]op.Operation, len(chosen))
	for i, r := range chosen {
		change := op.Requested
		if r.Change == op.Erased {
			change = op.Erased
		}
		ops[i] = op.Operation{
			Version: op.Version, ID: p.NewID(), Ref: r.Ref, Change: change,
			OccurredAt: now, ReceivedAt: now, Events: 1, ReplayOf: r.Operation,
		}
	}
	return ops
}

// publishChunk returns how many of ops may not be on the topic.
func (p Replayer) publishChunk(ctx context.Context, s crm.System, ops []op.Operation) (failed int, err error) {
	topic := p.Topics[s]
	if topic == nil {
		return len(ops), fmt.Errorf("no topic for what changed in %s", s)
	}
	if err = topic.Publish(ctx, ops); err == nil {
		return 0, nil
	}
	if some, ok := err.(interface{ Unwrap() []error }); ok {
		return min(len(some.Unwrap()), len(ops)), err
	}
	return len(ops), err
}
