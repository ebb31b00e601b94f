package failure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestEveryRuleSaysWhatToDoAndIsReached(t *testing.T) {
	for i, r := range rules {
		if r.class != Permanent && r.class != Healing && r.class != Stop {
			t.Errorf("rule %d (%+v) has no class", i, r)
		}
		if r.origin == "" || !strings.HasSuffix(r.remedy, ".") {
			t.Errorf("rule %d (%+v) lacks an origin, or a remedy in sentences", i, r)
		}
		for j, earlier := range rules[:i] {
			// What is left open in r may be anything that no rule names.
			f := errorFacts{or(r.system, "elsewhere"), or(r.kind, "other"), or(r.code, "OTHER"), or(r.status, 999), r.long}
			if earlier.matches(f) {
				t.Errorf("rule %d (%+v) hides behind rule %d (%+v)", i, r, j, earlier)
			}
		}
	}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func TestEveryKindOfErrorHasARule(t *testing.T) {
	for _, kind := range []crm.ErrorKind{
		crm.Invalid, crm.Missing, crm.Duplicate, crm.NotFound, crm.Conflict, crm.Locked, crm.RateLimited,
		crm.Unavailable, crm.Unauthorized, crm.Forbidden, crm.Refused,
	} {
		for _, s := range crm.Systems {
			if r := findRule(errorFacts{system: s, kind: kind, code: "SOMETHING_NEW", status: 418}); r.remedy == unknownRule.remedy {
				t.Errorf("%s %s is judged by no rule", s, kind)
			}
		}
		if _, ok := messages[kind]; !ok {
			t.Errorf("%s has no words", kind)
		}
	}
}

// TestTheGoldenDigestShowsEveryCodeThatParks: what the real clients made of the
// CRMs' answers reaches every rule.
func TestTheGoldenDigestShowsEveryCodeThatParks(t *testing.T) {
	digest, err := os.ReadFile(filepath.Join("testdata", "digest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		parks := r.class == Permanent && (r.system == "" || r.system.Validate() == nil)
		if parks && r.code != "" && !strings.Contains(string(digest), r.remedy) {
			t.Errorf("%s %s: its remedy is not in the digest", r.system, r.code)
		}
	}
}

func TestWhatCannotHealIsNeverRetriedAndWhatHealsIsNeverParked(t *testing.T) {
	for _, r := range rules {
		e := crm.Error{Kind: r.kind}
		if r.kind != "" && r.class == Permanent && e.Temporary() {
			t.Errorf("%+v is temporary and would be parked", r)
		}
	}
}

func TestTheRemedyOfAFieldGoesBeforeThatOfTheWhole(t *testing.T) {
	field := func(code string) crm.FieldError { return crm.FieldError{Field: "f", Code: code} }
	tests := []struct {
		name   string
		fields []crm.FieldError
		want   []string
	}{
		{"no field", nil, []string{Remedy(crm.HubSpot, crm.Invalid, "VALIDATION_ERROR")}},
		{"a code that is known", []crm.FieldError{field("INVALID_EMAIL")}, []string{Remedy(crm.HubSpot, crm.Invalid, "INVALID_EMAIL")}},
		{"two codes, one of them twice", []crm.FieldError{field("INVALID_EMAIL"), field("READ_ONLY_VALUE"), field("INVALID_EMAIL")},
			[]string{Remedy(crm.HubSpot, "", "INVALID_EMAIL"), Remedy(crm.HubSpot, "", "READ_ONLY_VALUE")}},
		{"a code that is not known", []crm.FieldError{field("INVALID_WHATEVER"), field("")}, []string{Remedy(crm.HubSpot, crm.Invalid, "VALIDATION_ERROR")}},
	}
	for _, tt := range tests {
		c := Cause{Side: crm.HubSpot, Kind: crm.Invalid, Code: "VALIDATION_ERROR", Fields: tt.fields}
		if got, want := c.Remedy(), strings.Join(tt.want, " "); got != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
	}
}
