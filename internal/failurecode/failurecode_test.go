package failurecode

import (
	"slices"
	"testing"
)

func TestEveryReasonHasAText(t *testing.T) {
	for _, r := range AllReasons() {
		if r.Text() == "" {
			t.Errorf("%s has no text", r)
		}
	}
	for r := range reasonTexts {
		if !slices.Contains(AllReasons(), r) {
			t.Errorf("%s has a text and is not in AllReasons", r)
		}
	}
}

func TestNoTwoCodesAreEqual(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range All() {
		if c == "" || seen[c] {
			t.Errorf("%q is declared twice, or empty", c)
		}
		seen[c] = true
	}
}
