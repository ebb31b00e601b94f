package functions

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/figures"
	"github.com/hubspot-zoho/connector/internal/gcp"
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

	mu        sync.Mutex
	firestore *gcp.Firestore
	pubsub    *gcp.PubSub
	sides     map[crm.System]syncer.CRM
	counter   *figures.Recorder
	gauge     figures.Gauge
}

// callTime bounds one call to a CRM. HubSpot itself gives up after 100 s; a
// handler has less.
const callTime = 25 * time.Second

func (h *house) config(ctx context.Context, names ...string) (config, error) {
	return readConfig(ctx, h.getenv, h.access, names...)
}

func newID() string { return uuid.NewString() }

// systemClock is the only clock of a deployed function.
var systemClock = clock.System{}

// crmClient is an httpClient whose answers are read for the calls left.
func (h *house) crmClient(ctx context.Context, s crm.System, read figures.Reading) *http.Client {
	client := h.httpClient(ctx, string(s))
	client.Transport = h.gauge.Watch(s, systemClock, read, client.Transport)
	return client
}

// figuresInterval is how long counts may wait to be stored. On an emulator a
// write costs nothing, and somebody is watching.
const figuresInterval = time.Minute

// recorder counts what the consumers of this process do.
func (h *house) recorder(c config, db *gcp.Firestore) *figures.Recorder {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counter == nil {
		every := figuresInterval
		if c["FIRESTORE_EMULATOR_HOST"] != "" {
			every = 0
		}
		h.counter = figures.NewRecorder(figures.Config{
			Store: gcp.NewFigures(db), Instance: newID(), Every: every, Quotas: h.gauge.Quotas,
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

var firestoreSettings = []string{"GOOGLE_CLOUD_PROJECT", "FIRESTORE_DATABASE", "FIRESTORE_EMULATOR_HOST"}

func (h *house) database(ctx context.Context, c config) (*gcp.Firestore, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.firestore == nil {
		client, err := gcp.NewFirestore(ctx, c["GOOGLE_CLOUD_PROJECT"], c["FIRESTORE_DATABASE"], c["FIRESTORE_EMULATOR_HOST"])
		if err != nil {
			return nil, err
		}
		h.firestore = client
	}
	return h.firestore, nil
}

var pubsubSettings = []string{"GOOGLE_CLOUD_PROJECT", "PUBSUB_EMULATOR_HOST"}

func (h *house) publisher(ctx context.Context, c config, topic string) (*gcp.Publisher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pubsub == nil {
		client, err := gcp.NewPubSub(ctx, c["GOOGLE_CLOUD_PROJECT"], c["PUBSUB_EMULATOR_HOST"])
		if err != nil {
			return nil, err
		}
		h.pubsub = client
	}
	return gcp.NewPublisher(h.pubsub, c[topic]), nil
}
