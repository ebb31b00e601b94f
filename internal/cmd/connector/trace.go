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
// stands before the functions' handlers and reads their log. The demo page draws
// its traces.
type tracer struct {
	mu       sync.Mutex
	webhooks []functionCall    // of the webhooks
	traces   []*operationTrace // the oldest first
}

// keptTraces is how many operations, and how many webhooks, are remembered.
const keptTraces = 200

// functionCall is one request to a function.
type functionCall struct {
	Function   string
	Start, End time.Time
	Status     int // 0 while it runs
}

// operationTrace is the observed course of one operation.
type operationTrace struct {
	op       op.Operation
	attempts []*functionCall
	outcome  string
	reason   string
}

func (t *tracer) wrapHandler(name string, h http.Handler) http.Handler {
	switch name {
	case "HubSpotWebhook", "ZohoWebhook":
		return t.watchWebhook(name, h)
	case "ZohoConsumer", "HubSpotConsumer":
		return t.watchConsumer(name, h)
	}
	return h
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (n *statusRecorder) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

func (n *statusRecorder) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func (t *tracer) watchWebhook(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, n := functionCall{Function: name, Start: time.Now()}, &statusRecorder{w, http.StatusOK}
		h.ServeHTTP(n, r)
		v.End, v.Status = time.Now(), n.status
		t.mu.Lock()
		defer t.mu.Unlock()
		t.webhooks = append(t.webhooks, v)
		t.webhooks = t.webhooks[max(0, len(t.webhooks)-keptTraces):]
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
		v, n := &functionCall{Function: name, Start: time.Now()}, &statusRecorder{w, http.StatusOK}
		if m, err := gcp.DecodePush(bytes.NewReader(body), int64(len(body))); err == nil {
			if o, err := op.Decode(m.Data); err == nil {
				t.recordAttempt(o, v)
			}
		}
		h.ServeHTTP(n, r)
		t.mu.Lock()
		defer t.mu.Unlock()
		v.End, v.Status = time.Now(), n.status
	})
}

func (t *tracer) recordAttempt(o op.Operation, v *functionCall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.findTrace(o.ID)
	if p == nil {
		p = &operationTrace{op: o}
		t.traces = append(t.traces, p)
		t.traces = t.traces[max(0, len(t.traces)-keptTraces):]
	}
	p.attempts = append(p.attempts, v)
}

// findTrace looks for an operation; the caller holds the lock.
func (t *tracer) findTrace(id string) *operationTrace {
	i := slices.IndexFunc(t.traces, func(p *operationTrace) bool { return p.op.ID == id })
	if i < 0 {
		return nil
	}
	return t.traces[i]
}

// newLogHandler returns a handler that passes every entry on and reads how operations
// ended.
func (t *tracer) newLogHandler(inner slog.Handler) slog.Handler { return tracingLogHandler{inner, t} }

type tracingLogHandler struct {
	slog.Handler
	t *tracer
}

func (l tracingLogHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "operation applied" || r.Message == "operation given up" {
		l.t.recordOutcome(r)
	}
	return l.Handler.Handle(ctx, r)
}

// Enabled lets the entries about operations through, whatever is logged.
func (l tracingLogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.Handler.Enabled(ctx, level)
}

func (l tracingLogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracingLogHandler{l.Handler.WithAttrs(attrs), l.t}
}

func (l tracingLogHandler) WithGroup(name string) slog.Handler {
	return tracingLogHandler{l.Handler.WithGroup(name), l.t}
}

func (t *tracer) recordOutcome(r slog.Record) {
	values := map[string]string{}
	r.Attrs(func(a slog.Attr) bool { values[a.Key] = a.Value.String(); return true })
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.findTrace(values["operation_id"])
	if p == nil {
		return
	}
	if p.outcome, p.reason = values["outcome"], values["reason"]; p.outcome == "" {
		p.outcome, p.reason = "given up", values["code"]
	}
}

// traceJSON is an operation as the page draws it.
type traceJSON struct {
	ID       string     `json:"id"`
	Record   string     `json:"record"`
	From     crm.System `json:"from"`
	Change   string     `json:"change"`
	Webhook  string     `json:"webhook"` // "" when no webhook reported it
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

// latestTraces returns the last n operations, the newest first. calls are those that
// the CRMs answered; they are assigned by their time alone, so two operations at the
// same time share them, as they do when they are batched.
func (t *tracer) latestTraces(n int, calls map[crm.System][]sim.Call) []traceJSON {
	t.mu.Lock()
	defer t.mu.Unlock()
	result := []traceJSON{}
	for _, p := range slices.Backward(t.traces[max(0, len(t.traces)-n):]) {
		result = append(result, t.describeTrace(p, calls))
	}
	return result
}

func (t *tracer) describeTrace(p *operationTrace, calls map[crm.System][]sim.Call) traceJSON {
	first, last := p.attempts[0], p.attempts[len(p.attempts)-1]
	d := traceJSON{
		ID: p.op.ID, Record: p.op.Ref.String(), From: p.op.Ref.System, Change: string(p.op.Change),
		Topic: string(p.op.Ref.System.Other()) + "-operations", Consumer: first.Function, Attempts: len(p.attempts),
		Outcome: p.outcome, Reason: p.reason, Calls: []callJSON{},
	}
	begun, published := p.op.ReceivedAt, p.op.ReceivedAt
	for _, h := range slices.Backward(t.webhooks) {
		if !h.Start.After(p.op.ReceivedAt) && !h.End.Before(p.op.ReceivedAt) && webhookOf[h.Function] == p.op.Ref.System {
			d.Webhook, d.HookMS, begun, published = h.Function, millisecondsBetween(h.Start, h.End), h.Start, h.End
			break
		}
	}
	d.TopicMS = max(0, millisecondsBetween(published, first.Start))
	end := last.End
	if end.IsZero() {
		end = time.Now()
	}
	d.WorkMS, d.TotalMS = millisecondsBetween(first.Start, end), millisecondsBetween(begun, end)
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

func millisecondsBetween(from, to time.Time) float64 {
	return float64(to.Sub(from).Microseconds()) / 1000
}
