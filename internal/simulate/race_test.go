//go:build race

package simulate

import "testing"

// takesManyRuns skips a test under the race detector, which keeps some 20 MB of
// every run for good and has nothing to find where one goroutine runs at a time.
func takesManyRuns(t *testing.T) {
	t.Helper()
	t.Skip("SKIPPED under the race detector, which takes gigabytes for so many runs: make test runs it without")
}
