package plan

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

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

// A plan by a syncer that writes would be a backfill.
func TestAPlanRefusesASyncerThatWrites(t *testing.T) {
	together := func(context.Context, int, func(context.Context, int)) {}
	if _, err := Run(t.Context(), Config{Syncer: &syncer.Syncer{}, RunCohort: together}); err == nil || !strings.Contains(err.Error(), "no dry run") {
		t.Errorf("got %v", err)
	}
}
