package gcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

const pushLimit = 1 << 20

// golden reads a file of testdata.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodePushReadsTheBodyOfTheServiceAndOfTheEmulator(t *testing.T) {
	data, err := op.Encode(operation("123"))
	if err != nil {
		t.Fatal(err)
	}
	emulator := gcp.Message{
		ID: "1", Data: data, OrderingKey: "hubspot/contact/123",
		Attributes:   operation("123").Attributes(),
		PublishTime:  time.Date(2026, 11, 23, 22, 29, 6, 504e6, time.UTC),
		Subscription: "projects/example/subscriptions/zoho-operations",
	}
	service := emulator
	service.ID, service.Attempt = "2070443601311540", 3
	service.PublishTime = time.Date(2026, 11, 23, 10, 11, 12, 654321e3, time.UTC)
	service.Attributes = maps.Clone(emulator.Attributes)
	service.Attributes["traceparent"] = traceparent
	for file, want := range map[string]gcp.Message{"push_service.json": service, "push_emulator.json": emulator} {
		t.Run(file, func(t *testing.T) {
			got, err := gcp.DecodePush(bytes.NewReader(golden(t, file)), pushLimit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePushTakesEitherSpelling(t *testing.T) {
	want := gcp.Message{ID: "7", PublishTime: time.Date(2026, 11, 23, 10, 11, 12, 0, time.UTC)}
	for _, body := range []string{
		`{"message":{"messageId":"7","publishTime":"2026-11-23T10:11:12Z"}}`,
		`{"message":{"message_id":"7","publish_time":"2026-11-23T10:11:12Z"}}`,
	} {
		got, err := gcp.DecodePush(strings.NewReader(body), pushLimit)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestDecodePushRefusesWhatIsNoPush(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"an empty body":            {``, "decode push: not JSON at byte 0"},
		"no JSON":                  {`ada@example.com`, "decode push: not JSON at byte 1"},
		"no message":               {`{"subscription":"s"}`, "decode push: no message"},
		"a null message":           {`{"message":null}`, "decode push: no message"},
		"no message id":            {`{"message":{"data":"e30="}}`, "decode push: no message id"},
		"an id of another type":    {`{"message":{"messageId":7}}`, "decode push: field message.messageId has the wrong type"},
		"data that is not base64":  {`{"message":{"messageId":"7","data":"ada@example.com"}}`, "decode push: a value cannot be read"},
		"a time that is no time":   {`{"message":{"messageId":"7","publishTime":"ada@example.com"}}`, "decode push: publish time is not RFC 3339"},
		"more than one JSON value": {`{"message":{"messageId":"7"}} {}`, "decode push: not JSON at byte 31"},
		"more than the limit":      {strings.Repeat(" ", 101), "read push: more than 100 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := gcp.DecodePush(strings.NewReader(tt.body), 100)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// serve sends one request to a push handler and returns its status and what it
// logged.
func serve(t *testing.T, method, body string, handle func(context.Context, gcp.Message) error) (int, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	h := gcp.NewPushHandler(handle, slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body)))
	return w.Code, entries(t, &log)
}

func accept(context.Context, gcp.Message) error { return nil }

func TestPushAcknowledgesWhatItsHandlerAccepted(t *testing.T) {
	var got gcp.Message
	var trace string
	status, logged := serve(t, http.MethodPost, string(golden(t, "push_service.json")), func(ctx context.Context, m gcp.Message) error {
		got, trace = m, telemetry.Traceparent(ctx)
		return nil
	})
	if status != http.StatusNoContent {
		t.Errorf("status %d, want 204", status)
	}
	if got.ID != "2070443601311540" {
		t.Errorf("message %q", got.ID)
	}
	if trace != traceparent {
		t.Errorf("trace of the context %q, want that of the publisher, %q", trace, traceparent)
	}
	if len(logged) != 0 {
		t.Errorf("logged %v, want nothing", logged)
	}
}

func TestPushAsksAgainForWhatItsHandlerRefusedAndLogsItOnce(t *testing.T) {
	status, logged := serve(t, http.MethodPost, string(golden(t, "push_service.json")), func(context.Context, gcp.Message) error {
		return errors.New("zoho read: unavailable")
	})
	if status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", status)
	}
	want := []map[string]any{{
		"severity": "ERROR", "message": "message not acknowledged", "error": "zoho read: unavailable",
		"message_id": "2070443601311540", "ordering_key": "hubspot/contact/123", "class": "healing", "origin": "defect", "code": "UNKNOWN_ERROR", "attempt": 3.0,
		"subscription":                         "projects/example/subscriptions/zoho-operations",
		"logging.googleapis.com/trace":         "projects/example/traces/0af7651916cd43dd8448eb211c80319c",
		"logging.googleapis.com/spanId":        "b7ad6b7169203331",
		"logging.googleapis.com/trace_sampled": true,
	}}
	if diff := cmp.Diff(want, logged); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestPushRefusesWhatIsNoPushWithoutQuotingIt(t *testing.T) {
	status, logged := serve(t, http.MethodPost, `{"message":{"messageId":"7","data":"ada@example.com"}}`, accept)
	if status != http.StatusBadRequest {
		t.Errorf("status %d, want 400", status)
	}
	if len(logged) != 1 || strings.Contains(toJSON(t, logged), "ada@") {
		t.Errorf("logged %v, want one entry without the body", logged)
	}
}

func TestPushTakesOnlyPost(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead, http.MethodDelete} {
		called := false
		status, _ := serve(t, method, string(golden(t, "push_service.json")), func(context.Context, gcp.Message) error {
			called = true
			return nil
		})
		if status != http.StatusMethodNotAllowed || called {
			t.Errorf("%s: status %d, handler called: %t; want 405, false", method, status, called)
		}
	}
}

func TestPushAnswers500WhenItsHandlerPanics(t *testing.T) {
	status, logged := serve(t, http.MethodPost, string(golden(t, "push_service.json")), func(_ context.Context, m gcp.Message) error {
		m.Data = m.Data[:0:0]
		m.Data[m.Attempt] = 1
		return nil
	})
	if status != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", status)
	}
	if len(logged) != 1 || logged[0]["message"] != "panic: runtime error: index out of range [3] with length 0" {
		t.Errorf("logged %v, want one entry for the panic", logged)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// FuzzPushEnvelope: whatever is posted, decoding neither panics nor invents: a
// message that was read is read again from the body built of it.
func FuzzPushEnvelope(f *testing.F) {
	f.Add(golden(f, "push_service.json"))
	f.Add(golden(f, "push_emulator.json"))
	f.Add([]byte(`{"message":{"message_id":"7","publish_time":"2026-11-23T10:11:12+01:00","data":null},"deliveryAttempt":-1}`))
	f.Add([]byte(`{"message":{"messageId":"7","attributes":{"ordering_key":"k"},"publishTime":"0000-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := gcp.DecodePush(bytes.NewReader(body), 4096)
		if err != nil {
			if diff := cmp.Diff(gcp.Message{}, m); diff != "" {
				t.Fatalf("a message beside the error %v:\n%s", err, diff)
			}
			return
		}
		if m.ID == "" {
			t.Fatal("a message without an id")
		}
		again, err := gcp.DecodePush(strings.NewReader(rebuild(t, m)), 1<<20)
		if err != nil {
			t.Fatalf("the rebuilt body: %v", err)
		}
		if !again.PublishTime.Equal(m.PublishTime) {
			t.Fatalf("time %v, then %v", m.PublishTime, again.PublishTime)
		}
		again.PublishTime = m.PublishTime
		if string(m.Data) == "" {
			m.Data, again.Data = nil, nil
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}

// rebuild writes m as the service would.
func rebuild(t *testing.T, m gcp.Message) string {
	t.Helper()
	return toJSON(t, map[string]any{
		"message": map[string]any{
			"messageId": m.ID, "data": m.Data, "attributes": m.Attributes,
			"orderingKey": m.OrderingKey, "publishTime": m.PublishTime.Format(time.RFC3339Nano),
		},
		"subscription": m.Subscription, "deliveryAttempt": m.Attempt,
	})
}
