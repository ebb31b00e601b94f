package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// failureFlags select failures.
type failureFlags struct {
	ids                               []string
	cause, record, kind, since, until string
	resolved                          bool
}

func (f *failureFlags) addFlags(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.ids, "id", nil, "these failures, by their ids")
	c.Flags().StringVar(&f.cause, "cause", "", "those of one cause, by its id")
	c.Flags().StringVar(&f.record, "record", "", "those of one record, as hubspot/contact/123")
	c.Flags().StringVar(&f.kind, "kind", "", "those of one kind of record: contact or company")
	c.Flags().StringVar(&f.since, "since", "", "those last seen since a time, or that long ago: 2026-11-23, 36h, 7d")
	c.Flags().StringVar(&f.until, "until", "", "those last seen before a time, likewise")
	c.Flags().BoolVar(&f.resolved, "resolved", false, "also those that succeeded later")
}

// parseFilter also reports whether anything narrows it.
func (f *failureFlags) parseFilter(now time.Time) (failure.Filter, bool, error) {
	filter := failure.Filter{IDs: f.ids, Cause: f.cause, Resolved: f.resolved}
	var err error
	if f.record != "" {
		if filter.Ref, err = crm.ParseRef(f.record); err != nil {
			return filter, false, fmt.Errorf("--record: %w", err)
		}
	}
	if f.kind != "" {
		if filter.Kind, err = parseKind(f.kind); err != nil {
			return filter, false, fmt.Errorf("--kind: %w", err)
		}
	}
	for _, b := range []struct {
		flag, text string
		time       *time.Time
	}{{"--since", f.since, &filter.Since}, {"--until", f.until, &filter.Until}} {
		if b.text == "" {
			continue
		}
		if *b.time, err = parseTime(b.text, now); err != nil {
			return filter, false, fmt.Errorf("%s: %w", b.flag, err)
		}
	}
	narrow := len(f.ids) > 0 || f.cause != "" || f.record != "" || f.kind != "" || f.since != "" || f.until != ""
	return filter, narrow, nil
}

func failuresCommand(getenv func(string) string) *cobra.Command {
	var f failureFlags
	var limit, rows int
	var asJSON bool
	c := &cobra.Command{
		Use:   "failures",
		Short: "List failures by cause, with the remedy of each",
		Long: `List the failed operations by cause, with the remedy of each. The list never
contains the value of a field. connector replay repeats the listed failures, by the
same flags.`,
		Example: `  connector failures
  connector failures --since 24h --kind contact
  connector failures --cause 3f2a9c1d00b1e2f3 --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, _, err := f.parseFilter(time.Now())
			if err != nil {
				return err
			}
			return withOperator(c, getenv, func(d *functions.Operator) error {
				store, err := d.OpenFailures(c.Context())
				if err != nil {
					return err
				}
				list, err := store.ListFailures(c.Context(), filter, limit)
				if err != nil {
					return err
				}
				groups := failure.GroupByCause(list)
				if asJSON {
					return printJSON(c.OutOrStdout(), groups)
				}
				return printFailures(c.OutOrStdout(), groups, rows)
			})
		},
	}
	f.addFlags(c)
	c.Flags().IntVar(&limit, "limit", 10_000, "read at most this many failures (0: all)")
	c.Flags().IntVar(&rows, "rows", 5, "show at most this many records of each cause (0: all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printFailures(w io.Writer, groups []failure.Group, rows int) error {
	if len(groups) == 0 {
		_, err := fmt.Fprintln(w, "Nothing has failed.")
		return err
	}
	for _, g := range groups {
		fmt.Fprintf(w, "%s\n  to %s: %s, %s, from %s to %s\n  remedy: %s\n  cause %s\n",
			g.Message, g.Task, wording.Count(g.Failures, "record"), wording.Count(g.Count, "operation"), formatTime(g.First), formatTime(g.Last), g.Remedy, g.Cause)
		for i, r := range g.Rows {
			if rows > 0 && i == rows {
				fmt.Fprintf(w, "    and %d more: --cause %s --rows 0\n", len(g.Rows)-i, g.Cause)
				break
			}
			state := ""
			if !r.Resolved.IsZero() {
				state = "  resolved " + formatTime(r.Resolved)
			}
			fmt.Fprintf(w, "    %s  %s  %s, last %s%s\n", r.ID, cmp.Or(r.Ref, "a message that names no record"), wording.Count(r.Count, "time"), formatTime(r.Last), state)
		}
		fmt.Fprintln(w)
	}
	return nil
}
