// Command connector runs the connector on one machine, and operates it in the
// cloud. Each command is one file.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "connector:", err)
		os.Exit(exitStatus(err))
	}
}

// statusError is an error with an exit status of its own; any other is 1.
type statusError struct {
	status int
	err    error
}

func (e statusError) Error() string { return e.err.Error() }
func (e statusError) Unwrap() error { return e.err }

func exitStatus(err error) int {
	var s statusError
	if errors.As(err, &s) {
		return s.status
	}
	return 1
}

func rootCommand() *cobra.Command { return rootCommandFor(os.Getenv) }

// rootCommandFor is the command line of an environment.
func rootCommandFor(getenv func(string) string) *cobra.Command {
	c := &cobra.Command{
		Use:           "connector",
		Short:         "Keeps the contacts and companies of HubSpot and Zoho CRM in sync",
		Version:       version.Read().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	c.AddCommand(localCommand(), simCommand(), demoCommand(), versionCommand(),
		explainCommand(getenv), failuresCommand(getenv), replayCommand(getenv), releaseCommand(getenv), reconcileCommand(getenv), backfillCommand(getenv), planCommand(getenv), checkCommand(getenv), setupCommand(getenv))
	return c
}
