// Package dryrun lets a syncer work without changing anything. Each CRM is read,
// and answers creates and updates as it would, but keeps them back and shows them
// to later reads; links are kept in memory over those that are stored; failures,
// messages and suppressions go nowhere.
//
// What it lets happen is what would happen, except for what cannot be known before it
// is tried: a value that a CRM refuses, and what people change meanwhile.
//
// It keeps about two kilobytes in memory for each pair that would be written.
package dryrun

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Over returns the configuration of a syncer that changes nothing, over that of one
// which would.
func Over(c syncer.Config) syncer.Config {
	crms := map[crm.System]syncer.CRM{}
	publishers := map[crm.System]syncer.Publisher{}
	for _, s := range crm.Systems {
		if c.CRMs[s] != nil {
			crms[s] = newCRM(s, c.Mapping, c.CRMs[s], c.Clock.Now)
		}
		publishers[s] = nowhere{}
	}
	c.CRMs, c.Publishers = crms, publishers
	c.Links = newLinks(c.Links)
	c.Failures = nowhere{}
	c.Suppressions = suppressions{c.Suppressions}
	c.Erasers = slices.Clone(c.Erasers)
	for i := range c.Erasers {
		c.Erasers[i] = func(context.Context, ...crm.Ref) error { return nil }
	}
	return c
}

// IsDryRun reports whether a syncer changes nothing.
func IsDryRun(s *syncer.Syncer) bool {
	_, dry := s.Links.(*links)
	return dry
}

// nowhere takes what is not to be kept.
type nowhere struct{}

func (nowhere) RecordFailure(context.Context, syncer.Failure) error { return nil }
func (nowhere) ResolveFailures(context.Context, time.Time, ...crm.Ref) (int, error) {
	return 0, nil
}
func (nowhere) Publish(context.Context, []op.Operation) error { return nil }

// suppressions are read and not added to.
type suppressions struct{ syncer.Suppressions }

func (suppressions) Suppress(context.Context, time.Time, ...string) error { return nil }

// Safeguards returns a store that shows the holds that are stored, and keeps those that
// the dry run itself comes to.
func Safeguards(beneath safeguard.Store) safeguard.Store {
	return &safeguards{beneath: beneath, held: map[place]safeguard.State{}}
}

// place is where values may be held.
type place struct {
	side crm.System
	kind crm.Kind
}

type safeguards struct {
	beneath safeguard.Store
	mu      sync.Mutex
	held    map[place]safeguard.State
}

// LoadSafeguard prefers what the dry run came to.
func (b *safeguards) LoadSafeguard(ctx context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	b.mu.Lock()
	state, held := b.held[place{side, kind}]
	b.mu.Unlock()
	if held {
		return state, nil
	}
	return b.beneath.LoadSafeguard(ctx, side, kind)
}

// SaveSafeguard keeps a state for this dry run alone.
func (b *safeguards) SaveSafeguard(_ context.Context, s safeguard.State) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[place{s.Side, s.Kind}] = s
	return nil
}
