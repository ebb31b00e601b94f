package crm

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// planted stands for what a person typed.
const planted = "planted@example.com"

var (
	when   = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	edit   = Edit{Value: planted, At: when, Own: true}
	record = Record{
		Ref:           Ref{HubSpot, Contact, "7"},
		Fields:        map[string]string{"lastname": planted, "email": planted},
		History:       map[string][]Edit{"email": {edit}},
		CounterpartID: "9",
	}
	value = Value{Type: Text, Text: planted}
	write = Write{Fields: map[string]Value{"Email": value, "City": value}, CounterpartID: "9"}
	key   = Key{Field: "email", Value: planted}
)

// personal are the types that hold what people typed, with the text that each
// prints instead.
var personal = []struct {
	v    any
	want string
}{
	{value, "[value]"},
	{edit, "edit of 2026-11-23T10:00:00Z by the connector"},
	{Edit{Value: planted, At: when}, "edit of 2026-11-23T10:00:00Z by others"},
	{record, "hubspot/contact/7 with email, lastname"},
	{Record{Ref: record.Ref}, "hubspot/contact/7 with no field"},
	{write, "write of City, Email, counterpart id 9"},
	{Write{Fields: write.Fields}, "write of City, Email"},
	{Write{CounterpartID: "9"}, "write of no field, counterpart id 9"},
	{key, "key email"},
	{Key{Value: planted}, "key counterpart id"},
}

func TestWhatHoldsPersonalDataPrintsNamesOnly(t *testing.T) {
	for _, tt := range personal {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if got := fmt.Sprintf(verb, tt.v); got != tt.want {
				t.Errorf("%T by %s prints %s, want %s", tt.v, verb, got, tt.want)
			}
		}
	}
}

func TestWhatHoldsPersonalDataIsRedactedWithinOthers(t *testing.T) {
	all := struct {
		Record  *Record
		Records []Record
		Writes  map[System]Write
		Keys    []Key
		Edits   []Edit
		Any     any
	}{&record, []Record{record}, map[System]Write{Zoho: write}, []Key{key}, []Edit{edit}, value}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		got := fmt.Sprintf(verb, all)
		if strings.Contains(got, planted) {
			t.Errorf("%s prints %s", verb, got)
		}
		if !strings.Contains(got, "write of City, Email") {
			t.Errorf("%s does not print the write: %s", verb, got)
		}
	}
	if err := fmt.Errorf("write %v: %w", write, errors.New("no")); strings.Contains(err.Error(), planted) {
		t.Errorf("an error holds a value: %v", err)
	}
}

func TestWhatHoldsPersonalDataIsRedactedInLogs(t *testing.T) {
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		logger := slog.New(h)
		for _, tt := range personal {
			log.Reset()
			logger.Info("told", "of", tt.v)
			if got := log.String(); strings.Contains(got, planted) || !strings.Contains(got, tt.want) {
				t.Errorf("%T is logged as %s, want %s", tt.v, got, tt.want)
			}
		}
	}
}
