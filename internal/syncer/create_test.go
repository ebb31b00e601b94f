package syncer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

func TestANewContactInHubSpotIsCreatedInZoho(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	want := map[string]string{"Email": "jane@example.com", "Last_Name": "Doe", "Mailing_City": "Oslo"}
	if diff := cmp.Diff(want, z.fields); diff != "" {
		t.Errorf("in Zoho (-want +got):\n%s", diff)
	}
	if z.counterpartID != h.id || h.counterpartID != z.id {
		t.Errorf("ids on the records: Zoho says %s, HubSpot says %s", z.counterpartID, h.counterpartID)
	}
}

func TestACreateWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	w := newScenario(t)
	lost := errors.New("connection reset")
	w.zoho.after = func(action string, _ *modelRecord) error {
		if action == "create" {
			return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable, Ambiguous: true, Err: lost}
		}
		return nil
	}
	id := w.hubspot.editAsPerson("", jane)
	o := w.newOperation(crm.HubSpot, id, op.Created)
	if _, err := w.syncer.Apply(context.Background(), o); !errors.Is(err, lost) {
		t.Fatalf("got %v", err)
	}
	w.zoho.after = nil
	if _, err := w.syncer.Apply(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if len(w.zoho.records) != 1 {
		t.Errorf("%d records in Zoho", len(w.zoho.records))
	}
	writes := w.zoho.writes + w.hubspot.writes
	w.advance(time.Minute)
	w.applyChange(crm.HubSpot, id)
	if w.zoho.writes+w.hubspot.writes != writes {
		t.Error("not at rest")
	}
}

func TestARecordWithoutAKeyIsFoundAgainByTheIdItCarries(t *testing.T) {
	w := newScenario(t)
	w.zoho.after = func(action string, _ *modelRecord) error {
		if action == "create" {
			return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable, Ambiguous: true}
		}
		return nil
	}
	id := w.hubspot.editAsPerson("", map[string]string{"lastname": "Nomail"})
	o := w.newOperation(crm.HubSpot, id, op.Created)
	if _, err := w.syncer.Apply(context.Background(), o); err == nil {
		t.Fatal("a lost answer was taken for a success")
	}
	w.zoho.after = nil
	w.zoho.before = func(action string, _ *modelRecord) error {
		if action == "create" {
			t.Error("asked to create it a second time")
		}
		return nil
	}
	if r, err := w.syncer.Apply(context.Background(), o); err != nil || r.Counterpart.RecordID == "" {
		t.Errorf("counterpart %s, %v", r.Counterpart, err)
	}
}
