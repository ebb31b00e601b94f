package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// released is a safeguard that lets its held clears through.
type released struct {
	System    crm.System `json:"system"` // where the clears are held
	Kind      crm.Kind   `json:"kind"`
	HeldAt    time.Time  `json:"held_at"`
	Records   int        `json:"records"`
	Pairs     int        `json:"pairs"`
	FreeUntil time.Time  `json:"free_until"`
}

func releaseCommand(getenv func(string) string) *cobra.Command {
	var system, kind string
	var howLong time.Duration
	var dryRun, asJSON bool
	c := &cobra.Command{
		Use:   "release",
		Short: "Release a held mass clear",
		Long: `Release a held mass clear. Clears on more than half of all records within ten
minutes look like a mistake, so the connector holds all further clears. If the
clears are intended, this command lets them through; the waiting operations
continue by themselves. If they are a mistake, restore the values in the CRM where
they were cleared. The waiting operations then clear nothing, and the same command
ends the wait.`,
		Example: `  connector release --dry-run
  connector release --system zoho --kind contact --for 2h`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			chosen, err := chosenSafeguards(system, kind)
			if err != nil {
				return err
			}
			if howLong <= 0 {
				return fmt.Errorf("--for is %s: give a time above 0, such as 24h", howLong)
			}
			return withOperator(c, getenv, func(d *functions.Operator) error {
				store, err := d.OpenSafeguards(c.Context())
				if err != nil {
					return err
				}
				all, err := releaseHeld(c.Context(), store, chosen, time.Now(), howLong, dryRun)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), all)
				}
				return printReleased(c.OutOrStdout(), all, dryRun)
			})
		},
	}
	c.Flags().StringVar(&system, "system", "", "only clears in one CRM: hubspot or zoho")
	c.Flags().StringVar(&kind, "kind", "", "only one kind of record: contact or company")
	c.Flags().DurationVar(&howLong, "for", 24*time.Hour, "how long all clears are let through")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the held clears and change nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// chosenSafeguards returns the safeguards that the flags choose.
func chosenSafeguards(system, kind string) (chosen []safeguard.State, err error) {
	systems, kinds := crm.Systems[:], crm.Kinds[:]
	if system != "" {
		s := crm.System(system)
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("--system: %w", err)
		}
		systems = []crm.System{s}
	}
	if kind != "" {
		k, err := parseKind(kind)
		if err != nil {
			return nil, fmt.Errorf("--kind: %w", err)
		}
		kinds = []crm.Kind{k}
	}
	for _, s := range systems {
		for _, k := range kinds {
			chosen = append(chosen, safeguard.State{Side: s, Kind: k})
		}
	}
	return chosen, nil
}

// releaseHeld lets through the clears that the chosen safeguards hold.
func releaseHeld(ctx context.Context, store safeguard.Store, chosen []safeguard.State, now time.Time, howLong time.Duration, dryRun bool) ([]released, error) {
	all := []released{}
	for _, b := range chosen {
		s, err := store.LoadSafeguard(ctx, b.Side, b.Kind)
		if err != nil {
			return all, err
		}
		if !s.Held(now) {
			continue
		}
		until := now.Add(howLong).UTC().Truncate(time.Second)
		if !dryRun {
			if err := store.SaveSafeguard(ctx, safeguard.State{Side: s.Side, Kind: s.Kind, FreeUntil: until}); err != nil {
				return all, err
			}
		}
		all = append(all, released{s.Side, s.Kind, s.HeldAt, s.Records, s.Pairs, until})
	}
	return all, nil
}

func printReleased(w io.Writer, all []released, dryRun bool) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is held.")
		return err
	}
	verb := "are let through"
	if dryRun {
		verb = "would be let through"
	}
	for _, r := range all {
		if _, err := fmt.Fprintf(w, "Clears of %s values in %s, held since %s with %s of %s, %s until %s.\n",
			r.Kind, r.System, r.HeldAt.UTC().Format(time.RFC3339), wording.Count(r.Records, "record"), wording.Count(r.Pairs, "pair"), verb, r.FreeUntil.Format(time.RFC3339)); err != nil {
			return err
		}
	}
	return nil
}
