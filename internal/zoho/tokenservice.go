package zoho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	// minLife is how long a token that Token returns remains valid, at least.
	minLife = 5 * time.Minute
	// usableLife is how long a token must remain valid to be returned although
	// its renewal failed.
	usableLife = 30 * time.Second
	// minAge is how old a token is before the scheduler replaces it. With any
	// interval of the scheduler the token is then valid until the next run, and
	// a call that is delivered twice does not use a second token.
	minAge = time.Minute
	// maxRefusals is how many refused tokens are replaced in refusalWindow. A
	// problem that no new token fixes must not use up the ten tokens that Zoho
	// allows.
	maxRefusals   = 5
	refusalWindow = 10 * time.Minute
	// refreshTime limits the call to Zoho. leaseTime is longer than the call
	// and the saving, so that a lease never ends under an active holder.
	refreshTime = 20 * time.Second
	saveTime    = 10 * time.Second
	leaseTime   = 45 * time.Second
)

// TokenServiceConfig contains the dependencies of a TokenService. Every field
// is required.
type TokenServiceConfig struct {
	AccountsURL  string // origin of the accounts server of the data centre
	ClientID     string
	ClientSecret string
	RefreshToken string
	Store        TokenStore
	HTTP         *http.Client
	Clock        Clock
	NewID        func() string // names a holder of the lease
	Logger       *slog.Logger
}

// Format keeps the secrets out of every verb of fmt.
func (c TokenServiceConfig) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "zoho tokens of "+c.AccountsURL)
}

// LogValue keeps the secrets out of logs.
func (c TokenServiceConfig) LogValue() slog.Value {
	return slog.StringValue("zoho tokens of " + c.AccountsURL)
}

// validate lists everything that is missing.
func (c TokenServiceConfig) validate() error {
	var errs []error
	if err := CheckAccountsURL(c.AccountsURL); err != nil {
		errs = append(errs, err)
	}
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"client id", c.ClientID == ""},
		{"client secret", c.ClientSecret == ""},
		{"refresh token", c.RefreshToken == ""},
		{"store", c.Store == nil},
		{"HTTP client", c.HTTP == nil},
		{"clock", c.Clock == nil},
		{"id source", c.NewID == nil},
		{"logger", c.Logger == nil},
	} {
		if f.missing {
			errs = append(errs, fmt.Errorf("%s is missing", f.name))
		}
	}
	return errors.Join(errs...)
}

// TokenService issues the access token that all functions share, and renews it.
type TokenService struct {
	cfg   TokenServiceConfig
	oauth oauth2.Config
	http  *http.Client
	// consent is the hash of the refresh token.
	consent string

	mu       sync.Mutex
	refusals []time.Time // when refused tokens were replaced, the oldest first
}

// NewTokenService returns the token service, or an error that lists everything
// that is wrong with cfg.
func NewTokenService(cfg TokenServiceConfig) (*TokenService, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("zoho tokens: %w", err)
	}
	client := withoutRedirects(cfg.HTTP)
	client.Transport = jsonContentType{client.Transport}
	return &TokenService{
		cfg:     cfg,
		http:    client,
		consent: hashRefreshToken(cfg.RefreshToken),
		oauth: oauth2.Config{
			ClientID:     cfg.ClientID,
			ClientSecret: cfg.ClientSecret,
			Endpoint: oauth2.Endpoint{
				TokenURL:  strings.TrimRight(cfg.AccountsURL, "/") + "/oauth/v2/token",
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
	}, nil
}

// Token returns a token that is valid for five more minutes and is not refused.
// It renews the token if necessary: of concurrent callers one renews, and the
// others wait for it until their context ends. When the renewal fails, a token
// that is still valid is returned nevertheless.
func (t *TokenService) Token(ctx context.Context, refused string) (Token, error) {
	good := func(s TokenState, now time.Time, life time.Duration) bool {
		return s.Token.AccessToken != "" && s.Token.AccessToken != refused && s.Token.Expiry.Sub(now) >= life
	}
	return t.obtainToken(ctx, demand{
		satisfied: func(s TokenState, now time.Time) bool { return good(s, now, minLife) },
		usable:    func(s TokenState, now time.Time) bool { return good(s, now, usableLife) },
		refused:   refused,
	})
}

// Refresh renews the token unless that happened in the last minute. It is meant
// for a scheduler that calls every 45 to 50 minutes, ten minutes or more before
// a token expires. A renewal that fails is an error even while the old token is
// valid.
func (t *TokenService) Refresh(ctx context.Context) (Token, error) {
	return t.obtainToken(ctx, demand{
		satisfied: func(s TokenState, now time.Time) bool {
			return s.Token.Expiry.Sub(now) >= minLife && now.Sub(s.RefreshedAt) < minAge
		},
		usable: func(TokenState, time.Time) bool { return false },
	})
}

// demand is the requirement of a caller for the stored token.
type demand struct {
	satisfied func(TokenState, time.Time) bool // the token is good as it is
	usable    func(TokenState, time.Time) bool // it is good if it cannot be renewed
	refused   string                           // the token that Zoho refused, if any
}

// replacesRefused reports whether the renewal is for a token that was refused.
func (d demand) replacesRefused(s TokenState) bool {
	return d.refused != "" && d.refused == s.Token.AccessToken
}

// step is the next step that the stored state allows a caller.
type step int

const (
	stepUse step = iota
	stepBlocked
	stepWait
	stepRefresh
)

func (t *TokenService) nextStep(d demand, s TokenState, now time.Time) step {
	switch {
	case d.satisfied(s, now):
		return stepUse
	case s.LeaseHolder != "" && now.Before(s.LeaseUntil):
		return stepWait
	case now.Before(s.retryAt()), d.replacesRefused(s) && t.tooManyRefusals(now):
		return stepBlocked
	}
	return stepRefresh
}

// obtainToken loops until the demand is satisfied or blocked, or the context
// ends.
func (t *TokenService) obtainToken(ctx context.Context, d demand) (Token, error) {
	holder := t.cfg.NewID()
	pause := 100 * time.Millisecond
	for {
		state, err := t.cfg.Store.LoadToken(ctx)
		if err != nil {
			return Token{}, fmt.Errorf("load zoho token: %w", err)
		}
		next := t.nextStep(d, state, t.cfg.Clock.Now())
		if next == stepRefresh {
			if next, state, err = t.acquireLease(ctx, d, holder); err != nil {
				return Token{}, err
			}
		}
		switch next {
		case stepUse:
			return state.Token, nil
		case stepBlocked:
			return t.useOldToken(d, state, blockedError(state))
		case stepRefresh:
			if d.replacesRefused(state) {
				t.recordRefusal(t.cfg.Clock.Now())
			}
			return t.refreshUnderLease(ctx, d, holder, state)
		}
		if err := t.cfg.Clock.Sleep(ctx, pause); err != nil {
			return Token{}, fmt.Errorf("wait for the renewal of the zoho token: %w", err)
		}
		pause = min(2*pause, time.Second)
	}
}

// errUnchanged ends a transaction that has nothing to change.
var errUnchanged = errors.New("nothing to change")

// acquireLease takes the lease if the state still requires a renewal.
func (t *TokenService) acquireLease(ctx context.Context, d demand, holder string) (step, TokenState, error) {
	var next step
	var seen TokenState
	_, err := t.cfg.Store.ChangeToken(ctx, func(s *TokenState) error {
		now := t.cfg.Clock.Now()
		seen = *s
		if next = t.nextStep(d, *s, now); next != stepRefresh {
			return errUnchanged
		}
		s.LeaseHolder, s.LeaseUntil = holder, now.Add(leaseTime)
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return stepWait, TokenState{}, fmt.Errorf("take the lease on the zoho token: %w", err)
	}
	return next, seen, nil
}

// tooManyRefusals reports whether this instance replaced so many refused tokens
// recently that another one would not help.
func (t *TokenService) tooManyRefusals(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	recent := 0
	for _, at := range t.refusals {
		if now.Sub(at) < refusalWindow {
			recent++
		}
	}
	return recent >= maxRefusals
}

// recordRefusal stores that a refused token is replaced now, and drops
// replacements that are too old to count.
func (t *TokenService) recordRefusal(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusals = slices.DeleteFunc(t.refusals, func(at time.Time) bool { return now.Sub(at) >= refusalWindow })
	t.refusals = append(t.refusals, now)
}

// useOldToken returns the old token if it is usable, otherwise the error.
func (t *TokenService) useOldToken(d demand, s TokenState, err error) (Token, error) {
	if d.usable(s, t.cfg.Clock.Now()) {
		return s.Token, nil
	}
	return Token{}, err
}

// jsonContentType lets oauth2 read JSON that is sent as text/plain, which it
// would parse as a query string.
type jsonContentType struct{ next http.RoundTripper }

func (j jsonContentType) RoundTrip(r *http.Request) (*http.Response, error) {
	next := j.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Content-Type", "application/json")
	}
	return resp, err
}
