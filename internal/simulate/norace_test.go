//go:build !race

package simulate

import "testing"

func takesManyRuns(*testing.T) {}
