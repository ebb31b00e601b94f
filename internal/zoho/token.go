package zoho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// redacted is how every secret of this package prints itself.
const redacted = "[redacted]"

// Secret is a text that must not be printed.
type Secret string

// String keeps the secret out of error texts.
func (Secret) String() string { return redacted }

// Format keeps the secret out of every verb of fmt.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps the secret out of logs that encode what surrounds it.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Token is an access token and where it may be used. It prints itself redacted.
type Token struct {
	AccessToken string
	// APIDomain is the origin of the REST API, such as https://www.zohoapis.eu.
	APIDomain string
	// Expiry is when Zoho stops to accept the token.
	Expiry time.Time
}

// String keeps the token out of error texts.
func (t Token) String() string {
	return "token for " + t.APIDomain + " until " + t.Expiry.UTC().Format(time.RFC3339)
}

// Format keeps the token out of every verb of fmt.
func (t Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }

// LogValue keeps the token out of logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON fails: a store has its own form, and a log must not have it.
func (Token) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a token is not encoded as JSON")
}

// TokenSource gives an access token that is valid for some time more.
type TokenSource interface {
	// Token returns a token. refused is the access token that Zoho refused,
	// empty if there is none; it is never returned again.
	Token(ctx context.Context, refused string) (Token, error)
}

// What keeps a token from being renewed. Errors of this package wrap them.
var (
	// ErrConsentLost means that Zoho takes neither the refresh token nor the
	// client any more. Only a person can mend it.
	ErrConsentLost = errors.New("zoho no longer accepts the refresh token or the client: " +
		"give the consent again and replace ZOHO_REFRESH_TOKEN (check ZOHO_CLIENT_ID, " +
		"ZOHO_CLIENT_SECRET and the data centre in ZOHO_ACCOUNTS_URL)")
	// ErrThrottled means that too many tokens were asked for. Zoho allows ten
	// in ten minutes.
	ErrThrottled = errors.New("zoho gives no more tokens for some minutes")
)

// TokenState is what is remembered of the token between two calls. All
// instances of all functions share one.
type TokenState struct {
	Token Token
	// RefreshedAt is when the token was asked for.
	RefreshedAt time.Time
	// LeaseHolder renews the token until LeaseUntil; nobody else may.
	LeaseHolder string
	LeaseUntil  time.Time
	// FailedAt and Failure tell of the last renewal if it failed. Failure is a
	// code, such as invalid_code.
	FailedAt time.Time
	Failure  string
	// Organisation is the id of the Zoho organisation that the tokens are of, and
	// Consent a fingerprint of the refresh token that was found to be.
	Organisation, Consent string
}

// TokenStore keeps the one TokenState.
type TokenStore interface {
	// LoadToken returns the zero state if there is none yet.
	LoadToken(ctx context.Context) (TokenState, error)
	// ChangeToken runs change inside a transaction, possibly several times,
	// and returns the state that it stored. change gets the zero state if
	// there is none; if it returns an error, nothing is stored.
	ChangeToken(ctx context.Context, change func(*TokenState) error) (TokenState, error)
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or returns the error of ctx when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}
