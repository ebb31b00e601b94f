package docstore

import (
	"strings"
	"time"
	"unicode/utf8"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// maxDocument is Firestore's limit of one document in bytes, counted by its
	// own rule (storageSize), not as encoded.
	maxDocument = 1 << 20
	// maxNesting is how deep maps and arrays may go.
	maxNesting = 20
	// documentOverhead and nameOverhead are the fixed parts of that rule.
	documentOverhead = 32
	nameOverhead     = 16
)

// Sizes of Firestore's storage, in bytes.
// Source: https://firebase.google.com/docs/firestore/storage-size
func storageSize(doc *pb.Document) int {
	return nameSize(doc.Name) + documentOverhead + fieldsSize(doc.Fields)
}

func nameSize(name string) int {
	path := strings.Split(name, "/")
	n := nameOverhead
	for _, id := range path[min(5, len(path)):] {
		n += len(id) + 1
	}
	return n
}

func fieldsSize(fs fields) int {
	n := 0
	for name, v := range fs {
		n += len(name) + 1 + valueSize(v)
	}
	return n
}

func valueSize(v *pb.Value) int {
	switch x := v.GetValueType().(type) {
	case *pb.Value_StringValue:
		return len(x.StringValue) + 1
	case *pb.Value_BytesValue:
		return len(x.BytesValue)
	case *pb.Value_ReferenceValue:
		return nameSize(x.ReferenceValue)
	case *pb.Value_IntegerValue, *pb.Value_DoubleValue, *pb.Value_TimestampValue:
		return 8
	case *pb.Value_GeoPointValue:
		return 16
	case *pb.Value_ArrayValue:
		n := 0
		for _, e := range x.ArrayValue.GetValues() {
			n += valueSize(e)
		}
		return n
	case *pb.Value_MapValue:
		return fieldsSize(x.MapValue.GetFields())
	default: // null and booleans
		return 1
	}
}

// normalizeFields checks fields that a caller sent and cuts their times to the
// microseconds that Firestore keeps. It changes them in place.
func normalizeFields(fs fields, depth int) error {
	for name, v := range fs {
		switch {
		case name == "":
			return invalid("The property.name is the empty string.")
		case isReserved(name) && name != "__type__":
			return invalid("field name %s is reserved", name)
		case len(name) > maxID:
			return invalid("The property.name is longer than %d bytes.", maxID)
		}
		if err := normalizeValue(v, depth, false); err != nil {
			return err
		}
	}
	return nil
}

func normalizeValue(v *pb.Value, depth int, inArray bool) error {
	if depth > maxNesting {
		return invalid("Property contains an invalid nested entity: more than %d levels.", maxNesting)
	}
	switch x := v.GetValueType().(type) {
	case nil:
		return invalid("a value needs a type")
	case *pb.Value_NullValue, *pb.Value_BooleanValue, *pb.Value_IntegerValue, *pb.Value_DoubleValue,
		*pb.Value_BytesValue, *pb.Value_GeoPointValue, *pb.Value_ReferenceValue:
		return nil
	case *pb.Value_StringValue:
		if !utf8.ValidString(x.StringValue) {
			return invalid("string value is not valid UTF-8")
		}
		return nil
	case *pb.Value_TimestampValue:
		if !x.TimestampValue.IsValid() {
			return invalid("timestamp value is out of range")
		}
		x.TimestampValue = timestamppb.New(x.TimestampValue.AsTime().Truncate(time.Microsecond))
		return nil
	case *pb.Value_MapValue:
		return normalizeFields(x.MapValue.GetFields(), depth+1)
	case *pb.Value_ArrayValue:
		if inArray {
			return invalid("Cannot convert an array value in an array value.")
		}
		for _, e := range x.ArrayValue.GetValues() {
			if err := normalizeValue(e, depth+1, true); err != nil {
				return err
			}
		}
		return nil
	default:
		return invalid("unsupported type of value")
	}
}
