package failure

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// repeatPauses are the times after the last attempt at which a temporary failure is
// replayed. After the last one a person has to look at it.
var repeatPauses = [...]time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// repeatedByItself is their text in a remedy.
const repeatedByItself = "It is replayed by itself 15 minutes, 1, 6 and 24 hours after the last attempt; replay it when that did not help."

// maxRepeatsPerRun bounds how many failures one run replays, so that those of a long
// outage do not delay current edits.
const maxRepeatsPerRun = 500

// RepeatAt is when the connector replays the failure by itself: the operation
// was given up for a temporary reason. It is zero where a person has to replay.
func (r Record) RepeatAt() time.Time {
	if !r.IsOpen() || !r.Cause.isTemporary() || r.Repeats >= len(repeatPauses) || r.Ref.Validate() != nil {
		return time.Time{}
	}
	last := r.LastSeen
	if r.RepeatedAt.After(last) {
		last = r.RepeatedAt
	}
	return last.Add(repeatPauses[r.Repeats])
}

// isTemporary reports whether the cause of the failure may end without a person.
func (c Cause) isTemporary() bool {
	if c.Action != "apply" {
		return false // a part of it failed, or it could not be read
	}
	rule := findRule(errorFacts{system: c.Side, kind: c.Kind, code: c.Code})
	return rule.class == Healing || rule.origin == Outage
}

// Repeats is the store of a Repeater.
type Repeats interface {
	Lister
	// DueFailures returns failures whose RepeatAt is not after now, the longest
	// due first, at most limit.
	DueFailures(ctx context.Context, now time.Time, limit int) ([]Record, error)
	// MarkRepeated notes that the failures were repeated once more.
	MarkRepeated(ctx context.Context, at time.Time, ids ...string) error
}

// Repeater replays temporary failures when they are due. A run that is cut off
// repeats some failures once more, which is harmless.
type Repeater struct {
	Failures Repeats
	Topics   map[crm.System]Publisher
	Clock    Clock
	NewID    func() string
}

// RepeatDue replays the failures that are due and returns the counts.
func (p Repeater) RepeatDue(ctx context.Context) (ReplayReport, error) {
	now := p.Clock.Now()
	due, err := p.Failures.DueFailures(ctx, now, maxRepeatsPerRun)
	if err != nil || len(due) == 0 {
		return ReplayReport{}, err
	}
	ids := make([]string, len(due))
	for i, r := range due {
		ids[i] = r.ID
	}
	replayer := Replayer{Failures: p.Failures, Topics: p.Topics, Clock: p.Clock, NewID: p.NewID}
	report, err := replayer.Replay(ctx, Filter{IDs: ids})
	if err != nil {
		return report, err
	}
	if err := p.Failures.MarkRepeated(ctx, now, ids...); err != nil {
		return report, fmt.Errorf("mark the repeated failures: %w", err)
	}
	return report, nil
}

// RepeatDueLogged is RepeatDue for a job that has other work too: the result is
// logged, and failures that could not be replayed are due at the next run.
func (p Repeater) RepeatDueLogged(ctx context.Context, logger *slog.Logger) {
	report, err := p.RepeatDue(ctx)
	switch {
	case err != nil:
		logger.ErrorContext(ctx, logschema.NotRepeated, "published", report.Published, logschema.Class, string(ClassOf(err)), "error", err.Error())
	case report.Matched > 0:
		logger.InfoContext(ctx, logschema.Repeated, "failures", report.Matched, "published", report.Published)
	}
}
