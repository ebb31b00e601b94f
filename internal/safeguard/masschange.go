package safeguard

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// MassChange stops a sweep before it publishes what looks like a mistake: a mass
// import, a mass edit, a mass deletion. A pass that would touch more than Share of
// all pairs stops, and stays where it is until a person lets it continue. A nil
// MassChange stops nothing.
type MassChange struct {
	// Share is the part of all pairs of a kind that one pass may touch; default
	// a half. Floor is how many it may touch in any case; default 1,000.
	Share float64
	Floor int
	Pairs PairCounter
	// Creates tells whether a record of a system that has no pair would get
	// one. Where it would not, it is not touched.
	Creates func(from crm.System, kind crm.Kind) bool
}

// PairCounter counts pairs, and the records that belong to one.
type PairCounter interface {
	Pairs
	// CountLinked returns how many of the records belong to a pair.
	CountLinked(ctx context.Context, refs []crm.Ref) (int, error)
}

// ErrMassChange says that a pass was stopped.
var ErrMassChange = errors.New("more records changed than can be right: look at what changed, and if it is meant so, let it through with connector reconcile --allow-mass-change")

// WithDefaults returns m with its defaults in place of zero bounds.
func (m *MassChange) WithDefaults() *MassChange {
	if m == nil {
		return nil
	}
	c := *m
	if c.Share == 0 {
		c.Share = share
	}
	if c.Floor == 0 {
		c.Floor = floor
	}
	return &c
}

// Validate reports what is missing or wrong.
func (m *MassChange) Validate() error {
	if m != nil && (m.Pairs == nil || m.Creates == nil || m.Share < 0 || m.Floor < 0) {
		return errors.New("the safeguard against mass changes lacks its pairs or its policy, or has a negative bound")
	}
	return nil
}

// AllowChanges adds the records of a page to the number that their pass has touched
// and returns the sum, or ErrMassChange if it is too high.
func (m *MassChange) AllowChanges(ctx context.Context, from crm.System, kind crm.Kind, touched int, refs []crm.Ref) (int, error) {
	if m == nil || len(refs) == 0 {
		return touched, nil
	}
	more := len(refs)
	if !m.Creates(from, kind) {
		var err error
		if more, err = m.Pairs.CountLinked(ctx, refs); err != nil {
			return touched, fmt.Errorf("count the touched pairs: %w", err)
		}
	}
	touched += more
	if more == 0 || touched <= m.Floor {
		return touched, nil
	}
	pairs, err := m.Pairs.CountLinks(ctx, kind)
	if err != nil {
		return touched, fmt.Errorf("count pairs: %w", err)
	}
	if float64(touched) > m.Share*float64(pairs) {
		return touched, ErrMassChange
	}
	return touched, nil
}
