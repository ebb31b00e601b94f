package syncer

import (
	"errors"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

func TestADeletedRecordIsNotCreatedAgainAndItsCounterpartStays(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	delete(w.zoho.records, z.id)
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Ignored {
		t.Errorf("deletion: %s", r.Outcome)
	}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Elsewhere"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Ignored || r.Reason != "counterpart_deleted" {
		t.Errorf("a later edit: %s (%s)", r.Outcome, r.Reason)
	}
	if len(w.zoho.records) != 0 || len(w.hubspot.records) != 1 {
		t.Error("a record came back or went")
	}
}

func TestARestoredRecordIsBroughtUpToDate(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	delete(w.zoho.records, z.id)
	w.applyChange(crm.Zoho, z.id)
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Meanwhile"})
	w.applyChange(crm.HubSpot, h.id)
	w.zoho.records[z.id] = z
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || z.fields["Mailing_City"] != "Meanwhile" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Unchanged {
		t.Errorf("afterwards: %s (%s)", r.Outcome, r.Reason)
	}
}

// A deletion closes what failed on the record, since nothing can be done about it
// any more. When the record is restored it can, and the next mail has to list it.
func TestARefusalIsReportedAgainWhenTheRecordIsRestored(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "bad"})
	w.applyChange(crm.HubSpot, h.id)
	w.advance(time.Minute)
	delete(w.hubspot.records, h.id)
	w.applyChange(crm.HubSpot, h.id)
	w.advance(time.Minute)
	if w.applyChange(crm.HubSpot, h.id); len(w.failures.list) != 0 {
		t.Fatalf("of a record that is gone %d failures are open", len(w.failures.list))
	}
	w.hubspot.records[h.id] = h
	if r := w.applyChange(crm.HubSpot, h.id); len(r.Refused) != 1 || len(w.failures.list) != 1 {
		t.Errorf("%s, refused %v, %d failures are open", r.Outcome, r.Refused, len(w.failures.list))
	}
}

// A handler that is killed between the end of a tombstone and what takes its place has
// lost the tombstone.
func TestATombstoneStaysUntilSomethingTakesItsPlace(t *testing.T) {
	w := newScenario(t)
	h, gone := w.createPair(jane)
	other, left := w.createPair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
	delete(w.zoho.records, gone.id)
	w.applyChange(crm.Zoho, gone.id)
	delete(w.hubspot.records, other.id)
	w.applyChange(crm.HubSpot, other.id)
	w.zoho.editAsPerson(left.id, map[string]string{"Email": "jane@example.com"}) // it would be its counterpart now
	w.links.before = func(string) error { return errors.New("killed") }
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Updated)); err == nil {
		t.Fatal("nothing was to be stored")
	}
	w.links.before = nil
	w.zoho.editAsPerson(left.id, map[string]string{"Email": "j@example.com"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Ignored || len(w.zoho.records) != 1 {
		t.Errorf("%s (%s), %d records in Zoho: what a person deleted was made anew", r.Outcome, r.Reason, len(w.zoho.records))
	}
}

func TestARestoredRecordIsFinishedByTheNextOperationWhenItsOwnIsCutOff(t *testing.T) {
	w := newScenario(t)
	w.hubspot.noCounterpartField = true
	h, z := w.createPair(jane)
	delete(w.zoho.records, z.id)
	w.applyChange(crm.Zoho, z.id)
	w.zoho.records[z.id] = z
	w.failures.list = nil
	w.hubspot.before = func(action string, _ *modelRecord) error {
		if action == "update" {
			return w.hubspot.newError(crm.Unavailable, "503")
		}
		return nil
	}
	w.advance(time.Minute)
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.Zoho, z.id, op.Restored)); err == nil {
		t.Fatal("HubSpot was written to")
	}
	w.hubspot.before = nil
	w.advance(time.Minute)
	w.applyChange(crm.Zoho, z.id)
	if len(w.failures.list) != 1 || w.failures.list[0].Operation.Ref.RecordID != z.id {
		t.Errorf("failures %v, want that HubSpot takes no id", w.failures.list)
	}
	if l, _, _ := w.links.FindLink(t.Context(), crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: h.id}); !l.HubSpot.CounterpartIDRefused || !l.Complete() {
		t.Errorf("link %+v", l.HubSpot)
	}
}
