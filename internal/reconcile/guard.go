package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Guard keeps a pass from passing on what looks like a mistake: a mass import,
// a mass edit, a mass deletion. A pass that would touch more than Share of the
// pairs that there are stops, before it publishes what is too much, and stays
// where it is until a person lets it go on.
type Guard struct {
	// Share is the part of all pairs of a kind that one pass may touch; default
	// a half. Floor is how many it may touch in any case; default 1,000.
	Share float64
	Floor int
	Pairs PairCounter
	// Creates tells whether a record of a system that has no pair would get
	// one. Where it would not, it is not touched.
	Creates func(from crm.System, kind crm.Kind) bool
}

// PairCounter knows how many pairs there are.
type PairCounter interface {
	CountLinks(ctx context.Context, kind crm.Kind) (int, error)
	// CountLinked returns how many of the records belong to a pair.
	CountLinked(ctx context.Context, refs []crm.Ref) (int, error)
}

const (
	guardShare = 0.5
	guardFloor = 1000
)

// ErrMassChange is returned by a run of which a pass was stopped by its guard.
var ErrMassChange = errors.New("more records changed than can be right: look at what changed, and if it is meant so, let it through with connector reconcile --allow-mass-change")

func (g *Guard) withDefaults() *Guard {
	if g == nil {
		return nil
	}
	c := *g
	if c.Share == 0 {
		c.Share = guardShare
	}
	if c.Floor == 0 {
		c.Floor = guardFloor
	}
	return &c
}

// admit counts the records of a page among what their pass touches and returns
// how many that are by now, or ErrMassChange if they are too many.
func (g *Guard) admit(ctx context.Context, p PassReport, touched int, refs []crm.Ref) (int, error) {
	if g == nil || len(refs) == 0 {
		return touched, nil
	}
	more := len(refs)
	if !g.Creates(p.System, p.Kind) {
		var err error
		if more, err = g.Pairs.CountLinked(ctx, refs); err != nil {
			return touched, fmt.Errorf("count what is touched: %w", err)
		}
	}
	touched += more
	if more == 0 || touched <= g.Floor {
		return touched, nil
	}
	pairs, err := g.Pairs.CountLinks(ctx, p.Kind)
	if err != nil {
		return touched, fmt.Errorf("count pairs: %w", err)
	}
	if float64(touched) > g.Share*float64(pairs) {
		return touched, ErrMassChange
	}
	return touched, nil
}
