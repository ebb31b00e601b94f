package zoho

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"golang.org/x/oauth2"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Codes of failed renewals that are not Zoho's own.
const (
	codeThrottled   = "Access Denied" // Zoho's own, with a blank
	codeNoAnswer    = "no_answer"
	codeUnreadable  = "unreadable_answer"
	codeBadDomain   = "bad_api_domain"
	codeBadLifetime = "bad_expires_in"
	codeUnknown     = "unknown_error"
)

// maxTokenLife is how long the tokens of Zoho are valid, and the limit for an
// answer: the oldest form of expires_in counts milliseconds.
const maxTokenLife = time.Hour

// consentCodes are the errors that only a new consent or configuration fixes.
var consentCodes = map[string]bool{
	"invalid_code": true, "invalid_client": true, "invalid_client_secret": true,
	"invalid_grant": true, "unauthorized_client": true, codeOtherOrganisation: true,
}

// RefreshError is a failed renewal of the token, which was logged already. It
// wraps ErrConsentLost or ErrThrottled if that is the cause.
type RefreshError struct {
	Code string // the error of Zoho, or the defect of its answer
	err  error
}

func (e *RefreshError) Error() string {
	text := "renew zoho token: " + e.Code
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e *RefreshError) Unwrap() error { return e.err }

func newRefreshError(code string) *RefreshError {
	switch {
	case code == codeOtherOrganisation:
		return &RefreshError{Code: code, err: otherOrganisationError{}}
	case consentCodes[code]:
		return &RefreshError{Code: code, err: ErrConsentLost}
	case code == codeThrottled:
		return &RefreshError{Code: code, err: ErrThrottled}
	}
	return &RefreshError{Code: code}
}

// retryAt returns when any caller may retry a failed renewal.
func (s TokenState) retryAt() time.Time {
	switch {
	case s.FailedAt.IsZero():
		return time.Time{}
	case s.Failure == codeThrottled:
		return s.FailedAt.Add(3 * time.Minute)
	case consentCodes[s.Failure]:
		return s.FailedAt.Add(2 * time.Minute)
	}
	return s.FailedAt.Add(10 * time.Second)
}

// blockedError returns the reason why a renewal is not tried.
func blockedError(s TokenState) error {
	if s.Failure == "" {
		return &RefreshError{Code: "refused_too_often", err: errors.New("zoho refuses every new token")}
	}
	return newRefreshError(s.Failure)
}

// refreshUnderLease requests a new token from Zoho and saves it. The caller
// holds the lease. It continues when the caller's context ends, so that a token
// that Zoho issued is not lost.
func (t *TokenService) refreshUnderLease(ctx context.Context, d demand, holder string, old TokenState) (Token, error) {
	ctx = context.WithoutCancel(ctx)
	started := t.cfg.Clock.Now()
	token, failure := t.requestToken(ctx, started)
	org := ""
	if failure == nil {
		org, failure = t.checkOrganisation(ctx, token, old)
	}
	if failure != nil {
		t.cfg.Logger.LogAttrs(ctx, slog.LevelError, logschema.TokenRefreshFailed,
			slog.String(logschema.Code, failure.Code), slog.Bool("old_token_valid", old.Token.Expiry.After(started)))
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	_, err := t.cfg.Store.ChangeToken(ctx, func(s *TokenState) error {
		if s.LeaseHolder == holder {
			s.LeaseHolder, s.LeaseUntil = "", time.Time{}
		}
		switch {
		case s.RefreshedAt.After(started): // the lease was lost and another holder renewed
		case failure != nil:
			s.FailedAt, s.Failure = t.cfg.Clock.Now(), failure.Code
		default:
			s.Token, s.RefreshedAt = token, started
			s.FailedAt, s.Failure = time.Time{}, ""
			if org != "" {
				s.Organisation, s.Consent = org, t.consent
			}
		}
		return nil
	})
	if err != nil {
		t.cfg.Logger.LogAttrs(ctx, slog.LevelError, "zoho_token_not_saved", slog.String("error", err.Error()))
	}
	if failure != nil {
		return t.useOldToken(d, old, failure)
	}
	t.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, logschema.TokenRefreshed, slog.Time(logschema.ExpiresAt, token.Expiry))
	return token, nil
}

// requestToken makes the one call to the accounts server.
func (t *TokenService) requestToken(ctx context.Context, started time.Time) (Token, *RefreshError) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, t.http)
	got, err := t.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: t.cfg.RefreshToken}).Token()
	if err != nil {
		return Token{}, newRefreshError(failureCode(ctx, err))
	}
	life := time.Duration(got.ExpiresIn) * time.Second
	if got.ExpiresIn < 0 {
		return Token{}, newRefreshError(codeBadLifetime)
	}
	if life == 0 || life > maxTokenLife {
		life = maxTokenLife
	}
	domain, _ := got.Extra("api_domain").(string)
	if err := CheckAPIDomain(domain, t.cfg.AccountsURL); err != nil {
		return Token{}, newRefreshError(codeBadDomain)
	}
	return Token{AccessToken: got.AccessToken, APIDomain: domain, Expiry: started.Add(life)}, nil
}

// oauthCodePattern is the form of an OAuth error. A text of another form is not
// repeated in errors.
var oauthCodePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z_ ]{0,39}$`)

// failureCode reduces an error of oauth2 to a code: its text quotes the answer.
func failureCode(ctx context.Context, err error) string {
	var refusal *oauth2.RetrieveError
	switch {
	case errors.As(err, &refusal) && oauthCodePattern.MatchString(refusal.ErrorCode):
		return refusal.ErrorCode
	case errors.As(err, &refusal) && refusal.ErrorCode == "" && refusal.Response != nil:
		return fmt.Sprintf("http_%d", refusal.Response.StatusCode)
	case errors.As(err, &refusal):
		return codeUnknown
	case isTransport(err) || ctx.Err() != nil:
		return codeNoAnswer
	}
	return codeUnreadable
}
