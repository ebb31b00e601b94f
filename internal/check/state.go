package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/stats"
)

// sweepLate is how old a pass over changed records may be.
const sweepLate = 30 * time.Minute

// sweep looks how far the passes over changed records have come.
func (v *run) sweep(ctx context.Context) error {
	if v.Cursors == nil {
		return nil
	}
	const remedy = "let the scheduler call Reconcile every 5 minutes, or run connector reconcile"
	for _, s := range crm.Systems {
		for _, kind := range crm.Kinds {
			if v.Mapping.Object(kind) == nil {
				continue
			}
			c, err := v.Cursors.LoadCursor(ctx, fmt.Sprintf("reconcile-%s-%s-changed", s, kind))
			if err != nil {
				return err
			}
			switch age := v.Now().Sub(c.Covered).Round(time.Second); {
			case c.Covered.IsZero():
				v.add(Warning, fmt.Sprintf("no sweep has looked at the %s records of %s yet", kind, s), remedy)
			case age > sweepLate:
				v.add(Error, fmt.Sprintf("the sweep over the %s records of %s is %s behind", kind, s, age), remedy)
			}
		}
	}
	return nil
}

// checkSafeguards tells what waits for a person because it would clear too much.
func (v *run) checkSafeguards(ctx context.Context) error {
	if v.Safeguards == nil {
		return nil
	}
	for _, s := range crm.Systems {
		for _, kind := range crm.Kinds {
			b, err := v.Safeguards.LoadSafeguard(ctx, s, kind)
			if err != nil {
				return err
			}
			if b.Held(v.Now()) {
				v.add(Error, fmt.Sprintf("what would clear %s values in %s is held since %s: it came to %d records of %d pairs", kind, s, stamp(b.HeldAt), b.Records, b.Pairs),
					"put the values back where they were cleared, then, or if it is meant so, run connector release")
			}
		}
	}
	return nil
}

// looksBack is how far back the last event of each CRM is looked for.
const looksBack = 48 * time.Hour

// lowQuota is the share of a quota below which a person is told.
const lowQuota = 0.1

// events tells when a change of each CRM was last applied, and what is left of
// the quotas. Silence may be right.
func (v *run) events(ctx context.Context) error {
	if v.LoadStats == nil {
		return nil
	}
	hours, err := v.LoadStats(ctx, v.Now().Add(-looksBack), true)
	if err != nil {
		return err
	}
	last, quotas := map[crm.System]time.Time{}, map[crm.System]stats.Quota{}
	for _, h := range hours {
		for _, o := range h.Latest {
			if o.At.After(last[o.Ref.System]) {
				last[o.Ref.System] = o.At
			}
		}
		for s, q := range h.Quotas {
			if q.At.After(quotas[s].At) {
				quotas[s] = q
			}
		}
	}
	for _, s := range crm.Systems {
		if at := last[s]; at.IsZero() {
			v.add(Note, fmt.Sprintf("no change in %s was applied in %s", s, looksBack), "make a change there, and look again; run connector backfill for what is there already")
		} else {
			v.add(OK, fmt.Sprintf("a change in %s was last applied at %s", s, stamp(at)), "")
		}
		if q := quotas[s]; q.Limit > 0 && float64(q.Left) < lowQuota*float64(q.Limit) {
			v.add(Warning, fmt.Sprintf("%s had %d of %d calls of the day left at %s", s, q.Left, q.Limit, stamp(q.At)), "slow a backfill down with --per-second, or buy more calls")
		}
	}
	return nil
}

// failures counts what waits for a person.
func (v *run) failures(ctx context.Context) error {
	if v.Failures == nil {
		return nil
	}
	open, err := v.Failures.ListFailures(ctx, failure.Filter{}, 0)
	if err != nil {
		return err
	}
	for _, g := range failure.Groups(slices.Clone(open)) {
		v.add(Warning, fmt.Sprintf("%d records are parked: %s", g.Failures, g.Message), g.Remedy)
	}
	return nil
}
