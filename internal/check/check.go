// Package check looks at everything that the connector depends on and reports each
// fault with its remedy: credentials, the mapping against both CRMs, clocks, the
// token, the notification channel, topics, the progress of the sweep, held clears
// and open failures. It changes nothing.
package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/lint"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/wording"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Severity says how bad a finding is.
type Severity string

// The severities. Unknown means that a check could not be made.
const (
	OK      Severity = "ok"
	Note    Severity = "note"
	Warning Severity = "warning"
	Error   Severity = "error"
	Unknown Severity = "unknown"
)

// Finding is the result of one check.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Remedy   string   `json:"remedy,omitempty"`
}

// Report holds all findings.
type Report struct {
	Findings []Finding `json:"findings"`
}

// WorstSeverity is Unknown if a check could not be made, else the worst severity.
func (r Report) WorstSeverity() Severity {
	rank := map[Severity]int{OK: 0, Note: 1, Warning: 2, Error: 3, Unknown: 4}
	worst := OK
	for _, f := range r.Findings {
		if rank[f.Severity] > rank[worst] {
			worst = f.Severity
		}
	}
	return worst
}

// Schemer describes a CRM. It also proves that the credentials are good.
type Schemer interface {
	ReadSchema(ctx context.Context) (crm.Schema, error)
}

// Topic is a topic with the subscriptions that take from it.
type Topic struct {
	Name          string
	Exists        bool
	Subscriptions int
}

// Config names the parts that are checked. A nil part is left out.
type Config struct {
	Mapping *mapping.Mapping
	Schemas map[crm.System]Schemer
	// Account returns the HubSpot account of the access token. PortalID and PagesURL
	// are its configured values, "" where none is.
	Account            func(ctx context.Context) (hubspot.Account, error)
	PortalID, PagesURL string
	// Clocks tell the time of a service by its own clock.
	Clocks map[string]func(ctx context.Context) (time.Time, error)
	// Token loads the state of Zoho's access token.
	Token func(ctx context.Context) (zoho.TokenState, error)
	// Channels are Zoho's, of which ChannelID should be ours at NotifyURL; ""
	// where a workflow rule of Zoho reports changes.
	Channels   func(ctx context.Context) (map[string]zoho.Channel, error)
	NotifyURL  string
	Topics     func(ctx context.Context) ([]Topic, error)
	Cursors    reconcile.Cursors
	Failures   failure.Lister
	Safeguards safeguard.Store
	// LoadStats loads the statistics of the consumers since a time, with the latest operations.
	LoadStats func(ctx context.Context, since time.Time, latest bool) ([]stats.Hour, error)
	Now       func() time.Time
}

// checks are made in this order.
var checks = []struct {
	name string
	run  func(*run, context.Context) error
}{
	{"hubspot", (*run).checkHubSpot},
	{"zoho", (*run).checkZoho},
	{"account", (*run).checkAccount},
	{"mapping", (*run).checkMapping},
	{"clocks", (*run).checkClocks},
	{"token", (*run).checkToken},
	{"channel", (*run).checkChannel},
	{"topics", (*run).checkTopics},
	{"sweep", (*run).checkSweep},
	{"events", (*run).checkEvents},
	{"safeguard", (*run).checkSafeguards},
	{"failures", (*run).checkFailures},
}

// run is one run.
type run struct {
	Config
	check   string
	report  Report
	schemas map[crm.System]crm.Schema
}

// Run makes all checks. A check that cannot be made is a finding too.
func Run(ctx context.Context, c Config) Report {
	v := &run{Config: c, schemas: map[crm.System]crm.Schema{}}
	for _, check := range checks {
		v.check = check.name
		before := len(v.report.Findings)
		if err := check.run(v, ctx); err != nil {
			j := failure.Classify(err)
			v.addFinding(severityOf(j), err.Error(), j.Remedy)
		}
		if len(v.report.Findings) == before {
			v.addFinding(OK, "ok", "")
		}
	}
	return v.report
}

// severityOf tells faults that a person has to fix from checks that could not be made.
func severityOf(j failure.Classification) Severity {
	if j.Known && j.Class != failure.Healing {
		return Error
	}
	return Unknown
}

func (v *run) addFinding(s Severity, message, remedy string) {
	v.report.Findings = append(v.report.Findings, Finding{v.check, s, message, remedy})
}

func (v *run) checkHubSpot(ctx context.Context) error { return v.checkSchema(ctx, crm.HubSpot) }
func (v *run) checkZoho(ctx context.Context) error    { return v.checkSchema(ctx, crm.Zoho) }

// checkSchema asks a CRM for its fields.
func (v *run) checkSchema(ctx context.Context, s crm.System) error {
	schemer := v.Schemas[s]
	if schemer == nil {
		return nil
	}
	schema, err := schemer.ReadSchema(ctx)
	if err != nil {
		return err
	}
	v.schemas[s] = schema
	v.addFinding(OK, fmt.Sprintf("the credentials are good; %d fields of contacts and %d of companies can be seen",
		len(schema.Fields[crm.Contact]), len(schema.Fields[crm.Company])), "")
	return nil
}

// checkAccount compares HubSpot's account with the configured one.
func (v *run) checkAccount(ctx context.Context) error {
	if v.Account == nil {
		return nil
	}
	a, err := v.Account(ctx)
	if err != nil {
		return err
	}
	switch {
	case v.PortalID == "":
		v.addFinding(Note, "HUBSPOT_PORTAL_ID is not set: mails and the console have no links to HubSpot, and webhooks of another account are not recognised",
			"set it to "+a.ID())
	case v.PortalID != a.ID():
		v.addFinding(Error, "the access token is of HubSpot account "+a.ID()+", HUBSPOT_PORTAL_ID names "+v.PortalID+": its webhooks are refused",
			"set HUBSPOT_PORTAL_ID to "+a.ID()+", or take the access token of the other account")
	case a.AppURL != "" && v.PagesURL != a.AppURL:
		v.addFinding(Warning, "HUBSPOT_PAGES_URL is not the address of this HubSpot account's pages", "set it to "+a.AppURL)
	default:
		v.addFinding(OK, "the access token is of HubSpot account "+a.ID(), "")
	}
	return nil
}

// checkMapping lints the mapping against both, the fields for the ids included.
func (v *run) checkMapping(context.Context) error {
	if len(v.schemas) < len(crm.Systems) {
		v.addFinding(Unknown, "the mapping cannot be compared: a CRM did not return its fields", "fix the finding about that CRM above")
		return nil
	}
	severities := map[lint.Severity]Severity{lint.Error: Error, lint.Warning: Warning, lint.Note: Note}
	for _, f := range lint.Check(v.Mapping, v.schemas[crm.HubSpot], v.schemas[crm.Zoho]) {
		v.addFinding(severities[f.Severity], f.String(), f.Remedy)
	}
	return nil
}

// maxSkew is how far a clock may be off. HubSpot's signatures allow five
// minutes.
const maxSkew = 30 * time.Second

func (v *run) checkClocks(ctx context.Context) error {
	var errs []error
	for name, clock := range v.Clocks {
		before := v.Now()
		theirs, err := clock(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("the clock of %s: %w", name, err))
			continue
		}
		ours := before.Add(v.Now().Sub(before) / 2)
		if skew := theirs.Sub(ours).Round(time.Second); skew.Abs() > maxSkew {
			v.addFinding(Error, fmt.Sprintf("the clock of %s differs from ours by %s", name, wording.Duration(skew.Abs())), "set this machine's clock by NTP; the clocks decide which of two edits is later")
		}
	}
	return errors.Join(errs...)
}

func (v *run) checkToken(ctx context.Context) error {
	if v.Token == nil {
		return nil
	}
	state, err := v.Token(ctx)
	if err != nil {
		return err
	}
	now := v.Now()
	switch {
	case state.Failure != "":
		v.addFinding(Error, fmt.Sprintf("the last renewal of Zoho's token failed at %s: %s", formatTime(state.FailedAt), state.Failure),
			failure.Remedy(crm.Zoho, crm.Unauthorized, failurecode.Code(state.Failure)))
	case state.Token.AccessToken == "":
		v.addFinding(Warning, "there is no Zoho token yet", "let the scheduler call RefreshZohoToken, or send it a POST")
	case !state.Token.Expiry.After(now):
		v.addFinding(Error, fmt.Sprintf("Zoho's token expired at %s", formatTime(state.Token.Expiry)), "let the scheduler call RefreshZohoToken every 45 minutes")
	default:
		v.addFinding(OK, fmt.Sprintf("Zoho's token was renewed at %s and is valid until %s", formatTime(state.RefreshedAt), formatTime(state.Token.Expiry)), "")
	}
	return nil
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// channelRemedy opens a channel or renews it.
const channelRemedy = "let the scheduler call RenewZohoChannels every 30 minutes, or send it a POST"

func (v *run) checkChannel(ctx context.Context) error {
	if v.NotifyURL == "" || v.Channels == nil {
		v.addFinding(Note, "ZOHO_WEBHOOK_URL is not set, so no channel is expected", "set it, unless a workflow rule of Zoho reports changes")
		return nil
	}
	all, err := v.Channels(ctx)
	if err != nil {
		return err
	}
	want := zoho.ChannelID(v.NotifyURL)
	for id, ch := range all {
		if id != want && ch.NotifyURL == v.NotifyURL {
			v.addFinding(Warning, "channel "+id+" also notifies ZOHO_WEBHOOK_URL, so every change is reported twice", channelRemedy)
		}
	}
	ch, open := all[want]
	left := ch.Expiry.Sub(v.Now()).Round(time.Minute)
	switch {
	case !open || left <= 0:
		v.addFinding(Error, "no notification channel is open: changes in Zoho are found by the sweep alone", channelRemedy)
	case left < zoho.MaxChannelLife/4:
		v.addFinding(Warning, fmt.Sprintf("the notification channel ends in %s", wording.Duration(left)), channelRemedy)
	default:
		v.addFinding(OK, fmt.Sprintf("the notification channel is open until %s", formatTime(ch.Expiry)), "")
	}
	return nil
}

func (v *run) checkTopics(ctx context.Context) error {
	if v.Topics == nil {
		return nil
	}
	topics, err := v.Topics(ctx)
	if err != nil {
		return err
	}
	for _, t := range topics {
		switch {
		case !t.Exists:
			v.addFinding(Error, "the topic "+t.Name+" does not exist", "create it with terraform apply")
		case t.Subscriptions == 0:
			v.addFinding(Error, "the topic "+t.Name+" has no subscription: all messages published there are lost", "create it with terraform apply")
		}
	}
	return nil
}
