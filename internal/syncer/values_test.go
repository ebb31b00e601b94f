package syncer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// newMappedScenario makes a world whose contacts have the fields of a mapping's text.
func newMappedScenario(t *testing.T, fields ...string) *scenario {
	t.Helper()
	m, err := mapping.Parse([]byte("contacts:\n  match: email\n  fields:\n" +
		"    email: {hubspot: email, zoho: Email, type: email}\n    " + strings.Join(fields, "\n    ") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	w := newScenario(t)
	w.syncer.Mapping = m
	return w
}

const (
	lastName        = "last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}"
	lastNameDefault = "last_name: {hubspot: lastname, zoho: Last_Name, required: zoho, default: Unknown}"
	city            = "city: {hubspot: city, zoho: Mailing_City}"
)

// checkStable fails if any further word of either record leads to a write.
func (w *scenario) checkStable(h, z *modelRecord) {
	w.t.Helper()
	writes := w.hubspot.writes + w.zoho.writes
	for range 3 {
		w.advance(time.Minute)
		w.applyChange(crm.HubSpot, h.id)
		w.applyChange(crm.Zoho, z.id)
	}
	if n := w.hubspot.writes + w.zoho.writes - writes; n != 0 {
		w.t.Errorf("%d writes after the pair was at rest", n)
	}
}

func TestARequiredFieldGetsItsDefaultWhichIsNotCopiedBack(t *testing.T) {
	w := newMappedScenario(t, lastNameDefault, city)
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "city": "Oslo"})
	if z.fields["Last_Name"] != "Unknown" || len(w.failures.list) != 0 {
		t.Fatalf("Zoho holds %v, %d failures", z.fields, len(w.failures.list))
	}
	w.checkStable(h, z)
	// A person edits another field in Zoho: the record is no longer ours alone.
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.applyChange(crm.Zoho, z.id)
	if _, there := h.fields["lastname"]; there || h.fields["city"] != "Bergen" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
	w.checkStable(h, z)
	histories := w.zoho.histories
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
	w.applyChange(crm.Zoho, z.id)
	if n := w.zoho.histories - histories; n > 1 {
		t.Errorf("%d histories for one edit", n)
	}
	// Once the name is known it goes over, whichever person types it.
	w.advance(time.Minute)
	w.hubspot.editAsPerson(h.id, map[string]string{"lastname": "Doe"})
	w.applyChange(crm.HubSpot, h.id)
	if z.fields["Last_Name"] != "Doe" {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

func TestARequiredValueThatIsRefusedGivesWayToItsDefault(t *testing.T) {
	w := newMappedScenario(t, lastNameDefault, city)
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA"}
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "bad", "city": "Oslo"})
	if z.fields["Last_Name"] != "Unknown" || z.fields["Mailing_City"] != "Oslo" || len(w.failures.list) != 1 {
		t.Fatalf("Zoho holds %v, %d failures", z.fields, len(w.failures.list))
	}
	w.checkStable(h, z)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	w.applyChange(crm.Zoho, z.id)
	if h.fields["lastname"] != "bad" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
}

func TestWithoutDefaultAMissingRequiredFieldParksTheRecordAndIsNamed(t *testing.T) {
	w := newMappedScenario(t, lastName)
	id := w.hubspot.editAsPerson("", map[string]string{"email": "jane@example.com"})
	r := w.applyChange(crm.HubSpot, id)
	if r.Outcome != Parked || len(w.zoho.records) != 0 || len(w.failures.list) != 1 {
		t.Fatalf("%s, %d records in Zoho, %d failures", r.Outcome, len(w.zoho.records), len(w.failures.list))
	}
	want := []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY"}}
	if diff := cmp.Diff(want, w.failures.list[0].Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	w.advance(time.Minute)
	w.hubspot.editAsPerson(id, map[string]string{"lastname": "Doe"})
	if r := w.applyChange(crm.HubSpot, id); r.Outcome != Created || r.Resolved != 1 {
		t.Errorf("%s, %d resolved once the name was there", r.Outcome, r.Resolved)
	}
}

func TestAValueThatACRMFillsInIsNoEdit(t *testing.T) {
	w := newMappedScenario(t, lastName, "owner: {hubspot: hubspot_owner_id, zoho: Owner, type: owner}")
	w.zoho.after = func(action string, r *modelRecord) error {
		if action == "create" {
			w.zoho.setField(r, "Owner", "connector@example.com", true)
		}
		return nil
	}
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe"})
	w.checkStable(h, z)
	w.zoho.editAsPerson(z.id, map[string]string{"Last_Name": "Roe"})
	w.applyChange(crm.Zoho, z.id)
	if owner := h.fields["hubspot_owner_id"]; owner != "" || h.fields["lastname"] != "Roe" {
		t.Errorf("HubSpot holds %v", h.fields)
	}
	w.checkStable(h, z)
	w.hubspot.editAsPerson(h.id, map[string]string{"hubspot_owner_id": "jane@example.com"})
	w.applyChange(crm.HubSpot, h.id)
	if z.fields["Owner"] != "jane@example.com" {
		t.Errorf("Zoho holds %v", z.fields)
	}
}

// TestAStandInIsWrittenOnceAndNotCopiedBack: what stands in for a value that
// the other side cannot hold leaves the value where it is.
func TestAStandInIsWrittenOnceAndNotCopiedBack(t *testing.T) {
	tests := map[string]struct{ field, value, want, edited, back string }{
		"an unknown option": {"f: {hubspot: f, zoho: F, type: picklist, unknown: default, default: cold, values: {hot: Hot, cold: Cold}}", "mild", "Cold", "Hot", "hot"},
		"an unknown item":   {"f: {hubspot: f, zoho: F, type: multipicklist, unknown: default, default: cold, values: {hot: Hot, cold: Cold}}", "hot;mild", "Cold;Hot", "Hot", "hot"},
		"a long text":       {"f: {hubspot: f, zoho: F, shorten: {zoho: 5}}", "abcdefgh", "abcde", "xyz", "xyz"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newMappedScenario(t, lastName, tt.field, city)
			h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "f": tt.value})
			writes := w.zoho.writes
			if z.fields["F"] != tt.want || writes != 1 || len(w.failures.list) != 0 {
				t.Fatalf("Zoho holds %q after %d writes, %d failures", z.fields["F"], writes, len(w.failures.list))
			}
			w.checkStable(h, z)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
			w.applyChange(crm.Zoho, z.id)
			if h.fields["f"] != tt.value {
				t.Fatalf("HubSpot holds %q, want %q", h.fields["f"], tt.value)
			}
			w.checkStable(h, z)
			w.zoho.editAsPerson(z.id, map[string]string{"F": tt.edited})
			w.applyChange(crm.Zoho, z.id)
			if h.fields["f"] != tt.back {
				t.Errorf("after an edit in Zoho HubSpot holds %q, want %q", h.fields["f"], tt.back)
			}
			w.checkStable(h, z)
		})
	}
}

func TestAParkedFieldSaysWhatKindOfValueItWas(t *testing.T) {
	w := newMappedScenario(t, lastName, "rating: {hubspot: rating, zoho: Rating, type: picklist, values: {hot: Hot}}",
		"mobile: {hubspot: mobile, zoho: Mobile, type: phone}", "born: {hubspot: born, zoho: Born, type: date}")
	long := "+49 30 123456 or at home, in the evenings, +49 30 654321"
	w.zoho.refuses = map[string]string{long: "INVALID_DATA"}
	_, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe", "rating": "mild", "mobile": long, "born": "soon"})
	if z.fields["Last_Name"] != "Doe" {
		t.Errorf("Zoho holds %v", z.fields)
	}
	got := map[string]string{}
	for _, f := range w.failures.list {
		for _, e := range f.Fields {
			got[e.Field] = e.Code + ": " + e.Detail
		}
	}
	want := map[string]string{
		"Rating": "NO_COUNTERPART: option of 4 characters",
		"Mobile": "INVALID_DATA: phone of 56 characters",
		"Born":   "NOT_MAPPABLE: date",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parked (-want +got):\n%s", diff)
	}
}

func TestAParkedFieldIsTriedAgainWhenItsValueChangesOnEitherSide(t *testing.T) {
	w := newMappedScenario(t, lastName, city)
	h, z := w.createPair(map[string]string{"email": "jane@example.com", "lastname": "Doe"})
	w.zoho.refuses = map[string]string{"bad": "INVALID_DATA", "worse": "INVALID_DATA"}
	for _, value := range []string{"bad", "worse"} {
		w.hubspot.editAsPerson(h.id, map[string]string{"city": value})
		w.applyChange(crm.HubSpot, h.id)
		w.advance(time.Minute)
	}
	if len(w.failures.list) != 2 {
		t.Errorf("%d attempts were refused, want 2", len(w.failures.list))
	}
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Oslo"})
	if r := w.applyChange(crm.Zoho, z.id); h.fields["city"] != "Oslo" || r.Resolved != 2 {
		t.Errorf("HubSpot holds %q, %d failures closed", h.fields["city"], r.Resolved)
	}
}
