package syncer

import (
	"context"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

const (
	// leaseTime outlives the longest time a handler may run (60 s).
	leaseTime = 90 * time.Second
	// quietTime is how long before the read the guard of a write must lie, for the
	// write to be known to have overwritten nothing: the guard compares whole
	// seconds of a clock that is not ours.
	quietTime = time.Minute
)

// askSafeguard asks whether values may be cleared.
func (s *Syncer) askSafeguard(ctx context.Context, link Link, writes map[crm.System]crm.Write) error {
	if s.Safeguard == nil {
		return nil
	}
	for _, side := range crm.Systems {
		if w, planned := writes[side]; planned && clearsValue(w) {
			if err := s.Safeguard.AllowClear(ctx, link.Ref(side)); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordDecisions keeps the decisions that moved something, for the person who
// asks why.
func (a *attempt) recordDecisions(st state, d decisions) state {
	for _, field := range d.fields {
		if !field.WriteHubSpot && !field.WriteZoho {
			continue
		}
		n := Decision{At: a.Clock.Now(), Operation: a.op.ID, Field: field.field.Name, Winner: field.Winner, Reason: field.Reason}
		for _, s := range crm.Systems {
			if field.WritesTo(s) {
				n.Wrote = append(n.Wrote, s)
			}
		}
		st.link.addDecisions(n)
	}
	return st
}

// acquireLease stores the decision and takes the lease, in one compare-and-set.
func (a *attempt) acquireLease(ctx context.Context, st state) (state, *ending, error) {
	st = st.withSeenCompanies()
	link := st.link
	if !link.isHeld(a.Clock.Now()) {
		link.Lease.Holder = a.op.ID + "/" + a.NewID()
	}
	link.Lease.Until = a.Clock.Now().Add(leaseTime)
	saved, erased, err := a.saveLink(ctx, link, st.complete)
	switch {
	case err != nil:
		st.link.Lease = Lease{} // it was never ours
		return st, nil, err
	case erased:
		return st, a.endIgnored(st, failurecode.Erased), nil
	}
	st.link, st.stored, st.complete = saved, saved.Fields, true
	return st, nil, nil
}

// releaseLease gives the lease back after an error, so that the next try need not
// wait for it to run out. The stored decision stays.
func (s *Syncer) releaseLease(ctx context.Context, link Link) {
	if link.Lease.Holder == "" || !link.isStored() {
		return
	}
	link.Lease = Lease{}
	_, _ = s.Links.SaveLink(context.WithoutCancel(ctx), link) // it runs out by itself
}

// writeAndReadBack writes to each side and reads what the side shows after that.
func (a *attempt) writeAndReadBack(ctx context.Context, st state, writes map[crm.System]crm.Write) (state, error) {
	for _, s := range crm.Systems {
		w, planned := writes[s]
		if !planned {
			continue
		}
		var err error
		if st, w, err = a.update(ctx, st, s, w); err != nil {
			return st, err
		}
		if len(w.Fields) == 0 {
			continue
		}
		if st, err = a.readBack(ctx, st, s, w); err != nil {
			return st, err
		}
	}
	return st, nil
}

// update writes one record. Fields that the side refuses are recorded and left
// out; the rest is written. It returns what the side accepted.
func (a *attempt) update(ctx context.Context, st state, s crm.System, w crm.Write) (_ state, accepted crm.Write, err error) {
	for len(w.Fields) > 0 || w.CounterpartID != "" {
		done, err := a.clientOf(s).Update(ctx, st.snapshotOn(s).record, w)
		if err == nil {
			h := *st.snapshotOn(s)
			h.record.Ref, h.guard = done.Ref, done.Guard
			if len(w.Fields) == 0 { // there is nothing to be read back
				h.record.CounterpartID = w.CounterpartID
			}
			st = st.withSnapshot(s, &h).withWritten(s, w)
			st.link.On(s).WroteAt = a.Clock.Now()
			return st, w, nil
		}
		e := crm.AsError(err)
		switch {
		case e == nil:
			return st, crm.Write{}, err
		case e.Kind == crm.NotFound:
			return st, crm.Write{}, ErrChanged // deleted or merged since it was read
		case !isAboutValues(e):
			return st, crm.Write{}, err
		}
		var r rejection
		r, w = reject(st.view, s, w, e)
		if st, err = a.recordRejections(ctx, st, []rejection{r}); err != nil {
			return st, crm.Write{}, err
		}
	}
	return st, crm.Write{}, nil
}

// isAboutValues reports whether the values themselves are to blame.
func isAboutValues(e *crm.Error) bool {
	switch e.Kind {
	case crm.Invalid, crm.Missing, crm.Duplicate:
		return true
	}
	return false
}

// readBack reads a record that was written.
func (a *attempt) readBack(ctx context.Context, st state, s crm.System, w crm.Write) (state, error) {
	before := st.snapshotOn(s)
	back, err := a.readRecord(ctx, before.record.Ref)
	switch {
	case crm.IsKind(err, crm.NotFound):
		return st, ErrChanged
	case err != nil:
		return st, err
	case back.record.Ref != st.link.Ref(s):
		return st, ErrChanged // merged since it was read: another handler may work on the survivor
	}
	if !back.record.Modified.Before(before.record.Modified) { // a copy from before the write proves nothing
		back.exposed = before.guard.IsZero() || before.began.Sub(before.guard) < quietTime
		back.acknowledged = fieldNames(st.object, s, w.Fields)
	}
	return st.withSnapshot(s, back), nil
}
