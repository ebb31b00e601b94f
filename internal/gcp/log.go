package gcp

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Keys that Cloud Logging lifts out of the JSON of an entry.
// Source: https://cloud.google.com/logging/docs/structured-logging
const (
	logSeverity = "severity"
	logMessage  = "message"
	logTrace    = "logging.googleapis.com/trace"
	logSpan     = "logging.googleapis.com/spanId"
	logSampled  = "logging.googleapis.com/trace_sampled"
	logLabels   = "logging.googleapis.com/labels"
	// logStack is the key under which Error Reporting looks for a stack.
	logStack = "stack_trace"
)

// NewLogHandler returns a handler that writes one line of JSON per entry as
// Cloud Logging wants it. Entries logged under a context with a trace (see
// telemetry.WithTrace) are joined to it, provided that project, the id of the Google
// Cloud project, is not empty.
func NewLogHandler(w io.Writer, project string, level slog.Leveler) slog.Handler {
	return &logHandler{
		Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: renameForCloud}),
		project: project,
	}
}

// LogLabels is an attribute that gives an entry labels, by which entries can be
// searched: pairs of a name and a text.
func LogLabels(pairs ...string) slog.Attr {
	labels := make([]any, len(pairs))
	for i, p := range pairs {
		labels[i] = p
	}
	return slog.Group(logLabels, labels...)
}

// logHandler adds the trace. It must stand at the top of the entry, so once a
// group is open, the handler of before the first group is kept, to be rebuilt
// for an entry with a trace.
type logHandler struct {
	slog.Handler
	project string
	base    slog.Handler // the handler of before the first group; nil: no group
	after   []func(slog.Handler) slog.Handler
}

// Handle writes one entry.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	t := trace.SpanContextFromContext(ctx)
	if !t.IsValid() || h.project == "" {
		return h.Handler.Handle(ctx, r)
	}
	attrs := []slog.Attr{
		slog.String(logTrace, "projects/"+h.project+"/traces/"+t.TraceID().String()),
		slog.String(logSpan, t.SpanID().String()),
		slog.Bool(logSampled, t.IsSampled()),
	}
	if h.base == nil {
		r = r.Clone()
		r.AddAttrs(attrs...)
		return h.Handler.Handle(ctx, r)
	}
	inner := h.base.WithAttrs(attrs)
	for _, apply := range h.after {
		inner = apply(inner)
	}
	return inner.Handle(ctx, r)
}

// WithAttrs returns a handler whose entries all carry attrs.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(h.base, func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
}

// WithGroup returns a handler that nests later attributes under name.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	base := h.base
	if base == nil {
		base = h.Handler
	}
	return h.with(base, func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
}

func (h *logHandler) with(base slog.Handler, apply func(slog.Handler) slog.Handler) *logHandler {
	next := &logHandler{Handler: apply(h.Handler), project: h.project, base: base}
	if base != nil {
		// A fresh slice: two handlers derived from h must not share its tail.
		next.after = append(append(next.after, h.after...), apply)
	}
	return next
}

// renameForCloud gives slog's own keys the names that Cloud Logging knows.
func renameForCloud(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = logMessage
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String(logSeverity, severity(level))
		}
	}
	return a
}

// severity names a level as Cloud Logging does.
func severity(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	case level < slog.LevelError+4:
		return "ERROR"
	}
	return "CRITICAL"
}
