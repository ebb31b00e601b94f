package reconcile_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

func post(t *testing.T, h *environment, method string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r, err := reconcile.New(h.config)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	answer := httptest.NewRecorder()
	r.Handler(slog.New(slog.NewJSONHandler(&log, nil))).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, "/Reconcile", nil))
	return answer, log.String()
}

func TestTheHandlerRunsOnPostAloneAndAnswersWithTheReport(t *testing.T) {
	tests := []struct {
		name     string
		refuse   error
		status   int
		complete bool
		level    string
	}{
		{"a run", nil, http.StatusOK, true, "INFO"},
		{"a run that a quota ended", &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: 1 << 50}, http.StatusOK, false, "WARN"},
		{"a run that failed", &crm.Error{System: crm.Zoho, Kind: crm.Forbidden, Code: "NO_PERMISSION"}, http.StatusInternalServerError, false, "ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newEnvironment()
			h.system.before = func(crm.Walk, bool) error { return tt.refuse }
			answer, log := post(t, h, http.MethodPost)
			var report reconcile.Report
			if err := json.Unmarshal(answer.Body.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if answer.Code != tt.status || report.Complete != tt.complete || len(report.Scans) != 2 {
				t.Errorf("status %d, report %+v", answer.Code, report)
			}
			if strings.Count(log, `"level":"`+tt.level+`"`) != 2 {
				t.Errorf("log %s\nwant two lines of level %s", log, tt.level)
			}
		})
	}
}

func TestTheHandlerRefusesOtherMethodsWithoutARun(t *testing.T) {
	h := newEnvironment()
	answer, _ := post(t, h, http.MethodGet)
	if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != http.MethodPost || h.system.calls != 0 {
		t.Errorf("status %d, Allow %q, %d calls", answer.Code, answer.Header().Get("Allow"), h.system.calls)
	}
}

func TestACursorKeepsItsFormInJSON(t *testing.T) {
	tests := map[string]reconcile.Cursor{
		`{"version":1,"covered":"2026-11-23T10:00:00Z"}`: {Version: 1, Covered: start},
		`{"version":1,"covered":"2026-11-23T10:00:00Z","since":"2026-11-23T09:59:00Z","until":"2026-11-23T10:02:00Z","from":{"at":"2026-11-23T10:01:00Z","id":"7","page":2}}`: {
			Version: 1, Covered: start, Since: minutesAgo(1), Until: minutesAgo(-2), From: crm.Place{At: minutesAgo(-1), ID: "7", Page: 2}},
	}
	for want, c := range tests {
		got, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("JSON (-want +got):\n%s", diff)
		}
		var back reconcile.Cursor
		if err := json.Unmarshal(got, &back); err != nil || !back.Equal(c) {
			t.Errorf("back from JSON: %+v, %v", back, err)
		}
	}
}
