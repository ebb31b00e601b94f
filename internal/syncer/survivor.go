package syncer

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// succeed sees to the links of the records that were merged into the source: it takes
// one over where it has no living twin of its own, and ends the others. Their own
// operations may come later, or never, and the source must not be given a second twin
// meanwhile.
func (t *task) succeed(ctx context.Context, survivor crm.Record) error {
	for _, id := range survivor.Former {
		former := crm.Ref{System: survivor.Ref.System, Kind: survivor.Ref.Kind, RecordID: id}
		link, found, err := t.Links.FindLink(ctx, former)
		switch {
		case err != nil:
			return err
		case !found:
			continue
		case t.held(link):
			return ErrBusy
		}
		if err := t.takeOver(ctx, link, survivor); err != nil {
			return err
		}
		return ErrChanged // the source's link has to be read again
	}
	return nil
}

// takeOver gives the link of a record to the survivor that it was merged into, or
// ends it where the survivor has a better one.
func (t *task) takeOver(ctx context.Context, link Link, survivor crm.Record) error {
	s := survivor.Ref.System
	own, _, err := t.Links.FindLink(ctx, survivor.Ref)
	if err != nil {
		return err
	}
	heir, err := t.heir(ctx, link, own, survivor)
	switch {
	case err != nil:
		return err
	case !heir:
		return t.orphan(ctx, link, s)
	}
	link.put(s, survivor.Ref.RecordID)
	if link.DeletedOn == s { // it was taken for deleted
		link.revive()
	}
	return t.instead(ctx, link, own)
}

// heir reports whether a survivor may take over a link: it has none of its own, or
// one without a living twin while this one's lives, and there is no other twin that
// lives.
func (t *task) heir(ctx context.Context, link, own Link, survivor crm.Record) (bool, error) {
	other := survivor.Ref.System.Other()
	lives := func(l Link) bool { return l.On(other).RecordID != "" && l.DeletedOn != other }
	switch {
	case t.held(own):
		return false, ErrBusy
	case own.Version != "" && (lives(own) || !lives(link)):
		return false, nil
	}
	if named, err := t.namesLiving(ctx, survivor, link.Ref(other)); named || err != nil {
		return false, err
	}
	if own.Version == "" || own.DeletedOn != "" {
		return true, nil
	}
	// It was to be created when that was cut off: it may have been.
	made, err := t.crm(other).Find(ctx, survivor.Ref.Kind, []crm.Key{{Value: survivor.Ref.RecordID}})
	return len(made) == 0, err
}

// namesLiving reports whether a record names a twin that lives, other than one.
func (t *task) namesLiving(ctx context.Context, rec crm.Record, but crm.Ref) (bool, error) {
	named := crm.Ref{System: rec.Ref.System.Other(), Kind: rec.Ref.Kind, RecordID: rec.CounterpartID}
	if valid := named.Validate() == nil; !valid || named == but {
		return false, nil
	}
	h, err := t.read(ctx, named)
	if err == nil {
		return h.record.Ref != but, nil
	}
	if crm.IsKind(err, crm.NotFound) {
		err = nil
	}
	return false, err
}

// orphan ends the link of a record that was merged, on s, into one that has
// another twin. The twin that is left over is never deleted: whether it is to be
// merged too is for a person to say.
func (t *task) orphan(ctx context.Context, link Link, s crm.System) error {
	link.announce(link.Ref(s))
	for _, company := range link.FanOutPending {
		if err := t.tellMembers(ctx, company); err != nil {
			return err
		}
	}
	if twin := link.Ref(s.Other()); twin.RecordID != "" && link.DeletedOn != twin.System {
		// It is told of the record that was merged: what succeeds on the survivor
		// does not close it, nor does it stand for the twin of another.
		o := t.op
		o.Ref = link.Ref(s)
		err := t.Failures.RecordFailure(ctx, Failure{
			Operation: o, Side: twin.System, Record: twin, Action: "merge", Kind: crm.Duplicate, Code: codeOrphan, At: t.Clock.Now(),
		})
		if err != nil {
			return err
		}
	}
	return t.Links.DropLink(ctx, link)
}

// codeOrphan asks a person to merge two records as their twins were merged.
const codeOrphan = "COUNTERPART_OF_MERGED"
