package docstoretest

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
)

// update applies updates and fails the test when they are refused.
func (e env) update(t *testing.T, path string, us ...firestore.Update) {
	t.Helper()
	if _, err := e.Doc(path).Update(e.ctx, us); err != nil {
		t.Fatalf("update %s: %v", path, err)
	}
}

var updateTests = []test{
	{"an update needs its document", func(t *testing.T, e env) {
		_, err := e.Doc("c/a").Update(e.ctx, []firestore.Update{{Path: "n", Value: 1}})
		wantCode(t, "update of nothing", err, codes.NotFound)
		e.wantMissing(t, "c/a")
	}},
	{"compare and set by update time", func(t *testing.T, e env) {
		at := e.set(t, "c/a", data{"n": 1})
		set := func(n int, at time.Time) error {
			_, err := e.Doc("c/a").Update(e.ctx, []firestore.Update{{Path: "n", Value: n}}, firestore.LastUpdateTime(at))
			return err
		}
		wantCode(t, "with the right time", set(2, at), codes.OK)
		wantCode(t, "with the time before", set(3, at), codes.FailedPrecondition)
		e.wantData(t, "c/a", data{"n": int64(2)})
		_, err := e.Doc("c/none").Delete(e.ctx, firestore.LastUpdateTime(at))
		wantCode(t, "delete of nothing", err, codes.FailedPrecondition)
		_, err = e.Doc("c/a").Delete(e.ctx, firestore.LastUpdateTime(at))
		wantCode(t, "delete with the time before", err, codes.FailedPrecondition)
		wantCode(t, "with half a microsecond", set(3, at.Add(500)), codes.InvalidArgument)
	}},
	{"a mask changes its paths alone", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"a": 1, "m": data{"x": 1, "y": 1, "deep": data{"p": 1, "q": 1}}, "s": "text"})
		e.update(t, "c/a", firestore.Update{Path: "m.x", Value: 2}, firestore.Update{Path: "m.deep.p", Value: firestore.Delete},
			firestore.Update{Path: "new.z", Value: 3}, firestore.Update{Path: "a", Value: firestore.Delete},
			firestore.Update{Path: "none.z", Value: firestore.Delete}, firestore.Update{Path: "s.inner", Value: firestore.Delete})
		e.wantData(t, "c/a", data{"s": "text", "new": data{"z": int64(3)},
			"m": data{"x": int64(2), "y": int64(1), "deep": data{"q": int64(1)}}})
	}},
	{"a scalar gives way to a map", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"s": "text"})
		e.update(t, "c/a", firestore.Update{Path: "s.x", Value: 1})
		e.wantData(t, "c/a", data{"s": data{"x": int64(1)}})
	}},
	{"an update of a refused commit leaves no trace", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"m": data{"x": 1, "l": []any{1}}})
		e.set(t, "c/taken", data{})
		err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
			return errors.Join(tx.Update(e.Doc("c/a"), []firestore.Update{
				{Path: "m.x", Value: 2}, {Path: "m.y", Value: 2}, {Path: "m.l", Value: firestore.ArrayUnion(2)},
			}), tx.Create(e.Doc("c/taken"), data{}))
		})
		wantCode(t, "commit", err, codes.AlreadyExists)
		e.wantData(t, "c/a", data{"m": data{"x": int64(1), "l": []any{int64(1)}}})
	}},
	{"field names of any kind are quoted on the way", func(t *testing.T, e env) {
		odd := firestore.FieldPath{"a.b`c\\d", "1 é", "~*/[]"}
		e.set(t, "c/a", data{odd[0]: data{odd[1]: data{odd[2]: 1, "keep": 1}}})
		e.update(t, "c/a", firestore.Update{FieldPath: odd, Value: 2})
		e.wantData(t, "c/a", data{odd[0]: data{odd[1]: data{odd[2]: int64(2), "keep": int64(1)}}})
		e.wantIDs(t, e.Collection("c").WherePath(odd, "==", 2), "a")
	}},
	{"merge creates the document, without what it deletes", func(t *testing.T, e env) {
		if _, err := e.Doc("c/a").Set(e.ctx, data{"n": 1, "gone": firestore.Delete}, firestore.MergeAll); err != nil {
			t.Fatal(err)
		}
		e.wantData(t, "c/a", data{"n": int64(1)})
	}},
	{"the server's time has milliseconds and is one per commit", func(t *testing.T, e env) {
		at := e.set(t, "c/a", data{"x": firestore.ServerTimestamp, "m": data{"y": firestore.ServerTimestamp}})
		var got struct {
			X time.Time `firestore:"x"`
			M struct {
				Y time.Time `firestore:"y"`
			} `firestore:"m"`
		}
		if err := e.get(t, "c/a").DataTo(&got); err != nil {
			t.Fatal(err)
		}
		if !got.X.Equal(got.M.Y) || got.X.Nanosecond()%int(time.Millisecond) != 0 {
			t.Errorf("server times %v and %v, want one, in milliseconds", got.X, got.M.Y)
		}
		if d := at.Sub(got.X); d < 0 || d > time.Minute {
			t.Errorf("server time is %v before the commit", d)
		}
	}},
	{"increments", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"int": 1, "double": 1.5, "text": "x", "full": int64(math.MaxInt64 - 1)})
		inc := func(path string, by any) firestore.Update {
			return firestore.Update{Path: path, Value: firestore.Increment(by)}
		}
		e.update(t, "c/a", inc("int", 2), inc("double", 1), inc("text", 3), inc("none", 4), inc("full", 5), inc("m.deep", -1))
		e.wantData(t, "c/a", data{"int": int64(3), "double": 2.5, "text": int64(3), "none": int64(4),
			"full": int64(math.MaxInt64), "m": data{"deep": int64(-1)}})
	}},
	{"maximum and minimum", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"up": 1, "stay": 5, "down": 5, "same": 3, "text": "x"})
		most := func(path string, v any) firestore.Update {
			return firestore.Update{Path: path, Value: firestore.FieldTransformMaximum(v)}
		}
		e.update(t, "c/a", most("up", 2), most("stay", 4), most("same", 3.0), most("text", 1),
			firestore.Update{Path: "down", Value: firestore.FieldTransformMinimum(2.5)})
		e.wantData(t, "c/a", data{"up": int64(2), "stay": int64(5), "down": 2.5, "same": int64(3), "text": int64(1)})
	}},
	{"array union and remove", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"u": []any{1, 2}, "r": []any{1, 2, 1, "x"}, "s": "text"})
		e.update(t, "c/a", firestore.Update{Path: "u", Value: firestore.ArrayUnion(2.0, 3, 3)},
			firestore.Update{Path: "r", Value: firestore.ArrayRemove(1)},
			firestore.Update{Path: "s", Value: firestore.ArrayUnion("a")},
			firestore.Update{Path: "n", Value: firestore.ArrayRemove("a")})
		e.wantData(t, "c/a", data{"u": []any{int64(1), int64(2), int64(3)}, "r": []any{int64(2), "x"}, "s": []any{"a"}, "n": []any{}})
	}},
}
