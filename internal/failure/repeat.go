package failure

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// pauses are how long after the last attempt what passes by itself is tried
// again, without anybody asking: after that a person is to look at it.
var pauses = [...]time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// repeatedByItself tells people of them.
const repeatedByItself = "It is replayed by itself 15 minutes, 1, 6 and 24 hours after the last attempt; replay it when that did not help."

// repeatedAtOnce is how many failures one run repeats, so that what a long
// outage left behind does not stand before the edits of right now.
const repeatedAtOnce = 500

// RepeatAt is when the connector replays the failure of its own accord: the
// operation as such was given up, for a reason that passes by itself. It is zero
// where that is left to a person.
func (r Record) RepeatAt() time.Time {
	if !r.Open() || !r.Cause.passes() || r.Repeats >= len(pauses) || r.Ref.Validate() != nil {
		return time.Time{}
	}
	last := r.LastSeen
	if r.RepeatedAt.After(last) {
		last = r.RepeatedAt
	}
	return last.Add(pauses[r.Repeats])
}

// passes reports whether what stopped an operation may be over some time later.
func (c Cause) passes() bool {
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

// Repeater replays what passes by itself, when it is due. One that is cut off
// repeats some failures once more, which is harmless.
type Repeater struct {
	Failures Repeats
	Topics   map[crm.System]Publisher
	Clock    Clock
	NewID    func() string
}

// Run replays what is due and returns what that came to.
func (p Repeater) Run(ctx context.Context) (ReplayReport, error) {
	now := p.Clock.Now()
	due, err := p.Failures.DueFailures(ctx, now, repeatedAtOnce)
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
		return report, fmt.Errorf("mark what was repeated: %w", err)
	}
	return report, nil
}

// RunLogged is Run for a job that has something else to do as well: the log
// tells what it came to, and what could not be repeated is due at the next run.
func (p Repeater) RunLogged(ctx context.Context, logger *slog.Logger) {
	report, err := p.Run(ctx)
	switch {
	case err != nil:
		logger.ErrorContext(ctx, logschema.NotRepeated, "published", report.Published, logschema.Class, string(ClassOf(err)), "error", err.Error())
	case report.Matched > 0:
		logger.InfoContext(ctx, logschema.Repeated, "failures", report.Matched, "published", report.Published)
	}
}
