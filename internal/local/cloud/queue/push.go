package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer is how many bytes of an answer are read so that its connection can
// be used again. The body means nothing.
const maxAnswer = 64 << 10

// pushBody is the wrapped body that the service posts, with both spellings of
// the id and the time. Source: https://cloud.google.com/pubsub/docs/push#receive_push
type pushBody struct {
	DeliveryAttempt int         `json:"deliveryAttempt,omitempty"`
	Message         pushMessage `json:"message"`
	Subscription    string      `json:"subscription"`
}

type pushMessage struct {
	Attributes   map[string]string `json:"attributes,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	ID           string            `json:"messageId"`
	IDSnake      string            `json:"message_id"`
	OrderingKey  string            `json:"orderingKey,omitempty"`
	PublishTime  string            `json:"publishTime"`
	PublishSnake string            `json:"publish_time"`
}

// encodePush returns the body of one delivery. An attempt of 0 is left out, as
// the service does without a dead-letter policy.
func encodePush(m *Message, subscription string, attempt int) ([]byte, error) {
	at := protoTime(m.PublishTime)
	body, err := json.Marshal(pushBody{
		DeliveryAttempt: attempt,
		Message: pushMessage{
			Attributes: m.Attributes, Data: m.Data, ID: m.ID, IDSnake: m.ID,
			OrderingKey: m.OrderingKey, PublishTime: at, PublishSnake: at,
		},
		Subscription: subscription,
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m, err)
	}
	return body, nil
}

// protoTime writes a time as protobuf's JSON does: no fraction, or three digits.
func protoTime(t time.Time) string {
	t = t.UTC().Truncate(time.Millisecond)
	if t.Nanosecond() == 0 {
		return t.Format(time.RFC3339)
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

// statusError is an answer that does not acknowledge.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("answered %d", int(e)) }

// post delivers one body. It returns nil when the endpoint acknowledged it.
func post(ctx context.Context, client *http.Client, endpoint string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make push request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "CloudPubSub-Google")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("push: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	switch resp.StatusCode {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return statusError(resp.StatusCode)
}

// pushClient returns a client for pushing with room for inFlight connections.
// A client that is given keeps its transport. Redirects are not followed: to
// the service they are answers that do not acknowledge.
func pushClient(given *http.Client, inFlight int) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{
			MaxIdleConns:        inFlight,
			MaxIdleConnsPerHost: inFlight,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		}
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// withoutURL takes the URL, which may hold a secret, out of a client's error.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
