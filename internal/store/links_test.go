package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

func newLink(hubspot, zoho string) syncer.Link {
	return syncer.Link{
		ID: uuid.NewString(), Kind: crm.Contact,
		HubSpot: syncer.LinkSide{RecordID: hubspot}, Zoho: syncer.LinkSide{RecordID: zoho},
		Fields: map[string]merge.Base{},
	}
}

func save(t *testing.T, s *store.Links, l syncer.Link) syncer.Link {
	t.Helper()
	saved, err := s.SaveLink(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func find(t *testing.T, s *store.Links, r crm.Ref) (syncer.Link, bool) {
	t.Helper()
	l, found, err := s.FindLink(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return l, found
}

func linkIsFound(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	saved := save(t, s, newLink("1", "2"))
	for _, r := range []crm.Ref{ref(crm.HubSpot, "1"), ref(crm.Zoho, "2")} {
		if got, found := find(t, s, r); !found || got.ID != saved.ID {
			t.Errorf("by %s: found %t, id %s", r, found, got.ID)
		}
	}
	for _, r := range []crm.Ref{ref(crm.HubSpot, "2"), ref(crm.Zoho, "1"), {System: crm.HubSpot, Kind: crm.Company, RecordID: "1"}} {
		if _, found := find(t, s, r); found {
			t.Errorf("by %s: found", r)
		}
	}
}

func linkComesBack(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	at := time.Date(2026, 11, 23, 10, 0, 0, 123456000, time.UTC)
	l := newLink("1", "2")
	l.HubSpot = syncer.LinkSide{RecordID: "1", ReadAt: at, WroteAt: at, Modified: at, CounterpartIDRefused: true}
	l.Zoho.ReadAt, l.Zoho.WroteAt, l.Zoho.Modified = at, at, at
	l.Lease = syncer.Lease{Holder: "me", Until: at}
	l.DeletedOn, l.DeletedAt, l.HashID, l.Failing, l.CreatedOn = crm.Zoho, at, "4711", true, crm.Zoho
	l.Fields["email"] = merge.Base{
		Cell:    merge.Cell{Hash: "h", Stamp: merge.Stamp{At: 5, Counter: 1, Side: crm.Zoho, RawAt: 4}},
		HubSpot: merge.SideBase{Seen: 7, Shown: "s", ReadBeforeBase: true, Pending: true, Blank: true, StoredForm: merge.StoredForm{Sent: "a", Stored: "b", Count: 2}},
		Zoho:    merge.SideBase{Refused: merge.Refusal{Hash: "r", Code: "INVALID_DATA"}},
	}
	l.HubSpot.Company, l.Zoho.Company = "9", "8"
	l.Companies = []company.Pair{{Link: "c", HubSpot: "9", Zoho: "8"}}
	l.FanOutPending = []crm.Ref{{System: crm.Zoho, Kind: crm.Company, RecordID: "7"}}
	l.Decisions = []syncer.Decision{{At: at, Operation: "o", Field: "email", Winner: crm.Zoho, Reason: merge.OnlyEdit, Wrote: []crm.System{crm.HubSpot}}}
	saved := save(t, s, l)
	// Once as created, once as updated in place.
	for range 2 {
		got, _ := find(t, s, ref(crm.HubSpot, "1"))
		if got.Version != saved.Version {
			t.Errorf("version %q when saved, %q when found", saved.Version, got.Version)
		}
		want := l
		want.Version, want.Claimed = got.Version, []crm.Ref{ref(crm.HubSpot, "1"), ref(crm.Zoho, "2")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		l.DeletedAt = l.DeletedAt.Add(time.Hour)
		next := l
		next.Version, next.Claimed = saved.Version, saved.Claimed
		saved = save(t, s, next)
	}
}

func findMembers(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	company := crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: "9"}
	want := map[crm.Ref]bool{}
	for i := range 5 {
		l := newLink(fmt.Sprint("1", i), fmt.Sprint("2", i))
		l.Zoho.Company, l.HubSpot.Company = "9", "77"
		want[l.Ref(crm.Zoho)] = true
		save(t, s, l)
	}
	other := newLink("31", "32")
	other.HubSpot.Company = "9" // of the other side
	save(t, s, other)
	got, pages := map[crm.Ref]bool{}, 0
	for after, more := "", true; more; pages++ {
		refs, next, err := s.FindMembers(t.Context(), company, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			got[r] = true
		}
		after, more = next, next != ""
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages, contacts (-want +got):\n%s", pages, diff)
	}
}

func oldReading(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	first := save(t, s, newLink("1", "2"))
	changed := first
	changed.Lease = syncer.Lease{Holder: "me"}
	second := save(t, s, changed)
	if first.Version == second.Version {
		t.Fatal("two writes share a version")
	}
	if _, err := s.SaveLink(t.Context(), first); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("save: %v", err)
	}
	first.Lease = syncer.Lease{Holder: "another"}
	first.Zoho.RecordID = "3" // in a transaction, since a claim changes
	if _, err := s.SaveLink(t.Context(), first); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("save with a new claim: %v", err)
	}
	if err := s.DropLink(t.Context(), first); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("drop: %v", err)
	}
	if err := s.DropLink(t.Context(), second); err != nil {
		t.Errorf("drop: %v", err)
	}
	if _, err := s.SaveLink(t.Context(), second); !errors.Is(err, syncer.ErrChanged) {
		t.Errorf("save after the drop: %v", err)
	}
}

func oneLink(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	save(t, s, newLink("1", "2"))
	for _, l := range []syncer.Link{newLink("1", "3"), newLink("3", "2"), newLink("1", "")} {
		if _, err := s.SaveLink(t.Context(), l); !errors.Is(err, syncer.ErrClaimed) {
			t.Errorf("a second link %s-%s: %v", l.HubSpot.RecordID, l.Zoho.RecordID, err)
		}
	}
	free := save(t, s, newLink("4", ""))
	free.Zoho.RecordID = "2"
	if _, err := s.SaveLink(t.Context(), free); !errors.Is(err, syncer.ErrClaimed) {
		t.Errorf("taking a claimed record: %v", err)
	}
	if got, _ := find(t, s, ref(crm.HubSpot, "4")); got.Zoho.RecordID != "" {
		t.Error("a refused save was stored")
	}
}

func rekey(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	l := save(t, s, newLink("1", "2"))
	l.HubSpot.RecordID = "9"
	save(t, s, l)
	if _, found := find(t, s, ref(crm.HubSpot, "1")); found {
		t.Error("still found by the old id")
	}
	if _, found := find(t, s, ref(crm.HubSpot, "9")); !found {
		t.Error("not found by the new id")
	}
	save(t, s, newLink("1", "3")) // the old one is free
}

func drop(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	l := save(t, s, newLink("1", "2"))
	if err := s.DropLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if _, found := find(t, s, ref(crm.Zoho, "2")); found {
		t.Error("still found")
	}
	save(t, s, newLink("1", "2"))
}

func replace(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	pair := func(hubspot string) string {
		l, _ := find(t, s, ref(crm.HubSpot, hubspot))
		return l.HubSpot.RecordID + "-" + l.Zoho.RecordID
	}
	over, l := save(t, s, newLink("1", "2")), save(t, s, newLink("9", "3"))
	l.HubSpot.RecordID = "1"
	l, err := s.ReplaceLink(t.Context(), l, over)
	if err != nil {
		t.Fatal(err)
	}
	if _, found := find(t, s, ref(crm.HubSpot, "9")); found || pair("1") != "1-3" {
		t.Errorf("1 is in %s, 9 in a link: %t", pair("1"), found)
	}
	if _, found := find(t, s, ref(crm.Zoho, "2")); found {
		t.Error("the record of the link that was replaced is in one")
	}
	l.Lease = syncer.Lease{Holder: "me"}
	l = save(t, s, l) // as it was returned

	begun := save(t, s, newLink("", "5"))
	if _, err := s.ReplaceLink(t.Context(), newLink("4", "5"), begun); err != nil || pair("4") != "4-5" {
		t.Errorf("a new link: %s, %v", pair("4"), err)
	}

	save(t, s, newLink("6", "7"))
	moved := l
	moved.HubSpot.RecordID = "6" // which belongs to a third
	if _, err := s.ReplaceLink(t.Context(), moved, save(t, s, newLink("8", ""))); !errors.Is(err, syncer.ErrClaimed) || pair("1") != "1-3" || pair("6") != "6-7" || pair("8") != "8-" {
		t.Errorf("taking a claimed record: %v; then %s, %s and %s", err, pair("1"), pair("6"), pair("8"))
	}
	old := over
	old.Claimed = []crm.Ref{ref(crm.HubSpot, "8")}
	moved.HubSpot.RecordID = "8"
	if _, err := s.ReplaceLink(t.Context(), moved, old); !errors.Is(err, syncer.ErrChanged) || pair("1") != "1-3" || pair("8") != "8-" {
		t.Errorf("over one that changed: %v; then %s and %s", err, pair("1"), pair("8"))
	}
}
