package simulate

import (
	"context"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// place is where the safeguard against mass clears may hold.
type place struct {
	side crm.System
	kind crm.Kind
}

// holds is the store of that safeguard. That one begins is drawn: another instance
// of the connector has counted too many clears. That it ends is for a person.
type holds struct {
	world  *world
	stored map[place]safeguard.State
	ends   int64 // when a person releases what is held, 0 for nothing that is
}

// holdSeen is how long after a hold began a handler that asked before may still write:
// the state that an instance knows is ten seconds old at most, and a handler may be
// stalled between that and its write.
const holdSeen = 10 * minute

// begin holds the clears of one kind on one side for some hours.
func (h *holds) begin() {
	w := h.world
	at := place{crm.Systems[w.rng.IntN(2)], crm.Kinds[w.rng.IntN(len(crm.Kinds))]}
	h.stored[at] = safeguard.State{Side: at.side, Kind: at.kind, HeldAt: w.Now(), Records: 1501, Pairs: 3000}
	h.ends = w.now + w.between(hour, 6*hour)
	w.struck(held)
}

// release lets everything through, as connector release does.
func (h *holds) release() {
	if h.ends != 0 {
		h.world.commands[releases]++
	}
	for at := range h.stored {
		h.stored[at] = safeguard.State{Side: at.side, Kind: at.kind, FreeUntil: h.world.Now().Add(24 * time.Hour)}
	}
	h.ends = 0
	h.world.happened("released by a person", "what was held")
}

// inForce reports whether clears are held, and every writer knows it.
func (h *holds) inForce(at place) bool {
	s := h.stored[at]
	now := h.world.Now()
	return s.Held(now) && now.Sub(s.HeldAt).Milliseconds() > holdSeen
}

// LoadSafeguard implements safeguard.Store.
func (h *holds) LoadSafeguard(ctx context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	if err := h.world.seam(ctx, "load hold"); err != nil {
		return safeguard.State{}, err
	}
	if h.world.storeIsDown() || h.world.draw(storeDown, noFault, noFault) != noFault {
		return safeguard.State{}, errStore
	}
	s, ok := h.stored[place{side, kind}]
	if !ok {
		s = safeguard.State{Side: side, Kind: kind}
	}
	return s, nil
}

// SaveSafeguard implements safeguard.Store.
func (h *holds) SaveSafeguard(ctx context.Context, s safeguard.State) error {
	if err := h.world.seam(ctx, "save hold"); err != nil {
		return err
	}
	h.stored[place{s.Side, s.Kind}] = s
	return nil
}

// checkClear: what one way in holds, every way holds.
func (m *model) checkClear(r *record, field, old, value string) {
	t := m.world.running
	if t == nil || old == "" || value != "" || !m.world.holds.inForce(place{m.system, r.ref.Kind}) {
		return // a write that lands late was asked for before
	}
	m.world.violate("%s cleared %s of %s although clears are held (%s)", t.name, field, r.ref, failurecode.MassClear)
}
