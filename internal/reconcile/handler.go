package reconcile

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler runs the Reconciler for each POST and answers with the report in
// JSON: 200, even if something is left for the next run, or 500 when the run
// met an error, so that the caller notices and may try again.
func (r *Reconciler) Handler(log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		if hr.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "only POST", http.StatusMethodNotAllowed)
			return
		}
		ctx := hr.Context()
		report, err := r.Run(ctx)
		for _, p := range report.Scans {
			log.LogAttrs(ctx, p.logLevel(), logschema.Reconciled,
				slog.String("system", string(p.System)), slog.String("kind", string(p.Kind)),
				slog.Bool("deleted", p.Deleted), slog.Int("pages", p.Pages), slog.Int("published", p.Published),
				slog.Time("covered", p.Covered), slog.Bool("complete", p.Complete), slog.Bool("not_due", p.NotDue),
				slog.Bool("truncated", p.Truncated), slog.String(logschema.Stopped, string(p.Stopped)), slog.String("error", p.Error))
		}
		status := http.StatusOK
		if err != nil {
			status = http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(report) // the caller may have left; the log holds the report
	})
}

// logLevel is the level at which a scan is logged.
func (p ScanReport) logLevel() slog.Level {
	switch {
	case p.Stopped == Failed || p.Stopped == MassChange:
		return slog.LevelError
	case p.Stopped != "" && p.Stopped != OutOfTime || p.Truncated:
		return slog.LevelWarn
	case p.NotDue:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
