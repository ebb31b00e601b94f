package crm

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// What was read and what is to be written is personal, so the types that hold
// it print names, ids and times and never a value: by Format under every verb
// of fmt, by LogValue in structured logs. JSON of them is not redacted; nothing
// encodes them.

// String keeps a value out of logs and error texts.
func (Value) String() string { return "[value]" }

// Format is String for every verb.
func (v Value) Format(s fmt.State, _ rune) { show(s, v) }

// LogValue is String for structured logs.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// String names the record and the fields that were read.
func (r Record) String() string {
	return r.Ref.String() + " with " + names(r.Fields)
}

// Format is String for every verb.
func (r Record) Format(s fmt.State, _ rune) { show(s, r) }

// LogValue is String for structured logs.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells when the edit was made and by whom.
func (e Edit) String() string {
	by := "others"
	if e.Own {
		by = "the connector"
	}
	return "edit of " + e.At.UTC().Format(time.RFC3339Nano) + " by " + by
}

// Format is String for every verb.
func (e Edit) Format(s fmt.State, _ rune) { show(s, e) }

// LogValue is String for structured logs.
func (e Edit) LogValue() slog.Value { return slog.StringValue(e.String()) }

// String names the fields that are written.
func (w Write) String() string {
	s := "write of " + names(w.Fields)
	if w.CounterpartID != "" {
		s += ", counterpart id " + w.CounterpartID
	}
	return s
}

// Format is String for every verb.
func (w Write) Format(s fmt.State, _ rune) { show(s, w) }

// LogValue is String for structured logs.
func (w Write) LogValue() slog.Value { return slog.StringValue(w.String()) }

// String names the field that is compared.
func (k Key) String() string {
	if k.Field == "" {
		return "key counterpart id"
	}
	return "key " + k.Field
}

// Format is String for every verb.
func (k Key) Format(s fmt.State, _ rune) { show(s, k) }

// LogValue is String for structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// names lists the names of fields in order.
func names[V any](fields map[string]V) string {
	if len(fields) == 0 {
		return "no field"
	}
	return strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
}

func show(s fmt.State, v fmt.Stringer) {
	_, _ = io.WriteString(s, v.String()) // fmt keeps the error of its writer
}
