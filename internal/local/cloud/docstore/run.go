package docstore

import (
	"iter"
	"slices"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

// run returns the stored documents that the query asks for, in its order, and
// how many were skipped by the offset. They must be cloned before they leave.
func (v view) run(q *query) (docs []*pb.Document, skipped int) {
	enough := -1
	if q.limit >= 0 && q.byName() && v.past == nil {
		enough = q.offset + q.limit
	}
	sorted := q.byName() && v.past == nil
	best := first{q: q}
	if q.limit >= 0 && !sorted {
		best.n = q.offset + q.limit
	}
	if enough != 0 {
		for doc := range v.candidates(q) {
			if !q.matches(doc) || !q.inside(doc) || !best.wants(doc) {
				continue
			}
			if docs = append(docs, doc); len(docs) == enough {
				break
			}
			docs = best.trim(docs)
		}
	}
	if !sorted {
		slices.SortFunc(docs, q.compare)
	}
	skipped = min(q.offset, len(docs))
	docs = docs[skipped:]
	if q.limit >= 0 && len(docs) > q.limit {
		docs = docs[:q.limit]
	}
	return docs, skipped
}

// first keeps a limited query from sorting everything that matches: it turns
// away what comes after the n documents that it has.
type first struct {
	q    *query
	n    int          // 0: no limit
	last *pb.Document // of the n best so far; nil: there are fewer
}

func (f *first) wants(doc *pb.Document) bool { return f.last == nil || f.q.compare(doc, f.last) < 0 }

// trim cuts docs to the n best once there are twice as many.
func (f *first) trim(docs []*pb.Document) []*pb.Document {
	if f.n == 0 || len(docs) < 2*f.n {
		return docs
	}
	slices.SortFunc(docs, f.q.compare)
	docs = docs[:f.n]
	f.last = docs[f.n-1]
	return docs
}

// candidates yields a superset of the results: of each collection in the order
// of names, then what only the past of the view knows.
func (v view) candidates(q *query) iter.Seq[*pb.Document] {
	return func(yield func(*pb.Document) bool) {
		for _, c := range v.covered(q) {
			for id := range c.candidateIDs(q) {
				k := docKey{c.path, id}
				if _, differs := v.past[k]; differs {
					continue // comes below
				}
				if !yield(c.docs[id]) {
					return
				}
			}
		}
		for k, doc := range v.past {
			if doc != nil && q.covers(k.coll) && !yield(doc) {
				return
			}
		}
	}
}

func (v view) covered(q *query) []*collection {
	if !q.group {
		if c := v.collections[q.root+"/"+q.coll]; c != nil {
			return []*collection{c}
		}
		return nil
	}
	var out []*collection
	for path, c := range v.collections {
		if q.covers(path) {
			out = append(out, c)
		}
	}
	return out
}

// candidateIDs walks the shortest list that has all results: the smallest entry
// of an index, or everything; from the place where the names begin to count.
func (c *collection) candidateIDs(q *query) iter.Seq[string] {
	shortest := &c.ids
	for _, eq := range q.equal {
		ix := c.index(eq.path)
		if ix == nil {
			continue
		}
		ids := ix.ids[eq.key]
		if ids == nil {
			ids = &idSet{}
		}
		if ids.size <= shortest.size {
			shortest = ids
		}
	}
	return shortest.from(c.firstID(q))
}

// firstID is the id before which no result can be, from cursors and filters on
// the name; "" when anything can.
func (c *collection) firstID(q *query) string {
	first := ""
	raise := func(v *pb.Value) {
		if k, err := parseDocName(v.GetReferenceValue()); err == nil && k.coll == c.path {
			first = max(first, k.id)
		}
	}
	if q.start != nil && q.byName() && len(q.start.values) > 0 {
		raise(q.start.values[0])
	}
	for _, cond := range conjuncts(q.where) {
		if !isName(cond.path) {
			continue
		}
		switch cond.op {
		case opEqual, opGreater, opGreaterEq:
			raise(cond.value)
		}
	}
	return first
}
