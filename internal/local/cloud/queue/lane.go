package queue

import (
	"container/heap"
	"time"
)

// item is one message on its way to one subscription.
type item struct {
	msg      *Message
	attempts int  // deliveries that were not acknowledged
	repeated bool // delivered again after it had been acknowledged

	// owed says that the fate of the message is not in the log yet. The source
	// of the item guards it.
	owed bool
}

// lane holds the messages that wait for each other: those of one ordering key,
// or a single message without one. At any moment a lane is in the ready list,
// in the waiting heap, or in the hands of one worker.
type lane struct {
	key   string // "" for a message that is alone
	items fifo[*item]

	// done holds the last acknowledged items, newest last, for Faults.
	done []*item

	due time.Time // when the head is tried again, while the lane waits
}

// fifo is a queue whose ends cost O(1). The zero value is empty.
type fifo[T any] struct {
	all  []T
	head int
}

func (f *fifo[T]) len() int { return len(f.all) - f.head }

func (f *fifo[T]) push(v T) { f.all = append(f.all, v) }

// first returns the oldest without taking it. There must be one.
func (f *fifo[T]) first() T { return f.all[f.head] }

// pop takes the oldest. There must be one.
func (f *fifo[T]) pop() T {
	var none T
	v := f.all[f.head]
	f.all[f.head] = none
	f.head++
	// Moving the rest when half of the array is free costs O(1) per pop.
	if f.head*2 >= len(f.all) {
		n := copy(f.all, f.all[f.head:])
		clear(f.all[n:])
		f.all, f.head = f.all[:n], 0
	}
	return v
}

// pushFront puts values before the oldest, keeping their order. O(n).
func (f *fifo[T]) pushFront(values []T) {
	rest := f.all[f.head:]
	f.all, f.head = append(append(make([]T, 0, len(values)+len(rest)), values...), rest...), 0
}

// laneHeap orders waiting lanes by the time of their next try.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h laneHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *laneHeap) Push(x any)        { *h = append(*h, x.(*lane)) }
func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return l
}

// takeDue moves every lane whose time has come out of the heap.
func (h *laneHeap) takeDue(now time.Time) []*lane {
	var due []*lane
	for h.Len() > 0 && !(*h)[0].due.After(now) {
		due = append(due, heap.Pop(h).(*lane))
	}
	return due
}
