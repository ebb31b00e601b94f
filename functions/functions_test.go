package functions

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logTo returns a logger that writes to the buffer, for one goroutine.
func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

// ask sends a request without a body to a function.
func ask(t *testing.T, d http.Handler, method string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", http.NoBody))
	return w
}

func TestAFunctionThatIsNotSetUpSaysSoAndRecovers(t *testing.T) {
	for _, name := range []string{"HubSpotWebhook", "ZohoWebhook"} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			e := environment{}
			d := Handlers(e.get, logTo(&log))[name]
			for range 2 {
				w := ask(t, d, http.MethodGet)
				if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/json" {
					t.Errorf("status %d, header %v", w.Code, w.Header())
				}
				if diff := cmp.Diff(`{"error":"`+name+` is not set up: see its log"}`+"\n", w.Body.String()); diff != "" {
					t.Error(diff)
				}
			}
			if got := strings.Count(log.String(), "GOOGLE_CLOUD_PROJECT is missing: set it to"); got != 2 {
				t.Errorf("the log tells %d times of 2 what is missing:\n%s", got, &log)
			}
			for variable, value := range complete() {
				e[variable] = value
			}
			if w := ask(t, d, http.MethodGet); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("set up: status %d: %s", w.Code, w.Body)
			}
			if w := ask(t, d, http.MethodPost); w.Code < 400 || w.Code >= 500 {
				t.Errorf("a POST from nobody: status %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestEveryFunctionIsSetUpFromACompleteEnvironmentAndNoOther(t *testing.T) {
	for _, e := range entryPoints {
		t.Run(e.name, func(t *testing.T) {
			var log bytes.Buffer
			if _, err := e.build(t.Context(), &deps{getenv: environment{}.get, logger: logTo(&log)}); err == nil || !strings.Contains(err.Error(), "is missing: set it to") {
				t.Errorf("without an environment: got %v", err)
			}
			handler, err := e.build(t.Context(), &deps{getenv: complete().get, logger: logTo(&log)})
			if err != nil || handler == nil {
				t.Errorf("handler %v, error %v", handler, err)
			}
		})
	}
}

// An empty list of secrets must not let anybody in.
func TestAWebhookWithoutASecretIsNotSetUp(t *testing.T) {
	for name, variable := range map[string]string{"HubSpotWebhook": "HUBSPOT_CLIENT_SECRET", "ZohoWebhook": "ZOHO_WEBHOOK_TOKEN"} {
		for _, empty := range []string{"", " ", ",", " , ,"} {
			var log bytes.Buffer
			d := Handlers(complete().with(variable, empty).get, logTo(&log))[name]
			if w := ask(t, d, http.MethodPost); w.Code != http.StatusInternalServerError {
				t.Errorf("%s with %s %q: status %d: %s", name, variable, empty, w.Code, w.Body)
			}
		}
	}
}

func TestNoValueIsReportedWhenASetUpFails(t *testing.T) {
	tests := []struct{ function, variable, value string }{
		{"HubSpotWebhook", "HUBSPOT_WEBHOOK_URL", "planted-no-url"},
		{"HubSpotWebhook", "HUBSPOT_WEBHOOK_URL", "https://planted-user:planted-word@example.com"},
		{"HubSpotWebhook", "HUBSPOT_CLIENT_SECRET", ","},
		{"ZohoWebhook", "ZOHO_WEBHOOK_TOKEN", ","},
		{"ZohoConsumer", "HUBSPOT_API_URL", "planted-no-url"},
		{"ZohoConsumer", "MAPPING_YAML", "planted-key: [planted-value"},
		{"ZohoConsumer", "HASH_KEY", "planted-"},
		{"HubSpotConsumer", "HUBSPOT_APP_ID", "planted-id"},
		{"GetZohoToken", "ZOHO_ACCOUNTS_URL", "planted-no-url"},
		{"RefreshZohoToken", "ZOHO_REFRESH_TOKEN", ""},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		d := Handlers(complete().with(tt.variable, tt.value).get, logTo(&log))[tt.function]
		w := ask(t, d, http.MethodPost)
		if w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "function is not set up") {
			t.Errorf("%s with %s %q: status %d, log %s", tt.function, tt.variable, tt.value, w.Code, &log)
		}
		if told := log.String() + w.Body.String(); strings.Contains(told, "planted-") {
			t.Errorf("%s tells a value: %s", tt.function, told)
		}
	}
}

func TestASetUpIsTriedAgainAfterItFailedAndDoneOnce(t *testing.T) {
	var log bytes.Buffer
	built := 0
	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	d := &lazy{name: "F", deps: &deps{logger: logTo(&log)}, build: func(context.Context, *deps) (http.Handler, error) {
		if built++; built < 3 {
			return nil, errors.New("not yet")
		}
		return done, nil
	}}
	var got []int
	for range 5 {
		got = append(got, ask(t, d, http.MethodPost).Code)
	}
	if diff := cmp.Diff([]int{500, 500, 204, 204, 204}, got); diff != "" || built != 3 {
		t.Errorf("built %d times: %s", built, diff)
	}
}

func TestManyFirstRequestsSetUpOnce(t *testing.T) {
	var built, served atomic.Int64
	d := &lazy{name: "F", deps: &deps{logger: slog.New(slog.DiscardHandler)}, build: func(context.Context, *deps) (http.Handler, error) {
		built.Add(1)
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }), nil
	}}
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			<-gate
			d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody))
		})
	}
	close(gate)
	wg.Wait()
	if built.Load() != 1 || served.Load() != 16 {
		t.Errorf("built %d times, served %d requests", built.Load(), served.Load())
	}
}

func TestWhatIsSetUpOutlivesTheRequestThatDidIt(t *testing.T) {
	var kept context.Context
	d := &lazy{name: "F", deps: &deps{logger: slog.New(slog.DiscardHandler)}, build: func(ctx context.Context, _ *deps) (http.Handler, error) {
		kept = ctx
		return http.NotFoundHandler(), nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody))
	cancel()
	if err := kept.Err(); err != nil {
		t.Errorf("the context of the set-up ended with its request: %v", err)
	}
}

func TestEveryEntryPointHasAHandler(t *testing.T) {
	var log bytes.Buffer
	handlers := Handlers(environment{}.get, logTo(&log))
	for _, name := range EntryPoints() {
		if handlers[name] == nil {
			t.Errorf("%s has none", name)
		}
	}
	if len(handlers) != len(EntryPoints()) {
		t.Errorf("%d handlers of %d entry points", len(handlers), len(EntryPoints()))
	}
}
