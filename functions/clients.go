package functions

import (
	"context"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// clients are those of the two accounts. Everything in one process has the same
// ones: the limiter of an account is of use only if it sees every call, and
// operations in flight share calls only with those of the same client.
type clients struct {
	hubspot *hubspot.Client
	zoho    *zoho.Client
	crms    map[crm.System]syncer.CRM // over them, with or without shared calls
}

// forgetClients lets the clients be made anew, from other secrets.
func (d *deps) forgetClients() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients = clients{}
}

// refreshesTokensItself reports whether access tokens come from Zoho itself: a person
// may hold the refresh token before GetZohoToken is deployed.
func (d *deps) refreshesTokensItself() bool {
	return d.isOperator && d.getenv("ZOHO_REFRESH_TOKEN") != ""
}

// limitShare returns the part of an account's quota that this process may take.
func (d *deps) limitShare(of float64) float64 {
	if d.quotaShare > 0 {
		return of * d.quotaShare
	}
	return of
}

func (d *deps) connectHubSpot(ctx context.Context, c hubspotConfig, m *mapping.Mapping) (*hubspot.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients.hubspot != nil {
		return d.clients.hubspot, nil
	}
	client, err := hubspot.New(hubspot.Config{
		URL: c.URL, Version: c.Version, Token: c.Token, AppID: c.AppID,
		Fields: fieldNames(m, crm.HubSpot), Owners: ownerNames(m, crm.HubSpot),
		// "" is the usual name.
		CounterpartField: m.IDs[crm.HubSpot],
		Share:            d.limitShare(c.Share),
		HTTP:             d.newCRMHTTPClient(ctx, crm.HubSpot, hubspot.ReadDailyBudget),
		Logger:           d.logger,
	})
	if err != nil {
		return nil, err
	}
	d.clients.hubspot = client
	return client, nil
}

func (d *deps) connectZoho(ctx context.Context, c zohoConfig, m *mapping.Mapping) (*zoho.Client, error) {
	tokens, err := d.newTokenSource(ctx, c) // before the lock, which newTokenSource takes as well
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients.zoho != nil {
		return d.clients.zoho, nil
	}
	client, err := zoho.New(zoho.Config{
		Tokens: tokens, HTTP: d.newCRMHTTPClient(ctx, crm.Zoho, zoho.ReadDailyBudget), AccountsURL: c.AccountsURL,
		Fields: fieldNames(m, crm.Zoho), Owners: ownerNames(m, crm.Zoho), CounterpartField: m.IDs[crm.Zoho],
		Share: d.limitShare(c.Share),
	})
	if err != nil {
		return nil, err
	}
	d.clients.zoho = client
	return client, nil
}

// newTokenSource returns access tokens from GetZohoToken, or from Zoho itself where
// the environment holds the refresh token, under the same lease.
func (d *deps) newTokenSource(ctx context.Context, c zohoConfig) (zoho.TokenSource, error) {
	if c.direct {
		return d.newTokenService(ctx, c.Tokens)
	}
	caller, err := gcp.AuthenticatedClient(ctx, c.TokenURL, d.newHTTPClient(ctx, "token"))
	if err != nil {
		return nil, err
	}
	return zoho.NewTokenClient(c.TokenURL, caller, systemClock)
}

// connectCRMs returns both sides as an operation calls them.
func (d *deps) connectCRMs(ctx context.Context, c syncerConfig) (map[crm.System]syncer.CRM, error) {
	hubspotClient, err := d.connectHubSpot(ctx, c.HubSpot, c.Mapping)
	if err != nil {
		return nil, err
	}
	zohoClient, err := d.connectZoho(ctx, c.Zoho, c.Mapping)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients.crms != nil {
		return d.clients.crms, nil
	}
	d.clients.crms = map[crm.System]syncer.CRM{crm.HubSpot: hubspotClient, crm.Zoho: zohoClient}
	if c.Batching {
		d.clients.crms = shareCalls(hubspotClient, zohoClient)
	}
	return d.clients.crms, nil
}

// shareCalls makes operations in flight share their calls to both sides.
func shareCalls(h *hubspot.Client, z *zoho.Client) map[crm.System]syncer.CRM {
	load := &batch.LoadCounter{}
	return map[crm.System]syncer.CRM{
		crm.HubSpot: batch.NewCRM(crm.HubSpot, h, batch.Sizes{
			Read: hubspot.MaxRead, Find: hubspot.MaxFind, Write: hubspot.MaxWrite}, load),
		crm.Zoho: batch.NewCRM(crm.Zoho, z, batch.Sizes{
			Read: zoho.MaxRead, Find: zoho.MaxFind, Write: zoho.MaxWrite, WriteStep: zoho.RecordsPerCredit}, load),
	}
}

// newCRMHTTPClient returns a newHTTPClient that reads the calls left from each answer.
func (d *deps) newCRMHTTPClient(ctx context.Context, s crm.System, read stats.QuotaReader) *http.Client {
	client := d.newHTTPClient(ctx, string(s))
	client.Transport = d.gauge.WatchQuota(s, systemClock, read, client.Transport)
	return client
}

// mappedKinds are the kinds that are synchronised at all.
func mappedKinds(m *mapping.Mapping) []crm.Kind {
	return slices.DeleteFunc(slices.Clone(crm.Kinds[:]), func(k crm.Kind) bool { return m.Object(k) == nil })
}

func ownerNames(m *mapping.Mapping, s crm.System) map[crm.Kind][]string {
	names := map[crm.Kind][]string{}
	for kind, object := range m.Objects {
		names[kind] = object.OwnerNames(s)
	}
	return names
}

func fieldNames(m *mapping.Mapping, s crm.System) map[crm.Kind][]string {
	names := map[crm.Kind][]string{}
	for kind, object := range m.Objects {
		names[kind] = object.FieldNames(s)
	}
	return names
}
