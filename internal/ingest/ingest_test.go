package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// now is what the clock of every test says.
var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

type fixedClock struct{}

func (fixedClock) Now() time.Time { return now }

// topic is a publisher with behaviour: it stores the operations of a call, or
// the first few of them and then fails, as a topic may.
type topic struct {
	mu     sync.Mutex
	calls  int
	stored []op.Operation
	broken error
	before int // operations stored by a call that fails
	hangs  bool
}

func (p *topic) Publish(ctx context.Context, ops []op.Operation) error {
	if p.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.broken != nil {
		p.stored = append(p.stored, ops[:min(p.before, len(ops))]...)
		return p.broken
	}
	p.stored = append(p.stored, ops...)
	return nil
}

// safeBuffer is a buffer for many writers.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// street is a handler that is served over HTTP, and what lies on both its sides.
type street struct {
	*testing.T
	handler http.Handler
	topic   *topic
	log     *safeBuffer
	server  *httptest.Server
}

// entrance makes one of the two handler, and a good delivery to it with one
// change of the contact 1.
type entrance struct {
	open func(testing.TB, Config) http.Handler
	post func() delivered
}

var entrances = map[string]entrance{
	"HubSpot": {newHubSpotTestHandler, func() delivered { return signed(events(creation(1))) }},
	"Zoho":    {newZohoTestHandler, func() delivered { return asJSON(notification("insert", "1")) }},
}

// forBothHandlers runs a test at each of the handler.
func forBothHandlers(t *testing.T, test func(*street, entrance)) {
	for name, e := range entrances {
		t.Run(name, func(t *testing.T) { test(live(t, e.open), e) })
	}
}

// build makes a street without a server.
func build(t *testing.T, open func(testing.TB, Config) http.Handler) *street {
	t.Helper()
	s := &street{T: t, topic: &topic{}, log: &safeBuffer{}}
	var ids atomic.Int64
	s.handler = open(t, Config{
		Publisher: s.topic, Clock: fixedClock{},
		NewID:  func() string { return fmt.Sprint("op-", ids.Add(1)) },
		Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	return s
}

func live(t *testing.T, open func(testing.TB, Config) http.Handler) *street {
	t.Helper()
	s := build(t, open)
	s.server = httptest.NewServer(s.handler)
	t.Cleanup(s.server.Close)
	return s
}

// delivered is a request to a handler.
type delivered struct {
	method string // "" is POST
	query  string
	header http.Header
	body   string
}

func (d delivered) with(name, value string) delivered {
	d.header = d.header.Clone()
	d.header.Set(name, value)
	return d
}

// answered is what a handler said.
type answered struct {
	status int
	header http.Header
	answer
	Error string `json:"error"`
	text  string
}

// deliver sends d. The body's length is told, unless chunked.
func (s *street) deliver(d delivered, chunked bool) answered {
	s.Helper()
	var body io.Reader = strings.NewReader(d.body)
	if chunked {
		body = io.MultiReader(body)
	}
	method := d.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+d.query, body)
	if err != nil {
		s.Fatal(err)
	}
	req.Header = d.header.Clone()
	res, err := s.server.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	a := answered{status: res.StatusCode, header: res.Header, text: string(text)}
	if method != http.MethodHead {
		if err := json.Unmarshal(text, &a); err != nil {
			s.Errorf("the answer is no JSON: %v: %s", err, text)
		}
	}
	return a
}

// want is what should come of a delivery.
type want struct {
	status int // 0 is 200
	answer answer
	error  string // a part of it
	stored []op.Operation
}

// check delivers d and compares. Operations are compared without their ids,
// which have to be new ones.
func (s *street) check(d delivered, w want) {
	s.Helper()
	if w.status == 0 {
		w.status = http.StatusOK
	}
	got := s.deliver(d, false)
	if got.status != w.status {
		s.Fatalf("status %d, want %d: %s", got.status, w.status, got.text)
	}
	if diff := cmp.Diff(w.answer, got.answer); diff != "" {
		s.Error(diff)
	}
	if !strings.Contains(got.Error, w.error) || (w.error == "") != (got.Error == "") {
		s.Errorf("error %q, want %q", got.Error, w.error)
	}
	ids := map[string]bool{}
	for i := range s.topic.stored {
		o := &s.topic.stored[i]
		if err := o.Validate(); err != nil {
			s.Errorf("operation %d: %v", i, err)
		}
		ids[o.ID], o.ID = true, ""
	}
	if len(ids) != len(s.topic.stored) {
		s.Errorf("%d ids of %d operations", len(ids), len(s.topic.stored))
	}
	if diff := cmp.Diff(w.stored, s.topic.stored); diff != "" {
		s.Error(diff)
	}
	if (s.topic.calls > 0) != (len(w.stored) > 0) {
		s.Errorf("%d calls of the publisher for %d operations", s.topic.calls, len(w.stored))
	}
}

// operation is one that was received now.
func operation(ref crm.Ref, change op.Change, occurred time.Time, events int) op.Operation {
	return op.Operation{Version: op.Version, Ref: ref, Change: change, OccurredAt: occurred, ReceivedAt: now, Events: events}
}

func TestOnlyPOSTIsServed(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			d := e.post()
			d.method = method
			got := s.deliver(d, false)
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" {
				s.Errorf("%s: status %d, Allow %q", method, got.status, got.header.Get("Allow"))
			}
		}
		if s.topic.calls > 0 {
			s.Error("something was published")
		}
	})
}

func TestAnAnswerIsJSONThatNoBrowserGuessesAt(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		for _, d := range []delivered{e.post(), {body: "{"}} {
			got := s.deliver(d, false)
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Content-Type-Options") != "nosniff" {
				s.Errorf("status %d has the header %v", got.status, got.header)
			}
		}
	})
}

func TestACompressedBodyIsRefused(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		for _, encoding := range []string{"gzip", "deflate", "br", "gzip, identity"} {
			if got := s.deliver(e.post().with("Content-Encoding", encoding), false); got.status != http.StatusUnsupportedMediaType {
				s.Errorf("%s: status %d", encoding, got.status)
			}
		}
		if s.topic.calls > 0 {
			s.Error("something was published")
		}
		if got := s.deliver(e.post().with("Content-Encoding", "identity"), false); got.status != http.StatusOK {
			s.Errorf("identity: status %d: %s", got.status, got.text)
		}
	})
}

func TestABodyIsReadUpToItsLimit(t *testing.T) {
	forBothHandlers(t, func(s *street, _ entrance) {
		for _, chunked := range []bool{false, true} {
			over := s.deliver(delivered{body: strings.Repeat(" ", maxBody+1)}, chunked)
			if over.status != http.StatusRequestEntityTooLarge || !strings.Contains(over.Error, "1048576 bytes") {
				s.Errorf("chunked %t: status %d: %s", chunked, over.status, over.text)
			}
			// At the limit it is read, and found to be no delivery.
			if at := s.deliver(delivered{body: strings.Repeat(" ", maxBody)}, chunked); at.status != http.StatusBadRequest && at.status != http.StatusUnauthorized {
				s.Errorf("chunked %t: status %d: %s", chunked, at.status, at.text)
			}
		}
	})
}

func TestABodyThatWasCutOffOnTheWayIsRefused(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		d := e.post()
		var dialer net.Dialer
		conn, err := dialer.DialContext(s.Context(), "tcp", s.server.Listener.Addr().String())
		if err != nil {
			s.Fatal(err)
		}
		defer conn.Close()
		var request strings.Builder
		fmt.Fprintf(&request, "POST / HTTP/1.1\r\nHost: webhook\r\nContent-Length: %d\r\n", len(d.body)+1)
		_ = d.header.Write(&request) // a strings.Builder takes everything
		if _, err := io.WriteString(conn, request.String()+"\r\n"+d.body); err != nil {
			s.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			s.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") || !strings.Contains(string(got), "the body was cut off") {
			s.Errorf("%v: %s", err, got)
		}
		if s.topic.calls > 0 {
			s.Error("something was published")
		}
	})
}

func TestNothingIsAcknowledgedThatWasNotPublished(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		s.topic.broken, s.topic.before = errors.New("the topic is out of reach"), 1
		got := s.deliver(e.post(), false)
		if got.status != http.StatusServiceUnavailable || got.Error != "not accepted: send it again" {
			s.Errorf("status %d: %s", got.status, got.text)
		}
		if strings.Contains(s.log.String(), "accepted\"") || !strings.Contains(s.log.String(), "delivery not published") {
			s.Errorf("the log says\n%s", s.log)
		}
		// The sender comes again, and finds the topic healed.
		s.topic.broken, s.topic.stored = nil, nil
		if got := s.deliver(e.post(), false); got.status != http.StatusOK || len(s.topic.stored) != 1 {
			s.Errorf("sent again: status %d, %d operations", got.status, len(s.topic.stored))
		}
	})
}

// The sender hangs up after 5 s and must have been answered by then.
func TestASlowTopicIsNotWaitedForLongerThanTheSenderWaits(t *testing.T) {
	for name, e := range entrances {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := build(t, e.open)
				s.topic.hangs = true
				d, start := e.post(), time.Now()
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(d.body))
				r.Header = d.header
				s.handler.ServeHTTP(w, r)
				if took := time.Since(start); took < time.Second || took >= 5*time.Second {
					t.Errorf("answered after %s", took)
				}
				if w.Code != http.StatusServiceUnavailable {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			})
		})
	}
}

func TestManyDeliveriesAtOnce(t *testing.T) {
	forBothHandlers(t, func(s *street, e entrance) {
		const n = 16
		var wg sync.WaitGroup
		gate := make(chan struct{})
		statuses := make([]int, n)
		for i := range n {
			wg.Go(func() {
				<-gate
				w := httptest.NewRecorder()
				d := e.post()
				r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, "/", strings.NewReader(d.body))
				r.Header = d.header
				s.handler.ServeHTTP(w, r)
				statuses[i] = w.Code
			})
		}
		close(gate)
		wg.Wait()
		ids := map[string]bool{}
		for _, o := range s.topic.stored {
			ids[o.ID] = true
		}
		if len(ids) != n {
			s.Errorf("%d different operations, want %d: statuses %v", len(ids), n, statuses)
		}
	})
}
