package zoho

import (
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func TestClientNeedsAWholeConfiguration(t *testing.T) {
	_, err := New(Config{CounterpartField: "a b", Fields: map[crm.Kind][]string{crm.Contact: {"x'y"}, "deal": {"Z"}}})
	if err == nil {
		t.Fatal("a wrong configuration was accepted")
	}
	for _, want := range []string{"token source", "HTTP client", `"a b"`, `"x'y"`, `"deal"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
}
