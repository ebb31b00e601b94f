package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/wording"
)

type setupOptions struct {
	grantCode, appDir, envFile     string
	secretsProject, secretsPrefix  string
	dryRun, registerChannel, newly bool
}

func setupCommand(getenv func(string) string) *cobra.Command {
	var o setupOptions
	c := &cobra.Command{
		Use:   "setup",
		Short: "Prepare both CRMs and the secrets",
		Long: `Prepare both CRMs and the secrets; existing parts are left as they are. The command
exchanges Zoho's grant code for a refresh token, checks the credentials and their
scopes, creates the unique fields for each other's ids or explains how, writes the
files that declare the HubSpot app and its webhooks, opens Zoho's notification
channel, and stores the secrets. It skips a step without its flag or its variables,
and says so.

Credentials come from the environment; on a terminal, the command asks for missing
ones. It never prints a secret.`,
		Example: `  connector setup --dry-run
  connector setup --grant-code 1000.abc --env-file connector.env
  connector setup --secrets-project my-project --app-dir hubspot-app --register-channel`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s := &setup{Command: c, setupOptions: o, values: map[string]string{}}
			s.getenv = func(name string) string { return cmp.Or(s.values[name], getenv(name)) }
			return withOperator(c, s.getenv, func(d *functions.Operator) error { s.operator = d; return s.runSteps(c.Context()) })
		},
	}
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show the steps, and do nothing")
	c.Flags().StringVar(&o.grantCode, "grant-code", "", "a grant code of Zoho's self client, at most three minutes old")
	c.Flags().StringVar(&o.appDir, "app-dir", "", "write the files of the HubSpot app into this directory")
	c.Flags().BoolVar(&o.registerChannel, "register-channel", false, "open Zoho's notification channel at ZOHO_WEBHOOK_URL")
	c.Flags().StringVar(&o.envFile, "env-file", "", "write the secrets into this file, for a local run, readable by you alone")
	c.Flags().StringVar(&o.secretsProject, "secrets-project", "", "store the secrets in Secret Manager of this Google Cloud project")
	c.Flags().StringVar(&o.secretsPrefix, "secrets-prefix", "connector", "terraform's prefix, with which the names of the secrets begin")
	return c
}

// setup is one run.
type setup struct {
	*cobra.Command
	setupOptions
	operator *functions.Operator
	values   map[string]string // made or typed in this run
	getenv   func(string) string
	todo     int // steps left to a person
}

func (s *setup) runSteps(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"credentials", s.completeCredentials},
		{"files of the HubSpot app", s.writeAppFiles}, // before there are any credentials
		{"Zoho's consent", s.exchangeGrantCode},
		{"fields for each other's ids", s.createIDFields},
		{"Zoho's notification channel", s.openChannel},
		{"secrets", s.keepSecrets},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if s.todo > 0 {
		return fmt.Errorf("%s left to do by hand, see above; then run the same command again", wording.Count(s.todo, "step"))
	}
	s.printLine("Done. connector check checks all of it.")
	return nil
}

func (s *setup) printLine(format string, args ...any) {
	fmt.Fprintf(s.OutOrStdout(), format+"\n", args...)
}

// printToDo prints a step that a person has to take.
func (s *setup) printToDo(format string, args ...any) {
	s.todo++
	s.printLine("TO DO  "+format, args...)
}

// completeCredentials generates the random secrets, and asks for missing
// credentials, where there is a person to ask.
func (s *setup) completeCredentials(context.Context) error {
	for _, name := range []string{"HASH_KEY", "ZOHO_WEBHOOK_TOKEN"} {
		if s.getenv(name) == "" {
			s.values[name] = rand.Text()
			s.printLine("new    %s is generated at random; --env-file or --secrets-project stores it", name)
			s.newly = true
		}
	}
	if !isTerminal(s.InOrStdin()) {
		return nil
	}
	in, ok := s.InOrStdin().(*os.File)
	for _, name := range []string{"HUBSPOT_ACCESS_TOKEN", "HUBSPOT_APP_ID", "HUBSPOT_CLIENT_SECRET", "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET"} {
		if s.getenv(name) != "" || !ok {
			continue
		}
		fmt.Fprintf(s.ErrOrStderr(), "%s (%s): ", name, functions.RemedyFor(name))
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(s.ErrOrStderr())
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		s.values[name] = strings.TrimSpace(string(typed))
	}
	return nil
}

// exchangeGrantCode exchanges the grant code.
func (s *setup) exchangeGrantCode(ctx context.Context) error {
	switch {
	case s.grantCode == "" && s.getenv("ZOHO_REFRESH_TOKEN") == "":
		return errors.New("ZOHO_REFRESH_TOKEN and --grant-code are missing: make a code in Zoho's API console, signed in as the connector's own user, and give it within three minutes")
	case s.grantCode == "":
		s.printLine("ok     ZOHO_REFRESH_TOKEN is set")
		return nil
	case s.dryRun:
		s.printLine("would  exchange the grant code for a refresh token")
		return nil
	}
	consent, err := s.operator.GrantConsent(ctx, s.grantCode)
	if err != nil {
		return err
	}
	s.values["ZOHO_REFRESH_TOKEN"], s.newly = string(consent.RefreshToken), true
	s.printLine("done   the grant code became a refresh token for %s", consent.APIDomain)
	if len(consent.Missing) > 0 {
		s.printToDo("the consent lacks the scopes %s: make another code with them", strings.Join(consent.Missing, ","))
	}
	return nil
}

// createIDFields creates the field for the other side's id where it is missing.
func (s *setup) createIDFields(ctx context.Context) error {
	if s.dryRun && s.getenv("ZOHO_REFRESH_TOKEN") == "" {
		s.printLine("would  check the fields for each other's ids")
		return nil
	}
	clients, err := s.operator.ConnectClients(ctx)
	if err != nil {
		return err
	}
	hubspot, err1 := clients.HubSpot.ReadSchema(ctx)
	zoho, err2 := clients.Zoho.ReadSchema(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, kind := range crm.Kinds {
		if clients.Mapping.Object(kind) == nil {
			continue
		}
		f, there := hubspot.Fields[kind][hubspot.CounterpartField]
		switch {
		case there && f.Unique:
			s.printLine("ok     HubSpot has the unique property %s of %s", hubspot.CounterpartField, kind)
		case there:
			s.printToDo("the property %s of %s in HubSpot is not unique, which cannot be changed: delete it, and run setup again", hubspot.CounterpartField, kind)
		case s.dryRun:
			s.printLine("would  create the unique property %s of %s in HubSpot", hubspot.CounterpartField, kind)
		default:
			if err := clients.HubSpot.CreateCounterpartProperty(ctx, kind); err != nil && !crm.IsKind(err, crm.Duplicate) {
				return err
			}
			s.printLine("done   the unique property %s of %s is created in HubSpot", hubspot.CounterpartField, kind)
		}
		module := map[crm.Kind]string{crm.Contact: "Contacts", crm.Company: "Accounts"}[kind]
		if f, there := zoho.Fields[kind][zoho.CounterpartField]; !there || !f.Unique {
			s.printToDo("in Zoho, Setup > Customization > Modules and Fields > %s: add a Single Line field %q and tick \"Do not allow duplicate values\"; its API name has to be %s (Setup > Developer Hub > APIs)",
				module, strings.ReplaceAll(zoho.CounterpartField, "_", " "), zoho.CounterpartField)
		} else {
			s.printLine("ok     Zoho has the unique field %s in %s", zoho.CounterpartField, module)
		}
	}
	return nil
}

// writeAppFiles writes the files that declare the HubSpot app, if they differ.
func (s *setup) writeAppFiles(ctx context.Context) error {
	if s.appDir == "" {
		s.printLine("skip   the files of the HubSpot app: give --app-dir")
		return nil
	}
	files, err := s.operator.ProjectFiles(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(s.appDir, filepath.FromSlash(name))
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, files[name]) {
			s.printLine("ok     %s is up to date", path)
			continue
		}
		if s.dryRun {
			s.printLine("would  write %s", path)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o600); err != nil {
			return err
		}
		s.printLine("done   %s is written: hs project upload brings it to HubSpot", path)
	}
	if s.getenv("HUBSPOT_WEBHOOK_URL") == "" {
		s.printToDo("HUBSPOT_WEBHOOK_URL is missing, so the app has no webhooks yet: set it to %s, and run setup again", functions.RemedyFor("HUBSPOT_WEBHOOK_URL"))
	}
	return nil
}

// openChannel opens the notification channel, as RenewZohoChannels does.
func (s *setup) openChannel(ctx context.Context) error {
	switch {
	case !s.registerChannel:
		s.printLine("skip   Zoho's notification channel: RenewZohoChannels opens it, or --register-channel now")
		return nil
	case s.dryRun:
		s.printLine("would  open Zoho's notification channel, unless it is open")
		return nil
	}
	manager, err := s.operator.NewChannelManager(ctx)
	if err != nil {
		return err
	}
	report, err := manager.EnsureChannel(ctx)
	if err != nil {
		return err
	}
	s.printLine("done   the channel %s is %s and open until %s", report.ChannelID, report.Action, formatTime(report.ExpiresAt))
	return nil
}

// keepSecrets stores the secrets in the places that the flags name.
func (s *setup) keepSecrets(ctx context.Context) error {
	if s.envFile == "" && s.secretsProject == "" {
		if s.newly {
			s.printToDo("secrets were made in this run and are not stored: run it with --env-file or --secrets-project, and with a new grant code if you gave one")
		}
		return nil
	}
	known := map[string]string{}
	for _, name := range functions.Secrets {
		value, err := s.operator.ReadSetting(ctx, name)
		if err != nil {
			return err
		}
		if value != "" {
			known[name] = value
		}
	}
	return errors.Join(s.writeEnvFile(known), s.addSecretVersions(ctx, known))
}

func (s *setup) writeEnvFile(known map[string]string) error {
	switch {
	case s.envFile == "":
		return nil
	case s.dryRun:
		s.printLine("would  write %d secrets to %s", len(known), s.envFile)
		return nil
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(known)) {
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(known[name], "'", `'\''`))
	}
	// A file that was there may be open to others, so it is not written into.
	temporary := s.envFile + ".new"
	if err := os.Remove(temporary); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.WriteFile(temporary, []byte(b.String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(temporary, s.envFile); err != nil {
		return err
	}
	s.printLine("done   %d secrets are in %s, which you alone can read", len(known), s.envFile)
	return nil
}

func (s *setup) addSecretVersions(ctx context.Context, known map[string]string) error {
	if s.secretsProject == "" {
		return nil
	}
	for _, name := range functions.Secrets {
		id := functions.SecretID(s.secretsPrefix, name)
		if known[name] == "" {
			s.printToDo("%s is missing: set it (%s), and run setup again", name, functions.RemedyFor(name))
			continue
		}
		if s.dryRun {
			s.printLine("would  store %s as the newest version of %s, unless it is", name, id)
			continue
		}
		added, err := s.operator.AddSecret(ctx, s.secretsProject, id, known[name])
		if err != nil {
			return err
		}
		s.printLine("%s %s", map[bool]string{true: "done   a new version of", false: "ok     nothing new for"}[added], id)
	}
	return nil
}
