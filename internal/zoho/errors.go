package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// How long to wait after a 429. Zoho sends no Retry-After. The usual text
// mentions the credits of the day and the concurrency in one sentence; the
// latter is by far the more frequent cause and passes at once.
const (
	retryConcurrency = 2 * time.Second
	retryCredits     = time.Hour
	maxRetryAfter    = 24 * time.Hour
)

// errorKinds is the meaning of each code for the connector. A code that is not
// listed is Invalid if it names a field; otherwise the HTTP status decides.
// Source: https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
var errorKinds = map[string]crm.ErrorKind{
	"MANDATORY_NOT_FOUND":         crm.Missing,
	"DEPENDENT_FIELD_MISSING":     crm.Missing,
	"INVALID_DATA":                crm.Invalid,
	"DEPENDENT_MISMATCH":          crm.Invalid,
	"DUPLICATE_DATA":              crm.Duplicate,
	"ALREADY_MODIFIED":            crm.Conflict,
	"RECORD_LOCKED":               crm.Locked,
	"NOT_APPROVED":                crm.Locked,
	"NOT_REVIEWED":                crm.Locked,
	"RECORD_IN_BLUEPRINT":         crm.Refused,
	"NOT_ALLOWED":                 crm.Refused,
	"CANNOT_PROCESS":              crm.Refused,
	"DUPLICATE_LINKING_DATA":      crm.Refused,
	"DEPENDENT_SERVICE_ERROR":     crm.Refused,
	"EXPECTED_FIELD_MISSING":      crm.Refused,
	"AMBIGUITY_DURING_PROCESSING": crm.Refused,
	"LIMIT_EXCEEDED":              crm.Refused,
	"REQUIRED_PARAM_MISSING":      crm.Refused,
	"UNABLE_TO_PARSE_DATA_TYPE":   crm.Refused,
	"INVALID_MODULE":              crm.Refused,
	"INVALID_REQUEST_METHOD":      crm.Refused,
	"INVALID_URL_PATTERN":         crm.Refused,
	"AUTHORIZATION_FAILED":        crm.Forbidden,
	"OAUTH_SCOPE_MISMATCH":        crm.Forbidden,
	"NO_PERMISSION":               crm.Forbidden,
	"INVALID_TOKEN":               crm.Unauthorized,
	"INVALID_OAUTHTOKEN":          crm.Unauthorized,
	"AUTHENTICATION_FAILURE":      crm.Unauthorized,
	"TOO_MANY_REQUESTS":           crm.RateLimited,
	"RATE_LIMIT_EXCEEDED":         crm.RateLimited,
	"INTERNAL_ERROR":              crm.Unavailable,
	"INTERNAL_SERVER_ERROR":       crm.Unavailable,
}

func (req request) newError(kind crm.ErrorKind, code string, cause error) *crm.Error {
	return &crm.Error{System: crm.Zoho, Action: req.action, Kind: kind, Code: code, Err: cause}
}

func (req request) refusedError(code string, cause error) *crm.Error {
	return req.newError(crm.Refused, code, cause)
}

// shapeError is the failure of an answer that reports success and has an
// unknown shape. A body that is not JSON comes from a proxy between Zoho and
// the connector.
func (req request) shapeError(a answer, detail string) *crm.Error {
	e := req.refusedError("UNKNOWN_SHAPE", errors.New(detail))
	if !json.Valid(a.body) {
		e.Kind = crm.Unavailable
	}
	e.Status, e.Ambiguous = a.status, req.write
	return e
}

// transportError is the failure of a request without an answer. A write may
// have been done, unless the connection was never made.
func (req request) transportError(ctx context.Context, err error) *crm.Error {
	e := req.newError(crm.Unavailable, "", withoutURL(err))
	if ctx.Err() != nil {
		e.Err = ctx.Err()
	}
	var dial *net.OpError
	e.Ambiguous = req.write && (!errors.As(err, &dial) || dial.Op != "dial")
	return e
}

// withoutURL drops the URL, which may contain more than an error should.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", strings.ToLower(u.Op), u.Err)
	}
	return err
}

// isTransport reports whether err means that a request got no answer.
func isTransport(err error) bool {
	var u *url.Error
	return errors.As(err, &u)
}

// tokenRefused reports whether another token may help. A 401 of unknown shape
// counts as a refused token; a missing scope or permission does not.
func tokenRefused(a answer) bool {
	return a.status == http.StatusUnauthorized && errorKinds[a.firstError().errorCode()] != crm.Forbidden
}

// unexpectedError is the failure of an answer that lacks the expected content.
// The answer may name the reason.
func (req request) unexpectedError(a answer, detail string) *crm.Error {
	if code := a.firstError().errorCode(); a.status >= 300 || code != "" && code != "SUCCESS" {
		return req.statusError(a)
	}
	return req.shapeError(a, detail)
}

// statusError turns an answer that reports a failure into an error.
func (req request) statusError(a answer) *crm.Error { return req.itemError(a, a.firstError()) }

// itemError turns one item of an answer that reports a failure into an error.
func (req request) itemError(a answer, i resultItem) *crm.Error {
	parts := []resultItem{i}
	if len(i.Details.Errors) > 0 { // MULTIPLE_OR_MULTI_ERRORS
		parts = i.Details.Errors
	}
	e := req.newError("", i.errorCode(), nil)
	e.Status = a.status
	for _, p := range parts {
		kind := req.classifyItem(a.status, p)
		if f := p.fieldName(); f != "" && kind != crm.NotFound {
			code, detail := p.fieldReason()
			e.Fields = append(e.Fields, crm.FieldError{Field: f, Code: code, Detail: detail})
		}
		if kind == crm.Duplicate && e.ExistingID == "" {
			e.ExistingID = p.existingID()
		}
		if kindPriority(kind) < kindPriority(e.Kind) {
			e.Kind = kind
		}
	}
	if e.Kind == crm.RateLimited {
		e.RetryAfter = retryAfter(a, i)
	}
	e.Ambiguous = req.write && (e.Kind == crm.Unavailable || a.status >= 500)
	return e
}

// kindPriority orders the kinds of several errors in one, the most important
// first: an error that stops the whole record comes before one about a single
// field.
func kindPriority(kind crm.ErrorKind) int {
	switch kind {
	case crm.Invalid:
		return 4
	case crm.Missing:
		return 3
	case crm.Duplicate:
		return 2
	case "":
		return 5
	}
	return 1
}

// classifyItem returns the kind of one error, by its status where that is
// decisive, otherwise by its code.
func (req request) classifyItem(status int, i resultItem) crm.ErrorKind {
	code := i.errorCode()
	switch {
	case status == http.StatusTooManyRequests:
		return crm.RateLimited
	case status == http.StatusPreconditionFailed:
		return crm.Conflict
	case code == "INVALID_DATA" && req.record && i.namesRecord():
		return crm.NotFound
	case code == "INVALID_DATA" && i.Details.ParamName != "":
		return crm.Refused
	}
	if kind, ok := errorKinds[code]; ok {
		return kind
	}
	switch {
	case status >= 500, status == http.StatusRequestTimeout:
		return crm.Unavailable
	case status == http.StatusUnauthorized:
		return crm.Unauthorized
	case status == http.StatusForbidden:
		return crm.Forbidden
	case status == http.StatusLocked:
		return crm.Locked
	case i.fieldName() != "":
		return crm.Invalid
	}
	return crm.Refused
}

// retryAfter returns how long to wait after a 429.
func retryAfter(a answer, i resultItem) time.Duration {
	if s, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	text := strings.ToLower(string(i.Message + i.Info))
	if strings.Contains(text, "24 hour") && !strings.Contains(text, "concurren") {
		return retryCredits
	}
	return retryConcurrency
}
