package syncer

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// codeCounterpartOfMerged asks a person to merge two records as their counterparts
// were merged.
const codeCounterpartOfMerged = failurecode.CounterpartOfMerged

// followMerge goes on with the record that the source was merged into.
func (a *attempt) followMerge(ctx context.Context, st state) (*ending, error) {
	survivor := st.snapshotOn(a.source.System).record
	if st.found {
		if err := (mergeHandler{a}).takeOver(ctx, st.link, survivor); err != nil {
			return nil, err
		}
	}
	next := *a
	next.source = survivor.Ref
	end, err := next.syncOnce(ctx)
	if end == nil { // the next try goes on with the survivor as well
		end = next.endWith(state{}, "", "")
	}
	return end, err
}

// handleRelated does what the source shows to be due on other records: it reports
// the counterpart of an erased record, and takes over the links of the records that
// were merged into the source, whose own event may have been lost.
func (a *attempt) handleRelated(ctx context.Context, st state) (*ending, error) {
	src := st.snapshotOn(a.source.System).record
	if err := (erasure{a}).reportErased(ctx, st.link, src); err != nil {
		return nil, err
	}
	changed, err := (mergeHandler{a}).takeOverFormerLinks(ctx, src)
	if err != nil || !changed {
		return nil, err
	}
	return a.startOver(st), nil
}

// mergeHandler sees to the links of records that were merged.
type mergeHandler struct{ *attempt }

// takeOverFormerLinks sees to the links of the records that were merged into the
// source: it takes one over where the source has no living counterpart of its own,
// and ends the others. Their own operations may come later, or never, and the source
// must not be given a second counterpart meanwhile.
func (m mergeHandler) takeOverFormerLinks(ctx context.Context, survivor crm.Record) (changed bool, err error) {
	for _, id := range survivor.Former {
		former := crm.Ref{System: survivor.Ref.System, Kind: survivor.Ref.Kind, RecordID: id}
		link, found, err := m.Links.FindLink(ctx, former)
		switch {
		case err != nil:
			return false, err
		case !found:
			continue
		case link.isHeld(m.Clock.Now()):
			return false, ErrBusy
		}
		return true, m.takeOver(ctx, link, survivor)
	}
	return false, nil
}

// takeOver gives the link of a record to the survivor that it was merged into, or
// ends it where the survivor has a better one.
func (m mergeHandler) takeOver(ctx context.Context, link Link, survivor crm.Record) error {
	s := survivor.Ref.System
	own, _, err := m.Links.FindLink(ctx, survivor.Ref)
	if err != nil {
		return err
	}
	may, err := m.mayTakeOver(ctx, link, own, survivor)
	switch {
	case err != nil:
		return err
	case !may:
		return m.reportOrphan(ctx, link, s)
	}
	link.setRecord(s, survivor.Ref.RecordID)
	if link.DeletedOn == s { // it was taken for deleted
		link.restore()
	}
	return m.replaceLink(ctx, link, own)
}

// mayTakeOver reports whether a survivor may take over a link: it has none of its
// own, or one without a living counterpart while this one's lives, and there is no
// other counterpart that lives.
func (m mergeHandler) mayTakeOver(ctx context.Context, link, own Link, survivor crm.Record) (bool, error) {
	other := survivor.Ref.System.Other()
	hasLiving := func(l Link) bool { return l.On(other).RecordID != "" && l.DeletedOn != other }
	switch {
	case own.isHeld(m.Clock.Now()):
		return false, ErrBusy
	case own.isStored() && (hasLiving(own) || !hasLiving(link)):
		return false, nil
	}
	if bears, err := m.bearsLivingID(ctx, survivor, link.Ref(other)); bears || err != nil {
		return false, err
	}
	if !own.isStored() || own.DeletedOn != "" {
		return true, nil
	}
	// It was to be created when that was cut off: it may have been.
	made, err := m.clientOf(other).Find(ctx, survivor.Ref.Kind, []crm.Key{{Value: survivor.Ref.RecordID}})
	return len(made) == 0, err
}

// bearsLivingID reports whether a record bears the id of a counterpart that lives,
// other than one.
func (m mergeHandler) bearsLivingID(ctx context.Context, rec crm.Record, but crm.Ref) (bool, error) {
	named := crm.Ref{System: rec.Ref.System.Other(), Kind: rec.Ref.Kind, RecordID: rec.CounterpartID}
	if valid := named.Validate() == nil; !valid || named == but {
		return false, nil
	}
	h, err := m.readRecord(ctx, named)
	if err == nil {
		return h.record.Ref != but, nil
	}
	if crm.IsKind(err, crm.NotFound) {
		err = nil
	}
	return false, err
}

// replaceLink stores a link in the place of another, if that is stored: a tombstone
// that is gone before would let its record be created anew.
func (m mergeHandler) replaceLink(ctx context.Context, link, over Link) (err error) {
	if over.isStored() {
		_, err = m.Links.ReplaceLink(ctx, link, over)
	} else {
		_, err = m.Links.SaveLink(ctx, link)
	}
	return err
}

// reportOrphan ends the link of a record that was merged, on s, into one that has
// another counterpart. The counterpart that is left over is never deleted: whether
// it is to be merged too is for a person to decide.
func (m mergeHandler) reportOrphan(ctx context.Context, link Link, s crm.System) error {
	link.markFanOut(link.Ref(s))
	for _, company := range link.FanOutPending {
		if err := m.fanOutCompany(ctx, company); err != nil {
			return err
		}
	}
	if left := link.Ref(s.Other()); left.RecordID != "" && link.DeletedOn != left.System {
		// The failure belongs to the record that was merged: what succeeds on the
		// survivor does not close it, nor does it stand for the counterpart of another.
		o := m.op
		o.Ref = link.Ref(s)
		err := m.Failures.RecordFailure(ctx, Failure{
			Operation: o, Side: left.System, Record: left, Action: "merge", Kind: crm.Duplicate, Code: codeCounterpartOfMerged, At: m.Clock.Now(),
		})
		if err != nil {
			return err
		}
	}
	return m.Links.DropLink(ctx, link)
}
