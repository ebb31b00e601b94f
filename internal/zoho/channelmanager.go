package zoho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// ChannelState is what is remembered of a channel that we opened.
type ChannelState struct {
	ID     string
	Events []string
	// RenewedAt is when its life began anew, and Expiry when it ends, by what
	// Zoho granted.
	RenewedAt, Expiry time.Time
	// SeenAt is when it was last found as it should be.
	SeenAt time.Time
	// GapSince is since when changes may not have been told. It is zero once a
	// sweep has read them.
	GapSince time.Time
}

// ChannelStore keeps the states of our channels.
type ChannelStore interface {
	LoadChannels(ctx context.Context) ([]ChannelState, error)
	SaveChannel(ctx context.Context, s ChannelState) error
	DropChannel(ctx context.Context, id string) error
}

// ChannelAPI is Zoho's side of it.
type ChannelAPI interface {
	ListChannels(ctx context.Context) (map[string]Channel, error)
	OpenChannel(ctx context.Context, ch Channel) (Channel, error)
	RenewChannel(ctx context.Context, ch Channel) (Channel, error)
	CloseChannels(ctx context.Context, ids ...string) error
}

// Sweeper reads what changed in Zoho while nobody was told of it, and returns
// once that is on its way.
type Sweeper interface {
	Sweep(ctx context.Context) error
}

// ChannelManagerConfig is what a ChannelManager needs. Every field is required.
type ChannelManagerConfig struct {
	API       ChannelAPI
	Store     ChannelStore
	Sweeper   Sweeper
	Clock     Clock
	Kinds     []crm.Kind
	NotifyURL string
	Token     Secret // what notifications prove themselves by
}

// Format keeps the token, and the URL, which may hold another secret, out of
// every verb of fmt.
func (c ChannelManagerConfig) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "manager of the zoho channel "+ChannelID(c.NotifyURL))
}

// ChannelManager keeps the one channel open through which Zoho tells of changes: it
// compares the channel that is wanted with those that there are, renews at half
// of its life, removes others of ours, and has read what no channel told.
type ChannelManager struct{ ChannelManagerConfig }

// NewChannelManager returns a ChannelManager, or every fault of c.
func NewChannelManager(c ChannelManagerConfig) (*ChannelManager, error) {
	var errs []error
	if c.API == nil || c.Store == nil || c.Sweeper == nil || c.Clock == nil {
		errs = append(errs, errors.New("api, store, sweeper and clock are required"))
	}
	errs = append(errs, validateChannel(c.desiredChannel()))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("zoho channel manager: %w", err)
	}
	return &ChannelManager{c}, nil
}

func (c ChannelManagerConfig) desiredChannel() Channel {
	return Channel{ID: ChannelID(c.NotifyURL), Events: ChannelEvents(c.Kinds...), NotifyURL: c.NotifyURL, Token: c.Token}
}

// ChannelAction is what became of the channel.
type ChannelAction string

// What a run did with the channel.
const (
	ChannelKept    ChannelAction = "kept"
	ChannelOpened  ChannelAction = "opened"
	ChannelRenewed ChannelAction = "renewed"
)

// ChannelReport tells what a run did.
type ChannelReport struct {
	Action    ChannelAction `json:"action"`
	ChannelID string        `json:"channel_id"`
	ExpiresAt time.Time     `json:"expires_at"`
	// Short is set when Zoho granted much less than it was asked for, as it
	// does to whoever asks for more than a week.
	Short bool `json:"short,omitempty"`
	// GapSince is since when changes may not have been told; a sweep read them.
	GapSince time.Time `json:"gap_since,omitzero"`
	// Removed are channels of ours that should not be.
	Removed []string `json:"removed,omitempty"`
}

// EnsureChannel does whatever the channel needs. It can be called at any time, by two
// at once too. After an error the next call takes up what is left.
func (m *ChannelManager) EnsureChannel(ctx context.Context) (ChannelReport, error) {
	want := m.desiredChannel()
	report := ChannelReport{Action: ChannelKept, ChannelID: want.ID}
	states, err := m.Store.LoadChannels(ctx)
	if err != nil {
		return report, fmt.Errorf("load zoho channels: %w", err)
	}
	actual, err := m.API.ListChannels(ctx)
	if err != nil {
		return report, err
	}
	state := ChannelState{ID: want.ID}
	if i := slices.IndexFunc(states, func(s ChannelState) bool { return s.ID == want.ID }); i >= 0 {
		state = states[i]
	}
	if state, err = m.ensureOpen(ctx, want, state, actual, &report); err != nil {
		return report, err
	}
	if report.Removed, err = m.closeUnwanted(ctx, want, states, actual); err != nil {
		return report, err
	}
	if state.GapSince.IsZero() {
		return report, nil
	}
	report.GapSince = state.GapSince
	if err := m.Sweeper.Sweep(ctx); err != nil {
		return report, fmt.Errorf("read what changed since %s: %w", state.GapSince.UTC().Format(time.RFC3339), err)
	}
	state.GapSince = time.Time{}
	return report, m.saveState(ctx, state)
}

// ensureOpen opens, replaces or renews the channel.
func (m *ChannelManager) ensureOpen(ctx context.Context, want Channel, state ChannelState, actual map[string]Channel, report *ChannelReport) (ChannelState, error) {
	now := m.Clock.Now()
	have, open := actual[want.ID]
	open = open && now.Before(have.Expiry)
	silent := !open || have.NotifyURL != want.NotifyURL || !slices.Equal(sortedCopy(have.Events), sortedCopy(want.Events))
	report.ExpiresAt = have.Expiry
	switch {
	case silent:
		// The gap is stored before the channel is mended: a run that is cut off
		// in between must not forget it.
		state.GapSince = gapSince(state, now)
		if err := m.saveState(ctx, state); err != nil {
			return state, err
		}
	case have.Token == want.Token && now.Before(renewalTime(state, have)):
		report.Short = state.isShort()
		state.SeenAt = now
		return state, m.saveState(ctx, state)
	}
	granted, err := m.openOrRenew(ctx, want, open, report)
	if err != nil {
		return state, err
	}
	state.Events, state.RenewedAt, state.SeenAt, state.Expiry = want.Events, now, m.Clock.Now(), granted.Expiry
	report.ExpiresAt, report.Short = granted.Expiry, state.isShort()
	return state, m.saveState(ctx, state)
}

// openOrRenew renews a channel that is open, and opens any other.
func (m *ChannelManager) openOrRenew(ctx context.Context, want Channel, open bool, report *ChannelReport) (Channel, error) {
	if open {
		report.Action = ChannelRenewed
		granted, err := m.API.RenewChannel(ctx, want)
		if e := crm.AsError(err); e == nil || e.Kind != crm.Invalid && e.Kind != crm.NotFound {
			return granted, err
		} // it ended this moment
	}
	report.Action = ChannelOpened
	return m.API.OpenChannel(ctx, want)
}

// gapSince is when the channel was last known to tell everything. One that was
// never known has been missing since now: the first sweep looks back by itself.
func gapSince(s ChannelState, now time.Time) time.Time {
	switch {
	case !s.GapSince.IsZero():
		return s.GapSince
	case s.SeenAt.IsZero():
		return now
	}
	return s.SeenAt
}

// renewalTime is when a channel is due to be renewed. One that another hand
// renewed has a life that we do not know: half of the longest is taken.
func renewalTime(s ChannelState, have Channel) time.Time {
	life := have.Expiry.Sub(s.RenewedAt)
	if s.RenewedAt.IsZero() || life > MaxChannelLife {
		life = MaxChannelLife
	}
	return have.Expiry.Add(-life / 2)
}

// isShort reports whether Zoho granted less than half of what it was asked for.
func (s ChannelState) isShort() bool { return s.Expiry.Sub(s.RenewedAt) < MaxChannelLife/2 }

// closeUnwanted closes the channels that are ours and not wanted: those that we
// once opened, and those that knock at our door.
func (m *ChannelManager) closeUnwanted(ctx context.Context, want Channel, states []ChannelState, actual map[string]Channel) ([]string, error) {
	known := map[string]bool{}
	for _, s := range states {
		known[s.ID] = true
	}
	var unwanted []string
	for _, id := range slices.Sorted(maps.Keys(actual)) {
		if id != want.ID && (known[id] || actual[id].NotifyURL == want.NotifyURL) {
			unwanted = append(unwanted, id)
		}
	}
	for _, id := range unwanted {
		if err := m.API.CloseChannels(ctx, id); err != nil && !isAlreadyClosed(err) {
			return nil, err
		}
	}
	for _, s := range states {
		if s.ID == want.ID {
			continue
		}
		if err := m.Store.DropChannel(ctx, s.ID); err != nil {
			return unwanted, fmt.Errorf("forget zoho channel %s: %w", s.ID, err)
		}
	}
	return unwanted, nil
}

// isAlreadyClosed reports whether a channel could not be closed because it ended by
// itself.
func isAlreadyClosed(err error) bool {
	e := crm.AsError(err)
	return e != nil && (e.Kind == crm.NotFound || e.Code == "NOT_SUBSCRIBED")
}

func (m *ChannelManager) saveState(ctx context.Context, s ChannelState) error {
	if err := m.Store.SaveChannel(ctx, s); err != nil {
		return fmt.Errorf("save zoho channel %s: %w", s.ID, err)
	}
	return nil
}

func sortedCopy(list []string) []string { return slices.Sorted(slices.Values(list)) }
