package gcp

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkPush takes the envelope of a pushed message apart and acknowledges it.
func BenchmarkPush(b *testing.B) {
	data := base64.StdEncoding.EncodeToString([]byte(`{"version":1,"id":"3f0c2a52"}`))
	body := `{"message":{"data":"` + data + `","attributes":{"ordering_key":"hubspot/contact/1"},"messageId":"1","publishTime":"2026-11-01T10:00:00Z",` +
		`"orderingKey":"hubspot/contact/1"},"subscription":"projects/p/subscriptions/s","deliveryAttempt":1}`
	h := NewPushHandler(func(context.Context, Message) error { return nil }, slog.New(slog.DiscardHandler))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/", strings.NewReader(body)))
		if w.Code != http.StatusNoContent {
			b.Fatalf("status %d", w.Code)
		}
	}
}
