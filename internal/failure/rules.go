package failure

import (
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// rule says what one error, or a family of them, means. An empty field matches
// everything.
type rule struct {
	system crm.System
	kind   crm.ErrorKind
	code   failurecode.Code
	status int
	long   bool // the system asked to be left alone for longWait or more

	class  Class
	origin Origin
	text   string // says what happened, where the code says more than the kind
	remedy string
}

// errorFacts are what is known of one error.
type errorFacts struct {
	system crm.System
	kind   crm.ErrorKind
	code   failurecode.Code
	status int
	long   bool
}

func (r rule) matches(f errorFacts) bool {
	return (r.system == "" || r.system == f.system) &&
		(r.kind == "" || r.kind == f.kind) &&
		(r.code == "" || r.code == f.code) &&
		(r.status == 0 || r.status == f.status) &&
		(!r.long || f.long)
}

// rules is the whole table. The first rule that matches decides, so the order
// is from the special to the general.
var rules = slices.Concat(connectorRules, hubspotRules, zohoRules, googleRules, sendgridRules, generalRules)

func findRule(f errorFacts) rule {
	for _, r := range rules {
		if r.matches(f) {
			return r
		}
	}
	return unknownRule
}

const reportDefect = "This is a mistake in the connector: report it to its operator, with the code."

var unknownRule = rule{class: Healing, origin: Defect,
	remedy: "The reason is not known. Look into the connector's log for the operation, then replay it."}

// connectorRules are for what the connector itself finds, on either side.
var connectorRules = []rule{
	{code: failurecode.NotMappable, text: "A value does not fit the mapping",
		class: Permanent, origin: Data,
		remedy: "The value does not fit the type that the mapping gives this field. Correct the value in the CRM where it was typed, or the field's type in the mapping."},
	{code: failurecode.NoCounterpart, text: "An option has no counterpart",
		class: Permanent, origin: Configuration,
		remedy: "The option has no counterpart on the other side. Pair it under values in the mapping, or say there with unknown what becomes of such options."},
	{code: failurecode.OwnerUnknown, text: "An owner has no account on the other side",
		class: Permanent, origin: Configuration,
		remedy: "The owner of the record has no active account with the same e-mail address on the other side. Add the account, pair the two addresses under values in the mapping, or name a default owner there with unknown: default."},
	{code: failurecode.CounterpartIsLinked, text: "The matching record belongs to another one already",
		class: Permanent, origin: Data,
		remedy: "The matching record already belongs to another one: there are duplicates. Merge them in their CRM, then replay."},
	{code: failurecode.AmbiguousMatch, text: "Several records match",
		class: Permanent, origin: Data,
		remedy: "Several records match and nothing tells them apart, so none was linked. Merge those that are one and the same, or write the id of this record into the id field of the right one; then replay."},
	{code: failurecode.CounterpartOfMerged, text: "Two records were merged, and both of their counterparts are left",
		class: Permanent, origin: Data,
		remedy: "Two records were merged in one CRM. The survivor goes on with one of their counterparts; this is the other. Merge the two in its CRM as well, or leave it: nothing is carried over to or from it any more."},
	{code: failurecode.CompanyNotLinked, text: "The company has no counterpart yet",
		class: Permanent, origin: Data,
		remedy: "The contact was written without its company, which could not be brought over or was deleted there. Look at the failure of the company, correct it or restore it; the contact is then completed by itself."},
	{code: failurecode.PrivacyDeletion, text: "A contact was deleted for privacy, and its counterpart is left",
		class: Permanent, origin: Data,
		remedy: "Delete this record too, if the privacy request asks for it; where it was merged with the record of another contact, delete what it has of the erased one. The connector deletes nothing. This failure is reported once and then forgotten."},
	{code: failurecode.LostValue, text: "The latest value is nowhere to be found",
		class: Permanent, origin: Data,
		remedy: "Neither side holds the latest value any more. Type it again in one of the two CRMs."},
	{system: Connector, code: failurecode.ValueRefused, class: Permanent, origin: Data,
		remedy: "The value was refused, and the CRM named no reason. Correct it in the CRM where it was typed, or look for a rule on this field in the CRM that refused it."},
	{system: Connector, code: failurecode.DuplicateValue, class: Permanent, origin: Data,
		remedy: "Another record of that CRM already has this value. Merge the two records, or change the value on one of them."},
	{code: failurecode.Exhausted, text: "All attempts failed",
		class: Permanent, origin: Outage,
		remedy: "All attempts failed, mostly because a system was down for hours or held the record locked: look for other failures of that time. " + repeatedByItself},
	{code: failurecode.MassClear, text: "Values would be cleared on more than half of all records",
		class: Stop, origin: Data,
		remedy: "Values would be cleared on more than half of all records within minutes, which looks like a mistake; all of it waits and nothing is lost. Put the values back where they were cleared, or let it through with connector release."},
	{code: failurecode.UnknownVersion, text: "A message was written by a newer connector",
		class: Permanent, origin: Configuration,
		remedy: "A newer version of the connector wrote this message. Deploy all functions of that version, then replay."},
	{code: failurecode.Undecodable, text: "The message is not a valid operation",
		class: Permanent, origin: Defect,
		remedy: "A message on the topic is not a valid operation. Find out who publishes there; if the record is named, replay it."},
	{code: failurecode.Panic, text: "The handler broke off",
		class: Healing, origin: Defect, remedy: reportDefect},
	{system: Connector, code: failurecode.DeadlineExceeded,
		class: Healing, origin: Outage,
		remedy: "It took too long."},
	{system: Connector, code: failurecode.Unknown,
		class: Healing, origin: Defect, remedy: unknownRule.remedy},
}

// generalRules judge by kind what no special rule knows.
var generalRules = []rule{
	{kind: crm.Invalid, class: Permanent, origin: Data,
		remedy: "The value was refused. Correct it in the CRM where it was typed; the change is then carried over by itself."},
	{kind: crm.Missing, class: Permanent, origin: Data,
		remedy: "A required field is empty. Fill it in, or make it optional in the CRM that requires it."},
	{kind: crm.Duplicate, class: Permanent, origin: Data,
		remedy: "Another record already has this unique value. Merge the two records, or change the value on one of them."},
	{kind: crm.NotFound, class: Permanent, origin: Data,
		remedy: "The record no longer exists. There is nothing to do unless it was deleted by mistake: then restore it."},
	{kind: crm.Conflict, class: Healing, origin: Contention,
		remedy: "The record changed meanwhile."},
	{kind: crm.Locked, class: Healing, origin: Process,
		remedy: "The record is locked for the moment. Release it in the CRM."},
	{kind: crm.RateLimited, long: true, class: Stop, origin: Quota,
		remedy: "The calls of the day are used up. Everything waits until they are granted anew; nothing is lost. Buy more calls if it happens often."},
	{kind: crm.RateLimited, class: Healing, origin: Quota,
		remedy: "Too many calls in a short time."},
	{kind: crm.Unavailable, long: true, class: Stop, origin: Outage,
		remedy: "The system announced that it is away for long. Everything waits; nothing is lost."},
	{kind: crm.Unavailable, class: Healing, origin: Outage,
		remedy: "The system failed or did not answer."},
	{kind: crm.Unauthorized, class: Stop, origin: Credentials,
		remedy: "The connector's credentials were refused. Renew them; everything waits until then and nothing is lost."},
	{kind: crm.Forbidden, class: Stop, origin: Permission,
		remedy: "The connector's account lacks a scope or a permission. Grant it; everything waits until then and nothing is lost."},
	{kind: crm.Refused, class: Permanent, origin: Defect,
		remedy: "The system refused the request as such. " + reportDefect},
}
