package wording

import (
	"testing"
	"time"
)

func TestDurationsHaveNoUnitThatIsZero(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0 s",
		400 * time.Millisecond:          "0 s",
		time.Hour:                       "1 h",
		59*time.Minute + 56*time.Second: "59 min 56 s",
		26*time.Hour + 5*time.Second:    "26 h 5 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestCountsAreInTheRightNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 records", 1: "1 record", 2: "2 records"} {
		if got := Count(n, "record"); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
