package zoho

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestEveryJSONValueHasAText(t *testing.T) {
	tests := []struct{ name, json, want string }{
		{"text", `"x"`, "x"},
		{"empty text", `""`, ""},
		{"null", `null`, ""},
		{"a number as it is written", `1.50`, "1.50"},
		{"a number beyond float64", `12345678901234567891`, "12345678901234567891"},
		{"true", `true`, "true"},
		{"false", `false`, "false"},
		{"a list", `["a","b"]`, "a;b"},
		{"a list with gaps", `["a",null,""]`, "a"},
		{"an empty list", `[]`, ""},
		{"a lookup", `{"name":"Zylker","id":"99"}`, "99"},
		{"a lookup with a number", `{"id":5725767000000524099}`, "5725767000000524099"},
		{"a list of lookups", `[{"id":"1"},{"id":"2"}]`, "1;2"},
		{"an empty object", `{}`, ""},
		{"another object is not taken for unset", `{"b":1,"a":[true]}`, `{"a":[true],"b":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			if err := decodeJSON([]byte(tt.json), &v); err != nil {
				t.Fatal(err)
			}
			if got := valueText(v); got != tt.want {
				t.Errorf("valueText(%s) = %q, want %q", tt.json, got, tt.want)
			}
		})
	}
}

// readLiteral reads a text literal at the start of s and returns the text after
// it. A quotation mark inside it is doubled or has a backslash before it: Zoho
// does not document which.
func readLiteral(s string, doubled bool) (text, rest string) {
	var b strings.Builder
	mark := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == mark && doubled && i+1 < len(s) && s[i+1] == mark:
			i++
		case s[i] == mark:
			return b.String(), s[i+1:]
		case s[i] == '\\' && !doubled && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), "unterminated"
}

func TestNoValueBreaksOutOfTheQuery(t *testing.T) {
	c := &Client{counterpartField: DefaultCounterpartField}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.StringMatching(`['"\\a or=()]{0,12}`), rapid.String(),
		).Draw(t, "value")
		keys, ok := c.usableKeys([]crm.Key{{Field: "Email", Value: value}})
		if !ok || len(keys) == 0 {
			return
		}
		_, literal, _ := strings.Cut(c.buildFindQuery(crm.Contact, keys, maxRowsOfOneList), " where Email = ")
		for _, doubled := range []bool{true, false} {
			text, rest := readLiteral(literal, doubled)
			intact := text == value && rest == " order by Created_Time asc limit 0, 50"
			bothMarks := strings.Contains(value, "'") && strings.Contains(value, `"`)
			isError := bothMarks && !doubled && strings.HasPrefix(rest, "'")
			if !intact && !isError {
				t.Errorf("%q became %s, which reads %q and then %q (doubled %t)", value, literal, text, rest, doubled)
			}
		}
	})
}

func TestAnEncodedValueReadsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) crm.Value {
				return crm.Value{Type: crm.Text, Text: rapid.String().Draw(t, "text")}
			}),
			rapid.Custom(func(t *rapid.T) crm.Value {
				return crm.Value{Type: crm.Number, Text: rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?`).Draw(t, "number")}
			}),
			rapid.Custom(func(t *rapid.T) crm.Value {
				return crm.Value{Type: crm.List, Text: strings.Join(rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,4}`), rapid.ID).Draw(t, "list"), ";")}
			}),
			rapid.Custom(func(t *rapid.T) crm.Value {
				return crm.Value{Type: crm.Lookup, Text: rapid.StringMatching(`[0-9]{1,19}`).Draw(t, "id")}
			}),
			rapid.Just(crm.Value{Type: crm.Bool, Text: "false"}),
		).Draw(t, "value")
		encoded, code := encodeValue(v)
		if code != "" {
			t.Fatalf("%s %q is refused: %s", v.Type, v.Text, code)
		}
		data, err := json.Marshal(encoded)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := decodeJSON(data, &back); err != nil {
			t.Fatal(err)
		}
		if got := valueText(back); got != v.Text {
			t.Errorf("%s %q was sent as %s and reads %q", v.Type, v.Text, data, got)
		}
	})
}
