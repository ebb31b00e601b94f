// Package ingest handles webhooks: it verifies the caller, reduces the body to
// operations, one for each record, publishes them and waits until every one of them
// is durable before it answers 2xx. A delivery that it could not publish is answered
// with an error, so that the sender sends it again.
package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/op"
)

const (
	// maxBody bounds a delivery in bytes: a hundred events are about 50 kB.
	maxBody = 1 << 20
	// publishTime bounds the wait for the topic. HubSpot hangs up after 5 s.
	publishTime = 4 * time.Second
)

// Publisher makes operations durable. It returns nil only if all of them are.
type Publisher interface {
	Publish(ctx context.Context, ops []op.Operation) error
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Config holds what every webhook handler needs.
type Config struct {
	Publisher Publisher
	Clock     Clock
	NewID     func() string
	Logger    *slog.Logger
}

// refusal is a request that is answered with a 4xx.
type refusal struct {
	status int
	text   string // names what is wrong and the remedy, and no value
}

func (r *refusal) Error() string { return r.text }

func newRefusal(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// change is one record that a delivery speaks of.
type change struct {
	ref        crm.Ref
	change     op.Change
	occurredAt time.Time
	events     int
}

// delivery is what a body was reduced to.
type delivery struct {
	changes  []change
	events   int
	ignored  int
	rejected []Rejected
}

// Rejected is a part of a delivery that cannot be understood.
type Rejected struct {
	Index  int    `json:"index"`  // of the event, or of the reason where ids are counted
	Reason string `json:"reason"` // names fields, never their values
}

// answer is the body of a 200.
type answer struct {
	Events     int        `json:"events"`
	Operations int        `json:"operations"`
	Ignored    int        `json:"ignored"`
	Rejected   []Rejected `json:"rejected,omitempty"`
}

// webhookHandler is one webhook endpoint. readDelivery verifies and reduces one request.
type webhookHandler struct {
	Config
	readDelivery func(r *http.Request, body []byte, now time.Time) (delivery, error)
}

func (h *webhookHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := h.publishDelivery(w, r)
	var refused *refusal
	switch {
	case err == nil:
		writeAnswer(w, http.StatusOK, a)
	case errors.As(err, &refused):
		h.Logger.WarnContext(r.Context(), logschema.DeliveryRefused, "status", refused.status, "reason", refused.text)
		if refused.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		writeAnswer(w, refused.status, map[string]string{"error": refused.text})
	default:
		h.Logger.ErrorContext(r.Context(), logschema.DeliveryNotPublished, "error", err.Error())
		writeAnswer(w, http.StatusServiceUnavailable, map[string]string{"error": "not accepted: send it again"})
	}
}

func (h *webhookHandler) publishDelivery(w http.ResponseWriter, r *http.Request) (answer, error) {
	body, err := readBody(w, r)
	if err != nil {
		return answer{}, err
	}
	now := h.Clock.Now()
	found, err := h.readDelivery(r, body, now)
	if err != nil {
		return answer{}, err
	}
	ops := make([]op.Operation, len(found.changes))
	for i, c := range found.changes {
		ops[i] = op.Operation{
			Version: op.Version, ID: h.NewID(), Ref: c.ref, Change: c.change,
			OccurredAt: c.occurredAt, ReceivedAt: now, Events: c.events,
		}
	}
	if len(ops) > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), publishTime)
		defer cancel()
		if err := h.Publisher.Publish(ctx, ops); err != nil {
			return answer{}, err
		}
	}
	h.logDelivery(r.Context(), found, len(ops))
	return answer{Events: found.events, Operations: len(ops), Ignored: found.ignored, Rejected: found.rejected}, nil
}

func (h *webhookHandler) logDelivery(ctx context.Context, found delivery, ops int) {
	attrs := []any{"events", found.events, logschema.Operations, ops, "ignored", found.ignored}
	if len(found.rejected) == 0 {
		h.Logger.InfoContext(ctx, logschema.DeliveryAccepted, attrs...)
		return
	}
	h.Logger.ErrorContext(ctx, "delivery accepted in part", append(attrs, "rejected", found.rejected)...)
}

// readBody reads at most maxBody bytes. A compressed body is refused rather
// than inflated: no sender sends one, and a small one may unpack to anything.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, newRefusal(http.StatusMethodNotAllowed, "only POST is served here")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, newRefusal(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newRefusal(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	case err != nil:
		return nil, newRefusal(http.StatusBadRequest, "the body was cut off")
	}
	return body, nil
}

func writeAnswer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender hung up: it will come again
}
