package syncer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

var jane = map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Oslo"}

func TestANewContactInHubSpotIsCreatedInZoho(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	want := map[string]string{"Email": "jane@example.com", "Last_Name": "Doe", "Mailing_City": "Oslo"}
	if diff := cmp.Diff(want, z.fields); diff != "" {
		t.Errorf("in Zoho (-want +got):\n%s", diff)
	}
	if z.twin != h.id || h.twin != z.id {
		t.Errorf("ids on the records: Zoho says %s, HubSpot says %s", z.twin, h.twin)
	}
}

func TestQuietAfterwards(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	writes := w.hubspot.writes + w.zoho.writes
	for range 3 {
		for _, r := range []Result{w.tell(crm.Zoho, z.id), w.tell(crm.HubSpot, h.id)} {
			if r.Outcome != Unchanged || r.Calls != 1 {
				t.Errorf("an echo ended %s with %d calls, want unchanged with 1", r.Outcome, r.Calls)
			}
		}
	}
	if got := w.hubspot.writes + w.zoho.writes; got != writes {
		t.Errorf("%d writes after the pair was at rest", got-writes)
	}
}

func TestAnEditGoesToTheOtherSide(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Bergen"})
	if r := w.tell(crm.Zoho, z.id); r.Outcome != Updated || h.fields["city"] != "Bergen" {
		t.Errorf("%s, HubSpot holds %q", r.Outcome, h.fields["city"])
	}
	w.wait(time.Minute)
	w.hubspot.person(h.id, map[string]string{"city": "Troms\u00f8"})
	before := w.links.reads + w.links.saves
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "Troms\u00f8" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	if got := w.links.reads + w.links.saves - before; got > 3 {
		t.Errorf("%d reads and writes of the store for one edit, want at most 1 and 2", got)
	}
}

func TestMostRecentWinsFieldByField(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"city": "HubSpot city", "jobtitle": "HubSpot title"})
	w.wait(5 * time.Second)
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Zoho city"})
	w.wait(5 * time.Second)
	w.hubspot.person(h.id, map[string]string{"lastname": "Later"})
	w.wait(5 * time.Second)
	w.tell(crm.HubSpot, h.id)
	want := map[string]string{"email": "jane@example.com", "lastname": "Later", "city": "Zoho city", "jobtitle": "HubSpot title"}
	if diff := cmp.Diff(want, h.fields); diff != "" {
		t.Errorf("HubSpot (-want +got):\n%s", diff)
	}
	if z.fields["Mailing_City"] != "Zoho city" || z.fields["Last_Name"] != "Later" || z.fields["Title"] != "HubSpot title" {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

func TestAClearedFieldIsClearedOnTheOtherSide(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.zoho.person(z.id, map[string]string{"Mailing_City": ""})
	w.tell(crm.Zoho, z.id)
	if _, there := h.fields["city"]; there {
		t.Error("the cleared city is still in HubSpot")
	}
}

func TestAClearOfARequiredFieldIsKeptBack(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"lastname": ""})
	for range 3 {
		w.tell(crm.HubSpot, h.id)
		w.wait(10 * time.Second)
	}
	if z.fields["Last_Name"] != "Doe" || h.fields["lastname"] != "" {
		t.Errorf("Zoho %q, HubSpot %q", z.fields["Last_Name"], h.fields["lastname"])
	}
}

func TestAnEditInZohoOfARecordThatHubSpotDoesNotHaveIsIgnored(t *testing.T) {
	w := newWorld(t)
	id := w.zoho.person("", map[string]string{"Last_Name": "Cold", "Email": "cold@example.com"})
	if r := w.tell(crm.Zoho, id); r.Outcome != Ignored || r.Reason != "no_counterpart" {
		t.Errorf("%s (%s)", r.Outcome, r.Reason)
	}
	if len(w.hubspot.records)+w.hubspot.creates+w.links.saves != 0 {
		t.Error("something was made")
	}
}

func TestAnExistingZohoRecordIsMetByEmail(t *testing.T) {
	w := newWorld(t)
	z := w.zoho.person("", map[string]string{"Last_Name": "Old", "Email": "jane@example.com", "Title": "CEO"})
	w.wait(time.Hour)
	h := w.hubspot.person("", jane)
	w.wait(time.Hour)
	w.zoho.person(z, map[string]string{"Mailing_City": "Newest"})
	if r := w.tell(crm.HubSpot, h); r.Outcome != Updated {
		t.Errorf("outcome %s (%s)", r.Outcome, r.Reason)
	}
	if len(w.zoho.records) != 1 {
		t.Fatalf("%d records in Zoho", len(w.zoho.records))
	}
	want := map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Newest", "jobtitle": "CEO"}
	if diff := cmp.Diff(want, w.hubspot.records[h].fields); diff != "" {
		t.Errorf("HubSpot (-want +got):\n%s", diff)
	}
	if got := w.zoho.records[z].fields["Last_Name"]; got != "Doe" {
		t.Errorf("Zoho's last name is %q", got)
	}
}

func TestAnEmailChangedAfterLinkingStaysWithItsRecord(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"email": "jane@new.example.com"})
	w.tell(crm.HubSpot, h.id)
	if z.fields["Email"] != "jane@new.example.com" || len(w.zoho.records) != 1 {
		t.Errorf("Zoho has %d records, the e-mail is %q", len(w.zoho.records), z.fields["Email"])
	}
}

func TestARefusedFieldIsParkedAndTheRestWritten(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.person(h.id, map[string]string{"city": "bad", "jobtitle": "CTO"})
	r := w.tell(crm.HubSpot, h.id)
	if r.Outcome != Updated || len(r.Refused) != 1 || z.fields["Title"] != "CTO" {
		t.Errorf("%s, refused %v, title %q", r.Outcome, r.Refused, z.fields["Title"])
	}
	if len(w.failures.list) != 1 {
		t.Fatalf("%d failures recorded, want 1", len(w.failures.list))
	}
	writes := w.zoho.writes
	w.wait(time.Minute)
	w.tell(crm.HubSpot, h.id)
	if w.zoho.writes != writes || len(w.failures.list) != 1 {
		t.Error("the refused value was sent again")
	}
	// A person's edit of another field must not revive the old city.
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Title": "CIO"})
	w.tell(crm.Zoho, z.id)
	if h.fields["city"] != "bad" || h.fields["jobtitle"] != "CIO" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
}

func TestASuccessClosesTheFailuresOfThePair(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.person(h.id, map[string]string{"city": "bad"})
	w.tell(crm.HubSpot, h.id)
	w.wait(time.Minute)
	w.failures.resolved = nil
	w.hubspot.person(h.id, map[string]string{"jobtitle": "CTO"})
	if r := w.tell(crm.HubSpot, h.id); r.Resolved != 0 || w.failures.resolved != nil {
		t.Error("closed while the city is still refused")
	}
	w.wait(time.Minute)
	w.hubspot.person(h.id, map[string]string{"city": "good"})
	if r := w.tell(crm.HubSpot, h.id); r.Resolved != 1 {
		t.Errorf("%d failures closed, want 1", r.Resolved)
	}
	w.wait(time.Minute)
	w.failures.resolved = nil
	w.hubspot.person(h.id, map[string]string{"city": "better"})
	if w.tell(crm.HubSpot, h.id); w.failures.resolved != nil {
		t.Error("a healthy pair costs a look at the failures")
	}
}

func TestAPersonWhoAsksGetsARefusedFieldTriedAgain(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.zoho.refuses = map[string]string{"Tromsø": "INVALID_DATA"}
	w.hubspot.person(h.id, map[string]string{"city": "Tromsø"})
	w.tell(crm.HubSpot, h.id)
	w.zoho.refuses = nil // somebody put it right
	w.wait(time.Minute)
	o := w.op(crm.HubSpot, h.id, op.Requested)
	o.ReplayOf = "op-1"
	r, err := w.syncer.Apply(context.Background(), o)
	if err != nil || r.Outcome != Updated || z.fields["Mailing_City"] != "Tromsø" || r.Resolved != 1 {
		t.Errorf("%s, %d resolved, Zoho holds %q, %v", r.Outcome, r.Resolved, z.fields["Mailing_City"], err)
	}
}

func TestAnOperationThatWasGivenUpIsClosedByTheNext(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	f := Failure{Operation: w.op(crm.HubSpot, h.id, op.Updated), Side: crm.Zoho, Action: "apply", Code: "EXHAUSTED"}
	if err := w.syncer.GiveUp(context.Background(), f); err != nil || len(w.failures.list) != 1 {
		t.Fatalf("%d failures, %v", len(w.failures.list), err)
	}
	w.hubspot.person(h.id, map[string]string{"city": "New"})
	if r := w.tell(crm.HubSpot, h.id); r.Resolved != 1 {
		t.Errorf("%d failures closed, want 1", r.Resolved)
	}
}

func TestWhatAPersonAskedForAgainIsClosedAndWhatStillFailsStaysOpen(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	w.zoho.refuses = map[string]string{"Tromsø": "INVALID_DATA"}
	w.hubspot.person(h.id, map[string]string{"city": "Tromsø"})
	w.tell(crm.HubSpot, h.id)
	given := Failure{Operation: w.op(crm.HubSpot, h.id, op.Updated), Side: crm.Zoho, Action: "apply", Code: "EXHAUSTED"}
	if err := w.syncer.GiveUp(context.Background(), given); err != nil || len(w.failures.list) != 2 {
		t.Fatalf("%d failures, %v", len(w.failures.list), err)
	}
	w.wait(time.Minute)
	o := w.op(crm.HubSpot, h.id, op.Requested)
	w.wait(time.Second)
	r, err := w.syncer.Apply(context.Background(), o)
	if err != nil || r.Outcome != Parked || r.Resolved != 2 {
		t.Errorf("%s, %d resolved, %v", r.Outcome, r.Resolved, err)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != "INVALID_DATA" || w.failures.list[0].Operation.ID != o.ID {
		t.Errorf("open afterwards: %+v", w.failures.list)
	}
}

func TestAFailureOfARecordThatIsGoneIsClosedWhenAPersonAsks(t *testing.T) {
	w := newWorld(t)
	ref := w.op(crm.HubSpot, "4711", op.Updated)
	if err := w.syncer.GiveUp(context.Background(), Failure{Operation: ref, Action: "apply", Code: "EXHAUSTED"}); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Minute)
	r, err := w.syncer.Apply(context.Background(), w.op(crm.HubSpot, "4711", op.Requested))
	if err != nil || r.Outcome != Ignored || r.Resolved != 1 || len(w.failures.list) != 0 {
		t.Errorf("%s, %d resolved, %d open, %v", r.Outcome, r.Resolved, len(w.failures.list), err)
	}
}

func TestWithoutAFieldForTheOthersIdInHubSpotTheRestGoesOn(t *testing.T) {
	w := newWorld(t)
	w.hubspot.noTwin = true
	h, z := w.pair(jane)
	if z.twin != h.id || h.twin != "" || len(w.failures.list) != 1 {
		t.Fatalf("Zoho names %q, HubSpot %q, %d failures", z.twin, h.twin, len(w.failures.list))
	}
	for i, city := range []string{"Bergen", "Oslo"} {
		w.zoho.person(z.id, map[string]string{"Mailing_City": city})
		if r := w.tell(crm.Zoho, z.id); r.Outcome != Updated || h.fields["city"] != city {
			t.Errorf("edit %d: %s, HubSpot holds %q", i, r.Outcome, h.fields["city"])
		}
		w.wait(time.Minute)
	}
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Unchanged && r.Outcome != Covered {
		t.Errorf("the echo ended as %s", r.Outcome)
	}
	if len(w.failures.list) != 1 || w.hubspot.writes != 2 || w.zoho.creates != 1 {
		t.Errorf("%d failures, %d writes to HubSpot, %d creations", len(w.failures.list), w.hubspot.writes, w.zoho.creates)
	}
}

func TestAContactThatZohoCannotTakeIsParked(t *testing.T) {
	w := newWorld(t)
	id := w.hubspot.person("", map[string]string{"email": "x@example.com"})
	if r := w.tell(crm.HubSpot, id); r.Outcome != Parked {
		t.Errorf("outcome %s", r.Outcome)
	}
	want := []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY"}}
	if diff := cmp.Diff(want, w.failures.list[0].Fields); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	w.wait(time.Minute)
	w.hubspot.person(id, map[string]string{"lastname": "Now"})
	if r := w.tell(crm.HubSpot, id); r.Outcome != Created {
		t.Errorf("after the name was added: %s", r.Outcome)
	}
}

func TestACreateWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	lost := errors.New("connection reset")
	w.zoho.after = func(action string, _ *modelRecord) error {
		if action == "create" {
			return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable, Ambiguous: true, Err: lost}
		}
		return nil
	}
	id := w.hubspot.person("", jane)
	o := w.op(crm.HubSpot, id, op.Created)
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
	w.wait(time.Minute)
	w.tell(crm.HubSpot, id)
	if w.zoho.writes+w.hubspot.writes != writes {
		t.Error("not at rest")
	}
}

func TestARecordWithoutAKeyIsFoundAgainByTheIdItCarries(t *testing.T) {
	w := newWorld(t)
	w.zoho.after = func(action string, _ *modelRecord) error {
		if action == "create" {
			return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable, Ambiguous: true}
		}
		return nil
	}
	id := w.hubspot.person("", map[string]string{"lastname": "Nomail"})
	o := w.op(crm.HubSpot, id, op.Created)
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
		t.Errorf("twin %s, %v", r.Counterpart, err)
	}
}

func TestAnEditDuringOurWriteIsNotLost(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"city": "First"})
	edited := false
	w.zoho.before = func(action string, r *modelRecord) error {
		if action == "update" && !edited {
			edited = true
			w.wait(1500 * time.Millisecond)
			w.zoho.person(r.id, map[string]string{"Mailing_City": "Second"})
		}
		return nil
	}
	w.tell(crm.HubSpot, h.id)
	if h.fields["city"] != "Second" || z.fields["Mailing_City"] != "Second" {
		t.Errorf("HubSpot %q, Zoho %q, want Second on both", h.fields["city"], z.fields["Mailing_City"])
	}
}

func TestASideThatReformatsDoesNotPingPong(t *testing.T) {
	w := newWorld(t)
	w.zoho.stores = func(field, v string) string {
		if field == "Mailing_City" && len(v) > 5 {
			return v[:5]
		}
		return v
	}
	h, z := w.pair(map[string]string{"email": "a@b.example", "lastname": "X", "city": "Reykjavik"})
	for range 4 {
		w.wait(time.Minute)
		w.tell(crm.Zoho, z.id)
		w.tell(crm.HubSpot, h.id)
	}
	if h.fields["city"] != "Reykjavik" || z.fields["Mailing_City"] != "Reykj" || w.zoho.writes > 3 {
		t.Errorf("HubSpot %q, Zoho %q after %d writes", h.fields["city"], z.fields["Mailing_City"], w.zoho.writes)
	}
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.tell(crm.Zoho, z.id)
	if h.fields["city"] != "Oslo" {
		t.Errorf("HubSpot holds %q", h.fields["city"])
	}
}

func TestACopyInARecordThatAPersonMadeIsNoEditWhenTheStoreIsLost(t *testing.T) {
	w := newWorld(t)
	w.zoho.stores = func(_, v string) string { return strings.TrimSuffix(v, "vik") }
	id := w.hubspot.person("", map[string]string{"email": "a@b.example", "lastname": "X", "city": "Reykjavik"})
	w.wait(10 * time.Second)
	made := w.zoho.person("", map[string]string{"Email": "a@b.example", "Last_Name": "X"})
	w.wait(10 * time.Second)
	w.tell(crm.HubSpot, id)
	h, z := w.hubspot.records[id], w.zoho.records[made]
	if z.fields["Mailing_City"] != "Reykja" || z.twin != id {
		t.Fatalf("Zoho holds %v and names %q", z.fields, z.twin)
	}
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.wait(time.Hour)
	w.zoho.person(made, map[string]string{"Last_Name": "Y"})
	w.tell(crm.Zoho, made)
	if h.fields["city"] != "Reykjavik" || h.fields["lastname"] != "Y" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
}

func TestADeletedRecordIsNeitherRecreatedNorItsTwinDeleted(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	delete(w.zoho.records, z.id)
	if r := w.tell(crm.Zoho, z.id); r.Outcome != Ignored {
		t.Errorf("deletion: %s", r.Outcome)
	}
	w.wait(time.Minute)
	w.hubspot.person(h.id, map[string]string{"city": "Elsewhere"})
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Ignored || r.Reason != "counterpart_deleted" {
		t.Errorf("a later edit: %s (%s)", r.Outcome, r.Reason)
	}
	if len(w.zoho.records) != 0 || len(w.hubspot.records) != 1 {
		t.Error("a record came back or went")
	}
}

func TestARestoredRecordIsBroughtUpToDate(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	delete(w.zoho.records, z.id)
	w.tell(crm.Zoho, z.id)
	w.wait(time.Minute)
	w.hubspot.person(h.id, map[string]string{"city": "Meanwhile"})
	w.tell(crm.HubSpot, h.id)
	w.zoho.records[z.id] = z
	if r := w.tell(crm.Zoho, z.id); r.Outcome != Updated || z.fields["Mailing_City"] != "Meanwhile" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Unchanged {
		t.Errorf("afterwards: %s (%s)", r.Outcome, r.Reason)
	}
}

// A deletion closes what failed on the record, since nothing can be done about it
// any more. When the record is restored it can, and a person has to be told.
func TestWhatARecordWasRefusedIsToldAnewWhenItIsRestored(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.person(h.id, map[string]string{"city": "bad"})
	w.tell(crm.HubSpot, h.id)
	w.wait(time.Minute)
	delete(w.hubspot.records, h.id)
	w.tell(crm.HubSpot, h.id)
	w.wait(time.Minute)
	if w.tell(crm.HubSpot, h.id); len(w.failures.list) != 0 {
		t.Fatalf("of a record that is gone %d failures are open", len(w.failures.list))
	}
	w.hubspot.records[h.id] = h
	if r := w.tell(crm.HubSpot, h.id); len(r.Refused) != 1 || len(w.failures.list) != 1 {
		t.Errorf("%s, refused %v, %d failures are open", r.Outcome, r.Refused, len(w.failures.list))
	}
}

func TestAMergedRecordTakesItsLinkAlong(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	survivor := w.hubspot.person("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Kept"})
	h.mergedInto = survivor
	w.wait(time.Second)
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || r.Counterpart.RecordID != z.id {
		t.Errorf("%s (%s), twin %s", r.Outcome, r.Reason, r.Counterpart)
	}
	if z.fields["Mailing_City"] != "Kept" || z.twin != survivor || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v, twin %s", z.fields, z.twin)
	}
}

func TestAnOperationThatALaterReadHasSeenIsCovered(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	early := w.op(crm.HubSpot, h.id, op.Updated)
	w.wait(time.Minute)
	w.hubspot.person(h.id, map[string]string{"city": "Later"})
	w.tell(crm.HubSpot, h.id)
	reads := w.links.reads
	r, err := w.syncer.Apply(context.Background(), early)
	if err != nil || r.Outcome != Covered || r.Calls != 0 || w.links.reads-reads != 1 {
		t.Errorf("%s, %d calls, %d reads of the store, %v", r.Outcome, r.Calls, w.links.reads-reads, err)
	}
}

func TestAPairInOtherHandsIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	h, _ := w.pair(jane)
	for id, l := range w.links.links {
		l.Lease = Lease{Holder: "someone", Until: w.clock.now.Add(leaseTime)}
		w.links.links[id] = l
	}
	w.hubspot.person(h.id, map[string]string{"city": "Waits"})
	writes, reads := w.zoho.writes, w.links.reads
	if _, err := w.syncer.Apply(context.Background(), w.op(crm.HubSpot, h.id, op.Updated)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if n := w.links.reads - reads; n < 5 || n > 15 {
		t.Errorf("looked at the lease %d times in %v, want soon at first and then now and then", n, busyWait)
	}
	if w.zoho.writes != writes {
		t.Error("wrote under another handler's lease")
	}
	w.wait(leaseTime)
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated {
		t.Errorf("after the lease ran out: %s", r.Outcome)
	}
}

func TestAShortRateLimitIsWaitedOut(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"city": "New"})
	limited := 0
	w.zoho.before = func(action string, _ *modelRecord) error {
		if limited++; limited <= 2 {
			return &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: time.Second}
		}
		return nil
	}
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "New" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	w.hubspot.person(h.id, map[string]string{"city": "Newer"})
	w.zoho.before = func(string, *modelRecord) error {
		return &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: time.Hour}
	}
	start := w.clock.now
	_, err := w.syncer.Apply(context.Background(), w.op(crm.HubSpot, h.id, op.Updated))
	if !crm.IsKind(err, crm.RateLimited) || w.clock.now.Sub(start) > busyWait {
		t.Errorf("a long limit: %v after %s", err, w.clock.now.Sub(start))
	}
}

func TestADecisionOvertakenByAnotherHandlerIsTakenAgain(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.hubspot.person(h.id, map[string]string{"city": "New"})
	once := false
	w.links.before = func(string) error {
		if !once {
			once = true
			return ErrChanged
		}
		return nil
	}
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "New" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
}

func TestASecondRecordWithATakenTwinIsParked(t *testing.T) {
	w := newWorld(t)
	w.pair(jane)
	second := w.hubspot.person("", jane)
	r := w.tell(crm.HubSpot, second)
	if r.Outcome != Parked || r.Reason != "COUNTERPART_IS_LINKED" || len(w.zoho.records) != 1 {
		t.Errorf("%s (%s), %d records in Zoho", r.Outcome, r.Reason, len(w.zoho.records))
	}
}

func TestAnEmailTakenByAnotherRecordDoesNotHoldUpTheRest(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.zoho.before = func(action string, _ *modelRecord) error {
		if action == "update" && w.zoho.writes < 2 {
			w.zoho.writes++
			return &crm.Error{System: crm.Zoho, Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "77"}
		}
		return nil
	}
	w.hubspot.person(h.id, map[string]string{"email": "taken@example.com", "city": "New"})
	r := w.tell(crm.HubSpot, h.id)
	if diff := cmp.Diff([]string{"zoho:email"}, r.Refused); diff != "" || z.fields["Mailing_City"] != "New" {
		t.Errorf("city %q, refused (-want +got):\n%s", z.fields["Mailing_City"], diff)
	}
}

func TestAnotherHashKeyForgetsWithoutHarm(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.syncer.hash = hasher{[]byte("another key, as long")}
	w.wait(time.Hour)
	writes := w.hubspot.writes + w.zoho.writes
	if r := w.tell(crm.Zoho, z.id); r.Outcome != Unchanged || w.hubspot.writes+w.zoho.writes != writes {
		t.Errorf("%s, %d writes", r.Outcome, w.hubspot.writes+w.zoho.writes-writes)
	}
	w.hubspot.person(h.id, map[string]string{"city": "After"})
	if w.tell(crm.HubSpot, h.id); z.fields["Mailing_City"] != "After" {
		t.Errorf("Zoho holds %q", z.fields["Mailing_City"])
	}
}

func TestARecordReadBeforeItWasLinkedIsReadAgain(t *testing.T) {
	w := newWorld(t)
	h := w.hubspot.person("", jane)
	z := w.zoho.person("", map[string]string{"Last_Name": "Doe", "Email": "jane@example.com"})
	linked := false
	w.zoho.after = func(action string, r *modelRecord) error {
		if action == "read" && r.id == z && !linked {
			linked = true // while Zoho's operation holds what it read, HubSpot's is applied
			w.tell(crm.HubSpot, h)
		}
		return nil
	}
	w.tell(crm.Zoho, z)
	w.tell(crm.HubSpot, h)
	if h, z := w.hubspot.records[h].fields["city"], w.zoho.records[z].fields["Mailing_City"]; h != "Oslo" || z != "Oslo" {
		t.Errorf("HubSpot %q, Zoho %q, want Oslo on both", h, z)
	}
}

func TestAWeakKeyDoesNotMakeTwinsOfRecordsThatDifferInAStrongOne(t *testing.T) {
	w := newWorld(t)
	w.syncer.Mapping.Objects[crm.Contact].Match = []string{"email", "last_name"}
	other := w.zoho.person("", map[string]string{"Last_Name": "Doe", "Email": "john@example.com"})
	_, z := w.pair(jane)
	if z.id == other {
		t.Error("linked to another person of the same name")
	}
	nameless := w.zoho.person("", map[string]string{"Last_Name": "Roe"})
	id := w.hubspot.person("", map[string]string{"lastname": "Roe", "email": "roe@example.com"})
	if r := w.tell(crm.HubSpot, id); r.Counterpart.RecordID != nameless {
		t.Errorf("twin %s, want the one with the same name and no e-mail", r.Counterpart)
	}
}

func TestTheSurvivorOfAMergeKeepsTheTwinThatItNames(t *testing.T) {
	for _, first := range []string{"the loser's operation comes first", "the survivor's operation comes first"} {
		t.Run(first, func(t *testing.T) {
			w := newWorld(t)
			primary, kept := w.pair(jane)
			loser, left := w.pair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
			survivor := w.hubspot.person("", jane)
			w.hubspot.records[survivor].twin = kept.id
			primary.twin = ""
			primary.mergedInto, loser.mergedInto = survivor, survivor
			ids := []string{loser.id, survivor, primary.id}
			if first[4] == 's' {
				ids = []string{survivor, primary.id, loser.id}
			}
			for _, id := range ids {
				w.tell(crm.HubSpot, id)
			}
			w.wait(time.Minute)
			w.hubspot.person(survivor, map[string]string{"city": "New"})
			if r := w.tell(crm.HubSpot, survivor); r.Counterpart.RecordID != kept.id || kept.fields["Mailing_City"] != "New" || kept.twin != survivor {
				t.Errorf("twin %s (%s), want %s; it holds %v and names %s", r.Counterpart, r.Reason, kept.id, kept.fields, kept.twin)
			}
			if left.fields["Mailing_City"] != "" || len(w.zoho.records) != 2 {
				t.Error("the loser's twin was touched")
			}
		})
	}
}

// What a read after a write shows of a record that was merged meanwhile is
// another pair's.
func TestARecordThatIsMergedWhileItIsWrittenToIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	survivor, kept := w.pair(map[string]string{"email": "j@example.com", "lastname": "Roe", "city": "Rome"})
	w.wait(time.Hour)
	w.zoho.person(z.id, map[string]string{"Title": "Typed"})
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "update" && r == h {
			h.mergedInto = survivor.id
		}
		return nil
	}
	w.tell(crm.Zoho, z.id)
	if survivor.fields["lastname"] != "Roe" || survivor.fields["city"] != "Rome" || survivor.twin != kept.id {
		t.Errorf("the survivor holds %v and names %s", survivor.fields, survivor.twin)
	}
	if z.fields["Mailing_City"] != "Oslo" || kept.fields["Mailing_City"] != "Rome" {
		t.Errorf("Zoho holds %v and %v", z.fields, kept.fields)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != codeCounterpartOfMerged {
		t.Errorf("failures %v, want the twin that is left over", w.failures.list)
	}
}

// What was decided on the loser's pair and not yet written must not be lost with
// its link, although the survivor has begun one of its own.
func TestASurvivorThatIsStillToBeCreatedTakesOverWhatWasDecided(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.wait(time.Minute)
	w.zoho.before = func(action string, _ *modelRecord) error {
		if action == "update" || action == "create" {
			return w.zoho.fail(crm.Unavailable, "503")
		}
		return nil
	}
	w.hubspot.person(h.id, map[string]string{"city": ""})
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Updated)); err == nil {
		t.Fatal("Zoho was written to")
	}
	survivor := w.hubspot.person("", map[string]string{"email": "j@example.com", "lastname": "Doe"})
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, survivor, op.Created)); err == nil {
		t.Fatal("the survivor was created in Zoho")
	}
	w.zoho.before = nil
	h.mergedInto = survivor
	w.wait(time.Hour)
	w.tell(crm.HubSpot, survivor)
	if _, kept := z.fields["Mailing_City"]; kept || z.twin != survivor || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v, which names %s, and %d records", z.fields, z.twin, len(w.zoho.records))
	}
}

// A failure is known by the record and the cause: two twins that are left over
// must not be told under one record, of which the second would hide the first.
func TestEveryTwinThatIsLeftOverIsToldUnderTheRecordThatWasMerged(t *testing.T) {
	w := newWorld(t)
	a, za := w.pair(map[string]string{"email": "a@example.com", "lastname": "A"})
	b, zb := w.pair(map[string]string{"email": "b@example.com", "lastname": "B"})
	c, _ := w.pair(map[string]string{"email": "c@example.com", "lastname": "C"})
	survivor := w.hubspot.records[w.hubspot.person("", map[string]string{"email": "a@example.com", "lastname": "A"})]
	a.mergedInto, b.mergedInto = survivor.id, survivor.id
	first := true
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "read" && r == survivor && first {
			first = false // while the survivor's operation holds what it read, a's is applied
			w.tell(crm.HubSpot, a.id)
		}
		return nil
	}
	w.tell(crm.HubSpot, survivor.id)
	survivor.mergedInto = c.id
	w.tell(crm.HubSpot, survivor.id)
	told := map[string]string{}
	for _, f := range w.failures.list {
		told[f.Operation.Ref.RecordID] = f.Record.RecordID
	}
	if diff := cmp.Diff(map[string]string{b.id: zb.id, survivor.id: za.id}, told); diff != "" {
		t.Errorf("told of, by the record that was merged (-want +got):\n%s", diff)
	}
}

// Whoever is killed between the end of a tombstone and what takes its place has
// lost the tombstone.
func TestATombstoneStaysUntilSomethingTakesItsPlace(t *testing.T) {
	w := newWorld(t)
	h, gone := w.pair(jane)
	other, left := w.pair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
	delete(w.zoho.records, gone.id)
	w.tell(crm.Zoho, gone.id)
	delete(w.hubspot.records, other.id)
	w.tell(crm.HubSpot, other.id)
	w.zoho.person(left.id, map[string]string{"Email": "jane@example.com"}) // it would be its twin now
	w.links.before = func(string) error { return errors.New("killed") }
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h.id, op.Updated)); err == nil {
		t.Fatal("nothing was to be stored")
	}
	w.links.before = nil
	w.zoho.person(left.id, map[string]string{"Email": "j@example.com"})
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Ignored || len(w.zoho.records) != 1 {
		t.Errorf("%s (%s), %d records in Zoho: what a person deleted was made anew", r.Outcome, r.Reason, len(w.zoho.records))
	}
}

// A twin that was deleted must not keep the survivor from the one that lives.
func TestTheSurvivorOfAMergeTakesOverTheTwinThatLives(t *testing.T) {
	for _, names := range []string{"nobody", "the twin that is gone"} {
		for _, order := range []string{"survivor primary loser", "primary survivor loser", "primary loser survivor", "loser survivor primary", "survivor loser primary"} {
			t.Run("names "+names+", "+order, func(t *testing.T) {
				w := newWorld(t)
				primary, gone := w.pair(jane)
				loser, left := w.pair(map[string]string{"email": "j@example.com", "lastname": "Doe"})
				delete(w.zoho.records, gone.id)
				w.tell(crm.Zoho, gone.id)
				survivor := w.hubspot.person("", jane)
				if names != "nobody" {
					w.hubspot.records[survivor].twin = gone.id
				}
				primary.mergedInto, loser.mergedInto = survivor, survivor
				ids := map[string]string{"survivor": survivor, "primary": primary.id, "loser": loser.id}
				for _, who := range strings.Fields(order) {
					w.tell(crm.HubSpot, ids[who])
				}
				w.wait(time.Minute)
				w.hubspot.person(survivor, map[string]string{"city": "New"})
				r := w.tell(crm.HubSpot, survivor)
				if r.Counterpart.RecordID != left.id || left.fields["Mailing_City"] != "New" || left.twin != survivor {
					t.Errorf("twin %s (%s), want %s; it holds %v and names %s", r.Counterpart, r.Reason, left.id, left.fields, left.twin)
				}
				if len(w.zoho.records) != 1 || len(w.failures.list) != 0 {
					t.Errorf("%d records in Zoho, failures %v", len(w.zoho.records), w.failures.list)
				}
			})
		}
	}
}

func TestARestoredRecordIsFinishedByTheNextOperationWhenItsOwnIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.hubspot.noTwin = true
	h, z := w.pair(jane)
	delete(w.zoho.records, z.id)
	w.tell(crm.Zoho, z.id)
	w.zoho.records[z.id] = z
	w.failures.list = nil
	w.hubspot.before = func(action string, _ *modelRecord) error {
		if action == "update" {
			return w.hubspot.fail(crm.Unavailable, "503")
		}
		return nil
	}
	w.wait(time.Minute)
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.Zoho, z.id, op.Restored)); err == nil {
		t.Fatal("HubSpot was written to")
	}
	w.hubspot.before = nil
	w.wait(time.Minute)
	w.tell(crm.Zoho, z.id)
	if len(w.failures.list) != 1 || w.failures.list[0].Operation.Ref.RecordID != z.id {
		t.Errorf("told %v, want that HubSpot takes no id", w.failures.list)
	}
	if l, _, _ := w.links.FindLink(t.Context(), crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: h.id}); !l.HubSpot.CounterpartIDRefused || !l.Complete() {
		t.Errorf("link %+v", l.HubSpot)
	}
}

// One side was read before the other typed again what both showed: an edit that the
// first shows later may still be from before that.
func TestAnEditFromBeforeTheBaseIsToldByItsHistory(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.wait(time.Hour)
	w.hubspot.after = func(action string, r *modelRecord) error {
		if action == "update" && r == h {
			w.hubspot.after = nil
			for _, edit := range []func(){
				func() { w.hubspot.person(h.id, map[string]string{"jobtitle": "B"}) },
				func() { w.zoho.person(z.id, map[string]string{"Title": "B"}) },
				func() { w.hubspot.person(h.id, map[string]string{"jobtitle": ""}) },
			} {
				w.wait(5 * time.Second)
				edit()
			}
		}
		return nil
	}
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.tell(crm.Zoho, z.id)
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.tell(crm.Zoho, z.id)
	if h.fields["jobtitle"] != "" || z.fields["Title"] != "" {
		t.Errorf("HubSpot holds %q, Zoho %q: the clear was the latest", h.fields["jobtitle"], z.fields["Title"])
	}
}

// What a person asks for closes what failed before, since all of it is tried anew;
// what is not, because something else is in the way, must not be forgotten.
func TestWhatWasRefusedIsToldAgainAfterARequestThatDidNotComeToIt(t *testing.T) {
	w := newWorld(t)
	w.zoho.refuses = map[string]string{"Bad": "INVALID_DATA"}
	down := func(action string, _ *modelRecord) error {
		if action == "create" && len(w.failures.list) > 0 { // after the refusal was told
			return w.zoho.fail(crm.Unavailable, "503")
		}
		return nil
	}
	w.zoho.before = down
	h := w.hubspot.person("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "jobtitle": "Bad"})
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h, op.Created)); err == nil || len(w.failures.list) != 1 {
		t.Fatalf("%v, %d failures", err, len(w.failures.list))
	}
	w.zoho.before = nil
	other := w.hubspot.person("", map[string]string{"email": "john@example.com", "lastname": "Roe"})
	taken := w.zoho.person("", map[string]string{"Email": "jane@example.com", "Last_Name": "Roe"})
	w.zoho.records[taken].twin = other
	w.wait(time.Minute)
	r, err := w.syncer.Apply(t.Context(), w.op(crm.HubSpot, h, op.Requested))
	if err != nil || r.Reason != "COUNTERPART_IS_LINKED" {
		t.Fatalf("%s (%s), %v", r.Outcome, r.Reason, err)
	}
	w.failures.list = nil // as if all that failed before were closed
	w.zoho.records[taken].fields["Email"] = "roe@example.com"
	w.wait(time.Minute)
	if r := w.tell(crm.HubSpot, h); r.Outcome != Created || len(w.failures.list) != 1 || w.failures.list[0].Code != "INVALID_DATA" {
		t.Errorf("%s, told %v, want what Zoho refuses", r.Outcome, w.failures.list)
	}
}

// brakeOn is a brake that is on for the records of one side.
type brakeOn crm.System

func (b brakeOn) AllowClear(_ context.Context, r crm.Ref) error {
	if r.System == crm.System(b) {
		return errors.New("held")
	}
	return nil
}

func TestWhatIsHeldClearsNothing(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.syncer.Safeguard = brakeOn(crm.HubSpot)
	w.zoho.person(z.id, map[string]string{"Title": "Typed"})
	if w.tell(crm.Zoho, z.id); h.fields["jobtitle"] != "Typed" {
		t.Error("a value that clears nothing was held")
	}
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Title": "Later", "Mailing_City": ""})
	cleared := w.op(crm.Zoho, z.id, op.Updated)
	if _, err := w.syncer.Apply(t.Context(), cleared); err == nil || h.fields["city"] != "Oslo" || h.fields["jobtitle"] != "Typed" {
		t.Errorf("%v, HubSpot holds %v", err, h.fields)
	}
	if l, _, _ := w.links.FindLink(t.Context(), cleared.Ref); l.Lease.Holder != "" {
		t.Error("who is held keeps the pair")
	}
	w.syncer.Safeguard = brakeOn(crm.Zoho)
	if _, err := w.syncer.Apply(t.Context(), cleared); err != nil || h.fields["city"] != "" || h.fields["jobtitle"] != "Later" {
		t.Errorf("let through: %v, HubSpot holds %v", err, h.fields)
	}
}

func TestALostStoreIsRebuiltFromTheRecords(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.wait(time.Hour)
	w.hubspot.person(h.id, map[string]string{"city": "After"})
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || r.Counterpart.RecordID != z.id {
		t.Errorf("%s (%s)", r.Outcome, r.Reason)
	}
	if z.fields["Mailing_City"] != "After" || len(w.zoho.records) != 1 {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

// At the first link a record's own time stands in for the time of an edit whose
// history was not asked for. It may be that of a later edit of another field.
func TestTheTimeOfARecordDoesNotMakeItsEditsLaterThanTheyAre(t *testing.T) {
	w := newWorld(t)
	h := w.hubspot.records[w.hubspot.person("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "jobtitle": "First"})]
	w.wait(10 * time.Minute)
	z := w.zoho.records[w.zoho.person("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe", "Title": "Second"})]
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.hubspot.before = func(action string, _ *modelRecord) error {
		if action == "update" {
			return w.hubspot.fail(crm.Unavailable, "503")
		}
		return nil
	}
	if _, err := w.syncer.Apply(t.Context(), w.op(crm.Zoho, z.id, op.Updated)); err == nil {
		t.Fatal("HubSpot was written to")
	}
	w.hubspot.before = nil
	w.wait(10 * time.Second)
	w.hubspot.skew = -45 * time.Second
	w.hubspot.person(h.id, map[string]string{"jobtitle": "Third"})
	if w.tell(crm.HubSpot, h.id); h.fields["jobtitle"] != "Third" || z.fields["Title"] != "Third" {
		t.Errorf("HubSpot %q, Zoho %q, want what was typed last", h.fields["jobtitle"], z.fields["Title"])
	}
}

// We wrote over an edit that nobody had read yet, and the link was lost before that
// was put right. Both sides show one value, and the time of the other record, which
// a person touched since, is not the time of that value.
func TestAnEditThatWasOverwrittenUnseenWinsAfterTheLinkWasLost(t *testing.T) {
	w := newWorld(t)
	h, z := w.pair(jane)
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.wait(4 * time.Second)
	w.hubspot.person(h.id, map[string]string{"city": "Tromsø"})
	w.wait(5 * time.Second)
	w.hubspot.set(h, "city", "Bergen", true)
	w.hubspot.touch(h, true)
	w.wait(time.Minute)
	w.zoho.person(z.id, map[string]string{"Not_Mapped": "x"})
	clear(w.links.links)
	clear(w.links.claims)
	w.wait(time.Hour)
	if r := w.tell(crm.HubSpot, h.id); r.Outcome != Updated || h.fields["city"] != "Tromsø" || z.fields["Mailing_City"] != "Tromsø" {
		t.Errorf("%s (%s), HubSpot holds %q, Zoho %q, want Tromsø", r.Outcome, r.Reason, h.fields["city"], z.fields["Mailing_City"])
	}
}
