package safeguard

import (
	"context"
	"errors"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// CountLinked counts the contacts with an id below 10.
func (e *environment) CountLinked(_ context.Context, refs []crm.Ref) (int, error) {
	n := 0
	for _, r := range refs {
		if len(r.RecordID) == 1 {
			n++
		}
	}
	return n, e.err
}

func TestAMassChangeIsMoreThanTheFloorAndTheShare(t *testing.T) {
	creates := func(from crm.System, _ crm.Kind) bool { return from == crm.HubSpot }
	refs := func(first, n int) (all []crm.Ref) {
		for i := range n {
			all = append(all, contact(first+i))
		}
		return all
	}
	tests := map[string]struct {
		from    crm.System
		touched int
		refs    []crm.Ref
		pairs   int
		want    int
		stops   bool
	}{
		"as many as the floor":            {crm.HubSpot, 1, refs(1, 2), 0, 3, false},
		"more than the floor":             {crm.HubSpot, 1, refs(1, 3), 0, 4, true},
		"half of the pairs":               {crm.HubSpot, 4, refs(1, 2), 12, 6, false},
		"more than half of the pairs":     {crm.HubSpot, 5, refs(1, 2), 12, 7, true},
		"records that would get no pair":  {crm.Zoho, 3, refs(10, 9), 0, 3, false},
		"records of which some are pairs": {crm.Zoho, 3, refs(8, 9), 8, 5, true},
		"an empty page":                   {crm.HubSpot, 9, nil, 0, 9, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := &MassChange{Floor: 3, Share: 0.5, Pairs: newEnvironment(tt.pairs), Creates: creates}
			got, err := m.AllowChanges(t.Context(), tt.from, crm.Contact, tt.touched, tt.refs)
			if got != tt.want || errors.Is(err, ErrMassChange) != tt.stops {
				t.Errorf("got %d, %v, want %d and a stop: %t", got, err, tt.want, tt.stops)
			}
		})
	}
}

func TestAMassChangeThatCannotBeCountedIsAnError(t *testing.T) {
	e := newEnvironment(100)
	e.err = errors.New("no store")
	m := (&MassChange{Floor: 1, Pairs: e, Creates: func(crm.System, crm.Kind) bool { return true }}).WithDefaults()
	if n, err := m.AllowChanges(t.Context(), crm.Zoho, crm.Contact, 5, []crm.Ref{contact(1)}); err == nil || n != 6 {
		t.Errorf("got %d, %v, want 6 and an error", n, err)
	}
}

func TestNoMassChangeAllowsAll(t *testing.T) {
	var m *MassChange
	if n, err := m.WithDefaults().AllowChanges(t.Context(), crm.Zoho, crm.Contact, 5, []crm.Ref{contact(1)}); n != 5 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
