package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// reader is a CRM of which only reads matter.
type reader struct {
	syncer.CRM
	read []string
}

func (r *reader) Read(_ context.Context, ref crm.Ref) (crm.Record, error) {
	r.read = append(r.read, ref.RecordID)
	return crm.Record{Ref: ref, CounterpartID: "read"}, nil
}

func (r *reader) Update(context.Context, crm.Record, crm.Write) (crm.Written, error) {
	return crm.Written{}, nil
}

func (r *reader) ListRecords(_ context.Context, kind crm.Kind, _ crm.Place) (crm.FoundPage, []crm.Record, error) {
	var page crm.FoundPage
	var records []crm.Record
	for _, id := range []string{"1", "2", "3"} {
		ref := crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: id}
		page.Found = append(page.Found, crm.Found{Ref: ref})
		if id != "3" { // which could not be understood
			records = append(records, crm.Record{Ref: ref, CounterpartID: "listed"})
		}
	}
	return page, records, nil
}

func TestAPageIsTheFirstReadOfItsRecordsWhileItIsFresh(t *testing.T) {
	clock := simClock{sim.NewManualClock(start)}
	r := &reader{}
	p := reconcile.NewPages(r, r, clock)
	read := func(id, want string) {
		t.Helper()
		rec, err := p.Read(t.Context(), crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: id})
		if err != nil || rec.CounterpartID != want {
			t.Errorf("%s was %s, %v, want %s", id, rec.CounterpartID, err, want)
		}
	}
	list := func() {
		t.Helper()
		if page, err := p.ListRefs(t.Context(), crm.Contact, crm.Place{}); err != nil || len(page.Found) != 3 {
			t.Fatalf("%+v, %v", page, err)
		}
	}
	read("1", "read")
	list()
	read("1", "listed")
	read("1", "read") // to see what was written meanwhile
	read("3", "read")
	clock.Advance(2 * time.Second)
	read("2", "listed")
	list()
	clock.Advance(6 * time.Second)
	read("2", "read")
	list()
	if _, err := p.Update(t.Context(), crm.Record{Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}}, crm.Write{}); err != nil {
		t.Fatal(err)
	}
	read("1", "read") // a write is never read back from a page
}
