package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/op"
)

// tracer watches the operations of a local run on their way, from outside: it
// stands before the functions' doors and reads their log. The demo page draws
// what it saw.
type tracer struct {
	mu    sync.Mutex
	hooks []visit // of the webhooks
	paths []*path // the oldest first
}

// keptPaths is how many operations, and how many webhooks, are remembered.
const keptPaths = 200

// visit is one request to a function.
type visit struct {
	Function   string
	Start, End time.Time
	Status     int // 0 while it runs
}

// path is what was seen of one operation.
type path struct {
	op       op.Operation
	attempts []*visit
	outcome  string
	reason   string
}

func (t *tracer) wrap(name string, h http.Handler) http.Handler {
	switch name {
	case "HubSpotWebhook", "ZohoWebhook":
		return t.watchWebhook(name, h)
	case "ZohoConsumer", "HubSpotConsumer":
		return t.watchConsumer(name, h)
	}
	return h
}

// noted remembers the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func (t *tracer) watchWebhook(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, n := visit{Function: name, Start: time.Now()}, &noted{w, http.StatusOK}
		h.ServeHTTP(n, r)
		v.End, v.Status = time.Now(), n.status
		t.mu.Lock()
		defer t.mu.Unlock()
		t.hooks = append(t.hooks, v)
		t.hooks = t.hooks[max(0, len(t.hooks)-keptPaths):]
	})
}

func (t *tracer) watchConsumer(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		v, n := &visit{Function: name, Start: time.Now()}, &noted{w, http.StatusOK}
		if m, err := gcp.DecodePush(bytes.NewReader(body), int64(len(body))); err == nil {
			if o, err := op.Decode(m.Data); err == nil {
				t.begin(o, v)
			}
		}
		h.ServeHTTP(n, r)
		t.mu.Lock()
		defer t.mu.Unlock()
		v.End, v.Status = time.Now(), n.status
	})
}

func (t *tracer) begin(o op.Operation, v *visit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(o.ID)
	if p == nil {
		p = &path{op: o}
		t.paths = append(t.paths, p)
		t.paths = t.paths[max(0, len(t.paths)-keptPaths):]
	}
	p.attempts = append(p.attempts, v)
}

// find looks for an operation; the caller holds the lock.
func (t *tracer) find(id string) *path {
	i := slices.IndexFunc(t.paths, func(p *path) bool { return p.op.ID == id })
	if i < 0 {
		return nil
	}
	return t.paths[i]
}

// listen returns a handler that passes every entry on and reads how operations
// ended.
func (t *tracer) listen(inner slog.Handler) slog.Handler { return listener{inner, t} }

type listener struct {
	slog.Handler
	t *tracer
}

func (l listener) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "operation applied" || r.Message == "operation given up" {
		l.t.ended(r)
	}
	return l.Handler.Handle(ctx, r)
}

// Enabled lets the entries through that tell of operations, whatever is logged.
func (l listener) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.Handler.Enabled(ctx, level)
}

func (l listener) WithAttrs(attrs []slog.Attr) slog.Handler {
	return listener{l.Handler.WithAttrs(attrs), l.t}
}

func (l listener) WithGroup(name string) slog.Handler {
	return listener{l.Handler.WithGroup(name), l.t}
}

func (t *tracer) ended(r slog.Record) {
	values := map[string]string{}
	r.Attrs(func(a slog.Attr) bool { values[a.Key] = a.Value.String(); return true })
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(values["operation_id"])
	if p == nil {
		return
	}
	if p.outcome, p.reason = values["outcome"], values["reason"]; p.outcome == "" {
		p.outcome, p.reason = "given up", values["code"]
	}
}

// pathJSON is an operation as the page draws it.
type pathJSON struct {
	ID       string     `json:"id"`
	Record   string     `json:"record"`
	From     crm.System `json:"from"`
	Change   string     `json:"change"`
	Webhook  string     `json:"webhook"` // "" when no webhook told of it
	HookMS   float64    `json:"hook_ms"`
	Topic    string     `json:"topic"`
	TopicMS  float64    `json:"topic_ms"`
	Consumer string     `json:"consumer"`
	WorkMS   float64    `json:"work_ms"`
	Attempts int        `json:"attempts"`
	Calls    []callJSON `json:"calls"`
	Outcome  string     `json:"outcome"` // "" while it is under way
	Reason   string     `json:"reason"`
	TotalMS  float64    `json:"total_ms"`
}

// callJSON is a call to a CRM while the consumer worked.
type callJSON struct {
	CRM    crm.System `json:"crm"`
	What   string     `json:"what"`
	Status int        `json:"status"`
	MS     float64    `json:"ms"`
}

// latest returns the last n operations, the newest first. calls are those that
// the CRMs answered; they are told by the time alone, so two operations at the
// same time share them, as they do when they are batched.
func (t *tracer) latest(n int, calls map[crm.System][]sim.Call) []pathJSON {
	t.mu.Lock()
	defer t.mu.Unlock()
	result := []pathJSON{}
	for _, p := range slices.Backward(t.paths[max(0, len(t.paths)-n):]) {
		result = append(result, t.draw(p, calls))
	}
	return result
}

func (t *tracer) draw(p *path, calls map[crm.System][]sim.Call) pathJSON {
	first, last := p.attempts[0], p.attempts[len(p.attempts)-1]
	d := pathJSON{
		ID: p.op.ID, Record: p.op.Ref.String(), From: p.op.Ref.System, Change: string(p.op.Change),
		Topic: string(p.op.Ref.System.Other()) + "-operations", Consumer: first.Function, Attempts: len(p.attempts),
		Outcome: p.outcome, Reason: p.reason, Calls: []callJSON{},
	}
	begun, published := p.op.ReceivedAt, p.op.ReceivedAt
	for _, h := range slices.Backward(t.hooks) {
		if !h.Start.After(p.op.ReceivedAt) && !h.End.Before(p.op.ReceivedAt) && webhookOf[h.Function] == p.op.Ref.System {
			d.Webhook, d.HookMS, begun, published = h.Function, ms(h.Start, h.End), h.Start, h.End
			break
		}
	}
	d.TopicMS = max(0, ms(published, first.Start))
	end := last.End
	if end.IsZero() {
		end = time.Now()
	}
	d.WorkMS, d.TotalMS = ms(first.Start, end), ms(begun, end)
	for _, s := range crm.Systems {
		for _, c := range calls[s] {
			if !c.Time.Before(first.Start) && c.Time.Before(end) {
				d.Calls = append(d.Calls, callJSON{s, c.Method + " " + strings.TrimPrefix(c.Path, "/crm"), c.Status, float64(time.Duration(c.Duration).Microseconds()) / 1000})
			}
		}
	}
	return d
}

var webhookOf = map[string]crm.System{"HubSpotWebhook": crm.HubSpot, "ZohoWebhook": crm.Zoho}

func ms(from, to time.Time) float64 { return float64(to.Sub(from).Microseconds()) / 1000 }
