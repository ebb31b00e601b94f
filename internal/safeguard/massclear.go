// Package safeguard stops changes that look like a mistake.
//
// [MassChange] stops a sweep that would touch more than half of all pairs.
// [CreateCap] stops a backfill that would create more records than a person agreed
// to. [MassClear] holds an operation when values would be cleared on more than half
// of all records within minutes: a list that was imported with empty columns would
// otherwise empty the other CRM too. A held operation is retried: it proceeds once a
// person releases it, and does nothing once the values are back.
package safeguard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

const (
	// clearWindow is the time within which records are counted.
	clearWindow = 10 * time.Minute
	// share is the part of all pairs of a kind that may change, or on which values
	// may be cleared within the window; floor is how many may in any case.
	share = 0.5
	floor = 1000
	// maxStateAge is how old the loaded state may be, maxCountAge how old the number
	// of pairs.
	maxStateAge = 10 * time.Second
	maxCountAge = time.Minute
)

// State is the stored state of a safeguard for one side and kind.
type State struct {
	Side crm.System // on which values are not to be cleared
	Kind crm.Kind
	// HeldAt is when it began to hold, zero while it does not.
	HeldAt time.Time
	// Records is on how many records values had been cleared by then, as far as
	// the instance that began to hold could know; Pairs how many pairs there were.
	Records, Pairs int
	// FreeUntil is until when a person lets everything through.
	FreeUntil time.Time
}

// Held reports whether operations are held at a time.
func (s State) Held(now time.Time) bool { return !s.HeldAt.IsZero() && !now.Before(s.FreeUntil) }

// Store keeps the states, one for each side and kind.
type Store interface {
	LoadSafeguard(ctx context.Context, side crm.System, kind crm.Kind) (State, error)
	SaveSafeguard(ctx context.Context, s State) error
}

// Pairs knows how many pairs of a kind there are.
type Pairs interface {
	CountLinks(ctx context.Context, kind crm.Kind) (int, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Config holds the dependencies of a MassClear.
type Config struct {
	Store  Store
	Pairs  Pairs
	Clock  Clock
	Logger *slog.Logger
	// Part is the part of all operations that this instance sees; 0 for all.
	Part float64
}

// MassClear counts for one instance. It is safe for concurrent use.
type MassClear struct {
	Config
	mu    sync.Mutex
	sides map[sideKind]*sideCounter
}

type sideKind struct {
	side crm.System
	kind crm.Kind
}

// sideCounter is what an instance knows of one side and kind.
type sideCounter struct {
	cleared  map[string]time.Time // when, by the record's id
	pruned   time.Time
	state    State
	loadedAt time.Time
	pairs    int
	pairsAt  time.Time
}

// NewMassClear returns a MassClear that has counted nothing.
func NewMassClear(c Config) *MassClear {
	if c.Part == 0 {
		c.Part = 1
	}
	return &MassClear{Config: c, sides: map[sideKind]*sideCounter{}}
}

// AllowClear is asked before values of a record are cleared. An error means that they
// must not be now; the operation comes again.
func (m *MassClear) AllowClear(ctx context.Context, record crm.Ref) error {
	state, err := m.loadState(ctx, record)
	now := m.Clock.Now()
	switch {
	case err != nil:
		return fmt.Errorf("load the safeguard: %w", err)
	case state.Held(now):
		return heldError(record.System)
	case now.Before(state.FreeUntil):
		return nil
	}
	n := m.countRecord(record, now)
	if float64(n) <= floor*m.Part {
		return nil
	}
	pairs, err := m.countPairs(ctx, record, now)
	if err != nil {
		return fmt.Errorf("count pairs: %w", err)
	}
	if float64(n) <= share*m.Part*float64(pairs) {
		return nil
	}
	state = State{Side: record.System, Kind: record.Kind, HeldAt: now, Records: int(float64(n) / m.Part), Pairs: pairs}
	if err := m.Store.SaveSafeguard(ctx, state); err != nil {
		return fmt.Errorf("save the safeguard: %w", err)
	}
	m.rememberState(record, state, now)
	m.Logger.ErrorContext(ctx, logschema.MassClear, "system", string(state.Side), "kind", string(state.Kind), "records", state.Records, "pairs", pairs)
	return heldError(record.System)
}

// heldError is the error of an operation that has to wait for a person.
func heldError(s crm.System) error {
	return &crm.Error{System: s, Action: "clear", Kind: crm.Refused, Code: string(failurecode.MassClear)}
}

func (m *MassClear) counterOf(r crm.Ref) *sideCounter {
	key := sideKind{r.System, r.Kind}
	c := m.sides[key]
	if c == nil {
		c = &sideCounter{cleared: map[string]time.Time{}}
		m.sides[key] = c
	}
	return c
}

// loadState is what the store says, as of a moment ago.
func (m *MassClear) loadState(ctx context.Context, r crm.Ref) (State, error) {
	m.mu.Lock()
	c := m.counterOf(r)
	state, loadedAt := c.state, c.loadedAt
	m.mu.Unlock()
	now := m.Clock.Now()
	if now.Sub(loadedAt) < maxStateAge {
		return state, nil
	}
	state, err := m.Store.LoadSafeguard(ctx, r.System, r.Kind)
	if err == nil {
		m.rememberState(r, state, now)
	}
	return state, err
}

// rememberState remembers a state. What was counted before a person let it through counts
// no more.
func (m *MassClear) rememberState(r crm.Ref, s State, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counterOf(r)
	c.state, c.loadedAt = s, now
	if now.Before(s.FreeUntil) {
		clear(c.cleared)
	}
}

// countRecord counts a record and returns how many there are in the window.
func (m *MassClear) countRecord(r crm.Ref, now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counterOf(r)
	c.cleared[r.RecordID] = now
	if now.Sub(c.pruned) >= clearWindow/10 {
		c.pruned = now
		for id, at := range c.cleared {
			if now.Sub(at) > clearWindow {
				delete(c.cleared, id)
			}
		}
	}
	return len(c.cleared)
}

func (m *MassClear) countPairs(ctx context.Context, r crm.Ref, now time.Time) (int, error) {
	m.mu.Lock()
	c := m.counterOf(r)
	pairs, at := c.pairs, c.pairsAt
	m.mu.Unlock()
	if now.Sub(at) < maxCountAge {
		return pairs, nil
	}
	pairs, err := m.Pairs.CountLinks(ctx, r.Kind)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.pairs, c.pairsAt = pairs, now
	return pairs, nil
}
