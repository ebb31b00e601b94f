package syncer

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
)

// linkCompany maps the company of a contact and links two companies, which have the
// id 9 in HubSpot and 8 in Zoho.
func (w *scenario) linkCompany() {
	w.t.Helper()
	contacts := w.syncer.Mapping.Objects[crm.Contact]
	contacts.Fields = append(contacts.Fields, mapping.Field{Name: "company", HubSpot: "associatedcompanyid", Zoho: "Account_Name", Type: mapping.Company})
	w.syncer.Mapping.Objects[crm.Company] = &mapping.Object{
		Kind: crm.Company, Create: map[crm.System]bool{crm.Zoho: true},
		Fields: []mapping.Field{{Name: "name", HubSpot: "name", Zoho: "Account_Name", Type: mapping.Text}},
	}
	l := Link{ID: "the company", Kind: crm.Company}
	l.HubSpot.RecordID, l.Zoho.RecordID = "9", "8"
	w.hubspot.records["9"], w.zoho.records["8"] = &modelRecord{id: "9"}, &modelRecord{id: "8"}
	if _, err := w.links.SaveLink(w.t.Context(), l); err != nil {
		w.t.Fatal(err)
	}
}

func TestAContactsCompanyIsWrittenUnderTheIdOfEachSide(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"})
	if z.fields["Account_Name"] != "8" {
		t.Fatalf("Zoho has the contact at %q, want 8", z.fields["Account_Name"])
	}
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": ""})
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["associatedcompanyid"] != "" {
		t.Errorf("%s, HubSpot has the contact at %q, want none", r.Outcome, h.fields["associatedcompanyid"])
	}
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "8"})
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["associatedcompanyid"] != "9" {
		t.Errorf("%s, HubSpot has the contact at %q, want 9", r.Outcome, h.fields["associatedcompanyid"])
	}
}

func TestAContactStaysWhereItIsWhenItsCompanyWasDeletedOnOneSide(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"})
	delete(w.zoho.records, "8")
	delete(z.fields, "Account_Name") // Zoho shows none, and no history explains it
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["associatedcompanyid"] != "9" || h.fields["city"] != "Bergen" {
		t.Errorf("%s, HubSpot holds %v", r.Outcome, h.fields)
	}
}

func TestAContactThatWasTakenFromAnAccountWhichWasThenMergedIsTakenFromItsCompany(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"})
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": ""})
	delete(w.zoho.records, "8") // its contacts would be at 7 now
	company := w.links.links["the company"]
	company.Zoho.RecordID = "7"
	w.zoho.records["7"] = &modelRecord{id: "7"}
	if _, err := w.links.SaveLink(t.Context(), company); err != nil {
		t.Fatal(err)
	}
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["associatedcompanyid"] != "" {
		t.Errorf("%s (%s), HubSpot has the contact at %q, want none", r.Outcome, r.Reason, h.fields["associatedcompanyid"])
	}
}

// We cleared the company of a contact and were killed before that was noted. When
// the company is deleted then, the contact is still without it because we wrote so.
func TestACompanyThatWeClearedIsNotTakenForADeletedOne(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"})
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"associatedcompanyid": ""})
	w.zoho.after = func(action string, _ *modelRecord) error {
		if action == "update" {
			return w.zoho.newError(crm.Unavailable, "504")
		}
		return nil
	}
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h.id, op.Updated)); err == nil {
		t.Fatal("the answer of Zoho was not lost")
	}
	w.zoho.after = nil
	delete(w.zoho.records, "8")
	company := w.links.links["the company"]
	company.DeletedOn = crm.Zoho
	w.links.links["the company"] = company
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"associatedcompanyid": "9"})
	w.applyChange(crm.HubSpot, h.id)
	if len(w.failures.list) == 0 || w.failures.list[len(w.failures.list)-1].Code != codeNotLinked {
		t.Errorf("Zoho has the contact at %q, failures: %+v", z.fields["Account_Name"], w.failures.list)
	}
}

// A CRM may answer from a copy that is behind. What it does not show yet is not
// taken for what a person took back.
func TestACopyFromBeforeTheLastReadIsReadAgain(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(jane)
	w.advance(time.Minute)
	var before crm.Record
	w.hubspot.before = func(action string, _ *modelRecord) error {
		if action == "update" {
			before = w.hubspot.asRead(h, true)
		}
		return nil
	}
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "8"})
	w.applyChange(crm.Zoho, z.id)
	behind := 3
	w.hubspot.shows = func(rec crm.Record) crm.Record {
		if behind--; behind >= 0 {
			return before
		}
		return rec
	}
	w.advance(10 * time.Second)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["associatedcompanyid"] != "9" || z.fields["Account_Name"] != "8" || h.fields["city"] != "Bergen" {
		t.Errorf("%s, HubSpot holds %v, Zoho %v", r.Outcome, h.fields, z.fields)
	}
}

// An account that Zoho refuses may have been merged into another one a moment ago:
// what was refused is that record, and not the company.
func TestACompanyThatWasRefusedIsWrittenOnceItsAccountIsAnotherRecord(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(jane)
	w.zoho.refuses = map[string]string{"8": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"associatedcompanyid": "9"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Parked || len(w.failures.list) != 1 {
		t.Fatalf("%s (%s), %d failures", r.Outcome, r.Reason, len(w.failures.list))
	}
	company := w.links.links["the company"]
	company.Zoho.RecordID = "7"
	w.zoho.records["7"] = &modelRecord{id: "7"}
	if _, err := w.links.SaveLink(t.Context(), company); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Account_Name"] != "7" {
		t.Errorf("%s (%s), Zoho has the contact at %q, want 7", r.Outcome, r.Reason, z.fields["Account_Name"])
	}
	if len(w.failures.list) != 0 {
		t.Errorf("still open: %v", w.failures.list)
	}
}

// Zoho sends for a merge that an account was deleted, and nothing of its contacts.
func TestTheContactsOfAMergedAccountWithoutCounterpartAreSynchronisedAgain(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(jane)
	w.zoho.records["6"] = &modelRecord{id: "6"}
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "6"}) // which HubSpot does not have
	w.applyChange(crm.Zoho, z.id)
	if h.fields["associatedcompanyid"] != "" {
		t.Fatalf("HubSpot has the contact at %q", h.fields["associatedcompanyid"])
	}
	w.advance(time.Minute)
	delete(w.zoho.records, "6")
	w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "8"})
	gone := w.newOperation(crm.Zoho, "6", op.Deleted)
	gone.Ref.Kind = crm.Company
	if _, err := w.syncer.Apply(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if len(w.queue) != 1 || w.queue[0].Ref != (crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: z.id}) {
		t.Fatalf("published %v, want an operation on the contact", w.queue)
	}
	w.advance(time.Minute)
	if _, err := w.syncer.Apply(t.Context(), w.queue[0]); err != nil || h.fields["associatedcompanyid"] != "9" {
		t.Errorf("HubSpot has the contact at %q, want 9 (%v)", h.fields["associatedcompanyid"], err)
	}
}

func TestACompanyThatDoesNotChangeCostsNoLookUp(t *testing.T) {
	w := newScenario(t)
	w.linkCompany()
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"})
	w.advance(time.Minute)
	w.applyChange(crm.Zoho, z.id)
	reads, saves := w.links.reads, w.links.saves
	for range 2 {
		echo := w.newOperation(crm.HubSpot, h.id, op.Updated)
		echo.OccurredAt = h.modified.Add(time.Millisecond)
		if cost := w.applyAndCount(echo, Unchanged); cost.calls != 1 {
			t.Errorf("an echo cost %d calls", cost.calls)
		}
	}
	if n := w.links.reads - reads; n != 2 || w.links.saves != saves {
		t.Errorf("two echoes cost %d reads and %d writes of the store, want 2 and 0", n, w.links.saves-saves)
	}
	reads, saves = w.links.reads, w.links.saves
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Bergen"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Account_Name"] != "8" {
		t.Errorf("%s, Zoho has the contact at %q", r.Outcome, z.fields["Account_Name"])
	}
	if reads, saves := w.links.reads-reads, w.links.saves-saves; reads > 2 || saves > 2 {
		t.Errorf("an edit beside the company cost %d reads and %d writes of the store, want 2 and 2 at most", reads, saves)
	}
}
