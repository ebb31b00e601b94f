package syncer

import (
	"context"
	"maps"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// finish stores what the reads showed, gives the lease back and fans out. Nothing is
// stored when nothing is new.
func (a *attempt) finish(ctx context.Context, st state, d decisions) (state, *ending, error) {
	st, err := a.resolveFailures(ctx, st, d)
	if err != nil {
		return st, nil, err
	}
	st = st.withSeenCompanies()
	if !st.link.isStored() || st.changed || st.link.Lease.Holder != "" || !maps.Equal(st.link.Fields, st.stored) {
		link := st.link
		for _, s := range crm.Systems {
			if h := st.snapshotOn(s); h != nil {
				link.On(s).ReadAt, link.On(s).Modified = h.began, h.record.Modified
			}
		}
		link.Lease = Lease{}
		saved, erased, err := a.saveLink(ctx, link, st.complete)
		switch {
		case err != nil:
			return st, nil, err
		case erased:
			return st, a.endIgnored(st, failurecode.Erased), nil
		}
		st.link = saved
		if st.link, err = a.fanOut(ctx, st.link); err != nil {
			return st, nil, err
		}
	}
	if st.companyErr != nil { // the operation comes again for the company
		return st, nil, st.companyErr
	}
	linked, err := (companyLinker{a}).isLinkedNow(ctx, st)
	switch {
	case err != nil:
		return st, nil, err
	case linked:
		return st, a.startOver(st), nil
	}
	outcome, reason := st.outcomeOf()
	end := a.endPair(st, outcome, reason)
	end.decided = true
	return st, end, nil
}

// outcomeOf says what was done to a pair.
func (st state) outcomeOf() (Outcome, failurecode.Reason) {
	switch {
	case st.created.RecordID != "":
		return Created, ""
	case len(st.written) > 0:
		return Updated, ""
	case len(st.refused) > 0:
		return Parked, failurecode.FieldsRefused
	}
	return Unchanged, ""
}

// resolveFailures closes the failures of a pair on which everything has now
// succeeded. It costs nothing while nothing fails.
func (a *attempt) resolveFailures(ctx context.Context, st state, d decisions) (state, error) {
	again := a.op.ReplayOf != "" || a.op.Change == op.Requested
	if d.loseValue() || st.link.hasRefusal() || !st.link.Failing && !again && st.created.RecordID == "" {
		return st, nil
	}
	n, err := a.Failures.ResolveFailures(ctx, a.Clock.Now(), st.link.Ref(crm.HubSpot), st.link.Ref(crm.Zoho))
	if err != nil {
		return st, err
	}
	st.resolved = n
	st.changed = st.changed || st.link.Failing
	st.link.Failing = false
	return st, nil
}

// closeSuperseded closes what failed on a record before a person asked for it again.
// All of it was tried anew, and what still fails was recorded since, or there is
// nothing to be done with the record any more. What was refused may be sent by a
// later operation where this one did not come to it: no mail lists it any more.
func (s *Syncer) closeSuperseded(ctx context.Context, o op.Operation, end *ending) (resolved int, err error) {
	if !end.decided {
		link, found, err := s.Links.FindLink(ctx, end.source)
		if err != nil {
			return 0, err
		}
		if found && link.hasRefusal() {
			link.clearRefusals()
			if _, err := s.Links.SaveLink(ctx, link); err != nil {
				return 0, err
			}
		}
	}
	return s.Failures.ResolveFailures(ctx, o.ReceivedAt, o.Ref)
}
