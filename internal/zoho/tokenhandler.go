package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/hubspot-zoho/connector/internal/job"
)

// The protocol between the functions that renew the token and those that use it:
//
//	POST {"refused":"<the token that Zoho refused>"}   (or GET, or an empty body)
//	200  {"access_token":"...","api_domain":"https://www.zohoapis.eu","expires_at":"2026-11-23T10:00:00Z"}
//	502  {"error":"consent_lost"}      a person must act
//	502  {"error":"refresh_failed"}    Zoho failed
//	503  {"error":"throttled"}         Zoho issues no tokens for some minutes
//	503  {"error":"unavailable"}       the store failed or the time ran out
//
// The platform checks the caller, not these handlers.
const (
	wireConsentLost   = "consent_lost"
	wireRefreshFailed = "refresh_failed"
	wireThrottled     = "throttled"
	wireUnavailable   = "unavailable"
)

// maxTokenWire limits requests and answers, in bytes.
const maxTokenWire = 16 << 10

type tokenRequest struct {
	Refused string `json:"refused"`
}

type tokenAnswer struct {
	AccessToken string    `json:"access_token,omitempty"`
	APIDomain   string    `json:"api_domain,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	Error       string    `json:"error,omitempty"`
}

// TokenHandler answers GET and POST with a valid token.
func (t *TokenService) TokenHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, POST")
			writeAnswer(w, http.StatusMethodNotAllowed, tokenAnswer{Error: "method_not_allowed"})
			return
		}
		refused, err := readRefused(w, r)
		if err != nil {
			writeAnswer(w, http.StatusBadRequest, tokenAnswer{Error: "bad_request"})
			return
		}
		token, err := t.Token(r.Context(), refused)
		if err != nil {
			t.writeError(w, r, err)
			return
		}
		writeAnswer(w, http.StatusOK, tokenAnswer{
			AccessToken: token.AccessToken, APIDomain: token.APIDomain, ExpiresAt: token.Expiry.UTC(),
		})
	})
}

// RefreshHandler serves the job that renews the token. Its answer contains the
// expiry of the token and not the token.
func (t *TokenService) RefreshHandler() http.Handler {
	return job.NewHandler(func(ctx context.Context) job.Answer {
		token, err := t.Refresh(ctx)
		if err != nil {
			status, code, retryAfter := t.answerTo(ctx, err)
			return job.Answer{Status: status, RetryAfter: retryAfter, Report: tokenAnswer{Error: code}}
		}
		return job.Answer{Report: tokenAnswer{APIDomain: token.APIDomain, ExpiresAt: token.Expiry.UTC()}}
	})
}

// readRefused reads the refused token from the body. One in the URL, where
// proxies log it, is an error.
func readRefused(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.Query().Has("refused") {
		return "", errors.New("the refused token is in the URL")
	}
	if r.Method == http.MethodGet {
		return "", nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTokenWire))
	if err != nil || len(body) == 0 {
		return "", err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind != "application/json" {
		return "", errors.New("the body is not JSON")
	}
	var req tokenRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return "", errors.New("the body is not JSON")
	}
	return req.Refused, nil
}

// writeError answers an error.
func (t *TokenService) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, code, retryAfter := t.answerTo(r.Context(), err)
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	writeAnswer(w, status, tokenAnswer{Error: code})
}

// throttledPause is how long Zoho issues no tokens after too many requests, at least.
const throttledPause = time.Minute

// answerTo maps an error to the answer. A failed renewal was logged when it
// happened; any other error is logged here.
func (t *TokenService) answerTo(ctx context.Context, err error) (status int, code string, retryAfter time.Duration) {
	var failed *RefreshError
	switch {
	case errors.Is(err, ErrConsentLost):
		return http.StatusBadGateway, wireConsentLost, 0
	case errors.Is(err, ErrThrottled):
		return http.StatusServiceUnavailable, wireThrottled, throttledPause
	case errors.As(err, &failed):
		return http.StatusBadGateway, wireRefreshFailed, 0
	}
	t.cfg.Logger.LogAttrs(ctx, slog.LevelError, "zoho_token_unavailable", slog.String("error", err.Error()))
	return http.StatusServiceUnavailable, wireUnavailable, 0
}

func writeAnswer(w http.ResponseWriter, status int, answer tokenAnswer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the caller is gone if this fails
}
