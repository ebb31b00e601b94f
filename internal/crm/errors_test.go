package crm

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatCanHealIsTemporary(t *testing.T) {
	want := map[ErrorKind]bool{
		Invalid: false, Missing: false, Duplicate: false, NotFound: false, Forbidden: false, Refused: false,
		Conflict: true, Locked: true, RateLimited: true, Unavailable: true, Unauthorized: true,
		"": false, "of tomorrow": false,
	}
	for kind, temporary := range want {
		if got := (&Error{Kind: kind}).Temporary(); got != temporary {
			t.Errorf("%q: temporary is %t, want %t", kind, got, temporary)
		}
	}
}

func TestAnErrorHasCodesAndNamesAndNoValues(t *testing.T) {
	tests := map[string]struct {
		err  Error
		want string
	}{
		"the least": {Error{System: HubSpot, Action: "read", Kind: NotFound}, "hubspot read: not_found"},
		"a quota": {Error{System: HubSpot, Action: "find", Kind: RateLimited, Status: 429, RetryAfter: 10 * time.Second},
			"hubspot find: rate_limited, status 429, retry after 10s"},
		"fields": {Error{System: HubSpot, Action: "update", Kind: Invalid, Status: 400, Code: "VALIDATION_ERROR",
			Fields: []FieldError{{Field: "email", Code: "INVALID_EMAIL"}, {Field: "phone", Code: "INVALID_PHONE"}}},
			"hubspot update: invalid, status 400, code VALIDATION_ERROR, field email (INVALID_EMAIL), field phone (INVALID_PHONE)"},
		"a duplicate": {Error{System: Zoho, Action: "create", Kind: Duplicate, Status: 200, Code: "DUPLICATE_DATA", ExistingID: "42"},
			"zoho create: duplicate, status 200, code DUPLICATE_DATA, existing id 42"},
		"a cause": {Error{System: Zoho, Action: "create", Kind: Unavailable, Ambiguous: true, Err: context.DeadlineExceeded},
			"zoho create: unavailable: context deadline exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A CRM's message quotes what people typed. Whoever adds a field here has to
// make sure that it cannot hold such a text.
func TestAnErrorHasNoPlaceForAValue(t *testing.T) {
	want := []string{"System", "Action", "Kind", "Status", "Code", "Fields", "ExistingID", "RetryAfter", "Ambiguous", "Err"}
	if diff := cmp.Diff(want, fieldsOf[Error]()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Field", "Code", "Detail"}, fieldsOf[FieldError]()); diff != "" {
		t.Error(diff)
	}
}

func fieldsOf[T any]() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, f.Name)
	}
	return names
}

func TestAnErrorIsFoundThroughItsWrapping(t *testing.T) {
	inner := &Error{System: Zoho, Action: "read", Kind: Locked, Err: context.Canceled}
	wrapped := fmt.Errorf("apply: %w", errors.Join(errors.New("first"), inner))
	if got := AsError(wrapped); got != inner {
		t.Errorf("got %v, want the error that was wrapped", got)
	}
	if !IsKind(wrapped, Locked) || IsKind(wrapped, NotFound) {
		t.Error("its kind is not recognised")
	}
	if !errors.Is(wrapped, context.Canceled) {
		t.Error("its cause is not found")
	}
	for _, err := range []error{nil, errors.New("another"), context.Canceled} {
		if AsError(err) != nil || IsKind(err, "") || IsKind(err, Locked) {
			t.Errorf("%v is taken for the error of a CRM", err)
		}
	}
}
