package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/store"
)

func turnRace(t *testing.T, s *store.Failures) {
	var winners atomic.Int32
	race(8, func(i int) {
		for {
			mine, err := s.ClaimDigest(t.Context(), fmt.Sprint("job", i), failedAt, failedAt.Add(time.Minute))
			switch {
			case err != nil && failure.ClassOf(err) == failure.Healing:
				continue
			case err != nil:
				t.Error(err)
			case mine:
				winners.Add(1)
			}
			return
		}
	})
	if winners.Load() != 1 {
		t.Errorf("%d have the turn", winners.Load())
	}
}

func turnRunsOut(t *testing.T, s *store.Failures) {
	claim := func(holder string, at time.Time, want bool) {
		t.Helper()
		if mine, err := s.ClaimDigest(t.Context(), holder, at, at.Add(time.Minute)); err != nil || mine != want {
			t.Errorf("%s: claimed %t, %v, want %t", holder, mine, err, want)
		}
	}
	release := func(holder string) {
		t.Helper()
		if err := s.ReleaseDigest(t.Context(), holder); err != nil {
			t.Error(err)
		}
	}
	claim("first", failedAt, true)
	claim("second", failedAt.Add(59*time.Second), false)
	claim("second", failedAt.Add(time.Minute), true)
	release("first") // too late: it is not its turn any more
	claim("third", failedAt.Add(time.Minute), false)
	release("second")
	claim("third", failedAt.Add(time.Minute), true)
}
