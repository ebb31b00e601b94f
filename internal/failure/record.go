package failure

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Cause is what failures have in common that a person can remove at once.
type Cause struct {
	Side   crm.System // who refused
	Action string     // "create", "update", "link", "merge", "apply", "receive"
	Kind   crm.ErrorKind
	Code   failurecode.Code
	Fields []crm.FieldError
}

// ID names the cause: 16 hexadecimal digits, the same for the same cause, in
// whatever order a CRM lists the fields.
func (c Cause) ID() string { return hashOf(c.hashParts()...)[:16] }

func (c Cause) hashParts() []string {
	parts := []string{string(c.Side), c.Action, string(c.Kind), string(c.Code)}
	for _, f := range slices.SortedFunc(slices.Values(c.Fields), compareFields) {
		parts = append(parts, f.Field, f.Code)
	}
	return parts
}

func compareFields(a, b crm.FieldError) int {
	return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code))
}

// withoutDetails is what all failures of the cause have in common.
func (c Cause) withoutDetails() Cause {
	c.Fields = slices.Clone(c.Fields)
	for i := range c.Fields {
		c.Fields[i].Detail = ""
	}
	return c
}

// Remedy says what to do about a recorded failure: what the codes of the fields
// ask for where they are known, else what the code of the whole asks for. A failure
// that heals by itself is recorded only when all attempts had failed.
func (c Cause) Remedy() string {
	remedy, class := c.findAdvice()
	switch {
	case class == Permanent || strings.Contains(remedy, "replay"):
	case c.isTemporary():
		remedy += " All attempts failed. " + repeatedByItself
	default:
		remedy += " All attempts failed: replay it when that has passed."
	}
	return remedy
}

func (c Cause) findAdvice() (string, Class) {
	var remedies []string
	for _, f := range c.Fields {
		r := findRule(errorFacts{system: c.Side, kind: c.Kind, code: failurecode.Code(f.Code)})
		if f.Code != "" && string(r.code) == f.Code && !slices.Contains(remedies, r.remedy) {
			remedies = append(remedies, r.remedy)
		}
	}
	r := findRule(errorFacts{system: c.Side, kind: c.Kind, code: c.Code})
	if len(remedies) > 0 {
		return strings.Join(remedies, " "), r.class
	}
	return r.remedy, r.class
}

// Record is one failure: of one record, for one cause. What happens again is
// counted in it.
type Record struct {
	ID string
	// Ref is the record that changed. It is zero for a message that names none.
	Ref crm.Ref
	// Record is the one that was to be written, without an id when it was to be
	// created.
	Record crm.Ref
	Cause  Cause
	// Others are records that the details of the cause name. They neither close
	// the failure nor find it, but it is erased with any of them.
	Others []crm.Ref
	// Operation is the last operation that failed, Change its event; a privacy
	// deletion is never replaced by a later event.
	Operation string
	Change    op.Change
	// FirstSeen, LastSeen and Count span the operations that failed.
	FirstSeen, LastSeen time.Time
	Count               int
	// ResolvedAt is when an operation on the record succeeded afterwards, or
	// when a person dismissed the failure for the reason in Dismissed.
	ResolvedAt time.Time
	Dismissed  Dismissal
	// MailedAt is when the last mail with it was accepted, MailedCount the count
	// that it reported.
	MailedAt    time.Time
	MailedCount int
	// Repeats is how often the connector has repeated it of its own accord since
	// it opened, RepeatedAt when it last did.
	Repeats    int
	RepeatedAt time.Time
	// Message describes a message that is not a valid operation.
	Message *MessageInfo
}

// MessageInfo is what is kept of a message that cannot be decoded: never its
// body.
type MessageInfo struct {
	ID         string
	BodyHash   string // the first 128 bits of its SHA-256, in hexadecimal digits
	BodySize   int    // bytes
	Attributes map[string]string
}

// IsOpen reports whether the failure is still to be dealt with.
func (r Record) IsOpen() bool { return r.ResolvedAt.IsZero() }

// IsMailedOnce reports whether the failure is mailed once and then erased: it names a
// person of whom nothing may be kept.
func (r Record) IsMailedOnce() bool { return r.Cause.Code == failurecode.PrivacyDeletion }

// OutlastsSuccess reports whether the success of another operation leaves the failure
// open: a privacy deletion that was given up is finished by itself alone, and a
// failure that is mailed once is for a person.
func (r Record) OutlastsSuccess() bool { return r.IsMailedOnce() || r.Change == op.Erased }

// IsUnreported reports whether part of r was not mailed yet.
func (r Record) IsUnreported() bool { return r.IsOpen() && r.Count > r.MailedCount }

// WithID returns r with the ID that its record and cause give it.
func (r Record) WithID() Record {
	subject := r.Ref.String()
	if r.Ref == (crm.Ref{}) && r.Message != nil {
		subject = "message/" + cmp.Or(r.Operation, r.Message.BodyHash)
	}
	r.ID = hashOf(append([]string{subject}, r.Cause.hashParts()...)...)
	return r
}

// NewParkedRecord describes an operation that is given up because of err. Classify
// says whether it should be.
func NewParkedRecord(o op.Operation, err error, at time.Time) Record {
	v := Classify(err)
	c := Cause{Side: v.System, Action: "apply", Kind: v.Kind, Code: v.Code, Fields: v.Fields}
	if e := crm.AsError(err); e != nil {
		c.Action = e.Action
	}
	r := newOperationRecord(o, c, at)
	if v.System == o.Ref.System {
		r.Record = o.Ref
	}
	return r
}

func newOperationRecord(o op.Operation, c Cause, at time.Time) Record {
	return Record{
		Ref: o.Ref, Record: crm.Ref{System: o.Ref.System.Other(), Kind: o.Ref.Kind}, Cause: c,
		Operation: o.ID, Change: o.Change, FirstSeen: at, LastSeen: at, Count: 1,
	}.WithID()
}

func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Recorder stores failures.
type Recorder interface {
	// Record stores r, or counts it in the record of the same ID unless its
	// operation was counted there before. A resolved record opens again.
	Record(ctx context.Context, r Record) error
}

// Lister reads failures.
type Lister interface {
	// ListFailures returns what the filter matches, at most limit (0: all).
	ListFailures(ctx context.Context, f Filter, limit int) ([]Record, error)
}

// Filter selects failures. Empty fields match everything; the times are those
// of LastSeen, Since included and Until excluded.
type Filter struct {
	IDs          []string
	Cause        string // a Cause's ID
	Ref          crm.Ref
	Kind         crm.Kind // of the record that changed, or was to be written
	Since, Until time.Time
	// Resolved asks for the resolved ones too.
	Resolved bool
}

// Matches reports whether the filter selects r.
func (f Filter) Matches(r Record) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, r.ID)) &&
		(f.Cause == "" || r.Cause.ID() == f.Cause) &&
		(f.Ref == (crm.Ref{}) || r.Ref == f.Ref || r.Record == f.Ref) &&
		(f.Kind == "" || r.Ref.Kind == f.Kind || r.Record.Kind == f.Kind) &&
		(f.Since.IsZero() || !r.LastSeen.Before(f.Since)) &&
		(f.Until.IsZero() || r.LastSeen.Before(f.Until)) &&
		(f.Resolved || r.IsOpen())
}

// Resolver closes failures.
type Resolver interface {
	// ResolveFailures closes every open failure of any of the records, as the
	// one that changed or the one that was to be written, that was last seen at
	// the time or before, and returns how many. Given the time at which an
	// operation began, it spares what that operation itself met. What outlasts
	// it stays open.
	ResolveFailures(ctx context.Context, at time.Time, refs ...crm.Ref) (int, error)
	// EraseFailures removes everything about the records, without a trace.
	EraseFailures(ctx context.Context, refs ...crm.Ref) error
}
