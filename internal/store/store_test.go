package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// The stores keep one contract on the embedded Firestore and on Google's
// emulator. Each test has a project, and so a database, of its own.
func TestStoresOnTheEmbeddedFirestore(t *testing.T) {
	server, err := docstore.New(docstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	contracts(t, listener.Addr().String())
}

func TestStoresOnGooglesEmulator(t *testing.T) {
	tier.Long(t, "that the stores keep their contracts on Google's Firestore emulator")
	e, err := emulator.StartFirestore(context.Background())
	if emulator.MaySkip(err) {
		t.Skipf("SKIPPED: Google's Firestore emulator is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	contracts(t, e.Addr)
}

func contracts(t *testing.T, host string) {
	t.Run("links", func(t *testing.T) { storesContract(t, host) })
	t.Run("failures", func(t *testing.T) { failuresContract(t, host) })
	t.Run("stats", func(t *testing.T) { statsContract(t, host) })
	t.Run("cursors", func(t *testing.T) { cursorsContract(t, host) })
	t.Run("channels", func(t *testing.T) { channelsContract(t, host) })
	t.Run("links one after another", func(t *testing.T) { linkScanContract(t, host) })
}

// newDatabase returns a client of a database that nobody else uses.
func newDatabase(t *testing.T, host string) *firestore.Client {
	t.Helper()
	client, err := store.Connect(t.Context(), "test-"+uuid.NewString(), firestore.DefaultDatabaseID, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func storesContract(t *testing.T, host string) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *firestore.Client)
	}{
		{"a link is found from either side", linkIsFound},
		{"a link comes back as it was saved", linkComesBack},
		{"a save on an old reading is refused", oldReading},
		{"a record belongs to one link", oneLink},
		{"a link that changes records frees the old one", rekey},
		{"a dropped link frees its records", drop},
		{"a link takes the place of another, or nothing happens", replace},
		{"a safeguard is kept for each side and kind", safeguardIsKept},
		{"sixteen who create one link create it once", createOnce},
		{"sixteen who enter one record of Zoho in links of their own enter it once", enterOnce},
		{"sixteen who change one link lose nothing", changeRace},
		{"the contacts of a company are found page by page", findMembers},
		{"a suppression is found until it expires", suppressionExpires},
		{"who was erased is nowhere to be found", erasedWithoutATrace},
		{"a token changes in a transaction", tokenRace},
		{"a failure that comes again is counted", countFailures},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, newDatabase(t, host))
		})
	}
}

func ref(s crm.System, id string) crm.Ref {
	return crm.Ref{System: s, Kind: crm.Contact, RecordID: id}
}

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
		Cell:    merge.Cell{Hash: "h", Stamp: merge.Stamp{At: 5, Counter: 1, Side: crm.Zoho, Own: 4}},
		HubSpot: merge.SideBase{Seen: 7, Shown: "s", Behind: true, Pending: true, Blank: true, Image: merge.Image{Sent: "a", Stored: "b", Count: 2}},
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

func suppressionExpires(t *testing.T, c *firestore.Client) {
	g := store.NewSuppressions(c)
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	if err := g.Suppress(t.Context(), now.Add(time.Hour), "one", "two"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		hash string
		at   time.Time
		want bool
	}{{"one", now, true}, {"two", now, true}, {"three", now, false}, {"one", now.Add(2 * time.Hour), false}} {
		if got, err := g.IsSuppressed(t.Context(), tt.at, tt.hash); err != nil || got != tt.want {
			t.Errorf("%s at %s: %t, %v", tt.hash, tt.at, got, err)
		}
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

func safeguardIsKept(t *testing.T, c *firestore.Client) {
	b := store.NewSafeguards(c)
	on := safeguard.State{Side: crm.Zoho, Kind: crm.Contact, HeldAt: failedAt, Records: 1501, Pairs: 3000}
	for _, want := range []safeguard.State{{Side: crm.Zoho, Kind: crm.Contact}, on, {Side: crm.Zoho, Kind: crm.Contact, FreeUntil: failedAt.Add(time.Hour)}} {
		if want != (safeguard.State{Side: crm.Zoho, Kind: crm.Contact}) {
			if err := b.SaveSafeguard(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
		got, err := b.LoadSafeguard(t.Context(), crm.Zoho, crm.Contact)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("safeguard (-want +got):\n%s", diff)
		}
	}
	if got, err := b.LoadSafeguard(t.Context(), crm.HubSpot, crm.Contact); err != nil || got != (safeguard.State{Side: crm.HubSpot, Kind: crm.Contact}) {
		t.Errorf("the other side: %+v, %v", got, err)
	}
}

// race starts n at the same moment.
func race(n int, run func(i int)) {
	var gate, done sync.WaitGroup
	gate.Add(1)
	for i := range n {
		done.Go(func() {
			gate.Wait()
			run(i)
		})
	}
	gate.Done()
	done.Wait()
}

// Half of them have a link already, and half make one.
func enterOnce(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	var links []syncer.Link
	for i := range 16 {
		l := newLink(fmt.Sprint("1", i), "")
		if i%2 == 0 {
			l = save(t, s, l)
		}
		l.Zoho.RecordID = "2"
		links = append(links, l)
	}
	var entered atomic.Int32
	race(len(links), func(i int) {
		for {
			_, err := s.SaveLink(t.Context(), links[i])
			switch {
			case err == nil:
				entered.Add(1)
				return
			case errors.Is(err, syncer.ErrClaimed):
				return
			case errors.Is(err, syncer.ErrChanged): // too many at once: again
			default:
				t.Error(err)
				return
			}
		}
	})
	if n := entered.Load(); n != 1 {
		t.Errorf("the record was entered %d times", n)
	}
}

func createOnce(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	var made atomic.Int32
	race(16, func(int) {
		for {
			_, err := s.SaveLink(t.Context(), newLink("1", ""))
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, syncer.ErrChanged):
				continue // lost against another transaction: try again
			case !errors.Is(err, syncer.ErrClaimed):
				t.Error(err)
			}
			return
		}
	})
	if made.Load() != 1 {
		t.Errorf("%d links were made", made.Load())
	}
}

func changeRace(t *testing.T, c *firestore.Client) {
	s := store.NewLinks(c)
	save(t, s, newLink("1", "2"))
	race(16, func(i int) {
		for {
			l, _, err := s.FindLink(t.Context(), ref(crm.HubSpot, "1"))
			if err != nil {
				t.Error(err)
				return
			}
			l.Fields[fmt.Sprint("field", i)] = merge.Base{Cell: merge.Cell{Hash: "x"}}
			if _, err = s.SaveLink(t.Context(), l); err == nil {
				return
			}
			if !errors.Is(err, syncer.ErrChanged) {
				t.Error(err)
				return
			}
		}
	})
	if l, _ := find(t, s, ref(crm.Zoho, "2")); len(l.Fields) != 16 {
		t.Errorf("%d of 16 changes are there", len(l.Fields))
	}
}

func tokenRace(t *testing.T, c *firestore.Client) {
	s := store.NewTokens(c)
	if state, err := s.LoadToken(t.Context()); err != nil || state != (zoho.TokenState{}) {
		t.Fatalf("before the first: %v", err)
	}
	var winners atomic.Int32
	errHeld := errors.New("held")
	race(16, func(i int) {
		_, err := s.ChangeToken(t.Context(), func(state *zoho.TokenState) error {
			if state.LeaseHolder != "" {
				return errHeld
			}
			state.LeaseHolder = fmt.Sprint(i)
			return nil
		})
		switch {
		case err == nil:
			winners.Add(1)
		case !errors.Is(err, errHeld):
			t.Error(err)
		}
	})
	if winners.Load() != 1 {
		t.Errorf("%d took the lease", winners.Load())
	}
	expiry := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	want := zoho.TokenState{Token: zoho.Token{AccessToken: "a", APIDomain: "https://www.zohoapis.eu", Expiry: expiry}, RefreshedAt: expiry,
		Organisation: "7001", Consent: "0123456789abcdef"}
	if _, err := s.ChangeToken(t.Context(), func(state *zoho.TokenState) error { *state = want; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.LoadToken(t.Context())
	if err != nil || got.Token.AccessToken != "a" || got.Organisation != want.Organisation || got.Consent != want.Consent || !got.Token.Expiry.Equal(expiry) || got.LeaseHolder != "" {
		t.Errorf("loaded %v, %v", got, err)
	}
}

func countFailures(t *testing.T, c *firestore.Client) {
	s := store.NewFailures(c)
	f := syncer.Failure{
		Operation: op.Operation{ID: "first", Ref: ref(crm.HubSpot, "1")}, Side: crm.Zoho, Action: "update",
		Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "Phone", Code: "INVALID_DATA"}},
		At: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	}
	for _, id := range []string{"first", "first", "second"} { // the second is a redelivery
		f.Operation.ID = id
		if err := s.RecordFailure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	f.Fields = []crm.FieldError{{Field: "Email", Code: "INVALID_DATA"}}
	if err := s.RecordFailure(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	docs, err := c.Collection("failures").Documents(t.Context()).GetAll()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[int64]int{}
	for _, d := range docs {
		counts[d.Data()["count"].(int64)]++
	}
	if diff := cmp.Diff(map[int64]int{1: 1, 2: 1}, counts); diff != "" {
		t.Errorf("counts of failures (-want +got):\n%s", diff)
	}
}
