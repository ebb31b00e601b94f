package syncer

import (
	"context"
	"maps"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// forgiveUntried lets what was refused be sent by a later operation where this one,
// which a person asked for, did not come to it: nobody will be told of it any more.
func (t *task) forgiveUntried(ctx context.Context) error {
	if t.settled {
		return nil
	}
	link, found, err := t.Links.FindLink(ctx, t.source)
	if err != nil || !found || !link.refused() {
		return err
	}
	link.forgive()
	_, err = t.Links.SaveLink(ctx, link)
	return err
}

// finish stores what the reads showed and gives the lease back. Nothing is
// stored when nothing is new.
func (t *task) finish(ctx context.Context, p *pair) error {
	if err := t.resolve(ctx, p); err != nil {
		return err
	}
	t.settled = true
	t.noteCompany(p)
	dirty := p.link.Version == "" || p.moved || p.link.Lease.Holder != "" || !maps.Equal(p.link.Fields, p.saved)
	if dirty {
		for s, h := range p.side {
			p.link.On(s).ReadAt, p.link.On(s).Modified = h.began, h.record.Modified
		}
		p.link.Lease = Lease{}
		saved, err := t.save(ctx, p.link, p.complete)
		if err != nil {
			return err
		}
		p.link = saved
		if p.link, err = t.tell(ctx, p.link); err != nil {
			return err
		}
	}
	if err := t.revisit(ctx, p); err != nil {
		return err
	}
	switch {
	case t.report.Created.RecordID != "":
		return t.end(Created, "")
	case len(t.report.Written) > 0:
		return t.end(Updated, "")
	case len(t.report.Refused) > 0:
		return t.end(Parked, "fields_refused")
	}
	return t.end(Unchanged, "")
}

// resolve closes the failures of a pair on which everything has now succeeded.
// It costs nothing while nothing fails.
func (t *task) resolve(ctx context.Context, p *pair) error {
	again := t.op.ReplayOf != "" || t.op.Change == op.Requested
	if p.lost || p.link.refused() || !p.link.Failing && !again && t.report.Created.RecordID == "" {
		return nil
	}
	n, err := t.Failures.ResolveFailures(ctx, t.Clock.Now(), p.link.Ref(crm.HubSpot), p.link.Ref(crm.Zoho))
	if err != nil {
		return err
	}
	t.report.Resolved = n
	p.moved = p.moved || p.link.Failing
	p.link.Failing = false
	return nil
}

// supersede closes what failed on a record before a person asked for it again.
// All of it was tried anew, and what still fails was recorded since, or there is
// nothing to be done with the record any more.
func (t *task) supersede(ctx context.Context) error {
	if t.op.Change != op.Requested {
		return nil
	}
	if err := t.forgiveUntried(ctx); err != nil {
		return err
	}
	n, err := t.Failures.ResolveFailures(ctx, t.op.ReceivedAt, t.op.Ref)
	t.report.Resolved += n
	return err
}
