package syncer

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// modelLinks keeps links with claims.
type modelLinks struct {
	links  map[string]Link
	claims map[crm.Ref]string
	saves  int
	reads  int
	before func(action string) error
}

func (m *modelLinks) FindLink(_ context.Context, ref crm.Ref) (Link, bool, error) {
	m.reads++
	l, ok := m.links[m.claims[ref]]
	return cloneLink(l), ok, nil
}

func cloneLink(l Link) Link {
	l.Fields = maps.Clone(l.Fields)
	l.Claimed, l.Decisions = slices.Clone(l.Claimed), slices.Clone(l.Decisions)
	return l
}

func (m *modelLinks) SaveLink(_ context.Context, l Link) (Link, error) {
	if m.before != nil {
		if err := m.before("save"); err != nil {
			return l, err
		}
	}
	if m.links[l.ID].Version != l.Version {
		return l, ErrChanged
	}
	var want []crm.Ref
	for _, s := range crm.Systems {
		if r := l.Ref(s); r.RecordID != "" {
			if owner := m.claims[r]; owner != "" && owner != l.ID {
				return l, ErrClaimed
			}
			want = append(want, r)
		}
	}
	for _, r := range l.Claimed {
		delete(m.claims, r)
	}
	for _, r := range want {
		m.claims[r] = l.ID
	}
	m.saves++
	l = cloneLink(l)
	l.Claimed, l.Version = want, strconv.Itoa(m.saves)
	m.links[l.ID] = l
	return cloneLink(l), nil
}

func (m *modelLinks) ReplaceLink(ctx context.Context, l, over Link) (Link, error) {
	if m.links[over.ID].Version != over.Version {
		return l, ErrChanged
	}
	links, claims := maps.Clone(m.links), maps.Clone(m.claims)
	if err := m.DropLink(ctx, over); err != nil {
		return l, err
	}
	saved, err := m.SaveLink(ctx, l)
	if err != nil {
		m.links, m.claims = links, claims
	}
	return saved, err
}

// FindMembers gives one contact at a time.
func (m *modelLinks) FindMembers(_ context.Context, company crm.Ref, after string, _ int) ([]crm.Ref, string, error) {
	for _, id := range slices.Sorted(maps.Keys(m.links)) {
		l := m.links[id]
		if id > after && l.Kind == crm.Contact && l.On(company.System).Company == company.RecordID {
			return []crm.Ref{l.Ref(company.System)}, id, nil
		}
	}
	return nil, "", nil
}

func (m *modelLinks) DropLink(_ context.Context, l Link) error {
	if m.links[l.ID].Version != l.Version {
		return ErrChanged
	}
	for _, r := range l.Claimed {
		delete(m.claims, r)
	}
	delete(m.links, l.ID)
	return nil
}

type modelFailures struct {
	list     []Failure
	resolved []crm.Ref
}

func (m *modelFailures) ResolveFailures(_ context.Context, at time.Time, refs ...crm.Ref) (int, error) {
	m.resolved = append(m.resolved, refs...)
	n := len(m.list)
	m.list = slices.DeleteFunc(m.list, func(f Failure) bool { return !f.At.After(at) })
	return n - len(m.list), nil
}

func (m *modelFailures) eraseFailures(_ context.Context, refs ...crm.Ref) error {
	m.list = slices.DeleteFunc(m.list, func(f Failure) bool {
		return slices.Contains(refs, f.Operation.Ref) || slices.Contains(refs, f.Record)
	})
	return nil
}

func (m *modelFailures) RecordFailure(_ context.Context, f Failure) error {
	m.list = append(m.list, f)
	return nil
}

// modelSuppressions holds until when each suppression lasts.
type modelSuppressions map[string]time.Time

func (g modelSuppressions) Suppress(_ context.Context, until time.Time, hashes ...string) error {
	for _, h := range hashes {
		g[h] = until
	}
	return nil
}

func (g modelSuppressions) IsSuppressed(_ context.Context, now time.Time, hash string) (bool, error) {
	return g[hash].After(now), nil
}
