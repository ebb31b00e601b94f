package docstoretest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
)

var writeTests = []test{
	{"a document is created once", func(t *testing.T, e env) {
		if _, err := e.Doc("c/a").Create(e.ctx, data{"n": 1}); err != nil {
			t.Fatal(err)
		}
		_, err := e.Doc("c/a").Create(e.ctx, data{"n": 2})
		wantCode(t, "second create", err, codes.AlreadyExists)
		e.wantData(t, "c/a", data{"n": int64(1)})
	}},
	{"every kind of value comes back", func(t *testing.T, e env) {
		at := time.Date(2026, 2, 3, 4, 5, 6, 123456789, time.UTC)
		e.set(t, "c/a", data{
			"null": nil, "bool": true, "int": 1 << 60, "double": 1.5, "time": at, "text": "é", "bytes": []byte{0, 1},
			"list": []any{1, "a", data{"x": nil}}, "map": data{"a.b": data{"`": 1}}, "empty": data{},
		})
		e.wantData(t, "c/a", data{
			"null": nil, "bool": true, "int": int64(1 << 60), "double": 1.5, "time": at.Truncate(time.Microsecond),
			"text": "é", "bytes": []byte{0, 1}, "list": []any{int64(1), "a", data{"x": nil}},
			"map": data{"a.b": data{"`": int64(1)}}, "empty": data{},
		})
	}},
	{"set replaces, and merge keeps the rest", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"a": 1, "b": 1})
		e.set(t, "c/a", data{"a": 2, "m": data{"x": 1}})
		e.wantData(t, "c/a", data{"a": int64(2), "m": data{"x": int64(1)}})
		if _, err := e.Doc("c/a").Set(e.ctx, data{"m": data{"y": 2}}, firestore.MergeAll); err != nil {
			t.Fatal(err)
		}
		e.wantData(t, "c/a", data{"a": int64(2), "m": data{"x": int64(1), "y": int64(2)}})
	}},
	{"times rise with every change and stay without one", func(t *testing.T, e env) {
		first := e.set(t, "c/a", data{"n": 1})
		if same := e.set(t, "c/a", data{"n": 1}); !same.Equal(first) {
			t.Errorf("a write that changes nothing moved the update time from %v to %v", first, same)
		}
		second := e.set(t, "c/a", data{"n": 2})
		snap := e.get(t, "c/a")
		if !second.After(first) || !snap.CreateTime.Equal(first) || !snap.UpdateTime.Equal(second) {
			t.Errorf("times: first %v, second %v, created %v, updated %v", first, second, snap.CreateTime, snap.UpdateTime)
		}
		if snap.ReadTime.Before(second) {
			t.Errorf("read time %v is before the write %v it saw", snap.ReadTime, second)
		}
	}},
	{"a delete removes, may be repeated, and may demand existence", func(t *testing.T, e env) {
		e.set(t, "c/a", data{})
		for range 2 {
			if _, err := e.Doc("c/a").Delete(e.ctx); err != nil {
				t.Fatal(err)
			}
		}
		e.wantMissing(t, "c/a")
		_, err := e.Doc("c/a").Delete(e.ctx, firestore.Exists)
		wantCode(t, "delete of nothing", err, codes.NotFound)
	}},
	{"a commit is all or nothing", func(t *testing.T, e env) {
		e.set(t, "c/gone", data{})
		e.set(t, "c/taken", data{})
		commit := func(third string) error {
			return e.transact(func(_ context.Context, tx *firestore.Transaction) error {
				return errors.Join(tx.Set(e.Doc("c/a"), data{}), tx.Delete(e.Doc("c/gone")), tx.Create(e.Doc(third), data{}))
			})
		}
		wantCode(t, "commit with a refused write", commit("c/taken"), codes.AlreadyExists)
		e.wantIDs(t, e.Collection("c").Query, "gone", "taken")
		wantCode(t, "commit", commit("c/new"), codes.OK)
		e.wantIDs(t, e.Collection("c").Query, "a", "new", "taken")
	}},
	{"writes of one commit see those before them", func(t *testing.T, e env) {
		err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
			return errors.Join(tx.Create(e.Doc("c/a"), data{"n": 1}),
				tx.Update(e.Doc("c/a"), []firestore.Update{{Path: "m", Value: 2}}))
		})
		wantCode(t, "commit", err, codes.OK)
		e.wantData(t, "c/a", data{"n": int64(1), "m": int64(2)})
	}},
	{"a bulk writer reports each write by itself", func(t *testing.T, e env) {
		e.set(t, "c/b", data{})
		bulk := e.BulkWriter(e.ctx)
		var jobs []*firestore.BulkWriterJob
		for _, id := range []string{"a", "b", "c"} {
			job, err := bulk.Create(e.Collection("c").Doc(id), data{})
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, job)
		}
		bulk.End()
		var got []codes.Code
		for _, job := range jobs {
			_, err := job.Results()
			got = append(got, code(err))
		}
		if diff := cmp.Diff([]codes.Code{codes.OK, codes.AlreadyExists, codes.OK}, got); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	}},
	{"collections and documents are listed", func(t *testing.T, e env) {
		e.set(t, "c/a", data{})
		e.set(t, "c/b/inner/x", data{})
		refs, err := e.Collection("c").DocumentRefs(e.ctx).GetAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range refs {
			got = append(got, r.ID)
		}
		colls, err := e.Doc("c/b").Collections(e.ctx).GetAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range colls {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff([]string{"a", "b", "inner"}, got); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}},
}

var refusedTests = []test{
	{"a document above 1 MiB", func(t *testing.T, e env) {
		e.set(t, "c/fits", data{"s": strings.Repeat("x", 1<<20-1000)})
		_, err := e.Doc("c/big").Set(e.ctx, data{"s": strings.Repeat("x", 1<<20)})
		wantCode(t, "one big field", err, codes.InvalidArgument)
		half := strings.Repeat("x", 1<<19)
		_, err = e.Doc("c/big").Set(e.ctx, data{"a": half, "b": half})
		wantCode(t, "two half fields", err, codes.InvalidArgument)
		e.wantMissing(t, "c/big")
	}},
	{"a document that grows above 1 MiB", func(t *testing.T, e env) {
		half := strings.Repeat("x", 1<<19)
		e.set(t, "c/a", data{"a": half})
		_, err := e.Doc("c/a").Update(e.ctx, []firestore.Update{{Path: "b", Value: half}})
		wantCode(t, "update", err, codes.InvalidArgument)
	}},
	{"names that Firestore does not take", func(t *testing.T, e env) {
		for _, id := range []string{"__x__", ".", "..", strings.Repeat("a", 1501)} {
			_, err := e.Collection("c").Doc(id).Set(e.ctx, data{})
			wantCode(t, "document id", err, codes.InvalidArgument)
		}
		_, err := e.Doc("c/a").Set(e.ctx, data{"__x__": 1})
		wantCode(t, "field", err, codes.InvalidArgument)
	}},
	{"an array in an array", func(t *testing.T, e env) {
		_, err := e.Doc("c/a").Set(e.ctx, data{"a": []any{[]any{1}}})
		wantCode(t, "nested array", err, codes.InvalidArgument)
	}},
	{"a read time to come", func(t *testing.T, e env) {
		q := e.Collection("c").WithReadOptions(firestore.ReadTime(time.Now().Add(time.Hour)))
		_, err := q.Documents(e.ctx).GetAll()
		wantCode(t, "query", err, codes.InvalidArgument)
	}},
	{"queries with too many or no values, or a name that is none", func(t *testing.T, e env) {
		many := make([]int, 31)
		for _, q := range []firestore.Query{
			e.Collection("c").Where("n", "in", many), e.Collection("c").Where("n", "not-in", many[:11]),
			e.Collection("c").Where("n", "in", []int{}), e.Collection("c").Where(firestore.DocumentID, "==", 1),
		} {
			_, err := q.Documents(e.ctx).GetAll()
			if got := code(err); err == nil || got != codes.InvalidArgument && got != codes.Unknown { // Unknown: by the client
				t.Errorf("query: %v, want it refused", err)
			}
		}
	}},
}
