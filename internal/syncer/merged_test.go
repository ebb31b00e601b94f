package syncer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

func TestAMergedRecordTakesItsLinkAlong(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	survivor := w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Kept"})
	h.mergedInto = survivor
	w.advance(time.Second)
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || r.Counterpart.RecordID != z.id {
		t.Errorf("%s (%s), counterpart %s", r.Outcome, r.Reason, r.Counterpart)
	}
	if z.fields["Mailing_City"] != "Kept" || z.counterpartID != survivor || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v, counterpart %s", z.fields, z.counterpartID)
	}
}

func TestTheSurvivorOfAMergeKeepsTheCounterpartWhoseIDItBears(t *testing.T) {
	for _, first := range []string{"the loser's operation comes first", "the survivor's operation comes first"} {
		t.Run(first, func(t *testing.T) {
			w := newScenario(t)
			primary, kept := w.createPair(jane)
			loser, left := w.createPair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
			survivor := w.hubspot.editAsPerson("", jane)
			w.hubspot.records[survivor].counterpartID = kept.id
			primary.counterpartID = ""
			primary.mergedInto, loser.mergedInto = survivor, survivor
			ids := []string{loser.id, survivor, primary.id}
			if first[4] == 's' {
				ids = []string{survivor, primary.id, loser.id}
			}
			for _, id := range ids {
				w.applyChange(crm.HubSpot, id)
			}
			w.advance(time.Minute)
			w.hubspot.editAsPerson(survivor, map[string]string{"city": "New"})
			if r := w.applyChange(crm.HubSpot, survivor); r.Counterpart.RecordID != kept.id || kept.fields["Mailing_City"] != "New" || kept.counterpartID != survivor {
				t.Errorf("counterpart %s (%s), want %s; it holds %v and names %s", r.Counterpart, r.Reason, kept.id, kept.fields, kept.counterpartID)
			}
			if left.fields["Mailing_City"] != "" || len(w.zoho.records) != 2 {
				t.Error("the loser's counterpart was touched")
			}
		})
	}
}

// What a read after a write shows of a record that was merged meanwhile is
// another pair's.
func TestARecordThatIsMergedWhileItIsWrittenToIsLeftAlone(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	survivor, kept := w.createPair(map[string]string{"email": "j@example.com", "lastname": "Roe", "city": "Rome"})
	w.advance(time.Hour)
	w.zoho.editAsPerson(z.id, map[string]string{"Title": "Typed"})
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "update" && r == h {
			h.mergedInto = survivor.id
		}
		return nil
	}
	w.applyChange(crm.Zoho, z.id)
	if survivor.fields["lastname"] != "Roe" || survivor.fields["city"] != "Rome" || survivor.counterpartID != kept.id {
		t.Errorf("the survivor holds %v and names %s", survivor.fields, survivor.counterpartID)
	}
	if z.fields["Mailing_City"] != "Oslo" || kept.fields["Mailing_City"] != "Rome" {
		t.Errorf("Zoho holds %v and %v", z.fields, kept.fields)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != codeCounterpartOfMerged {
		t.Errorf("failures %v, want the counterpart that is left over", w.failures.list)
	}
}

// What was decided on the loser's pair and not yet written must not be lost with
// its link, although the survivor has begun one of its own.
func TestASurvivorThatIsStillToBeCreatedTakesOverWhatWasDecided(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.advance(time.Minute)
	w.zoho.before = func(action string, _ *modelRecord) error {
		if action == "update" || action == "create" {
			return w.zoho.newError(crm.Unavailable, "503")
		}
		return nil
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": ""})
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Updated)); err == nil {
		t.Fatal("Zoho was written to")
	}
	survivor := w.hubspot.editAsPerson("", map[string]string{"email": "j@example.com", "lastname": "Doe"})
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, survivor, op.Created)); err == nil {
		t.Fatal("the survivor was created in Zoho")
	}
	w.zoho.before = nil
	h.mergedInto = survivor
	w.advance(time.Hour)
	w.applyChange(crm.HubSpot, survivor)
	if _, kept := z.fields["Mailing_City"]; kept || z.counterpartID != survivor || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v, which names %s, and %d records", z.fields, z.counterpartID, len(w.zoho.records))
	}
}

// A failure is known by the record and the cause: two counterparts that are left over
// must not be reported under one record, of which the second would hide the first.
func TestEveryCounterpartThatIsLeftOverIsReportedUnderTheMergedRecord(t *testing.T) {
	w := newScenario(t)
	a, za := w.createPair(map[string]string{"email": "a@example.com", "lastname": "A"})
	b, zb := w.createPair(map[string]string{"email": "b@example.com", "lastname": "B"})
	c, _ := w.createPair(map[string]string{"email": "c@example.com", "lastname": "C"})
	survivor := w.hubspot.records[w.hubspot.editAsPerson("", map[string]string{"email": "a@example.com", "lastname": "A"})]
	a.mergedInto, b.mergedInto = survivor.id, survivor.id
	first := true
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "read" && r == survivor && first {
			first = false // while the survivor's operation holds what it read, a's is applied
			w.applyChange(crm.HubSpot, a.id)
		}
		return nil
	}
	w.applyChange(crm.HubSpot, survivor.id)
	survivor.mergedInto = c.id
	w.applyChange(crm.HubSpot, survivor.id)
	reported := map[string]string{}
	for _, f := range w.failures.list {
		reported[f.Operation.Ref.RecordID] = f.Record.RecordID
	}
	if diff := cmp.Diff(map[string]string{b.id: zb.id, survivor.id: za.id}, reported); diff != "" {
		t.Errorf("reported, by the record that was merged (-want +got):\n%s", diff)
	}
}

// A counterpart that was deleted must not keep the survivor from the one that lives.
func TestTheSurvivorOfAMergeTakesOverTheLivingCounterpart(t *testing.T) {
	for _, names := range []string{"no record", "the counterpart that is gone"} {
		for _, order := range []string{"survivor primary loser", "primary survivor loser", "primary loser survivor", "loser survivor primary", "survivor loser primary"} {
			t.Run("names "+names+", "+order, func(t *testing.T) {
				w := newScenario(t)
				primary, gone := w.createPair(jane)
				loser, left := w.createPair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
				delete(w.zoho.records, gone.id)
				w.applyChange(crm.Zoho, gone.id)
				survivor := w.hubspot.editAsPerson("", jane)
				if names != "no record" {
					w.hubspot.records[survivor].counterpartID = gone.id
				}
				primary.mergedInto, loser.mergedInto = survivor, survivor
				ids := map[string]string{"survivor": survivor, "primary": primary.id, "loser": loser.id}
				for _, who := range strings.Fields(order) {
					w.applyChange(crm.HubSpot, ids[who])
				}
				w.advance(time.Minute)
				w.hubspot.editAsPerson(survivor, map[string]string{"city": "New"})
				r := w.applyChange(crm.HubSpot, survivor)
				if r.Counterpart.RecordID != left.id || left.fields["Mailing_City"] != "New" || left.counterpartID != survivor {
					t.Errorf("counterpart %s (%s), want %s; it holds %v and names %s", r.Counterpart, r.Reason, left.id, left.fields, left.counterpartID)
				}
				if len(w.zoho.records) != 1 || len(w.failures.list) != 0 {
					t.Errorf("%d records in Zoho, failures %v", len(w.zoho.records), w.failures.list)
				}
			})
		}
	}
}
