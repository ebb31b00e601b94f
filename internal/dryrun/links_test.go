package dryrun

import (
	"context"
	"errors"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// stored is a store of links that must not be written to.
type stored struct {
	syncer.LinkStore
	links []syncer.Link
}

func (s stored) FindLink(_ context.Context, ref crm.Ref) (syncer.Link, bool, error) {
	for _, l := range s.links {
		if l.Ref(ref.System) == ref {
			return l, true, nil
		}
	}
	return syncer.Link{}, false, nil
}

func link(id, hubspot, zoho string) syncer.Link {
	l := syncer.Link{ID: id, Kind: crm.Contact}
	l.HubSpot.RecordID, l.Zoho.RecordID = hubspot, zoho
	return l
}

func TestLinksOfADryRunKeepTheContractOfTheStoreAndLeaveItAlone(t *testing.T) {
	old := link("old", "1", "2")
	old.Version, old.Claimed = "real", []crm.Ref{old.Ref(crm.HubSpot), old.Ref(crm.Zoho)}
	l := newLinks(stored{links: []syncer.Link{old}})
	owner := func(ref crm.Ref, want string) {
		t.Helper()
		got, found, err := l.FindLink(t.Context(), ref)
		if err != nil || found != (want != "") || got.ID != want {
			t.Errorf("%s belongs to %q, %t, %v, want %q", ref, got.ID, found, err, want)
		}
	}
	save := func(link syncer.Link, want error) syncer.Link {
		t.Helper()
		saved, err := l.SaveLink(t.Context(), link)
		if !errors.Is(err, want) {
			t.Errorf("save %s: %v, want %v", link.ID, err, want)
		}
		return saved
	}
	save(link("new", "3", "2"), syncer.ErrClaimed) // the stored one has the record of Zoho
	made := save(link("new", "3", "4"), nil)
	save(link("new", "3", "5"), syncer.ErrChanged) // not as it was read
	made.Zoho.RecordID = "6"
	moved := save(made, nil)
	owner(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "4"}, "")
	owner(crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "6"}, "new")
	save(link("third", "7", "6"), syncer.ErrClaimed)

	if err := l.DropLink(t.Context(), made); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("an old reading was dropped: %v", err)
	}
	if err := l.DropLink(t.Context(), moved); err != nil {
		t.Error(err)
	}
	owner(crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "3"}, "")
	owner(old.Ref(crm.HubSpot), "old")
	if err := l.DropLink(t.Context(), old); err != nil {
		t.Error(err)
	}
	owner(old.Ref(crm.HubSpot), "")
	save(link("new", "3", "2"), nil)
}
