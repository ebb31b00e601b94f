package assembly

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/dryrun"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// nothing is every store and every CRM, and does nothing.
type nothing struct {
	Links
	Failures
	Cursors
	syncer.Suppressions
	safeguard.Store
	syncer.CRM
}

func (nothing) Publish(context.Context, []op.Operation) error { return nil }
func (nothing) Now() time.Time                                { return time.Time{} }
func (nothing) Sleep(context.Context, time.Duration) error    { return nil }

func complete() Deps {
	n := nothing{}
	return Deps{
		Mapping: mapping.Default(), CRMs: map[crm.System]syncer.CRM{crm.HubSpot: n, crm.Zoho: n},
		Links: n, Failures: n, Cursors: n, Suppressions: n, Safeguards: n,
		Publishers: map[crm.System]syncer.Publisher{crm.HubSpot: n, crm.Zoho: n},
		Unique:     func(crm.System, crm.Kind, string) bool { return false }, Parallel: func(context.Context, ...func()) {},
		Clock: n, NewID: func() string { return "" }, Logger: slog.New(slog.DiscardHandler), HashKey: []byte("0123456789abcdef"), Share: 1,
	}
}

func TestASyncerIsNotAssembledWithoutAnyOfItsParts(t *testing.T) {
	if _, err := NewSyncer(complete(), Options{}); err != nil {
		t.Fatal(err)
	}
	for name, without := range map[string]func(*Deps){
		"mapping": func(d *Deps) { d.Mapping = nil }, "links": func(d *Deps) { d.Links = nil }, "failures": func(d *Deps) { d.Failures = nil },
		"cursors": func(d *Deps) { d.Cursors = nil }, "suppressions": func(d *Deps) { d.Suppressions = nil }, "safeguards": func(d *Deps) { d.Safeguards = nil },
		"unique values": func(d *Deps) { d.Unique = nil }, "calls at once": func(d *Deps) { d.Parallel = nil }, "clock": func(d *Deps) { d.Clock = nil },
		"ids": func(d *Deps) { d.NewID = nil }, "logger": func(d *Deps) { d.Logger = nil }, "hash key": func(d *Deps) { d.HashKey = nil },
		"share of the operations": func(d *Deps) { d.Share = 0 }, "no client": func(d *Deps) { d.CRMs = map[crm.System]syncer.CRM{} },
		"no publisher": func(d *Deps) { d.Publishers = nil },
	} {
		d := complete()
		without(&d)
		if _, err := NewSyncer(d, Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestADryRunNeedsNoPublisher(t *testing.T) {
	d := complete()
	d.Publishers = nil
	s, err := NewSyncer(d, Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if !dryrun.IsDryRun(s) || s.Safeguard == nil {
		t.Errorf("a dry run: %t, with the safeguard: %t", dryrun.IsDryRun(s), s.Safeguard != nil)
	}
	for _, side := range crm.Systems {
		if err := s.Publishers[side].Publish(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
}
