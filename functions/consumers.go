package functions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/brake"
	"github.com/hubspot-zoho/connector/internal/consume"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// consumer applies the operations of one topic. ZohoConsumer and
// HubSpotConsumer differ in the subscription that pushes to them.
func consumer(ctx context.Context, h *house) (http.Handler, error) {
	s, err := h.syncer(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := h.config(ctx, firestoreSettings...)
	if err != nil {
		return nil, err
	}
	db, err := h.database(ctx, settings)
	if err != nil {
		return nil, err
	}
	c := &consume.Consumer{Applier: s, Clock: systemClock, Logger: h.logger, Counter: h.recorder(settings, db)}
	return gcp.Push(func(ctx context.Context, m gcp.Message) error {
		return c.Handle(ctx, consume.Message{Data: m.Data, Attempt: m.Attempt})
	}, h.logger), nil
}

func (h *house) syncer(ctx context.Context) (*syncer.Syncer, error) {
	c, err := h.config(ctx, append(slices.Concat(firestoreSettings, pubsubSettings),
		"HUBSPOT_API_URL", "HUBSPOT_API_VERSION", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_APP_ID", "CRM_QUOTA_SHARE",
		"ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "HASH_KEY", "MAPPING_YAML", "CALL_BATCHING",
		"ZOHO_OPERATIONS_TOPIC", "HUBSPOT_OPERATIONS_TOPIC")...)
	if err != nil {
		return nil, err
	}
	m, err := c.mapping()
	if err != nil {
		return nil, err
	}
	crms, err := h.crms(ctx, c, m)
	if err != nil {
		return nil, err
	}
	toZoho, err1 := h.publisher(ctx, c, "ZOHO_OPERATIONS_TOPIC")
	toHubSpot, err2 := h.publisher(ctx, c, "HUBSPOT_OPERATIONS_TOPIC")
	db, err3 := h.database(ctx, c)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	links, failures := gcp.NewLinks(db), gcp.NewFailures(db)
	return syncer.New(syncer.Config{
		Mapping:  m,
		CRMs:     crms,
		Links:    links,
		Failures: failures,
		Members:  links,
		// What changed in HubSpot goes to Zoho, and the other way round.
		Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: toZoho, crm.Zoho: toHubSpot},
		Graves:     gcp.NewGraves(db),
		Brake:      brake.New(brake.Config{Store: gcp.NewBrakes(db), Pairs: links, Clock: systemClock, Logger: h.logger, Part: c.share()}),
		Erase:      []syncer.Eraser{failures.EraseFailures, gcp.NewCursors(db).EraseCursors},
		Clock:      systemClock,
		NewID:      newID,
		AtOnce:     batch.AtOnce,
		// Zoho tells of every change of a record, HubSpot of the properties that
		// were subscribed to.
		Precise: map[crm.System]bool{crm.HubSpot: true},
		Unique:  unique,
		HashKey: []byte(c["HASH_KEY"]),
	})
}

// unique is what the two CRMs see to by themselves.
func unique(s crm.System, kind crm.Kind, field string) bool {
	return s == crm.HubSpot && hubspot.Unique(kind, field)
}

// crms are both sides as the syncer sees them. The consumers of one process
// share them, so that the operations in flight share calls.
func (h *house) crms(ctx context.Context, c config, m *mapping.Mapping) (map[crm.System]syncer.CRM, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sides != nil {
		return h.sides, nil
	}
	hubspotCRM, err1 := h.hubspot(ctx, c, m)
	zohoCRM, err2 := h.zoho(ctx, c, m)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	h.sides = map[crm.System]syncer.CRM{crm.HubSpot: hubspotCRM, crm.Zoho: zohoCRM}
	if c["CALL_BATCHING"] != "off" {
		h.sides = shared(hubspotCRM, zohoCRM)
	}
	return h.sides, nil
}

// shared are both sides with the calls that operations in flight share.
func shared(h *hubspot.Client, z *zoho.Client) map[crm.System]syncer.CRM {
	crowd := &batch.Crowd{}
	return map[crm.System]syncer.CRM{
		crm.HubSpot: batch.NewCRM(crm.HubSpot, h, batch.Sizes{
			Read: hubspot.MaxRead, Find: hubspot.MaxFind, Write: hubspot.MaxWrite}, crowd),
		crm.Zoho: batch.NewCRM(crm.Zoho, z, batch.Sizes{
			Read: zoho.MaxRead, Find: zoho.MaxFind, Write: zoho.MaxWrite, WriteStep: zoho.WriteStep}, crowd),
	}
}

func (h *house) hubspot(ctx context.Context, c config, m *mapping.Mapping) (*hubspot.Client, error) {
	return hubspot.New(hubspot.Config{
		URL:     c["HUBSPOT_API_URL"],
		Version: c["HUBSPOT_API_VERSION"],
		Token:   c["HUBSPOT_ACCESS_TOKEN"],
		AppID:   c["HUBSPOT_APP_ID"],
		Fields:  fieldNames(m, crm.HubSpot),
		Owners:  ownerNames(m, crm.HubSpot),
		// "" is the usual name.
		TwinField: m.IDs[crm.HubSpot],
		Share:     c.share(),
		HTTP:      h.crmClient(ctx, crm.HubSpot, hubspot.CallsLeft),
		Logger:    h.logger,
	})
}

func (h *house) zoho(ctx context.Context, c config, m *mapping.Mapping) (*zoho.Client, error) {
	caller, err := gcp.AuthenticatedClient(ctx, c["ZOHO_TOKEN_URL"], h.httpClient(ctx, "token"))
	if err != nil {
		return nil, err
	}
	tokens, err := zoho.NewTokenClient(c["ZOHO_TOKEN_URL"], caller, systemClock)
	if err != nil {
		return nil, err
	}
	return zoho.New(zoho.Config{
		Tokens:      tokens,
		HTTP:        h.crmClient(ctx, crm.Zoho, zoho.CreditsLeft),
		AccountsURL: c["ZOHO_ACCOUNTS_URL"],
		Fields:      fieldNames(m, crm.Zoho),
		Owners:      ownerNames(m, crm.Zoho),
		TwinField:   m.IDs[crm.Zoho],
		Share:       c.share(),
	})
}

// share is the part of the CRMs' quotas that this instance may use.
func (c config) share() float64 {
	f, _ := strconv.ParseFloat(c["CRM_QUOTA_SHARE"], 64) // it was checked; 0 means all
	return f
}

// mapping is the mapping that the environment gives, or the built-in one.
func (c config) mapping() (*mapping.Mapping, error) {
	text := c["MAPPING_YAML"]
	if text == "" {
		return mapping.Default(), nil
	}
	m, err := mapping.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("configuration: MAPPING_YAML: %w", err)
	}
	return m, nil
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
