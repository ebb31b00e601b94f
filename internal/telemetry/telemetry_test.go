package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// recorded is a Telemetry whose spans and metrics stay here.
func recorded(t *testing.T) (*Telemetry, *tracetest.InMemoryExporter, *sdkmetric.ManualReader) {
	t.Helper()
	spans, stats := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tel, err := record(Config{Commit: "abc", Project: "p", Logger: slog.New(slog.DiscardHandler)}, spans, stats)
	if err != nil {
		t.Fatal(err)
	}
	return tel, spans, stats
}

func serve(t *testing.T, h http.Handler, traceparent string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/planted?planted=1", strings.NewReader("planted"))
	r.Header.Set("Traceparent", traceparent)
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// TestOneTraceLeadsFromTheWebhookThroughTheTopicToTheCRM plays both functions:
// what the first publishes carries its span, what the second calls its own.
func TestOneTraceLeadsFromTheWebhookThroughTheTopicToTheCRM(t *testing.T) {
	tel, spans, stats := recorded(t)
	var atCRM string
	crm := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { atCRM = r.Header.Get("Traceparent") }))
	defer crm.Close()
	client := &http.Client{Transport: tel.Transport("zoho", http.DefaultTransport)}

	var published string
	serve(t, tel.Handler("HubSpotWebhook", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		published = Traceparent(r.Context())
	})), parent)
	serve(t, tel.Handler("ZohoConsumer", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := Message(r.Context(), published)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, crm.URL+"/planted?email=planted@example.com", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := client.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		end(errors.New("planted"))
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})), "00-11111111111111111111111111111111-2222222222222222-01")

	byName := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		byName[s.Name] = s
	}
	webhook, message, call := byName["HubSpotWebhook"], byName["process message"], byName["zoho GET"]
	for name, s := range map[string]tracetest.SpanStub{"webhook": webhook, "message": message, "call": call} {
		if got := s.SpanContext.TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("the span of the %s is of trace %s", name, got)
		}
	}
	parents := []trace.SpanID{webhook.Parent.SpanID(), message.Parent.SpanID(), call.Parent.SpanID()}
	want := []trace.SpanID{{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, webhook.SpanContext.SpanID(), message.SpanContext.SpanID()}
	if diff := cmp.Diff(want, parents); diff != "" {
		t.Errorf("parents (-want +got):\n%s", diff)
	}
	if len(message.Links) != 1 || message.Links[0].SpanContext.SpanID() != byName["ZohoConsumer"].SpanContext.SpanID() {
		t.Errorf("the message is not joined to the request that pushed it: %v", message.Links)
	}
	if want := "00-0af7651916cd43dd8448eb211c80319c-" + call.SpanContext.SpanID().String() + "-01"; atCRM != want {
		t.Errorf("the CRM was told %q, want %q", atCRM, want)
	}
	var told bytes.Buffer
	for _, s := range spans.GetSpans() {
		slog.New(slog.NewTextHandler(&told, nil)).Info(s.Name, "attributes", s.Attributes, "status", s.Status, "events", s.Events)
	}
	if strings.Contains(told.String(), "planted") {
		t.Errorf("a path, a query or an error's text is recorded: %s", &told)
	}
	checkStats(t, stats, map[string]int{"connector.request.duration": 2, "connector.call.duration": 1})
}

// checkStats counts the series of each histogram.
func checkStats(t *testing.T, reader *sdkmetric.ManualReader, want map[string]int) {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, s := range data.ScopeMetrics {
		for _, m := range s.Metrics {
			got[m.Name] = len(m.Data.(metricdata.Histogram[float64]).DataPoints)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestWithoutTelemetryTheTraceIsPassedOnAllTheSame(t *testing.T) {
	var off *Telemetry
	var atCRM string
	crm := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { atCRM = r.Header.Get("Traceparent") }))
	defer crm.Close()
	serve(t, off.Handler("F", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, end := Message(r.Context(), Traceparent(r.Context()))
		defer end(nil)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, crm.URL, http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := (&http.Client{Transport: off.Transport("zoho", http.DefaultTransport)}).Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
	})), parent)
	if atCRM != parent {
		t.Errorf("the CRM was told %q, want %q", atCRM, parent)
	}
	off.Flush(t.Context())
}

// collector is a collector of OTLP that counts exports.
type collector struct {
	coltrace.UnimplementedTraceServiceServer
	spans atomic.Int64
}

func (c *collector) Export(_ context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	for _, of := range r.GetResourceSpans() {
		for _, s := range of.GetScopeSpans() {
			c.spans.Add(int64(len(s.GetSpans())))
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

type stats struct {
	colmetrics.UnimplementedMetricsServiceServer
	exports atomic.Int64
}

func (f *stats) Export(context.Context, *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	f.exports.Add(1)
	return &colmetrics.ExportMetricsServiceResponse{}, nil
}

func TestWhatWasRecordedIsExportedBeforeTheAnswer(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, spans, metrics := grpc.NewServer(), &collector{}, &stats{}
	coltrace.RegisterTraceServiceServer(server, spans)
	colmetrics.RegisterMetricsServiceServer(server, metrics)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	var log bytes.Buffer
	tel, err := New(t.Context(), Config{Endpoint: "http://" + listener.Addr().String(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, tel.Handler("F", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), parent)
	if spans.spans.Load() != 1 || metrics.exports.Load() != 1 {
		t.Errorf("%d spans and %d exports of metrics when the request ended: %s", spans.spans.Load(), metrics.exports.Load(), &log)
	}
}

// broken is an exporter whose collector is away.
type broken struct{ asked atomic.Int64 }

func (b *broken) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	b.asked.Add(1)
	return errors.New("away")
}

func (b *broken) Shutdown(context.Context) error { return nil }

func TestACollectorThatIsAwayIsLoggedOnceAndLeftAloneForAWhile(t *testing.T) {
	var log bytes.Buffer
	exporter := &broken{}
	tel, err := record(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, exporter, sdkmetric.NewManualReader())
	if err != nil {
		t.Fatal(err)
	}
	answered := 0
	h := tel.Handler("F", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered++ }))
	for range 3 {
		serve(t, h, parent)
	}
	if answered != 3 || exporter.asked.Load() != 1 || strings.Count(log.String(), "telemetry not exported") != 1 {
		t.Errorf("%d requests served, %d exports tried, log: %s", answered, exporter.asked.Load(), &log)
	}
}

func TestAnEndpointThatIsNoURLIsRefused(t *testing.T) {
	for _, endpoint := range []string{"collector:4317", "ftp://collector", "https://", "\x7f"} {
		if _, err := New(t.Context(), Config{Endpoint: endpoint}); err == nil || !strings.Contains(err.Error(), "is not an absolute http or https URL") {
			t.Errorf("%q: got %v", endpoint, err)
		}
	}
}
