package hubspot

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// text is a string; anything else decodes as "".
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
	}
	return nil
}

// scalar is a string, or the JSON text of a number or boolean.
type scalar string

func (s *scalar) UnmarshalJSON(data []byte) error {
	var str string
	if json.Unmarshal(data, &str) == nil { // null too, as ""
		*s = scalar(str)
		return nil
	}
	if data[0] == '{' || data[0] == '[' {
		return &json.UnmarshalTypeError{Value: "object or array"}
	}
	*s = scalar(data)
	return nil
}

// number is an integer, as a number or in a string; anything else is 0.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	if v, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64); err == nil {
		*n = number(v)
	}
	return nil
}

// id is the number of a record, as a number or in a string; anything else is "".
type id string

func (i *id) UnmarshalJSON(data []byte) error {
	if s := string(bytes.Trim(data, `"`)); digitsPattern.MatchString(s) {
		*i = id(s)
	}
	return nil
}

// flag is a boolean; anything but true is false.
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	*f = string(bytes.Trim(data, `"`)) == "true"
	return nil
}

// lenientList is a list; anything else decodes as empty, and so does an
// element of another shape.
type lenientList[T any] []T

func (l *lenientList[T]) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	_ = json.Unmarshal(data, &raw) // stays empty
	*l = make([]T, len(raw))
	for i := range raw {
		_ = json.Unmarshal(raw[i], &(*l)[i]) // leaves the zero value, which still counts
	}
	return nil
}
