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

// The graves are made first, so an erasure that is cut off leaves a link of
// somebody who is buried. Whatever operation comes next has to end the erasure,
// and not merely drop the link: with it would go the only trace of the twin.
func TestAnErasureThatWasCutOffIsEndedByTheNextOperation(t *testing.T) {
	for name, next := range map[string]op.Change{"the erasure again": op.Erased, "a late edit": op.Updated, "the deletion": op.Deleted} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h, z := w.pair(jane)
			delete(w.hubspot.records, h.id)
			w.wait(time.Hour)
			working := w.syncer.Erasers
			w.syncer.Erasers = []Eraser{func(context.Context, ...crm.Ref) error { return errors.New("the store is down") }}
			if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err == nil {
				t.Fatal("an erasure without its store came to an end")
			}
			w.syncer.Erasers = working
			if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, next)); err != nil {
				t.Fatal(err)
			}
			if n := len(w.links.links); n != 0 {
				t.Errorf("%d links are left", n)
			}
			if len(w.failures.list) != 1 || w.failures.list[0].Code != failurecode.PrivacyDeletion || w.failures.list[0].Record.RecordID != z.id {
				t.Errorf("told: %+v", w.failures.list)
			}
		})
	}
}

// Zoho's merge leaves the id of the erased contact on the record that took in
// its twin, whomever that record belongs to.
func TestAnErasureTellsOfTheRecordThatTookInTheTwin(t *testing.T) {
	for name, linked := range map[string]bool{"one of nobody": false, "the twin of another contact": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h, z := w.pair(jane)
			var survivor *modelRecord
			if linked {
				_, survivor = w.pair(map[string]string{"email": "john@doe.example", "lastname": "Doe"})
			} else {
				survivor = w.zoho.records[w.zoho.person("", map[string]string{"Last_Name": "Doe"})]
			}
			links := len(w.links.links)
			survivor.twin = h.id
			delete(w.zoho.records, z.id)
			delete(w.hubspot.records, h.id)
			if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(w.failures.list, func(f Failure) bool { return f.Code == failurecode.PrivacyDeletion && f.Record.RecordID == survivor.id }) {
				t.Errorf("told: %+v", w.failures.list)
			}
			if n := len(w.links.links); n != links-1 {
				t.Errorf("%d of %d links are left", n, links)
			}
			grave := w.syncer.suppressionHash(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: survivor.id})
			if _, buried := w.graves[grave]; buried == linked {
				t.Errorf("the record is buried: %v", buried)
			}
		})
	}
}

// The twin's own deletion may come before the erasure that was cut off is repeated.
func TestTheDeletionOfTheTwinEndsAnErasureThatWasCutOff(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	survivor := w.zoho.person("", map[string]string{"Last_Name": "Doe"})
	w.zoho.records[survivor].twin = h.id // z was merged into it
	delete(w.zoho.records, z.id)
	delete(w.hubspot.records, h.id)
	working := w.syncer.Erasers
	w.syncer.Erasers = []Eraser{func(context.Context, ...crm.Ref) error { return errors.New("the store is down") }}
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err == nil {
		t.Fatal("an erasure without its store came to an end")
	}
	w.syncer.Erasers = working
	for _, o := range []op.Operation{w.op(crm.Zoho, z.id, op.Deleted), w.op(crm.HubSpot, h.id, op.Erased)} {
		if _, err := w.syncer.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.links.links) != 0 || len(w.failures.list) != 1 || w.failures.list[0].Record.RecordID != survivor {
		t.Errorf("%d links are left, told: %+v", len(w.links.links), w.failures.list)
	}
}

// Whoever was told to delete a record may merge it into another one instead.
func TestARecordThatTookInATwinLeftToDeleteIsToldOfOnce(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	delete(w.hubspot.records, h.id)
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err != nil {
		t.Fatal(err)
	}
	w.failures.list = nil // it was mailed
	delete(w.zoho.records, z.id)
	survivor := w.zoho.person("", map[string]string{"Last_Name": "Doe"})
	w.zoho.records[survivor].twin = h.id
	for range 2 {
		w.tell(crm.Zoho, survivor)
		w.wait(time.Minute)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != failurecode.PrivacyDeletion || w.failures.list[0].Record.RecordID != survivor {
		t.Errorf("told: %+v", w.failures.list)
	}
}

// Somebody may come back after having been erased, and be given the record of
// Zoho that was left over. The grave on that record says nothing of the new
// contact, whichever side is heard of first, and whatever becomes of the record.
func TestWhoTakesOverWhatWasLeftIsNotErasedWithIt(t *testing.T) {
	for _, first := range crm.Systems {
		t.Run("first heard of in "+string(first), func(t *testing.T) {
			w := newWorld(t)
			h, z := w.pair(jane)
			delete(w.hubspot.records, h.id)
			if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err != nil {
				t.Fatal(err)
			}
			w.failures.list, z.twin = nil, "" // a person was told, and kept the record
			w.wait(time.Hour)
			back := w.hubspot.person("", jane)
			heard := map[crm.System]string{crm.HubSpot: back, crm.Zoho: z.id}
			w.tell(first, heard[first])
			w.wait(time.Hour)
			if r := w.tell(first.Other(), heard[first.Other()]); r.Counterpart.RecordID == "" {
				t.Errorf("%s has no twin: %s %s", back, r.Outcome, r.Reason)
			}
			w.wait(time.Hour)
			delete(w.zoho.records, z.id)
			if _, err := w.syncer.Apply(t.Context(), w.op(crm.Zoho, z.id, op.Deleted)); err != nil {
				t.Fatal(err)
			}
			if _, buried := w.graves[w.syncer.suppressionHash(crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: back})]; buried {
				t.Error("a contact that lives was buried")
			}
			if len(w.failures.list) > 0 {
				t.Errorf("told: %+v", w.failures.list)
			}
		})
	}
}

// Nothing is kept of who was erased, but what fails on a record that belongs to
// a living contact by now is told.
func TestWhatFailsOnARecordThatWasTakenOverIsTold(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	delete(w.hubspot.records, h.id)
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Erased)); err != nil {
		t.Fatal(err)
	}
	giveUp := func() int {
		w.failures.list = nil
		f := Failure{Operation: w.op(crm.Zoho, z.id, op.Updated), Side: crm.Zoho, Action: "apply", Kind: crm.Refused, Code: "PANIC"}
		if err := w.syncer.GiveUp(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		return len(w.failures.list)
	}
	if n := giveUp(); n != 0 {
		t.Errorf("%d failures are kept of who was erased", n)
	}
	w.wait(time.Hour)
	z.twin = ""
	if r := w.tell(crm.HubSpot, w.hubspot.person("", jane)); r.Counterpart.RecordID != z.id {
		t.Fatalf("twin %q: %s %s", r.Counterpart.RecordID, r.Outcome, r.Reason)
	}
	if n := giveUp(); n != 1 {
		t.Errorf("%d failures are told of a living contact, want 1", n)
	}
}
