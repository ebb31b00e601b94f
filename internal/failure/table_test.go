package failure

import (
	"testing"

	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// TestEveryCodeIsInTheTableOnce: each code of the connector has one row, with a
// class, a text and a remedy.
func TestEveryCodeIsInTheTableOnce(t *testing.T) {
	rows := map[failurecode.Code]int{}
	for _, r := range connectorRules {
		rows[r.code]++
		if r.class == "" || r.origin == "" || r.text == "" || r.remedy == "" {
			t.Errorf("%s lacks a class, an origin, a text or a remedy", r.code)
		}
	}
	for _, code := range failurecode.All() {
		if rows[code] != 1 {
			t.Errorf("%s has %d rows, want 1", code, rows[code])
		}
		delete(rows, code)
	}
	for code := range rows {
		t.Errorf("%s is in the table and no code of package failurecode", code)
	}
}
