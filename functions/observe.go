package functions

import (
	"context"
	"net/http"
	"sync"

	"github.com/hubspot-zoho/connector/internal/telemetry"
	"github.com/hubspot-zoho/connector/internal/version"
)

// everyFunction are the variables that every function reads, beside its own.
var everyFunction = []string{"OTEL_EXPORTER_OTLP_ENDPOINT"}

// observer makes the telemetry on the first request. It is off without an
// endpoint, and whenever it cannot be had: no function needs it.
type observer struct {
	mu        sync.Mutex
	made      bool
	telemetry *telemetry.Telemetry
}

func (d *deps) startTelemetry(ctx context.Context) *telemetry.Telemetry {
	o := &d.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.made {
		return o.telemetry
	}
	o.made = true
	var c telemetryConfig
	err := d.readConfig(ctx, &c)
	if err == nil && c.Endpoint != "" {
		o.telemetry, err = telemetry.New(context.WithoutCancel(ctx), telemetry.Config{
			Endpoint: c.Endpoint, Project: d.getenv("GOOGLE_CLOUD_PROJECT"),
			Commit: version.Commit(), Instance: newID(), Logger: d.logger,
		})
	}
	if err != nil {
		d.logger.WarnContext(ctx, "telemetry is off", "error", err.Error())
	}
	return o.telemetry
}

// recordRequests records the requests to a function.
func (d *deps) recordRequests(function string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.startTelemetry(r.Context()).Handler(function, next).ServeHTTP(w, r)
	})
}
