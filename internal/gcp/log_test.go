package gcp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/telemetry"
)

// entries reads the lines of a log. The time, which must be there, is left out.
func entries(t *testing.T, log io.Reader) []map[string]any {
	t.Helper()
	var all []map[string]any
	decoder := json.NewDecoder(log)
	for {
		var entry map[string]any
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("entry %d: %v", len(all), err)
		}
		at, _ := entry["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			t.Errorf("entry %d has no time: %v", len(all), entry)
		}
		delete(entry, "time")
		all = append(all, entry)
	}
}

func TestEveryLevelHasItsSeverity(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(gcp.NewLogHandler(&log, project, slog.LevelDebug))
	logger.Debug("a")
	logger.Info("a")
	logger.Warn("a")
	logger.Error("a")
	logger.Log(t.Context(), slog.LevelError+4, "a")
	var got []any
	for _, e := range entries(t, &log) {
		got = append(got, e["severity"])
	}
	if diff := cmp.Diff([]any{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}, got); diff != "" {
		t.Errorf("severities (-want +got):\n%s", diff)
	}
}

func TestTheTraceStandsAtTheTopOfAnEntry(t *testing.T) {
	traced := map[string]any{
		"severity": "INFO", "message": "done",
		"logging.googleapis.com/trace":         "projects/example/traces/0af7651916cd43dd8448eb211c80319c",
		"logging.googleapis.com/spanId":        "b7ad6b7169203331",
		"logging.googleapis.com/trace_sampled": true,
	}
	with := func(key string, value any) map[string]any {
		m := map[string]any{key: value}
		for k, v := range traced {
			m[k] = v
		}
		return m
	}
	tests := map[string]struct {
		derive func(*slog.Logger) *slog.Logger
		want   map[string]any
	}{
		"plain":               {func(l *slog.Logger) *slog.Logger { return l }, traced},
		"with an empty group": {func(l *slog.Logger) *slog.Logger { return l.WithGroup("") }, traced},
		"with attributes":     {func(l *slog.Logger) *slog.Logger { return l.With("ref", "r") }, with("ref", "r")},
		"with a group": {
			func(l *slog.Logger) *slog.Logger { return l.WithGroup("call").With("msg", "m") },
			with("call", map[string]any{"msg": "m"}),
		},
		"with groups in groups": {
			func(l *slog.Logger) *slog.Logger {
				return l.WithGroup("a").With("x", 1).WithGroup("b").With("y", 2)
			},
			with("a", map[string]any{"x": 1.0, "b": map[string]any{"y": 2.0}}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			logger := tt.derive(slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo)))
			logger.InfoContext(telemetry.WithTrace(t.Context(), traceparent), "done")
			if diff := cmp.Diff([]map[string]any{tt.want}, entries(t, &log)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTwoLoggersOfOneGroupKeepTheirAttributesApart(t *testing.T) {
	var log bytes.Buffer
	ctx := telemetry.WithTrace(t.Context(), traceparent)
	parent := slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo)).WithGroup("g").With("a", 1).With("b", 2)
	one, two := parent.With("c", "one"), parent.With("c", "two")
	one.InfoContext(ctx, "m")
	two.InfoContext(ctx, "m")
	var got []any
	for _, e := range entries(t, &log) {
		got = append(got, e["g"].(map[string]any)["c"])
	}
	if diff := cmp.Diff([]any{"one", "two"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEntryHasNoTraceWithoutAProjectOrATrace(t *testing.T) {
	tests := map[string]struct{ project, traceparent string }{
		"no project":            {"", traceparent},
		"no traceparent":        {project, ""},
		"the invalid version":   {project, "ff" + traceparent[2:]},
		"too few parts":         {project, traceparent[:52]},
		"a short trace id":      {project, "00-0af7-b7ad6b7169203331-01"},
		"a trace id of zeros":   {project, "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"},
		"a span id of zeros":    {project, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"},
		"upper-case digits":     {project, strings.ToUpper(traceparent)},
		"something after it":    {project, traceparent + "-x"},
		"flags that are no hex": {project, traceparent[:53] + "zz"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			logger := slog.New(gcp.NewLogHandler(&log, tt.project, slog.LevelInfo))
			logger.InfoContext(telemetry.WithTrace(t.Context(), tt.traceparent), "done")
			want := []map[string]any{{"severity": "INFO", "message": "done"}}
			if diff := cmp.Diff(want, entries(t, &log)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUnsampledTraceSaysSo(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo))
	logger.InfoContext(telemetry.WithTrace(t.Context(), traceparent[:53]+"00"), "done")
	if got := entries(t, &log)[0]["logging.googleapis.com/trace_sampled"]; got != false {
		t.Errorf("trace_sampled %v, want false", got)
	}
}

func TestRecoverAnswers500AndLogsOneEntryWithItsStack(t *testing.T) {
	var log bytes.Buffer
	h := gcp.RecoverPanics(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(errors.New("value of ada@example.com"))
	}), slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo)))
	w := httptest.NewRecorder()
	ctx := telemetry.WithTrace(t.Context(), traceparent)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/page?q=ada@example.com", nil)
	h.ServeHTTP(w, r)

	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
	if strings.Contains(log.String()+w.Body.String(), "ada@") {
		t.Errorf("the panic's value leaks: %s%s", log.String(), w.Body)
	}
	logged := entries(t, &log)
	if len(logged) != 1 {
		t.Fatalf("logged %d entries, want 1", len(logged))
	}
	stack, _ := logged[0]["stack_trace"].(string)
	delete(logged[0], "stack_trace")
	if !strings.HasPrefix(stack, "panic: value of type *errors.errorString\n\ngoroutine ") || !strings.Contains(stack, "log_test.go") {
		t.Errorf("stack %q", stack)
	}
	want := []map[string]any{{
		"severity": "ERROR", "message": "panic: value of type *errors.errorString", "path": "/page",
		"logging.googleapis.com/trace":         "projects/example/traces/0af7651916cd43dd8448eb211c80319c",
		"logging.googleapis.com/spanId":        "b7ad6b7169203331",
		"logging.googleapis.com/trace_sampled": true,
	}}
	if diff := cmp.Diff(want, logged); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestRecoverCutsAnAnswerThatHadBegun(t *testing.T) {
	var log bytes.Buffer
	server := httptest.NewServer(gcp.RecoverPanics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half of")) // the panic is what is tested
		panic("no more")
	}), slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo))))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close() // its only error is the one just read
	}
	if err == nil {
		t.Error("the half answer looks whole")
	}
	server.Close() // waits for the handler, which writes the log
	if got := len(entries(t, &log)); got != 1 {
		t.Errorf("%d log entries, want 1", got)
	}
}

func TestRecoverLetsAnAbortPass(t *testing.T) {
	var log bytes.Buffer
	h := gcp.RecoverPanics(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		slog.New(gcp.NewLogHandler(&log, project, slog.LevelInfo)))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
			t.Errorf("recovered %v, want http.ErrAbortHandler", p)
		}
		if log.Len() != 0 {
			t.Errorf("logged %s, want nothing", log.String())
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
}

func TestLabelsStandAtTheTopOfAnEntry(t *testing.T) {
	var b bytes.Buffer
	logger := slog.New(gcp.NewLogHandler(&b, "p", slog.LevelInfo)).With(gcp.LogLabels("commit", "abc")).WithGroup("inner")
	logger.InfoContext(t.Context(), "hello", "k", "v")
	var entry map[string]any
	if err := json.Unmarshal(b.Bytes(), &entry); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"commit": "abc"}
	if diff := cmp.Diff(want, entry["logging.googleapis.com/labels"]); diff != "" {
		t.Error(diff)
	}
}
