package syncer

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// handleDeleted makes the link of a source that is gone a tombstone. The
// counterpart is never deleted.
func (a *attempt) handleDeleted(ctx context.Context, st state) (*ending, error) {
	erased, err := a.isErased(ctx, a.source)
	switch {
	case err != nil:
		return nil, err
	case erased && st.found: // the erasure was cut off before it reported the counterpart
		return a.endIgnored(st, failurecode.Erased), (erasure{a}).eraseRest(ctx, st.link)
	case erased: // a late operation may have left something since
		return a.endIgnored(st, failurecode.Erased), a.eraseStores(ctx, a.source)
	case !st.found || st.link.DeletedOn == a.source.System:
		return a.handleUnlinkedDeletion(ctx, st)
	}
	st.link.markDeleted(a.source.System, a.Clock.Now())
	if st.link, err = a.saveAndFanOut(ctx, st.link); err != nil {
		return nil, err
	}
	return a.endPair(st, Ignored, failurecode.SourceDeleted), nil
}

// handleUnlinkedDeletion ends an operation on a record that is gone and has no
// living pair. What failed on it needs no help any more.
func (a *attempt) handleUnlinkedDeletion(ctx context.Context, st state) (*ending, error) {
	if !st.found && a.source.Kind == crm.Company { // it may have been merged into one that has a counterpart
		if err := a.fanOutCompany(ctx, a.source); err != nil {
			return nil, err
		}
	}
	var err error
	st.resolved, err = a.Failures.ResolveFailures(ctx, a.Clock.Now(), a.source)
	return a.endIgnored(st, failurecode.SourceNotFound), err
}
