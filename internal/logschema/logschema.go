// Package logschema names the log entries that metrics, alerts and the smoke test
// read: their messages and their fields. Code that logs one takes the name from
// here, and a test holds terraform's filters against this list, so that a
// renamed entry cannot silence an alarm.
package logschema

// Messages of entries.
const (
	OperationApplied     = "operation applied"
	OperationGivenUp     = "operation given up"
	MessageHeld          = "message not acknowledged" // it comes again
	DeliveryAccepted     = "delivery accepted"
	DeliveryRefused      = "delivery refused"
	DeliveryNotPublished = "delivery not published"
	NotSetUp             = "function is not set up"
	SecretsChanged       = "secrets were rotated: set up anew"
	TokenRefreshed       = "zoho_token_refreshed"
	TokenRefreshFailed   = "zoho_token_refresh_failed"
	ChannelKept          = "zoho_channel"
	ChannelNotKept       = "zoho_channel_not_kept"
	DigestDone           = "failure digest"
	DigestNotSent        = "failure digest not sent"
	Repeated             = "failures repeated" // of the connector's own accord
	NotRepeated          = "failures not repeated"
	MassClear            = "mass clear held" // a person has to look
	Reconciled           = "reconciled"      // one scan of the sweep
)

// Fields of entries.
const (
	Outcome     = "outcome"    // of an operation: created, updated, ..., parked
	BehindMS    = "behind_ms"  // from the webhook to the end, in milliseconds
	TookMS      = "took_ms"    // of the consumer alone
	Calls       = "calls"      // to both CRMs, of one operation
	Operations  = "operations" // published, of one delivery
	Class       = "class"      // of a failure: permanent, healing, stop
	Origin      = "origin"     // of a failure: data, quota, outage, ...
	Code        = "code"       // of a failure
	Function    = "function"   // entry point
	ExpiresAt   = "expires_at" // of the channel
	Stopped     = "stopped"    // why a scan of the sweep stopped early
	OperationID = "operation_id"
)

// Messages lists every message.
func Messages() []string {
	return []string{
		OperationApplied, OperationGivenUp, MessageHeld, DeliveryAccepted, DeliveryRefused, DeliveryNotPublished,
		NotSetUp, SecretsChanged, TokenRefreshed, TokenRefreshFailed, ChannelKept, ChannelNotKept, DigestDone, DigestNotSent, Repeated, NotRepeated, MassClear, Reconciled,
	}
}

// Fields lists every field.
func Fields() []string {
	return []string{Outcome, BehindMS, TookMS, Calls, Operations, Class, Origin, Code, Function, ExpiresAt, Stopped, OperationID}
}
