// Package op is the message that travels through Pub/Sub: which record of which
// system changed, and when. It never carries a field's value; the consumer
// reads the record as it is by then, which makes duplicates, reordering and
// replays harmless.
package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/jsonerr"
)

// Version is the version that Encode writes. Older ones decode for ever.
const Version = 1

// Change says what a sender claims to have happened. The consumer treats it as
// a hint: what it reads decides.
type Change string

// The changes that webhooks, scans and people announce.
const (
	Created    Change = "created"
	Updated    Change = "updated"
	Deleted    Change = "deleted"
	Erased     Change = "erased" // deleted for privacy: everything derived goes too
	Merged     Change = "merged"
	Restored   Change = "restored"
	Associated Change = "associated"
	Reconciled Change = "reconciled" // found by a scan
	Requested  Change = "requested"  // a person asked for it
)

var changes = map[Change]bool{
	Created: true, Updated: true, Deleted: true, Erased: true, Merged: true,
	Restored: true, Associated: true, Reconciled: true, Requested: true,
}

// ErrUnknownVersion is returned for a message written by a newer connector.
// Such a message is kept, never dropped.
var ErrUnknownVersion = errors.New("operation has an unknown version")

// Operation asks a consumer to bring both sides of one record together.
type Operation struct {
	Version    int       `json:"version"`
	ID         string    `json:"id"`
	Ref        crm.Ref   `json:"ref"`
	Change     Change    `json:"change"`
	OccurredAt time.Time `json:"occurred_at"` // by the clock of the CRM
	ReceivedAt time.Time `json:"received_at"` // by our clock
	// Events counts the events that were reduced to this operation.
	Events int `json:"events"`
	// ReplayOf is the id of the failed operation that this one repeats.
	ReplayOf string `json:"replay_of,omitempty"`
}

// OrderingKey is the same for all operations of one record.
func (o Operation) OrderingKey() string { return o.Ref.String() }

// Attributes are sent beside the message. The ordering key is among them since
// Google's emulator leaves it out of the push body.
func (o Operation) Attributes() map[string]string {
	return map[string]string{
		"ordering_key": o.OrderingKey(),
		"operation_id": o.ID,
		"change":       string(o.Change),
	}
}

// Validate reports everything that is wrong with o at once.
func (o Operation) Validate() error {
	var errs []error
	if o.ID == "" {
		errs = append(errs, errors.New("id is empty"))
	}
	if err := o.Ref.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("ref: %w", err))
	}
	if !changes[o.Change] {
		errs = append(errs, fmt.Errorf("change %q is unknown", string(o.Change)))
	}
	if o.ReceivedAt.IsZero() {
		errs = append(errs, errors.New("received_at is missing"))
	}
	if outOfJSON(o.OccurredAt) || outOfJSON(o.ReceivedAt) {
		errs = append(errs, errors.New("a time is outside the years 0 to 9999"))
	}
	if o.Events < 0 {
		errs = append(errs, errors.New("events is negative"))
	}
	return errors.Join(errs...)
}

// outOfJSON reports whether t, in UTC, has no form in JSON. What was read with an
// offset may be just outside.
func outOfJSON(t time.Time) bool {
	year := t.UTC().Year()
	return year < 0 || year > 9999
}

// Encode returns the JSON form of o under the current version.
func Encode(o Operation) ([]byte, error) {
	o.Version = Version
	o.OccurredAt, o.ReceivedAt = o.OccurredAt.UTC(), o.ReceivedAt.UTC()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("encode operation: %w", err)
	}
	return json.Marshal(o)
}

// Decode reads an operation of any version up to the current one. Unknown
// fields are ignored, so that an older consumer reads what a newer door wrote
// under the same version.
func Decode(data []byte) (Operation, error) {
	// The version comes first: a newer one may give any other field another shape.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Operation{}, fmt.Errorf("decode operation: %w", jsonerr.Describe(err))
	}
	var o Operation
	err := json.Unmarshal(data, &o)
	if head.Version < 1 || head.Version > Version {
		return o, fmt.Errorf("decode operation: version %d: %w", head.Version, ErrUnknownVersion)
	}
	if err != nil {
		return Operation{}, fmt.Errorf("decode operation: %w", jsonerr.Describe(err))
	}
	if err := o.Validate(); err != nil {
		return o, fmt.Errorf("decode operation: %w", err)
	}
	return o, nil
}
