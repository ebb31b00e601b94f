package syncer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

func contactRef(s crm.System, id string) crm.Ref {
	return crm.Ref{System: s, Kind: crm.Contact, RecordID: id}
}

// explain explains a contact and checks that nothing was written by that.
func (w *scenario) explain(s crm.System, id string) Explanation {
	w.t.Helper()
	writes, saves := w.hubspot.writes+w.zoho.writes, w.links.saves
	e, err := w.syncer.Explain(w.t.Context(), contactRef(s, id))
	if err != nil {
		w.t.Fatalf("explain %s %s: %v", s, id, err)
	}
	if w.hubspot.writes+w.zoho.writes != writes || w.links.saves != saves {
		w.t.Errorf("explaining %s %s wrote something", s, id)
	}
	return e
}

// compare are what drift finds of a pair.
func (w *scenario) compare(h, z *modelRecord) []Difference {
	w.t.Helper()
	link, found, err := w.links.FindLink(w.t.Context(), contactRef(crm.HubSpot, h.id))
	if err != nil || !found {
		w.t.Fatalf("no link of %s: %v", h.id, err)
	}
	all, err := w.syncer.Compare(w.t.Context(), link, map[crm.System]crm.Record{
		crm.HubSpot: w.hubspot.asRead(h, true), crm.Zoho: w.zoho.asRead(z, false),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// pendingWrites lists what an explanation says would be written, as "side:field".
func pendingWrites(e Explanation) (all []string) {
	for _, f := range e.Fields {
		for _, s := range crm.Systems {
			if f.WritesTo(s) {
				all = append(all, string(s)+":"+f.Field.Name)
			}
		}
	}
	return all
}

// companyOf returns what an explanation says of the company.
func companyOf(t *testing.T, e Explanation) FieldExplanation {
	t.Helper()
	for _, f := range e.Fields {
		if f.Field.Name == "company" {
			return f
		}
	}
	t.Fatalf("the company is not explained: %+v", e)
	return FieldExplanation{}
}

// mergeAccounts lets a person merge the account 8 of Zoho into another one.
func (w *scenario) mergeAccounts(into string, contacts ...*modelRecord) {
	w.t.Helper()
	w.zoho.records[into] = &modelRecord{id: into}
	delete(w.zoho.records, "8")
	for _, z := range contacts {
		z.fields["Account_Name"] = into // and no history explains it
	}
	l := w.links.links["the company"]
	l.Zoho.RecordID = into
	if _, err := w.links.SaveLink(w.t.Context(), l); err != nil {
		w.t.Fatal(err)
	}
}

// Each state of a contact's company is explained from both sides, and drift finds
// no difference that should not be.
func TestAContactIsExplainedAndComparedInEveryStateOfItsCompany(t *testing.T) {
	employed := map[string]string{"email": "jane@example.com", "lastname": "Doe", "associatedcompanyid": "9"}
	tests := map[string]struct {
		fields map[string]string
		then   func(w *scenario, h, z *modelRecord)
		drift  []Difference
		wait   []string
		code   failurecode.Code // with which HubSpot goes without it
	}{
		"without a company": {fields: jane},
		"with a company":    {fields: employed},
		"with a company that only Zoho has": {fields: jane, then: func(w *scenario, _, z *modelRecord) {
			w.zoho.records["6"] = &modelRecord{id: "6"}
			w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "6"})
			w.applyChange(crm.Zoho, z.id)
		}, drift: []Difference{{"company", NoCounterpart, crm.HubSpot, ""}}, code: codeNoCounterpart},
		"with a company that only Zoho had": {fields: jane, then: func(w *scenario, _, z *modelRecord) {
			w.zoho.records["6"] = &modelRecord{id: "6"}
			w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": "6"})
			w.applyChange(crm.Zoho, z.id)
			l := Link{ID: "another company", Kind: crm.Company}
			l.HubSpot.RecordID, l.Zoho.RecordID = "5", "6"
			w.hubspot.records["5"] = &modelRecord{id: "5"}
			if _, err := w.links.SaveLink(w.t.Context(), l); err != nil {
				w.t.Fatal(err)
			}
		}, drift: []Difference{{"company", CompanyLinked, crm.HubSpot, ""}}, wait: []string{"hubspot:company"}},
		"with an account that was merged": {fields: employed, then: func(w *scenario, _, z *modelRecord) { w.mergeAccounts("7", z) }},
		"with an account that was merged, of which the contact knows": {fields: employed, then: func(w *scenario, _, z *modelRecord) {
			w.mergeAccounts("7", z)
			w.applyChange(crm.Zoho, z.id)
		}},
		"with an account that was deleted, without an event": {fields: employed, then: func(w *scenario, _, z *modelRecord) {
			delete(w.zoho.records, "8")
			delete(z.fields, "Account_Name")
		}},
		"with an account that was deleted": {fields: employed, then: func(w *scenario, _, z *modelRecord) {
			delete(w.zoho.records, "8")
			delete(z.fields, "Account_Name")
			l := w.links.links["the company"]
			l.DeletedOn = crm.Zoho
			w.links.links["the company"] = l
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
			w.applyChange(crm.Zoho, z.id)
		}},
		"with a company that was deleted": {fields: employed, then: func(w *scenario, h, _ *modelRecord) {
			delete(w.hubspot.records, "9")
			delete(h.fields, "associatedcompanyid")
			l := w.links.links["the company"]
			l.DeletedOn = crm.HubSpot
			w.links.links["the company"] = l
		}},
		"with a company that a person took it from": {fields: employed, then: func(w *scenario, _, z *modelRecord) {
			w.zoho.editAsPerson(z.id, map[string]string{"Account_Name": ""})
		}, drift: []Difference{{"company", Unseen, crm.Zoho, ""}}, wait: []string{"hubspot:company"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			w.linkCompany()
			h, z := w.createPair(tt.fields)
			w.advance(time.Minute)
			if tt.then != nil {
				tt.then(w, h, z)
			}
			w.advance(time.Minute)
			for _, ref := range []crm.Ref{contactRef(crm.HubSpot, h.id), contactRef(crm.Zoho, z.id)} {
				e := w.explain(ref.System, ref.RecordID)
				if !e.Linked || e.Records[crm.HubSpot].Ref.RecordID != h.id || e.Records[crm.Zoho].Ref.RecordID != z.id {
					t.Errorf("from %s: linked %t, records %v", ref, e.Linked, e.Records)
				}
				if diff := cmp.Diff(tt.wait, pendingWrites(e)); diff != "" {
					t.Errorf("from %s, waiting (-want +got):\n%s", ref, diff)
				}
				if got := companyOf(t, e).Refused(crm.HubSpot); got != tt.code {
					t.Errorf("from %s: HubSpot goes without the company for %q, want %q", ref, got, tt.code)
				}
			}
			if diff := cmp.Diff(tt.drift, w.compare(h, z)); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
			// What was explained is what the next operation does.
			r, err := w.syncer.Apply(t.Context(), w.newOperation(crm.Zoho, z.id, op.Associated))
			if err != nil || (r.Outcome == Updated) != (tt.wait != nil) {
				t.Errorf("the next operation ends %s (%s), %v, and %v were said to wait", r.Outcome, r.Reason, err, tt.wait)
			}
			for _, d := range w.compare(h, z) {
				if !d.Cause.IsIntended() {
					t.Errorf("after it %s differs: %s", d.Field, d.Cause)
				}
			}
		})
	}
}

func TestAContactThatWasMergedIsExplainedByItsSurvivor(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	w.advance(time.Minute)
	into := w.hubspot.records[w.hubspot.editAsPerson("", map[string]string{"email": "doe@example.com", "lastname": "Doe", "city": "Bergen"})]
	h.mergedInto = into.id
	survivor := contactRef(crm.HubSpot, into.id)

	e := w.explain(crm.HubSpot, h.id)
	if e.MergedInto != survivor || e.Record() != survivor || !e.Linked || e.Records[crm.HubSpot].Ref != survivor || e.Records[crm.Zoho].Ref.RecordID != z.id {
		t.Errorf("merged into %s, linked %t, records %v", e.MergedInto, e.Linked, e.Records)
	}
	if e := w.explain(crm.Zoho, z.id); e.MergedInto != (crm.Ref{}) || e.Records[crm.HubSpot].Ref != survivor || len(e.Fields) == 0 {
		t.Errorf("from its counterpart: %+v", e)
	}
	w.applyChange(crm.HubSpot, h.id) // the survivor takes the link over
	if e := w.explain(crm.HubSpot, h.id); e.MergedInto != survivor || !e.Linked || e.Link.HubSpot.RecordID != into.id || pendingWrites(e) != nil {
		t.Errorf("after the event of the merge: %+v", e)
	}
}

func TestARecordWithoutLinkIsExplainedByItsMatches(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	again := w.zoho.editAsPerson("", map[string]string{"Last_Name": "Doe", "Email": "jane@example.com"})
	e := w.explain(crm.Zoho, again)
	if diff := cmp.Diff([]crm.Ref{contactRef(crm.HubSpot, h.id)}, e.Matches); diff != "" || e.Linked {
		t.Errorf("linked %t, matches (-want +got):\n%s", e.Linked, diff)
	}
	if diff := cmp.Diff(map[crm.Ref]crm.Ref{contactRef(crm.HubSpot, h.id): contactRef(crm.Zoho, z.id)}, e.Taken); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
	if e := w.explain(crm.Zoho, "absent"); e.Linked || len(e.Records)+len(e.Matches)+len(e.Fields) > 0 {
		t.Errorf("of an absent record: %+v", e)
	}
	delete(w.hubspot.records, h.id)
	if e := w.explain(crm.HubSpot, h.id); !e.Linked || len(e.Records) != 1 || len(e.Fields) > 0 {
		t.Errorf("of one that was deleted: %+v", e)
	}
	w.applyChange(crm.HubSpot, h.id)
	if e := w.explain(crm.Zoho, z.id); !e.Linked || e.Link.DeletedOn != crm.HubSpot || len(e.Fields) > 0 {
		t.Errorf("of the counterpart of one that was deleted: %+v", e)
	}
}

// What was hashed under another key says nothing: the histories decide.
func TestALinkUnderAnotherKeyIsExplainedFromTheHistories(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(jane)
	for id, l := range w.links.links {
		l.HashID = "another"
		w.links.links[id] = l
	}
	if e := w.explain(crm.HubSpot, h.id); pendingWrites(e) != nil {
		t.Errorf("waiting: %v", pendingWrites(e))
	}
	w.advance(time.Minute)
	w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bergen"})
	if diff := cmp.Diff([]string{"hubspot:city"}, pendingWrites(w.explain(crm.HubSpot, h.id))); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
}

// The event of the record that was merged away is lost, and the sweep finds the
// survivor alone, which has a counterpart of its own.
func TestTheCounterpartThatAMergeLeavesOverIsReportedWhenTheEventOfTheMergeIsLost(t *testing.T) {
	w := newScenario(t)
	h, _ := w.createPair(jane)
	loser, left := w.createPair(map[string]string{"email": "doe@example.com", "lastname": "Doe"})
	w.advance(time.Minute)
	loser.mergedInto = h.id
	w.hubspot.markModified(h, false)
	if r := w.applyChange(crm.HubSpot, h.id); r.Outcome != Unchanged {
		t.Errorf("the survivor's operation ends %s (%s)", r.Outcome, r.Reason)
	}
	if n := len(w.failures.list); n != 1 || w.failures.list[0].Code != codeCounterpartOfMerged || w.failures.list[0].Record != contactRef(crm.Zoho, left.id) {
		t.Errorf("failures %+v, want the counterpart that is left over", w.failures.list)
	}
	if _, found, _ := w.links.FindLink(t.Context(), contactRef(crm.HubSpot, loser.id)); found {
		t.Error("the link of the record that was merged away is still there")
	}
	w.advance(time.Minute)
	w.applyChange(crm.HubSpot, h.id)
	if len(w.failures.list) != 1 {
		t.Errorf("failures again: %+v", w.failures.list)
	}
}
