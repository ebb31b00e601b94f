package hubspotsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

const maxRequest = 20 << 20 // bytes of a request body

// Server is a simulated HubSpot account. It is safe for concurrent use.
type Server struct {
	cfg     Config
	handler http.Handler

	Faults   *sim.Faults
	Recorder *sim.Recorder
	Events   *sim.Deliverer // the webhooks on their way

	out    *outbox
	target atomic.Pointer[string] // the targetUrl

	mu     sync.Mutex // guards all below
	rng    *rand.Rand
	kinds  [2]*kind
	links  links
	tokens map[string]time.Time // access tokens by OAuth and when they expire
	quota  quota
	owners []owner
}

// New returns a running simulator. Close it.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:      cfg,
		Faults:   sim.NewFaults(cfg.Seed),
		Recorder: &sim.Recorder{Clock: cfg.Clock, Bodies: cfg.Bodies},
		Events: sim.NewDeliverer(sim.DelivererConfig{
			InFlight: 10, Timeout: 5 * time.Second, Retries: 10,
			RetryBase: cfg.RetryBase, RetryMax: 4 * time.Hour, Seed: cfg.Seed, Clock: cfg.Clock,
		}),
		rng:    rand.New(rand.NewPCG(cfg.Seed, 0x4b5)),
		links:  links{},
		tokens: map[string]time.Time{},
		owners: defaultOwners(),
	}
	s.kinds = [2]*kind{newContacts(), newCompanies()}
	s.out = newOutbox(s)
	s.SetWebhookURL(cfg.WebhookURL)
	control := http.NewServeMux()
	s.mountControl(control)
	api := s.Recorder.Wrap(s.Faults.Wrap(http.HandlerFunc(s.serveAPI)))
	// The API's paths stay out of the mux, which would clean and redirect them.
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sim.IsControl(r) {
			control.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
	return s
}

// SetWebhookURL changes the targetUrl; "" = no deliveries. Events that wait
// for a retry go to the new one.
func (s *Server) SetWebhookURL(url string) { s.target.Store(&url) }

func (s *Server) webhookURL() string { return *s.target.Load() }

// ServeHTTP answers the API, and the control API under /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops the deliveries, also those in flight.
func (s *Server) Close() {
	s.out.close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.Events.Close(ctx) // a receiver that hangs longer than that is left behind
}

// Idle tells whether every event has been delivered or given up.
func (s *Server) Idle() bool { return s.out.idle() && s.Events.Idle() }

// Wait sends what gathers and returns when every event has been delivered or
// given up.
func (s *Server) Wait(ctx context.Context) error {
	s.out.flush()
	return s.Events.Wait(ctx)
}

// kind finds an object type by its plural name or its type id.
func (s *Server) kind(name string) (*kind, *apiError) {
	for _, k := range s.kinds {
		if name == k.plural || name == k.typeID {
			return k, nil
		}
	}
	return nil, invalid("Unable to infer object type from: %s", name)
}

// request is one authenticated API call.
type request struct {
	*http.Request
	path    []string // unescaped segments below the mount
	version string   // "v3", "v4" or a date
	body    []byte
	oauth   bool // came with a token that expires
}

// reply is an answer that is no error.
type reply struct {
	status int
	body   any // nil = none
	header map[string]string
}

func ok(body any) (*reply, error) { return &reply{status: http.StatusOK, body: body}, nil }

// decode reads the JSON body. Numbers stay as they are written, and unknown
// fields are tolerated as HubSpot does.
func (r *request) decode(v any) error {
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return invalid("Invalid input JSON on line 1, column 1: %s", err)
	}
	return nil
}

// names splits a repeatable query parameter that may also hold commas.
func (r *request) names(param string) []string {
	var out []string
	for _, v := range r.URL.Query()[param] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// serveAPI checks the token first and stops there when it is wrong.
func (s *Server) serveAPI(w http.ResponseWriter, hr *http.Request) {
	id := s.correlationID()
	w.Header().Set("X-HubSpot-Correlation-Id", id)
	segments, err := splitPath(hr.URL.EscapedPath())
	if err != nil {
		s.write(w, id, nil, fail(http.StatusBadRequest, validation, "malformed path"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, maxRequest))
	if err != nil {
		s.write(w, id, nil, invalid("the request body could not be read"))
		return
	}
	if err := pause(hr.Context(), s.cfg.Latency); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	r := &request{Request: hr, body: body}
	out, err := s.handle(w.Header(), r, segments)
	s.write(w, id, out, err)
}

// handle runs one call under the lock.
func (s *Server) handle(header http.Header, r *request, segments []string) (*reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(segments) > 0 && segments[0] == "oauth" {
		return s.serveOAuth(r, segments[1:])
	}
	if err := s.authenticate(r); err != nil {
		return nil, err
	}
	route, err := r.route(segments)
	if err != nil {
		return nil, err
	}
	if err := s.spend(header, r, route); err != nil {
		return nil, err
	}
	if (r.Method == http.MethodPost || r.Method == http.MethodPatch) && len(r.body) > 0 &&
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, fail(http.StatusUnsupportedMediaType, "", "Unsupported media type")
	}
	return s.dispatch(r, route)
}

// write sends an answer or an error.
func (s *Server) write(w http.ResponseWriter, id string, out *reply, err error) {
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = fail(http.StatusInternalServerError, "", "internal error")
		}
		e.CorrelationID = id
		out = &reply{status: e.status, body: e}
	}
	for k, v := range out.header {
		w.Header().Set(k, v)
	}
	if out.body == nil {
		w.WriteHeader(out.status)
		return
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out.body); err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(out.status)
	_, _ = w.Write(buf.Bytes()) // the client may have gone
}

func (s *Server) correlationID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.rng.Uint64(), s.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
}

// splitPath unescapes each segment by itself, because an id may hold a slash.
func splitPath(escaped string) ([]string, error) {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i, p := range parts {
		v, err := url.PathUnescape(p)
		if err != nil {
			return nil, err
		}
		parts[i] = v
	}
	return parts, nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
