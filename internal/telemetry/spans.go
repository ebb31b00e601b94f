package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceparent is the header, and the attribute of a message, that W3C Trace
// Context travels in.
const traceparent = "traceparent"

// w3c reads and writes it.
var w3c propagation.TraceContext

// WithTrace returns a context that belongs to the trace that a traceparent
// names. A malformed one is ignored: it comes from outside.
func WithTrace(ctx context.Context, parent string) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{traceparent: parent})
}

// Traceparent returns the traceparent of ctx, or "".
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier[traceparent]
}

// Handler records each request to a function, and exports when no other is in
// flight.
func (t *Telemetry) Handler(function string, next http.Handler) http.Handler {
	if t == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(WithTrace(r.Context(), r.Header.Get(traceparent))))
		})
	}
	name := attribute.String("faas.name", function)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		t.inFlight.Add(1)
		ctx := WithTrace(r.Context(), r.Header.Get(traceparent))
		ctx, span := t.tracers.Tracer(scope).Start(ctx, function, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(name, attribute.String("http.request.method", r.Method)))
		answer := &status{ResponseWriter: w}
		defer func() {
			code := attribute.Int("http.response.status_code", answer.code())
			span.SetAttributes(code)
			if answer.code() >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "")
			}
			span.End()
			t.requests.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(name, code))
			if t.inFlight.Add(-1) == 0 {
				t.Flush(ctx)
			}
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// Message begins a span for a message that carries a traceparent, as a child of
// the request that published it, and joins it to the request that pushed it.
// end takes the outcome.
func Message(ctx context.Context, parent string) (_ context.Context, end func(error)) {
	pushed := trace.SpanContextFromContext(ctx)
	made := tracer(ctx)
	ctx = WithTrace(ctx, parent)
	ctx, span := made.Start(ctx, "process message", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.Link{SpanContext: pushed}))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "") // an error's text belongs in the log
		}
		span.End()
	}
}

// Transport records each call to a service and sends the trace along.
func (t *Telemetry) Transport(service string, base http.RoundTripper) http.RoundTripper {
	return &transport{t: t, service: service, base: base}
}

type transport struct {
	t       *Telemetry
	service string
	base    http.RoundTripper
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	service := attribute.String("peer.service", t.service)
	ctx, span := tracer(r.Context()).Start(r.Context(), t.service+" "+r.Method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(service, attribute.String("server.address", r.URL.Hostname()), attribute.String("http.request.method", r.Method)))
	defer span.End()
	r = r.Clone(ctx)
	if parent := Traceparent(ctx); parent != "" {
		r.Header.Set(traceparent, parent)
	}
	res, err := t.base.RoundTrip(r)
	code := 0 // no answer
	if err == nil {
		code = res.StatusCode
	}
	span.SetAttributes(attribute.Int("http.response.status_code", code))
	if err != nil || code >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "")
	}
	if t.t != nil {
		t.t.calls.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(service, attribute.Int("http.response.status_code", code)))
	}
	return res, err
}

// status notes what was answered.
type status struct {
	http.ResponseWriter
	written int
}

func (s *status) code() int {
	if s.written == 0 {
		return http.StatusOK
	}
	return s.written
}

func (s *status) WriteHeader(code int) {
	if s.written == 0 && code >= http.StatusOK {
		s.written = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
