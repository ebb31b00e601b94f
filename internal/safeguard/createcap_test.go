package safeguard

import (
	"errors"
	"slices"
	"testing"
)

func TestACreateCapAsksWhenItIsReached(t *testing.T) {
	var asked []int
	c := CreateCap{Allowed: 3, AskMore: func(created int) int {
		asked = append(asked, created)
		return 4 - len(asked)*2 // 2, then none
	}}
	for _, step := range []struct{ created, wanted, want int }{{0, 2, 2}, {2, 5, 1}, {3, 5, 2}, {4, 1, 1}, {5, 1, 0}} {
		n, err := c.AllowCreates(step.created, step.wanted)
		if n != step.want || errors.Is(err, ErrTooManyCreates) != (step.want == 0) {
			t.Errorf("after %d, %d wanted: got %d, %v, want %d", step.created, step.wanted, n, err, step.want)
		}
	}
	if want := []int{3, 5}; !slices.Equal(asked, want) {
		t.Errorf("asked at %v, want %v", asked, want)
	}
}

func TestACreateCapOfNothingRefuses(t *testing.T) {
	var c CreateCap
	if n, err := c.AllowCreates(0, 1); n != 0 || !errors.Is(err, ErrTooManyCreates) {
		t.Errorf("got %d, %v, want ErrTooManyCreates", n, err)
	}
}
