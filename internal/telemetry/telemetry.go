package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/oauth"
)

const (
	// scope names the spans and metrics of this module.
	scope = "github.com/hubspot-zoho/connector"
	// google is the endpoint that wants the credentials of the function.
	google      = "telemetry.googleapis.com"
	googleScope = "https://www.googleapis.com/auth/cloud-platform"

	// flushTime is what an answer may wait for the export. HubSpot hangs up
	// after 5 s, of which publishing has 4.
	flushTime = 500 * time.Millisecond
	// quietTime is how long nothing is exported after an export failed.
	quietTime = 30 * time.Second
)

// Config says where to and as whom.
type Config struct {
	// Endpoint is a URL: https, or http for a collector on the same machine.
	Endpoint string
	Project  string
	Commit   string
	Instance string // tells the processes apart
	Logger   *slog.Logger
}

// Telemetry records. A nil one records nothing.
type Telemetry struct {
	tracers  *sdktrace.TracerProvider
	meters   *sdkmetric.MeterProvider
	requests metric.Float64Histogram
	calls    metric.Float64Histogram
	logger   *slog.Logger

	inFlight   atomic.Int64
	quietUntil atomic.Int64 // Unix nanoseconds
}

// New connects on the first export, so that an error is one of configuration.
func New(ctx context.Context, c Config) (*Telemetry, error) {
	options, err := dial(ctx, c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	host := options.host
	spans, err1 := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(host), otlptracegrpc.WithDialOption(options.dial...), options.traceSecurity())
	stats, err2 := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(host), otlpmetricgrpc.WithDialOption(options.dial...), options.metricSecurity())
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return record(c, spans, sdkmetric.NewPeriodicReader(stats))
}

// record builds the providers on whatever takes what was recorded.
func record(c Config, spans sdktrace.SpanExporter, stats sdkmetric.Reader) (*Telemetry, error) {
	about := resource.NewSchemaless(
		attribute.String("service.name", "hubspot-zoho-connector"),
		attribute.String("service.version", c.Commit),
		attribute.String("service.instance.id", c.Instance),
		attribute.String("gcp.project_id", c.Project),
	)
	t := &Telemetry{
		logger: c.Logger,
		// Cloud Run has decided which requests are traced.
		tracers: sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(spans),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample()))),
		meters: sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(stats)),
	}
	meter := t.meters.Meter(scope)
	var err1, err2 error
	t.requests, err1 = meter.Float64Histogram("connector.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time of a request to a function"))
	t.calls, err2 = meter.Float64Histogram("connector.call.duration", metric.WithUnit("s"),
		metric.WithDescription("Time of a call to a CRM or another service"))
	return t, errors.Join(err1, err2)
}

// dialing is how the endpoint is reached.
type dialing struct {
	host   string
	plain  bool
	dial   []grpc.DialOption
	secure credentials.TransportCredentials
}

func dial(ctx context.Context, endpoint string) (dialing, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return dialing{}, errors.New("the endpoint is not an absolute http or https URL")
	}
	d := dialing{host: u.Host, plain: u.Scheme == "http", secure: insecure.NewCredentials()}
	if d.plain {
		return d, nil
	}
	d.secure = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	if u.Port() == "" {
		d.host += ":443"
	}
	if u.Hostname() != google && !strings.HasSuffix(u.Hostname(), "."+google) {
		return d, nil
	}
	// The tokens are renewed long after the request that made this.
	caller, err := oauth.NewApplicationDefault(context.WithoutCancel(ctx), googleScope)
	if err != nil {
		return dialing{}, err
	}
	d.dial = append(d.dial, grpc.WithPerRPCCredentials(caller))
	return d, nil
}

func (d dialing) traceSecurity() otlptracegrpc.Option {
	if d.plain {
		return otlptracegrpc.WithInsecure()
	}
	return otlptracegrpc.WithTLSCredentials(d.secure)
}

func (d dialing) metricSecurity() otlpmetricgrpc.Option {
	if d.plain {
		return otlpmetricgrpc.WithInsecure()
	}
	return otlpmetricgrpc.WithTLSCredentials(d.secure)
}

// Flush exports what was recorded, unless an export failed a moment ago.
func (t *Telemetry) Flush(ctx context.Context) {
	if t == nil || time.Now().UnixNano() < t.quietUntil.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if err := errors.Join(t.tracers.ForceFlush(ctx), t.meters.ForceFlush(ctx)); err != nil {
		t.quietUntil.Store(time.Now().Add(quietTime).UnixNano())
		t.logger.WarnContext(ctx, "telemetry not exported", "error", err.Error())
	}
}

// tracer returns the one that made the span of ctx, or one that does nothing.
func tracer(ctx context.Context) trace.Tracer {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
}
