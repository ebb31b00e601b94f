package stats

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Reading finds in the headers of an answer what is left of the calls of the day,
// and of how many, 0 for an answer that does not say.
type Reading func(http.Header) (left, limit int, ok bool)

// Gauge notes what the CRMs say of the calls left, from the headers of answers
// that were asked for anyway. The zero value is ready.
type Gauge struct {
	mu     sync.Mutex
	quotas map[crm.System]Quota
}

// Watch returns a transport that reads every answer of a system.
func (g *Gauge) Watch(s crm.System, clock Clock, read Reading, inner http.RoundTripper) http.RoundTripper {
	return watch{g, s, clock, read, inner}
}

// Quotas returns what was said last.
func (g *Gauge) Quotas() map[crm.System]Quota {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.quotas)
}

type watch struct {
	gauge  *Gauge
	system crm.System
	clock  Clock
	read   Reading
	inner  http.RoundTripper
}

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.inner.RoundTrip(r)
	if err != nil {
		return res, err
	}
	if left, limit, ok := w.read(res.Header); ok {
		w.gauge.note(w.system, Quota{left, limit, w.clock.Now()})
	}
	return res, nil
}

func (g *Gauge) note(s crm.System, q Quota) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.quotas == nil {
		g.quotas = map[crm.System]Quota{}
	}
	g.quotas[s] = q
}
