package syncer

import (
	"context"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// create makes the twin of the source record. The link, with the decision and
// the lease, is stored first; the new record carries the source's id in a
// unique field. So a second attempt, whenever the first broke off, finds the
// record or is told of it.
func (t *task) create(ctx context.Context, p *pair) (err error) {
	other := t.source.System.Other()
	defer func() {
		if err != nil {
			t.release(ctx, p)
		}
	}()
	all, writes, err := t.weigh(ctx, p)
	if err != nil {
		return err
	}
	w := writes[other]
	if w == nil {
		return t.end(Ignored, "nothing_to_create")
	}
	t.fillIn(other, w)
	t.note(p, all)
	p.link.CreatedOn = other
	p.link.announce(t.source)
	if err := t.hold(ctx, p); err != nil {
		return err
	}
	made, err := t.insert(ctx, p, other, w)
	if err != nil || made == nil {
		return err
	}
	p.link.On(other).RecordID = made.Ref.RecordID
	p.link.On(other).WroteAt = t.Clock.Now()
	t.report.Created = made.Ref
	t.wrote(other, w)
	back, err := t.read(ctx, made.Ref)
	if crm.IsKind(err, crm.NotFound) {
		return ErrChanged // not to be read yet; the claim keeps it from being made twice
	}
	if err != nil {
		return err
	}
	back.acknowledged = t.fieldNames(other, w.Fields)
	back.exposed = false // nothing was there to be overwritten
	p.side[other] = back
	return t.settle(ctx, p)
}

// insert calls Create, without the fields that are refused. It answers nil
// when the operation has ended, with or without a twin.
func (t *task) insert(ctx context.Context, p *pair, s crm.System, w *crm.Write) (*crm.Written, error) {
	for {
		made, err := t.crm(s).Create(ctx, t.source.Kind, *w)
		if err == nil {
			return &made, nil
		}
		e := crm.AsError(err)
		switch {
		case e == nil || !permanent(e):
			return nil, err
		case e.Kind == crm.Duplicate && e.ExistingID != "":
			return nil, t.meetExisting(ctx, p, crm.Ref{System: s, Kind: t.source.Kind, RecordID: e.ExistingID})
		case e.Kind == crm.Invalid && t.canDo(s, w, e):
			if err := t.refuse(ctx, p, s, w, e); err != nil {
				return nil, err
			}
			t.fillIn(s, w)
			continue
		}
		return nil, t.abandon(ctx, p, Failure{Side: s, Action: "create", Kind: e.Kind, Code: e.Code, Fields: t.described(s, w, e.Fields)})
	}
}

// canDo reports whether a record without the refused fields may still be
// accepted: some field was blamed, none of them is required, some are left.
func (t *task) canDo(s crm.System, w *crm.Write, e *crm.Error) bool {
	blamed := 0
	for _, fe := range e.Fields {
		if _, sent := w.Fields[fe.Field]; !sent {
			continue
		}
		blamed++
		for i := range t.object.Fields {
			f := &t.object.Fields[i]
			if f.On(s) == fe.Field && f.RequiredOn(s) && !t.replaceable(f, s, w) {
				return false
			}
		}
	}
	return blamed > 0 && len(w.Fields) > blamed
}

// meetExisting goes on with the record that the other side says it has.
func (t *task) meetExisting(ctx context.Context, p *pair, ref crm.Ref) error {
	if err := ref.Validate(); err != nil {
		return fmt.Errorf("existing %s: %w", ref.System, err)
	}
	link, found, err := t.Links.FindLink(ctx, ref)
	if err != nil {
		return err
	}
	if found && link.ID != p.link.ID {
		if t.held(link) {
			return ErrBusy
		}
		return t.abandon(ctx, p, Failure{Side: ref.System, Record: ref, Action: "link", Kind: crm.Duplicate, Code: "COUNTERPART_IS_LINKED"})
	}
	twin, err := t.read(ctx, ref)
	if err != nil {
		return err
	}
	// It was there before: nothing of ours binds it.
	clear(p.link.Fields)
	return t.join(ctx, p, twin)
}

// abandon records that the twin cannot be made and takes the link back, so
// that the next edit of the source starts afresh.
func (t *task) abandon(ctx context.Context, p *pair, f Failure) error {
	if err := t.fail(ctx, f); err != nil {
		return err
	}
	if err := t.Links.DropLink(ctx, p.link); err != nil {
		return err
	}
	p.link.Version, p.link.Lease = "", Lease{}
	return t.end(Parked, f.Code)
}
