package syncer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestSeveralCounterpartsAreParkedUntilAPersonChoosesOne(t *testing.T) {
	w := newMappedScenario(t, lastName, city)
	first := w.zoho.editAsPerson("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe"})
	second := w.zoho.editAsPerson("", map[string]string{"Email": "jane@example.com", "Last_Name": "Roe"})
	id := w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Oslo"})
	r := w.applyChange(crm.HubSpot, id)
	if r.Outcome != Parked || r.Reason != "AMBIGUOUS_MATCH" || w.zoho.writes+w.hubspot.writes+w.links.saves != 0 {
		t.Fatalf("%s (%s), %d writes", r.Outcome, r.Reason, w.zoho.writes+w.hubspot.writes)
	}
	want := []crm.FieldError{{Field: "Email", Code: "AMBIGUOUS_MATCH", Detail: "records " + first + ", " + second}}
	if diff := cmp.Diff(want, w.failures.list[0].Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	// Each of the two has but one counterpart, which is no reason to take it.
	for _, z := range []string{first, second} {
		if r := w.applyChange(crm.Zoho, z); r.Reason != "AMBIGUOUS_MATCH" || w.zoho.writes+w.hubspot.writes != 0 {
			t.Errorf("%s: %s (%s)", z, r.Outcome, r.Reason)
		}
	}
	w.advance(time.Minute)
	w.zoho.records[second].counterpartID = id // a person writes it there
	if r := w.applyChange(crm.HubSpot, id); r.Outcome != Updated || r.Counterpart.RecordID != second || r.Resolved == 0 {
		t.Errorf("%s with %s, %d failures closed", r.Outcome, r.Counterpart, r.Resolved)
	}
	if w.zoho.records[first].counterpartID != "" || len(w.zoho.records) != 2 {
		t.Error("the other one was touched")
	}
}

func TestNoCompetitorIsSearchedByAValueThatIsUnique(t *testing.T) {
	email := func(s crm.System, k crm.Kind, field string) bool {
		return s == crm.HubSpot && k == crm.Contact && field == "email"
	}
	for name, unique := range map[string]func(crm.System, crm.Kind, string) bool{"any": nil, "none": email} {
		t.Run(name, func(t *testing.T) {
			meet := func() (w *scenario, h, z string) {
				w = newMappedScenario(t, lastName, city)
				w.syncer.Unique = unique
				z = w.zoho.editAsPerson("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe"})
				return w, w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com", "lastname": "Doe"}), z
			}
			w, h, z := meet()
			want := []crm.Key{{Value: z}, {Field: "email", Value: "jane@example.com"}}
			if unique != nil {
				want = want[:1]
			}
			if r := w.applyChange(crm.HubSpot, h); r.Counterpart.RecordID != z {
				t.Fatalf("%s (%s) with %s", r.Outcome, r.Reason, r.Counterpart)
			}
			if diff := cmp.Diff([][]crm.Key{want}, w.hubspot.sought); diff != "" {
				t.Errorf("competitors were searched by (-want +got):\n%s", diff)
			}
			// One that names the counterpart is found nevertheless.
			w, h, z = meet()
			w.hubspot.records[w.hubspot.editAsPerson("", map[string]string{"lastname": "Doe"})].counterpartID = z
			if r := w.applyChange(crm.HubSpot, h); r.Counterpart.RecordID == z {
				t.Error("it was linked with a record that another one names")
			}
		})
	}
}

func TestTheNextFieldChoosesAmongSeveralCounterparts(t *testing.T) {
	w := newMappedScenario(t, lastName, city)
	w.syncer.Mapping.Object(crm.Contact).Match = []string{"email", "last_name"}
	w.zoho.editAsPerson("", map[string]string{"Email": "office@example.com", "Last_Name": "Roe"})
	doe := w.zoho.editAsPerson("", map[string]string{"Email": "office@example.com", "Last_Name": "DOE"})
	id := w.hubspot.editAsPerson("", map[string]string{"email": "office@example.com", "lastname": "Doe"})
	if r := w.applyChange(crm.HubSpot, id); r.Counterpart.RecordID != doe {
		t.Errorf("%s (%s) with %s, want %s", r.Outcome, r.Reason, r.Counterpart, doe)
	}
}

func TestARecordThatMatchesLessLeavesTheCounterpartToAnother(t *testing.T) {
	w := newMappedScenario(t, lastName, city)
	w.syncer.Mapping.Object(crm.Contact).Match = []string{"email", "last_name"}
	roe := w.zoho.editAsPerson("", map[string]string{"Email": "office@example.com", "Last_Name": "Roe"})
	doe := w.zoho.editAsPerson("", map[string]string{"Email": "office@example.com", "Last_Name": "Doe"})
	id := w.hubspot.editAsPerson("", map[string]string{"email": "office@example.com", "lastname": "Doe"})
	if r := w.applyChange(crm.Zoho, roe); r.Outcome != Ignored || r.Reason != "no_counterpart" {
		t.Errorf("the less likely one: %s (%s)", r.Outcome, r.Reason)
	}
	if r := w.applyChange(crm.Zoho, doe); r.Counterpart.RecordID != id {
		t.Errorf("the better match: %s (%s)", r.Outcome, r.Reason)
	}
}

func TestAContactWithoutKeyIsCreatedOnceAndFoundByItsID(t *testing.T) {
	w := newMappedScenario(t, lastName, city)
	w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe"}) // a namesake
	id := w.hubspot.editAsPerson("", map[string]string{"lastname": "Doe"})
	if r := w.applyChange(crm.HubSpot, id); r.Outcome != Created {
		t.Fatalf("%s (%s)", r.Outcome, r.Reason)
	}
	// What the connector remembered is lost: the id on the record is enough.
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(id, map[string]string{"city": "Oslo"})
	if w.applyChange(crm.HubSpot, id); len(w.zoho.records) != 2 || w.zoho.creates != 1 {
		t.Errorf("%d records in Zoho after %d creates", len(w.zoho.records), w.zoho.creates)
	}
}
