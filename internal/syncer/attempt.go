package syncer

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
)

// attempt is one try of one operation. Nothing in it changes: what the try learns
// is in the state, which each step takes and returns.
type attempt struct {
	*Syncer
	op      op.Operation
	source  crm.Ref // the record to read: the operation's, or the one it was merged into
	object  *mapping.Object
	created crm.Ref       // the record that an earlier try of the operation created
	calls   *atomic.Int64 // calls to the CRMs, of all tries
}

// newAttempt is the only maker of an attempt: to apply an operation, to explain a
// record and to compare a pair all begin with one that is complete.
func (s *Syncer) newAttempt(o op.Operation, calls *atomic.Int64) *attempt {
	return &attempt{Syncer: s, op: o, source: o.Ref, object: s.Mapping.Object(o.Ref.Kind), calls: calls}
}

// otherSide is the side of the counterpart.
func (a *attempt) otherSide() crm.System { return a.source.System.Other() }

// state is what an attempt knows of two records. It is a value: a step never
// changes what another one holds.
type state struct {
	view
	found    bool                  // the link is stored
	complete bool                  // the stored link is complete
	stored   map[string]merge.Base // the link's fields as they are stored
	changed  bool                  // more of the link than its fields differs from what is stored
	// prefetched is the counterpart, where it was read together with the source.
	prefetched *readResult
	// waitsForCompany is set when a contact is left without its company; companyErr
	// is why the company could not be synchronised now.
	waitsForCompany bool
	companyErr      error

	created          crm.Ref
	written, refused []string // "zoho:email"
	resolved         int      // failures that were closed
	degraded         bool     // a history was needed and not available
}

// comesAgain reports whether the operation ends with an error, so that it comes
// again: the company of the contact could not be synchronised now.
func (st state) comesAgain() bool { return st.companyErr != nil }

// withSnapshot returns the state with another snapshot on s.
func (st state) withSnapshot(s crm.System, h *snapshot) state {
	st.view = st.view.withSnapshotOn(s, h)
	return st
}

// withWritten notes what s has accepted.
func (st state) withWritten(s crm.System, w crm.Write) state {
	written := append([]string(nil), st.written...)
	for name := range fieldNames(st.object, s, w.Fields) {
		written = append(written, fmt.Sprintf("%s:%s", s, name))
	}
	if w.CounterpartID != "" {
		written = append(written, fmt.Sprintf("%s:counterpart_id", s))
	}
	st.written = written
	return st
}

// fieldNames translates the API names of a write into the mapping's names.
func fieldNames(object *mapping.Object, s crm.System, fields map[string]crm.Value) map[string]bool {
	names := map[string]bool{}
	for i := range object.Fields {
		f := &object.Fields[i]
		if _, ok := fields[f.On(s)]; ok {
			names[f.Name] = true
		}
	}
	return names
}

// ending is how one try ended.
type ending struct {
	Result
	source crm.Ref // the record that the try went on with
	// again is set when links have changed under the try: the operation starts over
	// from its first step.
	again bool
	// decided is set when everything that was decided was tried.
	decided bool
}

// endWith is the ending of a try that comes to an outcome. A try that an error
// interrupts has none.
func (a *attempt) endWith(st state, o Outcome, reason failurecode.Reason) *ending {
	return &ending{source: a.source, Result: Result{
		Outcome: o, Reason: reason, Written: st.written, Refused: st.refused,
		Created: cmp.Or(st.created, a.created), Degraded: st.degraded, Resolved: st.resolved,
	}}
}

// endPair is the ending of a try that knows the counterpart.
func (a *attempt) endPair(st state, o Outcome, reason failurecode.Reason) *ending {
	e := a.endWith(st, o, reason)
	e.Counterpart = st.link.Ref(a.otherSide())
	return e
}

// endIgnored is an ending for which nothing is to be done.
func (a *attempt) endIgnored(st state, reason failurecode.Reason) *ending {
	return a.endWith(st, Ignored, reason)
}

// endParked is an ending with a failure that the next mail lists.
func (a *attempt) endParked(st state, code failurecode.Code) *ending {
	return a.endWith(st, Parked, failurecode.Reason(code))
}

// startOver is the ending of a try after which the links have to be read again.
func (a *attempt) startOver(st state) *ending {
	e := a.endWith(st, "", "")
	e.again = true
	return e
}

// parkOperation records what no retry can heal. The operation has ended once the record
// is stored.
func (a *attempt) parkOperation(ctx context.Context, st state, f Failure) (*ending, error) {
	erased, err := a.isErased(ctx, a.op.Ref)
	switch {
	case err != nil:
		return nil, err
	case erased: // nothing is kept of an erased record
		return a.endIgnored(st, failurecode.Erased), nil
	}
	if err := a.recordFailure(ctx, f); err != nil {
		return nil, err
	}
	return a.endParked(st, f.Code), nil
}

// recordFailure stores a failure of this operation.
func (a *attempt) recordFailure(ctx context.Context, f Failure) error {
	f.Operation, f.At = a.op, a.Clock.Now()
	if f.Side == "" {
		f.Side = a.otherSide()
	}
	return a.Failures.RecordFailure(ctx, f)
}

// clientOf returns the client of a side for one call, and counts it.
func (a *attempt) clientOf(s crm.System) CRM {
	a.calls.Add(1)
	return a.CRMs[s]
}

// readRecord reads one record.
func (a *attempt) readRecord(ctx context.Context, ref crm.Ref) (*snapshot, error) {
	h := &snapshot{began: a.Clock.Now(), exposed: true}
	var err error
	h.record, err = a.clientOf(ref.System).Read(ctx, ref)
	h.ended = a.Clock.Now()
	if !h.record.AsOf.IsZero() {
		h.began = h.record.AsOf
	}
	return h, err
}

// saveLink stores a link. One that was not complete before is not kept if its source
// was erased: the record that was read is a copy from before.
func (a *attempt) saveLink(ctx context.Context, link Link, complete bool) (saved Link, erased bool, err error) {
	saved, err = a.Links.SaveLink(ctx, link)
	if err != nil || complete {
		return saved, false, err
	}
	erased, err = a.isErased(ctx, a.source)
	if err == nil && erased {
		err = (erasure{a}).eraseLinked(ctx, saved)
	}
	return saved, erased, err
}
