package dryrun

import (
	"context"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// untouchable fails the test that writes to it, wherever to.
type untouchable struct {
	*testing.T
	syncer.LinkStore
	safeguard.Store
	suppressed bool
}

func (u *untouchable) RecordFailure(context.Context, syncer.Failure) error {
	u.Error("a failure was recorded")
	return nil
}

func (u *untouchable) ResolveFailures(context.Context, time.Time, ...crm.Ref) (int, error) {
	u.Error("failures were resolved")
	return 0, nil
}

func (u *untouchable) Publish(context.Context, []op.Operation) error {
	u.Error("an operation was published")
	return nil
}

func (u *untouchable) Suppress(context.Context, time.Time, ...string) error {
	u.Error("somebody was entered into the suppression list")
	return nil
}

func (u *untouchable) IsSuppressed(context.Context, time.Time, string) (bool, error) {
	return u.suppressed, nil
}

func (u *untouchable) SaveSafeguard(context.Context, safeguard.State) error {
	u.Error("a hold was stored")
	return nil
}

func (u *untouchable) LoadSafeguard(_ context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	return safeguard.State{Side: side, Kind: kind, Pairs: 7}, nil
}

func TestADryRunReachesNoStore(t *testing.T) {
	u := &untouchable{T: t, suppressed: true}
	erased := 0
	c := Over(syncer.Config{
		Links: u, Failures: u, Suppressions: u, Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: u, crm.Zoho: u},
		Erasers: []syncer.Eraser{func(context.Context, ...crm.Ref) error { erased++; return nil }},
	})
	ctx, ref := t.Context(), crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "1"}
	if err := c.Failures.RecordFailure(ctx, syncer.Failure{}); err != nil {
		t.Error(err)
	}
	if _, err := c.Failures.ResolveFailures(ctx, time.Time{}, ref); err != nil {
		t.Error(err)
	}
	if err := c.Suppressions.Suppress(ctx, time.Time{}, "x"); err != nil {
		t.Error(err)
	}
	if suppressed, err := c.Suppressions.IsSuppressed(ctx, time.Time{}, "x"); err != nil || !suppressed {
		t.Errorf("who is on the suppression list is not found: %t, %v", suppressed, err)
	}
	for _, s := range crm.Systems {
		if err := c.Publishers[s].Publish(ctx, []op.Operation{{}}); err != nil {
			t.Error(err)
		}
	}
	for _, erase := range c.Erasers {
		if err := erase(ctx, ref); err != nil || erased > 0 {
			t.Errorf("%v, erased %d times", err, erased)
		}
	}

	safeguards := Safeguards(u)
	state, err := safeguards.LoadSafeguard(ctx, crm.Zoho, crm.Contact)
	if err != nil || state.Pairs != 7 {
		t.Errorf("the stored hold is not shown: %+v, %v", state, err)
	}
	state.HeldAt = time.Now()
	if err := safeguards.SaveSafeguard(ctx, state); err != nil {
		t.Error(err)
	}
	if again, err := safeguards.LoadSafeguard(ctx, crm.Zoho, crm.Contact); err != nil || again != state {
		t.Errorf("the hold of the dry run is %+v, %v", again, err)
	}
	if other, err := safeguards.LoadSafeguard(ctx, crm.HubSpot, crm.Contact); err != nil || !other.HeldAt.IsZero() {
		t.Errorf("another side is held too: %+v, %v", other, err)
	}
}
