package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/failure"
)

func replayCommand(getenv func(string) string) *cobra.Command {
	var f failureFlags
	var all, dryRun, asJSON bool
	c := &cobra.Command{
		Use:   "replay",
		Short: "Repeat what could not be done",
		Long: `Publish one fresh operation for each record among the failures that the flags
choose. Both records are then read and decided anew, so that repeating once too
often is harmless. What succeeds is taken off the list by the consumer.`,
		Example: `  connector replay --cause 3f2a9c1d00b1e2f3
  connector replay --since 2026-11-23 --kind company
  connector replay --all --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, narrow, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			if !narrow && !all {
				return errors.New("nothing says what to replay: give --cause, --id, --record, --kind or --since, or --all for every open failure")
			}
			return atDesk(c, getenv, func(d *functions.Desk) error { return runReplay(c, d, filter, dryRun, asJSON) })
		},
	}
	f.add(c)
	c.Flags().BoolVar(&all, "all", false, "every open failure")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "count and publish nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runReplay(c *cobra.Command, d *functions.Desk, filter failure.Filter, dryRun, asJSON bool) error {
	var report failure.ReplayReport
	var err error
	if dryRun {
		report, err = countReplay(c, d, filter)
	} else {
		var r failure.Replayer
		if r, err = d.Replayer(c.Context()); err == nil {
			report, err = r.Replay(c.Context(), filter)
		}
	}
	if err != nil {
		return fmt.Errorf("%w; of %d failures %d operations were published: the same command repeats the rest", err, report.Matched, report.Published)
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	verb := "published"
	if dryRun {
		verb = "would be published"
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%d failures match; %d operations %s, one for each record; %d messages name no record.\n",
		report.Matched, report.Published, verb, report.Nameless)
	return err
}

// countReplay tells what a replay would publish.
func countReplay(c *cobra.Command, d *functions.Desk, filter failure.Filter) (failure.ReplayReport, error) {
	store, err := d.Failures(c.Context())
	if err != nil {
		return failure.ReplayReport{}, err
	}
	return failure.Replayer{Failures: store}.Count(c.Context(), filter)
}
