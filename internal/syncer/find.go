package syncer

import (
	"context"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// search looks for the twin of a record that has no complete link.
func (t *task) search(ctx context.Context, p *pair) error {
	other := t.source.System.Other()
	src := p.side[t.source.System].record
	twins, err := t.candidates(ctx, src)
	if err != nil {
		return err
	}
	taken := false
	var free []*half
	for _, twin := range twins {
		named, err := t.namesAnother(ctx, twin.record)
		if err != nil {
			return err
		}
		if named {
			taken = true
			continue
		}
		link, found, err := t.Links.FindLink(ctx, twin.record.Ref)
		if err != nil {
			return err
		}
		switch {
		case !found || link.ID == p.link.ID:
		case link.Complete() && link.Ref(t.source.System) != t.source:
			err := t.inherit(ctx, link)
			if err != nil {
				return err
			}
			taken = true
			continue
		case t.held(link):
			return ErrBusy // it is being linked right now, perhaps to this very record
		case link.Complete():
			return ErrChanged // it was linked to this record after that was read: look again
		default:
			copied, err := t.hasCopy(ctx, twin.record.Ref)
			if err != nil {
				return err
			}
			if !copied {
				return t.adopt(ctx, p, link)
			}
			taken = true
			continue
		}
		free = append(free, twin)
	}
	if done, err := t.choose(ctx, p, src, free); done || err != nil {
		return err
	}
	switch {
	case taken:
		return t.park(ctx, Failure{Action: "link", Kind: crm.Duplicate, Code: "COUNTERPART_IS_LINKED"})
	case p.link.DeletedOn == other:
		return t.end(Ignored, "twin_deleted")
	case !t.object.Create[other]:
		return t.end(Ignored, "no_counterpart")
	}
	return t.create(ctx, p)
}

// choose joins the source with the one of the free candidates that nothing else
// could be meant by, or parks it. It reports whether the operation has ended.
func (t *task) choose(ctx context.Context, p *pair, src crm.Record, free []*half) (done bool, err error) {
	free = t.likest(src, free)
	switch {
	case len(free) == 0:
		return false, nil
	case len(free) > 1:
		return true, t.park(ctx, t.ambiguous(t.source.System.Other(), free))
	}
	rivals, lost, err := t.rivals(ctx, src, free[0].record)
	switch {
	case err != nil || lost:
		return false, err
	case len(rivals) > 0:
		return true, t.park(ctx, t.ambiguous(t.source.System, rivals))
	}
	return true, t.join(ctx, p, free[0])
}

// inherit takes over the link of a record that was merged into the source, or
// makes a tombstone of the link of one that is gone, as the loser of a merge in
// Zoho is. It answers ErrChanged after that, since the link has to be read
// again, and nil for the link of a record that lives.
func (t *task) inherit(ctx context.Context, link Link) error {
	s := t.source.System
	if t.held(link) {
		return ErrBusy
	}
	h, err := t.read(ctx, link.Ref(s))
	switch {
	case err == nil && h.record.Ref != t.source:
		return nil
	case err == nil:
		link.put(s, t.source.RecordID)
	case crm.IsKind(err, crm.NotFound):
		link.DeletedOn, link.DeletedAt, link.Lease = s, t.Clock.Now(), Lease{}
		link.announce(link.Ref(s))
	default:
		return err
	}
	if _, err = t.Links.SaveLink(ctx, link); err == nil {
		err = ErrChanged
	}
	return err
}

// namesAnother reports whether a record carries the id of another record of
// the source's side that is still there: that one made it, even if no link
// says so yet.
func (t *task) namesAnother(ctx context.Context, found crm.Record) (bool, error) {
	other := crm.Ref{System: t.source.System, Kind: t.source.Kind, RecordID: found.CounterpartID}
	if valid := other.Validate() == nil; !valid || other == t.source {
		return false, nil
	}
	h, err := t.read(ctx, other)
	if err == nil {
		return h.record.Ref.RecordID != t.source.RecordID, nil // it may have been merged into the source
	}
	if crm.IsKind(err, crm.NotFound) {
		err = nil
	}
	return false, err
}

// hasCopy reports whether a record of the source's side, other than the source,
// carries ref's id. It was made for ref, although the answer was lost.
func (t *task) hasCopy(ctx context.Context, ref crm.Ref) (bool, error) {
	recs, err := t.crm(t.source.System).Find(ctx, ref.Kind, []crm.Key{{Value: ref.RecordID}})
	for _, r := range recs {
		if r.Ref.RecordID != t.source.RecordID {
			return true, err
		}
	}
	return false, err
}

// adopt enters the record into an incomplete link that was begun from the other
// side. Both records are then read anew: what was read before the link was
// found may be older than what the link knows.
func (t *task) adopt(ctx context.Context, p *pair, link Link) error {
	if side := link.On(t.source.System); side.RecordID != t.source.RecordID {
		if side.RecordID != "" {
			link.Fields = map[string]merge.Base{} // what was decided with the lost twin binds nobody
		}
		link.put(t.source.System, t.source.RecordID)
		link.revive()
	}
	if err := t.instead(ctx, link, p.link); err != nil {
		return err
	}
	return ErrChanged
}

// instead stores a link in the place of another, if that is stored: a tombstone
// that is gone before would let its record be created anew.
func (t *task) instead(ctx context.Context, link, over Link) (err error) {
	if over.Version == "" {
		_, err = t.Links.SaveLink(ctx, link)
	} else {
		_, err = t.Links.ReplaceLink(ctx, link, over)
	}
	return err
}

func (t *task) join(ctx context.Context, p *pair, twin *half) error {
	other := twin.record.Ref.System
	if p.link.On(other).RecordID != twin.record.Ref.RecordID && p.link.DeletedOn != "" {
		p.link.Fields = map[string]merge.Base{} // what was decided with the lost twin binds nobody
	}
	if twin.record.CounterpartID != t.source.RecordID {
		p.link.CreatedOn = "" // it was there before
	}
	p.link.put(other, twin.record.Ref.RecordID)
	p.link.revive()
	p.moved = true
	p.link.Failing = p.link.Failing || p.link.Version == "" // it may have been parked before
	p.side[other] = twin
	return t.settle(ctx, p)
}

// candidates returns the records that may be the twin of src, the most certain
// first: the one that src names, those that name src, those with the same key.
func (t *task) candidates(ctx context.Context, src crm.Record) ([]*half, error) {
	other := src.Ref.System.Other()
	if named := (crm.Ref{System: other, Kind: src.Ref.Kind, RecordID: src.CounterpartID}); named.Validate() == nil {
		h, err := t.read(ctx, named)
		if err == nil {
			return []*half{h}, nil
		}
		if !crm.IsKind(err, crm.NotFound) {
			return nil, err
		}
	}
	began := t.Clock.Now()
	recs, err := t.crm(other).Find(ctx, src.Ref.Kind, t.keys(src))
	if err != nil {
		return nil, err
	}
	var twins []*half
	for _, r := range recs {
		if t.contradicts(src, r) {
			continue
		}
		twins = append(twins, &half{record: r, began: began, ended: t.Clock.Now(), exposed: true})
	}
	return twins, nil
}
