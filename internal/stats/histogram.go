package stats

import (
	"math"
	"slices"
	"time"
)

// growth is the ratio of two neighbouring bounds: a quantile is off by a tenth
// at most.
const growth = 1.2

// buckets reach from 1 ms to some hours.
const buckets = 96

// Histogram counts durations by their order of magnitude: bucket i holds those
// up to growth^i milliseconds.
type Histogram map[int]int

func (h Histogram) addDuration(d time.Duration) { h[BucketOf(d)]++ }

func (h Histogram) addAll(other Histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// BucketOf is the bucket that counts d.
func BucketOf(d time.Duration) int {
	ms := float64(d) / float64(time.Millisecond)
	if ms <= 1 {
		return 0
	}
	return min(int(math.Ceil(math.Log(ms)/math.Log(growth)-1e-9)), buckets-1)
}

// Count is how many durations were counted.
func (h Histogram) Count() (n int) {
	for _, of := range h {
		n += of
	}
	return n
}

// Quantile is the duration that the share q of all does not exceed, 0 of none.
func (h Histogram) Quantile(q float64) time.Duration {
	rank, seen := int(math.Ceil(q*float64(h.Count()))), 0
	for _, i := range h.sortedBuckets() {
		if seen += h[i]; seen >= rank {
			// The middle of the bucket, in its own measure.
			return time.Duration(math.Pow(growth, float64(i)-0.5) * float64(time.Millisecond))
		}
	}
	return 0
}

func (h Histogram) sortedBuckets() []int {
	keys := make([]int, 0, len(h))
	for i := range h {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	return keys
}
