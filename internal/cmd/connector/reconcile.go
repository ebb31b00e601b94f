package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/wording"
)

type reconcileOptions struct {
	since                                  string
	drift, examples, allowMassChange, json bool
}

func reconcileCommand(getenv func(string) string) *cobra.Command {
	var o reconcileOptions
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Find changes that webhooks missed, or compare all linked pairs",
		Long: `Run the sweep of the function Reconcile to its end: it publishes the records that
were changed or deleted since the last sweep as operations. A sweep that would touch
more than half of all pairs stops before it does. --allow-mass-change lets it
continue.

With --drift the command compares all linked pairs and publishes nothing. The report
names the fields that differ, the number of pairs, and the likely cause. The exit
status is 1 if fields differ that should be equal.`,
		Example: `  connector reconcile
  connector reconcile --since 3d
  connector reconcile --drift --examples`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withOperator(c, getenv, func(d *functions.Operator) error {
				if o.drift {
					return runDrift(c, d, o)
				}
				return runReconcile(c, d, o)
			})
		},
	}
	c.Flags().StringVar(&o.since, "since", "", "look back to a time, or that long: 2026-11-23, 36h, 3d; the scheduled sweep is left as it is")
	c.Flags().BoolVar(&o.allowMassChange, "allow-mass-change", false, "let a mass change through")
	c.Flags().BoolVar(&o.drift, "drift", false, "compare all linked pairs and publish nothing")
	c.Flags().BoolVar(&o.examples, "examples", false, "with --drift: name some records of each difference")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// sweepBudget is how long one run of the sweep may take before the next
// starts. A person may wait longer than the scheduler.
const sweepBudget = 10 * time.Minute

func runReconcile(c *cobra.Command, d *functions.Operator, o reconcileOptions) error {
	ctx := c.Context()
	config, err := d.NewSweepConfig(ctx)
	if err != nil {
		return err
	}
	config.Budget, config.DeletedEvery = sweepBudget, map[crm.System]time.Duration{}
	if o.since != "" {
		now := time.Now()
		since, err := parseTime(o.since, now)
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		if !since.Before(now) {
			return errors.New("--since: the time is not in the past")
		}
		config.Cursors, config.LookBack = reconcile.MemoryCursors{}, now.Sub(since)
	}
	if o.allowMassChange {
		config.MassChange = nil
	}
	r, err := reconcile.New(config)
	if err != nil {
		return err
	}
	report, err := runSweeps(ctx, r)
	if o.json {
		err = errors.Join(err, printJSON(c.OutOrStdout(), report))
	} else {
		err = errors.Join(err, printSweep(c.OutOrStdout(), report))
	}
	return err
}

// runSweeps runs sweeps until nothing is left or one cannot continue.
func runSweeps(ctx context.Context, r *reconcile.Reconciler) (reconcile.Report, error) {
	all, err := r.Run(ctx)
	for err == nil && !all.Complete && ranOutOfTime(all) && ctx.Err() == nil {
		var next reconcile.Report
		next, err = r.Run(ctx)
		all = all.Add(next)
	}
	switch {
	case err != nil:
		return all, err
	case ctx.Err() != nil:
		return all, errors.New("stopped: the next sweep continues from here")
	case !all.Complete:
		return all, errors.New("some records could not be read: the same command continues from here")
	}
	return all, nil
}

// ranOutOfTime reports whether time alone kept a run from its end.
func ranOutOfTime(r reconcile.Report) bool {
	for _, p := range r.Scans {
		if p.Stopped != "" && p.Stopped != reconcile.OutOfTime {
			return false
		}
	}
	return true
}

func printSweep(w io.Writer, r reconcile.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RECORDS\tPAGES\tPUBLISHED\tCOVERED UP TO\tSTATE\t")
	for _, p := range r.Scans {
		what := "changed"
		if p.Deleted {
			what = "deleted"
		}
		state := "complete"
		switch {
		case p.Stopped != "":
			state = string(p.Stopped)
		case p.NotDue:
			state = "nothing new"
		case p.Truncated:
			state = "complete, but the CRM did not list all: look back further with --since"
		}
		fmt.Fprintf(t, "%s %s %s\t%d\t%d\t%s\t%s\t\n", reconcile.SystemNames[p.System], p.Kind, what, p.Pages, p.Published, formatTime(p.Covered), state)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s published.\n", wording.Count(r.Published, "operation"))
	return err
}

func runDrift(c *cobra.Command, d *functions.Operator, o reconcileOptions) error {
	clients, err := d.ConnectClients(c.Context())
	if err != nil {
		return err
	}
	drift, err := d.NewDrift(c.Context(), clients)
	if err != nil {
		return err
	}
	bar := newProgress(c.ErrOrStderr(), "pairs compared", d.Logger())
	if total, err := d.CountPairs(c.Context(), clients); err == nil {
		bar.setTotal(total)
	}
	drift.Progress = bar.setDone
	report, err := drift.Run(c.Context())
	bar.endProgress()
	if o.json {
		err = errors.Join(err, printJSON(c.OutOrStdout(), report))
	} else {
		err = errors.Join(err, report.WriteText(c.OutOrStdout(), o.examples))
	}
	if err == nil && !report.IsClean() {
		err = errors.New("the two CRMs differ: connector reconcile finds changes that webhooks missed")
	}
	return err
}
