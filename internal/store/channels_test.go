package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

func channelsContract(t *testing.T, host string) {
	s := store.NewChannels(newDatabase(t, host))
	want := func(all ...zoho.ChannelState) {
		t.Helper()
		got, err := s.LoadChannels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]zoho.ChannelState{}, all...), got); diff != "" {
			t.Errorf("channels (-want +got):\n%s", diff)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want()
	at := time.Date(2026, 11, 23, 10, 0, 0, 123000000, time.UTC)
	one := zoho.ChannelState{
		ID: "2305843009213693952", Events: []string{"Contacts.all", "Accounts.all"},
		RenewedAt: at, Expiry: at.Add(time.Hour), CheckedAt: at.Add(time.Minute), GapSince: at.Add(-time.Hour),
	}
	two := zoho.ChannelState{ID: "3305843009213693952", RenewedAt: at, Expiry: at, CheckedAt: at}
	must(s.SaveChannel(t.Context(), one))
	must(s.SaveChannel(t.Context(), two))
	want(one, two)
	one.GapSince = time.Time{}
	must(s.SaveChannel(t.Context(), one))
	must(s.DropChannel(t.Context(), two.ID))
	must(s.DropChannel(t.Context(), "unknown"))
	want(one)
}
