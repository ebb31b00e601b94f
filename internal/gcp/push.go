package gcp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/jsonerr"
	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

// maxPushBody bounds the body of a push in bytes. An operation is below 1 KiB;
// a dead letter carries a few attributes more.
const maxPushBody = 1 << 20

// Message is what Pub/Sub pushed.
type Message struct {
	ID          string
	Data        []byte
	Attributes  map[string]string
	OrderingKey string
	PublishTime time.Time // zero when the body did not tell
	// Attempt counts deliveries from 1. It is 0 when the subscription has no
	// dead-letter policy, or on an emulator that does not count.
	Attempt      int
	Subscription string
}

// String names the message and keeps what it carries out of logs.
func (m Message) String() string { return "message " + m.ID }

// pushBody is the wrapped body that Pub/Sub posts. It has two spellings for the
// id and the time and promises neither of them.
// Source: https://cloud.google.com/pubsub/docs/push#receive_push
type pushBody struct {
	Message *struct {
		Data         []byte            `json:"data"`
		Attributes   map[string]string `json:"attributes"`
		ID           string            `json:"messageId"`
		IDSnake      string            `json:"message_id"`
		Published    string            `json:"publishTime"`
		PublishSnake string            `json:"publish_time"`
		OrderingKey  string            `json:"orderingKey"`
	} `json:"message"`
	Subscription    string `json:"subscription"`
	DeliveryAttempt int    `json:"deliveryAttempt"`
}

// DecodePush reads the body of a push of at most limit bytes. An ordering key
// that the body lacks is taken from the attribute of the same meaning. Errors
// never quote the body.
func DecodePush(r io.Reader, limit int64) (Message, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return Message{}, fmt.Errorf("read push: %w", err)
	}
	if int64(len(raw)) > limit {
		return Message{}, fmt.Errorf("read push: more than %d bytes", limit)
	}
	var body pushBody
	if err := json.Unmarshal(raw, &body); err != nil {
		return Message{}, fmt.Errorf("decode push: %w", jsonerr.Describe(err))
	}
	if body.Message == nil {
		return Message{}, errors.New("decode push: no message")
	}
	m := Message{
		ID:           cmp.Or(body.Message.ID, body.Message.IDSnake),
		Data:         body.Message.Data,
		Attributes:   body.Message.Attributes,
		OrderingKey:  cmp.Or(body.Message.OrderingKey, body.Message.Attributes[attributeOrderingKey]),
		Attempt:      body.DeliveryAttempt,
		Subscription: body.Subscription,
	}
	if m.ID == "" {
		return Message{}, errors.New("decode push: no message id")
	}
	if at := cmp.Or(body.Message.Published, body.Message.PublishSnake); at != "" {
		if m.PublishTime, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return Message{}, errors.New("decode push: publish time is not RFC 3339")
		}
	}
	return m, nil
}

// NewPushHandler serves a push subscription. It is the one place where the outcome of a
// message becomes an answer: nil acknowledges it (204), an error asks for it
// again (503) and is logged here, once. A body that is no push is answered 400,
// which Pub/Sub repeats until it dead-letters the message: nothing is dropped.
//
// Pub/Sub slows a whole subscription down after a nack, so handle returns an
// error when a system is down and not for the trouble of one record. 202 is
// never answered: the emulator takes it for a nack.
func NewPushHandler(handle func(ctx context.Context, m Message) error, logger *slog.Logger) http.Handler {
	return RecoverPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "only POST", http.StatusMethodNotAllowed)
			return
		}
		m, err := DecodePush(r.Body, maxPushBody)
		if err != nil {
			logger.ErrorContext(r.Context(), "push refused", "error", err.Error())
			http.Error(w, "not a push of Pub/Sub", http.StatusBadRequest)
			return
		}
		ctx, end := telemetry.Message(r.Context(), m.Attributes[attributeTrace])
		err = handle(ctx, m)
		end(err)
		if err != nil {
			v := failure.Classify(err)
			logger.ErrorContext(ctx, logschema.MessageHeld,
				logschema.Class, string(v.Class), logschema.Origin, string(v.Origin), logschema.Code, v.Code,
				"message_id", m.ID, "ordering_key", m.OrderingKey, "attempt", m.Attempt,
				"subscription", m.Subscription, "error", err.Error())
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), logger)
}
