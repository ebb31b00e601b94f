package zoho

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler serves the job that keeps the channel open: 200 with the report, and
// 503 after an error, so that the scheduler tries again.
func (m *ChannelManager) Handler(logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "only POST", http.StatusMethodNotAllowed)
			return
		}
		ctx := r.Context()
		report, err := m.EnsureChannel(ctx)
		attributes := []slog.Attr{
			slog.String("action", string(report.Action)), slog.String("channel_id", report.ChannelID),
			slog.Time(logschema.ExpiresAt, report.ExpiresAt), slog.Time("gap_since", report.GapSince),
			slog.Int("removed", len(report.Removed)),
		}
		if err != nil {
			logger.LogAttrs(ctx, slog.LevelError, logschema.ChannelNotKept, append(attributes, slog.String("error", err.Error()))...)
			http.Error(w, "the channel could not be kept open: see the log", http.StatusServiceUnavailable)
			return
		}
		logger.LogAttrs(ctx, report.logLevel(), logschema.ChannelKept, append(attributes, slog.Bool("short", report.Short))...)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report) // the scheduler may have disconnected
	})
}

// logLevel returns the level at which a run is logged.
func (r ChannelReport) logLevel() slog.Level {
	switch {
	case r.Short:
		return slog.LevelError
	case !r.GapSince.IsZero() || len(r.Removed) > 0:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
