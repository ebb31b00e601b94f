package zoho

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// How long to stay away after a 429. Zoho sends no Retry-After. The usual text
// names the day's credits and the concurrency in one sentence; the latter is by
// far the more frequent cause and over at once.
const (
	retryConcurrency = 2 * time.Second
	retryCredits     = time.Hour
	maxRetryAfter    = 24 * time.Hour
)

// errorKinds tells what each code means to the connector. A code that is not
// listed is Invalid if it names a field, else judged by its HTTP status.
// Source: https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
var errorKinds = map[string]crm.ErrorKind{
	"MANDATORY_NOT_FOUND":         crm.Missing,
	"DEPENDENT_FIELD_MISSING":     crm.Missing,
	"INVALID_DATA":                crm.Invalid,
	"DEPENDENT_MISMATCH":          crm.Invalid,
	"DUPLICATE_DATA":              crm.Duplicate,
	"ALREADY_MODIFIED":            crm.Conflict,
	"RECORD_LOCKED":               crm.Locked,
	"NOT_APPROVED":                crm.Locked,
	"NOT_REVIEWED":                crm.Locked,
	"RECORD_IN_BLUEPRINT":         crm.Refused,
	"NOT_ALLOWED":                 crm.Refused,
	"CANNOT_PROCESS":              crm.Refused,
	"DUPLICATE_LINKING_DATA":      crm.Refused,
	"DEPENDENT_SERVICE_ERROR":     crm.Refused,
	"EXPECTED_FIELD_MISSING":      crm.Refused,
	"AMBIGUITY_DURING_PROCESSING": crm.Refused,
	"LIMIT_EXCEEDED":              crm.Refused,
	"REQUIRED_PARAM_MISSING":      crm.Refused,
	"UNABLE_TO_PARSE_DATA_TYPE":   crm.Refused,
	"INVALID_MODULE":              crm.Refused,
	"INVALID_REQUEST_METHOD":      crm.Refused,
	"INVALID_URL_PATTERN":         crm.Refused,
	"AUTHORIZATION_FAILED":        crm.Forbidden,
	"OAUTH_SCOPE_MISMATCH":        crm.Forbidden,
	"NO_PERMISSION":               crm.Forbidden,
	"INVALID_TOKEN":               crm.Unauthorized,
	"INVALID_OAUTHTOKEN":          crm.Unauthorized,
	"AUTHENTICATION_FAILURE":      crm.Unauthorized,
	"TOO_MANY_REQUESTS":           crm.RateLimited,
	"RATE_LIMIT_EXCEEDED":         crm.RateLimited,
	"INTERNAL_ERROR":              crm.Unavailable,
	"INTERNAL_SERVER_ERROR":       crm.Unavailable,
}

// item is one result, be it a success or an error. It stands flat or in a list.
type item struct {
	Code    looseText   `json:"code"`
	Error   looseText   `json:"error"` // an older form of the code
	Status  looseText   `json:"status"`
	Message looseText   `json:"message"`
	Info    looseText   `json:"error_info"` // an older form of the message
	Details itemDetails `json:"details"`
}

type itemDetails struct {
	ID           looseText   `json:"id"`
	APIName      looseText   `json:"api_name"`
	ParamName    looseText   `json:"param_name"` // of the query
	JSONPath     looseText   `json:"json_path"`
	ModifiedTime looseText   `json:"Modified_Time"`
	Errors       []item      `json:"errors"`
	Events       []watchItem `json:"events"` // of a channel
	ExpectedType looseText   `json:"expected_data_type"`
	MaxLength    looseText   `json:"maximum_length"`
	Supported    []any       `json:"supported_values"`
	Dependee     struct {
		APIName looseText `json:"api_name"`
	} `json:"dependee"`
	Duplicate struct {
		ID looseText `json:"id"`
	} `json:"duplicate_record"`
}

// UnmarshalJSON keeps what has the expected type and ignores the rest, so that
// details of another shape do not hide the code beside them.
func (d *itemDetails) UnmarshalJSON(data []byte) error {
	type plain itemDetails
	_ = json.Unmarshal(data, (*plain)(d)) // what was read so far is kept
	return nil
}

// looseText reads a string or a number and ignores anything else, so that one
// odd detail does not hide the code beside it.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	var s string
	var n json.Number
	if json.Unmarshal(data, &s) == nil {
		*t = looseText(s)
	} else if json.Unmarshal(data, &n) == nil {
		*t = looseText(n)
	}
	return nil
}

// plainCode is what a code looks like; anything else is not repeated, since it
// might quote a value.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

func (i item) code() string {
	for _, c := range []looseText{i.Code, i.Error} {
		if plainCode.MatchString(string(c)) && strings.Trim(string(c), "0123456789") != "" {
			return string(c)
		}
	}
	return ""
}

// items returns the results in the list of the given name, or the flat one. It
// is nil if the body has another shape.
func (a answer) items(list string) []item {
	var body map[string]json.RawMessage
	if json.Unmarshal(a.body, &body) != nil {
		return nil
	}
	if raw, ok := body[list]; ok {
		var items []item
		if json.Unmarshal(raw, &items) != nil {
			return nil
		}
		return items
	}
	var flat item
	if json.Unmarshal(a.body, &flat) != nil || flat.code() == "" && flat.Code == "" {
		return nil
	}
	return []item{flat}
}

// tokenRefused reports whether another token may help. A 401 of unknown shape
// is taken for that; a missing scope or permission is not.
func tokenRefused(a answer) bool {
	return a.status == http.StatusUnauthorized && errorKinds[a.firstFault().code()] != crm.Forbidden
}

// firstFault returns the first error in the answer, wherever it stands.
func (a answer) firstFault() item {
	for _, list := range []string{"data", "watch"} {
		for _, i := range a.items(list) {
			if i.Status != "success" {
				return i
			}
		}
	}
	return item{}
}

// unexpected is an answer that is not the hoped-for one and may name the reason.
func (k call) unexpected(a answer, what string) *crm.Error {
	if code := a.firstFault().code(); a.status >= 300 || code != "" && code != "SUCCESS" {
		return k.fault(a)
	}
	return k.shape(a, what)
}

// fault turns an answer that tells of a failure into an error.
func (k call) fault(a answer) *crm.Error { return k.itemFault(a, a.firstFault()) }

// itemFault turns one item of an answer that tells of a failure into an error.
func (k call) itemFault(a answer, i item) *crm.Error {
	parts := []item{i}
	if len(i.Details.Errors) > 0 { // MULTIPLE_OR_MULTI_ERRORS
		parts = i.Details.Errors
	}
	e := k.err("", i.code(), nil)
	e.Status = a.status
	for _, p := range parts {
		kind := k.kindOf(a.status, p)
		if f := p.field(); f != "" && kind != crm.NotFound {
			code, detail := p.reason()
			e.Fields = append(e.Fields, crm.FieldError{Field: f, Code: code, Detail: detail})
		}
		if kind == crm.Duplicate && e.ExistingID == "" {
			e.ExistingID = p.existingID()
		}
		if rank(kind) < rank(e.Kind) {
			e.Kind = kind
		}
	}
	if e.Kind == crm.RateLimited {
		e.RetryAfter = retryAfter(a, i)
	}
	e.Ambiguous = k.write && (e.Kind == crm.Unavailable || a.status >= 500)
	return e
}

// rank orders the kinds of several errors in one: what stops the whole record
// comes before what concerns one field.
func rank(kind crm.ErrorKind) int {
	switch kind {
	case crm.Invalid:
		return 4
	case crm.Missing:
		return 3
	case crm.Duplicate:
		return 2
	case "":
		return 5
	}
	return 1
}

// kindOf judges one error by its status where that is decisive, then its code.
func (k call) kindOf(status int, i item) crm.ErrorKind {
	code := i.code()
	switch {
	case status == http.StatusTooManyRequests:
		return crm.RateLimited
	case status == http.StatusPreconditionFailed:
		return crm.Conflict
	case code == "INVALID_DATA" && k.record && i.namesRecord():
		return crm.NotFound
	case code == "INVALID_DATA" && i.Details.ParamName != "":
		return crm.Refused
	}
	if kind, ok := errorKinds[code]; ok {
		return kind
	}
	switch {
	case status >= 500, status == http.StatusRequestTimeout:
		return crm.Unavailable
	case status == http.StatusUnauthorized:
		return crm.Unauthorized
	case status == http.StatusForbidden:
		return crm.Forbidden
	case status == http.StatusLocked:
		return crm.Locked
	case i.field() != "":
		return crm.Invalid
	}
	return crm.Refused
}

// jsonPath finds the field of a record in a path such as $.data[0].Account_Name.id.
var jsonPath = regexp.MustCompile(`^\$\.(?:data|watch)\[\d+\]\.([A-Za-z0-9_]+)`)

// field returns the API name of the field that the error is about, or "". The
// path knows better: inside a lookup api_name is just "id".
func (i item) field() string {
	names := []looseText{i.Details.APIName}
	if m := jsonPath.FindStringSubmatch(string(i.Details.JSONPath)); m != nil {
		names = []looseText{looseText(m[1])}
	}
	if i.code() == "DEPENDENT_FIELD_MISSING" {
		names = append([]looseText{i.Details.Dependee.APIName}, names...)
	}
	for _, n := range names {
		if apiName.MatchString(string(n)) {
			return string(n)
		}
	}
	return ""
}

// reason is the code of an error about one field, and what the field wants
// where Zoho says it. INVALID_DATA alone may mean anything; the one detail that
// stands beside it tells what, and is appended to the code.
func (i item) reason() (code, detail string) {
	code = i.code()
	d := i.Details
	if code != "INVALID_DATA" {
		return code, ""
	}
	limit, kind := string(d.MaxLength), string(d.ExpectedType)
	switch {
	case limit != "" && kind == "" && isID(limit):
		return code + "_LENGTH", "at most " + limit
	case limit == "" && kind != "" && plainCode.MatchString(kind):
		return code + "_TYPE", "of the type " + kind
	case limit == "" && kind == "" && len(d.Supported) > 0:
		return code + "_OPTION", "one of the options"
	}
	return code, ""
}

// namesRecord reports whether INVALID_DATA is about the id of the record itself.
func (i item) namesRecord() bool {
	field := i.field()
	return field == "id" || i.Details.ParamName == "ids" || field == "" && strings.Contains(string(i.Message), "id given seems to be invalid")
}

// existingID returns the id of the record that holds a unique value already.
func (i item) existingID() string {
	for _, id := range []looseText{i.Details.Duplicate.ID, i.Details.ID} {
		if isID(string(id)) {
			return string(id)
		}
	}
	return ""
}

func isID(s string) bool { return s != "" && len(s) <= 64 && strings.Trim(s, "0123456789") == "" }

// retryAfter reads how long to stay away from a 429.
func retryAfter(a answer, i item) time.Duration {
	if s, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	text := strings.ToLower(string(i.Message + i.Info))
	if strings.Contains(text, "24 hour") && !strings.Contains(text, "concurren") {
		return retryCredits
	}
	return retryConcurrency
}
