package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/internal/version"
)

func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the version of Go",
		Long: `Print the version of the connector, the commit it was built from, with "-changed"
if files differed from it, and the version of Go that built it. A report of a fault
needs all three. connector --version prints them in one line.`,
		Example: `  connector version
  connector version --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := version.Read()
			if asJSON {
				return printJSON(c.OutOrStdout(), v)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "version  %s\ncommit   %s\ngo       %s\n", v.Version, v.Commit, v.Go)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
