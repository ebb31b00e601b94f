package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Desk joins the same rooms as the functions do, from the same environment, for
// a person who operates the connector. It is not safe for concurrent use.
type Desk struct{ house *house }

// NewDesk returns a Desk that connects to nothing before it is asked to.
func NewDesk(getenv func(string) string, logger *slog.Logger) *Desk {
	return &Desk{&house{getenv: getenv, logger: logger, atDesk: true}}
}

// Within lets the calls to come take no more than a part of what an instance of the
// consumers may take of the CRMs' quotas, above 0 and at most 1.
func (d *Desk) Within(part float64) {
	d.house.part = part
	d.house.forgetClients()
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

// mappingConfig is for who needs the mapping alone.
type mappingConfig struct {
	private
	Mapping *mapping.Mapping
}

func (c *mappingConfig) bind(r *reader) { r.mapping(&c.Mapping) }

// Mapping is the mapping that the environment gives.
func (d *Desk) Mapping(ctx context.Context) (*mapping.Mapping, error) {
	var c mappingConfig
	err := d.house.read(ctx, &c)
	return c.Mapping, err
}

// Failures needs the database alone.
func (d *Desk) Failures(ctx context.Context) (*store.Failures, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	return store.NewFailures(db), nil
}

// Brakes needs the database alone.
func (d *Desk) Brakes(ctx context.Context) (*store.Brakes, error) {
	db, err := d.database(ctx)
	if err != nil {
		return nil, err
	}
	return store.NewBrakes(db), nil
}

func (d *Desk) database(ctx context.Context) (*store.Client, error) {
	var c firestoreConfig
	if err := d.house.read(ctx, &c); err != nil {
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
	return failure.Replayer{Failures: failures, Clock: systemClock, NewID: newID, Topics: as(topics, asReplays)}, nil
}

// topics are the publishers by the system whose changes they take.
func (d *Desk) topics(ctx context.Context) (map[crm.System]*gcp.Publisher, error) {
	var c topicsConfig
	if err := d.house.read(ctx, &c); err != nil {
		return nil, err
	}
	return d.house.topics(ctx, c)
}

// Clients are both CRMs and the mapping.
type Clients struct {
	Mapping *mapping.Mapping
	HubSpot *hubspot.Client
	Zoho    *zoho.Client
	config  syncerConfig
}

// Clients connects to both CRMs. Zoho's access token comes from GetZohoToken, or,
// for whoever holds the refresh token, from Zoho itself, under the same lease.
func (d *Desk) Clients(ctx context.Context) (Clients, error) {
	c := syncerConfig{Zoho: zohoConfig{direct: d.house.direct()}}
	if err := d.house.read(ctx, &c); err != nil {
		return Clients{}, err
	}
	hubspotCRM, err1 := d.house.hubspot(ctx, c.HubSpot, c.Mapping)
	zohoCRM, err2 := d.house.zoho(ctx, c.Zoho, c.Mapping)
	return Clients{Mapping: c.Mapping, HubSpot: hubspotCRM, Zoho: zohoCRM, config: c}, errors.Join(err1, err2)
}

// Explainer tells why a record is as it is.
func (d *Desk) Explainer(ctx context.Context, c Clients) (*syncer.Syncer, error) {
	return d.house.newSyncer(ctx, fromExplain, c.config, nil, nil)
}

// Reconcile returns the configuration of the sweep, for the caller to change.
func (d *Desk) Reconcile(ctx context.Context) (reconcile.Config, error) {
	c := reconcileConfig{Zoho: zohoConfig{direct: d.house.direct()}}
	if err := d.house.read(ctx, &c); err != nil {
		return reconcile.Config{}, err
	}
	return d.house.sweep(ctx, c)
}

// Drift compares all linked pairs.
func (d *Desk) Drift(ctx context.Context, c Clients) (reconcile.Drift, error) {
	db, err1 := d.database(ctx)
	s, err2 := d.house.newSyncer(ctx, fromDrift, c.config, nil, nil)
	if err := errors.Join(err1, err2); err != nil {
		return reconcile.Drift{}, fmt.Errorf("set up the comparison: %w", err)
	}
	return reconcile.Drift{
		Pairs: store.NewLinks(db), Readers: map[crm.System]reconcile.Reader{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
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
		n, err := store.NewLinks(db).CountLinks(ctx, kind)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
