package docstoretest

import (
	"context"
	"fmt"
	"testing"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
)

const (
	racers = 16
	rounds = 10
)

// winners counts the errors that are none; any other than lost fails the test.
func winners(t *testing.T, errs []error, lost codes.Code) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		wantCode(t, "loser", err, lost)
	}
	return n
}

var raceTests = []test{
	{"one of 16 compare-and-sets wins each round and none is lost", func(t *testing.T, e env) {
		at := e.set(t, "c/a", data{"n": 0})
		for round := range rounds {
			errs := together(racers, func(i int) error {
				_, err := e.Doc("c/a").Update(e.ctx, []firestore.Update{
					{Path: "n", Value: firestore.Increment(1)}, {Path: "by", Value: i},
				}, firestore.LastUpdateTime(at))
				return err
			})
			if n := winners(t, errs, codes.FailedPrecondition); n != 1 {
				t.Fatalf("round %d has %d winners, want 1", round, n)
			}
			snap := e.get(t, "c/a")
			by, err := snap.DataAt("by")
			if err != nil {
				t.Fatal(err)
			}
			if errs[by.(int64)] != nil {
				t.Errorf("round %d: the document is by %v, who was refused", round, by)
			}
			if !snap.UpdateTime.After(at) {
				t.Fatalf("round %d: update time did not rise", round)
			}
			at = snap.UpdateTime
		}
		if n, err := e.get(t, "c/a").DataAt("n"); err != nil || n != int64(rounds) {
			t.Errorf("n = %v (%v) after %d rounds", n, err, rounds)
		}
	}},
	{"one of 16 creates wins each round", func(t *testing.T, e env) {
		for round := range rounds {
			errs := together(racers, func(i int) error {
				_, err := e.Doc(fmt.Sprintf("c/%d", round)).Create(e.ctx, data{"by": i})
				return err
			})
			if n := winners(t, errs, codes.AlreadyExists); n != 1 {
				t.Fatalf("round %d has %d winners, want 1", round, n)
			}
		}
	}},
	{"no increment outside transactions is lost", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"n": 0})
		for _, err := range together(racers, func(int) error {
			_, err := e.Doc("c/a").Update(e.ctx, []firestore.Update{{Path: "n", Value: firestore.Increment(1)}})
			return err
		}) {
			wantCode(t, "increment", err, codes.OK)
		}
		e.wantData(t, "c/a", data{"n": int64(racers)})
	}},
}

// transact runs a transaction with attempts to spare: contention is wanted here.
func (e env) transact(f func(context.Context, *firestore.Transaction) error) error {
	return e.RunTransaction(e.ctx, f, firestore.MaxAttempts(20))
}

var transactionTests = []test{
	{"a transaction reads, then writes all", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"n": 1})
		err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
			snap, err := tx.Get(e.Doc("c/a"))
			if err != nil {
				return err
			}
			if err := tx.Create(e.Doc("c/copy"), snap.Data()); err != nil {
				return err
			}
			return tx.Delete(e.Doc("c/a"))
		})
		wantCode(t, "transaction", err, codes.OK)
		e.wantIDs(t, e.Collection("c").Query, "copy")
	}},
	{"a transaction whose function fails writes nothing", func(t *testing.T, e env) {
		err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
			if err := tx.Set(e.Doc("c/a"), data{}); err != nil {
				return err
			}
			return context.Canceled
		})
		if err == nil {
			t.Error("the error of the function was dropped")
		}
		e.wantMissing(t, "c/a")
	}},
	{"a refused write refuses the transaction", func(t *testing.T, e env) {
		e.set(t, "c/taken", data{})
		err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
			if err := tx.Set(e.Doc("c/a"), data{}); err != nil {
				return err
			}
			return tx.Create(e.Doc("c/taken"), data{})
		})
		wantCode(t, "transaction", err, codes.AlreadyExists)
		e.wantMissing(t, "c/a")
	}},
	{"transactions that conflict are run again and none is lost", func(t *testing.T, e env) {
		const writers = 4
		e.set(t, "c/a", data{"n": 0})
		for _, err := range together(writers, func(int) error {
			return e.transact(func(_ context.Context, tx *firestore.Transaction) error {
				snap, err := tx.Get(e.Doc("c/a"))
				if err != nil {
					return err
				}
				return tx.Set(e.Doc("c/a"), data{"n": snap.Data()["n"].(int64) + 1})
			})
		}) {
			wantCode(t, "transaction", err, codes.OK)
		}
		e.wantData(t, "c/a", data{"n": int64(writers)})
	}},
	{"two that each see the other's document missing do not both write", func(t *testing.T, e env) {
		for _, err := range together(2, func(i int) error {
			mine, other := e.Doc(fmt.Sprintf("c/%d", i)), e.Doc(fmt.Sprintf("c/%d", 1-i))
			return e.transact(func(_ context.Context, tx *firestore.Transaction) error {
				snaps, err := tx.GetAll([]*firestore.DocumentRef{other})
				if err != nil || snaps[0].Exists() {
					return err
				}
				return tx.Set(mine, data{})
			})
		}) {
			wantCode(t, "transaction", err, codes.OK)
		}
		if got, err := ids(e.Collection("c").Documents(e.ctx)); err != nil || len(got) != 1 {
			t.Errorf("documents %v (%v), want one: the writes were skewed", got, err)
		}
	}},
	{"a query's result is part of what was read", func(t *testing.T, e env) {
		claim := func(i int) error {
			return e.transact(func(_ context.Context, tx *firestore.Transaction) error {
				found, err := ids(tx.Documents(e.Collection("c").Where("key", "==", "k")))
				if err != nil || len(found) > 0 {
					return err
				}
				return tx.Create(e.Doc(fmt.Sprintf("c/%d", i)), data{"key": "k"})
			})
		}
		for _, err := range together(3, claim) {
			wantCode(t, "transaction", err, codes.OK)
		}
		if got, err := ids(e.Collection("c").Documents(e.ctx)); err != nil || len(got) != 1 {
			t.Errorf("documents %v (%v), want one: a phantom was let in", got, err)
		}
	}},
	{"a read-only transaction sees one moment", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"n": 1})
		e.set(t, "c/b", data{"n": 1})
		err := e.RunTransaction(e.ctx, func(ctx context.Context, tx *firestore.Transaction) error {
			if _, err := tx.Get(e.Doc("c/a")); err != nil {
				return err
			}
			if _, err := e.Doc("c/b").Set(ctx, data{"n": 2}); err != nil {
				return err
			}
			if _, err := e.Doc("c/new").Set(ctx, data{"n": 1}); err != nil {
				return err
			}
			found, err := ids(tx.Documents(e.Collection("c").Where("n", "==", 1)))
			if err == nil && len(found) != 2 {
				t.Errorf("query sees %v, want a and b as they were", found)
			}
			return err
		}, firestore.ReadOnly)
		wantCode(t, "transaction", err, codes.OK)
	}},
}
