package docstore

import (
	"slices"
	"strings"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// query is a StructuredQuery, checked and compiled. It is immutable.
type query struct {
	root      string // the name the collection hangs under: a document's, or ".../documents"
	coll      string // the collection's id
	group     bool   // every collection of that id below root
	where     filter // nil: all
	equal     []equality
	orders    []order
	start     *cursor
	end       *cursor
	offset    int
	limit     int // negative: none
	selection [][]string
}

// equality is a field that every result has with this value: an index can find
// the results.
type equality struct {
	path []string
	key  string
}

type order struct {
	path []string // {nameField} for the document's name
	desc bool
}

// cursor is a place between two documents: before or after those that have
// these values in the leading orders.
type cursor struct {
	values []*pb.Value
	before bool
}

// compileQuery checks a query below parent, a document's name or the root of the
// documents.
func compileQuery(parent string, sq *pb.StructuredQuery) (*query, error) {
	if _, err := parseParent(parent); err != nil {
		return nil, err
	}
	if len(sq.GetFrom()) != 1 {
		return nil, invalid("a query needs exactly one collection")
	}
	if sq.FindNearest != nil {
		return nil, unimplemented("find nearest")
	}
	from := sq.From[0]
	q := &query{root: parent, coll: from.CollectionId, group: from.AllDescendants, limit: -1}
	if sq.Limit != nil {
		q.limit = int(sq.Limit.Value)
	}
	q.offset = int(sq.Offset)
	if sq.Limit.GetValue() < 0 || q.offset < 0 {
		return nil, invalid("limit and offset cannot be negative")
	}
	if err := q.compileWhere(sq.Where); err != nil {
		return nil, err
	}
	if err := q.compileOrders(sq); err != nil {
		return nil, err
	}
	if first := q.orders[0]; q.where == nil && first.desc && isName(first.path) {
		return nil, status.Error(codes.FailedPrecondition, "Firestore does not support descending key scans")
	}
	return q, q.compileSelection(sq.Select)
}

func isName(path []string) bool { return len(path) == 1 && path[0] == nameField }

func (q *query) compileWhere(f *pb.StructuredQuery_Filter) (err error) {
	if f == nil {
		return nil
	}
	if q.where, err = compileFilter(f); err != nil {
		return err
	}
	q.equal = equalities(q.where)
	return nil
}

func (q *query) compileSelection(p *pb.StructuredQuery_Projection) error {
	if p == nil || len(p.Fields) == 0 {
		return nil
	}
	q.selection = make([][]string, 0, len(p.Fields))
	for _, f := range p.Fields {
		path, err := parsePath(f.FieldPath)
		if err != nil {
			return err
		}
		q.selection = append(q.selection, path)
	}
	return nil
}

// compileOrders adds to the orders asked for those that Firestore implies: the
// fields of inequalities, then the name, in the direction of the last one.
func (q *query) compileOrders(sq *pb.StructuredQuery) error {
	for _, o := range sq.OrderBy {
		path, err := parsePath(o.GetField().GetFieldPath())
		if err != nil {
			return err
		}
		q.orders = append(q.orders, order{path: path, desc: o.Direction == pb.StructuredQuery_DESCENDING})
	}
	desc := len(q.orders) > 0 && q.orders[len(q.orders)-1].desc
	implied := inequalities(q.where)
	slices.SortFunc(implied, slices.Compare[[]string])
	for _, path := range append(implied, []string{nameField}) {
		if !slices.ContainsFunc(q.orders, func(o order) bool { return slices.Equal(o.path, path) }) {
			q.orders = append(q.orders, order{path: path, desc: desc})
		}
	}
	for _, c := range []struct {
		from *pb.Cursor
		to   **cursor
	}{{sq.StartAt, &q.start}, {sq.EndAt, &q.end}} {
		if c.from == nil {
			continue
		}
		if len(c.from.Values) > len(q.orders) {
			return invalid("cursor has too many values")
		}
		*c.to = &cursor{values: c.from.Values, before: c.from.Before}
	}
	return nil
}

// fieldOf is lookup that knows the name too.
func fieldOf(doc *pb.Document, path []string) *pb.Value {
	if isName(path) {
		return &pb.Value{ValueType: &pb.Value_ReferenceValue{ReferenceValue: doc.Name}}
	}
	return lookup(doc.Fields, path)
}

// whole tells whether everything in one collection that the filters let through
// is a result.
func (q *query) whole() bool {
	return !q.group && q.limit < 0 && q.offset == 0 && q.start == nil && q.end == nil && len(q.orders) == 1 && isName(q.orders[0].path)
}

// matches tells whether the filters let doc through and it has every ordered
// field. Cursors, offset and limit are not asked.
func (q *query) matches(doc *pb.Document) bool {
	if doc == nil || q.where != nil && !q.where.matches(doc) {
		return false
	}
	for _, o := range q.orders {
		if fieldOf(doc, o.path) == nil {
			return false
		}
	}
	return true
}

// covers tells whether the query looks at documents of a collection.
func (q *query) covers(coll string) bool {
	if q.group {
		return (q.coll == "" || collectionID(coll) == q.coll) && strings.HasPrefix(coll, q.root+"/")
	}
	return coll == q.root+"/"+q.coll
}

// touchedBy tells whether a change may alter the result. It looks at filters
// only: a change outside the cursors or beyond the limit counts too.
func (q *query) touchedBy(ch change) bool {
	return q.covers(ch.key.coll) && (q.matches(ch.before) || q.matches(ch.after))
}

// compare orders two matching documents.
func (q *query) compare(a, b *pb.Document) int {
	for _, o := range q.orders {
		if c := o.compare(fieldOf(a, o.path), fieldOf(b, o.path)); c != 0 {
			return c
		}
	}
	return 0
}

func (o order) compare(a, b *pb.Value) int {
	if o.desc {
		return compareValues(b, a)
	}
	return compareValues(a, b)
}

// compareCursor tells on which side of the cursor's values doc is, 0 on them.
func (q *query) compareCursor(doc *pb.Document, c *cursor) int {
	for i, v := range c.values {
		if d := q.orders[i].compare(fieldOf(doc, q.orders[i].path), v); d != 0 {
			return d
		}
	}
	return 0
}

func (q *query) inside(doc *pb.Document) bool {
	if q.start != nil {
		if d := q.compareCursor(doc, q.start); d < 0 || d == 0 && !q.start.before {
			return false
		}
	}
	if q.end != nil {
		if d := q.compareCursor(doc, q.end); d > 0 || d == 0 && q.end.before {
			return false
		}
	}
	return true
}

// byName tells whether the result is simply in the order of names.
func (q *query) byName() bool {
	return !q.group && !q.orders[0].desc && isName(q.orders[0].path)
}
