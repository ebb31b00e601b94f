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

// QuotaReader finds in the headers of an answer how many calls of the day are left,
// and of how many, 0 for an answer that does not say.
type QuotaReader func(http.Header) (left, limit int, ok bool)

// QuotaGauge keeps the numbers of calls left, from the headers of answers
// that were asked for anyway. The zero value is ready.
type QuotaGauge struct {
	mu     sync.Mutex
	quotas map[crm.System]Quota
}

// WatchQuota returns a transport that reads every answer of a system.
func (g *QuotaGauge) WatchQuota(s crm.System, clock Clock, read QuotaReader, inner http.RoundTripper) http.RoundTripper {
	return quotaTransport{g, s, clock, read, inner}
}

// Quotas returns what was said last.
func (g *QuotaGauge) Quotas() map[crm.System]Quota {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.quotas)
}

type quotaTransport struct {
	gauge  *QuotaGauge
	system crm.System
	clock  Clock
	read   QuotaReader
	inner  http.RoundTripper
}

func (w quotaTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.inner.RoundTrip(r)
	if err != nil {
		return res, err
	}
	if left, limit, ok := w.read(res.Header); ok {
		w.gauge.setQuota(w.system, Quota{left, limit, w.clock.Now()})
	}
	return res, nil
}

func (g *QuotaGauge) setQuota(s crm.System, q Quota) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.quotas == nil {
		g.quotas = map[crm.System]Quota{}
	}
	g.quotas[s] = q
}
