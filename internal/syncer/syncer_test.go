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

var jane = map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Oslo"}

func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	writes := w.hubspot.writes + w.zoho.writes
	for range 3 {
		for _, r := range []Result{w.applyChange(crm.Zoho, z.id), w.applyChange(crm.HubSpot, h.id)} {
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
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Updated || h.fields["city"] != "Bergen" {
		t.Errorf("%s, HubSpot holds %q", r.Outcome, h.fields["city"])
	}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Troms\u00f8"})
	before := w.links.reads + w.links.saves
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "Troms\u00f8" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	if got := w.links.reads + w.links.saves - before; got > 3 {
		t.Errorf("%d reads and writes of the store for one edit, want at most 1 and 2", got)
	}
}

func TestAClearedFieldIsClearedOnTheOtherSide(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": ""})
	w.applyChange(crm.Zoho, z.id)
	if _, there := h.fields["city"]; there {
		t.Error("the cleared city is still in HubSpot")
	}
}

func TestAClearOfARequiredFieldIsKeptBack(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"lastname": ""})
	for range 3 {
		w.applyChange(crm.HubSpot, h.id)
		w.advance(10 * time.Second)
	}
	if z.fields["Last_Name"] != "Doe" || h.fields["lastname"] != "" {
		t.Errorf("Zoho %q, HubSpot %q", z.fields["Last_Name"], h.fields["lastname"])
	}
}

func TestAnEditInZohoOfARecordThatHubSpotDoesNotHaveIsIgnored(t *testing.T) {
	w := newScenario(t)
	id := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Cold", "Email": "cold@example.com"})
	if r := w.applyChange(crm.Zoho, id); r.Outcome != Ignored || r.Reason != "no_counterpart" {
		t.Errorf("%s (%s)", r.Outcome, r.Reason)
	}
	if len(w.hubspot.records)+w.hubspot.creates+w.links.saves != 0 {
		t.Error("something was made")
	}
}

func TestAnExistingZohoRecordIsMatchedByEmail(t *testing.T) {
	w := newScenario(t)
	z := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Old", "Email": "jane@example.com", "Title": "CEO"})
	w.advance(time.Hour)
	h := w.hubspot.editAsPerson("", jane)
	w.advance(time.Hour)
	w.zoho.editAsPerson(z, map[string]string{"Mailing_City": "Newest"})
	if r := w.applyChange(crm.HubSpot, h); r.Outcome != Updated {
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
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"email": "jane@new.example.com"})
	w.applyChange(crm.HubSpot, h.id)
	if z.fields["Email"] != "jane@new.example.com" || len(w.zoho.records) != 1 {
		t.Errorf("Zoho has %d records, the e-mail is %q", len(w.zoho.records), z.fields["Email"])
	}
}

func TestAnOperationThatALaterReadHasSeenIsCovered(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	early := w.newOperation(crm.HubSpot, h.id, op.Updated)
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Later"})
	w.applyChange(crm.HubSpot, h.id)
	reads := w.links.reads
	r, err := w.syncer.Apply(context.Background(), early)
	if err != nil || r.Outcome != Covered || r.Calls != 0 || w.links.reads-reads != 1 {
		t.Errorf("%s, %d calls, %d reads of the store, %v", r.Outcome, r.Calls, w.links.reads-reads, err)
	}
}

func TestAPairThatAnotherHandlerHoldsIsLeftAlone(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	for id, l := range w.links.links {
		l.Lease = Lease{Holder: "someone", Until: w.clock.now.Add(leaseTime)}
		w.links.links[id] = l
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Waits"})
	writes, reads := w.zoho.writes, w.links.reads
	if _, err := w.syncer.Apply(context.Background(), w.newOperation(crm.HubSpot, h.id, op.Updated)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if n := w.links.reads - reads; n < 5 || n > 15 {
		t.Errorf("looked at the lease %d times in %v, want soon at first and then now and then", n, busyWait)
	}
	if w.zoho.writes != writes {
		t.Error("wrote under another handler's lease")
	}
	w.advance(leaseTime)
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated {
		t.Errorf("after the lease ran out: %s", r.Outcome)
	}
}

func TestAShortRateLimitIsWaitedOut(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "New"})
	limited := 0
	w.zoho.before = func(action string, _ *modelRecord) error {
		if limited++; limited <= 2 {
			return &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: time.Second}
		}
		return nil
	}
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "New" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "Newer"})
	w.zoho.before = func(string, *modelRecord) error {
		return &crm.Error{System: crm.Zoho, Kind: crm.RateLimited, RetryAfter: time.Hour}
	}
	start := w.clock.now
	_, err := w.syncer.Apply(context.Background(), w.newOperation(crm.HubSpot, h.id, op.Updated))
	if !crm.IsKind(err, crm.RateLimited) || w.clock.now.Sub(start) > busyWait {
		t.Errorf("a long limit: %v after %s", err, w.clock.now.Sub(start))
	}
}

func TestADecisionOvertakenByAnotherHandlerIsTakenAgain(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "New"})
	once := false
	w.links.before = func(string) error {
		if !once {
			once = true
			return ErrChanged
		}
		return nil
	}
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Updated || z.fields["Mailing_City"] != "New" {
		t.Errorf("%s, Zoho holds %q", r.Outcome, z.fields["Mailing_City"])
	}
}

func TestAnotherHashKeyDoesNoHarm(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.syncer.hash = hasher{[]byte("another key, as long")}
	w.advance(time.Hour)
	writes := w.hubspot.writes + w.zoho.writes
	if r := w.applyChange(crm.Zoho, z.id); r.Outcome != Unchanged || w.hubspot.writes+w.zoho.writes != writes {
		t.Errorf("%s, %d writes", r.Outcome, w.hubspot.writes+w.zoho.writes-writes)
	}
	w.hubspot.editAsPerson(h.id, map[string]string{"city": "After"})
	if w.applyChange(crm.HubSpot, h.id); z.fields["Mailing_City"] != "After" {
		t.Errorf("Zoho holds %q", z.fields["Mailing_City"])
	}
}

func TestARecordReadBeforeItWasLinkedIsReadAgain(t *testing.T) {
	w := newScenario(t)
	h := w.hubspot.editAsPerson("", jane)
	z := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe", "Email": "jane@example.com"})
	linked := false
	w.zoho.after = func(action string, r *modelRecord) error {
		if action == "read" && r.id == z && !linked {
			linked = true // while Zoho's operation holds what it read, HubSpot's is applied
			w.applyChange(crm.HubSpot, h)
		}
		return nil
	}
	w.applyChange(crm.Zoho, z)
	w.applyChange(crm.HubSpot, h)
	if h, z := w.hubspot.records[h].fields["city"], w.zoho.records[z].fields["Mailing_City"]; h != "Oslo" || z != "Oslo" {
		t.Errorf("HubSpot %q, Zoho %q, want Oslo on both", h, z)
	}
}

func TestAWeakKeyDoesNotLinkRecordsThatDifferInAStrongOne(t *testing.T) {
	w := newScenario(t)
	w.syncer.Mapping.Objects[crm.Contact].Match = []string{"email", "last_name"}
	other := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe", "Email": "john@example.com"})
	_, z := w.createPair(jane)
	if z.id == other {
		t.Error("linked to another person of the same name")
	}
	nameless := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Roe"})
	id := w.hubspot.editAsPerson("", map[string]string{"lastname": "Roe", "email": "roe@example.com"})
	if r := w.applyChange(crm.HubSpot, id); r.Counterpart.RecordID != nameless {
		t.Errorf("counterpart %s, want the one with the same name and no e-mail", r.Counterpart)
	}
}
