package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// readyLine is the one line that local prints on standard output.
type readyLine struct {
	Ready        bool   `json:"ready"`
	Functions    string `json:"functions"`
	HubSpot      string `json:"hubspot"`
	ZohoAccounts string `json:"zoho_accounts"`
	ZohoAPI      string `json:"zoho_api"`
	Console      string `json:"console"`
	Demo         string `json:"demo,omitempty"` // the page with both simulated CRMs
	// What the other commands need to operate this run.
	Firestore string `json:"firestore,omitempty"`
	PubSub    string `json:"pubsub,omitempty"`
}

func localCommand() *cobra.Command {
	o := localStackOptions{Getenv: os.Getenv}
	c := &cobra.Command{
		Use:   "local",
		Short: "Run every function and an embedded cloud in this process",
		Long: `Run every function, and an embedded cloud for them, in this process.

Without HUBSPOT_API_URL and ZOHO_ACCOUNTS_URL both CRMs are simulated; with them,
the functions use the CRMs at these addresses. When all functions answer, the
command prints one line of JSON with the addresses on standard output. The log goes
to standard error. SIGTERM or Ctrl-C finishes the work in progress and ends.`,
		Example: `  connector local
  connector local --listen 127.0.0.1:0 --data ./data
  HUBSPOT_API_URL=https://api.hubapi.com ZOHO_ACCOUNTS_URL=https://accounts.zoho.eu connector local`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("sim") {
				o.Sim = os.Getenv("HUBSPOT_API_URL") == "" && os.Getenv("ZOHO_ACCOUNTS_URL") == ""
			}
			o.Logger = slog.New(gcp.NewLogHandler(c.ErrOrStderr(), "local", slog.LevelInfo))
			return runLocal(c, o)
		},
	}
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address on which the functions listen")
	c.Flags().BoolVar(&o.Sim, "sim", false, "simulate both CRMs; the default when the environment names none")
	c.Flags().BoolVar(&o.Emulators, "emulators", false, "use Google's Firestore and Pub/Sub emulators")
	c.Flags().StringVar(&o.Dir, "data", "", "keep documents and messages in this directory over a restart")
	return c
}

// checkDataDir refuses data of an earlier run with simulated CRMs, which ended with
// it: its links and its token refer to records and servers that no longer exist.
func checkDataDir(o localStackOptions) error {
	if !o.Sim || o.Dir == "" {
		return nil
	}
	kept, err := os.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read --data: %w", err)
	}
	if len(kept) > 0 {
		return fmt.Errorf("--data %s holds data of an earlier run, but simulated CRMs start empty: "+
			"give an empty directory, or keep the CRMs running with connector sim and name them in the environment", o.Dir)
	}
	return nil
}

func runLocal(c *cobra.Command, o localStackOptions) error {
	if err := checkDataDir(o); err != nil {
		return err
	}
	h, err := startLocalStack(c.Context(), o)
	if err != nil {
		return err
	}
	h.options.Logger.InfoContext(c.Context(), "failure mails can be read here unless SendGrid is named", "url", h.MailURL+"/_sim/mails")
	if err := printReady(c.OutOrStdout(), h); err != nil {
		return err
	}
	<-c.Context().Done()
	return h.Close(context.WithoutCancel(c.Context()))
}

func printReady(w io.Writer, h *localStack) error {
	return json.NewEncoder(w).Encode(readyLine{
		Ready: true, Functions: h.FunctionsURL,
		HubSpot: h.getenv("HUBSPOT_API_URL"), ZohoAccounts: h.getenv("ZOHO_ACCOUNTS_URL"), ZohoAPI: h.ZohoURL,
		Firestore: h.cloud.FirestoreHost, PubSub: h.cloud.PubSubHost,
		Console: h.FunctionsURL + "/Console", Demo: h.DemoURL,
	})
}
