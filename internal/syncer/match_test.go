package syncer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestSeveralCounterpartsAreParkedAndNamedUntilAPersonSaysWhich(t *testing.T) {
	w := mapped(t, lastName, city)
	first := w.zoho.person("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe"})
	second := w.zoho.person("", map[string]string{"Email": "jane@example.com", "Last_Name": "Roe"})
	id := w.hubspot.person("", map[string]string{"email": "jane@example.com", "lastname": "Doe", "city": "Oslo"})
	r := w.tell(crm.HubSpot, id)
	if r.Outcome != Parked || r.Reason != "AMBIGUOUS_MATCH" || w.zoho.writes+w.hubspot.writes+w.links.saves != 0 {
		t.Fatalf("%s (%s), %d writes", r.Outcome, r.Reason, w.zoho.writes+w.hubspot.writes)
	}
	want := []crm.FieldError{{Field: "Email", Code: "AMBIGUOUS_MATCH", Detail: "records " + first + ", " + second}}
	if diff := cmp.Diff(want, w.failures.list[0].Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	// Each of the two has but one counterpart, which is no reason to take it.
	for _, z := range []string{first, second} {
		if r := w.tell(crm.Zoho, z); r.Reason != "AMBIGUOUS_MATCH" || w.zoho.writes+w.hubspot.writes != 0 {
			t.Errorf("%s: %s (%s)", z, r.Outcome, r.Reason)
		}
	}
	w.wait(time.Minute)
	w.zoho.records[second].twin = id // a person writes it there
	if r := w.tell(crm.HubSpot, id); r.Outcome != Updated || r.Counterpart.RecordID != second || r.Resolved == 0 {
		t.Errorf("%s with %s, %d failures closed", r.Outcome, r.Counterpart, r.Resolved)
	}
	if w.zoho.records[first].twin != "" || len(w.zoho.records) != 2 {
		t.Error("the other one was touched")
	}
}

func TestNoRivalIsLookedForByAValueThatNoOtherRecordCanBear(t *testing.T) {
	email := func(s crm.System, k crm.Kind, field string) bool {
		return s == crm.HubSpot && k == crm.Contact && field == "email"
	}
	for name, unique := range map[string]func(crm.System, crm.Kind, string) bool{"any": nil, "none": email} {
		t.Run(name, func(t *testing.T) {
			meet := func() (w *world, h, z string) {
				w = mapped(t, lastName, city)
				w.syncer.Unique = unique
				z = w.zoho.person("", map[string]string{"Email": "jane@example.com", "Last_Name": "Doe"})
				return w, w.hubspot.person("", map[string]string{"email": "jane@example.com", "lastname": "Doe"}), z
			}
			w, h, z := meet()
			want := []crm.Key{{Value: z}, {Field: "email", Value: "jane@example.com"}}
			if unique != nil {
				want = want[:1]
			}
			if r := w.tell(crm.HubSpot, h); r.Counterpart.RecordID != z {
				t.Fatalf("%s (%s) with %s", r.Outcome, r.Reason, r.Counterpart)
			}
			if diff := cmp.Diff([][]crm.Key{want}, w.hubspot.sought); diff != "" {
				t.Errorf("rivals were looked for by (-want +got):\n%s", diff)
			}
			// One that names the counterpart is found nevertheless.
			w, h, z = meet()
			w.hubspot.records[w.hubspot.person("", map[string]string{"lastname": "Doe"})].twin = z
			if r := w.tell(crm.HubSpot, h); r.Counterpart.RecordID == z {
				t.Error("it was linked with a record that another one names")
			}
		})
	}
}

func TestOfSeveralCounterpartsTheNextFieldTellsWhich(t *testing.T) {
	w := mapped(t, lastName, city)
	w.syncer.Mapping.Object(crm.Contact).Match = []string{"email", "last_name"}
	w.zoho.person("", map[string]string{"Email": "office@example.com", "Last_Name": "Roe"})
	doe := w.zoho.person("", map[string]string{"Email": "office@example.com", "Last_Name": "DOE"})
	id := w.hubspot.person("", map[string]string{"email": "office@example.com", "lastname": "Doe"})
	if r := w.tell(crm.HubSpot, id); r.Counterpart.RecordID != doe {
		t.Errorf("%s (%s) with %s, want %s", r.Outcome, r.Reason, r.Counterpart, doe)
	}
}

func TestARecordThatIsLessLikelyLeavesTheCounterpartToAnother(t *testing.T) {
	w := mapped(t, lastName, city)
	w.syncer.Mapping.Object(crm.Contact).Match = []string{"email", "last_name"}
	roe := w.zoho.person("", map[string]string{"Email": "office@example.com", "Last_Name": "Roe"})
	doe := w.zoho.person("", map[string]string{"Email": "office@example.com", "Last_Name": "Doe"})
	id := w.hubspot.person("", map[string]string{"email": "office@example.com", "lastname": "Doe"})
	if r := w.tell(crm.Zoho, roe); r.Outcome != Ignored || r.Reason != "no_counterpart" {
		t.Errorf("the less likely one: %s (%s)", r.Outcome, r.Reason)
	}
	if r := w.tell(crm.Zoho, doe); r.Counterpart.RecordID != id {
		t.Errorf("the likelier one: %s (%s)", r.Outcome, r.Reason)
	}
}

func TestAContactWithoutKeyIsMadeOnceAndKnownByItsID(t *testing.T) {
	w := mapped(t, lastName, city)
	w.zoho.person("", map[string]string{"Last_Name": "Doe"}) // a namesake
	id := w.hubspot.person("", map[string]string{"lastname": "Doe"})
	if r := w.tell(crm.HubSpot, id); r.Outcome != Created {
		t.Fatalf("%s (%s)", r.Outcome, r.Reason)
	}
	// What the connector remembered is lost: the id on the record is enough.
	w.links.links, w.links.claims = map[string]Link{}, map[crm.Ref]string{}
	w.wait(time.Minute)
	w.hubspot.person(id, map[string]string{"city": "Oslo"})
	if w.tell(crm.HubSpot, id); len(w.zoho.records) != 2 || w.zoho.creates != 1 {
		t.Errorf("%d records in Zoho after %d creates", len(w.zoho.records), w.zoho.creates)
	}
}
