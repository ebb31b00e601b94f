package docstore

import (
	"math"
	"slices"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var (
	nullValue = &pb.Value{ValueType: &pb.Value_NullValue{NullValue: structpb.NullValue_NULL_VALUE}}
	nanValue  = &pb.Value{ValueType: &pb.Value_DoubleValue{DoubleValue: math.NaN()}}
)

// transform computes a field's value from the one it has.
type transform struct {
	path  []string
	apply func(old *pb.Value, at int64) (value, result *pb.Value)
}

func compileTransforms(sent []*pb.DocumentTransform_FieldTransform) ([]transform, error) {
	out := make([]transform, len(sent))
	for i, ft := range sent {
		path, err := parsePath(ft.FieldPath)
		if err != nil {
			return nil, err
		}
		out[i].path = path
		if out[i].apply, err = compileTransform(ft); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type applyFunc = func(old *pb.Value, at int64) (value, result *pb.Value)

func compileTransform(ft *pb.DocumentTransform_FieldTransform) (applyFunc, error) {
	switch t := ft.TransformType.(type) {
	case *pb.DocumentTransform_FieldTransform_SetToServerValue:
		if t.SetToServerValue != pb.DocumentTransform_FieldTransform_REQUEST_TIME {
			return nil, invalid("unspecified server value")
		}
		return requestTime, nil
	case *pb.DocumentTransform_FieldTransform_Increment:
		return numeric(t.Increment, add)
	case *pb.DocumentTransform_FieldTransform_Maximum:
		return numeric(t.Maximum, func(old, v *pb.Value) *pb.Value { return extreme(old, v, 1) })
	case *pb.DocumentTransform_FieldTransform_Minimum:
		return numeric(t.Minimum, func(old, v *pb.Value) *pb.Value { return extreme(old, v, -1) })
	case *pb.DocumentTransform_FieldTransform_AppendMissingElements:
		return ofArray(t.AppendMissingElements, union)
	case *pb.DocumentTransform_FieldTransform_RemoveAllFromArray:
		return ofArray(t.RemoveAllFromArray, without)
	default:
		return nil, invalid("a field transform needs a type")
	}
}

// requestTime has whole milliseconds, as Firestore's has.
func requestTime(_ *pb.Value, at int64) (value, result *pb.Value) {
	t := timestamppb.New(time.UnixMicro(at).Truncate(time.Millisecond))
	v := &pb.Value{ValueType: &pb.Value_TimestampValue{TimestampValue: t}}
	return v, proto.Clone(v).(*pb.Value)
}

// numeric combines numbers; over anything else the operand is the outcome.
func numeric(operand *pb.Value, combine func(old, operand *pb.Value) *pb.Value) (applyFunc, error) {
	if rank(operand) != rankNumber {
		return nil, invalid("transform operand must be a number")
	}
	return func(old *pb.Value, _ int64) (value, result *pb.Value) {
		v := operand
		if old != nil && rank(old) == rankNumber {
			v = combine(old, operand)
		}
		return v, proto.Clone(v).(*pb.Value)
	}, nil
}

// add stays an integer when both are, and then stops at the ends of int64.
func add(a, b *pb.Value) *pb.Value {
	ai, aInt := a.ValueType.(*pb.Value_IntegerValue)
	bi, bInt := b.ValueType.(*pb.Value_IntegerValue)
	if !aInt || !bInt {
		return &pb.Value{ValueType: &pb.Value_DoubleValue{DoubleValue: asDouble(a) + asDouble(b)}}
	}
	sum := ai.IntegerValue + bi.IntegerValue
	switch {
	case bi.IntegerValue > 0 && sum < ai.IntegerValue:
		sum = math.MaxInt64
	case bi.IntegerValue < 0 && sum > ai.IntegerValue:
		sum = math.MinInt64
	}
	return &pb.Value{ValueType: &pb.Value_IntegerValue{IntegerValue: sum}}
}

func asDouble(v *pb.Value) float64 {
	if i, ok := v.ValueType.(*pb.Value_IntegerValue); ok {
		return float64(i.IntegerValue)
	}
	return v.GetDoubleValue()
}

// extreme is the operand when it lies beyond the old value in a direction; equals
// keep the old one, and NaN wins both ways.
func extreme(old, operand *pb.Value, direction int) *pb.Value {
	switch {
	case isNaN(old):
		return old
	case isNaN(operand), compareNumbers(operand, old) == direction:
		return operand
	default:
		return old
	}
}

// ofArray changes an array; anything else counts as an empty one. Its result is
// null.
func ofArray(operand *pb.ArrayValue, change func(old, operand []*pb.Value) []*pb.Value) (applyFunc, error) {
	for _, v := range operand.GetValues() {
		if err := normalizeValue(v, 1, true); err != nil {
			return nil, err
		}
	}
	return func(old *pb.Value, _ int64) (value, result *pb.Value) {
		vs := change(old.GetArrayValue().GetValues(), operand.GetValues())
		v := &pb.Value{ValueType: &pb.Value_ArrayValue{ArrayValue: &pb.ArrayValue{Values: vs}}}
		return v, proto.Clone(nullValue).(*pb.Value)
	}, nil
}

func union(old, more []*pb.Value) []*pb.Value {
	out := slices.Clone(old)
	for _, v := range more {
		if !containsValue(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func without(old, gone []*pb.Value) []*pb.Value {
	return slices.DeleteFunc(slices.Clone(old), func(v *pb.Value) bool { return containsValue(gone, v) })
}
