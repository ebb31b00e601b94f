package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// maxSweepAge is how old a scan of changed records may be.
const maxSweepAge = 30 * time.Minute

// checkSweep looks how far the scans of changed records have come.
func (v *run) checkSweep(ctx context.Context) error {
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
			switch age := v.Now().Sub(c.Covered); {
			case c.Covered.IsZero():
				v.addFinding(Warning, fmt.Sprintf("no sweep has looked at the %s records of %s yet", kind, s), remedy)
			case age > maxSweepAge:
				v.addFinding(Error, fmt.Sprintf("the sweep over the %s records of %s is %s behind", kind, s, wording.Duration(age)), remedy)
			}
		}
	}
	return nil
}

// checkSafeguards finds the clears that wait for a person.
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
				v.addFinding(Error, fmt.Sprintf("clears of %s values in %s are held since %s: %s of %s", kind, s, formatTime(b.HeldAt), wording.Count(b.Records, "record"), wording.Count(b.Pairs, "pair")),
					"if it is a mistake, put the values back where they were cleared; then, or if it is intended, run connector release")
			}
		}
	}
	return nil
}

// eventWindow is how far back the last event of each CRM is looked for.
const eventWindow = 48 * time.Hour

// lowQuota is the share of a quota below which a person is warned.
const lowQuota = 0.1

// checkEvents says when a change of each CRM was last applied, and what is left of
// the quotas. No change at all may be right.
func (v *run) checkEvents(ctx context.Context) error {
	if v.LoadStats == nil {
		return nil
	}
	hours, err := v.LoadStats(ctx, v.Now().Add(-eventWindow), true)
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
			v.addFinding(Note, fmt.Sprintf("no change in %s was applied in %s", s, wording.Duration(eventWindow)), "make a change there and check again; run connector backfill for the existing records")
		} else {
			v.addFinding(OK, fmt.Sprintf("a change in %s was last applied at %s", s, formatTime(at)), "")
		}
		if q := quotas[s]; q.Limit > 0 && float64(q.Left) < lowQuota*float64(q.Limit) {
			v.addFinding(Warning, fmt.Sprintf("%s had %d of %d calls of the day left at %s", s, q.Left, q.Limit, formatTime(q.At)), "slow a backfill down with --per-second, or buy more calls")
		}
	}
	return nil
}

// checkFailures counts the records that wait for a person.
func (v *run) checkFailures(ctx context.Context) error {
	if v.Failures == nil {
		return nil
	}
	open, err := v.Failures.ListFailures(ctx, failure.Filter{}, 0)
	if err != nil {
		return err
	}
	for _, g := range failure.GroupByCause(slices.Clone(open)) {
		v.addFinding(Warning, fmt.Sprintf("%s parked: %s", wording.Count(g.Failures, "record"), g.Message), g.Remedy)
	}
	return nil
}
