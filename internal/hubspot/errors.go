package hubspot

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// The codes of HubSpot that the connector distinguishes.
const (
	codeConflict    = "CONFLICT"
	codeNotFound    = "OBJECT_NOT_FOUND"
	codeValidation  = "VALIDATION_ERROR"
	codeScopes      = "MISSING_SCOPES"
	codeUniqueValue = "CONFLICTING_UNIQUE_VALUE"
	codeMissing     = "MISSING_REQUIRED"

	policySecondly    = "SECONDLY"
	policyTenSecondly = "TEN_SECONDLY_ROLLING"
	policyDaily       = "DAILY"
)

// Statuses that net/http has no name for.
const statusMoving = 477 // the account is moving to another data centre

// Waiting times. Retry-After is not documented for API answers and its unit is
// uncertain, so it counts only up to a limit for each case.
const (
	lockedWait    = 2 * time.Second
	secondWait    = time.Second
	tenSecondWait = 10 * time.Second
	// dailyWait is a fraction of what remains: the quota is renewed at midnight
	// in the time zone of the account, which an answer does not contain.
	dailyWait  = time.Hour
	movingWait = 10 * time.Minute

	maxShortWait = time.Minute
	maxLongWait  = 24 * time.Hour
)

// statusError classifies an answer outside of 2xx.
func (req request) statusError(status int, h http.Header, body []byte) *crm.Error {
	p := parseErrorBody(body)
	e := &crm.Error{System: crm.HubSpot, Action: req.action, Status: status, Code: p.errorCode()}
	switch {
	case status == http.StatusUnauthorized:
		e.Kind = crm.Unauthorized
	case status == http.StatusForbidden:
		fillForbidden(e, p)
	case status == http.StatusNotFound:
		// A bare 404 means a missing record only where the path names a record:
		// a wrong address must not look like deleted records.
		e.Kind = crm.Refused
		if req.method == http.MethodGet || e.Code == codeNotFound {
			e.Kind = crm.NotFound
		}
	case status == http.StatusConflict:
		e.Kind, e.ExistingID, e.Fields = crm.Duplicate, p.existingID(), p.fieldErrors()
	case status == http.StatusPreconditionFailed:
		e.Kind = crm.Conflict
	case status == http.StatusLocked:
		e.Kind = crm.Locked
		e.RetryAfter = max(lockedWait, retryAfter(h, 0, maxShortWait))
	case status == http.StatusTooManyRequests:
		fillRateLimited(e, p, h)
	case status == statusMoving:
		e.Kind = crm.Unavailable
		e.RetryAfter = retryAfter(h, movingWait, maxLongWait)
	case status == http.StatusRequestTimeout || status >= 500:
		e.Kind, e.Ambiguous = crm.Unavailable, req.isWrite()
		e.RetryAfter = retryAfter(h, 0, maxShortWait)
	case status == http.StatusBadRequest:
		classifyCategory(e, p)
	default: // redirects, 414, 415 and any other
		e.Kind = crm.Refused
	}
	return e
}

// itemError classifies one item of the errors of a batch answered with 2xx.
func (req request) itemError(status int, p errorBody) *crm.Error {
	e := &crm.Error{System: crm.HubSpot, Action: req.action, Status: status, Code: p.errorCode()}
	switch e.Code {
	case "INTERNAL_ERROR", "SERVER_ERROR", "SERVICE_UNAVAILABLE":
		e.Kind, e.Ambiguous = crm.Unavailable, req.isWrite()
	case "RATE_LIMIT", "RATE_LIMITS":
		fillRateLimited(e, p, nil)
	default:
		classifyCategory(e, p)
	}
	return e
}

// classifyCategory fills in e by the category of HubSpot, which says more than
// the status.
func classifyCategory(e *crm.Error, p errorBody) {
	e.Kind = crm.Refused
	switch e.Code {
	case codeConflict:
		e.Kind, e.ExistingID, e.Fields = crm.Duplicate, p.existingID(), p.fieldErrors()
	case codeNotFound:
		e.Kind = crm.NotFound
	case codeScopes:
		fillForbidden(e, p)
	case codeValidation:
		e.Fields = p.fieldErrors()
		e.Kind = classifyValidation(e.Fields)
		if e.Kind == crm.Duplicate {
			e.ExistingID = p.existingID()
		}
	}
}

// classifyValidation returns the meaning of a VALIDATION_ERROR. A unique value
// that is taken decides, since the record that has it may be the one meant.
// Fields are only missing when nothing else is wrong. Without a field to blame,
// the request is wrong.
func classifyValidation(fields []crm.FieldError) crm.ErrorKind {
	kind := crm.Refused
	for _, f := range fields {
		switch {
		case f.Code == codeUniqueValue:
			return crm.Duplicate
		case !strings.Contains(f.Code, "REQUIRED"):
			kind = crm.Invalid
		case kind == crm.Refused:
			kind = crm.Missing
		}
	}
	return kind
}

// fillForbidden fills in a lack of permission, with the scopes that are
// missing.
func fillForbidden(e *crm.Error, p errorBody) {
	e.Kind = crm.Forbidden
	if scopes := p.missingScopes(); len(scopes) > 0 {
		e.Err = errors.New("missing scopes " + strings.Join(scopes, " "))
	}
}

// fillRateLimited fills in a rate limit. Its code is the name of the quota that
// is used up, taken from the message where policyName is absent.
func fillRateLimited(e *crm.Error, p errorBody, h http.Header) {
	e.Kind = crm.RateLimited
	policy, message := cleanCode(p.PolicyName), strings.ToLower(string(p.Message))
	switch {
	case policy != "":
	case strings.Contains(message, "ten_secondly"):
		policy = policyTenSecondly
	case strings.Contains(message, "secondly"):
		policy = policySecondly
	case strings.Contains(message, "daily"):
		policy = policyDaily
	}
	if policy != "" {
		e.Code = policy
	}
	switch policy {
	case policySecondly:
		e.RetryAfter = retryAfter(h, secondWait, tenSecondWait)
	case policyDaily:
		e.RetryAfter = retryAfter(h, dailyWait, maxLongWait)
	case policyTenSecondly:
		e.RetryAfter = retryAfter(h, tenSecondWait, tenSecondWait)
	default:
		e.RetryAfter = retryAfter(h, tenSecondWait, maxShortWait)
	}
}

// retryAfter reads Retry-After, in seconds or as a date beside the answer's own
// Date, cut to most. Without a usable value it returns otherwise.
func retryAfter(h http.Header, otherwise, most time.Duration) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil {
		at, err1 := http.ParseTime(value)
		now, err2 := http.ParseTime(h.Get("Date"))
		if err1 != nil || err2 != nil {
			return otherwise
		}
		seconds = at.Sub(now).Seconds()
	}
	if !(seconds > 0) { // NaN too
		return otherwise
	}
	if seconds >= most.Seconds() {
		return most
	}
	return time.Duration(seconds * float64(time.Second))
}

// refusedError is an error of kind Refused, which only a person can fix. It is
// ambiguous for a write that was sent.
func (req request) refusedError(reason string, status int) *crm.Error {
	return &crm.Error{
		System: crm.HubSpot, Action: req.action, Kind: crm.Refused, Status: status,
		Ambiguous: status != 0 && req.isWrite(), Err: errors.New(reason),
	}
}

// transportError describes a call without an answer. The causes that net/http
// returns quote URLs and parts of answers, so only known ones are kept.
func (req request) transportError(err error) *crm.Error {
	e := &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.Unavailable, Ambiguous: req.isWrite()}
	var dial *net.OpError
	var dns *net.DNSError
	var errno syscall.Errno
	var timeout interface{ Timeout() bool }
	neverSent := errors.As(err, &dns) || errors.As(err, &dial) && dial.Op == "dial"
	if neverSent {
		e.Ambiguous = false
	}
	switch {
	case errors.Is(err, context.Canceled):
		e.Err = context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Err = context.DeadlineExceeded
	case dns != nil:
		e.Err = errors.New("the host name was not found")
	case errors.As(err, &errno):
		e.Err = errno
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Err = io.ErrUnexpectedEOF
	default:
		e.Err = errors.New("no valid answer")
	}
	return e
}
