package failure

import (
	"google.golang.org/grpc/codes"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// googleCodes gives the status codes of Firestore and Pub/Sub the names by
// which Google's documentation calls them, and their kinds.
// Source: https://cloud.google.com/apis/design/errors#handling_errors
var googleCodes = map[codes.Code]struct {
	name string
	kind crm.ErrorKind
}{
	codes.Canceled:           {"CANCELLED", crm.Unavailable},
	codes.Unknown:            {"UNKNOWN", crm.Unavailable},
	codes.InvalidArgument:    {"INVALID_ARGUMENT", crm.Refused},
	codes.DeadlineExceeded:   {"DEADLINE_EXCEEDED", crm.Unavailable},
	codes.NotFound:           {"NOT_FOUND", crm.NotFound},
	codes.AlreadyExists:      {"ALREADY_EXISTS", crm.Conflict},
	codes.PermissionDenied:   {"PERMISSION_DENIED", crm.Forbidden},
	codes.ResourceExhausted:  {"RESOURCE_EXHAUSTED", crm.RateLimited},
	codes.FailedPrecondition: {"FAILED_PRECONDITION", crm.Conflict},
	codes.Aborted:            {"ABORTED", crm.Conflict},
	codes.OutOfRange:         {"OUT_OF_RANGE", crm.Refused},
	codes.Unimplemented:      {"UNIMPLEMENTED", crm.Refused},
	codes.Internal:           {"INTERNAL", crm.Unavailable},
	codes.Unavailable:        {"UNAVAILABLE", crm.Unavailable},
	codes.DataLoss:           {"DATA_LOSS", crm.Unavailable},
	codes.Unauthenticated:    {"UNAUTHENTICATED", crm.Unauthorized},
}

// googleRules hold the errors of Firestore and Pub/Sub. The two share their
// codes; what differs is said in the remedy.
var googleRules = []rule{
	{system: Google, code: "CANCELLED", class: Healing, origin: Outage, remedy: "The call was cut off."},
	{system: Google, code: "UNKNOWN", class: Healing, origin: Outage, remedy: "Google's service failed."},
	{system: Google, code: "INVALID_ARGUMENT", class: Permanent, origin: Defect,
		remedy: "Google's service refused what was to be stored or sent, for instance as too large. " + reportDefect},
	{system: Google, code: "DEADLINE_EXCEEDED", class: Healing, origin: Outage, remedy: "Google's service was slow."},
	{system: Google, code: "NOT_FOUND", class: Stop, origin: Configuration,
		remedy: "The Firestore database or the Pub/Sub topic does not exist. Check GOOGLE_CLOUD_PROJECT, FIRESTORE_DATABASE and the names of the topics."},
	{system: Google, code: "ALREADY_EXISTS", class: Healing, origin: Contention, remedy: "Another handler was faster."},
	{system: Google, code: "PERMISSION_DENIED", class: Stop, origin: Permission,
		remedy: "The function's service account lacks a role, or the API is switched off. Grant it the roles that terraform gives."},
	{system: Google, code: "RESOURCE_EXHAUSTED", class: Healing, origin: Quota, remedy: "A quota of Google's service is used up for the moment. Ask for more if it lasts."},
	{system: Google, code: "FAILED_PRECONDITION", class: Healing, origin: Contention,
		remedy: "The document changed meanwhile, or an index is still being built."},
	{system: Google, code: "ABORTED", class: Healing, origin: Contention, remedy: "Two handlers wrote at once."},
	{system: Google, code: "OUT_OF_RANGE", class: Permanent, origin: Defect, remedy: reportDefect},
	{system: Google, code: "UNIMPLEMENTED", class: Stop, origin: Configuration,
		remedy: "Google's service does not offer this, for instance a database in Datastore mode. Create a Firestore database in native mode."},
	{system: Google, code: "INTERNAL", class: Healing, origin: Outage, remedy: "Google's service failed."},
	{system: Google, code: "UNAVAILABLE", class: Healing, origin: Outage, remedy: "Google's service is down for the moment."},
	{system: Google, code: "DATA_LOSS", class: Healing, origin: Outage, remedy: "Google's service reports lost data. If it lasts, restore the database."},
	{system: Google, code: "UNAUTHENTICATED", class: Stop, origin: Credentials,
		remedy: "The function has no valid credentials for Google's service. Check its service account."},
}

// sendgridRules hold the answers of SendGrid to a mail. Whatever it is, the
// failures stay listed until a mail was accepted.
// Source: https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses
var sendgridRules = []rule{
	{system: SendGrid, status: 400, class: Stop, origin: Configuration,
		remedy: "SendGrid refused the mail as such. Check FAILURE_MAIL_FROM and FAILURE_MAIL_TO."},
	{system: SendGrid, status: 401, class: Stop, origin: Credentials, remedy: "SendGrid refused the API key. Check SENDGRID_API_KEY."},
	{system: SendGrid, status: 403, class: Stop, origin: Credentials,
		remedy: "SendGrid does not let this sender or this key send mail. Verify FAILURE_MAIL_FROM as a sender, and give the key the permission Mail Send."},
	{system: SendGrid, kind: crm.RateLimited, class: Healing, origin: Quota, remedy: "SendGrid takes no more mails for the moment. The list waits for the next run."},
	{system: SendGrid, kind: crm.Unavailable, class: Healing, origin: Outage, remedy: "SendGrid failed or did not answer. The list waits for the next run."},
	{system: SendGrid, class: Stop, origin: Configuration, remedy: "SendGrid did not accept the mail. Check SENDGRID_URL."},
}
