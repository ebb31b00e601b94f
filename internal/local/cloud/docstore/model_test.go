package docstore

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"
)

func integer(i int64) *pb.Value {
	return &pb.Value{ValueType: &pb.Value_IntegerValue{IntegerValue: i}}
}

func double(f float64) *pb.Value {
	return &pb.Value{ValueType: &pb.Value_DoubleValue{DoubleValue: f}}
}

// scalars draws from few values, so that equal ones of different types meet.
func scalars() *rapid.Generator[*pb.Value] {
	return rapid.OneOf(
		rapid.SampledFrom([]*pb.Value{
			nullValue, nanValue, text(""), text("a"), text("b"), integer(0), integer(1), double(0), double(math.Copysign(0, -1)),
			double(1), double(1.5), integer(math.MaxInt64), double(math.MaxInt64), integer(math.MinInt64), double(math.MinInt64),
			double(math.Inf(1)), double(math.Inf(-1)),
			{ValueType: &pb.Value_BooleanValue{BooleanValue: true}}, {ValueType: &pb.Value_BooleanValue{}},
			{ValueType: &pb.Value_BytesValue{BytesValue: []byte("a")}},
			{ValueType: &pb.Value_TimestampValue{TimestampValue: timestamppb.New(time.Unix(1, 0))}},
			{ValueType: &pb.Value_ReferenceValue{ReferenceValue: testRoot + "/c/a"}},
		}),
		rapid.Map(rapid.Int64(), integer),
		rapid.Map(rapid.Float64(), double),
	)
}

func TestValuesAreInOneTotalOrder(t *testing.T) {
	values := rapid.OneOf(scalars(), rapid.Map(rapid.SliceOfN(scalars(), 0, 2), func(vs []*pb.Value) *pb.Value {
		return &pb.Value{ValueType: &pb.Value_ArrayValue{ArrayValue: &pb.ArrayValue{Values: vs}}}
	}), rapid.Map(scalars(), func(v *pb.Value) *pb.Value {
		return &pb.Value{ValueType: &pb.Value_MapValue{MapValue: &pb.MapValue{Fields: fields{"f": v}}}}
	}))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := values.Draw(t, "a"), values.Draw(t, "b"), values.Draw(t, "c")
		if compareValues(a, b) != -compareValues(b, a) {
			t.Errorf("%v and %v compare both ways", a, b)
		}
		if compareValues(a, b) <= 0 && compareValues(b, c) <= 0 && compareValues(a, c) > 0 {
			t.Errorf("%v <= %v <= %v is not transitive", a, b, c)
		}
	})
}

func TestIndexKeysAreEqualExactlyWhenValuesAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := scalars().Draw(t, "a"), scalars().Draw(t, "b")
		ka, okA := scalarKey(a)
		kb, okB := scalarKey(b)
		if !okA || !okB || (ka == kb) != equalValues(a, b) {
			t.Errorf("keys %q and %q of %v and %v", ka, kb, a, b)
		}
	})
}

func TestIDSetIsASortedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set idSet
		model := map[string]bool{}
		ids := rapid.StringMatching(`[a-d]{0,6}`)
		for range rapid.IntRange(0, 3*blockLen).Draw(t, "steps") {
			id := ids.Draw(t, "id")
			if rapid.IntRange(0, 3).Draw(t, "op") > 0 {
				set.insert(id)
				model[id] = true
			} else {
				set.remove(id)
				delete(model, id)
			}
		}
		first := ids.Draw(t, "first")
		want := slices.DeleteFunc(slices.Sorted(maps.Keys(model)), func(id string) bool { return id < first })
		got := slices.Collect(set.from(first))
		if !slices.Equal(got, want) || set.size != len(model) {
			t.Errorf("from %q: %v, want %v; size %d, want %d", first, got, want, set.size, len(model))
		}
	})
}

// naive runs a query on a plain map of documents.
func naive(docs map[docKey]*pb.Document, q *query) (names []string) {
	var found []*pb.Document
	for k, doc := range docs {
		if q.covers(k.coll) && q.matches(doc) && q.inside(doc) {
			found = append(found, doc)
		}
	}
	slices.SortFunc(found, q.compare)
	found = found[min(q.offset, len(found)):]
	if q.limit >= 0 {
		found = found[:min(q.limit, len(found))]
	}
	return namesOf(found)
}

func namesOf(docs []*pb.Document) (names []string) {
	for _, d := range docs {
		names = append(names, d.Name)
	}
	return names
}

func drawQuery(t *rapid.T) *query {
	sq := &pb.StructuredQuery{From: []*pb.StructuredQuery_CollectionSelector{{
		CollectionId: "c", AllDescendants: rapid.Bool().Draw(t, "group"),
	}}}
	ops := rapid.SampledFrom([]operator{opEqual, opEqual, opLess, opGreaterEq, opNotEqual})
	if rapid.Bool().Draw(t, "where") {
		sq.Where = &pb.StructuredQuery_Filter{FilterType: &pb.StructuredQuery_Filter_FieldFilter{
			FieldFilter: &pb.StructuredQuery_FieldFilter{
				Field: &pb.StructuredQuery_FieldReference{FieldPath: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "field")},
				Op:    ops.Draw(t, "op"), Value: scalars().Draw(t, "value"),
			},
		}}
	}
	if rapid.Bool().Draw(t, "order") {
		sq.OrderBy = []*pb.StructuredQuery_Order{{
			Field:     &pb.StructuredQuery_FieldReference{FieldPath: rapid.SampledFrom([]string{"a", nameField}).Draw(t, "by")},
			Direction: rapid.SampledFrom([]pb.StructuredQuery_Direction{1, 2}).Draw(t, "direction"),
		}}
	}
	if rapid.Bool().Draw(t, "limited") {
		sq.Limit = wrapperspb.Int32(int32(rapid.IntRange(0, 5).Draw(t, "limit")))
		sq.Offset = int32(rapid.IntRange(0, 2).Draw(t, "offset"))
	}
	if len(sq.OrderBy) > 0 && sq.OrderBy[0].Field.FieldPath == nameField && rapid.Bool().Draw(t, "cursor") {
		name := testRoot + "/c/" + rapid.StringMatching(`[a-e]{1,2}`).Draw(t, "start")
		sq.StartAt = &pb.Cursor{Before: rapid.Bool().Draw(t, "at"), Values: []*pb.Value{
			{ValueType: &pb.Value_ReferenceValue{ReferenceValue: name}},
		}}
	}
	q, err := compileQuery(testRoot, sq)
	if err != nil {
		t.Skip(err)
	}
	return q
}

// TestQueriesAgreeWithANaiveScan holds indexes, shortcuts and views of the past
// against a plain map, while documents come, change and go.
func TestQueriesAgreeWithANaiveScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := newStore(time.Now)
		now := map[docKey]*pb.Document{}
		past, pastAt := maps.Clone(now), st.clock.forRead()
		path := rapid.Map(rapid.StringMatching(`(c/[a-e]/)?c/[a-e]{1,2}`), func(p string) string { return testRoot + "/" + p })
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				past, pastAt = maps.Clone(now), st.clock.forRead()
			case 1, 2:
				q := drawQuery(t)
				docs, _ := view{store: st}.run(q)
				if diff := cmp.Diff(naive(now, q), namesOf(docs)); diff != "" {
					t.Fatalf("query now (-naive +store):\n%s", diff)
				}
				v, ok := st.viewAt(pastAt)
				if !ok {
					t.Fatal("the past is forgotten")
				}
				docs, _ = v.run(q)
				if diff := cmp.Diff(naive(past, q), namesOf(docs)); diff != "" {
					t.Fatalf("query in the past (-naive +store):\n%s", diff)
				}
			default:
				k, err := parseDocName(path.Draw(t, "path"))
				if err != nil {
					t.Fatal(err)
				}
				m := mutation{key: k, delete: rapid.IntRange(0, 3).Draw(t, "delete") == 0, fields: fields{"a": scalars().Draw(t, "a")}}
				if rapid.Bool().Draw(t, "has b") {
					m.fields["b"] = scalars().Draw(t, "b")
				}
				if _, err := st.commit(nil, []mutation{m}); err != nil {
					t.Fatal(err)
				}
				if doc := st.get(k); doc != nil {
					now[k] = doc
				} else {
					delete(now, k)
				}
			}
		}
		for _, c := range st.collections {
			checkIndexes(t, c)
		}
	})
}

// checkIndexes compares a collection's indexes with new ones: nothing may be
// missing, and nothing left over.
func checkIndexes(t *rapid.T, c *collection) {
	kept := c.indexes
	c.indexes = map[string]*index{}
	for _, ix := range kept {
		got, want := map[string][]string{}, map[string][]string{}
		for key, ids := range ix.ids {
			got[key] = slices.Collect(ids.from(""))
		}
		for key, ids := range c.index(ix.path).ids {
			want[key] = slices.Collect(ids.from(""))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("index of %v (-new +kept):\n%s", ix.path, diff)
		}
	}
}
