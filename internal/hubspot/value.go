package hubspot

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// parseFirstTime parses the first of the texts that is not empty; none gives the
// zero time.
func parseFirstTime(texts ...string) (time.Time, error) {
	for _, s := range texts {
		if s != "" {
			return parseTime(s)
		}
	}
	return time.Time{}, nil
}

// parseTime reads the forms in which HubSpot sends a moment: ISO 8601, or
// milliseconds since 1970.
func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	return time.Time{}, errTimestamp
}

// encodeValue gives a value the form that HubSpot takes. A text that does not
// fit its type is sent as it is: HubSpot refuses it and names the property,
// which the operator needs to see.
func encodeValue(v crm.Value) string {
	switch v.Type {
	case crm.Number:
		return expandExponent(v.Text)
	case crm.Bool:
		return strings.ToLower(v.Text)
	case crm.Date:
		if t, err := time.Parse(time.RFC3339Nano, v.Text); err == nil {
			return t.UTC().Format(time.DateOnly)
		}
	case crm.DateTime:
		if t, err := time.Parse(time.RFC3339Nano, v.Text); err == nil {
			return t.UTC().Format("2006-01-02T15:04:05.999Z07:00")
		}
	case crm.List:
		return normalizeList(v.Text)
	}
	return v.Text
}

// exponentPattern is a number in the form that JSON allows and HubSpot does
// not. Amounts and counts have no exponent of three digits.
var exponentPattern = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}$`)

// expandExponent spells out an exponent: "1.5e3" is "1500".
func expandExponent(s string) string {
	if !exponentPattern.MatchString(s) {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	digits, _ := r.FloatPrec() // exact: the denominator is a power of ten
	return r.FloatString(digits)
}

// normalizeList drops empty items: a leading ";" would make HubSpot append to
// the selected options and not replace them.
func normalizeList(s string) string {
	var items []string
	for item := range strings.SplitSeq(s, ";") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return strings.Join(items, ";")
}
