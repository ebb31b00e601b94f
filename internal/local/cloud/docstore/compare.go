package docstore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

// Firestore's order of types. A query's range never crosses a type, an order by
// does.
const (
	rankNull = iota + 1
	rankBool
	rankNumber
	rankTimestamp
	rankString
	rankBytes
	rankReference
	rankGeoPoint
	rankArray
	rankVector
	rankMap
)

func rank(v *pb.Value) int {
	switch x := v.GetValueType().(type) {
	case *pb.Value_BooleanValue:
		return rankBool
	case *pb.Value_IntegerValue, *pb.Value_DoubleValue:
		return rankNumber
	case *pb.Value_TimestampValue:
		return rankTimestamp
	case *pb.Value_StringValue:
		return rankString
	case *pb.Value_BytesValue:
		return rankBytes
	case *pb.Value_ReferenceValue:
		return rankReference
	case *pb.Value_GeoPointValue:
		return rankGeoPoint
	case *pb.Value_ArrayValue:
		return rankArray
	case *pb.Value_MapValue:
		if x.MapValue.GetFields()["__type__"].GetStringValue() == "__vector__" {
			return rankVector
		}
		return rankMap
	default:
		return rankNull
	}
}

// compareValues orders any two values as Firestore does: by type, then within
// the type. Integers and doubles are one type; NaN is the smallest number.
func compareValues(a, b *pb.Value) int {
	ra, rb := rank(a), rank(b)
	if ra != rb {
		return cmp.Compare(ra, rb)
	}
	switch ra {
	case rankBool:
		return cmp.Compare(boolInt(a), boolInt(b))
	case rankNumber:
		return compareNumbers(a, b)
	case rankTimestamp:
		return a.GetTimestampValue().AsTime().Compare(b.GetTimestampValue().AsTime())
	case rankString:
		return strings.Compare(a.GetStringValue(), b.GetStringValue())
	case rankBytes:
		return bytes.Compare(a.GetBytesValue(), b.GetBytesValue())
	case rankReference:
		return compareNames(a.GetReferenceValue(), b.GetReferenceValue())
	case rankGeoPoint:
		pa, pb := a.GetGeoPointValue(), b.GetGeoPointValue()
		return cmp.Or(cmp.Compare(pa.GetLatitude(), pb.GetLatitude()), cmp.Compare(pa.GetLongitude(), pb.GetLongitude()))
	case rankArray:
		return slices.CompareFunc(a.GetArrayValue().GetValues(), b.GetArrayValue().GetValues(), compareValues)
	case rankVector:
		return compareVectors(a, b)
	case rankMap:
		return compareMaps(a.GetMapValue().GetFields(), b.GetMapValue().GetFields())
	default:
		return 0
	}
}

func boolInt(v *pb.Value) int {
	if v.GetBooleanValue() {
		return 1
	}
	return 0
}

func compareNumbers(a, b *pb.Value) int {
	ai, aInt := a.GetValueType().(*pb.Value_IntegerValue)
	bi, bInt := b.GetValueType().(*pb.Value_IntegerValue)
	switch {
	case aInt && bInt:
		return cmp.Compare(ai.IntegerValue, bi.IntegerValue)
	case aInt:
		return compareIntDouble(ai.IntegerValue, b.GetDoubleValue())
	case bInt:
		return -compareIntDouble(bi.IntegerValue, a.GetDoubleValue())
	default:
		return cmp.Compare(a.GetDoubleValue(), b.GetDoubleValue()) // NaN first, as Firestore has it
	}
}

// compareIntDouble compares without rounding i to a double.
func compareIntDouble(i int64, d float64) int {
	switch {
	case math.IsNaN(d) || d < math.MinInt64:
		return 1
	case d >= math.MaxInt64: // the constant becomes 2^63, which no int64 reaches
		return -1
	}
	whole := math.Trunc(d)
	return cmp.Or(cmp.Compare(i, int64(whole)), cmp.Compare(0, d-whole))
}

// compareNames orders resource names segment by segment.
func compareNames(a, b string) int {
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}

// compareVectors orders by length before content, unlike arrays.
func compareVectors(a, b *pb.Value) int {
	va := a.GetMapValue().GetFields()["value"].GetArrayValue().GetValues()
	vb := b.GetMapValue().GetFields()["value"].GetArrayValue().GetValues()
	return cmp.Or(cmp.Compare(len(va), len(vb)), slices.CompareFunc(va, vb, compareValues))
}

func compareMaps(a, b fields) int {
	ka, kb := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))
	for i := range min(len(ka), len(kb)) {
		if c := cmp.Or(strings.Compare(ka[i], kb[i]), compareValues(a[ka[i]], b[kb[i]])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(ka), len(kb))
}

func equalValues(a, b *pb.Value) bool { return compareValues(a, b) == 0 }

func containsValue(vs []*pb.Value, v *pb.Value) bool {
	return slices.ContainsFunc(vs, func(x *pb.Value) bool { return equalValues(x, v) })
}

func isNull(v *pb.Value) bool { return rank(v) == rankNull }

func isNaN(v *pb.Value) bool {
	d, ok := v.GetValueType().(*pb.Value_DoubleValue)
	return ok && math.IsNaN(d.DoubleValue)
}

// scalarKey is the same for two values exactly when they are equal in a query;
// ok is false for values that have parts, which are not indexed.
func scalarKey(v *pb.Value) (key string, ok bool) {
	r := rank(v)
	b := []byte{byte(r)}
	switch r {
	case rankNull:
	case rankBool:
		b = append(b, byte(boolInt(v)))
	case rankNumber:
		b = appendNumber(b, v)
	case rankTimestamp:
		t := v.GetTimestampValue()
		b = binary.BigEndian.AppendUint64(b, uint64(t.GetSeconds()))
		b = binary.BigEndian.AppendUint32(b, uint32(t.GetNanos()))
	case rankString:
		b = append(b, v.GetStringValue()...)
	case rankBytes:
		b = append(b, v.GetBytesValue()...)
	case rankReference:
		b = append(b, v.GetReferenceValue()...)
	default:
		return "", false
	}
	return string(b), true
}

// appendNumber gives a whole double the key of the integer it equals.
func appendNumber(b []byte, v *pb.Value) []byte {
	x, isDouble := v.GetValueType().(*pb.Value_DoubleValue)
	if !isDouble {
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v.GetIntegerValue()))
	}
	d := x.DoubleValue
	switch {
	case math.IsNaN(d):
		return append(b, 'n')
	case d == math.Trunc(d) && d >= math.MinInt64 && d < math.MaxInt64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(int64(d)))
	default:
		return binary.BigEndian.AppendUint64(append(b, 'd'), math.Float64bits(d))
	}
}
