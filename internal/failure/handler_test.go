package failure_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func TestTheJobAnswersTheSchedulerWhetherToTryAgain(t *testing.T) {
	h := newScenario(t)
	var log bytes.Buffer
	handler := h.digest(t).Handler(slog.New(slog.NewJSONHandler(&log, nil)))
	post := func(method string, status int, body string) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
		if w.Code != status || !strings.Contains(w.Body.String(), body) {
			t.Errorf("%s: %d %s, want %d with %s", method, w.Code, w.Body, status, body)
		}
	}
	post(http.MethodGet, http.StatusMethodNotAllowed, "method_not_allowed")
	post(http.MethodPost, http.StatusOK, `"outcome":"silent"`)
	h.record(t, failed("a", "1"))
	h.mails.Faults.Add(sim.Fault{Status: http.StatusForbidden, Body: `{"errors":[{"message":"connector@example.com","field":"from"}]}`, Count: 1})
	post(http.MethodPost, http.StatusServiceUnavailable, "the list waits")
	post(http.MethodPost, http.StatusOK, `"outcome":"sent","causes":1,"failures":1`)
	for _, entry := range []string{`"class":"stop"`, "Verify FAILURE_MAIL_FROM", `"outcome":"sent"`} {
		if !strings.Contains(log.String(), entry) {
			t.Errorf("the log does not say %s", entry)
		}
	}
	if strings.Contains(log.String(), "@") {
		t.Errorf("an address shows in the log: %s", log.String())
	}
}
