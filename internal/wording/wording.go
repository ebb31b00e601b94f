// Package wording writes numbers and durations as people read them: in the mail, on
// the console and on the command line.
package wording

import (
	"fmt"
	"strings"
	"time"
)

// Count returns a number with its noun, in the plural unless it is 1: "2 records".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Duration formats a time to the second, without units that are 0: "1 h",
// "59 min 56 s".
func Duration(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	var parts []string
	for _, unit := range []struct {
		seconds int
		name    string
	}{{3600, "h"}, {60, "min"}, {1, "s"}} {
		if n := seconds / unit.seconds; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
			seconds -= n * unit.seconds
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
