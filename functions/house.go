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

// house holds what the functions of one process share.
type house struct {
	getenv  func(string) string
	logger  *slog.Logger
	secrets gcp.Secrets
	// secretAccess stands in for Secret Manager in tests.
	secretAccess gcp.SecretAccess

	observer observer
	rotation rotation

	// atDesk is set at the command line, where Zoho's refresh token may be at hand.
	atDesk bool
	// part is the part of the process's share of the CRMs' quotas that its calls
	// may take; 0 for all of it.
	part float64

	mu        sync.Mutex
	firestore *store.Client
	pubsub    *gcp.PubSub
	clients   clients
	counter   *stats.Recorder
	gauge     stats.Gauge
}

// callTime bounds one call to a CRM. HubSpot itself gives up after 100 s; a
// handler has less.
const callTime = 25 * time.Second

// read fills a configuration from the environment.
func (h *house) read(ctx context.Context, into configuration) error {
	return variables{h.getenv, h.access}.read(ctx, into)
}

func newID() string { return uuid.NewString() }

// systemClock is the only clock of a deployed function.
var systemClock = clock.System{}

// figuresInterval is how long counts may wait to be stored. On an emulator a
// write costs nothing, and somebody is watching.
const figuresInterval = time.Minute

// recorder counts what the consumers of this process do.
func (h *house) recorder(c firestoreConfig, db *store.Client) *stats.Recorder {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counter == nil {
		every := figuresInterval
		if c.EmulatorHost != "" {
			every = 0
		}
		h.counter = stats.NewRecorder(stats.Config{
			Store: store.NewFigures(db), Instance: newID(), Every: every, Quotas: h.gauge.Quotas,
		})
	}
	return h.counter
}

// httpClient never follows a redirect: credentials would go along. The service
// is the name under which its calls are recorded.
func (h *house) httpClient(ctx context.Context, service string) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 100
	return &http.Client{
		Timeout:       callTime,
		Transport:     h.telemetry(ctx).Transport(service, watched{transport, &h.rotation.refused}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (h *house) database(ctx context.Context, c firestoreConfig) (*store.Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.firestore == nil {
		client, err := store.Connect(ctx, c.Project, c.Database, c.EmulatorHost)
		if err != nil {
			return nil, err
		}
		h.firestore = client
	}
	return h.firestore, nil
}

// publisher publishes to a topic.
func (h *house) publisher(ctx context.Context, c pubsubConfig, topic string) (*gcp.Publisher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pubsub == nil {
		client, err := gcp.NewPubSub(ctx, c.Project, c.EmulatorHost)
		if err != nil {
			return nil, err
		}
		h.pubsub = client
	}
	return gcp.NewPublisher(h.pubsub, topic), nil
}

// topics are the publishers of operations, by the system whose changes they take.
func (h *house) topics(ctx context.Context, c topicsConfig) (map[crm.System]*gcp.Publisher, error) {
	ofHubSpot, err1 := h.publisher(ctx, c.PubSub, c.HubSpotChanges)
	ofZoho, err2 := h.publisher(ctx, c.PubSub, c.ZohoChanges)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return map[crm.System]*gcp.Publisher{crm.HubSpot: ofHubSpot, crm.Zoho: ofZoho}, nil
}

// as hands the topics to who wants them as something else.
func as[P any](topics map[crm.System]*gcp.Publisher, to func(*gcp.Publisher) P) map[crm.System]P {
	all := map[crm.System]P{}
	for s, topic := range topics {
		all[s] = to(topic)
	}
	return all
}

func asPublisher(p *gcp.Publisher) syncer.Publisher { return p }
func asReplays(p *gcp.Publisher) failure.Publisher  { return p }
func asSweep(p *gcp.Publisher) reconcile.Publisher  { return p }
