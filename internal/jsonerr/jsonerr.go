// Package jsonerr describes errors of encoding/json without the text that was
// decoded, which may hold personal data.
package jsonerr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Describe returns an error that says where the JSON is wrong and quotes nothing
// of it.
func Describe(err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field == "":
		return errors.New("the JSON has the wrong type")
	case errors.As(err, &wrongType):
		return fmt.Errorf("field %s has the wrong type", wrongType.Field)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the JSON ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	return errors.New("a value cannot be read")
}
