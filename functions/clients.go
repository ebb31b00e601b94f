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
func (h *house) forgetClients() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients = clients{}
}

// direct reports whether access tokens come from Zoho itself: a person may hold the
// refresh token, before there is a function to ask.
func (h *house) direct() bool { return h.atDesk && h.getenv("ZOHO_REFRESH_TOKEN") != "" }

// share is the part of an account's quota that this process may take.
func (h *house) share(of float64) float64 {
	if h.part > 0 {
		return of * h.part
	}
	return of
}

func (h *house) hubspot(ctx context.Context, c hubspotConfig, m *mapping.Mapping) (*hubspot.Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients.hubspot != nil {
		return h.clients.hubspot, nil
	}
	client, err := hubspot.New(hubspot.Config{
		URL: c.URL, Version: c.Version, Token: c.Token, AppID: c.AppID,
		Fields: fieldNames(m, crm.HubSpot), Owners: ownerNames(m, crm.HubSpot),
		// "" is the usual name.
		CounterpartField: m.IDs[crm.HubSpot],
		Share:            h.share(c.Share),
		HTTP:             h.crmClient(ctx, crm.HubSpot, hubspot.ReadDailyBudget),
		Logger:           h.logger,
	})
	if err != nil {
		return nil, err
	}
	h.clients.hubspot = client
	return client, nil
}

func (h *house) zoho(ctx context.Context, c zohoConfig, m *mapping.Mapping) (*zoho.Client, error) {
	tokens, err := h.accessTokens(ctx, c) // before the lock, which it takes as well
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients.zoho != nil {
		return h.clients.zoho, nil
	}
	client, err := zoho.New(zoho.Config{
		Tokens: tokens, HTTP: h.crmClient(ctx, crm.Zoho, zoho.ReadDailyBudget), AccountsURL: c.AccountsURL,
		Fields: fieldNames(m, crm.Zoho), Owners: ownerNames(m, crm.Zoho), CounterpartField: m.IDs[crm.Zoho],
		Share: h.share(c.Share),
	})
	if err != nil {
		return nil, err
	}
	h.clients.zoho = client
	return client, nil
}

// accessTokens come from GetZohoToken, or, for whoever holds the refresh token,
// from Zoho itself, under the same lease.
func (h *house) accessTokens(ctx context.Context, c zohoConfig) (zoho.TokenSource, error) {
	if c.direct {
		return h.tokens(ctx, c.Tokens)
	}
	caller, err := gcp.AuthenticatedClient(ctx, c.TokenURL, h.httpClient(ctx, "token"))
	if err != nil {
		return nil, err
	}
	return zoho.NewTokenClient(c.TokenURL, caller, systemClock)
}

// crms are both sides as an operation calls them.
func (h *house) crms(ctx context.Context, c syncerConfig) (map[crm.System]syncer.CRM, error) {
	hubspotClient, err := h.hubspot(ctx, c.HubSpot, c.Mapping)
	if err != nil {
		return nil, err
	}
	zohoClient, err := h.zoho(ctx, c.Zoho, c.Mapping)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients.crms != nil {
		return h.clients.crms, nil
	}
	h.clients.crms = map[crm.System]syncer.CRM{crm.HubSpot: hubspotClient, crm.Zoho: zohoClient}
	if c.Batching {
		h.clients.crms = shared(hubspotClient, zohoClient)
	}
	return h.clients.crms, nil
}

// shared are both sides with the calls that operations in flight share.
func shared(h *hubspot.Client, z *zoho.Client) map[crm.System]syncer.CRM {
	crowd := &batch.Crowd{}
	return map[crm.System]syncer.CRM{
		crm.HubSpot: batch.NewCRM(crm.HubSpot, h, batch.Sizes{
			Read: hubspot.MaxRead, Find: hubspot.MaxFind, Write: hubspot.MaxWrite}, crowd),
		crm.Zoho: batch.NewCRM(crm.Zoho, z, batch.Sizes{
			Read: zoho.MaxRead, Find: zoho.MaxFind, Write: zoho.MaxWrite, WriteStep: zoho.RecordsPerCredit}, crowd),
	}
}

// crmClient is an httpClient whose answers are read for the calls left.
func (h *house) crmClient(ctx context.Context, s crm.System, read stats.Reading) *http.Client {
	client := h.httpClient(ctx, string(s))
	client.Transport = h.gauge.Watch(s, systemClock, read, client.Transport)
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
