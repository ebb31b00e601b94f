package zoho

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/hubspot-zoho/connector/internal/jsonerr"
)

// lenientText reads a string or a number and ignores anything else, so that one
// odd detail does not hide the code beside it.
type lenientText string

func (t *lenientText) UnmarshalJSON(data []byte) error {
	var s string
	var n json.Number
	if json.Unmarshal(data, &s) == nil {
		*t = lenientText(s)
	} else if json.Unmarshal(data, &n) == nil {
		*t = lenientText(n)
	}
	return nil
}

// decodeJSON decodes JSON and keeps numbers as they are written.
func decodeJSON(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

// decodeObject reads one JSON object and nothing after it.
func decodeObject(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if token, err := d.Token(); err == nil && token != json.Delim('{') {
		return errors.New("the body is not a JSON object")
	}
	d = json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(v); err != nil {
		return jsonerr.Describe(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}
