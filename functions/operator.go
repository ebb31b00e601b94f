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

// Operator connects a person at the command line to the services that the functions
// use, from the same environment. It is not safe for concurrent use.
type Operator struct{ deps *deps }

// NewOperator returns an Operator that connects to nothing before it is asked to.
func NewOperator(getenv func(string) string, logger *slog.Logger) *Operator {
	return &Operator{&deps{getenv: getenv, logger: logger, isOperator: true}}
}

// LimitQuotaShare limits later calls to a part of what one instance of the consumers may take
// of the CRMs' quotas, above 0 and at most 1.
func (o *Operator) LimitQuotaShare(part float64) {
	o.deps.quotaShare = part
	o.deps.forgetClients()
}

// Close ends the connections.
func (o *Operator) Close() error {
	var errs []error
	if o.deps.firestore != nil {
		errs = append(errs, o.deps.firestore.Close())
	}
	if o.deps.pubsub != nil {
		errs = append(errs, o.deps.pubsub.Close())
	}
	return errors.Join(errs...)
}

// Getenv reads one variable without asking for it. A value that names a secret
// is returned as that name.
func (o *Operator) Getenv(name string) string { return o.deps.getenv(name) }

// Logger is the log of the command.
func (o *Operator) Logger() *slog.Logger { return o.deps.logger }

// mappingConfig is the configuration of a command that needs the mapping alone.
type mappingConfig struct {
	private
	Mapping *mapping.Mapping
}

func (c *mappingConfig) bindVariables(r *reader) { r.bindMapping(&c.Mapping) }

// ReadMapping is the mapping that the environment gives.
func (o *Operator) ReadMapping(ctx context.Context) (*mapping.Mapping, error) {
	var c mappingConfig
	err := o.deps.readConfig(ctx, &c)
	return c.Mapping, err
}

// OpenFailures needs the database alone.
func (o *Operator) OpenFailures(ctx context.Context) (*store.Failures, error) {
	db, err := o.connectDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return store.NewFailures(db), nil
}

// OpenSafeguards needs the database alone.
func (o *Operator) OpenSafeguards(ctx context.Context) (*store.Safeguards, error) {
	db, err := o.connectDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return store.NewSafeguards(db), nil
}

func (o *Operator) connectDatabase(ctx context.Context) (*store.Client, error) {
	var c firestoreConfig
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	return o.deps.connectFirestore(ctx, c)
}

// NewReplayer publishes failed operations again.
func (o *Operator) NewReplayer(ctx context.Context) (failure.Replayer, error) {
	failures, err1 := o.OpenFailures(ctx)
	topics, err2 := o.openTopics(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return failure.Replayer{}, err
	}
	return failure.Replayer{Failures: failures, Clock: systemClock, NewID: newID, Topics: convertPublishers(topics, toReplayPublisher)}, nil
}

// openTopics are the publishers by the system whose changes they take.
func (o *Operator) openTopics(ctx context.Context) (map[crm.System]*gcp.Publisher, error) {
	var c topicsConfig
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	return o.deps.newPublishers(ctx, c)
}

// Clients are both CRMs and the mapping.
type Clients struct {
	Mapping *mapping.Mapping
	HubSpot *hubspot.Client
	Zoho    *zoho.Client
	config  syncerConfig
}

// ConnectClients connects to both CRMs. Zoho's access token comes from GetZohoToken, or from
// Zoho itself where the environment holds the refresh token, under the same lease.
func (o *Operator) ConnectClients(ctx context.Context) (Clients, error) {
	c := syncerConfig{Zoho: zohoConfig{direct: o.deps.refreshesTokensItself()}}
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return Clients{}, err
	}
	hubspotCRM, err1 := o.deps.connectHubSpot(ctx, c.HubSpot, c.Mapping)
	zohoCRM, err2 := o.deps.connectZoho(ctx, c.Zoho, c.Mapping)
	return Clients{Mapping: c.Mapping, HubSpot: hubspotCRM, Zoho: zohoCRM, config: c}, errors.Join(err1, err2)
}

// NewExplainer returns the syncer that explains why a record is as it is.
func (o *Operator) NewExplainer(ctx context.Context, c Clients) (*syncer.Syncer, error) {
	return o.deps.newSyncer(ctx, fromExplain, c.config, nil, nil)
}

// NewSweepConfig returns the configuration of the sweep, for the caller to change.
func (o *Operator) NewSweepConfig(ctx context.Context) (reconcile.Config, error) {
	c := reconcileConfig{Zoho: zohoConfig{direct: o.deps.refreshesTokensItself()}}
	if err := o.deps.readConfig(ctx, &c); err != nil {
		return reconcile.Config{}, err
	}
	return o.deps.buildSweepConfig(ctx, c)
}

// NewDrift compares all linked pairs.
func (o *Operator) NewDrift(ctx context.Context, c Clients) (reconcile.Drift, error) {
	db, err1 := o.connectDatabase(ctx)
	s, err2 := o.deps.newSyncer(ctx, fromDrift, c.config, nil, nil)
	if err := errors.Join(err1, err2); err != nil {
		return reconcile.Drift{}, fmt.Errorf("set up the comparison: %w", err)
	}
	return reconcile.Drift{
		Pairs: store.NewLinks(db), Readers: map[crm.System]reconcile.Reader{crm.HubSpot: c.HubSpot, crm.Zoho: c.Zoho},
		Comparer: s, Kinds: mappedKinds(c.Mapping),
	}, nil
}

// CountPairs counts the links of all mapped kinds.
func (o *Operator) CountPairs(ctx context.Context, c Clients) (int, error) {
	db, err := o.connectDatabase(ctx)
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
