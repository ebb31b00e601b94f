package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// RecordLister walks all records of one system and shows them as a read does.
type RecordLister interface {
	ListRecords(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, []crm.Record, error)
}

// Pages is a system of which the pages of a walk are the first reads of their
// records: an operation on a record right after it was listed need not read it
// again. Everything else is the system's own.
type Pages struct {
	syncer.CRM
	lister RecordLister
	clock  Clock

	mu    sync.Mutex
	shown map[crm.Ref]crm.Record
}

// freshFor is how old a page may be. What was read tells when that was; the
// sooner it is written, the fewer edits fall in between.
const freshFor = 5 * time.Second

// NewPages returns the system that c leads to and lister walks.
func NewPages(c syncer.CRM, lister RecordLister, clock Clock) *Pages {
	return &Pages{CRM: c, lister: lister, clock: clock, shown: map[crm.Ref]crm.Record{}}
}

// ListRefs keeps what it shows for the first who reads it, unless that is too late.
func (p *Pages) ListRefs(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
	since := p.clock.Now()
	page, records, err := p.lister.ListRecords(ctx, kind, from)
	if err != nil {
		return page, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for ref, s := range p.shown {
		if since.Sub(s.AsOf) > freshFor {
			delete(p.shown, ref)
		}
	}
	for _, r := range records {
		r.AsOf = since
		p.shown[r.Ref] = r
	}
	return page, nil
}

// Read returns what a page has just shown, once.
func (p *Pages) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if r, listed := p.takeShown(ref); listed && p.clock.Now().Sub(r.AsOf) <= freshFor {
		return r, nil
	}
	return p.CRM.Read(ctx, ref)
}

// Update makes what was shown of a record out of date.
func (p *Pages) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	p.takeShown(rec.Ref)
	return p.CRM.Update(ctx, rec, w)
}

func (p *Pages) takeShown(ref crm.Ref) (r crm.Record, listed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, listed = p.shown[ref]
	delete(p.shown, ref)
	return r, listed
}
