package simulate

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// memberPage is small, so that companies have several pages of contacts.
const memberPage = 2

// FindMembers implements syncer.Members.
func (l *links) FindMembers(ctx context.Context, company crm.Ref, after string, _ int) ([]crm.Ref, string, error) {
	if _, err := l.begin(ctx, "find members"); err != nil {
		return nil, "", err
	}
	var found []crm.Ref
	for _, id := range slices.Sorted(maps.Keys(l.kept)) {
		link := l.kept[id]
		if id <= after || link.Kind != crm.Contact || link.On(company.System).Company != company.RecordID {
			continue
		}
		found = append(found, link.Ref(company.System))
		if len(found) == memberPage {
			return found, id, nil
		}
	}
	return found, "", nil
}

// suppressions remembers who was erased.
type suppressions struct {
	world *world
	until map[string]time.Time
}

// Suppress implements syncer.Suppressions.
func (g *suppressions) Suppress(ctx context.Context, until time.Time, hashes ...string) error {
	for _, h := range hashes {
		if err := g.world.seam(ctx, "suppress"); err != nil {
			return err
		}
		f := g.world.draw(storeDown, storeLost)
		if f == storeDown {
			return errStore
		}
		g.until[h] = until
		if f == storeLost {
			return errStore
		}
	}
	return nil
}

// IsSuppressed implements syncer.Suppressions.
func (g *suppressions) IsSuppressed(ctx context.Context, now time.Time, hash string) (bool, error) {
	if err := g.world.seam(ctx, "read the suppression list"); err != nil {
		return false, err
	}
	if g.world.draw(storeDown, noFault, noFault) != noFault {
		return false, errStore
	}
	return g.until[hash].After(now), nil
}

// EraseFailures implements assembly.Failures.
func (s *failures) EraseFailures(ctx context.Context, refs ...crm.Ref) error {
	f, err := s.begin(ctx, "erase failures")
	if err != nil {
		return err
	}
	s.forget(func(n *noted) bool { return slices.Contains(refs, n.Ref) || slices.Contains(refs, n.Record.Record) })
	return errorOf(f)
}

// forget removes entries without a trace.
func (s *failures) forget(which func(*noted) bool) {
	s.order = slices.DeleteFunc(s.order, func(n *noted) bool {
		if !which(n) {
			return false
		}
		delete(s.byID, n.ID)
		return true
	})
}
