package syncer

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// maxPasses bounds how often one try decides, writes and reads back.
const maxPasses = 4

// syncOnce applies the operation to what is true right now. A step that ends the
// try returns its ending.
func (a *attempt) syncOnce(ctx context.Context) (*ending, error) {
	if a.op.Change == op.Erased {
		if end, err := (erasure{a}).handleErased(ctx); end != nil || err != nil {
			return end, err
		}
	}

	// Step 1: load the link and the source.
	st, err := a.loadLink(ctx)
	switch {
	case err != nil:
		return nil, err
	case st.found && a.isCovered(st.link):
		return a.endWith(st, Covered, ""), nil
	}
	st, err = a.loadSource(ctx, st)
	switch {
	case crm.IsKind(err, crm.NotFound):
		return a.handleDeleted(ctx, st)
	case err != nil:
		return nil, err
	case st.snapshotOn(a.source.System).record.Ref != a.source:
		return a.followMerge(ctx, st)
	}
	if end, err := a.handleRelated(ctx, st); end != nil || err != nil {
		return end, err
	}
	st = a.compareWithLink(st)
	if a.op.Change == op.Requested {
		st.link.clearRefusals()
	} else if st.complete {
		if st, err = a.resolveCompanies(ctx, st, a.source.System); err != nil {
			return nil, err
		}
		if !st.changed && st.isUnchanged(a.source.System) {
			return a.endPair(st, Unchanged, ""), nil
		}
	}

	// Step 2: load the counterpart, find it, or create it.
	var end *ending
	if st.link.Complete() {
		st, end, err = a.loadCounterpart(ctx, st)
	} else {
		st, end, err = a.matchOrCreate(ctx, st)
	}
	if end != nil || err != nil {
		return end, err
	}
	return a.converge(ctx, st)
}

// converge decides, stores the decision, writes and reads back, until nothing is
// left to write.
func (a *attempt) converge(ctx context.Context, st state) (end *ending, err error) {
	for range maxPasses {
		if st, end, err = a.convergeOnce(ctx, st); end != nil {
			return end, nil
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = ErrStillDiffers
	}
	a.releaseLease(ctx, st.link)
	return a.endPair(st, "", ""), err
}

// convergeOnce is one pass of converge.
func (a *attempt) convergeOnce(ctx context.Context, st state) (state, *ending, error) {
	// Step 3: decide, with what that needs.
	st, d, companies, err := a.decideWithNeeds(ctx, st)
	if err != nil {
		return st, nil, err
	}

	// Step 4: plan the writes.
	writes, rejections := plan(st.view, d, companies)
	if st, err = a.recordRejections(ctx, st, rejections); err != nil {
		return st, nil, err
	}
	if len(writes) == 0 {
		return a.finish(ctx, st, d) // step 6
	}
	if err := a.askSafeguard(ctx, st.link, writes); err != nil {
		return st, nil, err
	}

	// Step 5: store the decision with the lease, write, read back. Under a lease,
	// the ids of two records need not be stored before they are written to the
	// records: those can be found by them.
	st = a.recordDecisions(st, d)
	if !st.link.isHeld(a.Clock.Now()) || containValues(writes) {
		var end *ending
		if st, end, err = a.acquireLease(ctx, st); end != nil || err != nil {
			return st, end, err
		}
	}
	st, err = a.writeAndReadBack(ctx, st, writes)
	return st, nil, err
}
