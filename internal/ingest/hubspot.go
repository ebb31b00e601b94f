package ingest

import (
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/hubspot"
)

// NewHubSpotHandler returns the handler of HubSpot's webhooks. A request without a valid
// signature is answered 401, a body that is no array of events 400. Events
// that cannot be understood are logged and named in the answer; they do not
// keep the others from being passed on, and neither do those of another account
// than portal, 0 for any. A delivery of nothing but such is refused, 403, and
// comes again: it may be portal that is wrong.
func NewHubSpotHandler(c Config, v *hubspot.Verifier, portal int64) http.Handler {
	return &webhookHandler{Config: c, readDelivery: func(r *http.Request, body []byte, now time.Time) (delivery, error) {
		if err := v.VerifyURL(r.Method, r.URL.RawQuery, r.Header, body, now); err != nil {
			return delivery{}, newRefusal(http.StatusUnauthorized, "%v", err)
		}
		events, bad, err := hubspot.ParseEvents(body)
		if err != nil {
			return delivery{}, newRefusal(http.StatusBadRequest, "%v", err)
		}
		events, foreign := hubspot.SplitByPortal(events, portal)
		if len(foreign) > 0 && len(events) == 0 {
			return delivery{}, newRefusal(http.StatusForbidden, "the events are of another HubSpot account than HUBSPOT_PORTAL_ID names")
		}
		bad = append(bad, foreign...)
		d := delivery{events: len(events) + len(bad), ignored: hubspot.CountUnsupported(events)}
		for _, b := range bad {
			d.rejected = append(d.rejected, Rejected{b.Index, b.Reason})
		}
		for _, c := range hubspot.ListChanges(events) {
			d.changes = append(d.changes, change{c.Ref, c.Change, c.OccurredAt, c.Events})
		}
		return d, nil
	}}
}
