package dryrun

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// shelf is a CRM that can be read and must not be written to.
type shelf struct {
	syncer.CRM
	records []crm.Record
}

// Find answers by the first key that finds anything, as the clients do.
func (s shelf) Find(_ context.Context, _ crm.Kind, keys []crm.Key) (found []crm.Record, _ error) {
	for _, k := range keys {
		for _, r := range s.records {
			if k.Field == "" && r.CounterpartID == k.Value || k.Field != "" && strings.EqualFold(r.Fields[k.Field], k.Value) {
				found = append(found, r)
			}
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

func TestADryRunFindsRecordsByWhatTheyWouldHold(t *testing.T) {
	contact := func(id, email, title string) crm.Record {
		return crm.Record{Ref: crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: id}, Fields: map[string]string{"Email": email, "Title": title}}
	}
	m := &mapping.Mapping{Objects: map[crm.Kind]*mapping.Object{crm.Contact: {Kind: crm.Contact}}}
	one, two := contact("1", "old@example.com", "CEO"), contact("2", "two@example.com", "CTO")
	s := newCRM(crm.Zoho, m, shelf{records: []crm.Record{one, two}}, time.Now)
	email := func(v string) crm.Key { return crm.Key{Field: "Email", Value: v} }
	found := func(want []string, keys ...crm.Key) {
		t.Helper()
		recs, err := s.Find(t.Context(), crm.Contact, keys)
		var got []string
		for _, r := range recs {
			got = append(got, r.Ref.RecordID)
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v finds (-want +got) %v:\n%s", keys, err, diff)
		}
	}
	found([]string{"1"}, email("old@example.com"))
	if _, err := s.Update(t.Context(), one, crm.Write{CounterpartID: "9", Fields: map[string]crm.Value{"Email": {Text: "New@example.com"}}}); err != nil {
		t.Fatal(err)
	}
	found(nil, email("old@example.com"))
	found([]string{"1"}, email("new@example.com"))
	found([]string{"1"}, crm.Key{Value: "9"})
	found([]string{"2"}, email("old@example.com"), email("two@example.com")) // the less certain key
	found([]string{"1"}, email("old@example.com"), crm.Key{Field: "Title", Value: "CEO"})
	made, err := s.Create(t.Context(), crm.Contact, crm.Write{Fields: map[string]crm.Value{"Email": {Text: "old@example.com"}, "Website": {Text: "https://www.example.com/x"}}})
	if err != nil {
		t.Fatal(err)
	}
	found([]string{made.Ref.RecordID}, email("old@example.com"))
	found([]string{made.Ref.RecordID}, crm.Key{Field: "Website", Value: "example.com", Host: crm.SameHost})
}
