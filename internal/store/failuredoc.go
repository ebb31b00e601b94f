package store

import (
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// failureDoc is a failure as Firestore holds it.
type failureDoc struct {
	Ref         string            `firestore:"ref"`
	Record      string            `firestore:"record"`
	Refs        []string          `firestore:"refs"`
	Others      []string          `firestore:"others,omitempty"`
	Side        string            `firestore:"side"`
	Action      string            `firestore:"action"`
	Kind        string            `firestore:"kind"`
	Code        string            `firestore:"code"`
	Fields      []failureFieldDoc `firestore:"fields"`
	Cause       string            `firestore:"cause"`
	Operation   string            `firestore:"operation"`
	Operations  []string          `firestore:"operations"`
	Change      string            `firestore:"change"`
	FirstSeen   time.Time         `firestore:"first_seen"`
	LastSeen    time.Time         `firestore:"last_seen"`
	Count       int               `firestore:"count"`
	Unreported  bool              `firestore:"unreported"`
	MailedAt    *time.Time        `firestore:"mailed_at,omitempty"`
	MailedCount int               `firestore:"mailed_count"`
	ResolvedAt  *time.Time        `firestore:"resolved_at,omitempty"`
	ExpireAt    *time.Time        `firestore:"expire_at,omitempty"`
	Dismissed   string            `firestore:"dismissed,omitempty"`
	Open        string            `firestore:"open,omitempty"`
	OpenOf      string            `firestore:"open_of,omitempty"`
	IsOpen      bool              `firestore:"is_open"`
	OpenCause   string            `firestore:"open_cause,omitempty"`
	Closed      string            `firestore:"closed,omitempty"`
	Repeats     int               `firestore:"repeats,omitempty"`
	RepeatedAt  *time.Time        `firestore:"repeated_at,omitempty"`
	RepeatAt    *time.Time        `firestore:"repeat_at,omitempty"`
	Message     *messageDoc       `firestore:"message,omitempty"`
}

type failureFieldDoc struct {
	Field  string `firestore:"field"`
	Code   string `firestore:"code"`
	Detail string `firestore:"detail,omitempty"`
}

type messageDoc struct {
	ID         string            `firestore:"id"`
	BodyHash   string            `firestore:"body_hash"`
	BodySize   int               `firestore:"body_size"`
	Attributes map[string]string `firestore:"attributes"`
}

func newFailureDoc(r failure.Record) failureDoc {
	d := failureDoc{
		Ref: refText(r.Ref), Record: refText(r.Record),
		Side: string(r.Cause.Side), Action: r.Cause.Action, Kind: string(r.Cause.Kind), Code: string(r.Cause.Code), Cause: r.Cause.ID(),
		Operation: r.Operation, Operations: []string{r.Operation}, Change: string(r.Change),
		FirstSeen: r.FirstSeen, LastSeen: r.LastSeen, Count: r.Count,
		MailedCount: r.MailedCount,
	}
	for _, ref := range []crm.Ref{r.Ref, r.Record} {
		if ref.RecordID != "" && !slices.Contains(d.Refs, ref.String()) {
			d.Refs = append(d.Refs, ref.String())
		}
	}
	for _, ref := range r.Others {
		d.Others = append(d.Others, ref.String())
	}
	for _, f := range r.Cause.Fields {
		d.Fields = append(d.Fields, failureFieldDoc(f))
	}
	if r.Message != nil {
		d.Message = (*messageDoc)(r.Message)
	}
	return d.withIndexes(r.ID)
}

// withIndexes returns d with what depends on the rest of it: whether a mail is due and
// when it is repeated, and what the lists are ordered by.
func (d failureDoc) withIndexes(id string) failureDoc {
	r := d.toRecord(id)
	d.Unreported, d.RepeatAt = r.IsUnreported(), nil
	if at := r.RepeatAt(); !at.IsZero() {
		d.RepeatAt = &at
	}
	d.Open, d.OpenOf, d.OpenCause, d.Closed, d.IsOpen = "", "", "", "", d.ResolvedAt == nil
	if d.ResolvedAt != nil {
		d.Closed = string(failure.PlaceOf(*d.ResolvedAt, id))
		return d
	}
	d.Open, d.OpenCause = string(failure.PlaceOf(d.LastSeen, id)), d.Cause
	d.OpenOf = d.Cause + " " + d.Open
	return d
}

// countAgain returns what becomes of d when r happens: counted, unless it is an
// operation that was counted before. A resolved failure opens again either way.
func (d failureDoc) countAgain(r failure.Record) (failureDoc, bool) {
	counted := slices.Contains(d.Operations, r.Operation)
	if counted && d.ResolvedAt == nil {
		return d, false
	}
	next := newFailureDoc(r)
	next.FirstSeen, next.Count = d.FirstSeen, d.Count
	next.MailedAt, next.MailedCount = d.MailedAt, d.MailedCount
	next.Operations = d.Operations
	if d.ResolvedAt == nil {
		next.Repeats, next.RepeatedAt = d.Repeats, d.RepeatedAt
	}
	if d.Change == string(op.Erased) {
		next.Change = d.Change
	}
	if !counted {
		next.Count += r.Count
		next.Operations = append(slices.Clone(d.Operations), r.Operation)
		next.Operations = next.Operations[max(0, len(next.Operations)-keptOperations):]
	}
	return next.withIndexes(r.ID), true
}

func (d failureDoc) isMailedOnce() bool { return d.toRecord("").IsMailedOnce() }

func (d failureDoc) toRecord(id string) failure.Record {
	r := failure.Record{
		ID: id, Ref: parseRefText(d.Ref), Record: parseRefText(d.Record),
		Cause:     failure.Cause{Side: crm.System(d.Side), Action: d.Action, Kind: crm.ErrorKind(d.Kind), Code: failurecode.Code(d.Code)},
		Operation: d.Operation, Change: op.Change(d.Change),
		FirstSeen: d.FirstSeen, LastSeen: d.LastSeen, Count: d.Count, MailedCount: d.MailedCount,
		Message: (*failure.MessageInfo)(d.Message), Dismissed: failure.Dismissal(d.Dismissed),
	}
	for _, ref := range d.Others {
		r.Others = append(r.Others, parseRefText(ref))
	}
	for _, f := range d.Fields {
		r.Cause.Fields = append(r.Cause.Fields, crm.FieldError(f))
	}
	if d.MailedAt != nil {
		r.MailedAt = *d.MailedAt
	}
	if r.Repeats = d.Repeats; d.RepeatedAt != nil {
		r.RepeatedAt = *d.RepeatedAt
	}
	if d.ResolvedAt != nil {
		r.ResolvedAt = *d.ResolvedAt
	}
	return r
}

// refText is "" for no record, and "zoho/contact/" for one still to be made.
func refText(r crm.Ref) string {
	if r == (crm.Ref{}) {
		return ""
	}
	return r.String()
}

func parseRefText(s string) crm.Ref {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return crm.Ref{}
	}
	return crm.Ref{System: crm.System(parts[0]), Kind: crm.Kind(parts[1]), RecordID: parts[2]}
}
