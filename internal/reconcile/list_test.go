package reconcile_test

import (
	"slices"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

func TestAListHasEveryRecordOnceAndNoDeletedOne(t *testing.T) {
	for _, s := range crm.Systems {
		for _, n := range []int{0, 1, 100, 250} {
			r := newScenario(t, 0)
			ids := r.create(s, people(n)...)
			if n > 1 {
				r.delete(s, ids[1])
				ids = slices.Delete(ids, 1, 2)
			}
			lister := r.config.Scanners[s].(reconcile.Lister)
			var got []string
			for from := (crm.Place{}); ; {
				page, err := lister.ListRefs(t.Context(), crm.Contact, from)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range page.Found {
					got = append(got, f.Ref.RecordID)
					if f.At.IsZero() || f.Deleted {
						t.Errorf("%s bears the time %s, deleted: %t", f.Ref, f.At, f.Deleted)
					}
				}
				if from = page.Next; !page.More {
					break
				}
			}
			slices.Sort(ids)
			slices.Sort(got)
			if !slices.Equal(ids, got) {
				t.Errorf("%s lists %d records, want %d", s, len(got), len(ids))
			}
			if c, err := r.config.Scanners[s].(reconcile.Counter).CountRecords(t.Context(), crm.Contact); err != nil || c != len(ids) {
				t.Errorf("%s counts %d, %v, want %d", s, c, err, len(ids))
			}
		}
	}
}
