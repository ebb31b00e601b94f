package simulate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/assembly"
	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/consumer"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
	backfillplan "github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// operator is the person who gives commands and looks at the console, while
// everything else goes on.
type operator struct {
	world *world
	due   int64
	// looks is the syncer that explains, and console the pages over it.
	looks   *syncer.Syncer
	console *console.Console
	filling bool // a backfill is under way
	// inTurn is set while a plan and a backfill are compared: they take the records
	// in one order, and no consumer is at work beside them.
	inTurn bool
	// stopped counts the backfills that a hold stopped.
	stopped int
}

// The commands, and the pages and actions of the console, under the names by which
// they are counted.
const (
	explains    = "explain"
	compares    = "reconcile --drift"
	plans       = "plan"
	fills       = "backfill"
	replays     = "replay"
	releases    = "release"
	page        = "console page "
	searches    = "console search"
	synchronise = "console synchronise"
	replaysHere = "console replay"
	dismisses   = "console dismiss"
)

var consolePages = []string{"overview", "failures", "failure", "record", "mapping", "activity"}

// Commands lists what people do beside the two CRMs.
func Commands() []string {
	all := []string{explains, compares, plans, fills, replays, releases, searches, synchronise, replaysHere, dismisses}
	for _, p := range consolePages {
		all = append(all, page+p)
	}
	return all
}

// commandTime is how long a person waits for a command.
const commandTime = 12 * hour

func newOperator(w *world) *operator {
	o := &operator{world: w, due: w.now + w.between(minute, hour), looks: w.newSyncer(assembly.Options{DryRun: true}, nil)}
	var err error
	o.console, err = console.New(console.Config{
		Gate: signedIn{}, Failures: w.failures, Records: o.looks, Stats: &w.statistics, Token: tokens{w}, Channels: tokens{w},
		Mapping: theMapping, Schemas: map[crm.System]console.Schemer{crm.HubSpot: w.crms[crm.HubSpot], crm.Zoho: w.crms[crm.Zoho]},
		Topics: w.topics("replay publish"), Pages: failure.Pages{HubSpotPortal: "4711", Zoho: "https://crm.zoho.eu"},
		Clock: w, NewID: w.newID, Key: []byte(hashKey), Logger: slog.New(watch{w}),
	})
	if err != nil {
		panic(err) // the configuration above is complete
	}
	return o
}

// signedIn lets everybody in.
type signedIn struct{}

// IdentifyCaller implements console.Gate.
func (signedIn) IdentifyCaller(*http.Request) (string, error) { return "operator", nil }

// tokens returns a healthy token and healthy channels.
type tokens struct{ world *world }

// LoadToken implements console.Token.
func (t tokens) LoadToken(ctx context.Context) (zoho.TokenState, error) {
	if err := t.world.seam(ctx, "load token"); err != nil {
		return zoho.TokenState{}, err
	}
	return zoho.TokenState{RefreshedAt: t.world.Now()}, nil
}

// LoadChannels implements console.Channels.
func (t tokens) LoadChannels(ctx context.Context) ([]zoho.ChannelState, error) {
	return nil, t.world.seam(ctx, "load channels")
}

// act gives a command.
func (o *operator) act() {
	w := o.world
	o.due = w.now + w.between(0, 6*w.plan.gap)
	switch w.rng.IntN(9) {
	case 0:
		o.explain(o.anyRef(), nil)
	case 1:
		o.compare(nil)
	case 2:
		o.plan(nil)
	case 3, 4:
		o.fill(w.chance(0.3), nil)
	case 5, 6:
		o.change()
	default:
		o.look()
	}
}

// run gives a command. One that looks may change nothing; done is called with its
// result unless it was killed, or came upon a record that makes it panic.
func (o *operator) run(name string, looks bool, do func(ctx context.Context) error, done func()) {
	w := o.world
	w.commands[name]++
	var err error
	var t *task
	t = w.spawn(name+" "+w.newID(), commandTime, func(ctx context.Context) { err = do(ctx) }, func(wasKilled bool) {
		if name == fills {
			o.filling = false
		}
		if wasKilled || t.panicked {
			return
		}
		w.happened("ended", t.name)
		o.judge(t.name, err)
		if err == nil && done != nil {
			done()
		}
	})
	t.looks = looks
}

// judge: no command fails but for what is broken at the time.
func (o *operator) judge(name string, err error) {
	w := o.world
	switch {
	case err == nil:
	case errors.Is(err, reconcile.ErrHeld) && len(w.holds.stored) > 0:
		o.stopped++
	case failure.IsHeld(err) && strings.HasPrefix(name, fills):
		w.violate("%s went on although it is held: %v", name, err)
	case w.healed:
		w.violate("%s failed although nothing is broken: %v", name, err)
	case crm.AsError(err) != nil, errors.Is(err, errStore), errors.Is(err, errOutOfTime), errors.Is(err, context.Canceled),
		errors.Is(err, errOdd), errors.Is(err, reconcile.ErrOvertaken), errors.Is(err, failure.ErrPanic), errors.Is(err, errPage),
		errors.Is(err, syncer.ErrBusy), errors.Is(err, syncer.ErrChanged), errors.Is(err, syncer.ErrClaimed):
	default:
		w.violate("%s failed for a reason that no fault explains: %v", name, err)
	}
}

// anyRef draws a record that a person may ask for: one that lives, one that was
// deleted or merged, or none at all.
func (o *operator) anyRef() crm.Ref {
	w := o.world
	m := w.anyCRM()
	if len(m.records) == 0 || w.chance(0.05) {
		return crm.Ref{System: m.system, Kind: crm.Contact, RecordID: "42"}
	}
	return m.records[w.rng.IntN(len(m.records))].ref
}

// explain asks why a record is as it is, by its id or by what is typed into it.
func (o *operator) explain(ref crm.Ref, check func(syncer.Explanation)) {
	var e syncer.Explanation
	text := ref.RecordID
	if r := o.world.crms[ref.System].byRef[ref]; r != nil && check == nil && o.world.chance(0.3) {
		text = r.last().fields[keyOn(ref.Kind, ref.System)]
	}
	o.run(explains, true, func(ctx context.Context) error {
		refs, err := o.looks.FindRecords(ctx, ref.Kind, text)
		for _, r := range refs {
			if err == nil && (check == nil || r == ref) {
				e, err = o.looks.Explain(ctx, r)
			}
		}
		return err
	}, func() {
		if check != nil {
			check(e)
		}
	})
}

// compare compares all linked pairs.
func (o *operator) compare(check func(reconcile.DriftReport)) {
	w := o.world
	var report reconcile.DriftReport
	o.run(compares, true, func(ctx context.Context) (err error) {
		report, err = reconcile.Drift{
			Pairs: w.links, Readers: map[crm.System]reconcile.Reader{crm.HubSpot: w.crms[crm.HubSpot], crm.Zoho: w.crms[crm.Zoho]},
			Comparer: o.looks, Kinds: crm.Kinds[:],
		}.Run(ctx)
		return err
	}, func() {
		if check != nil {
			check(report)
		}
	})
}

// together runs what a backfill or a plan does at the same time in an order of the
// seed's, or in turn.
func (w *world) together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	order := w.order.Perm(n)
	if w.operator.inTurn {
		slices.Sort(order)
	}
	for _, i := range order {
		do(ctx, i)
	}
}

// plan asks what a backfill would do.
func (o *operator) plan(check func(backfillplan.Report)) {
	w := o.world
	var report backfillplan.Report
	o.run(plans, true, func(ctx context.Context) (err error) {
		report, err = backfillplan.Run(ctx, backfillplan.Config{
			Phases: reconcile.PhasesOf(theMapping), Listers: map[crm.System]reconcile.Lister{crm.HubSpot: w.crms[crm.HubSpot], crm.Zoho: w.crms[crm.Zoho]},
			Syncer: w.newSyncer(assembly.Options{DryRun: true}, nil), RunCohort: w.together,
		})
		return err
	}, func() {
		if check != nil {
			check(report)
		}
	})
}

// worker notes which operation of a backfill is at work, as the queue does.
type worker struct {
	*consumer.Consumer
	world *world
}

// Work implements reconcile.Worker.
func (x worker) Work(ctx context.Context, o op.Operation, attempt int) (syncer.Result, error) {
	t := x.world.running
	t.op = o.ID
	r, err := x.Consumer.Work(ctx, o, attempt)
	t.op = ""
	return r, err
}

// fill brings together what both CRMs hold already, or goes on with it.
func (o *operator) fill(restart bool, check func(reconcile.BackfillReport)) {
	w := o.world
	if o.filling {
		return
	}
	o.filling = true
	pages := reconcile.NewPages(w.crms[crm.HubSpot], w.crms[crm.HubSpot], w)
	b, err := reconcile.NewBackfill(reconcile.BackfillConfig{
		Phases: reconcile.PhasesOf(theMapping), Listers: map[crm.System]reconcile.Lister{crm.HubSpot: pages, crm.Zoho: w.crms[crm.Zoho]},
		Worker: worker{w.newConsumer(w.newSyncer(assembly.Options{}, pages)), w}, Links: w.links, Cursors: w.sweeper,
		Clock: w, NewID: w.newID, RunCohort: w.together, Window: 4, CreateCap: safeguard.CreateCap{Allowed: 1000}, Restart: restart,
	})
	if err != nil {
		panic(err) // the configuration above is complete
	}
	var report reconcile.BackfillReport
	o.run(fills, false, func(ctx context.Context) (err error) {
		report, err = b.Run(ctx)
		return err
	}, func() {
		done := 0
		for _, outcomes := range report.Counts {
			for _, n := range outcomes {
				done += n
			}
		}
		if restart && report.Finished && done != report.Walked {
			w.violate("a backfill walked %d records, and tells what became of %d", report.Walked, done)
		}
		if check != nil {
			check(report)
		}
	})
}

// errPage is a page that could not be shown.
var errPage = errors.New("the page could not be shown")

var tokenForm = regexp.MustCompile(`name="token" value="([^"]+)"`)
