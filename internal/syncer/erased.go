package syncer

import (
	"context"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// suppressedTime is how long a record stays on the suppression list: longer than
// any queue keeps an operation on the way.
const suppressedTime = 32 * 24 * time.Hour

// erasure forgets a person after a privacy deletion (GDPR) in HubSpot.
type erasure struct{ *attempt }

// handleErased forgets a person: the link with its hashes and decisions, the
// failures, and where a cursor stands at one of the two records. What stays is a
// hash of each id, and, until the next mail has listed it, the failure that leaves
// the counterpart for a person to delete. A record that still exists was not erased:
// the try goes on with it.
//
// The suppression comes before the link goes: a handler that links the record at this
// moment finds the suppression afterwards, or its link is found here.
func (e erasure) handleErased(ctx context.Context) (*ending, error) {
	if exists, err := e.sourceExists(ctx); exists || err != nil {
		return nil, err
	}
	link, found, err := e.Links.FindLink(ctx, e.source)
	switch {
	case err != nil:
		return nil, err
	case found && link.isHeld(e.Clock.Now()):
		return nil, ErrBusy
	case found:
		err = e.eraseLinked(ctx, link)
	default:
		err = e.eraseUnlinked(ctx)
	}
	return e.endIgnored(state{}, failurecode.Erased), err
}

// sourceExists reports whether the record lives, or lives on in another. For a while that
// may be a copy from before the erasure.
func (e erasure) sourceExists(ctx context.Context) (bool, error) {
	h, err := e.readRecord(ctx, e.source)
	switch {
	case crm.IsKind(err, crm.NotFound):
		return false, nil
	case err == nil && h.record.Ref == e.source && e.Clock.Now().Sub(e.op.ReceivedAt) < staleTime:
		return true, errStillThere
	}
	return true, err
}

// eraseLinked drops the link last, so that it is found again when the erasure
// is cut off.
func (e erasure) eraseLinked(ctx context.Context, link Link) error {
	counterparts, shared, err := e.findCounterparts(ctx, link)
	if err != nil {
		return err
	}
	refs := append([]crm.Ref{e.source}, counterparts...)
	if err := e.suppress(ctx, refs...); err != nil {
		return err
	}
	if link.DeletedOn == e.otherSide() {
		counterparts = slices.DeleteFunc(counterparts, func(r crm.Ref) bool { return r == link.Ref(e.otherSide()) })
	}
	if err := e.eraseAndReport(ctx, refs, append(counterparts, shared...)); err != nil {
		return err
	}
	return e.Links.DropLink(ctx, link)
}

// eraseRest ends an erasure that was cut off, for a record that is gone: that of
// the erased contact, or its counterpart, whose place another may have taken.
func (e erasure) eraseRest(ctx context.Context, link Link) error {
	if s := e.source.System; s == crm.Zoho && link.HubSpot.RecordID != "" {
		erased := *e.attempt
		erased.source, link.DeletedOn = link.Ref(crm.HubSpot), s
		e = erasure{&erased}
	}
	return e.eraseLinked(ctx, link)
}

// eraseUnlinked suppresses last: a suppressed record without a link is taken for
// erased. A link that was made meanwhile is found afterwards.
func (e erasure) eraseUnlinked(ctx context.Context) error {
	suppressed, err := e.isSuppressed(ctx, e.source)
	switch {
	case err != nil:
		return err
	case suppressed: // a late operation may have left something since
		return e.eraseStores(ctx, e.source)
	}
	counterparts, shared, err := e.findCounterparts(ctx, Link{})
	if err != nil {
		return err
	}
	refs := append([]crm.Ref{e.source}, counterparts...)
	if err := e.eraseAndReport(ctx, refs, append(counterparts, shared...)); err != nil {
		return err
	}
	if err := e.suppress(ctx, refs...); err != nil {
		return err
	}
	_, found, err := e.Links.FindLink(ctx, e.source)
	if err == nil && found {
		err = ErrChanged
	}
	return err
}

// eraseAndReport erases what the other stores hold and leaves the counterparts to a
// person.
func (e erasure) eraseAndReport(ctx context.Context, refs, counterparts []crm.Ref) error {
	if err := e.eraseStores(ctx, refs...); err != nil {
		return err
	}
	for _, c := range counterparts {
		if err := e.reportCounterpart(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// findCounterparts returns the counterpart in the link and those that bear the id of
// the source: one may have been created although the answer was lost, or the
// counterpart was merged into another record. What belongs to another person by now
// is shared: it is reported, and nothing of it is forgotten.
func (e erasure) findCounterparts(ctx context.Context, link Link) (counterparts, shared []crm.Ref, err error) {
	if ref := link.Ref(e.otherSide()); ref.RecordID != "" {
		counterparts = append(counterparts, ref)
	}
	recs, err := e.clientOf(e.otherSide()).Find(ctx, e.source.Kind, []crm.Key{{Value: e.source.RecordID}})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range recs {
		if slices.Contains(counterparts, r.Ref) {
			continue
		}
		_, taken, err := e.Links.FindLink(ctx, r.Ref)
		switch {
		case err != nil:
			return nil, nil, err
		case taken:
			shared = append(shared, r.Ref)
		default:
			counterparts = append(counterparts, r.Ref)
		}
	}
	return counterparts, shared, nil
}

// reportErased reports a record that bears the id of an erased one and is not
// suppressed for that: a counterpart that a person was to delete was merged into it
// instead. One that has no link is suppressed too, so that it is reported once.
func (e erasure) reportErased(ctx context.Context, link Link, rec crm.Record) error {
	s := rec.Ref.System
	named := crm.Ref{System: s.Other(), Kind: rec.Ref.Kind, RecordID: rec.CounterpartID}
	if valid := named.Validate() == nil; !valid || s == crm.HubSpot || rec.CounterpartID == link.On(s.Other()).RecordID || link.On(s).CounterpartIDRefused {
		return nil
	}
	if suppressed, err := e.isSuppressed(ctx, named); err != nil || !suppressed {
		return err
	}
	if reported, err := e.isSuppressed(ctx, rec.Ref); err != nil || reported {
		return err
	}
	if err := e.reportCounterpart(ctx, rec.Ref); err != nil || link.isStored() {
		return err
	}
	return e.suppress(ctx, rec.Ref)
}

// reportCounterpart leaves a counterpart to a person, without a word of the erased
// record.
func (e erasure) reportCounterpart(ctx context.Context, counterpart crm.Ref) error {
	o := e.op
	o.Ref = counterpart
	return e.Failures.RecordFailure(ctx, Failure{
		Operation: o, Side: counterpart.System, Record: counterpart, Action: "delete", Kind: crm.Refused,
		Code: failurecode.PrivacyDeletion, At: e.Clock.Now(),
	})
}

// eraseStores removes what the other stores hold of some records.
func (s *Syncer) eraseStores(ctx context.Context, refs ...crm.Ref) error {
	for _, erase := range s.Erasers {
		if err := erase(ctx, refs...); err != nil {
			return err
		}
	}
	return nil
}

// suppressionHash stands for a record on the suppression list.
func (s *Syncer) suppressionHash(ref crm.Ref) string {
	return s.hash.hashOf("suppression", ref.String())
}

// suppress puts records on the suppression list.
func (s *Syncer) suppress(ctx context.Context, refs ...crm.Ref) error {
	hashes := make([]string, len(refs))
	for i, r := range refs {
		hashes[i] = s.suppressionHash(r)
	}
	return s.Suppressions.Suppress(ctx, s.Clock.Now().Add(suppressedTime), hashes...)
}

func (s *Syncer) isSuppressed(ctx context.Context, ref crm.Ref) (bool, error) {
	return s.Suppressions.IsSuppressed(ctx, s.Clock.Now(), s.suppressionHash(ref))
}

// isErased reports whether a record was erased, or is what is left of one that
// was. A record of Zoho that was left over may belong to a living contact by now,
// which has nothing to do with the erased one: HubSpot alone erases.
func (s *Syncer) isErased(ctx context.Context, ref crm.Ref) (bool, error) {
	suppressed, err := s.isSuppressed(ctx, ref)
	if err != nil || !suppressed || ref.System == crm.HubSpot {
		return suppressed, err
	}
	link, _, err := s.Links.FindLink(ctx, ref)
	owner := link.Ref(crm.HubSpot)
	if err != nil || owner.RecordID == "" {
		return err == nil, err
	}
	return s.isSuppressed(ctx, owner)
}
