package zohosim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// keptMessages is how many sent messages can be sent again.
const keptMessages = 1_000

// maxWorkflowBody is the longest raw body of a workflow webhook.
const maxWorkflowBody = 500

// hooks is what leaves the server by itself.
type hooks struct {
	workflow *WorkflowWebhook

	mu   sync.Mutex
	sent []message // the latest, oldest first
}

// message is one notification or workflow webhook.
type message struct {
	what   string
	url    string
	header [2]string
	body   []byte
}

func (h *hooks) setUp(w *WorkflowWebhook) error {
	if w == nil {
		return nil
	}
	if u, err := url.Parse(w.URL); err != nil || u.Host == "" {
		return errors.New("the workflow webhook needs an absolute URL")
	}
	if len(w.Body) > maxWorkflowBody {
		return fmt.Errorf("the body of the workflow webhook is longer than %d characters", maxWorkflowBody)
	}
	if strings.EqualFold(w.Header, "Host") {
		return errors.New("the workflow webhook must not set the header Host")
	}
	h.workflow = w
	return nil
}

// job makes a message ready for the Deliverer.
func (s *Server) job(m message) sim.Job {
	return sim.Job{What: m.what, After: s.cfg.DeliveryDelay, Build: func(int) (*http.Request, error) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, m.url, bytes.NewReader(m.body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json;charset=UTF-8")
		if m.header[0] != "" {
			r.Header.Set(m.header[0], m.header[1])
		}
		return r, nil
	}}
}

// send gives messages to the Deliverer. The caller must not hold the server's lock.
func (s *Server) send(out []message) {
	for _, m := range out {
		s.deliverer.Send(s.job(m))
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.sent = append(s.hooks.sent, out...)
	if extra := len(s.hooks.sent) - keptMessages; extra > 0 {
		s.hooks.sent = slices.Clone(s.hooks.sent[extra:])
	}
}

// resend sends the last n messages once more.
func (s *Server) resend(n int) int {
	s.hooks.mu.Lock()
	last := slices.Clone(s.hooks.sent[max(0, len(s.hooks.sent)-n):])
	s.hooks.mu.Unlock()
	for _, m := range last {
		s.deliverer.Send(s.job(m))
	}
	return len(last)
}

// outbox makes the messages that events call for, one per event and channel.
// The caller holds the lock.
func (s *Server) outbox(events []event) []message {
	var out []message
	for _, e := range events {
		out = append(out, s.notices([]event{e})...)
		if m, due := s.workflowCall(e); due {
			out = append(out, m)
		}
	}
	return out
}

// notices makes one message per channel for events that are alike in module
// and operation.
func (s *Server) notices(events []event) []message {
	if len(events) == 0 {
		return nil
	}
	now := s.clock.Now()
	var out []message
	for _, id := range slices.Sorted(maps.Keys(s.channels)) {
		ch := s.channels[id]
		if !now.Before(ch.expiry) {
			continue // an expired channel falls silent
		}
		var announced []event
		for _, e := range events {
			if s.tells(ch, e) {
				announced = append(announced, e)
			}
		}
		if len(announced) > 0 {
			out = append(out, s.notice(ch, announced))
		}
	}
	return out
}

func (s *Server) tells(ch *channel, e event) bool {
	if !ch.wants(e.mod.api, e.op) || e.quiet && s.cfg.SilentTrigger || e.related && !ch.related {
		return false
	}
	if cond := ch.conditions[e.mod.api]; cond != nil && e.op == "edit" {
		return cond.picks(e.affected)
	}
	return true
}

// callbackNames are the operations as callbacks name them.
var callbackNames = map[string]string{"create": "insert", "edit": "update", "delete": "delete"}

// notice is the callback that tells a channel of events.
func (s *Server) notice(ch *channel, events []event) message {
	first := events[0]
	params := object{}
	if u, err := url.Parse(ch.url); err == nil {
		for name, values := range u.Query() {
			params[name] = values[0]
		}
	}
	ids := make([]string, len(events))
	affected, values := []object{}, []object{}
	for i, e := range events {
		ids[i] = e.row.id
		if e.op != "edit" || len(e.affected) == 0 {
			continue
		}
		affected = append(affected, object{e.row.id: e.affected})
		shown := object{}
		for _, name := range e.affected {
			shown[name], _ = s.column(e.mod, e.row, e.version, name)
		}
		values = append(values, object{"record_id": e.row.id, "values": shown})
	}
	body := object{
		"server_time": s.clock.Now().UnixMilli(), "query_params": params, "module": first.mod.api,
		"resource_uri": resourceURI(first.mod.api), "ids": ids, "affected_fields": affected,
		"operation": callbackNames[first.op], "channel_id": ch.id, "token": ch.token,
	}
	if ch.values && first.op == "edit" {
		body["affected_values"] = values
	}
	what := fmt.Sprintf("%d %s.%s", len(ids), first.mod.api, callbackNames[first.op])
	return message{what: what, url: ch.url, body: encode(body)}
}

func encode(body object) []byte {
	out, err := json.Marshal(body)
	if err != nil {
		return []byte("{}") // cannot happen: only texts, numbers and lists of them
	}
	return out
}

// workflowCall is the call of the workflow rule, unless "trigger":[] kept it
// still. Rules here run on create and edit.
func (s *Server) workflowCall(e event) (message, bool) {
	w := s.hooks.workflow
	if w == nil || e.quiet || e.related || e.op == "delete" || w.Module != "" && w.Module != e.mod.api {
		return message{}, false
	}
	operation := map[string]string{"create": "create", "edit": "update"}[e.op]
	body := encode(object{"module": e.mod.api, "id": e.row.id, "operation": operation})
	if w.Body != "" {
		body = []byte(s.fill(w.Body, e))
	}
	return message{what: "workflow " + e.mod.api + "." + e.op, url: w.URL, header: [2]string{w.Header, w.Secret}, body: body}, true
}

// fill replaces merge fields such as ${!Contacts.Id} or ${!Contacts.Email}.
func (s *Server) fill(body string, e event) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(body, "${!")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("${!" + rest)
			return out.String()
		}
		mod, field, _ := strings.Cut(name, ".")
		if mod == e.mod.api {
			out.WriteString(s.mergeField(e, field))
		}
		body = after
	}
}

// mergeField is a field's text, fit for the inside of a JSON text.
func (s *Server) mergeField(e event, name string) string {
	if strings.EqualFold(name, "id") {
		return e.row.id
	}
	value, _ := s.column(e.mod, e.row, e.version, name)
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		quoted := encode(object{"v": v})
		return string(quoted[len(`{"v":"`) : len(quoted)-len(`"}`)])
	case object:
		text, _ := v["name"].(string)
		return text
	}
	return fmt.Sprint(value)
}
