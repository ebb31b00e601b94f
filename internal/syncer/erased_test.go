package syncer

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// The suppression is stored first, so an erasure that is cut off leaves a link of
// a suppressed record. Whatever operation comes next has to end the erasure,
// and not merely drop the link: with it would go the only trace of the counterpart.
func TestAnErasureThatWasCutOffIsCompletedByTheNextOperation(t *testing.T) {
	for name, next := range map[string]op.Change{"the erasure again": op.Erased, "a late edit": op.Updated, "the deletion": op.Deleted} {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			h, z := w.createPair(jane)
			delete(w.hubspot.records, h.id)
			w.advance(time.Hour)
			working := w.syncer.Erasers
			w.syncer.Erasers = []Eraser{func(context.Context, ...crm.Ref) error { return errors.New("the store is down") }}
			if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err == nil {
				t.Fatal("an erasure without its store came to an end")
			}
			w.syncer.Erasers = working
			if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, next)); err != nil {
				t.Fatal(err)
			}
			if n := len(w.links.links); n != 0 {
				t.Errorf("%d links are left", n)
			}
			if len(w.failures.list) != 1 || w.failures.list[0].Code != failurecode.PrivacyDeletion || w.failures.list[0].Record.RecordID != z.id {
				t.Errorf("failures: %+v", w.failures.list)
			}
		})
	}
}

// Zoho's merge leaves the id of the erased contact on the record that took in
// its counterpart, whomever that record belongs to.
func TestAnErasureReportsTheRecordThatTheCounterpartWasMergedInto(t *testing.T) {
	for name, linked := range map[string]bool{"a record without owner": false, "the counterpart of another contact": true} {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			h, z := w.createPair(jane)
			var survivor *modelRecord
			if linked {
				_, survivor = w.createPair(map[string]string{"email": "john@doe.example", "lastname": "Doe"})
			} else {
				survivor = w.zoho.records[w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe"})]
			}
			links := len(w.links.links)
			survivor.counterpartID = h.id
			delete(w.zoho.records, z.id)
			delete(w.hubspot.records, h.id)
			if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(w.failures.list, func(f Failure) bool { return f.Code == failurecode.PrivacyDeletion && f.Record.RecordID == survivor.id }) {
				t.Errorf("failures: %+v", w.failures.list)
			}
			if n := len(w.links.links); n != links-1 {
				t.Errorf("%d of %d links are left", n, links)
			}
			hash := w.syncer.suppressionHash(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: survivor.id})
			if _, suppressed := w.suppressions[hash]; suppressed == linked {
				t.Errorf("the record is suppressed: %v", suppressed)
			}
		})
	}
}

// The counterpart's own deletion may come before the erasure that was cut off is repeated.
func TestTheDeletionOfTheCounterpartCompletesAnErasureThatWasCutOff(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	survivor := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe"})
	w.zoho.records[survivor].counterpartID = h.id // z was merged into it
	delete(w.zoho.records, z.id)
	delete(w.hubspot.records, h.id)
	working := w.syncer.Erasers
	w.syncer.Erasers = []Eraser{func(context.Context, ...crm.Ref) error { return errors.New("the store is down") }}
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err == nil {
		t.Fatal("an erasure without its store came to an end")
	}
	w.syncer.Erasers = working
	for _, o := range []op.Operation{w.newOperation(crm.Zoho, z.id, op.Deleted), w.newOperation(crm.HubSpot, h.id, op.Erased)} {
		if _, err := w.syncer.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.links.links) != 0 || len(w.failures.list) != 1 || w.failures.list[0].Record.RecordID != survivor {
		t.Errorf("%d links are left, failures: %+v", len(w.links.links), w.failures.list)
	}
}

// The person who is to delete a record may merge it into another one instead.
func TestARecordThatACounterpartLeftToDeleteWasMergedIntoIsReportedOnce(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	delete(w.hubspot.records, h.id)
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err != nil {
		t.Fatal(err)
	}
	w.failures.list = nil // it was mailed
	delete(w.zoho.records, z.id)
	survivor := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe"})
	w.zoho.records[survivor].counterpartID = h.id
	for range 2 {
		w.applyChange(crm.Zoho, survivor)
		w.advance(time.Minute)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != failurecode.PrivacyDeletion || w.failures.list[0].Record.RecordID != survivor {
		t.Errorf("failures: %+v", w.failures.list)
	}
}

// A contact may come back after having been erased, and be given the record of
// Zoho that was left over. The suppression on that record says nothing of the new
// contact, whichever side is synchronised first, and whatever becomes of the record.
func TestAContactThatTakesOverALeftRecordIsNotErasedWithIt(t *testing.T) {
	for _, first := range crm.Systems {
		t.Run("first operation in "+string(first), func(t *testing.T) {
			w := newScenario(t)
			h, z := w.createPair(jane)
			delete(w.hubspot.records, h.id)
			if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err != nil {
				t.Fatal(err)
			}
			w.failures.list, z.counterpartID = nil, "" // a person read the mail, and kept the record
			w.advance(time.Hour)
			back := w.hubspot.editAsPerson("", jane)
			ids := map[crm.System]string{crm.HubSpot: back, crm.Zoho: z.id}
			w.applyChange(first, ids[first])
			w.advance(time.Hour)
			if r := w.applyChange(first.Other(), ids[first.Other()]); r.Counterpart.RecordID == "" {
				t.Errorf("%s has no counterpart: %s %s", back, r.Outcome, r.Reason)
			}
			w.advance(time.Hour)
			delete(w.zoho.records, z.id)
			if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.Zoho, z.id, op.Deleted)); err != nil {
				t.Fatal(err)
			}
			if _, suppressed := w.suppressions[w.syncer.suppressionHash(crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: back})]; suppressed {
				t.Error("a contact that lives was suppressed")
			}
			if len(w.failures.list) > 0 {
				t.Errorf("failures: %+v", w.failures.list)
			}
		})
	}
}

// Nothing is kept of who was erased, but what fails on a record that belongs to
// a living contact by now is reported.
func TestAFailureOnARecordThatWasTakenOverIsReported(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	delete(w.hubspot.records, h.id)
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Erased)); err != nil {
		t.Fatal(err)
	}
	giveUp := func() int {
		w.failures.list = nil
		f := Failure{Operation: w.newOperation(crm.Zoho, z.id, op.Updated), Side: crm.Zoho, Action: "apply", Kind: crm.Refused, Code: "PANIC"}
		if err := w.syncer.GiveUp(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		return len(w.failures.list)
	}
	if n := giveUp(); n != 0 {
		t.Errorf("%d failures are kept of who was erased", n)
	}
	w.advance(time.Hour)
	z.counterpartID = ""
	if r := w.applyChange(crm.HubSpot, w.hubspot.editAsPerson("", jane)); r.Counterpart.RecordID != z.id {
		t.Fatalf("counterpart %q: %s %s", r.Counterpart.RecordID, r.Outcome, r.Reason)
	}
	if n := giveUp(); n != 1 {
		t.Errorf("%d failures are recorded for a living contact, want 1", n)
	}
}
