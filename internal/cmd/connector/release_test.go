package main

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/check"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/store"
)

// The package safeguard tests that the safeguard starts to hold by itself: that takes
// more than a thousand records.
func TestAMassClearWaitsForAPerson(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	x := recordKinds[0]
	h, z := s.createPair(x, x.city.h("Oslo"))
	s.checkOutput("release", "Nothing is held.")
	db := s.connectStore()
	s.must(store.NewSafeguards(db).SaveSafeguard(s.ctx, safeguard.State{Side: crm.HubSpot, Kind: crm.Contact, HeldAt: time.Now(), Records: 1501, Pairs: 3000}))

	s.mustEdit(z, x.city.z(""), time.Time{})
	time.Sleep(time.Second) // it would have arrived by now
	if got, err := s.readRecord(s.ctx, h); err != nil || got["city"] != "Oslo" {
		t.Errorf("HubSpot holds %q (%v), although clears are held", got["city"], err)
	}
	findings, _ := s.runCheck()
	s.checkFinding(findings, "safeguard", check.Error, "1501 records of 3000 pairs")
	const line = "Clears of contact values in hubspot, held since"
	s.checkOutput("release --dry-run --kind contact", line, "would be let through")
	s.checkOutput("release --system zoho", "Nothing is held.")
	s.checkOutput("release --for 1h", line, "are let through")
	s.checkOutput("release", "Nothing is held.")
	s.awaitIdle()
	if got, err := s.readRecord(s.ctx, h); err != nil || got["city"] != "" {
		t.Errorf("HubSpot holds %q (%v) after it was let through", got["city"], err)
	}
}
