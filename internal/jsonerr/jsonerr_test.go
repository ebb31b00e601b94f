package jsonerr

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestErrorsSayWhereTheJSONIsWrongAndQuoteNothing(t *testing.T) {
	for body, want := range map[string]string{
		``:                                  "the JSON ends too early",
		`{"name":"ada`:                      "the JSON ends too early",
		`ada@example.com`:                   "not JSON at byte 1",
		`["ada@example.com"]`:               "the JSON has the wrong type",
		`{"name":["ada@example.com"]}`:      "field name has the wrong type",
		`{"time":"ada@example.com"}`:        "a value cannot be read",
		`{"inner":{"n":"ada@example.com"}}`: "field inner.n has the wrong type",
	} {
		var v struct {
			Name  string    `json:"name"`
			Time  time.Time `json:"time"`
			Inner struct {
				N int `json:"n"`
			} `json:"inner"`
		}
		err := json.NewDecoder(strings.NewReader(body)).Decode(&v)
		if got := Describe(err).Error(); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
