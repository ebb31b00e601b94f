package hubspotsim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

const (
	maxEvents  = 100   // in one webhook request
	maxBatches = 1_000 // batches that can be sent again
)

// outbox gathers events for a moment, then hands them to the deliverer in
// batches.
type outbox struct {
	s             *Server
	subscriptions map[Subscription]int64

	mu      sync.Mutex
	pending []event
	timer   *time.Timer
	closed  bool
	sent    [][]event
}

func newOutbox(s *Server) *outbox {
	o := &outbox{s: s, subscriptions: map[Subscription]int64{}}
	for i, sub := range s.cfg.Subscriptions {
		o.subscriptions[sub] = firstSubscription + int64(i)
	}
	return o
}

func (o *outbox) add(e event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.pending = append(o.pending, e)
	if len(o.pending) == 1 {
		o.timer = time.AfterFunc(o.s.cfg.DeliveryDelay, o.flush)
	}
}

// flush sends what is pending. It clears the list only after the deliverer has
// it, so that idle never says yes in between.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	for events := range slices.Chunk(o.pending, maxEvents) {
		o.send(slices.Clone(events), stampOptions{})
	}
	o.pending = nil
}

// send remembers and sends one batch; the caller holds the lock.
func (o *outbox) send(events []event, opts stampOptions) {
	if len(o.sent) == maxBatches {
		o.sent = o.sent[1:]
	}
	o.sent = append(o.sent, events)
	o.deliver(events, opts)
}

func (o *outbox) deliver(events []event, opts stampOptions) {
	if len(events) == 0 || o.s.webhookURL() == "" {
		return
	}
	o.s.Events.Send(sim.Job{
		What: fmt.Sprintf("%d x %s", len(events), events[0].SubscriptionType),
		Build: func(attempt int) (*http.Request, error) {
			batch := slices.Clone(events)
			for i := range batch {
				batch[i].AttemptNumber = attempt
			}
			body, err := json.Marshal(batch)
			if err != nil {
				return nil, err
			}
			return o.s.sign(body, opts)
		},
	})
}

// redeliver sends the last n batches again and returns how many there were.
func (o *outbox) redeliver(n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n = max(0, min(n, len(o.sent)))
	for _, events := range o.sent[len(o.sent)-n:] {
		o.deliver(events, stampOptions{})
	}
	return n
}

func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending) == 0
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.timer != nil {
		o.timer.Stop()
	}
}

// stampOptions make a signature bad on demand.
type stampOptions struct {
	skew     time.Duration // added to the signature's time
	wrong    bool          // signed with another secret
	unsigned bool
}

// sign makes the request of one attempt, with the headers of v1 and v3.
func (s *Server) sign(body []byte, opts stampOptions) (*http.Request, error) {
	target := s.webhookURL()
	// The deliverer gives each attempt its own context.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "HubSpot Connect 2.0 (http://dev.hubspot.com/) - WebHooks")
	if opts.unsigned {
		return req, nil
	}
	secret := s.cfg.ClientSecret
	if opts.wrong {
		secret += "-not"
	}
	at := strconv.FormatInt(s.cfg.SignNow().Add(opts.skew).UnixMilli(), 10)
	req.Header.Set("X-HubSpot-Signature", signV1(secret, body))
	req.Header.Set("X-HubSpot-Signature-Version", "v1")
	req.Header.Set("X-HubSpot-Signature-v3", signV3(secret, http.MethodPost, target, body, at))
	req.Header.Set("X-HubSpot-Request-Timestamp", at)
	return req, nil
}

func signV1(secret string, body []byte) string {
	sum := sha256.Sum256(append([]byte(secret), body...))
	return hex.EncodeToString(sum[:])
}

// unescaped are the escapes that are decoded before a URL is signed.
var unescaped = strings.NewReplacer("%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";")

func signV3(secret, method, uri string, body []byte, timestamp string) string {
	uri, _, _ = strings.Cut(uri, "#")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + unescaped.Replace(uri)))
	mac.Write(body)
	mac.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
