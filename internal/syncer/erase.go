package syncer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Suppressions remembers who was erased, by keyed hashes alone, so that an operation
// that arrives late does not bring anybody back.
type Suppressions interface {
	Suppress(ctx context.Context, until time.Time, hashes ...string) error
	IsSuppressed(ctx context.Context, now time.Time, hash string) (bool, error)
}

// Eraser removes all that a store knows of some records.
type Eraser func(ctx context.Context, refs ...crm.Ref) error

const (
	// buriedTime is how long a grave lasts: longer than any queue keeps an
	// operation on the way.
	buriedTime = 32 * 24 * time.Hour
	// staleTime is how long a CRM may still show a record as it no longer is.
	staleTime = time.Minute
	// codeErased asks a person to delete the twin of who was erased.
	codeErased = "PRIVACY_DELETION"
)

var (
	errStillThere = errors.New("a record that is said to be erased is still there")
	errErased     = errors.New("the record was erased")
)

// erase forgets a person: the link with its hashes and decisions, the failures,
// and where a cursor stands at one of the two records. What stays is a hash of
// each id, and, until the next mail has told it, that the twin is left for a
// person to delete. It reports whether there was anybody to forget.
//
// The graves come before the link goes: whoever links the record at this moment
// finds the grave afterwards, or its link is found here.
func (t *task) erase(ctx context.Context) (done bool, err error) {
	if there, err := t.stillThere(ctx); there || err != nil {
		return false, err
	}
	link, found, err := t.Links.FindLink(ctx, t.source)
	switch {
	case err != nil:
		return false, err
	case found && t.held(link):
		return false, ErrBusy
	case found:
		err = t.eraseLinked(ctx, link)
	default:
		err = t.eraseUnlinked(ctx)
	}
	return true, errors.Join(err, t.end(Ignored, "erased"))
}

// stillThere reports whether the record lives, or lives on in another: then it
// was not erased. For a while that may be a copy from before.
func (t *task) stillThere(ctx context.Context) (bool, error) {
	there, err := t.read(ctx, t.source)
	switch {
	case crm.IsKind(err, crm.NotFound):
		return false, nil
	case err == nil && there.record.Ref == t.source && t.Clock.Now().Sub(t.op.ReceivedAt) < staleTime:
		return true, errStillThere
	}
	return true, err
}

// eraseLinked drops the link last, so that it is found again when the erasure
// is cut off.
func (t *task) eraseLinked(ctx context.Context, link Link) error {
	twins, shared, err := t.twinsOf(ctx, link)
	if err != nil {
		return err
	}
	refs := append([]crm.Ref{t.source}, twins...)
	if err := t.bury(ctx, refs); err != nil {
		return err
	}
	if other := t.source.System.Other(); link.DeletedOn == other { // deleted already
		twins = slices.DeleteFunc(twins, func(r crm.Ref) bool { return r == link.Ref(other) })
	}
	if err := t.leave(ctx, refs, append(twins, shared...)); err != nil {
		return err
	}
	return t.Links.DropLink(ctx, link)
}

// eraseRest ends an erasure that was cut off, for a record that is gone: that of
// the erased contact, or its twin, whose place another may have taken.
func (t *task) eraseRest(ctx context.Context, link Link) error {
	if s := t.source.System; s == crm.Zoho && link.HubSpot.RecordID != "" {
		t.source, link.DeletedOn = link.Ref(crm.HubSpot), s
	}
	return t.eraseLinked(ctx, link)
}

// eraseUnlinked makes the graves last: one without a link is taken for work
// that is done. Who linked the record meanwhile is found afterwards.
func (t *task) eraseUnlinked(ctx context.Context) error {
	buried, err := t.buried(ctx, t.source)
	switch {
	case err != nil:
		return err
	case buried: // a late operation may have left something since
		return t.eraseAll(ctx, t.source)
	}
	twins, shared, err := t.twinsOf(ctx, Link{})
	if err != nil {
		return err
	}
	refs := append([]crm.Ref{t.source}, twins...)
	if err := t.leave(ctx, refs, append(twins, shared...)); err != nil {
		return err
	}
	if err := t.bury(ctx, refs); err != nil {
		return err
	}
	_, found, err := t.Links.FindLink(ctx, t.source)
	if err == nil && found {
		err = ErrChanged
	}
	return err
}

// leave erases what the other stores know and leaves the twins to a person.
func (t *task) leave(ctx context.Context, refs, twins []crm.Ref) error {
	if err := t.eraseAll(ctx, refs...); err != nil {
		return err
	}
	for _, twin := range twins {
		if err := t.failErased(ctx, twin); err != nil {
			return err
		}
	}
	return nil
}

// eraseAll removes what the other stores know of some records.
func (t *task) eraseAll(ctx context.Context, refs ...crm.Ref) error {
	for _, erase := range t.Erasers {
		if err := erase(ctx, refs...); err != nil {
			return err
		}
	}
	return nil
}

// twinsOf returns the twin that the link knows and those that name the source:
// one may have been created although the answer was lost, or the twin was
// merged into another record. What belongs to somebody else by now is shared:
// a person is told of it, and nothing of it is forgotten.
func (t *task) twinsOf(ctx context.Context, link Link) (twins, shared []crm.Ref, err error) {
	other := t.source.System.Other()
	if twin := link.Ref(other); twin.RecordID != "" {
		twins = append(twins, twin)
	}
	recs, err := t.crm(other).Find(ctx, t.source.Kind, []crm.Key{{Value: t.source.RecordID}})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range recs {
		if slices.Contains(twins, r.Ref) {
			continue
		}
		_, taken, err := t.Links.FindLink(ctx, r.Ref)
		switch {
		case err != nil:
			return nil, nil, err
		case taken:
			shared = append(shared, r.Ref)
		default:
			twins = append(twins, r.Ref)
		}
	}
	return twins, shared, nil
}

// tellErased tells of a record that names somebody who was erased, and is not
// known for that: a twin that a person was to delete was merged into it instead.
// One that has no link is buried too, so that it is told of once.
func (t *task) tellErased(ctx context.Context, link Link, rec crm.Record) error {
	s := rec.Ref.System
	named := crm.Ref{System: s.Other(), Kind: rec.Ref.Kind, RecordID: rec.CounterpartID}
	if valid := named.Validate() == nil; !valid || s == crm.HubSpot || rec.CounterpartID == link.On(s.Other()).RecordID || link.On(s).CounterpartIDRefused {
		return nil
	}
	if buried, err := t.buried(ctx, named); err != nil || !buried {
		return err
	}
	if told, err := t.buried(ctx, rec.Ref); err != nil || told {
		return err
	}
	if err := t.failErased(ctx, rec.Ref); err != nil || link.Version != "" {
		return err
	}
	return t.bury(ctx, []crm.Ref{rec.Ref})
}

// failErased leaves the twin to a person, without a word of who was erased.
func (t *task) failErased(ctx context.Context, twin crm.Ref) error {
	o := t.op
	o.Ref = twin
	return t.Failures.RecordFailure(ctx, Failure{
		Operation: o, Side: twin.System, Record: twin, Action: "delete", Kind: crm.Refused, Code: codeErased, At: t.Clock.Now(),
	})
}

func (s *Syncer) grave(ref crm.Ref) string { return s.hash.of("grave", ref.String()) }

func (s *Syncer) buried(ctx context.Context, ref crm.Ref) (bool, error) {
	return s.Suppressions.IsSuppressed(ctx, s.Clock.Now(), s.grave(ref))
}

// erased reports whether a record was erased, or is what is left of somebody who
// was. A record of Zoho that was left over may belong to a living contact by now,
// who has nothing to do with it: HubSpot alone erases.
func (s *Syncer) erased(ctx context.Context, ref crm.Ref) (bool, error) {
	buried, err := s.buried(ctx, ref)
	if err != nil || !buried || ref.System == crm.HubSpot {
		return buried, err
	}
	link, _, err := s.Links.FindLink(ctx, ref)
	owner := link.Ref(crm.HubSpot)
	if err != nil || owner.RecordID == "" {
		return err == nil, err
	}
	return s.buried(ctx, owner)
}

func (t *task) bury(ctx context.Context, refs []crm.Ref) error {
	hashes := make([]string, len(refs))
	for i, r := range refs {
		hashes[i] = t.grave(r)
	}
	return t.Suppressions.Suppress(ctx, t.Clock.Now().Add(buriedTime), hashes...)
}

// save stores a link. One that was not complete before is not kept if its
// source was erased: the record that was read is a copy from before.
func (t *task) save(ctx context.Context, link Link, complete bool) (Link, error) {
	saved, err := t.Links.SaveLink(ctx, link)
	if err != nil || complete {
		return saved, err
	}
	erased, err := t.erased(ctx, t.source)
	if err == nil && erased {
		if err = t.eraseLinked(ctx, saved); err == nil {
			err = errErased
		}
	}
	return saved, err
}
