package docstore

import (
	"sort"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

const (
	// historyKept is how many changes are kept though no transaction needs them,
	// for reads at a time in the near past.
	historyKept = 1024
	// historyMax is how many are kept for transactions that do.
	historyMax = 1 << 16
)

// history is the last changes, oldest first. It gives the state at any time from
// begin on.
type history struct {
	begin   int64 // the time of the last change that was dropped
	changes []change
	trimAt  int // the length at which to look for what can be dropped
}

// since returns the changes after a time; ok is false when some were dropped.
func (h *history) since(at int64) (changes []change, ok bool) {
	i := sort.Search(len(h.changes), func(i int) bool { return h.changes[i].at > at })
	return h.changes[i:], at >= h.begin
}

// add appends one commit's changes and drops what is not needed any more: oldest returns the
// earliest time that an open transaction may look back to.
func (h *history) add(changes []change, oldest func() int64) {
	h.changes = append(h.changes, changes...)
	if len(h.changes) < max(h.trimAt, 2*historyKept) {
		return
	}
	defer func() { h.trimAt = len(h.changes) + historyKept }()
	drop := len(h.changes) - historyKept
	if len(h.changes) < historyMax {
		needed, _ := h.since(oldest())
		drop = min(drop, len(h.changes)-len(needed))
	}
	if drop == 0 {
		return
	}
	at := h.changes[drop-1].at
	rest, _ := h.since(at) // a commit's changes go together
	h.begin = at
	h.changes = append(make([]change, 0, len(rest)+historyKept), rest...)
}

// view reads the store as it was at one time, or now when past is nil. It is
// valid while the store's mu is held.
type view struct {
	*store
	past map[docKey]*pb.Document // what was different then
}

// viewAt returns the store as it was at a time; ok is false when that is too long
// ago.
func (s *store) viewAt(at int64) (v view, ok bool) {
	changes, ok := s.history.since(at)
	if !ok {
		return view{}, false
	}
	past := make(map[docKey]*pb.Document, len(changes))
	for _, ch := range changes {
		if _, seen := past[ch.key]; !seen {
			past[ch.key] = ch.before
		}
	}
	return view{store: s, past: past}, true
}

func (v view) get(k docKey) *pb.Document {
	if doc, differs := v.past[k]; differs {
		return doc
	}
	return v.store.get(k)
}
