package zoho

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestTheJobAnswersTheSchedulerWithoutAnySecret(t *testing.T) {
	w := newChannelFixture(t)
	var log strings.Builder
	h := w.Handler(slog.New(slog.NewTextHandler(&log, nil)))
	ask := func(method string) *http.Response {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
		return rec.Result()
	}
	res := ask(http.MethodPost)
	var report ChannelReport
	if err := json.NewDecoder(res.Body).Decode(&report); err != nil || res.StatusCode != 200 || report.Action != ChannelOpened {
		t.Errorf("status %d, %+v, %v", res.StatusCode, report, err)
	}
	if res := ask(http.MethodGet); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET answers %d", res.StatusCode)
	}
	w.zoho.granted = time.Hour
	w.at = w.at.Add(MaxChannelLife / 2)
	if res := ask(http.MethodPost); res.StatusCode != 200 || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a short life: status %d, log\n%s", res.StatusCode, &log)
	}
	w.zoho.fail = &crm.Error{System: crm.Zoho, Kind: crm.Unavailable}
	res = ask(http.MethodPost)
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 503 || !strings.Contains(log.String(), "zoho_channel_not_kept") {
		t.Errorf("a failure: status %d, %v, log\n%s", res.StatusCode, err, &log)
	}
	if text := log.String() + string(body); strings.Contains(text, "tok ") || strings.Contains(text, "=tok") || strings.Contains(text, notifyURL) {
		t.Errorf("a secret is logged:\n%s", text)
	}
}
