// Package job answers Cloud Scheduler: every scheduled job is served by one handler.
package job

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Answer is the end of one run. The scheduler tries again after a status of 500 or
// more; a person reads the report.
type Answer struct {
	Status     int // 200 if 0
	RetryAfter time.Duration
	Report     any // encoded as JSON
}

// Failure is the report of a run that has no other.
type Failure struct {
	Error string `json:"error"`
}

// Unavailable is the answer of a run that the scheduler has to repeat.
func Unavailable(why string) Answer {
	return Answer{Status: http.StatusServiceUnavailable, Report: Failure{why}}
}

// NewHandler runs a job for each POST and answers with its report. The platform
// checks the caller.
func NewHandler(run func(ctx context.Context) Answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			writeAnswer(w, Answer{Status: http.StatusMethodNotAllowed, Report: Failure{"method_not_allowed"}})
			return
		}
		writeAnswer(w, run(r.Context()))
	})
}

func writeAnswer(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_ = json.NewEncoder(w).Encode(a.Report) // the scheduler may have disconnected; the log holds the report
}
