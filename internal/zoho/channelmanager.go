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

// ChannelState is the stored state of a channel that the connector opened.
type ChannelState struct {
	ID     string
	Events []string
	// RenewedAt is when the channel was opened or renewed, and Expiry the end
	// of its life that Zoho granted.
	RenewedAt, Expiry time.Time
	// CheckedAt is when the channel was last found open and correct.
	CheckedAt time.Time
	// GapSince is the time since when notifications may be missing. It is zero
	// once a sweep has read the changes since then.
	GapSince time.Time
}

// ChannelStore keeps the states of the channels.
type ChannelStore interface {
	LoadChannels(ctx context.Context) ([]ChannelState, error)
	SaveChannel(ctx context.Context, s ChannelState) error
	DropChannel(ctx context.Context, id string) error
}

// ChannelAPI is the part of the Zoho API that manages channels.
type ChannelAPI interface {
	ListChannels(ctx context.Context) (map[string]Channel, error)
	OpenChannel(ctx context.Context, ch Channel) (Channel, error)
	RenewChannel(ctx context.Context, ch Channel) (Channel, error)
	CloseChannels(ctx context.Context, ids ...string) error
}

// Sweeper reads the changes in Zoho that no notification announced, and returns
// once their operations are published.
type Sweeper interface {
	Sweep(ctx context.Context) error
}

// ChannelManagerConfig contains the dependencies of a ChannelManager. Every
// field is required.
type ChannelManagerConfig struct {
	API       ChannelAPI
	Store     ChannelStore
	Sweeper   Sweeper
	Clock     Clock
	Kinds     []crm.Kind
	NotifyURL string
	Token     Secret // that every notification carries
}

// Format keeps the token, and the URL, which may hold another secret, out of
// every verb of fmt.
func (c ChannelManagerConfig) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "manager of the zoho channel "+ChannelID(c.NotifyURL))
}

// ChannelManager keeps open the one channel through which Zoho sends
// notifications. It compares the channel that is wanted with the existing ones,
// renews it at half of its life, and closes other channels of the connector.
// After a gap it starts a sweep for the changes that were missed.
type ChannelManager struct{ ChannelManagerConfig }

// NewChannelManager returns a ChannelManager, or an error that lists everything
// that is wrong with c.
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

// ChannelAction is what a run did with the channel.
type ChannelAction string

// The actions of a run.
const (
	ChannelKept    ChannelAction = "kept"
	ChannelOpened  ChannelAction = "opened"
	ChannelRenewed ChannelAction = "renewed"
)

// ChannelReport describes one run.
type ChannelReport struct {
	Action    ChannelAction `json:"action"`
	ChannelID string        `json:"channel_id"`
	ExpiresAt time.Time     `json:"expires_at"`
	// Short is set when Zoho granted much less time than requested, as it does
	// when more than a week is requested.
	Short bool `json:"short,omitempty"`
	// GapSince is the time since when notifications may be missing; a sweep
	// read the changes since then.
	GapSince time.Time `json:"gap_since,omitzero"`
	// Removed are channels of the connector that were closed because they are
	// not wanted.
	Removed []string `json:"removed,omitempty"`
}

// EnsureChannel opens, renews or corrects the channel as needed. It can be
// called at any time, also concurrently. After an error the next call
// continues.
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
		return report, fmt.Errorf("read the changes since %s: %w", state.GapSince.UTC().Format(time.RFC3339), err)
	}
	state.GapSince = time.Time{}
	return report, m.saveState(ctx, state)
}

// ensureOpen opens, replaces or renews the channel.
func (m *ChannelManager) ensureOpen(ctx context.Context, want Channel, state ChannelState, actual map[string]Channel, report *ChannelReport) (ChannelState, error) {
	now := m.Clock.Now()
	have, isOpen := actual[want.ID]
	isOpen = isOpen && now.Before(have.Expiry)
	missesEvents := !isOpen || have.NotifyURL != want.NotifyURL || !slices.Equal(sortedCopy(have.Events), sortedCopy(want.Events))
	report.ExpiresAt = have.Expiry
	switch {
	case missesEvents:
		// The gap is stored before the channel is opened, so that a run that
		// stops in between does not lose it.
		state.GapSince = gapSince(state, now)
		if err := m.saveState(ctx, state); err != nil {
			return state, err
		}
	case have.Token == want.Token && now.Before(renewalTime(state, have)):
		report.Short = state.isShort()
		state.CheckedAt = now
		return state, m.saveState(ctx, state)
	}
	granted, err := m.openOrRenew(ctx, want, isOpen, report)
	if err != nil {
		return state, err
	}
	state.Events, state.RenewedAt, state.CheckedAt, state.Expiry = want.Events, now, m.Clock.Now(), granted.Expiry
	report.ExpiresAt, report.Short = granted.Expiry, state.isShort()
	return state, m.saveState(ctx, state)
}

// openOrRenew renews a channel that is open, and opens any other.
func (m *ChannelManager) openOrRenew(ctx context.Context, want Channel, isOpen bool, report *ChannelReport) (Channel, error) {
	if isOpen {
		report.Action = ChannelRenewed
		granted, err := m.API.RenewChannel(ctx, want)
		if e := crm.AsError(err); e == nil || e.Kind != crm.Invalid && e.Kind != crm.NotFound {
			return granted, err
		} // the channel ended a moment ago
	}
	report.Action = ChannelOpened
	return m.API.OpenChannel(ctx, want)
}

// gapSince returns the time up to which the channel certainly sent every
// change. A channel without a state has a gap from now on: the first sweep
// looks further back by itself.
func gapSince(s ChannelState, now time.Time) time.Time {
	switch {
	case !s.GapSince.IsZero():
		return s.GapSince
	case s.CheckedAt.IsZero():
		return now
	}
	return s.CheckedAt
}

// renewalTime returns the time at which a channel is to be renewed. The life of
// a channel that another program renewed is unknown: half of the longest is
// assumed.
func renewalTime(s ChannelState, have Channel) time.Time {
	life := have.Expiry.Sub(s.RenewedAt)
	if s.RenewedAt.IsZero() || life > MaxChannelLife {
		life = MaxChannelLife
	}
	return have.Expiry.Add(-life / 2)
}

// isShort reports whether Zoho granted less than half of the time requested.
func (s ChannelState) isShort() bool { return s.Expiry.Sub(s.RenewedAt) < MaxChannelLife/2 }

// closeUnwanted closes the channels that belong to the connector and are not
// wanted: those that it once opened, and those that post to its URL.
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
			return unwanted, fmt.Errorf("drop the state of zoho channel %s: %w", s.ID, err)
		}
	}
	return unwanted, nil
}

// isAlreadyClosed reports whether a channel could not be closed because it had
// ended by itself.
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
