package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/store"
)

// pages walks a listing to its end and returns the records of each page.
func pages(t *testing.T, s *store.Failures, l failure.Listing) (all [][]string) {
	t.Helper()
	for range 20 {
		list, next, err := s.PageFailures(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		page := []string{}
		for _, r := range list {
			page = append(page, r.Ref.RecordID)
		}
		if all = append(all, page); next == "" {
			return all
		}
		if !next.IsValid() {
			t.Fatalf("place %q", next)
		}
		l.After = next
	}
	t.Fatal("the listing does not end")
	return nil
}

func failurePages(t *testing.T, s *store.Failures) {
	for i, code := range []string{"A", "B", "A", "A", "B"} {
		r := failed("o", fmt.Sprint(i), code)
		r.LastSeen = failedAt.Add(time.Duration(i/2) * time.Minute) // two share a time
		recordFailures(t, s, r)
	}
	resolve(t, s, 1, ref(crm.HubSpot, "3"))
	cause := failed("o", "0", "A").Cause.ID()
	open := pages(t, s, failure.Listing{Size: 3})
	if len(open) != 2 || len(open[0]) != 3 || len(open[1]) != 1 || open[0][0] != "4" || open[0][1] != "2" {
		t.Errorf("open: %v", open)
	}
	for name, tt := range map[string]struct {
		l    failure.Listing
		want [][]string
	}{
		"of one cause":          {failure.Listing{Size: 1, Cause: cause}, [][]string{{"2"}, {"0"}}},
		"of no cause there is":  {failure.Listing{Size: 1, Cause: "0000000000000000"}, [][]string{{}}},
		"closed":                {failure.Listing{Size: 1, Closed: true}, [][]string{{"3"}}},
		"all on a page exactly": {failure.Listing{Size: 2, Cause: cause}, [][]string{{"2", "0"}}},
	} {
		if diff := cmp.Diff(tt.want, pages(t, s, tt.l)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func failureGroups(t *testing.T, s *store.Failures) {
	for i := range 12 {
		r := failed("o", fmt.Sprint(i), map[bool]string{true: "A", false: "B"}[i%3 == 0])
		r.LastSeen = failedAt.Add(time.Duration(i) * time.Minute)
		recordFailures(t, s, r)
	}
	resolve(t, s, 1, ref(crm.HubSpot, "10")) // of B
	for limit, partial := range map[int]bool{100: false, 5: true} {
		g, err := s.GroupFailures(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, group := range g.Groups {
			got = append(got, fmt.Sprintf("%d %s", group.Failures, group.Rows[0].Ref))
		}
		if diff := cmp.Diff([]string{"7 hubspot/contact/11", "4 hubspot/contact/9"}, got); diff != "" || g.Open != 11 || g.Partial != partial {
			t.Errorf("limit %d: %d open, partial %t: %s", limit, g.Open, g.Partial, diff)
		}
	}
}

func failureDismissed(t *testing.T, s *store.Failures) {
	r := failed("o", "1", "A")
	recordFailures(t, s, r)
	at := failedAt.Add(time.Hour)
	for _, want := range []int{1, 0} {
		n, err := s.DismissFailures(t.Context(), at, failure.ByHand, r.ID, "00000000000000000000000000000000")
		if err != nil || n != want {
			t.Errorf("dismissed %d, %v, want %d", n, err, want)
		}
	}
	list := listFailures(t, s, failure.Filter{IDs: []string{r.ID}, Resolved: true})
	if len(list) != 1 || list[0].Dismissed != failure.ByHand || !list[0].ResolvedAt.Equal(at) || len(unreported(t, s)) != 0 {
		t.Errorf("got %+v", list)
	}
	r.Operation = "another"
	recordFailures(t, s, r)
	list = listFailures(t, s, failure.Filter{IDs: []string{r.ID}})
	if n, err := s.CountFailures(t.Context(), ""); err != nil || n != 1 || len(list) != 1 || list[0].Dismissed != "" {
		t.Errorf("open again: %d, %v, %+v", n, err, list)
	}
}
