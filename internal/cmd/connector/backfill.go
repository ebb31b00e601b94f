package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/wording"
)

type backfillOptions struct {
	maxCreates, window int
	perSecond, share   float64
	restart, json      bool
}

func backfillCommand(getenv func(string) string) *cobra.Command {
	var o backfillOptions
	c := &cobra.Command{
		Use:   "backfill",
		Short: "Synchronise the records that both CRMs already hold",
		Long: `Run the initial synchronisation. The backfill links every record of HubSpot to its
counterpart in Zoho, synchronises the two, and creates missing counterparts, with the
code that applies every later change. It leaves Zoho's other records as they are,
unless the mapping creates them in HubSpot. connector plan shows beforehand the
effects of a backfill.

The backfill can be stopped at any time, by Ctrl-C too; the same command continues
it. It runs beside the consumers, within a --share of the quotas, so that people's
edits do not wait for it.

Above --max-creates it asks; without a terminal it stops and names the flag.`,
		Example: `  connector backfill
  connector backfill --max-creates 20000 --share 0.5
  connector backfill --restart`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withOperator(c, getenv, func(d *functions.Operator) error { return runBackfill(c, d, o) })
		},
	}
	c.Flags().IntVar(&o.maxCreates, "max-creates", 1000, "ask before more records than this are created")
	c.Flags().Float64Var(&o.share, "share", 0.25, "the share of the quotas that it may take")
	c.Flags().Float64Var(&o.perSecond, "per-second", 100, "records that it starts in a second, at most")
	c.Flags().IntVar(&o.window, "window", 200, "records in progress at a time, at most")
	c.Flags().BoolVar(&o.restart, "restart", false, "start again, even after a finished backfill")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// backfillResult is the report of a run, with the counts after it.
type backfillResult struct {
	reconcile.BackfillReport
	Now []functions.Counts `json:"now"`
}

func runBackfill(c *cobra.Command, d *functions.Operator, o backfillOptions) error {
	ctx := c.Context()
	if o.perSecond <= 0 || o.window <= 0 || o.maxCreates < 0 || o.share <= 0 || o.share > 1 {
		return errors.New("--per-second and --window: want more than 0; --share: more than 0 and at most 1; --max-creates: 0 or more")
	}
	d.LimitQuotaShare(o.share)
	clients, err := d.ConnectClients(ctx)
	if err != nil {
		return err
	}
	config, err := d.NewBackfillConfig(ctx, clients)
	if err != nil {
		return err
	}
	config.PerSecond, config.Window, config.CreateCap.Allowed, config.Restart = o.perSecond, o.window, o.maxCreates, o.restart
	bar := newProgress(c.ErrOrStderr(), "records", d.Logger())
	before, err := d.CountRecords(ctx, clients)
	if err != nil {
		return err
	}
	bar.setTotal(countRecords(config.Phases, before))
	config.Progress = func(r reconcile.BackfillReport) { bar.setDone(r.Walked) }
	config.CreateCap.AskMore = func(created int) int { return askForMore(c, created, max(o.maxCreates, 1000)) }
	b, err := reconcile.NewBackfill(config)
	if err != nil {
		return err
	}
	report, err := b.Run(ctx)
	bar.endProgress()
	switch {
	case errors.Is(err, safeguard.ErrTooManyCreates):
		err = fmt.Errorf("%w: look at the created records, then continue with a higher --max-creates", err)
	case errors.Is(err, reconcile.ErrHeld):
		err = fmt.Errorf("%w: connector release --dry-run shows the held clears and connector release lets them through; the same backfill continues after it", err)
	}
	// The counts are printed after Ctrl-C too.
	after, countErr := d.CountRecords(context.WithoutCancel(ctx), clients)
	done := backfillResult{report, after}
	if o.json {
		return errors.Join(err, countErr, printJSON(c.OutOrStdout(), done))
	}
	return errors.Join(err, countErr, printBackfill(c.OutOrStdout(), done))
}

// countRecords returns how many records the phases have.
func countRecords(phases []reconcile.Phase, counts []functions.Counts) int {
	n := 0
	for _, phase := range phases {
		for _, c := range counts {
			if c.Kind == phase.Kind {
				n += map[bool]int{true: c.HubSpot, false: c.Zoho}[phase.System == "hubspot"]
			}
		}
	}
	return n
}

// askForMore asks the person at the terminal, if there is one.
func askForMore(c *cobra.Command, created, more int) int {
	if !isTerminal(c.InOrStdin()) || !isTerminal(c.ErrOrStderr()) {
		return 0
	}
	fmt.Fprintf(c.ErrOrStderr(), "\n%d records were created. Create up to %d more? [y/N] ", created, more)
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(answer), "y") {
		return 0
	}
	return more
}

func printBackfill(w io.Writer, b backfillResult) error {
	for _, phase := range b.FinishedBefore {
		fmt.Fprintf(w, "Finished before: %s. --restart starts again.\n", phase)
	}
	n := b.Counts.Total
	fmt.Fprintf(w, "%s processed: %d created, %d linked, %d updated, %d with nothing to do, %d ambiguous, %d parked.\n", wording.Count(b.Walked, "record"),
		n(reconcile.Create), n(reconcile.Link), n(reconcile.Update), n(reconcile.Skip), n(reconcile.Ambiguous), n(reconcile.Parked))
	if n(reconcile.Ambiguous)+n(reconcile.Parked) > 0 {
		fmt.Fprintln(w, "connector failures lists the parked records, with remedies.")
	}
	if !b.Finished {
		fmt.Fprintln(w, "Not finished: the same command continues from here.")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nNOW\tHUBSPOT\tZOHO\tLINKED PAIRS\tOF THESE CREATED\t")
	for _, n := range b.Now {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t\n", n.Kind, n.HubSpot, n.Zoho, n.Pairs, n.Made)
	}
	return t.Flush()
}
