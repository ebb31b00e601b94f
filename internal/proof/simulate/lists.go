package simulate

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// What commands ask of the store and of the CRMs beside what an operation asks.

// CountLinks implements safeguard.Pairs.
func (l *links) CountLinks(ctx context.Context, kind crm.Kind) (int, error) {
	if _, err := l.begin(ctx, "count links"); err != nil {
		return 0, err
	}
	n := 0
	for _, link := range l.kept {
		if link.Kind == kind && link.Complete() {
			n++
		}
	}
	return n, nil
}

// LinksOf implements reconcile.Links.
func (l *links) LinksOf(ctx context.Context, refs []crm.Ref) (map[crm.Ref]syncer.Link, error) {
	if _, err := l.begin(ctx, "find links"); err != nil {
		return nil, err
	}
	found := map[crm.Ref]syncer.Link{}
	for _, r := range refs {
		if link, ok := l.kept[l.claims[r]]; ok {
			found[r] = copyLink(link)
		}
	}
	return found, nil
}

// ListLinks implements reconcile.Pairs.
func (l *links) ListLinks(ctx context.Context, kind crm.Kind, behind string, _ int) ([]syncer.Link, string, error) {
	if _, err := l.begin(ctx, "list links"); err != nil {
		return nil, "", err
	}
	var page []syncer.Link
	last := ""
	for _, id := range slices.Sorted(maps.Keys(l.kept)) {
		if link := l.kept[id]; id > behind && link.Kind == kind && len(page) < pageSize {
			page, last = append(page, copyLink(link)), id
		}
	}
	return page, last, nil
}

// ListRefs implements reconcile.Lister: every record that lives, by its id.
func (m *model) ListRefs(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
	page, _, err := m.ListRecords(ctx, kind, from)
	return page, err
}

// ListRecords implements reconcile.RecordLister.
func (m *model) ListRecords(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, []crm.Record, error) {
	f, err := m.begin(ctx, "list", shortPage)
	if err != nil {
		return crm.FoundPage{}, nil, err
	}
	size := pageSize
	if f == shortPage {
		size = 1 + m.world.rng.IntN(pageSize-1)
	}
	var page crm.FoundPage
	var records []crm.Record
	for _, r := range m.records { // in the order of their ids
		switch {
		case r.ref.Kind != kind || !r.alive() || strings.Compare(r.ref.RecordID, from.ID) <= 0:
		case len(page.Found) == size:
			page.More = true
		default:
			page.Found = append(page.Found, crm.Found{Ref: r.ref, At: r.last().modified})
			page.Next = crm.Place{ID: r.ref.RecordID}
			records = append(records, m.show(r, r.last(), m.system == crm.HubSpot))
		}
	}
	return page, records, nil
}

// ReadMany implements reconcile.Reader.
func (m *model) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	all := map[string]crm.Answer[crm.Record]{}
	_, err := m.begin(ctx, "read")
	for _, id := range ids {
		r := m.on(kind, id)
		switch {
		case err != nil:
			all[id] = crm.Answer[crm.Record]{Err: err}
		case r == nil || r.survivor().last().deleted:
			all[id] = crm.Answer[crm.Record]{Err: m.err("read", crm.NotFound, "")}
		default:
			r = r.survivor()
			all[id] = crm.Answer[crm.Record]{Value: m.show(r, r.last(), m.system == crm.HubSpot)}
		}
	}
	return all
}

// ReadSchema implements console.Schemer: the fields are those of the mapping.
func (m *model) ReadSchema(ctx context.Context) (crm.Schema, error) {
	if _, err := m.begin(ctx, "read"); err != nil {
		return crm.Schema{}, err
	}
	s := crm.Schema{System: m.system, CounterpartField: "counterpart", Fields: map[crm.Kind]map[string]crm.FieldInfo{}}
	for kind, object := range theMapping.Objects {
		fields := map[string]crm.FieldInfo{}
		for i := range object.Fields {
			f := &object.Fields[i]
			holds := crm.Text
			if f.Type == mapping.Company {
				holds = crm.Lookup
			}
			fields[f.On(m.system)] = crm.FieldInfo{Name: f.On(m.system), Holds: holds}
		}
		s.Fields[kind] = fields
	}
	return s, nil
}
