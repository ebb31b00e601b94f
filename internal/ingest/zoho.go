package ingest

import (
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/zoho"
)

// NewZohoHandler returns the handler for Zoho's notification channels and for the webhooks
// of workflow rules. Zoho signs neither: a body without a known token is
// answered 401. Record ids that are none are logged and named in the answer.
func NewZohoHandler(c Config, v *zoho.Verifier) http.Handler {
	return &webhookHandler{Config: c, readDelivery: func(r *http.Request, body []byte, now time.Time) (delivery, error) {
		n, err := zoho.ParseWebhook(r.Header, body)
		if err != nil {
			return delivery{}, newRefusal(http.StatusBadRequest, "%v", err)
		}
		if _, err := v.Verify(n); err != nil {
			return delivery{}, newRefusal(http.StatusUnauthorized, "%v", err)
		}
		d := delivery{events: len(n.RecordIDs) + len(n.Rejected)}
		for i, reason := range n.Rejected {
			d.rejected = append(d.rejected, Rejected{i, reason})
		}
		changes := n.ListChanges()
		if len(changes) == 0 {
			d.ignored = len(n.RecordIDs)
		}
		for _, c := range changes {
			at := c.OccurredAt
			if at.IsZero() {
				at = now
			}
			d.changes = append(d.changes, change{c.Ref, c.Change, at, c.Events})
		}
		return d, nil
	}}
}
