package failure_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/hubspot"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// answer is what a CRM says to every call of a test.
type answer struct {
	status int
	header map[string]string
	body   string
	drop   bool
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/crm/v8/users" { // Zoho's client asks who it is
		_, _ = io.WriteString(w, `{"users":[{"id":"1"}]}`)
		return
	}
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body) // the client may have enough
}

// verdict is what a test expects of Classify.
type verdict struct {
	class  failure.Class
	origin failure.Origin
	kind   crm.ErrorKind
	code   string
}

// check compares, and looks for what was in the body in what people would read.
func check(t *testing.T, err error, want verdict) {
	t.Helper()
	if err == nil {
		t.Fatal("the call succeeded")
	}
	v := failure.Classify(fmt.Errorf("apply operation o: %w", err))
	if got := (verdict{v.Class, v.Origin, v.Kind, string(v.Code)}); got != want {
		t.Errorf("got %+v, want %+v (%v)", got, want, err)
	}
	if !v.Known || v.Remedy == "" {
		t.Errorf("known %t, remedy %q", v.Known, v.Remedy)
	}
	text := v.Remedy + failure.Cause{Side: v.System, Kind: v.Kind, Code: v.Code, Fields: v.Fields}.Message()
	if strings.Contains(text, "planted") {
		t.Errorf("a value shows in %q", text)
	}
}

// hubspotAnswers are the rows of HubSpot's table of errors.
// Source: https://developers.hubspot.com/docs/api-reference/error-handling
var hubspotAnswers = []struct {
	name string
	answer
	want verdict
}{
	{"an unknown property", answer{status: 400, body: validation("PROPERTY_DOESNT_EXIST", "x")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"an invalid e-mail address", answer{status: 400, body: validation("INVALID_EMAIL", "email")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"an invalid option", answer{status: 400, body: validation("INVALID_OPTION", "lifecyclestage")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"a number that is none", answer{status: 400, body: validation("INVALID_LONG", "x")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"an integer that is none", answer{status: 400, body: validation("INVALID_INTEGER", "x")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"a date that is none", answer{status: 400, body: validation("INVALID_DATE", "x")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"a read-only property", answer{status: 400, body: validation("READ_ONLY_VALUE", "x")}, permanent(failure.Data, crm.Invalid, "VALIDATION_ERROR")},
	{"a required property", answer{status: 400, body: validation("MISSING_REQUIRED", "x")}, permanent(failure.Data, crm.Missing, "VALIDATION_ERROR")},
	{"another form of a required property", answer{status: 400, body: validation("MISSING_REQUIRED_PROPERTY", "x")}, permanent(failure.Data, crm.Missing, "VALIDATION_ERROR")},
	{"a unique value that is taken", answer{status: 400, body: validation("CONFLICTING_UNIQUE_VALUE", "zoho_id")}, permanent(failure.Data, crm.Duplicate, "VALIDATION_ERROR")},
	{"duplicate ids in a batch", answer{status: 400, body: `{"status":"error","category":"VALIDATION_ERROR","message":"Duplicate IDs found in batch input: [123456]. IDs must be unique","context":{"ids":["123456"]}}`}, permanent(failure.Defect, crm.Refused, "VALIDATION_ERROR")},
	{"too many inputs with history", answer{status: 400, body: `{"status":"error","category":"VALIDATION_ERROR","message":"The maximum number of inputs supported in a batch request for property histories is 50. "}`}, permanent(failure.Defect, crm.Refused, "VALIDATION_ERROR")},
	{"an unknown object type", answer{status: 400, body: `{"status":"error","message":"Unable to infer object type from: butterflies"}`}, permanent(failure.Defect, crm.Refused, "")},
	{"unknown ids in a batch", answer{status: 207, body: `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["101"]}}]}`}, permanent(failure.Data, crm.NotFound, "OBJECT_NOT_FOUND")},
	{"a contact that exists, in a batch with trace", answer{status: 207, body: `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"CONFLICT","message":"Contact already exists","context":{"objectWriteTraceId":["0"],"existingId":["123"]}}]}`}, permanent(failure.Data, crm.Duplicate, "CONFLICT")},
	{"a contact that exists", answer{status: 409, body: `{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: 123"}`}, permanent(failure.Data, crm.Duplicate, "CONFLICT")},
	{"a wrong address", answer{status: 404, body: "<html>not found</html>"}, verdict{failure.Stop, failure.Configuration, crm.Refused, ""}},
	{"a record that is gone", answer{status: 404, body: `{"status":"error","category":"OBJECT_NOT_FOUND","message":"Object not found.  objectId are usually numeric.","context":{"id":["x"]}}`}, permanent(failure.Data, crm.NotFound, "OBJECT_NOT_FOUND")},
	{"a missing scope", answer{status: 403, body: `{"status":"error","category":"MISSING_SCOPES","message":"This app hasn't been granted all required scopes","errors":[{"context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`}, verdict{failure.Stop, failure.Permission, crm.Forbidden, "MISSING_SCOPES"}},
	{"an expired token", answer{status: 401, body: `{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"The OAuth token used to make this call expired 3 second(s) ago.","context":{"expire time":["2026-11-23T10:00:00Z"]}}`}, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "EXPIRED_AUTHENTICATION"}},
	{"a bad token", answer{status: 401, body: `{"status":"error","category":"INVALID_AUTHENTICATION","message":"Authentication credentials not found."}`}, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "INVALID_AUTHENTICATION"}},
	{"the limit of ten seconds", answer{status: 429, body: `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`}, healing(failure.Quota, crm.RateLimited, "TEN_SECONDLY_ROLLING")},
	{"the limit of searches", answer{status: 429, body: `{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT"}`}, healing(failure.Quota, crm.RateLimited, "SECONDLY")},
	{"the limit of the day", answer{status: 429, body: `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}`}, verdict{failure.Stop, failure.Quota, crm.RateLimited, "DAILY"}},
	{"a limit by category", answer{status: 429, body: `{"status":"error","category":"RATE_LIMITS"}`}, healing(failure.Quota, crm.RateLimited, "RATE_LIMITS")},
	{"a locked record", answer{status: 423, body: `{}`}, healing(failure.Contention, crm.Locked, "")},
	{"a move to another data centre", answer{status: 477, header: map[string]string{"Retry-After": "120"}}, verdict{failure.Stop, failure.Outage, crm.Unavailable, ""}},
	{"a server error", answer{status: 500, body: `{"category":"INTERNAL_ERROR"}`}, healing(failure.Outage, crm.Unavailable, "INTERNAL_ERROR")},
	{"a bad gateway", answer{status: 502, body: "<html>"}, healing(failure.Outage, crm.Unavailable, "")},
	{"an overload", answer{status: 503}, healing(failure.Outage, crm.Unavailable, "")},
	{"a gateway's time-out", answer{status: 504}, healing(failure.Outage, crm.Unavailable, "")},
	{"a web server that is down", answer{status: 521}, healing(failure.Outage, crm.Unavailable, "")},
	{"a time-out at the edge", answer{status: 524}, healing(failure.Outage, crm.Unavailable, "")},
	{"a connection that was cut", answer{drop: true}, healing(failure.Outage, crm.Unavailable, "")},
	{"too many identities", answer{status: 414, body: `{"message":"Cannot have more than 250 identities on a profile"}`}, permanent(failure.Data, crm.Refused, "")},
	{"a redirect", answer{status: 302, header: map[string]string{"Location": "/elsewhere"}}, verdict{failure.Stop, failure.Configuration, crm.Refused, ""}},
	{"an answer of unknown shape", answer{status: 200, body: `[]`}, permanent(failure.Defect, crm.Refused, "")},
}

func permanent(o failure.Origin, k crm.ErrorKind, code string) verdict {
	return verdict{failure.Permanent, o, k, code}
}

func healing(o failure.Origin, k crm.ErrorKind, code string) verdict {
	return verdict{failure.Healing, o, k, code}
}

// validation is HubSpot's refusal of one property.
func validation(code, property string) string {
	return `{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"planted\",\"error\":\"` +
		code + `\",\"name\":\"` + property + `\",\"portalId\":1}]","errors":[{"message":"planted","code":"` + code + `","context":{"propertyName":["` + property + `"]}}]}`
}

// hubspotUpdate returns what the real client makes of an answer to an update.
func hubspotUpdate(t *testing.T, a answer) error {
	t.Helper()
	server := httptest.NewServer(a)
	defer server.Close()
	c, err := hubspot.New(hubspot.Config{
		URL: server.URL, Token: "pat-na1-token", AppID: "1", HTTP: server.Client(),
		Fields: map[crm.Kind][]string{crm.Contact: {"email"}, crm.Company: {"name"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := crm.Record{Ref: hubspotContact("101")}
	_, err = c.Update(t.Context(), rec, crm.Write{Fields: map[string]crm.Value{"email": {Type: crm.Text, Text: "planted"}}})
	return err
}

func TestEveryAnswerOfHubSpotHasItsClass(t *testing.T) {
	for _, tt := range hubspotAnswers {
		t.Run(tt.name, func(t *testing.T) { check(t, hubspotUpdate(t, tt.answer), tt.want) })
	}
}

// zohoError is one item of Zoho's answers.
func zohoError(code, details, message string) string {
	return `{"code":"` + code + `","details":` + details + `,"message":"` + message + `","status":"error"}`
}

func zohoField(code, field string) string {
	return `{"data":[` + zohoError(code, `{"api_name":"`+field+`","json_path":"$.data[0].`+field+`"}`, "invalid data") + `]}`
}

// zohoAnswers are the rows of Zoho's table of errors.
// Source: https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
var zohoAnswers = []struct {
	name string
	answer
	want verdict
}{
	{"a mandatory field", answer{status: 400, body: zohoField("MANDATORY_NOT_FOUND", "Last_Name")}, permanent(failure.Data, crm.Missing, "MANDATORY_NOT_FOUND")},
	{"an invalid value", answer{status: 207, body: zohoField("INVALID_DATA", "Email")}, permanent(failure.Data, crm.Invalid, "INVALID_DATA")},
	{"a value that is too long", answer{status: 400, body: `{"data":[` + zohoError("INVALID_DATA", `{"api_name":"Phone","json_path":"$.data[0].Phone","maximum_length":30}`, "invalid data") + `]}`}, permanent(failure.Data, crm.Invalid, "INVALID_DATA")},
	{"a value of another type", answer{status: 400, body: `{"data":[` + zohoError("INVALID_DATA", `{"api_name":"Phone","json_path":"$.data[0].Phone","expected_data_type":"phone"}`, "invalid data") + `]}`}, permanent(failure.Data, crm.Invalid, "INVALID_DATA")},
	{"a value that is no option", answer{status: 400, body: `{"data":[` + zohoError("INVALID_DATA", `{"api_name":"Rating","json_path":"$.data[0].Rating","supported_values":[{"actual_value":"planted"}]}`, "invalid data") + `]}`}, permanent(failure.Data, crm.Invalid, "INVALID_DATA")},
	{"an unknown record", answer{status: 400, body: `{"data":[` + zohoError("INVALID_DATA", `{}`, "the id given seems to be invalid") + `]}`}, permanent(failure.Data, crm.NotFound, "INVALID_DATA")},
	{"a duplicate", answer{status: 400, body: `{"data":[{"code":"DUPLICATE_DATA","details":{"api_name":"HubSpot_ID","duplicate_record":{"Owner":{"name":"planted","id":"2008662000000454001","zuid":"75092197"},"id":"2008662000006256222"},"json_path":"$.data[0].HubSpot_ID","id":"2008662000006256222","more_records":false},"message":"duplicate data","status":"error"}]}`}, permanent(failure.Data, crm.Duplicate, "DUPLICATE_DATA")},
	{"several errors", answer{status: 207, body: `{"data":[` + zohoError("MULTIPLE_OR_MULTI_ERRORS", `{"errors":[`+zohoError("INVALID_DATA", `{"api_name":"Email"}`, "x")+`,`+zohoError("MANDATORY_NOT_FOUND", `{"api_name":"Last_Name"}`, "x")+`]}`, "x") + `]}`}, permanent(failure.Data, crm.Missing, "MULTIPLE_OR_MULTI_ERRORS")},
	{"several errors that are not told", answer{status: 400, body: `{"data":[` + zohoError("MULTIPLE_OR_MULTI_ERRORS", `{}`, "x") + `]}`}, permanent(failure.Data, crm.Refused, "MULTIPLE_OR_MULTI_ERRORS")},
	{"a field that needs another", answer{status: 400, body: zohoField("DEPENDENT_FIELD_MISSING", "State")}, permanent(failure.Data, crm.Missing, "DEPENDENT_FIELD_MISSING")},
	{"a field that contradicts another", answer{status: 400, body: zohoField("DEPENDENT_MISMATCH", "State")}, permanent(failure.Data, crm.Invalid, "DEPENDENT_MISMATCH")},
	{"a field that was expected", answer{status: 400, body: zohoError("EXPECTED_FIELD_MISSING", `{"expected_fields":[]}`, "x")}, permanent(failure.Defect, crm.Refused, "EXPECTED_FIELD_MISSING")},
	{"an ambiguity", answer{status: 400, body: zohoError("AMBIGUITY_DURING_PROCESSING", `{"ambiguity_due_to":[]}`, "x")}, permanent(failure.Defect, crm.Refused, "AMBIGUITY_DURING_PROCESSING")},
	{"a record that changed", answer{status: 412, body: zohoError("ALREADY_MODIFIED", `{"id":"1","Modified_By":{"name":"planted"}}`, "record updated time has already passed if-unmodified-since time")}, healing(failure.Contention, crm.Conflict, "ALREADY_MODIFIED")},
	{"a locked record", answer{status: 400, body: zohoError("RECORD_LOCKED", `{}`, "x")}, healing(failure.Process, crm.Locked, "RECORD_LOCKED")},
	{"a record that waits for approval", answer{status: 400, body: zohoError("NOT_APPROVED", `{}`, "x")}, healing(failure.Process, crm.Locked, "NOT_APPROVED")},
	{"a record that waits for review", answer{status: 400, body: zohoError("NOT_REVIEWED", `{}`, "x")}, healing(failure.Process, crm.Locked, "NOT_REVIEWED")},
	{"a record in a blueprint", answer{status: 400, body: zohoError("RECORD_IN_BLUEPRINT", `{}`, "x")}, permanent(failure.Process, crm.Refused, "RECORD_IN_BLUEPRINT")},
	{"a change that is not allowed", answer{status: 400, body: zohoError("NOT_ALLOWED", `{}`, "x")}, permanent(failure.Process, crm.Refused, "NOT_ALLOWED")},
	{"a change that cannot be processed", answer{status: 400, body: zohoError("CANNOT_PROCESS", `{}`, "x")}, permanent(failure.Process, crm.Refused, "CANNOT_PROCESS")},
	{"a link that exists", answer{status: 400, body: zohoError("DUPLICATE_LINKING_DATA", `{}`, "x")}, permanent(failure.Data, crm.Refused, "DUPLICATE_LINKING_DATA")},
	{"a dependent service", answer{status: 400, body: zohoError("DEPENDENT_SERVICE_ERROR", `{}`, "x")}, permanent(failure.Process, crm.Refused, "DEPENDENT_SERVICE_ERROR")},
	{"too many fields", answer{status: 400, body: zohoError("LIMIT_EXCEEDED", `{"limit":50}`, "x")}, permanent(failure.Defect, crm.Refused, "LIMIT_EXCEEDED")},
	{"a missing parameter", answer{status: 400, body: zohoError("REQUIRED_PARAM_MISSING", `{"param_name":"fields"}`, "One of the expected parameter is missing")}, permanent(failure.Defect, crm.Refused, "REQUIRED_PARAM_MISSING")},
	{"a type that cannot be parsed", answer{status: 400, body: zohoError("UNABLE_TO_PARSE_DATA_TYPE", `{}`, "x")}, permanent(failure.Defect, crm.Refused, "UNABLE_TO_PARSE_DATA_TYPE")},
	{"an unknown module", answer{status: 400, body: zohoError("INVALID_MODULE", `{"resource_path_index":0}`, "x")}, verdict{failure.Stop, failure.Permission, crm.Refused, "INVALID_MODULE"}},
	{"a query for a field that is not there", answer{status: 400, body: zohoError("INVALID_QUERY", `{"column_name":"HubSpot_ID","reason":"column given seems to be invalid"}`, "invalid query formed")}, verdict{failure.Stop, failure.Configuration, crm.Refused, "INVALID_QUERY"}},
	{"a wrong method", answer{status: 400, body: zohoError("INVALID_REQUEST_METHOD", `{}`, "x")}, verdict{failure.Stop, failure.Configuration, crm.Refused, "INVALID_REQUEST_METHOD"}},
	{"a missing authorisation", answer{status: 400, body: zohoError("AUTHORIZATION_FAILED", `{}`, "x")}, verdict{failure.Stop, failure.Permission, crm.Forbidden, "AUTHORIZATION_FAILED"}},
	{"a refused token", answer{status: 401, body: zohoError("INVALID_TOKEN", `{}`, "invalid oauth token")}, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "INVALID_TOKEN"}},
	{"a refused token in the older form", answer{status: 401, body: zohoError("INVALID_OAUTHTOKEN", `{}`, "invalid oauth token")}, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "INVALID_OAUTHTOKEN"}},
	{"a token of another data centre", answer{status: 401, body: zohoError("AUTHENTICATION_FAILURE", `{}`, "Authentication failed")}, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "AUTHENTICATION_FAILURE"}},
	{"a missing scope", answer{status: 401, body: zohoError("OAUTH_SCOPE_MISMATCH", `{}`, "Unauthorized")}, verdict{failure.Stop, failure.Permission, crm.Forbidden, "OAUTH_SCOPE_MISMATCH"}},
	{"a missing permission", answer{status: 403, body: zohoError("NO_PERMISSION", `{"permissions":["x"]}`, "x")}, permanent(failure.Permission, crm.Forbidden, "NO_PERMISSION")},
	{"a wrong address", answer{status: 404, body: zohoError("INVALID_URL_PATTERN", `{}`, "Please check if the URL trying to access is a correct one")}, verdict{failure.Stop, failure.Configuration, crm.Refused, "INVALID_URL_PATTERN"}},
	{"the credits of the day, or concurrency", answer{status: 429, body: zohoError("TOO_MANY_REQUESTS", `{}`, "Number of API requests for the 24 hour period is exceeded or the concurrency limit of the user for the app is exceeded.")}, healing(failure.Quota, crm.RateLimited, "TOO_MANY_REQUESTS")},
	{"the credits of the day", answer{status: 429, body: zohoError("TOO_MANY_REQUESTS", `{}`, "Number of API requests for the 24 hour period is exceeded.")}, verdict{failure.Stop, failure.Quota, crm.RateLimited, "TOO_MANY_REQUESTS"}},
	{"a limit in the older form", answer{status: 429, body: `{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"concurrency"}`}, healing(failure.Quota, crm.RateLimited, "TOO_MANY_REQUESTS")},
	{"a server error", answer{status: 500, body: zohoError("INTERNAL_ERROR", `{}`, "Internal Server Error")}, healing(failure.Outage, crm.Unavailable, "INTERNAL_ERROR")},
	{"a page of HTML", answer{status: 502, body: "<html>"}, healing(failure.Outage, crm.Unavailable, "")},
	{"a connection that was cut", answer{drop: true}, healing(failure.Outage, crm.Unavailable, "")},
	{"a value of another pattern", answer{status: 400, body: zohoField("PATTERN_NOT_MATCHED", "Phone")}, permanent(failure.Data, crm.Invalid, "PATTERN_NOT_MATCHED")},
	{"an unknown code that names a field", answer{status: 400, body: zohoField("SOMETHING_NEW", "Phone")}, permanent(failure.Data, crm.Invalid, "SOMETHING_NEW")},
	{"an answer of unknown shape", answer{status: 200, body: `{"data":{}}`}, permanent(failure.Defect, crm.Refused, "UNKNOWN_SHAPE")},
}

// tokenFunc gives tokens to Zoho's client.
type tokenFunc func() (zoho.Token, error)

func (f tokenFunc) Token(context.Context, string) (zoho.Token, error) { return f() }

func zohoUpdate(t *testing.T, server *httptest.Server, tokens tokenFunc) error {
	t.Helper()
	c, err := zoho.New(zoho.Config{Tokens: tokens, HTTP: server.Client(), AccountsURL: "http://127.0.0.1:1",
		Fields: map[crm.Kind][]string{crm.Contact: {"Email"}, crm.Company: {"Account_Name"}}})
	if err != nil {
		t.Fatal(err)
	}
	rec := crm.Record{Ref: crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "5"}}
	_, err = c.Update(t.Context(), rec, crm.Write{Fields: map[string]crm.Value{"Email": {Type: crm.Text, Text: "planted"}}})
	return err
}

// zohoAnswer returns what the real client makes of an answer to an update.
func zohoAnswer(t *testing.T, a answer) error {
	t.Helper()
	server := httptest.NewServer(a)
	defer server.Close()
	return zohoUpdate(t, server, func() (zoho.Token, error) {
		return zoho.Token{AccessToken: "1000.a", APIDomain: server.URL, Expiry: time.Now().Add(time.Hour)}, nil
	})
}

func TestEveryAnswerOfZohoHasItsClass(t *testing.T) {
	for _, tt := range zohoAnswers {
		t.Run(tt.name, func(t *testing.T) { check(t, zohoAnswer(t, tt.answer), tt.want) })
	}
}

func TestEveryTroubleWithTokensHasItsClass(t *testing.T) {
	server := httptest.NewServer(answer{status: 500})
	defer server.Close()
	for _, tt := range []struct {
		name  string
		token zoho.Token
		err   error
		want  verdict
	}{
		{"a lost consent", zoho.Token{}, zoho.ErrConsentLost, verdict{failure.Stop, failure.Credentials, crm.Unauthorized, "NO_TOKEN"}},
		{"a throttle", zoho.Token{}, zoho.ErrThrottled, healing(failure.Credentials, crm.Unavailable, "NO_TOKEN")},
		{"another host", zoho.Token{AccessToken: "1000.a", APIDomain: "https://evil.example"}, nil,
			verdict{failure.Stop, failure.Configuration, crm.Forbidden, "WRONG_API_DOMAIN"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, zohoUpdate(t, server, func() (zoho.Token, error) { return tt.token, tt.err }), tt.want)
		})
	}
}

func TestEveryStatusOfGooglesServicesHasItsClass(t *testing.T) {
	want := map[codes.Code]verdict{
		codes.Canceled:           healing(failure.Outage, crm.Unavailable, "CANCELLED"),
		codes.Unknown:            healing(failure.Outage, crm.Unavailable, "UNKNOWN"),
		codes.InvalidArgument:    permanent(failure.Defect, crm.Refused, "INVALID_ARGUMENT"),
		codes.DeadlineExceeded:   healing(failure.Outage, crm.Unavailable, "DEADLINE_EXCEEDED"),
		codes.NotFound:           {failure.Stop, failure.Configuration, crm.NotFound, "NOT_FOUND"},
		codes.AlreadyExists:      healing(failure.Contention, crm.Conflict, "ALREADY_EXISTS"),
		codes.PermissionDenied:   {failure.Stop, failure.Permission, crm.Forbidden, "PERMISSION_DENIED"},
		codes.ResourceExhausted:  healing(failure.Quota, crm.RateLimited, "RESOURCE_EXHAUSTED"),
		codes.FailedPrecondition: healing(failure.Contention, crm.Conflict, "FAILED_PRECONDITION"),
		codes.Aborted:            healing(failure.Contention, crm.Conflict, "ABORTED"),
		codes.OutOfRange:         permanent(failure.Defect, crm.Refused, "OUT_OF_RANGE"),
		codes.Unimplemented:      {failure.Stop, failure.Configuration, crm.Refused, "UNIMPLEMENTED"},
		codes.Internal:           healing(failure.Outage, crm.Unavailable, "INTERNAL"),
		codes.Unavailable:        healing(failure.Outage, crm.Unavailable, "UNAVAILABLE"),
		codes.DataLoss:           healing(failure.Outage, crm.Unavailable, "DATA_LOSS"),
		codes.Unauthenticated:    {failure.Stop, failure.Credentials, crm.Unauthorized, "UNAUTHENTICATED"},
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ { // all there are
		t.Run(code.String(), func(t *testing.T) { check(t, status.Error(code, "planted"), want[code]) })
	}
}

func TestErrorsOfTheConnectorItself(t *testing.T) {
	_, unknownVersion := op.Decode([]byte(`{"version":99}`))
	for name, tt := range map[string]struct {
		err  error
		want verdict
	}{
		"an unknown version":    {unknownVersion, permanent(failure.Configuration, crm.Refused, "UNKNOWN_VERSION")},
		"a handler out of time": {context.DeadlineExceeded, healing(failure.Outage, crm.Unavailable, "DEADLINE_EXCEEDED")},
		"a handler cut off":     {context.Canceled, healing(failure.Outage, crm.Unavailable, "DEADLINE_EXCEEDED")},
		"messages that were not published": {&gcp.PublishError{Total: 2, Failed: []error{status.Error(codes.NotFound, "planted")}},
			verdict{failure.Stop, failure.Configuration, crm.NotFound, "NOT_FOUND"}},
		"a stale consent for HubSpot": {&crm.Error{System: crm.HubSpot, Kind: crm.Refused, Status: 400, Code: "BAD_REFRESH_TOKEN"},
			verdict{failure.Stop, failure.Credentials, crm.Refused, "BAD_REFRESH_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, tt.err, tt.want) })
	}
}

func TestAnUnknownErrorHealsAndIsSaidToBeUnknown(t *testing.T) {
	v := failure.Classify(errors.New("planted"))
	if v.Class != failure.Healing || v.Known || v.Code != failurecode.Unknown || v.Remedy == "" {
		t.Errorf("got %+v, want it healing, unknown, with a remedy", v)
	}
	if failure.ClassOf(errors.New("x")) != failure.Healing {
		t.Error("Classify says otherwise")
	}
}
