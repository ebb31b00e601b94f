package simulate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// failures keeps what could not be done, as Firestore does: one entry for each
// record and cause, with a count; and the turn of the job that mails them.
type failures struct {
	world *world
	byID  map[string]*noted
	order []*noted // as they were first recorded
	// operations are all that were ever counted.
	operations map[string]bool
	holder     string
	until      time.Time
}

// noted is one entry, with what the oracle must know of it.
type noted struct {
	failure.Record
	counted map[string]bool // operations
	news    []int           // w.seq when the count grew
}

// givenUp reports whether the operation as such failed, not a value of it.
func (n *noted) givenUp() bool { return n.Cause.Action == "apply" || n.Cause.Action == "receive" }

// begin comes back to the scheduler and draws what goes wrong. The effect of a
// call whose answer is lost takes place.
func (s *failures) begin(ctx context.Context, label string) (fault, error) {
	if err := s.world.seam(ctx, label); err != nil {
		return noFault, err
	}
	if s.world.storeIsDown() {
		return noFault, errStore
	}
	f := s.world.draw(failuresDown, storeLost, noFault)
	if f == failuresDown {
		return f, errStore
	}
	return f, nil
}

func errorOf(f fault) error {
	if f == storeLost {
		return errStore
	}
	return nil
}

// RecordFailure implements syncer.Failures.
func (s *failures) RecordFailure(ctx context.Context, f syncer.Failure) error {
	r := failure.Record{
		Ref: f.Operation.Ref, Record: f.Record,
		Cause:     failure.Cause{Side: f.Side, Action: f.Action, Kind: f.Kind, Code: f.Code, Fields: f.Fields},
		Operation: f.Operation.ID, Change: f.Operation.Change, FirstSeen: f.At, LastSeen: f.At, Count: 1,
	}
	if r.Record == (crm.Ref{}) {
		r.Record = crm.Ref{System: f.Side, Kind: f.Operation.Ref.Kind}
	}
	return s.Record(ctx, r.WithID())
}

// Record implements failure.Recorder.
func (s *failures) Record(ctx context.Context, r failure.Record) error {
	f, err := s.begin(ctx, "record failure")
	if err != nil {
		return err
	}
	s.keep(r)
	return errorOf(f)
}

func (s *failures) keep(r failure.Record) {
	w := s.world
	switch r.Cause.Kind {
	case crm.Unauthorized, crm.Forbidden, crm.RateLimited:
		w.violate("operation %s on %s was given up for %s, which concerns every operation alike", r.Operation, r.Ref, r.Cause.Kind)
	}
	w.say("failure recorded: %s of %s: %s %s %v", r.Operation, r.Ref, r.Cause.Action, r.Cause.Code, r.Cause.Fields)
	w.seq++
	n := s.byID[r.ID]
	switch {
	case n == nil:
		n = &noted{Record: r, counted: map[string]bool{}}
		s.byID[r.ID] = n
		s.order = append(s.order, n)
	case n.counted[r.Operation] && n.IsOpen():
		return
	default:
		first, count, mailed, at := n.FirstSeen, n.Count, n.MailedCount, n.MailedAt
		if n.IsOpen() {
			r.Repeats, r.RepeatedAt = n.Repeats, n.RepeatedAt
		}
		if n.Change == op.Erased {
			r.Change = op.Erased
		}
		if !n.counted[r.Operation] {
			count++
		}
		n.Record = r
		n.FirstSeen, n.Count, n.MailedCount, n.MailedAt = first, count, mailed, at
	}
	if !n.counted[r.Operation] {
		n.news = append(n.news, w.seq)
	}
	n.counted[r.Operation], s.operations[r.Operation] = true, true
}

// ResolveFailures implements syncer.Failures.
func (s *failures) ResolveFailures(ctx context.Context, at time.Time, refs ...crm.Ref) (int, error) {
	f, err := s.begin(ctx, "resolve failures")
	if err != nil {
		return 0, err
	}
	count := 0
	for _, n := range s.order {
		if n.IsOpen() && !n.OutlastsSuccess() && !n.LastSeen.After(at) && (slices.Contains(refs, n.Ref) || slices.Contains(refs, n.Record.Record)) {
			n.ResolvedAt = at
			count++
		}
	}
	s.world.say("%d failures resolved of %v", count, refs)
	return count, errorOf(f)
}

// ListFailures implements failure.Lister.
func (s *failures) ListFailures(ctx context.Context, filter failure.Filter, _ int) ([]failure.Record, error) {
	if _, err := s.begin(ctx, "list failures"); err != nil {
		return nil, err
	}
	return s.list(filter.Matches), nil
}

// DueFailures implements failure.Repeats.
func (s *failures) DueFailures(ctx context.Context, now time.Time, _ int) ([]failure.Record, error) {
	if _, err := s.begin(ctx, "list due"); err != nil {
		return nil, err
	}
	return s.list(func(r failure.Record) bool { return !r.RepeatAt().IsZero() && !r.RepeatAt().After(now) }), nil
}

// MarkRepeated implements failure.Repeats.
func (s *failures) MarkRepeated(ctx context.Context, at time.Time, ids ...string) error {
	f, err := s.begin(ctx, "mark repeated")
	if err != nil {
		return err
	}
	for _, id := range ids {
		if n := s.byID[id]; n != nil && n.IsOpen() {
			n.Repeats, n.RepeatedAt = n.Repeats+1, at
		}
	}
	return errorOf(f)
}

// UnreportedFailures implements failure.Outbox.
func (s *failures) UnreportedFailures(ctx context.Context, _ int) ([]failure.Record, error) {
	if _, err := s.begin(ctx, "list unreported"); err != nil {
		return nil, err
	}
	return s.list(failure.Record.IsUnreported), nil
}

func (s *failures) list(matches func(failure.Record) bool) []failure.Record {
	var list []failure.Record
	for _, n := range s.order {
		if matches(n.Record) {
			list = append(list, n.Record)
		}
	}
	return list
}

// MarkMailed implements failure.Outbox. A call that fails may have marked a
// part of them.
func (s *failures) MarkMailed(ctx context.Context, records []failure.Record, at time.Time) error {
	f, err := s.begin(ctx, "mark mailed")
	if err != nil {
		return err
	}
	if f == storeLost {
		records = records[:s.world.rng.IntN(len(records)+1)]
	}
	for _, r := range records {
		n := s.byID[r.ID]
		if n == nil {
			continue // erased meanwhile
		}
		n.MailedAt, n.MailedCount = at, max(n.MailedCount, r.Count)
		if n.IsMailedOnce() && n.MailedCount >= n.Count {
			s.forget(func(other *noted) bool { return other == n })
		}
	}
	return errorOf(f)
}

// ClaimDigest implements failure.Turn.
func (s *failures) ClaimDigest(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	f, err := s.begin(ctx, "claim digest")
	if err != nil {
		return false, err
	}
	if s.holder != "" && s.holder != holder && now.Before(s.until) {
		return false, nil
	}
	s.holder, s.until = holder, until
	return f == noFault, errorOf(f)
}

// ReleaseDigest implements failure.Turn.
func (s *failures) ReleaseDigest(ctx context.Context, holder string) error {
	f, err := s.begin(ctx, "release digest")
	if err != nil {
		return err
	}
	if s.holder == holder {
		s.holder, s.until = "", time.Time{}
	}
	return errorOf(f)
}

// reported reports whether a failure fits that a person can see, or has seen and
// dismissed.
func (s *failures) isReported(fits func(failure.Record) bool) bool {
	return slices.ContainsFunc(s.order, func(n *noted) bool { return (n.IsOpen() || n.Dismissed != "") && fits(n.Record) })
}

// newest lists open or closed failures, the newest first.
func (s *failures) newest(closed bool, cause string) []failure.Record {
	list := s.list(func(r failure.Record) bool { return r.IsOpen() != closed && (cause == "" || r.Cause.ID() == cause) })
	slices.SortFunc(list, func(a, b failure.Record) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(b.ID, a.ID))
	})
	return list
}

// PageFailures implements failure.Desk.
func (s *failures) PageFailures(ctx context.Context, l failure.Listing) ([]failure.Record, failure.Place, error) {
	if _, err := s.begin(ctx, "list failures"); err != nil {
		return nil, "", err
	}
	var page []failure.Record
	for _, r := range s.newest(l.Closed, l.Cause) {
		if at := failure.PlaceOf(r.LastSeen, r.ID); (l.After == "" || at < l.After) && len(page) < l.Size {
			page = append(page, r)
		}
	}
	return page, "", nil
}

// GroupFailures implements failure.Desk.
func (s *failures) GroupFailures(ctx context.Context, limit int) (failure.Causes, error) {
	if _, err := s.begin(ctx, "list failures"); err != nil {
		return failure.Causes{}, err
	}
	all := s.newest(false, "")
	looked := all[:min(len(all), limit)]
	return failure.Causes{Open: len(all), Groups: failure.GroupByCause(looked), Newest: looked, Partial: len(looked) < len(all)}, nil
}

// CountFailures implements failure.Desk.
func (s *failures) CountFailures(ctx context.Context, cause string) (int, error) {
	if _, err := s.begin(ctx, "list failures"); err != nil {
		return 0, err
	}
	return len(s.newest(false, cause)), nil
}

// DismissFailures implements failure.Desk.
func (s *failures) DismissFailures(ctx context.Context, at time.Time, why failure.Dismissal, ids ...string) (int, error) {
	f, err := s.begin(ctx, "dismiss failures")
	if err != nil {
		return 0, err
	}
	count := 0
	for _, id := range ids {
		if n := s.byID[id]; n != nil && n.IsOpen() {
			n.ResolvedAt, n.Dismissed = at, why
			count++
		}
	}
	return count, errorOf(f)
}

// of reports whether an operation was ever recorded as failed.
func (s *failures) of(operation string) bool { return s.operations[operation] }
