package docstoretest

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/latlng"
	"google.golang.org/grpc/codes"
)

// fill makes one document per id, in one commit.
func (e env) fill(t *testing.T, coll string, docs map[string]data) {
	t.Helper()
	err := e.transact(func(_ context.Context, tx *firestore.Transaction) error {
		for id, d := range docs {
			if err := tx.Set(e.Collection(coll).Doc(id), d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("fill %s: %v", coll, err)
	}
}

// cities is a small collection that most tests ask.
func (e env) cities(t *testing.T) *firestore.CollectionRef {
	t.Helper()
	e.fill(t, "cities", map[string]data{
		"bern":  {"land": "ch", "size": 1, "tags": []any{"old", 1}},
		"genf":  {"land": "ch", "size": 2, "tags": []any{"lake"}, "in": data{"eu": false}},
		"köln":  {"land": "de", "size": 3, "tags": []any{"old", "river"}, "in": data{"eu": true}},
		"paris": {"land": "fr", "size": 4.0, "in": data{"eu": true}},
		"rom":   {"land": "it", "size": 4, "tags": "old"},
		"none":  {"land": nil, "size": math.NaN()},
	})
	return e.Collection("cities")
}

func (e env) wantCount(t *testing.T, q firestore.Query, want int64) {
	t.Helper()
	got, err := q.NewAggregationQuery().WithCount("n").Get(e.ctx)
	if err != nil {
		t.Fatalf("count: %v", err)
	}
	if v, ok := got["n"].(*firestorepb.Value); !ok || v.GetIntegerValue() != want {
		t.Errorf("count = %v, want %d", got["n"], want)
	}
}

var queryTests = []test{
	{"equality, alone and with others, in the order of names", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.Where("land", "==", "ch"), "bern", "genf")
		e.wantIDs(t, c.Where("land", "==", "ch").Where("size", "==", 2), "genf")
		e.wantIDs(t, c.Where("size", "==", 4), "paris", "rom")
		e.wantIDs(t, c.Where("in.eu", "==", true), "köln", "paris")
		e.wantIDs(t, c.Where("land", "==", "xx"))
		e.wantIDs(t, c.Where("tags", "==", []any{"lake"}), "genf")
		e.wantIDs(t, c.Where(firestore.DocumentID, "==", c.Doc("rom")), "rom")
	}},
	{"equality follows every write", func(t *testing.T, e env) {
		q := e.Collection("c").Where("k", "==", "x")
		e.wantIDs(t, q)
		e.set(t, "c/b", data{"k": "x"})
		e.set(t, "c/a", data{"k": "x"})
		e.set(t, "c/c", data{"k": "y"})
		e.wantIDs(t, q, "a", "b")
		e.set(t, "c/b", data{"k": "y"})
		e.set(t, "c/c", data{"k": "x"})
		e.wantIDs(t, q, "a", "c")
		if _, err := e.Doc("c/a").Delete(e.ctx); err != nil {
			t.Fatal(err)
		}
		e.update(t, "c/c", firestore.Update{Path: "k", Value: firestore.Delete})
		e.wantIDs(t, q)
	}},
	{"ranges stay within a type and leave out what has no value", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.Where("size", ">", 1), "genf", "köln", "paris", "rom")
		e.wantIDs(t, c.Where("size", ">=", 2).Where("size", "<", 4), "genf", "köln")
		e.wantIDs(t, c.Where("size", "<=", 2), "bern", "genf")
		e.wantIDs(t, c.Where("land", ">", "d").Where("land", "<", "g"), "köln", "paris")
		e.wantIDs(t, c.Where("in.eu", ">", false), "köln", "paris")
	}},
	{"an inequality orders by its field", func(t *testing.T, e env) {
		e.fill(t, "c", map[string]data{"a": {"n": 3}, "b": {"n": 1}, "c": {"n": 2}, "d": {"m": 1}})
		e.wantIDs(t, e.Collection("c").Where("n", ">", 0), "b", "c", "a")
		e.wantIDs(t, e.Collection("c").Where("n", "!=", 1), "c", "a")
		e.wantIDs(t, e.Collection("c").Where("n", "not-in", []int{2}), "b", "a")
	}},
	{"unequal, not-in, null and NaN", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.Where("land", "!=", "ch"), "köln", "paris", "rom")
		e.wantIDs(t, c.Where("land", "not-in", []string{"ch", "it"}), "köln", "paris")
		e.wantIDs(t, c.Where("land", "==", nil), "none")
		e.wantIDs(t, c.Where("land", "!=", nil), "bern", "genf", "köln", "paris", "rom")
		e.wantIDs(t, c.Where("size", "==", math.NaN()), "none")
		e.wantIDs(t, c.Where("size", "!=", math.NaN()), "bern", "genf", "köln", "paris", "rom")
	}},
	{"in, and the two that look into arrays", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.Where("land", "in", []any{"it", "ch", nil}), "bern", "genf", "rom")
		e.wantIDs(t, c.Where("tags", "array-contains", "old"), "bern", "köln")
		e.wantIDs(t, c.Where("tags", "array-contains", 1.0), "bern")
		e.wantIDs(t, c.Where("tags", "array-contains-any", []string{"lake", "river"}), "genf", "köln")
		e.wantIDs(t, c.Where(firestore.DocumentID, "in", []any{c.Doc("rom"), c.Doc("bern"), c.Doc("x")}), "bern", "rom")
	}},
	{"and and or", func(t *testing.T, e env) {
		c := e.cities(t)
		is := func(path string, v any) firestore.EntityFilter {
			return firestore.PropertyFilter{Path: path, Operator: "==", Value: v}
		}
		or := firestore.OrFilter{Filters: []firestore.EntityFilter{is("land", "it"), is("size", 1)}}
		e.wantIDs(t, c.WhereEntity(or), "bern", "rom")
		e.wantIDs(t, c.WhereEntity(or).Where("land", "==", "ch"), "bern")
	}},
	{"order by, up and down, with the name as the last", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.OrderBy("size", firestore.Asc), "none", "bern", "genf", "köln", "paris", "rom")
		e.wantIDs(t, c.OrderBy("size", firestore.Desc), "rom", "paris", "köln", "genf", "bern", "none")
		e.wantIDs(t, c.OrderBy("land", firestore.Desc).OrderBy("size", firestore.Asc), "rom", "paris", "köln", "bern", "genf", "none")
		e.wantIDs(t, c.OrderBy("in.eu", firestore.Asc), "genf", "köln", "paris")
		e.wantIDs(t, c.Where("land", "==", "ch").OrderBy(firestore.DocumentID, firestore.Desc), "genf", "bern")
		_, err := c.OrderBy(firestore.DocumentID, firestore.Desc).Documents(e.ctx).GetAll()
		wantCode(t, "all by name, downwards", err, codes.FailedPrecondition)
	}},
	{"values of all types are in Firestore's order", func(t *testing.T, e env) {
		at := time.Unix(1, 0)
		ordered := []any{
			nil, false, true, math.NaN(), math.Inf(-1), int64(math.MinInt64), -1.5, 0, 0.5, 1, int64(math.MaxInt64), math.Inf(1),
			at, at.Add(time.Microsecond), "", "a", "a\x00", "b", "é", "\ufffd", "\U0001f600", []byte{}, []byte{0}, []byte{255},
			e.Doc("c/a"), e.Doc("c/a/b/c"), e.Doc("c/b"), &latlng.LatLng{Latitude: -1}, &latlng.LatLng{Longitude: 1},
			[]any{}, []any{1}, []any{1, 2}, []any{2}, data{}, data{"a": 1}, data{"a": 1, "b": 0}, data{"a": 2}, data{"b": 0},
		}
		docs, want := map[string]data{}, []string{}
		for i, v := range ordered {
			id := fmt.Sprintf("d%03d", (i*37)%100) // names in another order than values
			docs[id] = data{"v": v}
			want = append(want, id)
		}
		e.fill(t, "o", docs)
		e.wantIDs(t, e.Collection("o").OrderBy("v", firestore.Asc), want...)
	}},
	{"cursors", func(t *testing.T, e env) {
		c := e.cities(t)
		bySize := c.OrderBy("size", firestore.Asc)
		e.wantIDs(t, bySize.StartAt(2).EndAt(3), "genf", "köln")
		e.wantIDs(t, bySize.StartAfter(2).EndBefore(4), "köln")
		e.wantIDs(t, bySize.StartAfter(e.get(t, "cities/paris")), "rom")
		e.wantIDs(t, c.OrderBy("size", firestore.Desc).StartAt(3), "köln", "genf", "bern", "none")
		e.wantIDs(t, c.OrderBy(firestore.DocumentID, firestore.Asc).StartAfter("genf"), "köln", "none", "paris", "rom")
		e.wantIDs(t, bySize.OrderBy("land", firestore.Asc).StartAt(4, "it"), "rom")
	}},
	{"pages by name reach every document once", func(t *testing.T, e env) {
		docs, want := map[string]data{}, []string{}
		for i := range 25 {
			id := fmt.Sprintf("%02d", i)
			docs[id] = data{"k": i % 2}
			want = append(want, id)
		}
		e.fill(t, "p", docs)
		var got []string
		for q := e.Collection("p").OrderBy(firestore.DocumentID, firestore.Asc).Limit(7); ; {
			page, err := ids(q.Documents(e.ctx))
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			q = q.StartAfter(page[len(page)-1])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		e.wantIDs(t, e.Collection("p").Where("k", "==", 1).OrderBy(firestore.DocumentID, firestore.Asc).StartAfter("20"), "21", "23")
	}},
	{"limit, offset and limit to last", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantIDs(t, c.Limit(2), "bern", "genf")
		e.wantIDs(t, c.Where("land", "==", "ch").Offset(1), "genf")
		e.wantIDs(t, c.OrderBy("size", firestore.Asc).Offset(1).Limit(2), "bern", "genf")
		e.wantIDs(t, c.OrderBy("size", firestore.Asc).LimitToLast(2), "paris", "rom")
		e.wantIDs(t, c.Offset(10))
	}},
	{"count", func(t *testing.T, e env) {
		c := e.cities(t)
		e.wantCount(t, c.Query, 6)
		e.wantCount(t, c.Where("land", "==", "ch"), 2)
		e.wantCount(t, c.Where("land", "==", "nowhere"), 0)
		e.wantCount(t, c.Where("land", "==", "ch").Limit(1), 1)
		e.wantCount(t, e.Collection("empty").Query, 0)
	}},
	{"projection", func(t *testing.T, e env) {
		snaps, err := e.cities(t).Where("land", "==", "fr").Select("in.eu", "size", "none").Documents(e.ctx).GetAll()
		if err != nil || len(snaps) != 1 {
			t.Fatalf("%d results, %v", len(snaps), err)
		}
		if diff := cmp.Diff(data{"in": data{"eu": true}, "size": 4.0}, snaps[0].Data()); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	}},
	{"a collection is itself alone, a collection group all of its name", func(t *testing.T, e env) {
		e.set(t, "c/a", data{"n": 1})
		e.set(t, "c/a/c/b", data{"n": 1})
		e.set(t, "d/x/c/e", data{"n": 2})
		e.set(t, "cc/f", data{"n": 1})
		e.wantIDs(t, e.Collection("c").Query, "a")
		e.wantIDs(t, e.Collection("c/a/c").Query, "b")
		e.wantIDs(t, e.CollectionGroup("c").Query, "a", "b", "e")
		e.wantIDs(t, e.CollectionGroup("c").Where("n", "==", 1), "a", "b")
	}},
	{"many documents at once, in the order asked for", func(t *testing.T, e env) {
		c := e.cities(t)
		snaps, err := e.GetAll(e.ctx, []*firestore.DocumentRef{c.Doc("rom"), c.Doc("x"), c.Doc("bern")})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range snaps {
			got = append(got, fmt.Sprint(s.Ref.ID, s.Exists()))
		}
		if diff := cmp.Diff([]string{"romtrue", "xfalse", "berntrue"}, got); diff != "" {
			t.Errorf("documents (-want +got):\n%s", diff)
		}
	}},
}
