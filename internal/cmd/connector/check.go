package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/wording"
)

func checkCommand(getenv func(string) string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check everything that the connector depends on",
		Long: `Check everything that the connector depends on, and print a remedy for each
problem. Nothing is changed.

Exit status: 0 when nothing is wrong, 1 when there are warnings or errors, 2 when
a check could not run.`,
		Example: `  connector check
  connector check --json > check.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var report check.Report
			err := withOperator(c, getenv, func(d *functions.Operator) error {
				clients, err := d.ConnectClients(c.Context())
				if err != nil {
					return err
				}
				config, err := d.NewCheckConfig(c.Context(), clients)
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
			return errors.Join(err, reportError(report))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// reportError returns the error of a report, for its exit status.
func reportError(r check.Report) error {
	switch r.WorstSeverity() {
	case check.Unknown:
		return statusError{2, errors.New(summarizeReport(r))}
	case check.Warning, check.Error:
		return statusError{1, errors.New(summarizeReport(r))}
	}
	return nil
}

// summarizeReport counts the findings that a person has to look at: "1 error, 3
// warnings".
func summarizeReport(r check.Report) string {
	var parts []string
	for _, of := range []struct {
		severity check.Severity
		noun     string
	}{{check.Unknown, "failed check"}, {check.Error, "error"}, {check.Warning, "warning"}, {check.Note, "note"}} {
		n := 0
		for _, f := range r.Findings {
			if f.Severity == of.severity {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, wording.Count(n, of.noun))
		}
	}
	return strings.Join(parts, ", ")
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
