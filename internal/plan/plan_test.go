package plan

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// stored is a store of links that must not be written to.
type stored struct {
	syncer.Links
	links []syncer.Link
}

func (s stored) FindLink(_ context.Context, ref crm.Ref) (syncer.Link, bool, error) {
	for _, l := range s.links {
		if l.Ref(ref.System) == ref {
			return l, true, nil
		}
	}
	return syncer.Link{}, false, nil
}

func link(id, hubspot, zoho string) syncer.Link {
	l := syncer.Link{ID: id, Kind: crm.Contact}
	l.HubSpot.RecordID, l.Zoho.RecordID = hubspot, zoho
	return l
}

func TestLinksOfAPlanKeepTheContractOfTheStoreAndLeaveItAlone(t *testing.T) {
	old := link("old", "1", "2")
	old.Version, old.Claimed = "real", []crm.Ref{old.Ref(crm.HubSpot), old.Ref(crm.Zoho)}
	l := newLinks(stored{links: []syncer.Link{old}})
	owner := func(ref crm.Ref, want string) {
		t.Helper()
		got, found, err := l.FindLink(t.Context(), ref)
		if err != nil || found != (want != "") || got.ID != want {
			t.Errorf("%s belongs to %q, %t, %v, want %q", ref, got.ID, found, err, want)
		}
	}
	save := func(link syncer.Link, want error) syncer.Link {
		t.Helper()
		saved, err := l.SaveLink(t.Context(), link)
		if !errors.Is(err, want) {
			t.Errorf("save %s: %v, want %v", link.ID, err, want)
		}
		return saved
	}
	save(link("new", "3", "2"), syncer.ErrClaimed) // the stored one has the record of Zoho
	made := save(link("new", "3", "4"), nil)
	save(link("new", "3", "5"), syncer.ErrChanged) // not as it was read
	made.Zoho.RecordID = "6"
	moved := save(made, nil)
	owner(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "4"}, "")
	owner(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "6"}, "new")
	save(link("third", "7", "6"), syncer.ErrClaimed)

	if err := l.DropLink(t.Context(), made); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("an old reading was dropped: %v", err)
	}
	if err := l.DropLink(t.Context(), moved); err != nil {
		t.Error(err)
	}
	owner(crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "3"}, "")
	owner(old.Ref(crm.HubSpot), "old")
	if err := l.DropLink(t.Context(), old); err != nil {
		t.Error(err)
	}
	owner(old.Ref(crm.HubSpot), "")
	save(link("new", "3", "2"), nil)
}

func TestAnEstimateIsOfFullCallsAndNamesWhatBindsIt(t *testing.T) {
	r := Report{
		Records: 10_000,
		Counts:  reconcile.Outcomes{crm.Contact: {reconcile.Create: 4_000, reconcile.Link: 6_000}},
		Writes:  map[crm.System]int{crm.HubSpot: 10_000, crm.Zoho: 10_000},
		Values:  map[crm.System]int{crm.HubSpot: 1_000, crm.Zoho: 6_000},
	}
	hubspot, zoho := Sizes{List: 50, Read: 50, Find: 100, Write: 100}, Sizes{Read: 100, Find: 200, Write: 100, CreditStep: 10}
	tests := map[string]struct {
		quotas Quotas
		want   Estimate
	}{
		"what it may add": {Quotas{HubSpotPer10s: 100, ZohoCreditsPerDay: 50_000, Share: 0.5, PerSecond: 50},
			Estimate{Time: 200 * time.Second, Seconds: 200, BoundBy: "--per-second"}},
		"HubSpot": {Quotas{HubSpotPer10s: 10, ZohoCreditsPerDay: 50_000, Share: 0.5, PerSecond: 50},
			Estimate{Time: 800 * time.Second, Seconds: 800, BoundBy: "HubSpot's calls in 10 seconds"}},
		"a day of Zoho": {Quotas{HubSpotPer10s: 100, ZohoCreditsPerDay: 2_000, Share: 0.5, PerSecond: 50},
			Estimate{Time: 24 * time.Hour, Seconds: 86_400, BoundBy: "Zoho's credits of a day"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			// Lists 200, lookups 60, writes 100, verifications 20, echoes 20; lookups
			// 50, writes 100 of ten credits each, verifications 60, echoes 100.
			tt.want.HubSpotCalls, tt.want.ZohoCalls, tt.want.ZohoCredits = 400, 310, 1_210
			got := r.Estimate(hubspot, zoho, tt.quotas)
			if got.USD <= 0.01 || got.USD > 1 {
				t.Errorf("it costs %f dollars", got.USD)
			}
			got.USD = 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("estimate (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPlanWithoutItsPartsIsRefused(t *testing.T) {
	if _, err := Run(t.Context(), Config{}); err == nil {
		t.Error("no error")
	}
}
