package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/plan"
	"github.com/hubspot-zoho/connector/internal/wording"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

type planOptions struct {
	samples      int
	values, json bool
	quotas       plan.Quotas
}

func planCommand(getenv func(string) string) *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show the effects and the cost of a backfill, without running it",
		Long: `A dry run of backfill. It runs the consumers' own code on every record of a
backfill, keeps back all writes, and prints the outcomes and the cost. It reads both
CRMs and writes nothing, neither to them nor to the database.

With --values the samples show their values, on a terminal only.`,
		Example: `  connector plan
  connector plan --samples 10 --values
  connector plan --json --hubspot-per-10s 190 --zoho-credits 100000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.values && !isTerminal(c.OutOrStdout()) {
				return errors.New("--values: values are shown on a terminal only; leave the flag out, or run it on one")
			}
			if q := o.quotas; q.Share <= 0 || q.Share > 1 || q.HubSpotPer10s <= 0 || q.ZohoCreditsPerDay <= 0 || q.PerSecond <= 0 {
				return errors.New("--share: want more than 0 and at most 1; the quotas and --per-second: want more than 0")
			}
			return withOperator(c, getenv, func(d *functions.Operator) error { return runPlan(c, d, o) })
		},
	}
	c.Flags().IntVar(&o.samples, "samples", 3, "show this many records of each outcome")
	c.Flags().BoolVar(&o.values, "values", false, "show the values of the samples; on a terminal only")
	c.Flags().Float64Var(&o.quotas.Share, "share", 0.25, "the share of the quotas that the backfill may take")
	c.Flags().IntVar(&o.quotas.HubSpotPer10s, "hubspot-per-10s", 100, "calls that HubSpot allows in 10 seconds")
	c.Flags().IntVar(&o.quotas.ZohoCreditsPerDay, "zoho-credits", 50_000, "credits that Zoho allows in 24 hours")
	c.Flags().Float64Var(&o.quotas.PerSecond, "per-second", 100, "records that the backfill starts in a second")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON, without values")
	return c
}

func runPlan(c *cobra.Command, d *functions.Operator, o planOptions) error {
	ctx := c.Context()
	clients, err := d.ConnectClients(ctx)
	if err != nil {
		return err
	}
	config, err := d.NewPlanConfig(ctx, clients)
	if err != nil {
		return err
	}
	bar := newProgress(c.ErrOrStderr(), "records planned", d.Logger())
	counts, err := d.CountRecords(ctx, clients)
	if err != nil {
		return err
	}
	bar.setTotal(countRecords(config.Phases, counts))
	config.Samples, config.Progress = o.samples, bar.setDone
	report, err := plan.Run(ctx, config)
	bar.endProgress()
	if err != nil {
		return err
	}
	estimate := report.Estimate(
		plan.Sizes{List: hubspot.MaxRead, Read: hubspot.MaxRead, Find: hubspot.MaxFind, Write: hubspot.MaxWrite},
		plan.Sizes{Read: zoho.MaxRead, Find: zoho.MaxFind, Write: zoho.MaxWrite, CreditStep: zoho.RecordsPerCredit}, o.quotas)
	if o.json {
		return printJSON(c.OutOrStdout(), struct {
			plan.Report
			Estimate plan.Estimate `json:"estimate"`
		}{report, estimate})
	}
	return printPlan(c.OutOrStdout(), report, estimate, o.values)
}

func printPlan(w io.Writer, r plan.Report, e plan.Estimate, values bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\t")
	for _, o := range plan.Outcomes {
		fmt.Fprintf(t, "%s\t", o)
	}
	fmt.Fprintln(t, "conflicts\t")
	for _, kind := range slices.Sorted(maps.Keys(r.Counts)) {
		fmt.Fprintf(t, "%s\t", kind)
		for _, o := range plan.Outcomes {
			fmt.Fprintf(t, "%d\t", r.Counts[kind][o])
		}
		fmt.Fprintf(t, "%d\t\n", r.Conflicts[kind])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Samples {
		printSample(w, s, values)
	}
	_, err := fmt.Fprintf(w, "\nA backfill of %s takes about %s to HubSpot, %s to Zoho (%s), %s (bound by %s) and %.2f US dollars of Google Cloud.\n",
		wording.Count(r.Records, "record"), wording.Count(e.HubSpotCalls, "call"), wording.Count(e.ZohoCalls, "call"), wording.Count(e.ZohoCredits, "credit"),
		wording.Duration(e.Time), e.BoundBy, e.USD)
	return err
}

func printSample(w io.Writer, s plan.Sample, values bool) {
	fmt.Fprintf(w, "\n%s %s", s.Outcome, s.Record)
	if s.Counterpart != "" {
		fmt.Fprintf(w, " with %s", s.Counterpart)
	}
	if s.Reason != "" {
		fmt.Fprintf(w, " (%s)", cmp.Or(failurecode.Reason(s.Reason).Text(), s.Reason))
	}
	fmt.Fprintln(w)
	v := explanationWriter{values: values}
	for _, f := range s.Fields {
		fmt.Fprintf(w, "  %s %s: %s becomes %s\n", systemNames[f.Side], f.Name, v.formatValue(f.From), v.formatValue(f.To))
	}
}
