package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/store"
)

func statsContract(t *testing.T, host string) {
	s := store.NewStats(newDatabase(t, host))
	at := time.Date(2026, 11, 25, 10, 7, 0, 0, time.UTC)
	want := stats.Hour{
		Instance: "i", Start: at.Truncate(time.Hour),
		Cells: map[int]stats.Cell{1: {Outcomes: map[string]int{"created": 2}, Calls: 5,
			Took: stats.Histogram{3: 2}, Delay: stats.Histogram{0: 1, 40: 1}}},
		Quotas: map[crm.System]stats.Quota{crm.Zoho: {Left: 1, Limit: 2, At: at}},
		Latest: []stats.Operation{{At: at, ID: "o", Ref: ref(crm.Zoho, "1"), Counterpart: "2", Change: "updated", Outcome: "created", Reason: "r",
			Written: []string{"zoho:email"}, Refused: []string{"zoho:phone"}, Calls: 3, Took: 1500 * time.Microsecond, Delay: time.Second}},
	}
	older := stats.Hour{Instance: "i", Start: want.Start.Add(-2 * time.Hour)}
	for _, h := range []stats.Hour{older, {Instance: "i", Start: want.Start}, want} { // the last of an hour stands
		if err := s.SaveHour(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	for latest, want := range map[bool]stats.Hour{
		true:  {Instance: "i", Start: want.Start, Cells: map[int]stats.Cell{}, Quotas: map[crm.System]stats.Quota{}, Latest: want.Latest},
		false: {Instance: "i", Start: want.Start, Cells: want.Cells, Quotas: want.Quotas},
	} {
		got, err := s.LoadHours(t.Context(), at, latest)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]stats.Hour{want}, got); diff != "" {
			t.Errorf("latest %t: %s", latest, diff)
		}
	}
}
