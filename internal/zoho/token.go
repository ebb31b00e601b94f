package zoho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// redacted is printed in place of a secret.
const redacted = "[redacted]"

// Secret is a text that must not be printed.
type Secret string

// String keeps the secret out of error texts.
func (Secret) String() string { return redacted }

// Format keeps the secret out of every verb of fmt.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps the secret out of logs that encode a struct around it.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Token is an access token and where it may be used. It prints itself redacted.
type Token struct {
	AccessToken string
	// APIDomain is the origin of the REST API, such as https://www.zohoapis.eu.
	APIDomain string
	// Expiry is when Zoho stops accepting the token.
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

// MarshalJSON fails: a store has its own form, and a log must not contain the
// token.
func (Token) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a token is not encoded as JSON")
}

// TokenSource returns access tokens that remain valid for some time.
type TokenSource interface {
	// Token returns a token. refused is the access token that Zoho refused,
	// empty if there is none; it is never returned again.
	Token(ctx context.Context, refused string) (Token, error)
}

// The reasons why a token cannot be renewed. Errors of this package wrap them.
var (
	// ErrConsentLost means that Zoho no longer accepts the refresh token or the
	// client. Only a person can fix it.
	ErrConsentLost = errors.New("zoho no longer accepts the refresh token or the client: " +
		"give the consent again and replace ZOHO_REFRESH_TOKEN (check ZOHO_CLIENT_ID, " +
		"ZOHO_CLIENT_SECRET and the data centre in ZOHO_ACCOUNTS_URL)")
	// ErrThrottled means that too many tokens were requested. Zoho allows ten
	// in ten minutes.
	ErrThrottled = errors.New("zoho issues no more tokens for some minutes")
)

// TokenState is the stored state of the token. All instances of all functions
// share one.
type TokenState struct {
	Token Token
	// RefreshedAt is when the token was requested.
	RefreshedAt time.Time
	// LeaseHolder is the only one who may renew the token, until LeaseUntil.
	LeaseHolder string
	LeaseUntil  time.Time
	// FailedAt and Failure describe the last renewal if it failed. Failure is a
	// code, such as invalid_code.
	FailedAt time.Time
	Failure  string
	// Organisation is the id of the Zoho organisation that the tokens belong
	// to, and Consent the hash of the refresh token that was checked to belong
	// to it.
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

// Clock returns the time and waits.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or returns the error of ctx when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}
