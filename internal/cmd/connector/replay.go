package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/wording"
)

func replayCommand(getenv func(string) string) *cobra.Command {
	var f failureFlags
	var all, dryRun, asJSON bool
	c := &cobra.Command{
		Use:   "replay",
		Short: "Repeat failed operations",
		Long: `Publish one new operation for each record among the failures that the flags
select. The consumer then reads both records and decides again, so an unnecessary
replay is harmless. It removes each failure that has succeeded from the list.`,
		Example: `  connector replay --cause 3f2a9c1d00b1e2f3
  connector replay --since 2026-11-23 --kind company
  connector replay --all --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, narrow, err := f.parseFilter(time.Now())
			if err != nil {
				return err
			}
			if !narrow && !all {
				return errors.New("no failures are selected: give --cause, --id, --record, --kind or --since, or --all for every open failure")
			}
			return withOperator(c, getenv, func(d *functions.Operator) error { return runReplay(c, d, filter, dryRun, asJSON) })
		},
	}
	f.addFlags(c)
	c.Flags().BoolVar(&all, "all", false, "every open failure")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "count and publish nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runReplay(c *cobra.Command, d *functions.Operator, filter failure.Filter, dryRun, asJSON bool) error {
	var report failure.ReplayReport
	var err error
	if dryRun {
		report, err = countReplay(c, d, filter)
	} else {
		var r failure.Replayer
		if r, err = d.NewReplayer(c.Context()); err == nil {
			report, err = r.Replay(c.Context(), filter)
		}
	}
	if err != nil {
		return fmt.Errorf("%w; of %s, %s published: the same command repeats the rest", err, wording.Count(report.Matched, "failure"), wording.Count(report.Published, "operation"))
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	verb := "published"
	if dryRun {
		verb = "would be published"
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s selected; %s %s, one for each record; %s without a record.\n",
		wording.Count(report.Matched, "failure"), wording.Count(report.Published, "operation"), verb, wording.Count(report.Nameless, "message"))
	return err
}

// countReplay counts the operations that a replay would publish.
func countReplay(c *cobra.Command, d *functions.Operator, filter failure.Filter) (failure.ReplayReport, error) {
	store, err := d.OpenFailures(c.Context())
	if err != nil {
		return failure.ReplayReport{}, err
	}
	return failure.Replayer{Failures: store}.CountReplays(c.Context(), filter)
}
