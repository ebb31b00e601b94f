package zoho

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// MaxNotificationIDs is how many records one notification may name. Zoho puts
// the records of one bulk edit into one notification and documents no limit.
const MaxNotificationIDs = 1000

// Notification announces changes to records of one module. It is not to be
// trusted before a Verifier accepted it, and is only a hint afterwards.
type Notification struct {
	// Kind is empty for a module that is not synchronised.
	Kind   crm.Kind
	Change op.Change
	// OccurredAt is when Zoho sent it, to the millisecond; zero if it contains
	// no time.
	OccurredAt time.Time
	// RecordIDs are the valid ids in the order given, repeated as given.
	RecordIDs []string
	// Rejected describes each id that is invalid, without repeating it.
	Rejected []string
	// ChannelID is empty for a workflow rule.
	ChannelID string
	// Token proves who sent it.
	Token Secret
}

// moduleKinds is the inverse of modules.
var moduleKinds = map[string]crm.Kind{"Contacts": crm.Contact, "Accounts": crm.Company}

// notificationBody is the body that a channel posts. The values and names of
// fields that it may also contain are not read.
type notificationBody struct {
	Module     string            `json:"module"`
	Operation  string            `json:"operation"`
	IDs        []json.RawMessage `json:"ids"`
	ChannelID  lenientText       `json:"channel_id"`
	Token      lenientText       `json:"token"`
	ServerTime json.RawMessage   `json:"server_time"`
}

// ParseNotification reads the body that a notification channel posts. An
// invalid record id is reported in Rejected and does not stop the others.
// Errors never quote the body.
//
// Source:
// https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html
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
		Kind: moduleKinds[b.Module], Change: parseOperation(b.Operation), OccurredAt: parseServerTime(b.ServerTime),
		ChannelID: string(b.ChannelID), Token: Secret(b.Token),
	}
	for i, raw := range b.IDs {
		var id lenientText
		_ = id.UnmarshalJSON(raw) // an id of another type stays empty
		if !isID(string(id)) {
			n.Rejected = append(n.Rejected, fmt.Sprintf("ids[%d] is not a record id", i))
			continue
		}
		n.RecordIDs = append(n.RecordIDs, string(id))
	}
	return n, nil
}

// parseServerTime reads milliseconds since 1970, as a number or a string.
func parseServerTime(raw json.RawMessage) time.Time {
	var text lenientText
	_ = text.UnmarshalJSON(raw)
	ms, err := json.Number(text).Int64()
	if err != nil || ms <= 0 || ms > maxServerTime {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// maxServerTime is the last millisecond of the year 9999, which is the last
// that every encoding of a time can represent.
const maxServerTime = 253402300799999

// ParseWebhook reads either kind of body: one with ids or a channel_id is a
// channel's, any other a workflow rule's.
func ParseWebhook(header http.Header, body []byte) (Notification, error) {
	var probe struct {
		IDs     any `json:"ids"`
		Channel any `json:"channel_id"`
	}
	if decodeObject(body, &probe) == nil && (probe.IDs != nil || probe.Channel != nil) {
		return ParseNotification(body)
	}
	return ParseWorkflow(header, body)
}
