package zoho

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// cacheMargin is how long before its expiry a cached token is dropped.
const cacheMargin = time.Minute

// tokenClientTime limits one request for a token. It is longer than a renewal.
const tokenClientTime = 40 * time.Second

// TokenClient fetches the access token from TokenHandler and keeps it in memory
// until a minute before it expires. It is safe for concurrent use.
type TokenClient struct {
	url   string
	http  *http.Client
	clock Clock

	flight singleflight.Group
	mu     sync.Mutex
	cached Token
}

// NewTokenClient returns a TokenSource that calls TokenHandler. The URL is
// https, or http on this machine; client adds the credentials that the platform
// requires of a caller.
func NewTokenClient(tokenURL string, client *http.Client, clock Clock) (*TokenClient, error) {
	u, err := url.Parse(tokenURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return nil, errors.New("zoho token client: the URL of the token service is not a URL")
	case u.Scheme != "https" && !isLoopback(u):
		return nil, errors.New("zoho token client: the URL of the token service is not https")
	case client == nil || clock == nil:
		return nil, errors.New("zoho token client: HTTP client or clock is missing")
	}
	return &TokenClient{url: tokenURL, http: withoutRedirects(client), clock: clock}, nil
}

// Token returns the cached token, or requests one if that is about to expire or
// is the refused one. Concurrent callers share one request.
func (c *TokenClient) Token(ctx context.Context, refused string) (Token, error) {
	if token, ok := c.cachedToken(refused); ok {
		return token, nil
	}
	shared := c.flight.DoChan(refused, func() (any, error) {
		if token, ok := c.cachedToken(refused); ok {
			return token, nil
		}
		// The request serves all callers that wait, so it outlives the one that
		// began it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenClientTime)
		defer cancel()
		return c.fetchToken(ctx, refused)
	})
	select {
	case <-ctx.Done():
		return Token{}, fmt.Errorf("wait for the zoho token: %w", ctx.Err())
	case r := <-shared:
		if r.Err != nil {
			return Token{}, fmt.Errorf("get zoho token: %w", r.Err)
		}
		return r.Val.(Token), nil
	}
}

func (c *TokenClient) cachedToken(refused string) (Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ok := c.cached.AccessToken != "" && c.cached.AccessToken != refused &&
		c.cached.Expiry.Sub(c.clock.Now()) > cacheMargin
	return c.cached, ok
}

func (c *TokenClient) fetchToken(ctx context.Context, refused string) (Token, error) {
	body, err := json.Marshal(tokenRequest{Refused: refused})
	if err != nil {
		return Token{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return Token{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return Token{}, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is not needed
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenWire))
	if err != nil {
		return Token{}, withoutURL(err)
	}
	token, err := parseTokenAnswer(resp.StatusCode, data)
	if err != nil {
		return Token{}, err
	}
	if token.AccessToken == refused {
		return Token{}, errors.New("the token service returned the token that was refused")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached = token
	return token, nil
}

// parseTokenAnswer reads the answer of writeAnswer, or that of a proxy in
// between.
func parseTokenAnswer(status int, data []byte) (Token, error) {
	var a tokenAnswer
	if err := json.Unmarshal(data, &a); err != nil {
		return Token{}, fmt.Errorf("the token service answered %d without JSON", status)
	}
	switch {
	case a.Error == wireConsentLost:
		return Token{}, ErrConsentLost
	case a.Error == wireThrottled:
		return Token{}, ErrThrottled
	case status != http.StatusOK:
		return Token{}, fmt.Errorf("the token service answered %d", status)
	case a.AccessToken == "" || a.APIDomain == "" || a.ExpiresAt.IsZero():
		return Token{}, errors.New("the token service answered without a token")
	}
	return Token{AccessToken: a.AccessToken, APIDomain: a.APIDomain, Expiry: a.ExpiresAt}, nil
}
