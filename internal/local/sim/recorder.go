package sim

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	defaultCalls = 10_000   // calls that a Recorder keeps
	maxBody      = 64 << 10 // bytes of a body that a Recorder keeps
)

// Call is one request that a simulator answered.
type Call struct {
	Time     time.Time `json:"time"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Query    string    `json:"query,omitempty"`
	Status   int       `json:"status"` // 0 = the connection was closed without an answer
	Duration Duration  `json:"duration"`

	// RequestBody and ResponseBody are kept only when the recorder is configured so,
	// and only up to 64 kB each.
	RequestBody  string `json:"request_body,omitempty"`
	ResponseBody string `json:"response_body,omitempty"`
}

// Recorder keeps the latest calls. Its zero value keeps 10,000 calls without
// bodies; set the fields before the first call.
type Recorder struct {
	Limit  int    // calls to keep; 0 = 10,000
	Bodies bool   // keep bodies too
	Clock  *Clock // nil = wall clock

	mu    sync.Mutex
	calls []*Call // a ring once full
	next  int     // where the ring goes on
}

// Wrap records the calls of h.
func (rec *Recorder) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsControl(r) {
			h.ServeHTTP(w, r)
			return
		}
		call := &Call{Time: rec.now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
		// A client that has the answer finds the call, so it is recorded before that.
		tap := &tap{ResponseWriter: w, keep: rec.Bodies, begin: func(status int) { rec.add(call, status) }}
		var request bytes.Buffer
		if rec.Bodies && r.Body != nil {
			r.Body = teeBody{r.Body, &request}
		}
		start := time.Now()
		// A dropped connection arrives here as a panic, and is recorded too.
		defer func() {
			if tap.status == 0 {
				rec.add(call, 0)
			}
			rec.mu.Lock()
			defer rec.mu.Unlock()
			call.Duration = Duration(time.Since(start))
			call.RequestBody, call.ResponseBody = request.String(), tap.body.String()
		}()
		h.ServeHTTP(tap, r)
		tap.answer(http.StatusOK)
	})
}

// Calls returns the recorded calls in the order in which they were answered.
func (rec *Recorder) Calls() []Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.list()
}

func (rec *Recorder) list() []Call {
	list := make([]Call, 0, len(rec.calls))
	for _, call := range slices.Concat(rec.calls[rec.next:], rec.calls[:rec.next]) {
		list = append(list, *call)
	}
	return list
}

// Take returns the recorded calls and forgets them.
func (rec *Recorder) Take() []Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	list := rec.list()
	rec.calls, rec.next = nil, 0
	return list
}

// Reset forgets all calls.
func (rec *Recorder) Reset() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.calls, rec.next = nil, 0
}

func (rec *Recorder) add(call *Call, status int) {
	limit := rec.Limit
	if limit <= 0 {
		limit = defaultCalls
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	call.Status = status
	if len(rec.calls) < limit {
		rec.calls = append(rec.calls, call)
		return
	}
	rec.calls[rec.next] = call
	rec.next = (rec.next + 1) % limit
}

func (rec *Recorder) now() time.Time {
	if rec.Clock != nil {
		return rec.Clock.Now()
	}
	return time.Now().UTC()
}

// tap tells when an answer begins, and notes its body if wanted.
type tap struct {
	http.ResponseWriter
	status int
	begin  func(status int)
	keep   bool
	body   bytes.Buffer
}

func (t *tap) answer(status int) {
	if t.status == 0 {
		t.status = status
		t.begin(status)
	}
}

func (t *tap) WriteHeader(status int) {
	t.answer(status)
	t.ResponseWriter.WriteHeader(status)
}

func (t *tap) Write(p []byte) (int, error) {
	t.answer(http.StatusOK)
	if t.keep {
		keep(&t.body, p)
	}
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer below.
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

type teeBody struct {
	io.ReadCloser
	into *bytes.Buffer
}

func (b teeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	keep(b.into, p[:n])
	return n, err
}

func keep(into *bytes.Buffer, p []byte) {
	if group := maxBody - into.Len(); group > 0 {
		into.Write(p[:min(len(p), group)])
	}
}
