package zoho

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memoryStore keeps the state as an optimistic database does: after a conflict
// a change runs again.
type memoryStore struct {
	mu      sync.Mutex
	state   TokenState
	version int
	fail    error
	reruns  atomic.Int32
}

func (s *memoryStore) load() (TokenState, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.version, s.fail
}

func (s *memoryStore) LoadToken(context.Context) (TokenState, error) {
	state, _, err := s.load()
	return state, err
}

func (s *memoryStore) ChangeToken(ctx context.Context, change func(*TokenState) error) (TokenState, error) {
	for {
		state, version, err := s.load()
		if err != nil {
			return TokenState{}, err
		}
		if err := change(&state); err != nil {
			return TokenState{}, fmt.Errorf("transaction: %w", err)
		}
		if err := (realClock{}).Sleep(ctx, 5*time.Millisecond); err != nil {
			return TokenState{}, err
		}
		if s.commit(state, version) {
			return state, nil
		}
		s.reruns.Add(1)
	}
}

func (s *memoryStore) commit(state TokenState, version int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != version {
		return false
	}
	s.state, s.version = state, version+1
	return true
}

// realClock is fake time inside a synctest bubble.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// accounts is a simulated accounts server without a network.
type accounts struct {
	t      *testing.T
	mu     sync.Mutex
	asked  int
	answer func(n int) (int, string)
	// org answers the request for the organisation; nil refuses it.
	org     func() (int, string)
	orgs    int
	refresh string // the refresh token that is expected
}

func (a *accounts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func (a *accounts) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(200 * time.Millisecond) // fake time: every test here runs in a bubble
	if r.Method == http.MethodGet && r.URL.Path == "/crm/v8/org" {
		return a.organisation(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	for _, want := range []string{"grant_type=refresh_token", "refresh_token=" + a.refresh, "client_id=c-1", "client_secret=s-1"} {
		if !strings.Contains(string(body), want) {
			a.t.Errorf("request lacks %s", want)
		}
	}
	if got := r.URL.String(); got != "http://127.0.0.1:9000/oauth/v2/token" {
		a.t.Errorf("the request goes to %s", got)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	status, text := a.answer(a.asked)
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

func (a *accounts) organisation(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orgs++
	if got := r.Header.Get("Authorization"); !strings.HasPrefix(got, "Zoho-oauthtoken 1000.") {
		a.t.Errorf("the organisation is asked for with %q", got)
	}
	status, text := 401, `{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"Unauthorized","status":"error"}`
	if a.org != nil {
		status, text = a.org()
	}
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	return &http.Response{StatusCode: status, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func grantToken(n int) (int, string) {
	return 200, fmt.Sprintf(`{"access_token":"1000.new-%d","api_domain":"http://127.0.0.1:9001","token_type":"Bearer","expires_in":3600}`, n)
}

func answers(status int, body string) func(int) (int, string) {
	return func(int) (int, string) { return status, body }
}

type tokenFixture struct {
	*TokenService
	store    *memoryStore
	accounts *accounts
	log      *bytes.Buffer
}

// newTokenFixture starts with a token of the given life, or with none if it is
// zero.
func newTokenFixture(t *testing.T, life time.Duration, answer func(int) (int, string)) tokenFixture {
	t.Helper()
	h := tokenFixture{store: &memoryStore{}, accounts: &accounts{t: t, answer: answer, refresh: "r-1"}, log: &bytes.Buffer{}}
	if life != 0 {
		h.store.state = TokenState{
			Token:       Token{AccessToken: "1000.old", APIDomain: "http://127.0.0.1:9001", Expiry: time.Now().Add(life)},
			RefreshedAt: time.Now().Add(life - time.Hour),
		}
	}
	var ids atomic.Int64
	var err error
	h.TokenService, err = NewTokenService(TokenServiceConfig{
		AccountsURL: "http://127.0.0.1:9000", ClientID: "c-1", ClientSecret: "s-1", RefreshToken: "r-1",
		Store: h.store, HTTP: &http.Client{Transport: h.accounts}, Clock: realClock{},
		NewID:  func() string { return fmt.Sprintf("holder-%d", ids.Add(1)) },
		Logger: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
