// Command bench measures the connector: the calls to the two CRMs for each
// record, the speed and the cost. Each scenario runs
// twice, as the product is and with the sharing of calls switched off.
//
// The functions run as a process of their own, the one that is deployed. The
// simulated CRMs and the embedded cloud are real servers in this process, so
// that the functions' processor time and memory are theirs alone. Only the
// latency of the CRMs is made up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options say what to measure.
type options struct {
	scenarios []string
	records   int     // of the big scenarios
	baseline  float64 // share of the records that the baseline is given
	latency   time.Duration
	inFlight  int // operations that the queue has under way, for each direction
	out       string
	verbose   bool
}

func defaultOptions() options {
	return options{records: 10_000, baseline: 0.02, latency: 50 * time.Millisecond, inFlight: 1000}
}

func main() {
	if os.Getenv(roleVariable) == roleFunctions {
		serveFunctions()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	o := defaultOptions()
	var names string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&names, "scenarios", "", "which, separated by commas; all of them if empty: "+strings.Join(scenarioNames(), ","))
	f.IntVar(&o.records, "records", o.records, "records of the big scenarios")
	f.Float64Var(&o.baseline, "baseline", o.baseline, "share of the records that the baseline is measured with; 0 leaves it out")
	f.DurationVar(&o.latency, "latency", o.latency, "time before each answer of a CRM")
	f.IntVar(&o.inFlight, "in-flight", o.inFlight, "operations under way at once, for each direction")
	f.StringVar(&o.out, "out", "build/bench.json", "file for the measurements as JSON; empty: none")
	tables := f.Bool("costs", false, "print the tables of docs/cost.md and measure nothing")
	f.BoolVar(&o.verbose, "v", false, "show the log of the functions")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *tables {
		printCosts(w)
		return nil
	}
	o.scenarios = scenarioNames()
	if names != "" {
		o.scenarios = strings.Split(names, ",")
	}
	for _, name := range o.scenarios {
		if !slices.Contains(scenarioNames(), name) {
			return fmt.Errorf("there is no scenario %q: want %s", name, strings.Join(scenarioNames(), ", "))
		}
	}
	results, failed := measureScenarios(ctx, o, w)
	printTable(w, results)
	if o.out == "" {
		return failed
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, saveResults(o.out, results))
}

// measureScenarios runs the scenarios one after the other. One that fails does not take
// the measurements of the others away.
func measureScenarios(ctx context.Context, o options, w io.Writer) (map[string]outcome, error) {
	results := map[string]outcome{}
	var errs []error
	for _, s := range scenarios {
		if !slices.Contains(o.scenarios, s.name) {
			continue
		}
		var both outcome
		for _, product := range []bool{true, false} {
			share := 1.0
			if !product {
				if share = o.baseline; share == 0 || s.productOnly {
					continue
				}
			}
			fmt.Fprintf(w, "%s, %s ...\n", s.name, variantName(product))
			result, err := s.measure(ctx, o, product, share)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", s.name, variantName(product), err))
				continue
			}
			if product {
				both.Product = result
			} else {
				both.Baseline = result
			}
		}
		results[s.name] = both
		if ctx.Err() != nil {
			break
		}
	}
	return results, errors.Join(errs...)
}

func variantName(product bool) string {
	if product {
		return "product"
	}
	return "baseline"
}
