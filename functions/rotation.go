package functions

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

const (
	// rereadEvery is the least time between two looks at Secret Manager, however
	// often credentials are refused: strangers can make a webhook refuse theirs.
	rereadEvery = time.Minute
	// rereadTime bounds one look. An answer waits for it.
	rereadTime = 3 * time.Second
)

// rotation notices that secrets have new versions. A function reads its secrets
// when it is set up; when somebody's credentials are refused they are read
// again, and if one has changed everything is set up anew, without a deployment.
type rotation struct {
	refused    atomic.Bool  // since the last look
	generation atomic.Int64 // of what is set up; counts the changes

	mu     sync.Mutex
	known  map[string][]byte // payloads by resource name
	looked time.Time
}

// access fetches a secret for a set-up and remembers it.
func (h *house) access(ctx context.Context, name string) ([]byte, error) {
	payload, err := h.fetch(ctx, name)
	if err != nil {
		return nil, err
	}
	h.rotation.mu.Lock()
	defer h.rotation.mu.Unlock()
	if h.rotation.known == nil {
		h.rotation.known = map[string][]byte{}
	}
	h.rotation.known[name] = payload
	return payload, nil
}

func (h *house) fetch(ctx context.Context, name string) ([]byte, error) {
	if h.secretAccess != nil {
		return h.secretAccess(ctx, name)
	}
	return h.secrets.Access(ctx, name)
}

// rotate looks whether secrets have changed if credentials were refused.
func (h *house) rotate(ctx context.Context) {
	if !h.rotation.refused.Swap(false) {
		return
	}
	known := h.rotation.due(systemClock.Now())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rereadTime)
	defer cancel()
	for name, before := range known {
		payload, err := h.fetch(ctx, name)
		if err != nil {
			h.logger.WarnContext(ctx, "secrets not read again", "error", err.Error())
			return
		}
		if !bytes.Equal(payload, before) {
			h.forgetClients()
			h.rotation.generation.Add(1)
			h.logger.InfoContext(ctx, logschema.SecretsChanged, "secret", name)
			return
		}
	}
}

// due returns the secrets to look at, none when that was done a moment ago.
func (r *rotation) due(now time.Time) map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.looked) < rereadEvery {
		return nil
	}
	r.looked = now
	return maps.Clone(r.known)
}

// watched is a transport that notes when a service refuses our credentials.
type watched struct {
	base    http.RoundTripper
	refused *atomic.Bool
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.base.RoundTrip(r)
	if err == nil && res.StatusCode == http.StatusUnauthorized {
		w.refused.Store(true)
	}
	return res, err
}

// answered notes when a function refuses a caller, whose secret may have been
// rotated on its side only, or has no token because Zoho refused our client.
type answered struct {
	http.ResponseWriter
	refused *atomic.Bool
}

func (a answered) WriteHeader(status int) {
	if status == http.StatusUnauthorized || status == http.StatusBadGateway {
		a.refused.Store(true)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (a answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
