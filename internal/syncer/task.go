package syncer

import (
	"context"
	"errors"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// task is one operation on its way.
type task struct {
	*Syncer
	op     op.Operation
	source crm.Ref // the record to read: the operation's, or the one it was merged into
	object *mapping.Object
	values map[shownValue]merge.Value
	report Result
	// companies holds the link of each company that this attempt has met, by
	// its record, "" for one that has none; asked are those whose link was read.
	companies map[crm.Ref]string
	asked     map[crm.Ref]bool
	later     error // why the contact's company could not be synchronised now
	settled   bool  // all that was decided was tried
	// early is the twin where it was read together with the source.
	early *sighting
}

// newTask is the only maker of a task: who applies an operation, who explains a
// record and who compares a pair all begin with one that is complete.
func (s *Syncer) newTask(o op.Operation) *task {
	t := &task{Syncer: s, op: o, source: o.Ref, object: s.Mapping.Object(o.Ref.Kind), values: map[shownValue]merge.Value{}}
	t.recall(Link{})
	return t
}

// sighting is what a read came to.
type sighting struct {
	half *half
	err  error
}

// pair is what one attempt knows of two records.
type pair struct {
	link  Link
	saved map[string]merge.Base // Fields as they are stored
	moved bool                  // more of the link than Fields differs from what is stored
	lost  bool                  // a decided value is nowhere to be found
	// renamed is set when a company became known by its link after values of it
	// were compared, waits when a contact was left without its company.
	renamed, waits bool
	complete       bool // the link was complete when it was read
	side           map[crm.System]*half
}

// half is one record of a pair during one attempt.
type half struct {
	record crm.Record
	began  time.Time // when the read of record began
	ended  time.Time // when it ended, or that of its history
	// acknowledged holds the fields that this attempt wrote before record was
	// read.
	acknowledged map[string]bool
	// guard is that of the last write.
	guard time.Time
	// exposed is set unless it is certain that no person's edit was
	// overwritten between the last read and the last write.
	exposed bool
}

func (t *task) end(o Outcome, reason string) error {
	t.report.Outcome, t.report.Reason = o, reason
	return nil
}

// park records what no retry can heal. The operation is done with once the
// record is safe.
func (t *task) park(ctx context.Context, f Failure) error {
	if erased, err := t.erased(ctx, t.op.Ref); err != nil || erased { // of who was erased nothing is kept
		return errors.Join(err, t.end(Ignored, "erased"))
	}
	if err := t.fail(ctx, f); err != nil {
		return err
	}
	return t.end(Parked, f.Code)
}

func (t *task) fail(ctx context.Context, f Failure) error {
	f.Operation, f.At = t.op, t.Clock.Now()
	if f.Side == "" {
		f.Side = t.source.System.Other()
	}
	return t.Failures.RecordFailure(ctx, f)
}

func (t *task) crm(s crm.System) CRM {
	t.report.Calls++
	return t.CRMs[s]
}

func (t *task) read(ctx context.Context, ref crm.Ref) (*half, error) {
	t.report.Calls++
	return t.fetch(ctx, ref)
}

// fetch is read for calls that are made at once: it changes nothing of t.
func (t *task) fetch(ctx context.Context, ref crm.Ref) (*half, error) {
	h := &half{began: t.Clock.Now(), exposed: true}
	var err error
	h.record, err = t.CRMs[ref.System].Read(ctx, ref)
	h.ended = t.Clock.Now()
	if !h.record.AsOf.IsZero() {
		h.began = h.record.AsOf
	}
	return h, err
}

// readSource reads the source, together with its twin where both will be needed.
func (t *task) readSource(ctx context.Context, link Link, found bool) (*half, error) {
	t.early = nil
	if !found || !t.isNews(link) {
		wrote := link.On(t.source.System).WroteAt
		if !wrote.IsZero() && t.op.ReceivedAt.Sub(wrote).Abs() < echoTime {
			ctx = quota.Background(ctx) // an echo most likely, which has time
		}
		return t.read(ctx, t.source)
	}
	var src, twin sighting
	t.report.Calls += 2
	t.Parallel(ctx,
		func() { src.half, src.err = t.fetch(ctx, t.source) },
		func() { twin.half, twin.err = t.fetch(ctx, link.Ref(t.source.System.Other())) },
	)
	t.early = &twin
	return src.half, src.err
}

// outdated reports whether a read showed an older copy of a record than the link
// has taken in. What was written since looks undone in it.
func (t *task) outdated(l Link, rec crm.Record) bool {
	known := l.On(rec.Ref.System)
	return rec.Ref.RecordID == known.RecordID && rec.Modified.Before(known.Modified) && t.Clock.Now().Sub(known.ReadAt) < staleTime
}

// isNews reports whether an operation most likely tells of something new. The
// echo of a write of ours does not, nor do most of several changes in a row,
// nor the events of a side that tells of every field: their twins are read when
// they are needed, which saves calls.
func (t *task) isNews(l Link) bool {
	if !t.Precise[t.source.System] || t.op.Change != op.Updated || !l.Complete() || !t.op.OccurredAt.After(l.On(t.source.System).WroteAt.Add(readMargin)) {
		return false
	}
	for _, s := range crm.Systems {
		if t.Clock.Now().Sub(l.On(s).ReadAt) < restTime {
			return false
		}
	}
	return true
}

// readTwin reads the other record of a pair, if that was not done already.
func (t *task) readTwin(ctx context.Context, p *pair) (*half, error) {
	if early := t.early; early != nil {
		t.early = nil
		return early.half, early.err
	}
	return t.read(ctx, p.link.Ref(t.source.System.Other()))
}

// attempt does the whole of one operation on what is true right now.
func (t *task) attempt(ctx context.Context) error {
	t.report = Result{Calls: t.report.Calls, Created: t.report.Created}
	if t.op.Change == op.Erased {
		if done, err := t.erase(ctx); done || err != nil {
			return err
		}
	}
	link, found, err := t.find(ctx)
	switch {
	case err != nil:
		return err
	case found && t.covered(link):
		return t.end(Covered, "")
	}
	src, err := t.readSource(ctx, link, found)
	switch {
	case crm.IsKind(err, crm.NotFound):
		return t.gone(ctx, link, found)
	case err != nil:
		return err
	case src.record.Ref.RecordID != t.source.RecordID:
		return t.moved(ctx, link, found, src.record)
	case t.outdated(link, src.record):
		return errOutdated
	}
	if err := t.others(ctx, link, src.record); err != nil {
		return err
	}
	p := t.pair(link, found, src)
	if t.op.Change == op.Requested {
		p.link.forgive()
	} else if found && !p.moved && p.link.Complete() {
		quiet, err := t.quiet(ctx, p, src)
		if err != nil {
			return err
		}
		if quiet {
			t.report.Counterpart = p.link.Ref(t.source.System.Other())
			return t.end(Unchanged, "")
		}
	}
	return t.meet(ctx, p)
}

// others sees to what a record tells of others: of somebody who was erased, and of
// those that were merged into it, whose own event may have been lost.
func (t *task) others(ctx context.Context, link Link, rec crm.Record) error {
	if err := t.tellErased(ctx, link, rec); err != nil {
		return err
	}
	return t.succeed(ctx, rec)
}

// find returns the link of the source, with its note for the contacts of a
// company seen to, unless another handler holds the pair.
func (t *task) find(ctx context.Context) (Link, bool, error) {
	link, found, err := t.Links.FindLink(ctx, t.source)
	t.recall(link)
	switch {
	case err != nil || !found || t.held(link) && t.covered(link):
		return link, found, err
	case t.held(link):
		return link, found, ErrBusy
	}
	link, err = t.tell(ctx, link)
	return link, found, err
}

// pair begins with the record that was read and what is remembered of it.
func (t *task) pair(link Link, found bool, src *half) *pair {
	if found && link.HashID != t.hash.id() {
		// Hashes that cannot be compared say nothing: decide from the histories.
		link.HashID, link.Fields = t.hash.id(), map[string]merge.Base{}
	}
	if !found {
		link = Link{ID: t.NewID(), Kind: t.source.Kind, Fields: map[string]merge.Base{}, HashID: t.hash.id()}
		link.On(t.source.System).RecordID = t.source.RecordID
	}
	p := &pair{link: link, saved: link.Fields, complete: link.Complete(), side: map[crm.System]*half{t.source.System: src}}
	if link.DeletedOn == t.source.System { // it was restored
		p.link.revive()
		p.link.announce(t.source)
		p.moved = true
	}
	return p
}

// covered reports whether a read that the link has taken in has seen what the
// operation tells of: because it began well after the operation was received,
// by our own clock, since a CRM's may lag; or because it showed the record as
// modified after the operation occurred, by the clock of that CRM. Of two
// changes at the very same time it may have shown one alone, unless both had
// been told of before; of two in one second it may whatever was told.
func (t *task) covered(l Link) bool {
	read := l.On(t.source.System)
	switch {
	case t.op.Change == op.Requested || !l.Complete() || l.pending() || l.HashID != t.hash.id():
		return false
	case read.ReadAt.Add(-readMargin).After(t.op.ReceivedAt):
		return true
	case t.op.Change != op.Created && t.op.Change != op.Updated || t.op.OccurredAt.IsZero():
		return false
	}
	exact := read.Modified.Nanosecond() != 0
	return read.Modified.After(t.op.OccurredAt) ||
		exact && read.Modified.Equal(t.op.OccurredAt) && read.ReadAt.After(t.op.ReceivedAt)
}

func (t *task) held(l Link) bool {
	return l.Lease.Holder != "" && t.Clock.Now().Before(l.Lease.Until)
}

// quiet reports whether rec shows nothing but what was decided, which is how
// an echo of our own write and a repeated webhook look.
func (t *task) quiet(ctx context.Context, p *pair, src *half) (bool, error) {
	if err := t.identify(ctx, p, src); err != nil {
		return false, err
	}
	rec, s := src.record, src.record.Ref.System
	// What was never taken in since it joined the link may not be known to its twin.
	p.moved = p.moved || p.link.On(s).ReadAt.IsZero()
	if p.moved || p.link.pending() || rec.CounterpartID != p.link.On(s.Other()).RecordID && !p.link.On(s).CounterpartIDRefused {
		return false, nil
	}
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		base := p.link.Fields[f.Name]
		if t.value(f, s, rec.Fields[f.On(s)]).Hash != base.On(s).Shown || editedSince(rec, f, base.On(s).Seen) {
			return false, nil
		}
	}
	return true, nil
}

// gone turns the link into a tombstone. The twin is never deleted.
func (t *task) gone(ctx context.Context, link Link, found bool) error {
	erased, err := t.erased(ctx, t.source)
	switch {
	case err != nil:
		return err
	case erased && found: // the erasure was cut off before it was told of the twin
		return errors.Join(t.eraseRest(ctx, link), t.end(Ignored, "erased"))
	case erased: // a late operation may have left something since
		return errors.Join(t.eraseAll(ctx, t.source), t.end(Ignored, "erased"))
	case !found || link.DeletedOn == t.source.System:
		if !found && t.source.Kind == crm.Company { // it may have been merged into one that has a twin
			if err := t.tellMembers(ctx, t.source); err != nil {
				return err
			}
		}
		// What was wrong with it is wrong no more.
		t.report.Resolved, err = t.Failures.ResolveFailures(ctx, t.Clock.Now(), t.source)
		return errors.Join(err, t.end(Ignored, "source_not_found"))
	}
	link.DeletedOn, link.DeletedAt, link.Lease = t.source.System, t.Clock.Now(), Lease{}
	link.announce(t.source)
	link, err = t.Links.SaveLink(ctx, link)
	if err != nil {
		return err
	}
	if _, err := t.tell(ctx, link); err != nil {
		return err
	}
	t.report.Counterpart = link.Ref(t.source.System.Other())
	return t.end(Ignored, "source_deleted")
}

// moved follows a record that was merged into another.
func (t *task) moved(ctx context.Context, link Link, found bool, survivor crm.Record) error {
	if found {
		if err := t.takeOver(ctx, link, survivor); err != nil {
			return err
		}
	}
	t.source = survivor.Ref
	return t.attempt(ctx)
}

// meet reads or finds the other record and brings both together.
func (t *task) meet(ctx context.Context, p *pair) error {
	other := t.source.System.Other()
	if !p.link.Complete() {
		return t.search(ctx, p)
	}
	twin, err := t.readTwin(ctx, p)
	if crm.IsKind(err, crm.NotFound) {
		p.link.DeletedOn, p.link.DeletedAt, p.link.Lease = other, t.Clock.Now(), Lease{}
		p.link.announce(p.link.Ref(other))
		link, err := t.Links.SaveLink(ctx, p.link)
		if err != nil {
			return err
		}
		if _, err := t.tell(ctx, link); err != nil {
			return err
		}
		return t.end(Ignored, "twin_deleted")
	}
	if err != nil {
		return err
	}
	if t.outdated(p.link, twin.record) {
		return errOutdated
	}
	if id := twin.record.Ref.RecordID; id != p.link.On(other).RecordID { // it was merged into another
		_, taken, err := t.Links.FindLink(ctx, twin.record.Ref)
		switch {
		case err != nil:
			return err
		case taken:
			return errors.Join(t.orphan(ctx, p.link, other), t.end(Parked, codeOrphan))
		}
		p.link.put(other, id)
		p.moved = true
	}
	p.side[other] = twin
	return t.settle(ctx, p)
}
