package sim

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	defaultInFlight = 10
	defaultTimeout  = 5 * time.Second
	defaultBase     = time.Minute
	defaultChaos    = 50 * time.Millisecond
	maxDeliveries   = 10_000 // attempts that a Deliverer keeps
)

// Job is one message to deliver.
type Job struct {
	What string // shown in the deliveries, such as "2 contact.propertyChange"
	// Build makes the request of an attempt, the first of which is 0. It is
	// called anew for each, so that each carries a fresh signature. The
	// Deliverer replaces the request's context with one that has a time limit.
	Build func(attempt int) (*http.Request, error)
	After time.Duration // wait before the first attempt
}

// Delivery is one attempt to deliver a message, or the note that chaos lost it.
type Delivery struct {
	Time      time.Time `json:"time"`
	Message   uint64    `json:"message"` // counts from 1; a duplicate has its original's number
	What      string    `json:"what"`
	Attempt   int       `json:"attempt"`
	Status    int       `json:"status"` // 0 = no answer
	Error     string    `json:"error,omitempty"`
	Duplicate bool      `json:"duplicate,omitempty"`
	Lost      bool      `json:"lost,omitempty"`
	Final     bool      `json:"final,omitempty"` // no attempt follows
}

// Chaos is what may happen to messages on their way. Rates lie between 0 and 1.
type Chaos struct {
	Duplicate float64  `json:"duplicate,omitempty"` // sent twice
	Lose      float64  `json:"lose,omitempty"`      // never sent
	Reorder   float64  `json:"reorder,omitempty"`   // held back for a random part of Delay
	Delay     Duration `json:"delay,omitempty"`     // 0 = 50ms
}

// DelivererConfig says how a Deliverer works. The zero value is useful.
type DelivererConfig struct {
	Client    *http.Client  // nil = an own client that follows no redirects
	InFlight  int           // requests under way at once; 0 = 10
	Timeout   time.Duration // of one attempt; 0 = 5 s
	Retries   int           // attempts after the first; 0 = none
	RetryBase time.Duration // delay before the first retry, doubled for each; 0 = 1 min
	RetryMax  time.Duration // longest delay; 0 = no limit
	Seed      uint64
	Clock     *Clock // stamps the deliveries; nil = wall clock
}

// Deliverer sends messages in the background and retries what is not answered
// with 2xx. It promises no order.
type Deliverer struct {
	cfg    DelivererConfig
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	slots  chan struct{}

	mu       sync.Mutex
	chaos    Chaos
	closed   bool
	messages uint64
	pending  int
	idle     chan struct{} // closed while nothing is pending
	log      []Delivery
}

// NewDeliverer returns a Deliverer without chaos. Close it.
func NewDeliverer(cfg DelivererConfig) *Deliverer {
	if cfg.Client == nil {
		cfg.Client = &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		}
	}
	if cfg.InFlight <= 0 {
		cfg.InFlight = defaultInFlight
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.RetryBase <= 0 {
		cfg.RetryBase = defaultBase
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Deliverer{cfg: cfg, ctx: ctx, cancel: cancel,
		slots: make(chan struct{}, cfg.InFlight), idle: make(chan struct{})}
	close(d.idle)
	return d
}

// SetChaos replaces the chaos for messages that are sent from now on.
func (d *Deliverer) SetChaos(c Chaos) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chaos = c
}

// Send delivers a message in the background. After Close it does nothing.
func (d *Deliverer) Send(job Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.messages++
	id := d.messages
	// Each message has its own chance, whatever the order of the goroutines.
	rng := rand.New(rand.NewPCG(d.cfg.Seed, id))
	lose, twice, late := rng.Float64() < d.chaos.Lose, rng.Float64() < d.chaos.Duplicate, rng.Float64() < d.chaos.Reorder
	if lose {
		d.note(Delivery{Message: id, What: job.What, Lost: true, Final: true})
		return
	}
	if late {
		job.After += d.chaos.extra(rng)
	}
	d.start(id, job, false, rng.Uint64())
	if twice {
		job.After += d.chaos.extra(rng)
		d.start(id, job, true, rng.Uint64())
	}
}

// extra draws a delay.
func (c Chaos) extra(rng *rand.Rand) time.Duration {
	longest := time.Duration(c.Delay)
	if longest <= 0 {
		longest = defaultChaos
	}
	return time.Duration(rng.Int64N(int64(longest))) + 1
}

// start runs one message; the caller holds the lock.
func (d *Deliverer) start(id uint64, job Job, duplicate bool, seed uint64) {
	if d.pending == 0 {
		d.idle = make(chan struct{})
	}
	d.pending++
	go func() {
		defer d.done()
		d.run(id, job, duplicate, rand.New(rand.NewPCG(seed, id)))
	}()
}

func (d *Deliverer) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	if d.pending == 0 {
		close(d.idle)
	}
}

// run makes the attempts of one message.
func (d *Deliverer) run(id uint64, job Job, duplicate bool, rng *rand.Rand) {
	wait := job.After
	for attempt := 0; ; attempt++ {
		if sleep(d.ctx, wait) != nil {
			return
		}
		status, err := d.attempt(job, attempt)
		if err != nil && d.ctx.Err() != nil {
			return
		}
		good := err == nil && status/100 == 2
		entry := Delivery{Message: id, What: job.What, Attempt: attempt, Status: status,
			Duplicate: duplicate, Final: good || attempt >= d.cfg.Retries}
		if err != nil {
			entry.Error = err.Error()
		}
		d.mu.Lock()
		d.note(entry)
		d.mu.Unlock()
		if entry.Final {
			return
		}
		wait = d.backoff(attempt, rng)
	}
}

// backoff doubles with each attempt and adds up to a half.
func (d *Deliverer) backoff(attempt int, rng *rand.Rand) time.Duration {
	wait := d.cfg.RetryBase << min(attempt, 20)
	if d.cfg.RetryMax > 0 {
		wait = min(wait, d.cfg.RetryMax)
	}
	return wait + time.Duration(rng.Int64N(int64(wait)/2+1))
}

// attempt sends one request when a slot is free.
func (d *Deliverer) attempt(job Job, attempt int) (status int, err error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	req, err := job.Build(attempt)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.Timeout)
	defer cancel()
	resp, err := d.cfg.Client.Do(req.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	_, readErr := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, errors.Join(readErr, resp.Body.Close())
}

// note keeps an attempt; the caller holds the lock.
func (d *Deliverer) note(entry Delivery) {
	entry.Time = time.Now().UTC()
	if d.cfg.Clock != nil {
		entry.Time = d.cfg.Clock.Now()
	}
	if len(d.log) >= 2*maxDeliveries {
		d.log = slices.Clone(d.log[maxDeliveries:])
	}
	d.log = append(d.log, entry)
}

// Deliveries returns the latest attempts, at least the last 10,000, oldest
// first.
func (d *Deliverer) Deliveries() []Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Reset forgets the recorded attempts.
func (d *Deliverer) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = nil
}

// Idle tells whether nothing waits and nothing is in flight. A message between
// two attempts waits.
func (d *Deliverer) Idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending == 0
}

// Wait returns when nothing waits and nothing is in flight.
func (d *Deliverer) Wait(ctx context.Context) error {
	d.mu.Lock()
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops all deliveries, also those in flight, and waits for them to end.
func (d *Deliverer) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	err := d.Wait(ctx)
	d.cfg.Client.CloseIdleConnections()
	return err
}
