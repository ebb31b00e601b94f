package reconcile

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/job"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler runs the Reconciler as a job. Its answer is the report: 200, even if
// something is left for the next run, or 500 when the run met an error, so that
// the caller notices and may try again.
func (r *Reconciler) Handler(log *slog.Logger) http.Handler {
	return job.NewHandler(func(ctx context.Context) job.Answer {
		report, err := r.Run(ctx)
		for _, p := range report.Scans {
			log.LogAttrs(ctx, p.logLevel(), logschema.Reconciled,
				slog.String("system", string(p.System)), slog.String("kind", string(p.Kind)),
				slog.Bool("deleted", p.Deleted), slog.Int("pages", p.Pages), slog.Int("published", p.Published),
				slog.Time("covered", p.Covered), slog.Bool("complete", p.Complete), slog.Bool("not_due", p.NotDue),
				slog.Bool("truncated", p.Truncated), slog.String(logschema.Stopped, string(p.Stopped)), slog.String("error", p.Error))
		}
		if err != nil {
			return job.Answer{Status: http.StatusInternalServerError, Report: report}
		}
		return job.Answer{Report: report}
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
