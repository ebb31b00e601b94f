// Package functions registers every entry point of the connector with the functions
// framework, reads the environment and connects the packages that do the work. It
// holds no logic of its own.
//
// A function is set up on its first request, not at the start, so that a cold
// start stays short; a set-up that failed is tried again on the next request.
package functions

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/version"
)

// build sets one function up.
type build func(ctx context.Context, h *deps) (http.Handler, error)

// entryPoints are the functions by the name under which they are deployed.
var entryPoints = []struct {
	name  string
	build build
}{
	{"HubSpotWebhook", hubspotWebhook},
	{"ZohoWebhook", zohoWebhook},
	{"ZohoConsumer", consumerHandler},
	{"HubSpotConsumer", consumerHandler},
	{"GetZohoToken", getZohoToken},
	{"RefreshZohoToken", refreshZohoToken},
	{"RenewZohoChannels", renewZohoChannels},
	{"Reconcile", reconcileChanges},
	{"DeadLetter", deadLetter},
	{"SendFailureDigest", sendFailureDigest},
	{"Console", operatorConsole},
}

func init() {
	logger := slog.New(gcp.NewLogHandler(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"), slog.LevelInfo)).
		With(gcp.LogLabels("commit", version.Commit()))
	drain := &gcp.Drain{Logger: logger}
	for name, handler := range Handlers(os.Getenv, logger) {
		functions.HTTP(name, drain.Handler(handler).ServeHTTP)
	}
}

// EntryPoints lists the functions in the order in which work passes them.
func EntryPoints() []string {
	names := make([]string, len(entryPoints))
	for i, e := range entryPoints {
		names[i] = e.name
	}
	return names
}

// Handlers returns every function by its entry point, configured from getenv.
// The handlers of one call share their connections; those of two calls nothing.
func Handlers(getenv func(string) string, logger *slog.Logger) map[string]http.Handler {
	d := &deps{getenv: getenv, logger: logger}
	handlers := make(map[string]http.Handler, len(entryPoints))
	for _, e := range entryPoints {
		handlers[e.name] = d.recordRequests(e.name, gcp.RecoverPanics(&lazy{name: e.name, build: e.build, deps: d}, logger))
	}
	return handlers
}

// lazy sets its function up on the first request.
type lazy struct {
	name  string
	build build
	deps  *deps

	mu         sync.Mutex
	ready      http.Handler
	generation int64 // of the secrets that it was set up with
}

func (l *lazy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	handler, err := l.buildHandler(ctx)
	if err != nil {
		l.deps.logger.ErrorContext(ctx, logschema.NotSetUp, logschema.Function, l.name, "error", err.Error())
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": l.name + " is not set up: see its log"})
		return
	}
	handler.ServeHTTP(answered{w, &l.deps.rotation.refused}, r)
	l.deps.rereadSecrets(ctx)
}

func (l *lazy) buildHandler(ctx context.Context) (http.Handler, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	generation := l.deps.rotation.generation.Load()
	if l.ready == nil || l.generation != generation {
		// What is made now outlives the request that made it.
		handler, err := l.build(context.WithoutCancel(ctx), l.deps)
		if err != nil {
			return nil, err
		}
		l.ready, l.generation = handler, generation
		l.deps.logger.InfoContext(ctx, "function is set up", logschema.Function, l.name)
	}
	return l.ready, nil
}
