package failure

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

var fuzzTime = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// FuzzGivenUp holds that every message becomes a record that can be stored and
// that never holds the body.
func FuzzGivenUp(f *testing.F) {
	f.Add([]byte(`{"version":1,"id":"o","ref":{"system":"zoho","kind":"contact","record_id":"5"},"change":"updated","received_at":"2026-11-23T10:00:00Z"}`), "zoho/contact/5", "o", "x")
	f.Add([]byte(`{"version":99}`), "hubspot/contact/7", "", "\xff")
	f.Add([]byte("planted-body"), "x", strings.Repeat("o", 500), "\r\n")
	f.Fuzz(func(t *testing.T, body []byte, key, operation, other string) {
		m := Message{ID: other, Data: body, Attributes: map[string]string{"ordering_key": key, "operation_id": operation, other: other}}
		r := NewDeadRecord(m, fuzzTime)
		if len(r.ID) != 32 || r.Operation == "" || r.Count != 1 || r.Cause.Code == "" || r.Cause.Remedy() == unknownRule.remedy {
			t.Fatalf("record %+v", r)
		}
		if r.Ref != (crm.Ref{}) && r.Ref.Validate() != nil {
			t.Errorf("ref %s", r.Ref)
		}
		if again := NewDeadRecord(m, fuzzTime); again.ID != r.ID {
			t.Error("the same message makes another record")
		}
		if r.Message == nil {
			return // an operation
		}
		for name, value := range r.Message.Attributes {
			if !utf8.ValidString(name+value) || len(value) > 4*(maxWord+3)*(maxAttributes+1) {
				t.Errorf("attribute %q of %d bytes", name, len(value))
			}
		}
	})
}

// FuzzDigest holds that nothing from outside adds a line or a tag to a mail:
// both parts have the shape that they have with harmless names.
func FuzzDigest(f *testing.F) {
	f.Add("INVALID_DATA", "Email", "update", "o")
	f.Add("<script>", "\"><img src=x>", "{{.}}", "https://evil.example")
	f.Add("\r\nBcc: x", "\u2028\u202e\x00\xff", "<!--", "]]>")
	t, err := parseTemplates()
	if err != nil {
		f.Fatal(err)
	}
	d := &Digest{templates: t}
	render := func(tb testing.TB, code, field, action, operation string) Mail {
		tb.Helper()
		r := Record{
			Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"},
			Cause: Cause{Side: crm.Zoho, Action: action, Kind: crm.Invalid, Code: failurecode.Code(code),
				Fields: []crm.FieldError{{Field: field, Code: code}}},
			Operation: operation, FirstSeen: fuzzTime, LastSeen: fuzzTime, Count: 1,
		}.WithID()
		m, err := t.renderMail(d.newPage([]Record{r}, false))
		if err != nil {
			tb.Fatal(err)
		}
		return m
	}
	harmless := render(f, "CODE", "Field", "update", "o")
	f.Fuzz(func(t *testing.T, code, field, action, operation string) {
		m := render(t, code, field, action, operation)
		if m.Subject != harmless.Subject {
			t.Errorf("subject %q", m.Subject)
		}
		for _, mark := range []string{"\n", "\r", "\u2028", "\u202e"} {
			if strings.Count(m.Text, mark) != strings.Count(harmless.Text, mark) || strings.Count(m.HTML, mark) != strings.Count(harmless.HTML, mark) {
				t.Errorf("%q was added", mark)
			}
		}
		if strings.Count(m.HTML, "<") != strings.Count(harmless.HTML, "<") || strings.Contains(m.Text, "://") {
			t.Errorf("a tag or a link was added:\n%s", m.HTML)
		}
	})
}
