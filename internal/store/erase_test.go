package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/metadata"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// operator is one of two CRMs, as little of one as a privacy deletion needs.
type operator struct {
	system  crm.System
	records map[string]crm.Record
	next    int
	refuses string // a field
	creates int
}

func (d *operator) absent(action string) error {
	return &crm.Error{System: d.system, Action: action, Kind: crm.NotFound}
}

func (d *operator) Read(_ context.Context, r crm.Ref) (crm.Record, error) {
	rec, ok := d.records[r.RecordID]
	if !ok || rec.Ref.Kind != r.Kind {
		return rec, d.absent("read")
	}
	rec.Fields, rec.History = maps.Clone(rec.Fields), map[string][]crm.Edit{}
	for f, v := range rec.Fields {
		rec.History[f] = []crm.Edit{{Value: v, At: rec.Modified, Own: rec.ModifiedByUs}}
	}
	return rec, nil
}

func (d *operator) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	return d.Read(ctx, rec.Ref)
}

func (d *operator) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	for _, k := range keys {
		for _, id := range slices.Sorted(maps.Keys(d.records)) {
			r := d.records[id]
			if r.Ref.Kind == kind && (k.Field == "" && r.CounterpartID == k.Value || k.Field != "" && r.Fields[k.Field] == k.Value) {
				rec, err := d.Read(ctx, r.Ref)
				return []crm.Record{rec}, err
			}
		}
	}
	return nil, nil
}

func (d *operator) write(rec crm.Record, w crm.Write, own bool) (crm.Written, error) {
	if _, sent := w.Fields[d.refuses]; sent {
		return crm.Written{}, &crm.Error{System: d.system, Action: "update", Kind: crm.Invalid, Code: "INVALID_DATA",
			Fields: []crm.FieldError{{Field: d.refuses, Code: "INVALID_DATA"}}}
	}
	fields := maps.Clone(d.records[rec.Ref.RecordID].Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	for f, v := range w.Fields {
		fields[f] = v.Text
	}
	rec.Fields, rec.Modified, rec.ModifiedByUs = fields, time.Now().UTC().Truncate(time.Second), own
	if w.CounterpartID != "" {
		rec.CounterpartID = w.CounterpartID
	}
	if rec.Created.IsZero() {
		rec.Created = rec.Modified
	}
	d.records[rec.Ref.RecordID] = rec
	return crm.Written{Ref: rec.Ref, Modified: rec.Modified}, nil
}

func (d *operator) Create(_ context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	d.next, d.creates = d.next+1, d.creates+1
	return d.write(crm.Record{Ref: crm.Ref{System: d.system, Kind: kind, RecordID: fmt.Sprint(d.next)}}, w, true)
}

func (d *operator) Update(_ context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	return d.write(rec, w, true)
}

// wallClock never waits.
type wallClock struct{}

func (wallClock) Now() time.Time                             { return time.Now() }
func (wallClock) Sleep(context.Context, time.Duration) error { return nil }

type nowhere struct{}

func (nowhere) Publish(context.Context, []op.Operation) error { return nil }

// office is the real syncer on the real stores, between two desks.
type office struct {
	t             *testing.T
	client        *firestore.Client
	hubspot, zoho *operator
	failures      *store.Failures
	links         *store.Links
	cursors       *store.Cursors
	syncer        *syncer.Syncer
	ids           int
}

func newOffice(t *testing.T, c *firestore.Client) *office {
	t.Helper()
	o := &office{
		t: t, client: c, failures: store.NewFailures(c), links: store.NewLinks(c), cursors: store.NewCursors(c),
		hubspot: &operator{system: crm.HubSpot, records: map[string]crm.Record{}, next: 508369434346},
		zoho:    &operator{system: crm.Zoho, records: map[string]crm.Record{}, next: 5725767000001000000},
	}
	var err error
	o.syncer, err = syncer.New(syncer.Config{
		Mapping: mapping.Default(), CRMs: map[crm.System]syncer.CRM{crm.HubSpot: o.hubspot, crm.Zoho: o.zoho},
		Links: o.links, Failures: o.failures, Members: o.links, Suppressions: store.NewSuppressions(c),
		Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: nowhere{}, crm.Zoho: nowhere{}},
		Erasers:    []syncer.Eraser{o.failures.EraseFailures, o.cursors.EraseCursors},
		Parallel:   batch.Parallel,
		Clock:      wallClock{}, HashKey: []byte("a key of this test alone"),
		NewID: func() string { o.ids++; return fmt.Sprint("id-", o.ids) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) tell(r crm.Ref, change op.Change) syncer.Result {
	o.t.Helper()
	o.ids++
	report, err := o.syncer.Apply(o.t.Context(), op.Operation{
		Version: op.Version, ID: fmt.Sprint("op-", o.ids), Ref: r, Change: change, OccurredAt: time.Now(), ReceivedAt: time.Now(), Events: 1,
	})
	if err != nil {
		o.t.Fatalf("%s %s: %v", change, r, err)
	}
	return report
}

// dump is the whole database as text: every document with its name.
func (o *office) dump() string {
	o.t.Helper()
	// Google's emulator lists collections to its owner only.
	owner := metadata.AppendToOutgoingContext(o.t.Context(), "authorization", "Bearer owner")
	collections, err := o.client.Collections(owner).GetAll()
	if err != nil {
		o.t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range collections {
		docs, err := c.Documents(o.t.Context()).GetAll()
		if err != nil {
			o.t.Fatal(err)
		}
		for _, d := range docs {
			data, err := json.Marshal(d.Data())
			if err != nil {
				o.t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s/%s %s\n", c.ID, d.Ref.ID, data)
		}
	}
	return b.String()
}

// traces are the ids of the two records, and all that was made of their values.
func (o *office) traces(h, z crm.Ref) []string {
	o.t.Helper()
	l, found, err := o.links.FindLink(o.t.Context(), h)
	if err != nil || !found {
		o.t.Fatalf("no link of %s: %v", h, err)
	}
	traces := []string{h.RecordID, z.RecordID, l.ID}
	for _, b := range l.Fields {
		for _, hash := range []string{string(b.Cell.Hash), string(b.HubSpot.Shown), string(b.Zoho.Shown), string(b.Zoho.Refused.Hash)} {
			if hash != "" && !slices.Contains(traces, hash) {
				traces = append(traces, hash)
			}
		}
	}
	return traces
}

func (o *office) left(traces []string) (left []string) {
	all := o.dump()
	for _, trace := range traces {
		if strings.Contains(all, trace) {
			left = append(left, trace)
		}
	}
	return left
}

func erasedWithoutATrace(t *testing.T, c *firestore.Client) {
	for i, order := range [][]op.Change{{op.Erased}, {op.Deleted, op.Erased}, {op.Erased, op.Deleted}, {op.Erased, op.Erased}} {
		o := newOffice(t, c)
		o.hubspot.next, o.zoho.next = o.hubspot.next+100*i, o.zoho.next+100*i
		o.erase(order)
	}
}

func (o *office) erase(order []op.Change) {
	t, ctx := o.t, o.t.Context()
	person := map[string]crm.Value{"email": {Text: "ada@example.com"}, "lastname": {Text: "Lovelace"}, "city": {Text: "London"}}
	o.hubspot.refuses, o.zoho.refuses = "none", "Mailing_City"
	written, err := o.hubspot.Create(ctx, crm.Contact, crm.Write{Fields: person})
	if err != nil {
		t.Fatal(err)
	}
	h := written.Ref
	made := o.tell(h, op.Created)
	z := made.Created
	if made.Outcome != syncer.Created {
		t.Fatalf("created: %+v", made)
	}
	o.hubspot.records[h.RecordID].Fields["jobtitle"] = "Countess" // a decision to be remembered
	o.tell(h, op.Updated)
	cursor := reconcile.Cursor{Version: reconcile.CursorVersion, Covered: failedAt, Since: failedAt, Until: failedAt.Add(time.Hour),
		From: crm.Place{At: failedAt, ID: z.RecordID}}
	name := "reconcile-zoho-contact-changed-" + fmt.Sprint(order)
	if err := o.cursors.SaveCursor(ctx, name, cursor, reconcile.Cursor{}); err != nil {
		t.Fatal(err)
	}
	traces := o.traces(h, z)
	if left := o.left(traces); len(left) != len(traces) || len(traces) < 6 {
		t.Fatalf("%v: the database holds %d of %d traces before: the search finds nothing", order, len(left), len(traces))
	}

	alive := o.hubspot.records[h.RecordID]
	delete(o.hubspot.records, h.RecordID)
	for _, change := range order {
		o.tell(h, change)
	}
	tasks, err := o.failures.UnreportedFailures(ctx, 0)
	if err != nil || len(tasks) != 1 || tasks[0].Record != z || tasks[0].Ref != z || tasks[0].Cause.Code != failurecode.PrivacyDeletion {
		t.Fatalf("%v: left to a person: %+v, %v", order, tasks, err)
	}
	if left := o.left(traces); !slices.Equal(left, []string{z.RecordID}) {
		t.Errorf("%v: %d traces are left beside the task that names the counterpart: %v", order, len(left), left)
	}
	if err := o.failures.MarkMailed(ctx, tasks, time.Now()); err != nil {
		t.Fatal(err)
	}
	if left := o.left(traces); len(left) > 0 {
		t.Errorf("%v: once the mail has listed it %v are left in\n%s", order, left, o.dump())
	}

	// What arrives late creates no record again, also where a copy of HubSpot that
	// lags shows the contact still.
	creates := o.zoho.creates
	o.tell(h, op.Deleted)
	o.tell(z, op.Updated)
	o.hubspot.records[h.RecordID] = alive
	o.tell(h, op.Updated)
	o.tell(z, op.Updated)
	o.zoho.records = map[string]crm.Record{}
	if r := o.tell(h, op.Updated); r.Outcome != syncer.Ignored || o.zoho.creates != creates {
		t.Errorf("%v: a late operation ended %s (%s) and created %d records", order, r.Outcome, r.Reason, o.zoho.creates-creates)
	}
	if left := o.left(traces); len(left) > 0 {
		t.Errorf("%v: late operations left %v in\n%s", order, left, o.dump())
	}
	delete(o.hubspot.records, h.RecordID)
}
