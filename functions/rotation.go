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
// when it is set up; when credentials are refused they are read
// again, and if one has changed everything is set up anew, without a deployment.
type rotation struct {
	refused    atomic.Bool  // since the last look
	generation atomic.Int64 // of what is set up; counts the changes

	mu     sync.Mutex
	known  map[string][]byte // payloads by resource name
	looked time.Time
}

// readSecret fetches a secret for a set-up and remembers it.
func (d *deps) readSecret(ctx context.Context, name string) ([]byte, error) {
	payload, err := d.fetchSecret(ctx, name)
	if err != nil {
		return nil, err
	}
	d.rotation.mu.Lock()
	defer d.rotation.mu.Unlock()
	if d.rotation.known == nil {
		d.rotation.known = map[string][]byte{}
	}
	d.rotation.known[name] = payload
	return payload, nil
}

func (d *deps) fetchSecret(ctx context.Context, name string) ([]byte, error) {
	if d.secretAccess != nil {
		return d.secretAccess(ctx, name)
	}
	return d.secrets.AccessSecret(ctx, name)
}

// rereadSecrets reads the secrets again if credentials were refused, and has the
// functions set up anew if one of them changed.
func (d *deps) rereadSecrets(ctx context.Context) {
	if !d.rotation.refused.Swap(false) {
		return
	}
	known := d.rotation.isDue(systemClock.Now())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rereadTime)
	defer cancel()
	for name, before := range known {
		payload, err := d.fetchSecret(ctx, name)
		if err != nil {
			d.logger.WarnContext(ctx, "secrets not read again", "error", err.Error())
			return
		}
		if !bytes.Equal(payload, before) {
			d.forgetClients()
			d.rotation.generation.Add(1)
			d.logger.InfoContext(ctx, logschema.SecretsChanged, "secret", name)
			return
		}
	}
}

// isDue returns the secrets to look at, none when that was done a moment ago.
func (r *rotation) isDue(now time.Time) map[string][]byte {
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
