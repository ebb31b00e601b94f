package docstore

import (
	"slices"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limits of Firestore on the values of one filter.
const (
	maxInValues    = 30
	maxNotInValues = 10
)

func unimplemented(what string) error {
	return status.Errorf(codes.Unimplemented, "%s is not served by the embedded store", what)
}

// filter is a compiled condition on one document.
type filter interface {
	matches(doc *pb.Document) bool
}

type allOf []filter

func (fs allOf) matches(doc *pb.Document) bool {
	return !slices.ContainsFunc(fs, func(f filter) bool { return !f.matches(doc) })
}

type anyOf []filter

func (fs anyOf) matches(doc *pb.Document) bool {
	return slices.ContainsFunc(fs, func(f filter) bool { return f.matches(doc) })
}

type operator = pb.StructuredQuery_FieldFilter_Operator

const (
	opEqual       = pb.StructuredQuery_FieldFilter_EQUAL
	opNotEqual    = pb.StructuredQuery_FieldFilter_NOT_EQUAL
	opLess        = pb.StructuredQuery_FieldFilter_LESS_THAN
	opLessEq      = pb.StructuredQuery_FieldFilter_LESS_THAN_OR_EQUAL
	opGreater     = pb.StructuredQuery_FieldFilter_GREATER_THAN
	opGreaterEq   = pb.StructuredQuery_FieldFilter_GREATER_THAN_OR_EQUAL
	opIn          = pb.StructuredQuery_FieldFilter_IN
	opNotIn       = pb.StructuredQuery_FieldFilter_NOT_IN
	opContains    = pb.StructuredQuery_FieldFilter_ARRAY_CONTAINS
	opContainsAny = pb.StructuredQuery_FieldFilter_ARRAY_CONTAINS_ANY
)

// condition compares one field with a value.
type condition struct {
	path  []string
	op    operator
	value *pb.Value
}

func (c condition) matches(doc *pb.Document) bool {
	v := fieldOf(doc, c.path)
	if v == nil {
		return false
	}
	list := c.value.GetArrayValue().GetValues()
	switch c.op {
	case opEqual:
		return equalValues(v, c.value)
	case opNotEqual:
		return !isNull(v) && !equalValues(v, c.value)
	case opIn:
		return !isNull(v) && containsValue(list, v)
	case opNotIn:
		return !isNull(v) && !slices.ContainsFunc(list, isNull) && !containsValue(list, v)
	case opContains:
		return containsValue(v.GetArrayValue().GetValues(), c.value)
	case opContainsAny:
		return slices.ContainsFunc(v.GetArrayValue().GetValues(), func(x *pb.Value) bool { return containsValue(list, x) })
	default:
		return rank(v) == rank(c.value) && c.inRange(compareValues(v, c.value), isNaN(v) || isNaN(c.value))
	}
}

// inRange judges a comparison. NaN is equal to itself and in no other range.
func (c condition) inRange(d int, nan bool) bool {
	if nan {
		return false
	}
	switch c.op {
	case opLess:
		return d < 0
	case opLessEq:
		return d <= 0
	case opGreater:
		return d > 0
	default:
		return d >= 0
	}
}

func compileFilter(f *pb.StructuredQuery_Filter) (filter, error) {
	switch x := f.FilterType.(type) {
	case *pb.StructuredQuery_Filter_CompositeFilter:
		return compileComposite(x.CompositeFilter)
	case *pb.StructuredQuery_Filter_FieldFilter:
		return compileCondition(x.FieldFilter)
	case *pb.StructuredQuery_Filter_UnaryFilter:
		return compileUnary(x.UnaryFilter)
	default:
		return nil, invalid("empty filter")
	}
}

func compileComposite(c *pb.StructuredQuery_CompositeFilter) (filter, error) {
	if len(c.Filters) == 0 {
		return nil, invalid("a composite filter needs at least one filter")
	}
	parts := make([]filter, len(c.Filters))
	for i, f := range c.Filters {
		part, err := compileFilter(f)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	switch c.Op {
	case pb.StructuredQuery_CompositeFilter_AND:
		return allOf(parts), nil
	case pb.StructuredQuery_CompositeFilter_OR:
		return anyOf(parts), nil
	default:
		return nil, invalid("unspecified operator of a composite filter")
	}
}

func compileCondition(f *pb.StructuredQuery_FieldFilter) (filter, error) {
	path, err := parsePath(f.GetField().GetFieldPath())
	if err != nil {
		return nil, err
	}
	c := condition{path: path, op: f.Op, value: f.Value}
	if f.Value == nil {
		return nil, invalid("a field filter needs a value")
	}
	switch f.Op {
	case opIn, opContainsAny:
		err = c.checkList(maxInValues)
	case opNotIn:
		err = c.checkList(maxNotInValues)
	case pb.StructuredQuery_FieldFilter_OPERATOR_UNSPECIFIED:
		err = invalid("unspecified operator of a field filter")
	}
	if err == nil && isName(path) {
		err = c.checkNames()
	}
	return c, err
}

func (c condition) checkList(most int) error {
	if _, ok := c.value.ValueType.(*pb.Value_ArrayValue); !ok {
		return invalid("'%s' requires an array value", c.op)
	}
	if n := len(c.value.GetArrayValue().GetValues()); n == 0 || n > most {
		return invalid("'%s' takes 1 to %d values, got %d", c.op, most, n)
	}
	return nil
}

// checkNames wants documents' names where the name is compared.
func (c condition) checkNames() error {
	values := []*pb.Value{c.value}
	if c.op == opIn || c.op == opNotIn {
		values = c.value.GetArrayValue().GetValues()
	}
	for _, v := range values {
		if rank(v) != rankReference {
			return invalid("__key__ filter value must be a Key")
		}
	}
	return nil
}

func compileUnary(u *pb.StructuredQuery_UnaryFilter) (filter, error) {
	path, err := parsePath(u.GetField().GetFieldPath())
	if err != nil {
		return nil, err
	}
	switch u.Op {
	case pb.StructuredQuery_UnaryFilter_IS_NULL:
		return condition{path: path, op: opEqual, value: nullValue}, nil
	case pb.StructuredQuery_UnaryFilter_IS_NAN:
		return condition{path: path, op: opEqual, value: nanValue}, nil
	case pb.StructuredQuery_UnaryFilter_IS_NOT_NULL:
		return condition{path: path, op: opNotEqual, value: nullValue}, nil
	case pb.StructuredQuery_UnaryFilter_IS_NOT_NAN:
		return condition{path: path, op: opNotEqual, value: nanValue}, nil
	default:
		return nil, invalid("unspecified operator of a unary filter")
	}
}

// conjuncts are the conditions that every match fulfils.
func conjuncts(f filter) []condition {
	switch x := f.(type) {
	case condition:
		return []condition{x}
	case allOf:
		var out []condition
		for _, part := range x {
			out = append(out, conjuncts(part)...)
		}
		return out
	default:
		return nil
	}
}

// equalities are the conjuncts that an index can answer.
func equalities(f filter) []equality {
	var out []equality
	for _, c := range conjuncts(f) {
		if c.op != opEqual || isName(c.path) {
			continue
		}
		if key, ok := scalarKey(c.value); ok {
			out = append(out, equality{path: c.path, key: key})
		}
	}
	return out
}

// inequalities are the fields that Firestore orders by unasked.
func inequalities(f filter) [][]string {
	switch x := f.(type) {
	case condition:
		switch x.op {
		case opLess, opLessEq, opGreater, opGreaterEq, opNotEqual, opNotIn:
			return [][]string{x.path}
		}
	case allOf:
		return inequalitiesOf(x)
	case anyOf:
		return inequalitiesOf(x)
	}
	return nil
}

func inequalitiesOf(parts []filter) (paths [][]string) {
	for _, part := range parts {
		paths = append(paths, inequalities(part)...)
	}
	return paths
}
