package sim

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is one thing that goes wrong. The first fault that matches a request,
// and whose rate says yes, is played; the others are not.
type Fault struct {
	Method string `json:"method,omitempty"` // "" matches every method
	Path   string `json:"path,omitempty"`   // path prefix; "" matches every path

	// Status, Body and Header are the answer. With Status 0 (and no Drop) the
	// request gets its real answer, only later by Latency.
	Status int               `json:"status,omitempty"`
	Body   string            `json:"body,omitempty"`
	Header map[string]string `json:"header,omitempty"`

	// Latency passes before the answer: before the real handler runs, or, with
	// After, between its commit and the answer.
	Latency Duration `json:"latency,omitempty"`
	// After runs the real handler first, so that the write has happened
	// although the client gets another answer.
	After bool `json:"after,omitempty"`
	// Drop closes the connection without an answer, by a panic with
	// http.ErrAbortHandler that the HTTP server understands.
	Drop bool `json:"drop,omitempty"`

	Count int     `json:"count,omitempty"` // how many requests; 0 = for ever
	Rate  float64 `json:"rate,omitempty"`  // chance for each request; 0 = always
}

func (f Fault) matches(r *http.Request) bool {
	return (f.Method == "" || strings.EqualFold(f.Method, r.Method)) &&
		strings.HasPrefix(r.URL.Path, f.Path)
}

// Faults is a list of faults that is played in front of a handler.
type Faults struct {
	mu    sync.Mutex
	rng   *rand.Rand
	rules []Fault // Count counts down; spent rules are removed
}

// NewFaults returns an empty list whose rates are drawn from seed.
func NewFaults(seed uint64) *Faults {
	return &Faults{rng: rand.New(rand.NewPCG(seed, 0xfa17))}
}

// Add appends a fault.
func (f *Faults) Add(fault Fault) {
	fault.Header = maps.Clone(fault.Header)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, fault)
}

// Clear removes all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// pick returns the fault for a request and counts it.
func (f *Faults) pick(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, rule := range f.rules {
		if !rule.matches(r) || rule.Rate > 0 && f.rng.Float64() >= rule.Rate {
			continue
		}
		switch rule.Count {
		case 0:
		case 1:
			f.rules = append(f.rules[:i:i], f.rules[i+1:]...)
		default:
			f.rules[i].Count--
		}
		return rule, true
	}
	return Fault{}, false
}

// Wrap puts the faults in front of h.
func (f *Faults) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsControl(r) {
			h.ServeHTTP(w, r)
			return
		}
		fault, ok := f.pick(r)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		play(fault, w, r, h)
	})
}

// play answers one request with a fault.
func play(fault Fault, w http.ResponseWriter, r *http.Request, h http.Handler) {
	var held *buffer
	if fault.After {
		held = newBuffer()
		// The write happens whatever the client does meanwhile.
		h.ServeHTTP(held, r.WithContext(context.WithoutCancel(r.Context())))
	}
	if err := sleep(r.Context(), time.Duration(fault.Latency)); err != nil {
		panic(http.ErrAbortHandler) // the client has gone: nothing to answer
	}
	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		answer(w, fault)
	case held != nil:
		held.copyTo(w)
	default:
		h.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, fault Fault) {
	kind := "text/html"
	if strings.HasPrefix(fault.Body, "{") || strings.HasPrefix(fault.Body, "[") {
		kind = "application/json;charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	for k, v := range fault.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(fault.Status)
	_, _ = io.WriteString(w, fault.Body) // the client may have gone
}

// sleep waits for d, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
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

// buffer holds back a real answer.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newBuffer() *buffer { return &buffer{header: http.Header{}, status: http.StatusOK} }

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *buffer) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), b.header)
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes()) // the client may have gone
}
