package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

func demoCommand() *cobra.Command {
	var logs bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Synchronise two simulated CRMs and check the results",
		Long: `Start every function, an embedded cloud and both simulated CRMs in this process.
The demo then edits records in the two CRMs as people do; the table shows the
result and the cost of each edit. The command fails if a CRM ends with wrong
records. At a terminal the pages then stay open until Ctrl-C: both CRMs side by
side, and the operator's console.`,
		Example: `  connector demo
  connector demo --log 2> demo.log`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := io.Discard
			if logs {
				log = c.ErrOrStderr()
			}
			return runDemo(c.Context(), c.OutOrStdout(), log)
		},
	}
	c.Flags().BoolVar(&logs, "log", false, "write the functions' log to standard error")
	return c
}

func runDemo(ctx context.Context, out, log io.Writer) (err error) {
	start := time.Now()
	h, err := startLocalStack(ctx, localStackOptions{
		Listen: "127.0.0.1:0", Sim: true, Getenv: func(string) string { return "" },
		Logger: slog.New(gcp.NewLogHandler(log, "local", slog.LevelInfo)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close(context.WithoutCancel(ctx))) }()
	fmt.Fprintf(out, "functions %s, HubSpot %s, Zoho %s: ready after %s\n\n",
		h.FunctionsURL, h.HubSpotURL, h.ZohoURL, time.Since(start).Round(time.Millisecond))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tEVENT\tRESULT\tTIME\tCALLS H/Z\tWRITES H/Z\t")
	wrong := 0
	for _, s := range demoCases() {
		result := h.playCase(ctx, s)
		verdict := "ok"
		if result.err != nil {
			verdict, wrong = "WRONG", wrong+1
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d/%d\t%d/%d\t\n", verdict, s.name, s.outcome,
			result.took.Round(time.Millisecond), result.hubspot.calls, result.zoho.calls, result.hubspot.writes, result.zoho.writes)
		if result.err != nil {
			fmt.Fprintf(table, "\t  %v\t\t\t\t\t\n", result.err)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d cases ended with wrong records", wrong, len(demoCases()))
	}
	fmt.Fprintf(out, "\nBoth CRMs are in sync. %d cases in %s.\n", len(demoCases()), time.Since(start).Round(time.Millisecond))
	return h.keepPagesOpen(ctx, out)
}

// keepPagesOpen keeps the pages open for a person at a terminal, until Ctrl-C.
func (h *localStack) keepPagesOpen(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\nBoth CRMs side by side: %s\nThe operator's console:   %s\n", h.DemoURL, h.FunctionsURL+"/Console")
	if !isTerminal(out) {
		return nil
	}
	fmt.Fprintln(out, "\nThe pages stay open until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

// callCount counts the calls to one CRM.
type callCount struct{ calls, writes int }

// caseResult is the cost of a case; err says how it went wrong.
type caseResult struct {
	took          time.Duration
	hubspot, zoho callCount
	err           error
}

// playCase runs one case until everything is idle, and checks the records.
func (h *localStack) playCase(ctx context.Context, s demoCase) caseResult {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p := h.crmUsers()
	err := s.prepareRecords(ctx, p)
	if err == nil {
		err = h.waitUntilIdle(ctx)
	}
	if err != nil {
		return caseResult{err: err}
	}
	h.hubspot.Recorder.Reset()
	h.zoho.Recorder().Reset()
	start := time.Now()
	if err := s.makeEdits(ctx, p); err != nil {
		return caseResult{err: err}
	}
	r := h.checkWhenIdle(ctx, s, start)
	// Google's emulators do not show their pending messages.
	for h.options.Emulators && r.err != nil {
		again := h.checkWhenIdle(ctx, s, start)
		if ctx.Err() != nil {
			break // the fault says more than the expired deadline
		}
		r = again
	}
	return r
}

// checkWhenIdle waits until everything is idle and checks the records of the case.
func (h *localStack) checkWhenIdle(ctx context.Context, s demoCase, start time.Time) caseResult {
	if err := h.waitUntilIdle(ctx); err != nil {
		return caseResult{err: err}
	}
	r := caseResult{took: time.Since(start) - idleTime, hubspot: h.countHubSpotCalls(), zoho: h.countZohoCalls()}
	r.err = s.checkOutcome(ctx, h.crmUsers(), r)
	return r
}

func (h *localStack) countHubSpotCalls() (t callCount) {
	for _, c := range h.hubspot.Recorder.Calls() {
		t.calls++
		read := c.Method == "GET" || strings.HasSuffix(c.Path, "/read") || strings.HasSuffix(c.Path, "/search")
		if !read && !strings.Contains(c.Path, "/oauth/") {
			t.writes++
		}
	}
	return t
}

func (h *localStack) countZohoCalls() (t callCount) {
	for _, c := range h.zoho.Recorder().Calls() {
		t.calls++
		if c.Method != "GET" && !strings.HasSuffix(c.Path, "/coql") && !strings.HasPrefix(c.Path, "/oauth/") {
			t.writes++
		}
	}
	return t
}
