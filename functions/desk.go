package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Desk joins the same rooms as the functions do, from the same environment, for
// a person who operates the connector. It is not safe for concurrent use.
type Desk struct{ house *house }

// NewDesk returns a Desk that connects to nothing before it is asked to.
func NewDesk(getenv func(string) string, logger *slog.Logger) *Desk {
	return &Desk{&house{getenv: getenv, logger: logger}}
}

// Close ends the connections.
func (d *Desk) Close() error {
	var errs []error
	if d.house.firestore != nil {
		errs = append(errs, d.house.firestore.Close())
	}
	if d.house.pubsub != nil {
		errs = append(errs, d.house.pubsub.Close())
	}
	return errors.Join(errs...)
}

// Getenv reads one variable without asking for it. A value that names a secret
// is returned as that name.
func (d *Desk) Getenv(name string) string { return d.house.getenv(name) }

// Logger is the log of whoever sits at the desk.
func (d *Desk) Logger() *slog.Logger { return d.house.logger }

// Mapping is the mapping that the environment gives.
func (d *Desk) Mapping(ctx context.Context) (*mapping.Mapping, error) {
	c, err := d.house.config(ctx, "MAPPING_YAML")
	if err != nil {
		return nil, err
	}
	return c.mapping()
}

// Failures needs the database alone.
func (d *Desk) Failures(ctx context.Context) (*gcp.Failures, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	return gcp.NewFailures(db), nil
}

// Brakes needs the database alone.
func (d *Desk) Brakes(ctx context.Context) (*gcp.Brakes, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	return gcp.NewBrakes(db), nil
}

func (d *Desk) database(ctx context.Context) (*gcp.Firestore, error) {
	c, err := d.house.config(ctx, firestoreSettings...)
	if err != nil {
		return nil, err
	}
	return d.house.database(ctx, c)
}

// Replayer publishes failed operations again.
func (d *Desk) Replayer(ctx context.Context) (failure.Replayer, error) {
	failures, err1 := d.Failures(ctx)
	topics, err2 := d.topics(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return failure.Replayer{}, err
	}
	r := failure.Replayer{Failures: failures, Clock: systemClock, NewID: newID, Topics: map[crm.System]failure.Publisher{}}
	for s, topic := range topics {
		r.Topics[s] = topic
	}
	return r, nil
}

// topics are the publishers by the system whose changes they take.
func (d *Desk) topics(ctx context.Context) (map[crm.System]*gcp.Publisher, error) {
	c, err := d.house.config(ctx, slices.Concat(pubsubSettings, []string{"ZOHO_OPERATIONS_TOPIC", "HUBSPOT_OPERATIONS_TOPIC"})...)
	if err != nil {
		return nil, err
	}
	toZoho, err1 := d.house.publisher(ctx, c, "ZOHO_OPERATIONS_TOPIC")
	toHubSpot, err2 := d.house.publisher(ctx, c, "HUBSPOT_OPERATIONS_TOPIC")
	return map[crm.System]*gcp.Publisher{crm.HubSpot: toZoho, crm.Zoho: toHubSpot}, errors.Join(err1, err2)
}

// Clients are both CRMs, and what is shared by all that works on them.
type Clients struct {
	Mapping *mapping.Mapping
	HubSpot *hubspot.Client
	Zoho    *zoho.Client
	HashKey []byte
}

// Clients connects to both CRMs. Zoho's access token comes from GetZohoToken, or,
// for whoever holds the refresh token, from Zoho itself, under the same lease.
func (d *Desk) Clients(ctx context.Context) (Clients, error) { return d.ClientsWithin(ctx, 1) }

// ClientsWithin are Clients that take no more than a part of what an instance of
// the consumers may take of the CRMs' quotas.
func (d *Desk) ClientsWithin(ctx context.Context, part float64) (Clients, error) {
	names := []string{"HUBSPOT_API_URL", "HUBSPOT_API_VERSION", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_APP_ID", "CRM_QUOTA_SHARE",
		"ZOHO_ACCOUNTS_URL", "HASH_KEY", "MAPPING_YAML"}
	direct := d.Getenv("ZOHO_REFRESH_TOKEN") != ""
	if direct {
		names = slices.Concat(names, firestoreSettings, []string{"ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"})
	} else {
		names = append(names, "ZOHO_TOKEN_URL")
	}
	c, err := d.house.config(ctx, names...)
	if err != nil {
		return Clients{}, err
	}
	m, err := c.mapping()
	if err != nil {
		return Clients{}, err
	}
	if whole := c.share(); whole > 0 {
		part *= whole
	}
	c["CRM_QUOTA_SHARE"] = strconv.FormatFloat(part, 'g', -1, 64)
	hubspotCRM, err := d.house.hubspot(ctx, c, m)
	if err != nil {
		return Clients{}, err
	}
	zohoCRM, err := d.zoho(ctx, c, m, direct)
	return Clients{Mapping: m, HubSpot: hubspotCRM, Zoho: zohoCRM, HashKey: []byte(c["HASH_KEY"])}, err
}

func (d *Desk) zoho(ctx context.Context, c config, m *mapping.Mapping, direct bool) (*zoho.Client, error) {
	if !direct {
		return d.house.zoho(ctx, c, m)
	}
	tokens, err := d.house.tokens(ctx)
	if err != nil {
		return nil, err
	}
	return zoho.New(zoho.Config{Tokens: tokens, HTTP: d.house.httpClient(ctx, "zoho"), AccountsURL: c["ZOHO_ACCOUNTS_URL"],
		Fields: fieldNames(m, crm.Zoho), Owners: ownerNames(m, crm.Zoho), TwinField: m.IDs[crm.Zoho], Share: c.share()})
}

// Syncer is the syncer that the consumers use, on the clients given, for those
// who explain: nothing that is asked of it here writes.
func (d *Desk) Syncer(ctx context.Context, c Clients) (*syncer.Syncer, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	return syncer.New(syncer.Config{
		Mapping: c.Mapping, CRMs: map[crm.System]syncer.CRM{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Links: gcp.NewLinks(db), Failures: gcp.NewFailures(db), Clock: systemClock, NewID: newID, HashKey: c.HashKey, Unique: unique,
		AtOnce:  batch.AtOnce,
		Members: gcp.NewLinks(db), Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: mute{}, crm.Zoho: mute{}},
		Graves: gcp.NewGraves(db), Erase: []syncer.Eraser{gcp.NewFailures(db).EraseFailures},
	})
}

// mute stands where nothing is to be published.
type mute struct{}

func (mute) Publish(context.Context, []op.Operation) error {
	return errors.New("who explains publishes nothing")
}

// Reconcile returns the configuration of the sweep, for the caller to change.
func (d *Desk) Reconcile(ctx context.Context, c Clients) (reconcile.Config, error) {
	db, err1 := d.database(ctx)
	topics, err2 := d.topics(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return reconcile.Config{}, fmt.Errorf("set up the sweep: %w", err)
	}
	return reconcile.Config{
		Scanners:   map[crm.System]reconcile.Scanner{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Publishers: map[crm.System]reconcile.Publisher{crm.HubSpot: topics[crm.HubSpot], crm.Zoho: topics[crm.Zoho]},
		Cursors:    gcp.NewCursors(db), Clock: systemClock, NewID: newID, Kinds: mappedKinds(c.Mapping), Guard: guard(db, c.Mapping),
	}, nil
}

// Drift compares all linked pairs.
func (d *Desk) Drift(ctx context.Context, c Clients) (reconcile.Drift, error) {
	db, err1 := d.database(ctx)
	s, err2 := d.Syncer(ctx, c)
	if err := errors.Join(err1, err2); err != nil {
		return reconcile.Drift{}, fmt.Errorf("set up the comparison: %w", err)
	}
	return reconcile.Drift{
		Pairs: gcp.NewLinks(db), Readers: map[crm.System]reconcile.Reader{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Comparer: s, Kinds: mappedKinds(c.Mapping),
	}, nil
}

// CountPairs counts the links of all mapped kinds.
func (d *Desk) CountPairs(ctx context.Context, c Clients) (int, error) {
	db, err := d.database(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, kind := range mappedKinds(c.Mapping) {
		n, err := gcp.NewLinks(db).CountLinks(ctx, kind)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
