package gcp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
)

// RecoverPanics answers 500 when next panics and logs the panic with its stack as one
// error entry, which Error Reporting understands; the functions framework would
// spread it over many entries without a severity. When the answer had begun,
// the connection is cut so that half an answer is not taken for a whole one.
func RecoverPanics(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &beginning{ResponseWriter: w}
		defer answerPanic(tracked, r, logger)
		next.ServeHTTP(tracked, r)
	})
}

// answerPanic must itself be deferred: recover works nowhere else.
func answerPanic(w *beginning, r *http.Request, logger *slog.Logger) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // not a fault: the way to cut a connection
	}
	logger.ErrorContext(r.Context(), "panic: "+describePanic(p), "path", r.URL.Path, logStack, formatStack(p))
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	http.Error(w, "internal error", http.StatusInternalServerError)
}

// describePanic describes a panic without the values that it may hold: the runtime's
// own errors name types and sizes only; anything else is described by its type.
func describePanic(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("value of type %T", p)
}

// formatStack returns the stack in the form that Error Reporting parses: the
// message first, then the goroutine. It must be called while recovering.
func formatStack(p any) string {
	return "panic: " + describePanic(p) + "\n\n" + string(debug.Stack())
}

// beginning notes whether an answer has begun.
type beginning struct {
	http.ResponseWriter
	begun bool
}

func (b *beginning) WriteHeader(status int) {
	b.begun = b.begun || status >= http.StatusOK
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.begun = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }
