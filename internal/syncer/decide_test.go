package syncer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

func TestMostRecentWinsFieldByField(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "HubSpot city", "jobtitle": "HubSpot title"})
	w.advance(5 * time.Second)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Zoho city"})
	w.advance(5 * time.Second)
	w.hubspot.editAsPerson(h.id, map[string]string{"lastname": "Later"})
	w.advance(5 * time.Second)
	w.applyChange(crm.HubSpot, h.id)
	want := map[string]string{"email": "jane@example.com", "lastname": "Later", "city": "Zoho city", "jobtitle": "HubSpot title"}
	if diff := cmp.Diff(want, h.fields); diff != "" {
		t.Errorf("HubSpot (-want +got):\n%s", diff)
	}
	if z.fields["Mailing_City"] != "Zoho city" || z.fields["Last_Name"] != "Later" || z.fields["Title"] != "HubSpot title" {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

func TestAnEditDuringOurWriteIsNotLost(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "First"})
	edited := false
	w.zoho.before = func(action string, r *modelRecord) error {
		if action == "update" && !edited {
			edited = true
			w.advance(1500 * time.Millisecond)
			w.zoho.editAsPerson(r.id, map[string]string{"Mailing_City": "Second"})
		}
		return nil
	}
	w.applyChange(crm.HubSpot, h.id)
	if h.fields["city"] != "Second" || z.fields["Mailing_City"] != "Second" {
		t.Errorf("HubSpot %q, Zoho %q, want Second on both", h.fields["city"], z.fields["Mailing_City"])
	}
}

func TestASideThatReformatsDoesNotPingPong(t *testing.T) {
	w := newScenario(t)
	w.zoho.stores = func(field, v string) string {
		if field == "Mailing_City" && len(v) > 5 {
			return v[:5]
		}
		return v
	}
	h, z := w.createPair(map[string]string{"email": "a@b.example", "lastname": "X", "city": "Reykjavik"})
	for range 4 {
		w.advance(time.Minute)
		w.applyChange(crm.Zoho, z.id)
		w.applyChange(crm.HubSpot, h.id)
	}
	if h.fields["city"] != "Reykjavik" || z.fields["Mailing_City"] != "Reykj" || w.zoho.writes > 3 {
		t.Errorf("HubSpot %q, Zoho %q after %d writes", h.fields["city"], z.fields["Mailing_City"], w.zoho.writes)
	}
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.applyChange(crm.Zoho, z.id)
	if h.fields["city"] != "Oslo" {
		t.Errorf("HubSpot holds %q", h.fields["city"])
	}
}

func TestACopyInARecordThatAPersonMadeIsNoEditWhenTheStoreIsLost(t *testing.T) {
	w := newScenario(t)
	w.zoho.stores = func(_, v string) string { return strings.TrimSuffix(v, "vik") }
	id := w.hubspot.editAsPerson("", map[string]string{"email": "a@b.example", "lastname": "X", "city": "Reykjavik"})
	w.advance(10 * time.Second)
	made := w.zoho.editAsPerson("", map[string]string{"Email": "a@b.example", "Last_Name": "X"})
	w.advance(10 * time.Second)
	w.applyChange(crm.HubSpot, id)
	h, z := w.hubspot.records[id], w.zoho.records[made]
	if z.fields["Mailing_City"] != "Reykja" || z.counterpartID != id {
		t.Fatalf("Zoho holds %v and names %q", z.fields, z.counterpartID)
	}
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.advance(time.Hour)
	w.zoho.editAsPerson(made, map[string]string{"Last_Name": "Y"})
	w.applyChange(crm.Zoho, made)
	if h.fields["city"] != "Reykjavik" || h.fields["lastname"] != "Y" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
}

// One side was read before the other typed again what both showed: an edit that the
// first shows later may still be from before that.
func TestAnEditFromBeforeTheBaseIsRecognisedByItsHistory(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.advance(time.Hour)
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "update" && r == h {
			w.hubspot.after = nil
			for _, edit := range []func(){
				func() { w.hubspot.editAsPerson(h.id, map[string]string{"jobtitle": "B"}) },
				func() { w.zoho.editAsPerson(z.id, map[string]string{"Title": "B"}) },
				func() { w.hubspot.editAsPerson(h.id, map[string]string{"jobtitle": ""}) },
			} {
				w.advance(5 * time.Second)
				edit()
			}
		}
		return nil
	}
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.applyChange(crm.Zoho, z.id)
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.applyChange(crm.Zoho, z.id)
	if h.fields["jobtitle"] != "" || z.fields["Title"] != "" {
		t.Errorf("HubSpot holds %q, Zoho %q: the clear was the latest", h.fields["jobtitle"], z.fields["Title"])
	}
}

func TestALostStoreIsRebuiltFromTheRecords(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.advance(time.Hour)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "After"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || r.Counterpart.RecordID != z.id {
		t.Errorf("%s (%s)", r.Outcome, r.Reason)
	}
	if z.fields["Mailing_City"] != "After" || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

// At the first link a record's own time stands in for the time of an edit whose
// history was not asked for. It may be that of a later edit of another field.
func TestTheTimeOfARecordDoesNotMakeItsEditsLaterThanTheyAre(t *testing.T) {
	w := newScenario(t)
	h := w.hubspot.records[w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "jobtitle": "First"})]
	w.advance(10 * time.Minute)
	z := w.zoho.records[w.zoho.editAsPerson("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe", "Title": "Second"})]
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.hubspot.before = func(action string, _ *modelRecord) error {
		if action == "update" {
			return w.hubspot.newError(crm.Unavailable, "503")
		}
		return nil
	}
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.Zoho, z.id, op.Updated)); err == nil {
		t.Fatal("HubSpot was written to")
	}
	w.hubspot.before = nil
	w.advance(10 * time.Second)
	w.hubspot.skew = -45 * time.Second
	w.hubspot.editAsPerson(h.id, map[string]string{"jobtitle": "Third"})
	if w.applyChange(crm.HubSpot, h.id); h.fields["jobtitle"] != "Third" || z.fields["Title"] != "Third" {
		t.Errorf("HubSpot %q, Zoho %q, want what was typed last", h.fields["jobtitle"], z.fields["Title"])
	}
}

// We wrote over an edit that no operation had read yet, and the link was lost before that
// was put right. Both sides show one value, and the time of the other record, which
// a person touched since, is not the time of that value.
func TestAnEditThatWasOverwrittenUnseenWinsAfterTheLinkWasLost(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.advance(4 * time.Second)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Tromsø"})
	w.advance(5 * time.Second)
	w.hubspot.setField(h, "city", "Bergen", true)
	w.hubspot.markModified(h, true)
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Not_Mapped": "x"})
	clear(w.links.links)
	clear(w.links.claims)
	w.advance(time.Hour)
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || h.fields["city"] != "Tromsø" || z.fields["Mailing_City"] != "Tromsø" {
		t.Errorf("%s (%s), HubSpot holds %q, Zoho %q, want Tromsø", r.Outcome, r.Reason, h.fields["city"], z.fields["Mailing_City"])
	}
}
