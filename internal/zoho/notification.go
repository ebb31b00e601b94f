package zoho

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// MaxNotificationIDs is how many records one notification may name. Zoho puts
// the records of one bulk edit into one notification and states no limit.
const MaxNotificationIDs = 1000

// Notification is what Zoho says of changes to records of one module. It is not
// to be believed before a Verifier accepted it, and is a hint even then.
type Notification struct {
	// Kind is empty for a module that is not synchronised.
	Kind   crm.Kind
	Change op.Change
	// OccurredAt is when Zoho sent it, to the millisecond; zero if it did not say.
	OccurredAt time.Time
	// RecordIDs are the valid ids in the order given, repeated as given.
	RecordIDs []string
	// Rejected tells of each id that is none, without repeating it.
	Rejected []string
	// ChannelID is empty for a workflow rule.
	ChannelID string
	// Token is what the sender proves itself by.
	Token Secret
}

// Change is one record that changed.
type Change struct {
	Ref        crm.Ref
	Change     op.Change
	OccurredAt time.Time // zero if the sender did not say
	Events     int       // how often the notification names the record
}

// Changes returns one change for each record, in the order given, and none for
// a module that is not synchronised.
func (n Notification) Changes() []Change {
	if n.Kind == "" {
		return nil
	}
	var changes []Change
	index := make(map[string]int, len(n.RecordIDs))
	for _, id := range n.RecordIDs {
		if i, ok := index[id]; ok {
			changes[i].Events++
			continue
		}
		index[id] = len(changes)
		changes = append(changes, Change{
			Ref:    crm.Ref{System: crm.Zoho, Kind: n.Kind, RecordID: id},
			Change: n.Change, OccurredAt: n.OccurredAt, Events: 1,
		})
	}
	return changes
}

// kindOfModule is the inverse of modules.
var kindOfModule = map[string]crm.Kind{"Contacts": crm.Contact, "Accounts": crm.Company}

// changeOf reads both spellings of an operation: a subscription names create
// and edit, a notification insert and update. An unknown one, such as a merge
// might be, is an update: whatever happened, the record is read again.
func changeOf(operation string) op.Change {
	switch operation {
	case "insert", "create":
		return op.Created
	case "delete":
		return op.Deleted
	}
	return op.Updated
}

// notificationBody is what a channel posts. The values and names of fields that
// it may also hold are not read.
type notificationBody struct {
	Module     string            `json:"module"`
	Operation  string            `json:"operation"`
	IDs        []json.RawMessage `json:"ids"`
	ChannelID  looseText         `json:"channel_id"`
	Token      looseText         `json:"token"`
	ServerTime json.RawMessage   `json:"server_time"`
}

// ParseNotification reads the body that a notification channel posts. A record
// id that is none is reported in Rejected and does not stop the others. Errors
// never quote the body.
//
// Source: https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html
func ParseNotification(body []byte) (Notification, error) {
	var b notificationBody
	if err := decodeObject(body, &b); err != nil {
		return Notification{}, fmt.Errorf("zoho notification: %w", err)
	}
	switch {
	case b.Module == "":
		return Notification{}, errors.New("zoho notification: module is missing")
	case len(b.IDs) == 0:
		return Notification{}, errors.New("zoho notification: ids are missing")
	case len(b.IDs) > MaxNotificationIDs:
		return Notification{}, fmt.Errorf("zoho notification: %d ids: at most %d", len(b.IDs), MaxNotificationIDs)
	}
	n := Notification{
		Kind: kindOfModule[b.Module], Change: changeOf(b.Operation), OccurredAt: serverTime(b.ServerTime),
		ChannelID: string(b.ChannelID), Token: Secret(b.Token),
	}
	for i, raw := range b.IDs {
		var id looseText
		_ = id.UnmarshalJSON(raw) // an id of another type stays empty
		if !isID(string(id)) {
			n.Rejected = append(n.Rejected, fmt.Sprintf("ids[%d] is no record id", i))
			continue
		}
		n.RecordIDs = append(n.RecordIDs, string(id))
	}
	return n, nil
}

// serverTime reads milliseconds since 1970, as a number or a string.
func serverTime(raw json.RawMessage) time.Time {
	var text looseText
	_ = text.UnmarshalJSON(raw)
	ms, err := json.Number(text).Int64()
	if err != nil || ms <= 0 || ms > maxServerTime {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// maxServerTime is the last millisecond of the year 9999, which is the last
// that every encoding of a time can hold.
const maxServerTime = 253402300799999

// decodeObject reads one JSON object and nothing after it.
func decodeObject(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if token, err := d.Token(); err == nil && token != json.Delim('{') {
		return errors.New("the body is no JSON object")
	}
	d = json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(v); err != nil {
		return describe(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// describe keeps what was in the body out of the error's text.
func describe(err error) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%s has the wrong type", wrong.Field)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the JSON ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	return errors.New("not JSON")
}
