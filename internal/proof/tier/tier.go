// Package tier tells the tests of "make test" and "make test-race", which are
// over soon, from those of "make test-long".
package tier

import "testing"

// Long skips a test, and says so, where it would take too long: with -short, and
// under the race detector, which keeps gigabytes for the long simulations. The
// Makefile lists the tests that call it in LONG_TESTS; internal/proof/archtest compares.
func Long(t testing.TB, proves string) {
	t.Helper()
	if testing.Short() || raceDetector {
		t.Skipf("SKIPPED, make test-long runs it: %s", proves)
	}
}
