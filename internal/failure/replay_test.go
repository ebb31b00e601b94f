package failure_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/op"
)

// topic keeps what is published, or refuses it.
type topic struct {
	mu  sync.Mutex
	ops []op.Operation
	err error
}

func (p *topic) Publish(_ context.Context, ops []op.Operation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.ops = append(p.ops, ops...)
	return nil
}

// replayer returns a replayer of the scenario with one topic for each system.
func (h *scenario) replayer() (r failure.Replayer, hubspot, zoho *topic) {
	hubspot, zoho = &topic{}, &topic{}
	n := 0
	return failure.Replayer{
		Failures: h.store, Clock: h.clock,
		Topics: map[crm.System]failure.Publisher{crm.HubSpot: hubspot, crm.Zoho: zoho},
		NewID:  func() string { n++; return numbered("new-", n) },
	}, hubspot, zoho
}

// someFailures are four of three records, and a message that names none.
func someFailures(t *testing.T) []failure.Record {
	t.Helper()
	a, b := failed("a", "1"), failed("b", "1")
	b.Cause.Code, b.LastSeen = "NOT_ALLOWED", start.Add(time.Minute)
	c := failed("c", "2")
	c.LastSeen = start.Add(2 * time.Minute)
	dead := failure.NewDeadRecord(failure.Message{ID: "1", Data: encode(t, operation("d", crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: "5"}))}, start)
	return []failure.Record{a, b.WithID(), c, dead, failure.NewDeadRecord(failure.Message{ID: "2"}, start)}
}

func fresh(id, of string, ref crm.Ref) op.Operation {
	return op.Operation{Version: op.Version, ID: id, Ref: ref, Change: op.Requested, OccurredAt: start, ReceivedAt: start, Events: 1, ReplayOf: of}
}

func TestReplayPublishesOneFreshOperationForEachRecord(t *testing.T) {
	h := newScenario(t)
	h.record(t, someFailures(t)...)
	r, hubspot, zoho := h.replayer()
	for range 2 { // it may be asked for twice
		got, err := r.Replay(t.Context(), failure.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(failure.ReplayReport{Matched: 5, Nameless: 1, Published: 3}, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	}
	slices.SortFunc(hubspot.ops, func(a, b op.Operation) int { return strings.Compare(a.ReplayOf, b.ReplayOf) })
	for i := range hubspot.ops {
		hubspot.ops[i].ID = ""
		hubspot.ops[i].Version = op.Version
	}
	want := []op.Operation{
		fresh("", "b", hubspotContact("1")), fresh("", "b", hubspotContact("1")),
		fresh("", "c", hubspotContact("2")), fresh("", "c", hubspotContact("2")),
	}
	if diff := cmp.Diff(want, hubspot.ops); diff != "" {
		t.Errorf("to Zoho (-want +got):\n%s", diff)
	}
	if len(zoho.ops) != 2 || zoho.ops[0].ID == zoho.ops[1].ID || zoho.ops[0].ReplayOf != "d" || zoho.ops[0].Validate() != nil {
		t.Errorf("to HubSpot: %+v, want two operations with ids of their own", zoho.ops)
	}
}

func TestReplayChoosesByIDCauseAndTime(t *testing.T) {
	h := newScenario(t)
	all := someFailures(t)
	h.record(t, all...)
	for name, tt := range map[string]struct {
		filter failure.Filter
		want   []string
	}{
		"by id":      {failure.Filter{IDs: []string{all[3].ID}}, []string{"d"}},
		"by cause":   {failure.Filter{Cause: all[0].Cause.ID()}, []string{"a", "c"}},
		"since":      {failure.Filter{Since: start.Add(time.Minute)}, []string{"b", "c"}},
		"until":      {failure.Filter{Until: start.Add(time.Minute)}, []string{"a", "d"}},
		"by nothing": {failure.Filter{IDs: []string{"nobody"}}, nil},
	} {
		r, hubspot, zoho := h.replayer()
		if _, err := r.Replay(t.Context(), tt.filter); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range slices.Concat(hubspot.ops, zoho.ops) {
			got = append(got, o.ReplayOf)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReplayGoesOnWhenATopicFails(t *testing.T) {
	errTopic := errors.New("down")
	for name, tt := range map[string]struct {
		err  error
		want failure.ReplayReport
	}{
		"as a whole": {errTopic, failure.ReplayReport{Matched: 5, Nameless: 1, Published: 1, Failed: 2}},
		"for one":    {&gcp.PublishError{Total: 2, Failed: []error{errTopic}}, failure.ReplayReport{Matched: 5, Nameless: 1, Published: 2, Failed: 1}},
	} {
		h := newScenario(t)
		h.record(t, someFailures(t)...)
		r, hubspot, _ := h.replayer()
		hubspot.err = tt.err
		got, err := r.Replay(t.Context(), failure.Filter{})
		if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, errTopic) {
			t.Errorf("%s: %v, report (-want +got):\n%s", name, err, diff)
		}
	}
	h := newScenario(t)
	h.record(t, someFailures(t)...)
	r, _, _ := h.replayer()
	delete(r.Topics, crm.Zoho)
	if got, err := r.Replay(t.Context(), failure.Filter{}); err == nil || got.Failed != 1 || got.Published != 2 {
		t.Errorf("without a topic: %+v, %v", got, err)
	}
}

func TestALargeReplayIsPublishedInParts(t *testing.T) {
	h := newScenario(t)
	l := &listed{}
	for i := range 450 {
		l.records = append(l.records, failed(numbered("operation-", i), numbered("", i)))
	}
	r, hubspot, _ := h.replayer()
	r.Failures = l
	got, err := r.Replay(t.Context(), failure.Filter{})
	if err != nil || got.Published != 450 || len(hubspot.ops) != 450 {
		t.Errorf("%+v, %v, %d on the topic, want 450", got, err, len(hubspot.ops))
	}
}

type listed struct{ records []failure.Record }

func (l *listed) ListFailures(context.Context, failure.Filter, int) ([]failure.Record, error) {
	return l.records, nil
}
