package failure

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler serves the job that sends the digest: 200 with the report, whether or
// not there was something to send, and 503 when the list has to wait, so that
// the scheduler tries again.
func (d *Digest) Handler(logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "only POST", http.StatusMethodNotAllowed)
			return
		}
		ctx := r.Context()
		report, err := d.Send(ctx)
		if err != nil {
			v := Classify(err)
			logger.ErrorContext(ctx, logschema.DigestNotSent,
				logschema.Class, string(v.Class), "remedy", v.Remedy, "error", err.Error())
			http.Error(w, "the list waits: see the log", http.StatusServiceUnavailable)
			return
		}
		logger.InfoContext(ctx, logschema.DigestDone, logschema.Outcome, string(report.Outcome), "causes", report.Causes,
			"failures", report.Failures, "operations", report.Operations, "rows", report.Rows, "left", report.Left)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report) // the scheduler may have gone
	})
}
