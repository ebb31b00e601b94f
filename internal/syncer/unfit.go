package syncer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// unfit describes a value for which the mapping has no form on the other side.
func unfit(d decided, s crm.System) crm.FieldError {
	code := "NOT_MAPPABLE"
	switch d.field.Type {
	case mapping.Picklist, mapping.MultiPicklist:
		code = "NO_COUNTERPART"
	case mapping.Owner:
		code = "OWNER_UNKNOWN"
	}
	return crm.FieldError{Field: d.field.On(s), Code: code, Detail: class(d.field, d.Value.Text)}
}

// wholeCode is the one code of several fields, or "" where they differ.
func wholeCode(fields []crm.FieldError) string {
	for _, f := range fields {
		if f.Code != fields[0].Code {
			return "NOT_MAPPABLE"
		}
	}
	return fields[0].Code
}

// described adds to each refused field what kind of value was sent, so that
// whoever reads of it knows what to look for. The value itself is not told.
func (t *task) described(s crm.System, w *crm.Write, fields []crm.FieldError) []crm.FieldError {
	all := make([]crm.FieldError, len(fields))
	copy(all, fields)
	for i := range all {
		v, sent := w.Fields[all[i].Field]
		f := t.fieldOn(s, all[i].Field)
		if !sent || f == nil {
			continue
		}
		detail := class(f, v.Text)
		if all[i].Detail != "" {
			detail += ", wanted " + all[i].Detail
		}
		all[i].Detail = detail
	}
	return all
}

// fieldOn finds a mapped field by its API name.
func (t *task) fieldOn(s crm.System, name string) *mapping.Field {
	for i := range t.object.Fields {
		if f := &t.object.Fields[i]; f.On(s) == name {
			return f
		}
	}
	return nil
}

// class says what kind of value a text is: "text of 41 characters".
func class(f *mapping.Field, text string) string {
	switch f.Type {
	case mapping.Owner, mapping.Date, mapping.DateTime, mapping.Bool:
		return string(f.Type)
	case mapping.MultiPicklist:
		return fmt.Sprintf("list of %d options", strings.Count(text, ";")+1)
	case mapping.Picklist:
		return fmt.Sprintf("option of %d characters", utf8.RuneCountInString(text))
	}
	return fmt.Sprintf("%s of %d characters", f.Type, utf8.RuneCountInString(text))
}
