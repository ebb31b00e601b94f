package main

import (
	"bytes"
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
		Long: `Prepare what the connector needs, and leave alone what is there already: exchange
Zoho's grant code for a refresh token, check the credentials and their scopes,
create the unique fields for each other's ids or say how, write the files that
declare the HubSpot app and its webhooks, open Zoho's notification channel, and
store the secrets. What is not asked for by a flag, or lacks its variables, is
left out and said so.

Credentials come from the environment; on a terminal, those that are missing are
asked for. No secret is ever printed.`,
		Example: `  connector setup --dry-run
  connector setup --grant-code 1000.abc --env-file connector.env
  connector setup --secrets-project my-project --app-dir hubspot-app --register-channel`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s := &setup{Command: c, setupOptions: o, values: map[string]string{}}
			s.getenv = func(name string) string { return or(s.values[name], getenv(name)) }
			return atDesk(c, s.getenv, func(d *functions.Desk) error { s.desk = d; return s.run(c.Context()) })
		},
	}
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	c.Flags().StringVar(&o.grantCode, "grant-code", "", "a grant code of Zoho's self client, at most three minutes old")
	c.Flags().StringVar(&o.appDir, "app-dir", "", "write the files of the HubSpot app into this directory")
	c.Flags().BoolVar(&o.registerChannel, "register-channel", false, "open Zoho's notification channel at ZOHO_WEBHOOK_URL")
	c.Flags().StringVar(&o.envFile, "env-file", "", "write the secrets into this file, for a local run, readable by you alone")
	c.Flags().StringVar(&o.secretsProject, "secrets-project", "", "store the secrets in Secret Manager of this Google Cloud project")
	c.Flags().StringVar(&o.secretsPrefix, "secrets-prefix", "connector", "terraform's prefix, of which the names of the secrets begin")
	return c
}

// setup is one run.
type setup struct {
	*cobra.Command
	setupOptions
	desk   *functions.Desk
	values map[string]string // what was made or asked for in this run
	getenv func(string) string
	todo   int // what is left to a person
}

func (s *setup) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"credentials", s.credentials},
		{"files of the HubSpot app", s.files}, // before there are any credentials
		{"Zoho's consent", s.consent},
		{"fields for each other's ids", s.fields},
		{"Zoho's notification channel", s.channel},
		{"secrets", s.store},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if s.todo > 0 {
		return fmt.Errorf("%d things are left to be done by hand, see above; the same command goes on after that", s.todo)
	}
	s.say("Done. connector check looks at all of it.")
	return nil
}

func (s *setup) say(format string, args ...any) {
	fmt.Fprintf(s.OutOrStdout(), format+"\n", args...)
}

// leave says what a person has to do.
func (s *setup) leave(format string, args ...any) {
	s.todo++
	s.say("TO DO  "+format, args...)
}

// credentials makes up what only has to be random, and asks for what is
// missing, where there is somebody to ask.
func (s *setup) credentials(context.Context) error {
	for _, name := range []string{"HASH_KEY", "ZOHO_WEBHOOK_TOKEN"} {
		if s.getenv(name) == "" {
			s.values[name] = rand.Text()
			s.say("new    %s is made up at random; it is kept by --env-file or --secrets-project", name)
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
		fmt.Fprintf(s.ErrOrStderr(), "%s (%s): ", name, functions.Remedy(name))
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(s.ErrOrStderr())
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		s.values[name] = strings.TrimSpace(string(typed))
	}
	return nil
}

// consent exchanges the grant code.
func (s *setup) consent(ctx context.Context) error {
	switch {
	case s.grantCode == "" && s.getenv("ZOHO_REFRESH_TOKEN") == "":
		return errors.New("there is neither ZOHO_REFRESH_TOKEN nor --grant-code: make a code in Zoho's API console, signed in as the connector's own user, and give it within three minutes")
	case s.grantCode == "":
		s.say("ok     ZOHO_REFRESH_TOKEN is there")
		return nil
	case s.dryRun:
		s.say("would  exchange the grant code for a refresh token")
		return nil
	}
	consent, err := s.desk.Consent(ctx, s.grantCode)
	if err != nil {
		return err
	}
	s.values["ZOHO_REFRESH_TOKEN"], s.newly = string(consent.RefreshToken), true
	s.say("done   the grant code became a refresh token for %s", consent.APIDomain)
	if len(consent.Missing) > 0 {
		s.leave("the consent lacks the scopes %s: make another code with them", strings.Join(consent.Missing, ","))
	}
	return nil
}

// fields creates the field for the other side's id where it is missing.
func (s *setup) fields(ctx context.Context) error {
	if s.dryRun && s.getenv("ZOHO_REFRESH_TOKEN") == "" {
		s.say("would  look at the fields for each other's ids")
		return nil
	}
	clients, err := s.desk.Clients(ctx)
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
		f, there := hubspot.Fields[kind][hubspot.Twin]
		switch {
		case there && f.Unique:
			s.say("ok     HubSpot has the unique property %s of %s", hubspot.Twin, kind)
		case there:
			s.leave("the property %s of %s in HubSpot is not unique, which cannot be changed: delete it, and run setup again", hubspot.Twin, kind)
		case s.dryRun:
			s.say("would  create the unique property %s of %s in HubSpot", hubspot.Twin, kind)
		default:
			if err := clients.HubSpot.CreateCounterpartProperty(ctx, kind); err != nil && !crm.IsKind(err, crm.Duplicate) {
				return err
			}
			s.say("done   the unique property %s of %s is created in HubSpot", hubspot.Twin, kind)
		}
		module := map[crm.Kind]string{crm.Contact: "Contacts", crm.Company: "Accounts"}[kind]
		if f, there := zoho.Fields[kind][zoho.Twin]; !there || !f.Unique {
			s.leave("in Zoho, Setup > Customization > Modules and Fields > %s: add a Single Line field %q and tick \"Do not allow duplicate values\"; its API name has to be %s (Setup > Developer Hub > APIs)",
				module, strings.ReplaceAll(zoho.Twin, "_", " "), zoho.Twin)
		} else {
			s.say("ok     Zoho has the unique field %s in %s", zoho.Twin, module)
		}
	}
	return nil
}

// files writes what declares the HubSpot app, where it differs.
func (s *setup) files(ctx context.Context) error {
	if s.appDir == "" {
		s.say("skip   the files of the HubSpot app: give --app-dir")
		return nil
	}
	files, err := s.desk.ProjectFiles(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(s.appDir, filepath.FromSlash(name))
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, files[name]) {
			s.say("ok     %s is as it should be", path)
			continue
		}
		if s.dryRun {
			s.say("would  write %s", path)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o600); err != nil {
			return err
		}
		s.say("done   %s is written: hs project upload brings it to HubSpot", path)
	}
	if s.getenv("HUBSPOT_WEBHOOK_URL") == "" {
		s.leave("HUBSPOT_WEBHOOK_URL is missing, so the app has no webhooks yet: set it to %s, and run setup again", functions.Remedy("HUBSPOT_WEBHOOK_URL"))
	}
	return nil
}

// channel opens the notification channel, as RenewZohoChannels does.
func (s *setup) channel(ctx context.Context) error {
	switch {
	case !s.registerChannel:
		s.say("skip   Zoho's notification channel: RenewZohoChannels opens it, or --register-channel now")
		return nil
	case s.dryRun:
		s.say("would  open Zoho's notification channel, unless it is open")
		return nil
	}
	keeper, err := s.desk.ChannelManager(ctx)
	if err != nil {
		return err
	}
	report, err := keeper.EnsureChannel(ctx)
	if err != nil {
		return err
	}
	s.say("done   the channel %s is %s and lives until %s", report.ChannelID, report.Action, when(report.ExpiresAt))
	return nil
}

// store keeps the secrets where they were asked to be kept.
func (s *setup) store(ctx context.Context) error {
	if s.envFile == "" && s.secretsProject == "" {
		if s.newly {
			s.leave("secrets were made in this run and are kept nowhere: run it with --env-file or --secrets-project, with a new grant code if there was one")
		}
		return nil
	}
	known := map[string]string{}
	for _, name := range functions.Secrets {
		value, err := s.desk.Value(ctx, name)
		if err != nil {
			return err
		}
		if value != "" {
			known[name] = value
		}
	}
	return errors.Join(s.storeFile(known), s.storeSecrets(ctx, known))
}

func (s *setup) storeFile(known map[string]string) error {
	switch {
	case s.envFile == "":
		return nil
	case s.dryRun:
		s.say("would  write %d secrets to %s", len(known), s.envFile)
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
	s.say("done   %d secrets are in %s, which you alone can read", len(known), s.envFile)
	return nil
}

func (s *setup) storeSecrets(ctx context.Context, known map[string]string) error {
	if s.secretsProject == "" {
		return nil
	}
	for _, name := range functions.Secrets {
		id := functions.SecretID(s.secretsPrefix, name)
		if known[name] == "" {
			s.leave("%s is not known: set it (%s), and run setup again", name, functions.Remedy(name))
			continue
		}
		if s.dryRun {
			s.say("would  store %s as the newest version of %s, unless it is", name, id)
			continue
		}
		added, err := s.desk.AddSecret(ctx, s.secretsProject, id, known[name])
		if err != nil {
			return err
		}
		s.say("%s %s", map[bool]string{true: "done   a new version of", false: "ok     nothing new for"}[added], id)
	}
	return nil
}
