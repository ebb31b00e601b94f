package hubspotsim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxString = 65_536 // characters of a string value

var (
	emailForm  = regexp.MustCompile(`^[^\s@,;<>"()\[\]\\]+@[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)+$`)
	numberForm = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
)

// stamp writes a time as HubSpot does: ISO, UTC, no fraction when the
// milliseconds are zero.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// badValue is why a value was refused.
type badValue struct{ code, message string }

func bad(code, format string, args ...any) *badValue {
	return &badValue{code, fmt.Sprintf(format, args...)}
}

// text turns a JSON scalar into the text that HubSpot stores. Null is refused:
// the documented way to clear is "".
func text(raw any) (string, *badValue) {
	switch v := raw.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", bad("INVALID_JSON", "a property value must be a string, a number or a boolean")
}

// normalise checks a value that is to be written, and returns it as stored.
// current is the present value, for multi-select appends.
func (s *Server) normalise(k *kind, p *property, raw any, current string) (string, *badValue) {
	v, why := text(raw)
	if why != nil {
		return "", why
	}
	if !p.writable() {
		what := "read only"
		if p.Calculated {
			what = "calculated"
		}
		return "", bad("READ_ONLY_VALUE", "%q is a %s property; its value cannot be set.", p.Name, what)
	}
	if v == "" {
		return "", nil
	}
	if most, ruled := s.cfg.MaxLength[k.plural][p.Name]; ruled && utf8.RuneCountInString(v) > most {
		return "", bad("INVALID_MAX_LENGTH", "Enter at most %d characters", most) // the code is not documented
	}
	switch {
	case p.Name == "email":
		return email(v)
	case p.Name == "hs_additional_emails":
		return emails(v, current)
	case p.Name == "hubspot_owner_id":
		return s.ownerValue(v)
	}
	switch p.Type {
	case typeNumber:
		if v = strings.TrimSpace(v); !numberForm.MatchString(v) {
			return "", bad("INVALID_LONG", "%s was not a valid long.", v)
		}
	case typeBool:
		if v != "true" && v != "false" {
			return "", bad("INVALID_OPTION", "%s was not one of the allowed options: [true, false]", v)
		}
	case typeDate:
		return date(v)
	case typeDateTime:
		return datetime(v)
	case typeEnum:
		return enumeration(p, v, current)
	default:
		if utf8.RuneCountInString(v) > maxString {
			return "", bad("INVALID_STRING_LENGTH", "%s is longer than %d characters", p.Name, maxString)
		}
	}
	return v, nil
}

func email(v string) (string, *badValue) {
	v = strings.ToLower(strings.TrimSpace(v))
	if !emailForm.MatchString(v) || len(v) > 254 {
		return "", bad("INVALID_EMAIL", "Email address %s is invalid", v)
	}
	return v, nil
}

// emails is a list separated by ";"; a leading ";" appends.
func emails(v, current string) (string, *badValue) {
	var out []string
	if strings.HasPrefix(v, ";") {
		out = splitList(current, ";")
	}
	for part := range strings.SplitSeq(v, ";") {
		if part == "" {
			continue
		}
		e, why := email(part)
		if why != nil {
			return "", why
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return strings.Join(out, ";"), nil
}

func (s *Server) ownerValue(v string) (string, *badValue) {
	for _, o := range s.owners {
		if o.ID == v {
			return v, nil
		}
	}
	return "", bad("INVALID_OWNER_ID", "%s is not a valid owner id", v)
}

// enumeration checks option values, exactly. Only check boxes take several.
func enumeration(p *property, v, current string) (string, *badValue) {
	var out []string
	parts := []string{v}
	if p.FieldType == "checkbox" {
		if strings.HasPrefix(v, ";") {
			out = splitList(current, ";")
		}
		parts = slices.DeleteFunc(strings.Split(v, ";"), func(s string) bool { return s == "" })
	}
	for _, part := range parts {
		known := slices.ContainsFunc(p.Options, func(o option) bool { return o.Value == part })
		if !known && !p.ExternalOptions {
			return "", bad("INVALID_OPTION", "%s was not one of the allowed options: [%s]", part, optionList(p))
		}
		if !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return strings.Join(out, ";"), nil
}

func optionList(p *property) string {
	values := make([]string, len(p.Options))
	for i, o := range p.Options {
		values[i] = o.Value
	}
	return strings.Join(values, ", ")
}

// date takes YYYY-MM-DD or the milliseconds of a midnight in UTC.
func date(v string) (string, *badValue) {
	if _, err := time.Parse(time.DateOnly, v); err == nil {
		return v, nil
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil && isMidnight(t) {
		return t.UTC().Format(time.DateOnly), nil
	}
	if ms, err := strconv.ParseInt(v, 10, 64); err == nil && isMidnight(time.UnixMilli(ms)) {
		return time.UnixMilli(ms).UTC().Format(time.DateOnly), nil
	}
	return "", bad("INVALID_DATE", "%s was not a valid date: it must be midnight UTC or YYYY-MM-DD.", v)
}

func isMidnight(t time.Time) bool { return t.UTC().Truncate(24 * time.Hour).Equal(t.UTC()) }

// datetime takes ISO times or milliseconds. A number of seconds, which would
// be a day of January 1970, is refused.
func datetime(v string) (string, *badValue) {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return stamp(t), nil
	}
	if t, err := time.Parse(time.DateOnly, v); err == nil {
		return stamp(t), nil
	}
	const month = int64(30 * 24 * time.Hour / time.Millisecond)
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil || ms > 0 && ms < month {
		return "", bad("INVALID_DATE", "%s was not a valid date.", v)
	}
	return stamp(time.UnixMilli(ms)), nil
}

// eventValue is how webhooks show a value: dates as epoch milliseconds.
func eventValue(p *property, v string) string {
	if p.sensitive() {
		return "REDACTED"
	}
	layout := map[string]string{typeDate: time.DateOnly, typeDateTime: time.RFC3339}[p.Type]
	if layout == "" || v == "" {
		return v
	}
	t, err := time.Parse(layout, v)
	if err != nil {
		return v
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// moves tells whether a lifecycle stage may follow another. Stages that are
// not standard are not ordered.
func moves(from, to string) bool {
	i, j := slices.Index(lifecycle, from), slices.Index(lifecycle, to)
	return i < 0 || j < 0 || j >= i
}
