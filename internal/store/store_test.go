package store_test

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore/docstoretest"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/store"
)

// The stores keep one contract on the embedded Firestore and on Google's
// emulator. Each test has a project, and so a database, of its own.
func TestStoresOnTheEmbeddedFirestore(t *testing.T) {
	contracts(t, docstoretest.Serve(t))
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
