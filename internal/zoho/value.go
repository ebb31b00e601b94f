package zoho

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// timeLayout is how times are sent: whole seconds and an offset in digits.
// Fractions are refused.
const timeLayout = "2006-01-02T15:04:05-07:00"

func formatTime(t time.Time) string { return t.Truncate(time.Second).Format(timeLayout) }

// valueText returns a JSON value in the form of crm.Record.Fields, "" if it is
// unset. An object without id, which no mapped field should hold, becomes its
// JSON, so that it does not count as unset.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case []any:
		parts := make([]string, 0, len(v))
		for _, e := range v {
			if s := valueText(e); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ";")
	case map[string]any:
		if id := lookupID(v); id != "" {
			return id
		}
		if len(v) == 0 {
			return ""
		}
		text, err := json.Marshal(v)
		if err != nil { // it was decoded from JSON a moment ago
			return ""
		}
		return string(text)
	}
	return ""
}

// lookupID returns the id of {"id":...}, "" for any other value.
func lookupID(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	switch id := m["id"].(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

// encodeValue returns the JSON form of a value. The code is the reason why it
// cannot be sent, "" if it can.
func encodeValue(v crm.Value) (encoded any, code string) {
	if v.Text == "" {
		return nil, ""
	}
	switch v.Type {
	case crm.Text, "":
		return v.Text, ""
	case crm.Number:
		return encodeNumber(strings.TrimSpace(v.Text))
	case crm.Bool:
		switch v.Text {
		case "true":
			return true, ""
		case "false":
			return false, ""
		}
		return nil, "NOT_A_BOOLEAN"
	case crm.List:
		return splitList(v.Text), ""
	case crm.Lookup, crm.OwnedBy:
		if !isID(v.Text) {
			return nil, "NOT_A_RECORD_ID"
		}
		return map[string]string{"id": v.Text}, ""
	case crm.Date:
		if _, err := time.Parse(time.DateOnly, v.Text); err != nil {
			return nil, "NOT_A_DATE"
		}
		return v.Text, ""
	case crm.DateTime:
		t, err := time.Parse(time.RFC3339Nano, v.Text)
		if err != nil {
			return nil, "NOT_A_DATETIME"
		}
		return formatTime(t), ""
	}
	return nil, "UNKNOWN_TYPE"
}

// encodeNumber sends the digits as they are: a float64 would round them.
func encodeNumber(text string) (any, string) {
	if text == "" || !strings.ContainsRune("-0123456789", rune(text[0])) || !json.Valid([]byte(text)) {
		return nil, "NOT_A_NUMBER"
	}
	return json.Number(text), ""
}

func splitList(text string) []string {
	items := []string{}
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(items, part) {
			items = append(items, part)
		}
	}
	return items
}

func isID(s string) bool { return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789") == "" }

// appendNew appends the names that list does not have.
func appendNew(list []string, names ...string) []string {
	for _, n := range names {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}
