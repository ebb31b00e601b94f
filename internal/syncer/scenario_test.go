package syncer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
)

// scenario is a syncer over models.
type scenario struct {
	t            *testing.T
	clock        *modelClock
	hubspot      *modelCRM
	zoho         *modelCRM
	links        *modelLinks
	failures     *modelFailures
	suppressions modelSuppressions
	queue        []op.Operation // published by the syncer
	syncer       *Syncer
	ids          int
	atOnce       int // how often calls were made at once
}

// Publish implements Publisher.
func (w *scenario) Publish(_ context.Context, ops []op.Operation) error {
	w.queue = append(w.queue, ops...)
	return nil
}

func testMapping() *mapping.Mapping {
	return &mapping.Mapping{
		Preferred: crm.Zoho,
		Objects: map[crm.Kind]*mapping.Object{crm.Contact: {
			Kind:   crm.Contact,
			Create: map[crm.System]bool{crm.Zoho: true},
			Match:  []string{"email"},
			Fields: []mapping.Field{
				{Name: "email", HubSpot: "email", Zoho: "Email", Type: mapping.Email},
				{Name: "last_name", HubSpot: "lastname", Zoho: "Last_Name", Type: mapping.Text,
					Clear: mapping.Keep, Required: []crm.System{crm.Zoho}},
				{Name: "city", HubSpot: "city", Zoho: "Mailing_City", Type: mapping.Text},
				{Name: "title", HubSpot: "jobtitle", Zoho: "Title", Type: mapping.Text},
			},
		}},
	}
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	clock := &modelClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	side := func(s crm.System, unit time.Duration) *modelCRM {
		return &modelCRM{system: s, clock: clock, unit: unit, records: map[string]*modelRecord{}}
	}
	w := &scenario{
		t: t, clock: clock, hubspot: side(crm.HubSpot, time.Millisecond), zoho: side(crm.Zoho, time.Second),
		links:    &modelLinks{links: map[string]Link{}, claims: map[crm.Ref]string{}},
		failures: &modelFailures{}, suppressions: modelSuppressions{},
	}
	w.zoho.required = map[string]bool{"Last_Name": true}
	var err error
	w.syncer, err = New(Config{
		Mapping: testMapping(), CRMs: map[crm.System]CRM{crm.HubSpot: w.hubspot, crm.Zoho: w.zoho},
		Links: w.links, Failures: w.failures, Members: w.links, Suppressions: w.suppressions, Clock: clock,
		Publishers: map[crm.System]Publisher{crm.HubSpot: w, crm.Zoho: w},
		Erasers:    []Eraser{w.failures.eraseFailures},
		HashKey:    []byte("0123456789abcdef"),
		NewID:      func() string { w.ids++; return fmt.Sprint("id-", w.ids) },
		Precise:    map[crm.System]bool{crm.HubSpot: true},
		Parallel: func(_ context.Context, calls ...func()) {
			w.atOnce++
			for _, call := range calls {
				call()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *scenario) advance(d time.Duration) { w.clock.now = w.clock.now.Add(d) }

func (w *scenario) newOperation(s crm.System, id string, change op.Change) op.Operation {
	w.ids++
	return op.Operation{
		Version: op.Version, ID: fmt.Sprint("op-", w.ids), Ref: crm.Ref{System: s, Kind: crm.Contact, RecordID: id},
		Change: change, OccurredAt: w.clock.now, ReceivedAt: w.clock.now, Events: 1,
	}
}

// applyChange applies one operation for a record and returns how it ended.
func (w *scenario) applyChange(s crm.System, id string) Result {
	w.t.Helper()
	r, err := w.syncer.Apply(context.Background(), w.newOperation(s, id, op.Updated))
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return r
}

// createPair makes a contact in HubSpot that the connector brings to Zoho.
func (w *scenario) createPair(fields map[string]string) (h, z *modelRecord) {
	w.t.Helper()
	id := w.hubspot.editAsPerson("", fields)
	r := w.applyChange(crm.HubSpot, id)
	if r.Outcome != Created {
		w.t.Fatalf("outcome %s (%s), want created", r.Outcome, r.Reason)
	}
	w.advance(10 * time.Second)
	return w.hubspot.records[id], w.zoho.records[r.Created.RecordID]
}
