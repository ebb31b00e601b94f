package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/quota"
)

// sizes lists how many requests each call of a line had.
func (l *line) sizes() []int {
	var all []int
	for _, c := range l.calls {
		_, requests, _ := strings.Cut(c, ": ")
		all = append(all, len(strings.Fields(requests)))
	}
	return all
}

func TestACohortTakesEachStepWithAsFewCallsAsPossible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads, finds, writes := newLine(), newLine(), newLine()
		finds.takes = 300 * time.Millisecond
		load := &LoadCounter{}
		read := New[string](Limits{Size: 50, MaxInFlight: 4, MaxWait: 2 * time.Second, Shared: true, Load: load}, reads.call)
		find := New[string](Limits{Size: 200, MaxInFlight: 2, MaxWait: 2 * time.Second, Load: load}, finds.call)
		write := New[string](Limits{Size: 100, MaxInFlight: 3, Step: 10, MaxWait: 2 * time.Second, Load: load}, writes.call)
		RunCohort(quota.WithBackground(t.Context()), 120, func(ctx context.Context, i int) {
			id := fmt.Sprint("record ", i)
			must := func(_ string, _ bool, err error) {
				if err != nil {
					t.Error(err)
				}
			}
			id = strings.ReplaceAll(id, " ", "-")
			must(read.Do(ctx, id, id))
			time.Sleep(time.Duration(i) * time.Millisecond) // the store answers each in its own time
			if i%4 == 0 {
				return // nothing is to be done with it
			}
			must(find.Do(ctx, id, id))
			time.Sleep(time.Duration(i%7) * time.Millisecond)
			must(write.Do(ctx, id, id))
		})
		for name, got := range map[string][2][]int{
			"reads": {reads.sizes(), {50, 50, 20}}, "finds": {finds.sizes(), {90}}, "writes": {writes.sizes(), {90}},
		} {
			if diff := cmp.Diff(got[1], got[0]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// Three members read, two of them in a call that is full. When all of them wait,
// those two for their next step, the third is to read before they take it. It is
// asked often, since which of two goes first could be luck.
func TestTheMembersFurthestBehindInACohortGoFirst(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			reads, writes := newLine(), newLine()
			read := New[string](Limits{Size: 2, MaxInFlight: 2, MaxWait: time.Minute}, reads.call)
			write := New[string](Limits{Size: 10, MaxInFlight: 2, MaxWait: time.Minute}, writes.call)
			RunCohort(t.Context(), 3, func(ctx context.Context, i int) {
				request := string(rune('a' + i))
				for _, q := range []*Queue[string, string, string]{read, write} {
					if _, _, err := q.Do(ctx, request, request); err != nil {
						t.Error(err)
					}
				}
			})
			if got := fmt.Sprint(reads.sizes(), writes.sizes()); got != "[2 1] [3]" {
				t.Errorf("calls are of %s records, want [2 1] [3]", got)
			}
		})
	}
}

func TestACohortWaitsForALateMemberNoLongerThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		q := New[string](Limits{Size: 10, MaxInFlight: 2, MaxWait: 2 * time.Second}, l.call)
		RunCohort(t.Context(), 3, func(ctx context.Context, i int) {
			if i == 2 {
				time.Sleep(time.Minute) // it waits for what another one holds
			}
			request := string(rune('a' + i))
			if _, _, err := q.Do(ctx, request, request); err != nil {
				t.Error(err)
			}
		})
		l.calls[0] = strings.Replace(l.calls[0], "b a", "a b", 1)
		if diff := cmp.Diff([]string{"at 2s: a b", "at 1m0s: c"}, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestNoOtherRequestWaitsForACohort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		load := &LoadCounter{}
		q := New[string](Limits{Size: 10, MaxInFlight: 2, MaxWait: time.Hour, Shared: true, Load: load}, l.call)
		var wait sync.WaitGroup
		wait.Go(func() {
			RunCohort(quota.WithBackground(t.Context()), 3, func(ctx context.Context, i int) {
				if i > 0 {
					time.Sleep(time.Duration(i) * time.Minute)
				}
				request := string(rune('a' + i))
				if _, _, err := q.Do(ctx, request, request); err != nil {
					t.Error(err)
				}
			})
		})
		ask(t, q, &wait, time.Second, "edit")     // takes along who waits
		ask(t, q, &wait, 90*time.Second, "b")     // asks for what a member waits to ask for
		ask(t, q, &wait, 100*time.Second, "edit") // leaves as if there were no company
		wait.Wait()
		if diff := cmp.Diff([]string{"at 1s: edit a", "at 1m30s: b", "at 1m40s: edit", "at 2m0s: c"}, l.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAMemberThatGivesUpDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		q := New[string](Limits{Size: 10, MaxInFlight: 1, MaxWait: time.Hour}, l.call)
		RunCohort(t.Context(), 4, func(ctx context.Context, i int) {
			request := string(rune('a' + i))
			switch i {
			case 0: // while it waits
				short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
				var gone *Abandoned
				if _, _, err := q.Do(short, request, request); !errors.As(err, &gone) || gone.Sent {
					t.Errorf("%s: %v", request, err)
				}
				return
			case 1:
				time.Sleep(time.Second) // the last to come
			case 2: // while its call is in flight
				short, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
				defer cancel()
				var gone *Abandoned
				if _, _, err := q.Do(short, request, request); !errors.As(err, &gone) || !gone.Sent {
					t.Errorf("%s: %v", request, err)
				}
				return
			}
			if _, _, err := q.Do(ctx, request, request); err != nil {
				t.Errorf("%s: %v", request, err)
			}
			if _, _, err := q.Do(ctx, request, "more-"+request); err != nil {
				t.Errorf("more of %s: %v", request, err)
			}
		})
		got := fmt.Sprint(l.sizes())
		if got != "[3 2]" || !strings.HasPrefix(l.calls[0], "at 1s") || !strings.HasPrefix(l.calls[1], "at 2s") {
			t.Errorf("calls are %q", l.calls)
		}
	})
}
