package crm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind says what a failed call means for the operation that made it.
type ErrorKind string

// What can go wrong with a call to a CRM.
const (
	// Invalid: the system refuses one or more values; Fields names them.
	Invalid ErrorKind = "invalid"
	// Missing: a field the system requires is absent; Fields names it.
	Missing ErrorKind = "missing"
	// Duplicate: a unique value is taken, by ExistingID where it is known.
	Duplicate ErrorKind = "duplicate"
	// NotFound: the record does not exist, or no longer.
	NotFound ErrorKind = "not_found"
	// Conflict: the record changed after it was read (HTTP 412).
	Conflict ErrorKind = "conflict"
	// Locked: the record cannot be written for the moment.
	Locked ErrorKind = "locked"
	// RateLimited: a quota is used up for RetryAfter.
	RateLimited ErrorKind = "rate_limited"
	// Unavailable: the system failed or did not answer.
	Unavailable ErrorKind = "unavailable"
	// Unauthorized: the token was refused even after it was renewed.
	Unauthorized ErrorKind = "unauthorized"
	// Forbidden: a scope or a permission is missing. A person must act.
	Forbidden ErrorKind = "forbidden"
	// Refused: the request itself is wrong, or its answer has an unknown shape.
	Refused ErrorKind = "refused"
)

// FieldError is one field that a system refused.
type FieldError struct {
	Field string // API name in the system that refused
	Code  string // the system's own code, such as INVALID_EMAIL
	// Detail tells what kind of value it was and what is wanted, such as "text
	// of 41 characters, at most 40": never the value. It differs between
	// failures of one cause.
	Detail string
}

// Error is a failed call to a CRM. Its text holds codes and names of fields and
// never a value: a CRM's own message often quotes what a person typed, so it is
// not kept.
type Error struct {
	System     System
	Action     string // "read", "find", "create", "update", ...
	Kind       ErrorKind
	Status     int    // HTTP status, 0 when there was no answer
	Code       string // the system's own code or category
	Fields     []FieldError
	ExistingID string
	RetryAfter time.Duration
	// Ambiguous is set when the system may have done what was asked: a write
	// that timed out or was answered with a 5xx.
	Ambiguous bool
	Err       error // a cause without personal data, such as a time-out
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", e.System, e.Action, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ", code %s", e.Code)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, ", field %s (%s)", f.Field, f.Code)
	}
	if e.ExistingID != "" {
		fmt.Fprintf(&b, ", existing id %s", e.ExistingID)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", retry after %s", e.RetryAfter)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same call can succeed later without a person
// changing anything.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case Conflict, Locked, RateLimited, Unavailable, Unauthorized:
		return true
	}
	return false
}

// AsError returns the CRM error in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsKind reports whether err is a CRM error of the kind.
func IsKind(err error, kind ErrorKind) bool {
	e := AsError(err)
	return e != nil && e.Kind == kind
}
