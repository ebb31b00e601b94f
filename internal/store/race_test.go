package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

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
