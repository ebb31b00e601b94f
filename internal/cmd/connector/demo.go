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
		Short: "Play the main job on two simulated CRMs and check how it ends",
		Long: `Start every function, the cloud beneath them and both CRMs, simulated, in this
process. People then work in the two CRMs; the table tells what became of it and
what it cost. The command fails if either CRM ends other than it should. At a
terminal the pages then stay open until Ctrl-C: both CRMs side by side, and the
operator's console.`,
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
	h, err := startHouse(ctx, houseOptions{
		Listen: "127.0.0.1:0", Sim: true, Getenv: func(string) string { return "" },
		Logger: slog.New(gcp.NewLogHandler(log, "local", slog.LevelInfo)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close(context.WithoutCancel(ctx))) }()
	fmt.Fprintf(out, "functions %s, HubSpot %s, Zoho %s: up after %s\n\n",
		h.FunctionsURL, h.HubSpotURL, h.ZohoURL, time.Since(start).Round(time.Millisecond))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tWHAT HAPPENED\tWHAT CAME OF IT\tTIME\tCALLS H/Z\tWRITES H/Z\t")
	wrong := 0
	for _, s := range scenes() {
		result := h.play(ctx, s)
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
		return fmt.Errorf("%d of %d scenes ended wrong", wrong, len(scenes()))
	}
	fmt.Fprintf(out, "\nBoth CRMs tell the same truth. %d scenes in %s.\n", len(scenes()), time.Since(start).Round(time.Millisecond))
	return h.leaveOpen(ctx, out)
}

// leaveOpen keeps the pages open for a person at a terminal, until Ctrl-C.
func (h *house) leaveOpen(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\nBoth CRMs side by side: %s\nThe operator's console:   %s\n", h.DemoURL, h.FunctionsURL+"/Console")
	if !isTerminal(out) {
		return nil
	}
	fmt.Fprintln(out, "\nThey stay open until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

// tally counts what one CRM was asked.
type tally struct{ calls, writes int }

// played is what a scene cost, and err how it ended wrong.
type played struct {
	took          time.Duration
	hubspot, zoho tally
	err           error
}

// play runs one scene to rest and checks its end.
func (h *house) play(ctx context.Context, s scene) played {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p := h.people()
	err := s.prepare(ctx, p)
	if err == nil {
		err = h.Wait(ctx)
	}
	if err != nil {
		return played{err: err}
	}
	h.hubspot.Recorder.Reset()
	h.zoho.Recorder().Reset()
	start := time.Now()
	if err := s.act(ctx, p); err != nil {
		return played{err: err}
	}
	r := h.settle(ctx, s, start)
	// Google's emulators do not say what they have still to send.
	for h.options.Emulators && r.err != nil {
		again := h.settle(ctx, s, start)
		if ctx.Err() != nil {
			break // what was wrong says more than that time is up
		}
		r = again
	}
	return r
}

// settle waits for quiet and checks how the scene stands.
func (h *house) settle(ctx context.Context, s scene, start time.Time) played {
	if err := h.Wait(ctx); err != nil {
		return played{err: err}
	}
	r := played{took: time.Since(start) - restTime, hubspot: h.tallyHubSpot(), zoho: h.tallyZoho()}
	r.err = s.check(ctx, h.people(), r)
	return r
}

func (h *house) tallyHubSpot() (t tally) {
	for _, c := range h.hubspot.Recorder.Calls() {
		t.calls++
		read := c.Method == "GET" || strings.HasSuffix(c.Path, "/read") || strings.HasSuffix(c.Path, "/search")
		if !read && !strings.Contains(c.Path, "/oauth/") {
			t.writes++
		}
	}
	return t
}

func (h *house) tallyZoho() (t tally) {
	for _, c := range h.zoho.Recorder().Calls() {
		t.calls++
		if c.Method != "GET" && !strings.HasSuffix(c.Path, "/coql") && !strings.HasPrefix(c.Path, "/oauth/") {
			t.writes++
		}
	}
	return t
}
