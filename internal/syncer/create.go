package syncer

import (
	"context"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// creator creates the counterpart of a source that has none.
type creator struct{ *attempt }

// createCounterpart makes the counterpart of the source. The link, with the decision and
// the lease, is stored first; the new record carries the source's id in a
// unique field. So a second attempt, whenever the first broke off, finds the
// record or is answered that it exists.
func (c creator) createCounterpart(ctx context.Context, st state) (state, *ending, error) {
	st, end, err := c.createUnderLease(ctx, st)
	if err != nil || end != nil && end.again {
		c.releaseLease(ctx, st.link)
	}
	if err != nil { // the record may have been created
		end = c.endWith(st, "", "")
	}
	return st, end, err
}

// createUnderLease is createCounterpart without giving back the lease after an error.
func (c creator) createUnderLease(ctx context.Context, st state) (state, *ending, error) {
	other := c.otherSide()
	st, d, companies, err := c.decideWithNeeds(ctx, st)
	if err != nil {
		return st, nil, err
	}
	writes, rejections := plan(st.view, d, companies)
	if st, err = c.recordRejections(ctx, st, rejections); err != nil {
		return st, nil, err
	}
	w, planned := writes[other]
	if !planned {
		return st, c.endIgnored(st, failurecode.NothingToCreate), nil
	}
	st = c.recordDecisions(st, d)
	st.link.CreatedOn = other
	st.link.markFanOut(c.source)
	st, end, err := c.acquireLease(ctx, st)
	if end != nil || err != nil {
		return st, end, err
	}
	return c.insertRecord(ctx, st, other, withDefaults(c.object, other, w))
}

// insertRecord calls Create, without the fields that are refused, and reads the new
// record. It ends the try when the record cannot be created.
func (c creator) insertRecord(ctx context.Context, st state, s crm.System, w crm.Write) (state, *ending, error) {
	for {
		made, err := c.clientOf(s).Create(ctx, c.source.Kind, w)
		if err == nil {
			return c.readCreated(ctx, st, made.Ref, w)
		}
		e := crm.AsError(err)
		switch {
		case e == nil || !isAboutValues(e):
			return st, nil, err
		case e.Kind == crm.Duplicate && e.ExistingID != "":
			return c.linkExisting(ctx, st, crm.Ref{System: s, Kind: c.source.Kind, RecordID: e.ExistingID})
		case e.Kind == crm.Invalid && isAcceptableWithout(c.object, s, w, e):
			var r rejection
			r, w = reject(st.view, s, w, e)
			if st, err = c.recordRejections(ctx, st, []rejection{r}); err != nil {
				return st, nil, err
			}
			w = withDefaults(c.object, s, w)
			continue
		}
		return c.dropIntent(ctx, st, Failure{Side: s, Action: "create", Kind: e.Kind, Code: failurecode.Code(e.Code), Fields: describeFields(c.object, s, w, e.Fields)})
	}
}

// readCreated reads the record that was created.
func (c creator) readCreated(ctx context.Context, st state, ref crm.Ref, w crm.Write) (state, *ending, error) {
	side := st.link.On(ref.System)
	side.RecordID, side.WroteAt = ref.RecordID, c.Clock.Now()
	st.created = ref
	st = st.withWritten(ref.System, w)
	back, err := c.readRecord(ctx, ref)
	switch {
	case crm.IsKind(err, crm.NotFound): // it cannot be read yet; the claim keeps it from being created twice
		return st, c.startOver(st), nil
	case err != nil:
		return st, nil, err
	}
	back.acknowledged = fieldNames(c.object, ref.System, w.Fields)
	back.exposed = false // nothing was there to be overwritten
	return st.withSnapshot(ref.System, back), nil, nil
}

// isAcceptableWithout reports whether a record without the refused fields may still
// be accepted: some field was blamed, none of them is required, some are left.
func isAcceptableWithout(object *mapping.Object, s crm.System, w crm.Write, e *crm.Error) bool {
	blamed := 0
	for _, fe := range e.Fields {
		if _, sent := w.Fields[fe.Field]; !sent {
			continue
		}
		blamed++
		for i := range object.Fields {
			f := &object.Fields[i]
			if f.On(s) == fe.Field && f.RequiredOn(s) && !hasOtherDefault(f, s, w) {
				return false
			}
		}
	}
	return blamed > 0 && len(w.Fields) > blamed
}

// linkExisting goes on with the record that the other side says it has.
func (c creator) linkExisting(ctx context.Context, st state, ref crm.Ref) (state, *ending, error) {
	if err := ref.Validate(); err != nil {
		return st, nil, fmt.Errorf("existing %s: %w", ref.System, err)
	}
	link, found, err := c.Links.FindLink(ctx, ref)
	if err != nil {
		return st, nil, err
	}
	if found && link.ID != st.link.ID {
		if link.isHeld(c.Clock.Now()) {
			return st, nil, ErrBusy
		}
		return c.dropIntent(ctx, st, Failure{Side: ref.System, Record: ref, Action: "link", Kind: crm.Duplicate, Code: failurecode.CounterpartIsLinked})
	}
	counterpart, err := c.readRecord(ctx, ref)
	if err != nil {
		return st, nil, err
	}
	st.link.dropDecisions() // it was there before: nothing of ours binds it
	return matcher(c).linkTo(st, counterpart), nil, nil
}

// dropIntent records that the counterpart cannot be created and takes the link
// back, so that the next edit of the source starts afresh.
func (c creator) dropIntent(ctx context.Context, st state, f Failure) (state, *ending, error) {
	if err := c.recordFailure(ctx, f); err != nil {
		return st, nil, err
	}
	if err := c.Links.DropLink(ctx, st.link); err != nil {
		return st, nil, err
	}
	return st, c.endParked(st, f.Code), nil
}
