package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/check"
)

func checkCommand(getenv func(string) string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Look at everything that the connector depends on",
		Long: `Look at everything that the connector depends on, and say what to do about what
is not as it should be. Nothing is changed.

Exit status: 0 when nothing is wrong, 1 when there are warnings or errors, 2 when
something could not be looked at.`,
		Example: `  connector check
  connector check --json > check.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var report check.Report
			err := atDesk(c, getenv, func(d *functions.Desk) error {
				clients, err := d.Clients(c.Context())
				if err != nil {
					return err
				}
				config, err := d.Doctor(c.Context(), clients)
				if err == nil {
					report = check.Run(c.Context(), config)
				}
				return err
			})
			if err != nil {
				return statusError{2, err}
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), report)
			} else {
				err = printCheck(c.OutOrStdout(), report)
			}
			return errors.Join(err, verdict(report))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verdict is the error of a report, for its exit status.
func verdict(r check.Report) error {
	switch r.Worst() {
	case check.Unknown:
		return statusError{2, errors.New("not everything could be looked at")}
	case check.Warning, check.Error:
		return statusError{1, errors.New("not everything is as it should be")}
	}
	return nil
}

func printCheck(w io.Writer, r check.Report) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-8s %-9s %s\n", f.Severity, f.Check, f.Message); err != nil {
			return err
		}
		if f.Remedy != "" && !strings.Contains(f.Message, f.Remedy) {
			fmt.Fprintf(w, "%18s %s\n", "", f.Remedy)
		}
	}
	return nil
}
