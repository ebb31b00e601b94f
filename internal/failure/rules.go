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
	{code: failurecode.CounterpartIsLinked, text: "The matching record already belongs to another one",
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
		remedy: "The contact was written without its company, which has no counterpart yet or was deleted there. If the company is among the failures, correct what is listed there; if it was deleted by mistake, restore it; otherwise give the contact another company. The contact is then completed without a replay."},
	{code: failurecode.PrivacyDeletion, text: "A contact was deleted for privacy, and its counterpart is left",
		class: Permanent, origin: Data,
		remedy: "A contact was deleted for privacy in one CRM, and the record that this failure names is its counterpart in the other. The connector deletes nothing: delete that record too if the privacy request asks for it. If other data was merged into it, delete only what belongs to the erased contact. The failure is mailed once and then removed."},
	{code: failurecode.LostValue, text: "Neither side holds the latest value any more",
		class: Permanent, origin: Data,
		remedy: "Neither CRM holds the latest value of the field any more, and neither history shows it. Look at the field in both CRMs, and type the right value in one of them; it is then carried over and the failure closes."},
	{system: Connector, code: failurecode.ValueRefused, text: "A CRM refused the value", class: Permanent, origin: Data,
		remedy: "The value was refused, and the CRM named no reason. Correct it in the CRM where it was typed, or look for a rule on this field in the CRM that refused it."},
	{system: Connector, code: failurecode.DuplicateValue, text: "Another record has the value already", class: Permanent, origin: Data,
		remedy: "Another record of that CRM already has this value. Merge the two records, or change the value on one of them."},
	{code: failurecode.Exhausted, text: "All attempts failed",
		class: Permanent, origin: Outage,
		remedy: "All attempts failed, mostly because a system was down for hours or held the record locked: look for other failures of that time. " + repeatedByItself},
	{code: failurecode.MassClear, text: "Values would be cleared on more than half of all records",
		class: Stop, origin: Data,
		remedy: "Values would be cleared on more than half of all records within ten minutes, which looks like a mistake. The operations wait and nothing is lost. If it is a mistake, put the values back in the CRM where they were cleared. Then, or if it is intended, run connector release."},
	{code: failurecode.UnknownVersion, text: "A message was written by a newer connector",
		class: Permanent, origin: Configuration,
		remedy: "A newer version of the connector wrote this message. Deploy all functions of that version. Then replay the failure if it names a record; otherwise the sweep finds the change, and you can dismiss it in the console."},
	{code: failurecode.Undecodable, text: "The message is not a valid operation",
		class: Permanent, origin: Defect,
		remedy: "A message on the topic is not a valid operation, so it changed nothing. Find out who else publishes to the topic. If the failure names a record, replay it; otherwise dismiss it in the console."},
	{code: failurecode.Panic, text: "The handler panicked",
		class: Healing, origin: Defect, remedy: reportDefect},
	{system: Connector, code: failurecode.DeadlineExceeded, text: "An attempt took too long",
		class: Healing, origin: Outage,
		remedy: "The attempt did not end in time."},
	{system: Connector, code: failurecode.Unknown, text: "The connector does not know the error",
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
