package simulate

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/assembly"
	"github.com/hubspot-zoho/connector/internal/consumer"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Options ask for one run.
type Options struct {
	Seed uint64
	// Trace keeps what happened, for a person to read.
	Trace bool
	// Field limits the trace to the life of one field, by the mapping's name.
	Field string
}

// Result is what a run came to.
type Result struct {
	Seed uint64
	// Violations are the invariants that did not hold; none when all is well.
	Violations []string
	// Hash stands for everything that happened: equal for two runs of a seed.
	Hash   uint64
	Steps  int
	Calls  int
	Edits  int // values that people typed
	Writes int // values that the connector changed
	Faults map[string]int
	Kills  map[string]int
	// Commands are those that people gave, by name.
	Commands map[string]int
	Lasted   time.Duration // simulated
	Trace    []string
}

// Total adds up counts by kind.
func Total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Run plays one seed to its end.
func Run(o Options) Result {
	w := newWorld(o)
	w.play()
	w.check()
	return w.result()
}

// maxSteps bounds a run: a world that is not at rest by then never will be.
const maxSteps = 200_000

// epoch is when every run begins, in milliseconds since 1970.
var epoch = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC).UnixMilli()

// world is everything of one run.
type world struct {
	options Options
	plan    plan
	rng     *rand.Rand
	order   *rand.Rand // of what happens at once, apart so that it moves nothing else
	now     int64      // milliseconds since 1970, by our own clock
	seq     int        // numbers everything that happens, in its order

	crms         map[crm.System]*model
	links        *links
	failures     *failures
	suppressions *suppressions
	holds        holds
	syncer       *syncer.Syncer
	queue        queue
	net          []webhook
	landing      []landing
	people       people
	ledger       ledger
	mail         *mailroom
	consumer     *consumer.Consumer
	sweeper      *sweeper
	operator     *operator
	statistics   statistics
	// deaf is set while no webhook is sent.
	dropsWebhooks bool

	tasks   []*task
	running *task
	healed  bool
	// replayed is set when what was given up has been published again.
	replayed    bool
	replayDue   int64
	repeatDue   int64
	storeOutage int64

	hash       uint64
	steps      int
	calls      int
	ids        int
	faults     map[string]int
	kills      map[string]int
	commands   map[string]int
	violations []string
	trace      []string
}

func newWorld(o Options) *world {
	w := &world{
		options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15)), now: epoch,
		order:  rand.New(rand.NewPCG(o.Seed, 0x2545f4914f6cdd1d)),
		faults: map[string]int{}, kills: map[string]int{}, commands: map[string]int{},
	}
	w.plan = drawPlan(w.rng, o.Seed)
	w.build()
	return w
}

func (w *world) build() {
	w.crms = map[crm.System]*model{}
	for _, s := range crm.Systems {
		w.crms[s] = newModel(w, s)
	}
	w.links = newLinks(w)
	w.suppressions = &suppressions{world: w, until: map[string]time.Time{}}
	w.failures = &failures{world: w, byID: map[string]*noted{}, operations: map[string]bool{}}
	w.ledger = ledger{world: w, outcomes: map[string]string{}}
	w.replayDue, w.repeatDue = w.now+2*hour, w.now+15*minute
	w.queue = queue{world: w, keys: map[string]*lane{}}
	w.people = people{
		world: w, left: w.plan.edits, made: map[crm.Kind]int{}, keys: map[crm.Kind][]string{},
		byField: map[fieldOf][]int{}, merged: map[*record]bool{},
	}
	w.sweeper = newSweeper(w)
	w.mail = newMailroom(w)
	w.holds = holds{world: w, stored: map[place]safeguard.State{}}
	w.statistics = statistics{world: w, hours: map[string]stats.Hour{}}
	w.syncer = w.newSyncer(assembly.Options{}, nil)
	w.consumer = w.newConsumer(w.syncer)
	w.operator = newOperator(w)
}

// newSyncer makes a syncer as the program does. What hubspot is stands before
// HubSpot, unless it is nil.
func (w *world) newSyncer(o assembly.Options, hubspot syncer.CRM) *syncer.Syncer {
	crms := map[crm.System]syncer.CRM{crm.HubSpot: w.crms[crm.HubSpot], crm.Zoho: w.crms[crm.Zoho]}
	if hubspot != nil {
		crms[crm.HubSpot] = hubspot
	}
	s, err := assembly.NewSyncer(assembly.Deps{
		Mapping: theMapping, CRMs: crms, Links: w.links, Failures: w.failures, Cursors: w.sweeper,
		Suppressions: w.suppressions, Safeguards: &w.holds,
		Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: publisher{w, "publish"}, crm.Zoho: publisher{w, "publish"}},
		Unique: func(s crm.System, k crm.Kind, field string) bool {
			return s == crm.HubSpot && k == crm.Contact && field == keyOn(k, s)
		},
		Parallel: w.atOnce, Clock: w, NewID: w.newID, Logger: slog.New(watch{w}), HashKey: []byte(hashKey), Share: 1,
	}, o)
	if err != nil {
		panic(err) // the dependencies above are complete
	}
	return s
}

const hashKey = "a key of the simulation"

// newConsumer is what stands before every syncer that writes.
func (w *world) newConsumer(s *syncer.Syncer) *consumer.Consumer {
	return &consumer.Consumer{Applier: applier{s, w}, Clock: w, Logger: slog.New(watch{w}), Counter: w.statistics.recorder()}
}

func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("id-%d", w.ids)
}

// atOnce makes calls one after the other, in an order of the seed's.
func (w *world) atOnce(_ context.Context, calls ...func()) {
	for _, i := range w.order.Perm(len(calls)) {
		calls[i]()
	}
}

// Now implements syncer.Clock.
func (w *world) Now() time.Time { return time.UnixMilli(w.now).UTC() }

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// between draws a duration in milliseconds.
func (w *world) between(low, high int64) int64 { return low + w.rng.Int64N(high-low+1) }

// happened adds one event to the hash of the run and, where it is asked for,
// to the trace.
func (w *world) happened(what, who string) {
	h := fnv.New64a()
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(w.hash>>(8*i)), byte(w.now>>(8*i))
	}
	_, _ = h.Write(b[:]) // a hash does not fail
	_, _ = h.Write([]byte(what))
	_, _ = h.Write([]byte(who))
	w.hash = h.Sum64()
	if w.options.Trace && w.options.Field == "" {
		w.say("%s %s", who, what)
	}
}

// say adds a line to the trace.
func (w *world) say(format string, args ...any) {
	if !w.options.Trace {
		return
	}
	at := time.UnixMilli(w.now).UTC().Format("02 15:04:05.000")
	w.trace = append(w.trace, at+"  "+fmt.Sprintf(format, args...))
}

// tell is say for one field.
func (w *world) tell(field, format string, args ...any) {
	if w.options.Trace && (w.options.Field == "" || w.options.Field == field) {
		w.say(format, args...)
	}
}

func (w *world) violate(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

func (w *world) result() Result {
	r := Result{
		Seed: w.options.Seed, Violations: w.violations, Hash: w.hash, Steps: w.steps, Calls: w.calls,
		Edits: len(w.people.edits), Faults: w.faults, Kills: w.kills, Commands: w.commands,
		Lasted: time.Duration(w.now-epoch) * time.Millisecond, Trace: w.trace,
	}
	for _, m := range w.crms {
		r.Writes += m.changed
	}
	return r
}

// Table prints counts by kind, the most frequent first.
func Table(counts map[string]int) string {
	kinds := make([]string, 0, len(counts))
	for k := range counts {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "  %-28s %d\n", k, counts[k])
	}
	return b.String()
}

// when prints a time of ours.
func (w *world) when(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("02 15:04:05.000")
}
