package zoho

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/job"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler serves the job that keeps the channel open: 200 with the report, and
// 503 after an error, so that the scheduler tries again.
func (m *ChannelManager) Handler(logger *slog.Logger) http.Handler {
	return job.NewHandler(func(ctx context.Context) job.Answer {
		report, err := m.EnsureChannel(ctx)
		attributes := []slog.Attr{
			slog.String("action", string(report.Action)), slog.String("channel_id", report.ChannelID),
			slog.Time(logschema.ExpiresAt, report.ExpiresAt), slog.Time("gap_since", report.GapSince),
			slog.Int("removed", len(report.Removed)),
		}
		if err != nil {
			logger.LogAttrs(ctx, slog.LevelError, logschema.ChannelNotKept, append(attributes, slog.String("error", err.Error()))...)
			return job.Unavailable("the channel could not be kept open: see the log")
		}
		logger.LogAttrs(ctx, report.logLevel(), logschema.ChannelKept, append(attributes, slog.Bool("short", report.Short))...)
		return job.Answer{Report: report}
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
