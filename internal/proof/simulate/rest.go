package simulate

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	backfillplan "github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// atRest holds people's commands to a world that is at rest: what they say agrees
// with what is stored and with what both CRMs show, and a plan with the backfill
// that follows it.
func (o *operator) atRest() {
	w := o.world
	o.wait()
	o.explainAll()
	o.compare(o.checkDrift)
	o.wait()
	o.editUnseen()
	foretold := o.foretell()
	o.inTurn = true
	if w.chance(0.3) {
		o.fillUnderHold()
	} else {
		o.planAndFill()
	}
	o.inTurn = false
	o.wait()
	o.checkForetold(foretold)
	o.compare(o.checkDrift)
	o.wait()
	w.repeatAll()
}

// explainAll asks for every record, and for its page.
func (o *operator) explainAll() {
	for _, s := range crm.Systems {
		for _, r := range slices.Clone(o.world.crms[s].records) {
			var reported syncer.Explanation
			o.explain(r.ref, func(e syncer.Explanation) { reported = e; o.checkExplanation(r, e) })
			o.wait()
			o.checkPage(r, reported)
		}
	}
}

// checkExplanation holds an explanation to what is stored and shown.
func (o *operator) checkExplanation(asked *record, e syncer.Explanation) {
	w := o.world
	if e.Asked != asked.ref {
		return // neither CRM has it, nor does a link
	}
	r := asked.survivor()
	if r != asked && r.alive() && e.MergedInto != r.ref {
		w.violate("%s was merged into %s, and is explained as merged into %q", asked.ref, r.ref, e.MergedInto)
	}
	stored, linked := w.links.kept[w.links.claims[r.ref]]
	if r != asked && (!linked || !r.alive()) { // its survivor is gone too, or has no link yet
		stored, linked = w.links.kept[w.links.claims[asked.ref]]
	}
	if e.Linked != linked || e.Link.ID != stored.ID || e.Link.Version != stored.Version {
		w.violate("%s is explained by link %q of version %q, and has %q of version %q", asked.ref, e.Link.ID, e.Link.Version, stored.ID, stored.Version)
		return
	}
	for s, rec := range e.Records {
		shown := w.crms[s].byRef[rec.Ref]
		if shown == nil || !shown.alive() {
			w.violate("%s is explained by %s, which is not there", asked.ref, rec.Ref)
			continue
		}
		if want := w.crms[s].show(shown, shown.last(), false).Fields; !maps.Equal(want, rec.Fields) {
			w.violate("%s is explained by values that %s does not show", asked.ref, rec.Ref)
		}
	}
	if !stored.Complete() || len(e.Records) < 2 {
		return
	}
	if want := len(theMapping.Object(r.ref.Kind).Fields); len(e.Fields) != want {
		w.violate("%d fields of %s are explained, want %d", len(e.Fields), asked.ref, want)
	}
	for _, f := range e.Fields {
		o.checkField(asked, stored, f)
	}
}

// checkField: at rest nothing waits to be written, and what holds is what was
// decided.
func (o *operator) checkField(asked *record, stored syncer.Link, f syncer.FieldExplanation) {
	w := o.world
	for _, s := range crm.Systems {
		if f.WritesTo(s) {
			w.violate("%s of %s is said to be written to %s, and nothing does it", f.Field.Name, asked.ref, s)
		}
	}
	if base := stored.Fields[f.Field.Name]; !base.Cell.IsZero() && base.Cell.Hash != f.Base.Cell.Hash {
		w.violate("%s of %s is explained by another value than the one that was decided on", f.Field.Name, asked.ref)
	}
}

// checkPage: the console shows a record as it is explained.
func (o *operator) checkPage(r *record, e syncer.Explanation) {
	waits := slices.ContainsFunc(e.Fields, func(f syncer.FieldExplanation) bool { return f.WriteHubSpot || f.WriteZoho })
	var body string
	o.run(page+"record", true, func(ctx context.Context) error {
		shown, err := o.ask(ctx, url.Values{"page": {"record"}, "ref": {r.ref.String()}}, nil)
		body = shown.Body.String()
		return err
	}, func() {
		if strings.Contains(body, "will be written") != waits {
			o.world.violate("the page of %s says that something is to be written: %t, and it is explained so: %t", r.ref, !waits, waits)
		}
	})
	o.wait()
}

// checkDrift: at rest nothing differs that should be equal, but for what a side
// refuses, of which a failure exists.
func (o *operator) checkDrift(r reconcile.DriftReport) {
	w := o.world
	for s, n := range r.Deleted {
		w.violate("drift: %d pairs have lost their record in %s, and no event was processed", n, s)
	}
	for s, n := range r.MergedAway {
		w.violate("drift: %d pairs have a record in %s that was merged, and no event was processed", n, s)
	}
	if r.Unread > 0 {
		w.violate("drift: %d pairs could not be read: %s", r.Unread, r.Err)
	}
	for _, f := range r.Fields {
		if f.Cause.IsIntended() {
			continue
		}
		reported := (f.Cause == syncer.RefusedValue || f.Cause == syncer.Lost) && !slices.ContainsFunc(f.Examples, func(pair string) bool { return !o.refusalReported(pair) })
		if !reported {
			w.violate("drift: %s of %v differs at rest: %s %s %s", f.Field, f.Examples, f.Cause, f.Side, f.Code)
		}
	}
}

// refusalReported reports whether a failure names a pair, or of a record that was
// merged into one of the two.
func (o *operator) refusalReported(pair string) bool {
	of := func(ref crm.Ref) bool {
		r := o.world.crms[crm.HubSpot].byRef[ref]
		if r == nil {
			r = o.world.crms[crm.Zoho].byRef[ref]
		}
		return r != nil && slices.Contains(strings.Fields(pair), r.survivor().ref.String())
	}
	return o.world.failures.isReported(func(f failure.Record) bool { return of(f.Ref) || of(f.Record) })
}

// unseenEdits is how much people do without a webhook.
const unseenEdits = 6

// editUnseen lets people enter and edit records of HubSpot while no webhook is
// sent, and records of Zoho that are their counterparts.
func (o *operator) editUnseen() {
	w := o.world
	w.now += 10 * minute
	w.dropsWebhooks = true
	defer func() { w.dropsWebhooks = false }()
	for range unseenEdits {
		w.now += w.between(second, minute)
		var alive []*record
		for _, r := range w.people.alive() {
			if r.ref.System == crm.HubSpot {
				alive = append(alive, r)
			}
		}
		if len(alive) == 0 || w.chance(0.3) {
			w.people.create(crm.Kinds[w.rng.IntN(len(crm.Kinds))])
			continue
		}
		r := alive[w.rng.IntN(len(alive))]
		fields := theMapping.Object(r.ref.Kind).Fields
		w.people.typeInto(r, fields[w.rng.IntN(len(fields))].Name)
	}
	w.now += 10 * minute
}

// foretold is a value that an explanation says the next operation writes to Zoho.
type foretold struct {
	record *record
	field  *mapping.Field
	canon  string
}

// foretell asks for every pair what the next operation of HubSpot will write.
func (o *operator) foretell() []foretold {
	w := o.world
	var all []foretold
	for _, r := range slices.Clone(w.crms[crm.HubSpot].records) {
		if !r.alive() {
			continue
		}
		var reported syncer.Explanation
		o.explain(r.ref, func(e syncer.Explanation) { reported = e })
		o.wait()
		o.checkPage(r, reported)
		z := w.crms[crm.Zoho].byRef[reported.Records[crm.Zoho].Ref]
		for _, f := range reported.Fields {
			if f.WriteZoho && z != nil && f.Field.Type != mapping.Company {
				all = append(all, foretold{z, f.Field, f.Value.Text})
			}
		}
	}
	return all
}

// checkForetold: what was said to be written was written, or refused.
func (o *operator) checkForetold(all []foretold) {
	for _, f := range all {
		shown := f.field.Canon(crm.Zoho, f.record.last().fields[f.field.Zoho])
		stores := f.field.Canon(crm.Zoho, o.world.crms[crm.Zoho].stores(f.field.Zoho, f.canon))
		if shown != f.canon && shown != stores && !o.world.reportedOf(f.record.ref) && !o.refusalReported(f.record.ref.String()+" "+o.counterpart(f.record)) {
			o.world.violate("%s of %s was said to become %q, and is %q", f.field.Name, f.record.ref, f.canon, shown)
		}
	}
}

// counterpart names the record that one of Zoho is linked to.
func (o *operator) counterpart(r *record) string {
	l := o.world.links.kept[o.world.links.claims[r.ref]]
	return l.Ref(crm.HubSpot).String()
}

// planAndFill compares what a plan says with what the backfill then does.
func (o *operator) planAndFill() {
	w := o.world
	var planned, again backfillplan.Report
	o.plan(func(r backfillplan.Report) { planned = r })
	o.wait()
	o.plan(func(r backfillplan.Report) { again = r })
	o.wait()
	if diff := cmp.Diff(planned.Counts, again.Counts); diff != "" {
		w.violate("a second plan says otherwise (-first +second):\n%s", diff)
	}
	refused := w.refusals()
	o.fill(true, func(r reconcile.BackfillReport) {
		if !r.Finished || r.Walked != planned.Records {
			w.violate("a backfill of %d records finished: %t, and the plan was of %d", r.Walked, r.Finished, planned.Records)
		}
		if diff := cmp.Diff(planned.Counts, r.Counts); diff != "" && w.refusals() == refused {
			w.violate("the backfill did something else (-plan +backfill):\n%s", diff)
		}
	})
	w.run(func() bool { return !o.filling })
}

// fillUnderHold: what a plan says is held stops the backfill, which clears nothing
// and goes on after the release.
func (o *operator) fillUnderHold() {
	w := o.world
	for _, k := range crm.Kinds {
		at := place{crm.Zoho, k}
		w.holds.stored[at] = safeguard.State{Side: at.side, Kind: k, HeldAt: w.Now().Add(-time.Hour), Records: 1501, Pairs: 3000}
	}
	var planned backfillplan.Report
	o.plan(func(r backfillplan.Report) { planned = r })
	o.wait()
	before := o.stopped
	o.fill(true, nil)
	w.run(func() bool { return !o.filling })
	if held := planned.Counts.Total(backfillplan.Held); held > 0 && o.stopped == before {
		w.violate("a plan says that %d records are held, and the backfill was not", held)
	}
	w.holds.release()
	o.fill(false, func(r reconcile.BackfillReport) {
		if !r.Finished {
			w.violate("after the release the backfill did not come to its end: %s", r.Stopped)
		}
	})
	w.run(func() bool { return !o.filling })
}

// refusals counts how often a CRM refused a value: which cannot be known before
// it is tried. That a required one is missing can be known.
func (w *world) refusals() int {
	n := 0
	for _, f := range w.failures.order {
		if (f.Cause.Action == "update" || f.Cause.Action == "create") && f.Cause.Kind != crm.Missing {
			n += len(f.counted)
		}
	}
	return n
}
