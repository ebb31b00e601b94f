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

func TestARefusedFieldIsParkedAndTheRestWritten(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "bad", "jobtitle": "CTO"})
	r := w.applyChange(crm.HubSpot, h.id)
	if r.Outcome != Updated || len(r.Refused) != 1 || z.fields["Title"] != "CTO" {
		t.Errorf("%s, refused %v, title %q", r.Outcome, r.Refused, z.fields["Title"])
	}
	if len(w.failures.list) != 1 {
		t.Fatalf("%d failures recorded, want 1", len(w.failures.list))
	}
	writes := w.zoho.writes
	w.advance(time.Minute)
	w.applyChange(crm.HubSpot, h.id)
	if w.zoho.writes != writes || len(w.failures.list) != 1 {
		t.Error("the refused value was sent again")
	}
	// A person's edit of another field must not revive the old city.
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Title": "CIO"})
	w.applyChange(crm.Zoho, z.id)
	if h.fields["city"] != "bad" || h.fields["jobtitle"] != "CIO" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
}

func TestASuccessClosesTheFailuresOfThePair(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "bad"})
	w.applyChange(crm.HubSpot, h.id)
	w.advance(time.Minute)
	w.failures.resolved = nil
	w.hubspot.editAsPerson(h.id, map[string]string{"jobtitle": "CTO"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Resolved != 0 || w.failures.resolved != nil {
		t.Error("closed while the city is still refused")
	}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "good"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Resolved != 1 {
		t.Errorf("%d failures closed, want 1", r.Resolved)
	}
	w.advance(time.Minute)
	w.failures.resolved = nil
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "better"})
	if w.applyChange(crm.HubSpot, h.id); w.failures.resolved != nil {
		t.Error("a healthy pair costs a look at the failures")
	}
}

func TestAPersonWhoAsksGetsARefusedFieldTriedAgain(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.zoho.refuses = map[string]string{"Tromsø": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Tromsø"})
	w.applyChange(crm.HubSpot, h.id)
	w.zoho.refuses = nil // a person put it right
	w.advance(time.Minute)
	o := w.newOperation(crm.HubSpot, h.id, op.Requested)
	o.ReplayOf = "op-1"
	r, err := w.syncer.Apply(context.Background(), o)
	if err != nil || r.Outcome != Updated || z.fields["Mailing_City"] != "Tromsø" || r.Resolved != 1 {
		t.Errorf("%s, %d resolved, Zoho holds %q, %v", r.Outcome, r.Resolved, z.fields["Mailing_City"], err)
	}
}

func TestTheFailureOfAGivenUpOperationIsClosedByTheNext(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	f := Failure{Operation: w.newOperation(crm.HubSpot, h.id, op.Updated), Side: crm.Zoho, Action: "apply", Code: "EXHAUSTED"}
	if err := w.syncer.GiveUp(context.Background(), f); err != nil || len(w.failures.list) != 1 {
		t.Fatalf("%d failures, %v", len(w.failures.list), err)
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "New"})
	if r := w.applyChange(crm.HubSpot, h.id); r.Resolved != 1 {
		t.Errorf("%d failures closed, want 1", r.Resolved)
	}
}

func TestARequestClosesOldFailuresAndLeavesThoseThatStillFail(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	w.zoho.refuses = map[string]string{"Tromsø": "INVALID_DATA"}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Tromsø"})
	w.applyChange(crm.HubSpot, h.id)
	given := Failure{Operation: w.newOperation(crm.HubSpot, h.id, op.Updated), Side: crm.Zoho, Action: "apply", Code: "EXHAUSTED"}
	if err := w.syncer.GiveUp(context.Background(), given); err != nil || len(w.failures.list) != 2 {
		t.Fatalf("%d failures, %v", len(w.failures.list), err)
	}
	w.advance(time.Minute)
	o := w.newOperation(crm.HubSpot, h.id, op.Requested)
	w.advance(time.Second)
	r, err := w.syncer.Apply(context.Background(), o)
	if err != nil || r.Outcome != Parked || r.Resolved != 2 {
		t.Errorf("%s, %d resolved, %v", r.Outcome, r.Resolved, err)
	}
	if len(w.failures.list) != 1 || w.failures.list[0].Code != "INVALID_DATA" || w.failures.list[0].Operation.ID != o.ID {
		t.Errorf("open afterwards: %+v", w.failures.list)
	}
}

func TestAFailureOfARecordThatIsGoneIsClosedWhenAPersonAsks(t *testing.T) {
	w := newScenario(t)
	ref := w.newOperation(crm.HubSpot, "4711", op.Updated)
	if err := w.syncer.GiveUp(context.Background(), Failure{Operation: ref, Action: "apply", Code: "EXHAUSTED"}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	r, err := w.syncer.Apply(context.Background(), w.newOperation(crm.HubSpot, "4711", op.Requested))
	if err != nil || r.Outcome != Ignored || r.Resolved != 1 || len(w.failures.list) != 0 {
		t.Errorf("%s, %d resolved, %d open, %v", r.Outcome, r.Resolved, len(w.failures.list), err)
	}
}

func TestWithoutAFieldForTheOthersIdInHubSpotTheRestGoesOn(t *testing.T) {
	w := newScenario(t)
	w.hubspot.noCounterpartField = true
	h, z := w.createPair(jane)
	if z.counterpartID != h.id || h.counterpartID != "" || len(w.failures.list) != 1 {
		t.Fatalf("Zoho names %q, HubSpot %q, %d failures", z.counterpartID, h.counterpartID, len(w.failures.list))
	}
	for i, city := range []string{"Bergen", "Oslo"} {
		w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": city})
		if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["city"] != city {
			t.Errorf("edit %d: %s, HubSpot holds %q", i, r.Outcome, h.fields["city"])
		}
		w.advance(time.Minute)
	}
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Unchanged && r.Outcome != Covered {
		t.Errorf("the echo ended as %s", r.Outcome)
	}
	if len(w.failures.list) != 1 || w.hubspot.writes != 2 || w.zoho.creates != 1 {
		t.Errorf("%d failures, %d writes to HubSpot, %d creations", len(w.failures.list), w.hubspot.writes, w.zoho.creates)
	}
}

func TestAContactThatZohoCannotTakeIsParked(t *testing.T) {
	w := newScenario(t)
	id := w.hubspot.editAsPerson("", map[string]string{"email": "x@example.com"})
	if r := w.applyChange(crm.HubSpot, id); r.Outcome != Parked {
		t.Errorf("outcome %s", r.Outcome)
	}
	want := []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY"}}
	if diff := cmp.Diff(want, w.failures.list[0].Fields); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(id, map[string]string{"lastname": "Now"})
	if r := w.applyChange(crm.HubSpot, id); r.Outcome != Created {
		t.Errorf("after the name was added: %s", r.Outcome)
	}
}

func TestASecondRecordWithATakenCounterpartIsParked(t *testing.T) {
	w := newScenario(t)
	w.createPair(jane)
	second := w.hubspot.editAsPerson("", jane)
	r := w.applyChange(crm.HubSpot, second)
	if r.Outcome != Parked || r.Reason != "COUNTERPART_IS_LINKED" || len(w.zoho.records) != 1 {
		t.Errorf("%s (%s), %d records in Zoho", r.Outcome, r.Reason, len(w.zoho.records))
	}
}

func TestAnEmailTakenByAnotherRecordDoesNotHoldUpTheRest(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.zoho.before = func(action string, _ *modelRecord) error {
		if action == "update" && w.zoho.writes < 2 {
			w.zoho.writes++
			return &crm.Error{System: crm.Zoho, Kind: crm.Duplicate, Code: "CONFLICT", ExistingID: "77"}
		}
		return nil
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"email": "taken@example.com", "city": "New"})
	r := w.applyChange(crm.HubSpot, h.id)
	if diff := cmp.Diff([]string{"zoho:email"}, r.Refused); diff != "" || z.fields["Mailing_City"] != "New" {
		t.Errorf("city %q, refused (-want +got):\n%s", z.fields["Mailing_City"], diff)
	}
}

// What a person asks for closes what failed before, since all of it is tried anew;
// what is not, because something else is in the way, must not be forgotten.
func TestARefusalIsReportedAgainAfterARequestThatDidNotReachIt(t *testing.T) {
	w := newScenario(t)
	w.zoho.refuses = map[string]string{"Bad": "INVALID_DATA"}
	down := func(action string, _ *modelRecord) error {
		if action == "create" && len(w.failures.list) > 0 { // after the refusal was recorded
			return w.zoho.newError(crm.Unavailable, "503")
		}
		return nil
	}
	w.zoho.before = down
	h := w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "jobtitle": "Bad"})
	if _, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h, op.Created)); err == nil || len(w.failures.list) != 1 {
		t.Fatalf("%v, %d failures", err, len(w.failures.list))
	}
	w.zoho.before = nil
	other := w.hubspot.editAsPerson("", map[string]string{"email": "john@example.com", "lastname": "Roe"})
	taken := w.zoho.editAsPerson("", map[string]string{"Email": "jane@example.com", "Last_Name": "Roe"})
	w.zoho.records[taken].counterpartID = other
	w.advance(time.Minute)
	r, err := w.syncer.Apply(t.Context(), w.newOperation(crm.HubSpot, h, op.Requested))
	if err != nil || r.Reason != "COUNTERPART_IS_LINKED" {
		t.Fatalf("%s (%s), %v", r.Outcome, r.Reason, err)
	}
	w.failures.list = nil // as if all that failed before were closed
	w.zoho.records[taken].fields["Email"] = "roe@example.com"
	w.advance(time.Minute)
	if r := w.applyChange(crm.HubSpot, h); r.Outcome != Created || len(w.failures.list) != 1 || w.failures.list[0].Code != "INVALID_DATA" {
		t.Errorf("%s, failures %v, want what Zoho refuses", r.Outcome, w.failures.list)
	}
}

// heldRecord is a safeguard that holds for the records of one side.
type heldRecord crm.System

func (b heldRecord) AllowClear(_ context.Context, r crm.Ref) error {
	if r.System == crm.System(b) {
		return errors.New("held")
	}
	return nil
}

func TestAHeldOperationClearsNothing(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.syncer.Safeguard = heldRecord(crm.HubSpot)
	w.zoho.editAsPerson(z.id, map[string]string{"Title": "Typed"})
	if w.applyChange(crm.Zoho, z.id); h.fields["jobtitle"] != "Typed" {
		t.Error("a value that clears nothing was held")
	}
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Title": "Later", "Mailing_City": ""})
	cleared := w.newOperation(crm.Zoho, z.id, op.Updated)
	if _, err := w.syncer.Apply(t.Context(), cleared); err == nil || h.fields["city"] != "Oslo" || h.fields["jobtitle"] != "Typed" {
		t.Errorf("%v, HubSpot holds %v", err, h.fields)
	}
	if l, _, _ := w.links.FindLink(t.Context(), cleared.Ref); l.Lease.Holder != "" {
		t.Error("who is held keeps the pair")
	}
	w.syncer.Safeguard = heldRecord(crm.Zoho)
	if _, err := w.syncer.Apply(t.Context(), cleared); err != nil || h.fields["city"] != "" || h.fields["jobtitle"] != "Later" {
		t.Errorf("let through: %v, HubSpot holds %v", err, h.fields)
	}
}
