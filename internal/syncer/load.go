package syncer

import (
	"context"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/quota"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

const (
	// readMargin allows for a CRM that answers a read from a copy that is a
	// little behind.
	readMargin = 5 * time.Second
	// restTime is how long a pair must have been left alone for a change to be
	// taken for the first of its kind.
	restTime = 30 * time.Second
	// echoTime is how long after a write of ours its echo arrives, as a rule.
	echoTime = 10 * time.Second
	// staleTime is how long a CRM may still show a record as it no longer is.
	staleTime = time.Minute
)

// readResult is a read that was made together with another one.
type readResult struct {
	snapshot *snapshot
	err      error
}

// loadLink reads the link of the source, unless another handler holds the pair,
// and fans out what an earlier operation left to fan out.
func (a *attempt) loadLink(ctx context.Context) (state, error) {
	link, found, err := a.Links.FindLink(ctx, a.source)
	if err == nil && found && !(link.isHeld(a.Clock.Now()) && a.isCovered(link)) {
		if link.isHeld(a.Clock.Now()) {
			err = ErrBusy
		} else {
			link, err = a.fanOut(ctx, link)
		}
	}
	return a.newState(link, found), err
}

// newState begins with what the link remembers.
func (a *attempt) newState(link Link, found bool) state {
	companies := company.New(companyLinker{a}, link.Companies)
	return state{created: a.created, found: found, view: view{
		object: a.object, preferred: a.Mapping.Preferred, link: link,
		values: newValues(a.hash, a.source.Kind, companies),
	}}
}

// isCovered reports whether a read that the link has taken in has seen what the
// operation is about: because it began well after the operation was received,
// by our own clock, since a CRM's may lag; or because it showed the record as
// modified after the operation occurred, by the clock of that CRM. Of two
// changes at the very same time it may have shown one alone, unless both had
// been received before; of two in one second it may in any case.
func (a *attempt) isCovered(l Link) bool {
	read := l.On(a.source.System)
	switch {
	case a.op.Change == op.Requested || !l.Complete() || l.hasPendingWrite() || l.HashID != a.hash.keyID():
		return false
	case read.ReadAt.Add(-readMargin).After(a.op.ReceivedAt):
		return true
	case a.op.Change != op.Created && a.op.Change != op.Updated || a.op.OccurredAt.IsZero():
		return false
	}
	exact := read.Modified.Nanosecond() != 0
	return read.Modified.After(a.op.OccurredAt) ||
		exact && read.Modified.Equal(a.op.OccurredAt) && read.ReadAt.After(a.op.ReceivedAt)
}

// loadSource reads the source, together with its counterpart where both will be
// needed.
func (a *attempt) loadSource(ctx context.Context, st state) (state, error) {
	var source, counterpart readResult
	if st.found && a.isNews(st.link) {
		a.Parallel(ctx,
			func() { source.snapshot, source.err = a.readRecord(ctx, a.source) },
			func() { counterpart.snapshot, counterpart.err = a.readRecord(ctx, st.link.Ref(a.otherSide())) },
		)
		st.prefetched = &counterpart
	} else {
		wrote := st.link.On(a.source.System).WroteAt
		if st.found && !wrote.IsZero() && a.op.ReceivedAt.Sub(wrote).Abs() < echoTime {
			ctx = quota.WithBackground(ctx) // an echo most likely, which has time
		}
		source.snapshot, source.err = a.readRecord(ctx, a.source)
	}
	if source.err == nil && isStale(st.link, source.snapshot.record, a.Clock.Now()) {
		source.err = errStaleRead
	}
	return st.withSnapshot(a.source.System, source.snapshot), source.err
}

// isNews reports whether an operation most likely brings something new. The
// echo of a write of ours does not, nor do most of several changes in a row,
// nor the events of a side that sends one for every field: their counterparts are
// read when they are needed, which saves calls.
func (a *attempt) isNews(l Link) bool {
	if !a.Precise[a.source.System] || a.op.Change != op.Updated || !l.Complete() || !a.op.OccurredAt.After(l.On(a.source.System).WroteAt.Add(readMargin)) {
		return false
	}
	for _, s := range crm.Systems {
		if a.Clock.Now().Sub(l.On(s).ReadAt) < restTime {
			return false
		}
	}
	return true
}

// isStale reports whether a read showed an older copy of a record than the link
// has taken in. What was written since looks undone in it.
func isStale(l Link, rec crm.Record, now time.Time) bool {
	known := l.On(rec.Ref.System)
	return rec.Ref.RecordID == known.RecordID && rec.Modified.Before(known.Modified) && now.Sub(known.ReadAt) < staleTime
}

// compareWithLink makes ready to compare what was read with what is remembered.
func (a *attempt) compareWithLink(st state) state {
	if st.found && st.link.HashID != a.hash.keyID() {
		// Hashes that cannot be compared say nothing: decide from the histories.
		st.link.HashID, st.link.Fields = a.hash.keyID(), map[string]merge.Base{}
	}
	if !st.found {
		st.link = Link{ID: a.NewID(), Kind: a.source.Kind, Fields: map[string]merge.Base{}, HashID: a.hash.keyID()}
		st.link.On(a.source.System).RecordID = a.source.RecordID
	}
	st.stored, st.complete = st.link.Fields, st.link.Complete()
	if st.link.DeletedOn == a.source.System { // it was restored
		st.link.restore()
		st.link.markFanOut(a.source)
		st.changed = true
	}
	// A record that was never taken in since it joined the link may show what its
	// counterpart does not have.
	st.changed = st.changed || st.complete && st.link.On(a.source.System).ReadAt.IsZero()
	return st
}

// loadCounterpart reads the other record of a complete link. A counterpart that
// was deleted, or merged into a record of another pair, ends the try.
func (a *attempt) loadCounterpart(ctx context.Context, st state) (state, *ending, error) {
	other := a.otherSide()
	r := st.prefetched
	if r == nil {
		r = &readResult{}
		r.snapshot, r.err = a.readRecord(ctx, st.link.Ref(other))
	}
	switch {
	case crm.IsKind(r.err, crm.NotFound):
		st.link.markDeleted(other, a.Clock.Now())
		_, err := a.saveAndFanOut(ctx, st.link)
		return st, a.endIgnored(st, failurecode.CounterpartDeleted), err
	case r.err != nil:
		return st, nil, r.err
	case isStale(st.link, r.snapshot.record, a.Clock.Now()):
		return st, nil, errStaleRead
	}
	if id := r.snapshot.record.Ref.RecordID; id != st.link.On(other).RecordID { // it was merged into another
		_, taken, err := a.Links.FindLink(ctx, r.snapshot.record.Ref)
		if err != nil {
			return st, nil, err
		}
		if taken {
			return st, a.endParked(st, codeCounterpartOfMerged), mergeHandler{a}.reportOrphan(ctx, st.link, other)
		}
		st.link.setRecord(other, id)
		st.changed = true
	}
	return st.withSnapshot(other, r.snapshot), nil, nil
}

// decideWithNeeds decides, after it has fetched what the decision needs and has
// linked the companies that are to be written. A company that gets its link has
// another canonical form from then on, so the decision is made again.
func (a *attempt) decideWithNeeds(ctx context.Context, st state) (_ state, d decisions, companies map[crm.System]companyTarget, err error) {
	for range maxPasses {
		if st, d, err = a.decideFields(ctx, st); err != nil {
			return st, d, nil, err
		}
		var stale bool
		if st, companies, stale, err = (companyLinker{a}).linkCompanies(ctx, st, d); err != nil || !stale {
			return st, d, companies, err
		}
	}
	return st, d, nil, ErrStillDiffers
}

// decideFields decides as soon as everything is fetched that the decision needs.
func (a *attempt) decideFields(ctx context.Context, st state) (state, decisions, error) {
	for {
		d, n := decide(st.view)
		if n == (needs{}) {
			st.link.Fields = d.bases
			return st, d, nil
		}
		var err error
		if st, err = a.fetchNeeds(ctx, st, n); err != nil {
			return st, decisions{}, err
		}
	}
}

// fetchNeeds reads what a decision needs.
func (a *attempt) fetchNeeds(ctx context.Context, st state, n needs) (state, error) {
	switch {
	case n.vanishedCompany != (crm.Ref{}):
		return (companyLinker{a}).checkVanished(ctx, st, n.vanishedCompany)
	case n.company != (crm.Ref{}):
		st, _, err := (companyLinker{a}).resolveCompany(ctx, st, n.company)
		return st, err
	}
	return a.loadHistory(ctx, st, n.history)
}

// loadHistory reads the history of one side. A side whose history is not available
// is worked without (R11 in docs/merge-rules.md).
func (a *attempt) loadHistory(ctx context.Context, st state, s crm.System) (state, error) {
	h := *st.snapshotOn(s)
	h.historyRead = true
	rec, err := a.clientOf(s).WithHistory(ctx, h.record)
	switch {
	case crm.IsKind(err, crm.Refused), crm.IsKind(err, crm.Forbidden):
		st.degraded = true
		return st.withSnapshot(s, &h), nil
	case crm.IsKind(err, crm.NotFound):
		return st, ErrChanged // it was deleted just now
	case err != nil:
		return st, err
	}
	h.record, h.ended, h.companyChecked = st.atHistory(s, rec), a.Clock.Now(), false
	return st.withSnapshot(s, &h), nil
}
