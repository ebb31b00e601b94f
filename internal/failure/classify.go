package failure

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

// Class says how an operation that failed is treated.
type Class string

const (
	// Permanent means that repeating cannot help. Record it, report it,
	// acknowledge it.
	Permanent Class = "permanent"
	// Healing means that it passes by itself. Try again, and count the attempts.
	Healing Class = "healing"
	// Stop means that nothing can succeed before a person acts or the day ends.
	// Hold everything, drop nothing, raise an alarm.
	Stop Class = "stop"
)

// Origin says where the cause of a failure lies, and so who can remove it.
type Origin string

// Origins of failures.
const (
	Data          Origin = "data"          // a value that a person typed into a CRM
	Process       Origin = "process"       // a rule, an approval or a lock in a CRM
	Permission    Origin = "permission"    // what the connector's account may not do
	Credentials   Origin = "credentials"   // tokens, consent, keys
	Quota         Origin = "quota"         // calls of a second or of a day
	Configuration Origin = "configuration" // addresses, mapping, resources of the cloud
	Outage        Origin = "outage"        // a system that is down or slow
	Contention    Origin = "contention"    // another writer was faster
	Defect        Origin = "defect"        // a mistake in the connector
)

// Systems beside the two CRMs that an error can come from.
const (
	Google    crm.System = "google" // Firestore and Pub/Sub
	SendGrid  crm.System = "sendgrid"
	Connector crm.System = "connector"
)

// ErrPanic stands for a handler that panicked.
var ErrPanic = errors.New("the handler panicked")

// longWait tells a quota of the day, or a system that is away for hours, from
// what passes in moments.
const longWait = 30 * time.Minute

// Classification describes an error.
type Classification struct {
	System crm.System
	Kind   crm.ErrorKind
	Code   failurecode.Code
	Fields []crm.FieldError
	Class  Class
	Origin Origin
	Remedy string
	// Known is false for an error that no rule describes. It counts as healing,
	// so only the number of attempts ends it.
	Known bool
}

// ClassOf returns the class of err.
func ClassOf(err error) Class { return Classify(err).Class }

// Classify describes err: the error of a CRM in its chain if
// there is one, else the status of a Google service, else one of the
// connector's own. err is not nil.
func Classify(err error) Classification {
	f, known := factsOf(err)
	if !known {
		return Classification{System: Connector, Code: failurecode.Unknown, Class: Healing, Origin: Defect,
			Remedy: Remedy(Connector, "", failurecode.Unknown)}
	}
	r := findRule(f)
	v := Classification{System: f.system, Kind: f.kind, Code: f.code, Class: r.class, Origin: r.origin, Remedy: r.remedy, Known: true}
	if e := crm.AsError(err); e != nil {
		v.Fields = e.Fields
		if len(e.Fields) > 0 {
			v.Remedy, _ = Cause{Side: f.system, Kind: f.kind, Code: f.code, Fields: e.Fields}.findAdvice()
		}
	}
	return v
}

// Remedy says in a sentence or two what a person can do about a failure.
func Remedy(system crm.System, kind crm.ErrorKind, code failurecode.Code) string {
	return findRule(errorFacts{system: system, kind: kind, code: code}).remedy
}

// factsOf extracts what the rules look at.
func factsOf(err error) (errorFacts, bool) {
	var m *MailError
	switch e := crm.AsError(err); {
	case e != nil:
		return errorFacts{e.System, e.Kind, failurecode.Code(e.Code), e.Status, e.RetryAfter >= longWait}, true
	case errors.As(err, &m):
		return errorFacts{system: SendGrid, kind: m.kind(), status: m.Status}, true
	case errors.Is(err, ErrPanic):
		return errorFacts{system: Connector, kind: crm.Refused, code: failurecode.Panic}, true
	case errors.Is(err, op.ErrUnknownVersion):
		return errorFacts{system: Connector, kind: crm.Refused, code: failurecode.UnknownVersion}, true
	}
	if s, ok := status.FromError(err); ok && s.Code() != codes.OK {
		g := googleCodes[s.Code()]
		return errorFacts{system: Google, kind: g.kind, code: failurecode.Code(g.name)}, g.name != ""
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errorFacts{system: Connector, kind: crm.Unavailable, code: failurecode.DeadlineExceeded}, true
	}
	return errorFacts{}, false
}

// IsHeld reports whether an operation failed because a safeguard holds what it
// would do: a person has to release it, and until then it comes again.
func IsHeld(err error) bool {
	e := crm.AsError(err)
	return e != nil && e.Code == string(failurecode.MassClear)
}
