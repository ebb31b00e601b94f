package job_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/job"
)

func TestAJobRunsForEachPostAndAnswersWithItsReport(t *testing.T) {
	tests := map[string]struct {
		method string
		answer job.Answer
		status int
		body   string
		header map[string]string
	}{
		"done":       {http.MethodPost, job.Answer{Report: map[string]int{"pages": 3}}, 200, `{"pages":3}`, nil},
		"to repeat":  {http.MethodPost, job.Unavailable("the store is down"), 503, `{"error":"the store is down"}`, nil},
		"to wait":    {http.MethodPost, job.Answer{Status: 503, RetryAfter: time.Minute, Report: job.Failure{Error: "throttled"}}, 503, `{"error":"throttled"}`, map[string]string{"Retry-After": "60"}},
		"not a POST": {http.MethodGet, job.Answer{}, 405, `{"error":"method_not_allowed"}`, map[string]string{"Allow": "POST"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			runs := 0
			w := httptest.NewRecorder()
			job.NewHandler(func(context.Context) job.Answer { runs++; return tt.answer }).
				ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, "/", nil))
			if want := map[bool]int{true: 1}[tt.method == http.MethodPost]; runs != want {
				t.Errorf("%d runs, want %d", runs, want)
			}
			if w.Code != tt.status || strings.TrimSpace(w.Body.String()) != tt.body || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %v, want %d %s", w.Code, w.Body, w.Header(), tt.status, tt.body)
			}
			for key, want := range tt.header {
				if got := w.Header().Get(key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}
