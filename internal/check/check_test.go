package check_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

const endpoint = "https://fn.example.com/ZohoWebhook"

type cursors time.Time

func (c cursors) LoadCursor(context.Context, string) (reconcile.Cursor, error) {
	return reconcile.Cursor{Version: 1, Covered: time.Time(c)}, nil
}

func (cursors) SaveCursor(context.Context, string, reconcile.Cursor, reconcile.Cursor) error {
	return errors.New("a check saves nothing")
}

type failures []failure.Record

func (f failures) ListFailures(context.Context, failure.Filter, int) ([]failure.Record, error) {
	return f, nil
}

// safeguards hold one kind on one side.
type safeguards safeguard.State

func (b safeguards) LoadSafeguard(_ context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	if side == b.Side && kind == b.Kind {
		return safeguard.State(b), nil
	}
	return safeguard.State{}, nil
}

func (safeguards) SaveSafeguard(context.Context, safeguard.State) error {
	return errors.New("a check saves nothing")
}

type schemer struct{ err error }

func (s schemer) ReadSchema(context.Context) (crm.Schema, error) { return crm.Schema{}, s.err }

// healthy is a configuration in which nothing is wrong but the CRMs, which are
// left out.
func healthy() check.Config {
	return check.Config{
		Mapping: mapping.Default(), Now: func() time.Time { return now }, NotifyURL: endpoint,
		Account: account("https://app.hubspot.com"), PortalID: "4711", PagesURL: "https://app.hubspot.com",
		Clocks: map[string]func(context.Context) (time.Time, error){"Zoho": clock(time.Second)},
		Token: func(context.Context) (zoho.TokenState, error) {
			return zoho.TokenState{Token: zoho.Token{AccessToken: "planted", Expiry: now.Add(time.Hour)}, RefreshedAt: now}, nil
		},
		Channels: channels(zoho.Channel{ID: zoho.ChannelID(endpoint), NotifyURL: endpoint, Expiry: now.Add(zoho.MaxChannelLife / 2)}),
		Topics:   topics(check.Topic{Name: "zoho-operations", Exists: true, Subscriptions: 1}),
		Cursors:  cursors(now.Add(-time.Minute)), Failures: failures{},
		LoadStats: hours(map[crm.System]stats.Quota{crm.Zoho: {Left: 900, Limit: 1000, At: now}}),
	}
}

func account(pages string) func(context.Context) (hubspot.Account, error) {
	return func(context.Context) (hubspot.Account, error) {
		return hubspot.Account{PortalID: 4711, AppURL: pages}, nil
	}
}

func clock(skew time.Duration) func(context.Context) (time.Time, error) {
	return func(context.Context) (time.Time, error) { return now.Add(skew), nil }
}

func channels(all ...zoho.Channel) func(context.Context) (map[string]zoho.Channel, error) {
	return func(context.Context) (map[string]zoho.Channel, error) {
		m := map[string]zoho.Channel{}
		for _, ch := range all {
			m[ch.ID] = ch
		}
		return m, nil
	}
}

func topics(all ...check.Topic) func(context.Context) ([]check.Topic, error) {
	return func(context.Context) ([]check.Topic, error) { return all, nil }
}

func hours(q map[crm.System]stats.Quota) func(context.Context, time.Time, bool) ([]stats.Hour, error) {
	return func(context.Context, time.Time, bool) ([]stats.Hour, error) {
		var latest []stats.Operation
		for _, s := range crm.Systems {
			latest = append(latest, stats.Operation{At: now, Ref: crm.Ref{System: s}})
		}
		return []stats.Hour{{Quotas: q, Latest: latest}}, nil
	}
}

func TestEachFaultIsFoundWithItsRemedy(t *testing.T) {
	ours := zoho.Channel{ID: zoho.ChannelID(endpoint), NotifyURL: endpoint, Expiry: now.Add(zoho.MaxChannelLife / 2)}
	short := ours
	short.Expiry = now.Add(time.Hour)
	tests := map[string]struct {
		spoil func(*check.Config)
		check string
		want  check.Severity
	}{
		"nothing is wrong": {func(*check.Config) {}, "channel", check.OK},
		"the consent is lost": {func(c *check.Config) {
			c.Token = func(context.Context) (zoho.TokenState, error) { return zoho.TokenState{Failure: "invalid_code"}, nil }
		}, "token", check.Error},
		"the token has expired": {func(c *check.Config) {
			c.Token = func(context.Context) (zoho.TokenState, error) {
				return zoho.TokenState{Token: zoho.Token{AccessToken: "planted", Expiry: now}}, nil
			}
		}, "token", check.Error},
		"the store does not answer": {func(c *check.Config) {
			c.Token = func(context.Context) (zoho.TokenState, error) { return zoho.TokenState{}, context.DeadlineExceeded }
		}, "token", check.Unknown},
		"no channel":                         {func(c *check.Config) { c.Channels = channels() }, "channel", check.Error},
		"a channel about to end":             {func(c *check.Config) { c.Channels = channels(short) }, "channel", check.Warning},
		"a stray channel":                    {func(c *check.Config) { c.Channels = channels(ours, zoho.Channel{ID: "5", NotifyURL: endpoint}) }, "channel", check.Warning},
		"somebody else's channel":            {func(c *check.Config) { c.Channels = channels(ours, zoho.Channel{ID: "5", NotifyURL: endpoint + "2"}) }, "channel", check.OK},
		"no webhook URL":                     {func(c *check.Config) { c.NotifyURL = "" }, "channel", check.Note},
		"a topic is missing":                 {func(c *check.Config) { c.Topics = topics(check.Topic{Name: "a"}) }, "topics", check.Error},
		"a topic without a subscription":     {func(c *check.Config) { c.Topics = topics(check.Topic{Name: "a", Exists: true}) }, "topics", check.Error},
		"no HubSpot account is named":        {func(c *check.Config) { c.PortalID = "" }, "account", check.Note},
		"a token of another account":         {func(c *check.Config) { c.PortalID = "4712" }, "account", check.Error},
		"pages in the EU":                    {func(c *check.Config) { c.Account = account("https://app-eu1.hubspot.com") }, "account", check.Warning},
		"an account whose pages are unknown": {func(c *check.Config) { c.Account = account("") }, "account", check.OK},
		"a clock that is off":                {func(c *check.Config) { c.Clocks["Zoho"] = clock(-2 * time.Minute) }, "clocks", check.Error},
		"a sweep that stopped":               {func(c *check.Config) { c.Cursors = cursors(now.Add(-time.Hour)) }, "sweep", check.Error},
		"a sweep that never ran":             {func(c *check.Config) { c.Cursors = cursors(time.Time{}) }, "sweep", check.Warning},
		"a quota that is nearly spent": {func(c *check.Config) {
			c.LoadStats = hours(map[crm.System]stats.Quota{crm.Zoho: {Left: 9, Limit: 1000, At: now}})
		}, "events", check.Warning},
		"a mass clear that is held": {func(c *check.Config) {
			c.Safeguards = safeguards{Side: crm.Zoho, Kind: crm.Contact, HeldAt: now}
		}, "safeguard", check.Error},
		"a mass clear that was let through": {func(c *check.Config) {
			c.Safeguards = safeguards{Side: crm.Zoho, Kind: crm.Contact, HeldAt: now, FreeUntil: now.Add(time.Hour)}
		}, "safeguard", check.OK},
		"something is parked": {func(c *check.Config) {
			c.Failures = failures{{Cause: failure.Cause{Side: crm.Zoho, Action: "create", Kind: crm.Missing}}}
		}, "failures", check.Warning},
		"credentials that are refused": {func(c *check.Config) {
			c.Schemas = map[crm.System]check.Schemer{crm.HubSpot: schemer{&crm.Error{System: crm.HubSpot, Kind: crm.Forbidden, Code: "MISSING_SCOPES"}}}
		}, "hubspot", check.Error},
		"a CRM that is away": {func(c *check.Config) {
			c.Schemas = map[crm.System]check.Schemer{crm.HubSpot: schemer{&crm.Error{System: crm.HubSpot, Kind: crm.Unavailable}}}
		}, "hubspot", check.Unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := healthy()
			tt.spoil(&c)
			worst := check.Report{}
			for _, f := range check.Run(t.Context(), c).Findings {
				if f.Check == tt.check {
					worst.Findings = append(worst.Findings, f)
				}
				if f.Severity != check.OK && f.Remedy == "" {
					t.Errorf("%+v has no remedy", f)
				}
			}
			if diff := cmp.Diff(tt.want, worst.WorstSeverity()); diff != "" {
				t.Errorf("%s (-want +got):\n%s%+v", tt.check, diff, worst.Findings)
			}
		})
	}
}
