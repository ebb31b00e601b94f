package functions

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// deps holds the dependencies that the functions of one process share.
type deps struct {
	getenv  func(string) string
	logger  *slog.Logger
	secrets gcp.Secrets
	// secretAccess stands in for Secret Manager in tests.
	secretAccess gcp.SecretAccess

	observer observer
	rotation rotation

	// isOperator is set at the command line, where the environment may hold Zoho's
	// refresh token.
	isOperator bool
	// part is the part of the process's share of the CRMs' quotas that its calls
	// may take; 0 for all of it.
	quotaShare float64

	mu        sync.Mutex
	firestore *store.Client
	pubsub    *gcp.PubSub
	clients   clients
	counter   *stats.Recorder
	gauge     stats.QuotaGauge
}

// callTime bounds one call to a CRM. HubSpot itself gives up after 100 s; a
// handler has less.
const callTime = 25 * time.Second

// readConfig fills a configuration from the environment.
func (d *deps) readConfig(ctx context.Context, into configuration) error {
	return variables{d.getenv, d.readSecret}.readVariable(ctx, into)
}

func newID() string { return uuid.NewString() }

// systemClock is the only clock of a deployed function.
var systemClock = clock.System{}

// statsInterval is how long counts may wait to be stored. On an emulator a
// write costs nothing, and a person watches the counts.
const statsInterval = time.Minute

// openRecorder returns the recorder, which counts what the consumers of this process do.
func (d *deps) openRecorder(c firestoreConfig, db *store.Client) *stats.Recorder {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counter == nil {
		every := statsInterval
		if c.EmulatorHost != "" {
			every = 0
		}
		d.counter = stats.NewRecorder(stats.Config{
			Store: store.NewStats(db), Instance: newID(), Every: every, Quotas: d.gauge.Quotas,
		})
	}
	return d.counter
}

// newHTTPClient returns a client that never follows a redirect: credentials would go along. The service
// is the name under which its calls are recorded.
func (d *deps) newHTTPClient(ctx context.Context, service string) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 100
	return &http.Client{
		Timeout:       callTime,
		Transport:     d.startTelemetry(ctx).Transport(service, watched{transport, &d.rotation.refused}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (d *deps) connectFirestore(ctx context.Context, c firestoreConfig) (*store.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.firestore == nil {
		client, err := store.Connect(ctx, c.Project, c.Database, c.EmulatorHost)
		if err != nil {
			return nil, err
		}
		d.firestore = client
	}
	return d.firestore, nil
}

// newPublisher returns a publisher to a topic.
func (d *deps) newPublisher(ctx context.Context, c pubsubConfig, topic string) (*gcp.Publisher, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pubsub == nil {
		client, err := gcp.NewPubSub(ctx, c.Project, c.EmulatorHost)
		if err != nil {
			return nil, err
		}
		d.pubsub = client
	}
	return gcp.NewPublisher(d.pubsub, topic), nil
}

// newPublishers returns the publishers of operations by the system whose changes they
// take.
func (d *deps) newPublishers(ctx context.Context, c topicsConfig) (map[crm.System]*gcp.Publisher, error) {
	ofHubSpot, err1 := d.newPublisher(ctx, c.PubSub, c.HubSpotChanges)
	ofZoho, err2 := d.newPublisher(ctx, c.PubSub, c.ZohoChanges)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return map[crm.System]*gcp.Publisher{crm.HubSpot: ofHubSpot, crm.Zoho: ofZoho}, nil
}

// convertPublishers converts each publisher to the interface that a package expects.
func convertPublishers[P any](topics map[crm.System]*gcp.Publisher, to func(*gcp.Publisher) P) map[crm.System]P {
	all := map[crm.System]P{}
	for s, topic := range topics {
		all[s] = to(topic)
	}
	return all
}

func toSyncerPublisher(p *gcp.Publisher) syncer.Publisher   { return p }
func toReplayPublisher(p *gcp.Publisher) failure.Publisher  { return p }
func toSweepPublisher(p *gcp.Publisher) reconcile.Publisher { return p }
