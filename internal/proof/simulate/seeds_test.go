package simulate

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

var (
	seeds   = flag.Int("seeds", 60, "how many seeds TestSeeds runs")
	first   = flag.Uint64("first", 1, "the first of them")
	only    = flag.Uint64("seed", 0, "run this seed alone")
	life    = flag.String("life", "", "with -seed: print the life of one field, or \"all\"")
	failing = flag.Int("failing", 5, "stop after so many failing seeds")
)

// shortTrace is how many lines of a failing seed are printed.
const shortTrace = 40

func TestSeeds(t *testing.T) {
	if *only != 0 {
		oneSeed(t, *only)
		return
	}
	start := time.Now()
	total := sum{faults: map[string]int{}, kills: map[string]int{}, commands: map[string]int{}}
	for r := range runAll(*first, *seeds) {
		total.add(r)
		if len(r.Violations) > 0 {
			report(t, r)
			if total.failed >= *failing {
				t.Fatalf("%d of %d seeds failed", total.failed, total.runs)
			}
		}
	}
	total.print(t, time.Since(start))
	if total.runs >= 50 {
		total.check(t)
	}
}

func oneSeed(t *testing.T, seed uint64) {
	t.Helper()
	o := Options{Seed: seed, Trace: *life != "", Field: *life}
	if o.Field == "all" {
		o.Field = ""
	}
	r := Run(o)
	for _, line := range r.Trace {
		fmt.Println(line)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
}

// report prints what a failing seed violates, the end of what led to it, and
// how to run it again.
func report(t *testing.T, r Result) {
	t.Helper()
	field, _, _ := strings.Cut(r.Violations[0], ":")
	if !slices.ContainsFunc(crm.Kinds[:], func(k crm.Kind) bool { return theMapping.Object(k).Field(field) != nil }) {
		field = ""
	}
	lines := Run(Options{Seed: r.Seed, Trace: true, Field: field}).Trace
	if extra := len(lines) - shortTrace; extra > 0 {
		lines = lines[extra:]
	}
	if field == "" {
		field = "all"
	}
	t.Errorf("seed %d:\n  %s\n\nends with\n%s\n\nrun again with\n  go test ./internal/proof/simulate -run TestSeeds -count=1 -seed=%d -life=%s",
		r.Seed, strings.Join(r.Violations, "\n  "), strings.Join(lines, "\n"), r.Seed, field)
}

// runAll runs seeds on all cores and returns their results in order.
func runAll(first uint64, n int) func(yield func(Result) bool) {
	return func(yield func(Result) bool) {
		batch := 4 * runtime.GOMAXPROCS(0) // few enough for a failure to end the rest soon
		for done := 0; done < n; done += batch {
			results := make([]Result, min(batch, n-done))
			var wg sync.WaitGroup
			next := make(chan int, len(results))
			for i := range results {
				next <- i
			}
			close(next)
			for range runtime.GOMAXPROCS(0) {
				wg.Go(func() {
					for i := range next {
						results[i] = Run(Options{Seed: first + uint64(done+i)})
					}
				})
			}
			wg.Wait()
			for _, r := range results {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// sum adds up runs.
type sum struct {
	runs, failed, edits, writes, steps, calls int
	lasted                                    time.Duration
	faults, kills, commands                   map[string]int
}

func (s *sum) add(r Result) {
	s.runs++
	if len(r.Violations) > 0 {
		s.failed++
	}
	s.edits, s.writes, s.steps, s.calls = s.edits+r.Edits, s.writes+r.Writes, s.steps+r.Steps, s.calls+r.Calls
	s.lasted += r.Lasted
	for k, n := range r.Faults {
		s.faults[k] += n
	}
	for k, n := range r.Kills {
		s.kills[k] += n
	}
	for k, n := range r.Commands {
		s.commands[k] += n
	}
}

func (s *sum) print(t *testing.T, took time.Duration) {
	t.Helper()
	n := float64(s.runs)
	t.Logf("%d seeds, %d failing, in %s: %.0f seeds a minute\n"+
		"a run: %.1f edits, %.1f values changed by the connector, %.0f steps, %.0f calls, %.1f faults, %.1f kills, %s simulated\nfaults\n%skills\n%scommands\n%s",
		s.runs, s.failed, took.Round(time.Millisecond), n/took.Minutes(),
		float64(s.edits)/n, float64(s.writes)/n, float64(s.steps)/n, float64(s.calls)/n,
		float64(Total(s.faults))/n, float64(Total(s.kills))/n, (s.lasted / time.Duration(s.runs)).Round(time.Minute),
		Table(s.faults), Table(s.kills), Table(s.commands))
}

// check holds the simulation itself to its aim: a quiet world proves nothing.
func (s *sum) check(t *testing.T) {
	t.Helper()
	if n := Total(s.faults) / s.runs; n < 50 {
		t.Errorf("%d faults a run, want 50 at least", n)
	}
	if n := Total(s.kills) / s.runs; n < 15 {
		t.Errorf("%d kills a run, want 15 at least", n)
	}
	if s.runs < 500 {
		return // too few for the rarest
	}
	for _, c := range Commands() {
		if s.commands[c] == 0 {
			t.Errorf("no operator gave the command %q", c)
		}
	}
	for _, f := range Faults() {
		if s.faults[f] == 0 {
			t.Errorf("fault %q never struck", f)
		}
	}
	for _, k := range Boundaries() {
		if s.kills[k] == 0 {
			t.Errorf("nothing was killed %s", k)
		}
	}
}
