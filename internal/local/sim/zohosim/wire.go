package zohosim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const contentType = "application/json;charset=UTF-8"

// object is a JSON object in the making.
type object = map[string]any

// answer is what a handler wants sent.
type answer struct {
	status int
	body   any // nil: no body
}

func ok(body any) answer   { return answer{http.StatusOK, body} }
func noContent() answer    { return answer{status: http.StatusNoContent} }
func notModified() answer  { return answer{status: http.StatusNotModified} }
func element(i int) string { return "[" + strconv.Itoa(i) + "]" }

func refuse(status int, p problem) answer {
	return answer{status, p.item()}
}

func (a answer) write(w http.ResponseWriter) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		http.Error(w, "encode answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the client has disconnected
}

// problem is one error in Zoho's shape. It stands flat or inside data[].
type problem struct {
	code    string
	message string
	details object
}

func (p problem) item() object {
	details := p.details
	if details == nil {
		details = object{}
	}
	return object{"code": p.code, "details": details, "message": p.message, "status": "error"}
}

// merged is one item for all problems of one record.
func merged(problems []problem) problem {
	if len(problems) == 1 {
		return problems[0]
	}
	items := make([]object, len(problems))
	for i, p := range problems {
		items[i] = p.item()
	}
	return problem{"MULTIPLE_OR_MULTI_ERRORS", "the record has more than one error", object{"errors": items}}
}

func mandatory(name, path string) problem {
	return problem{"MANDATORY_NOT_FOUND", "required field not found", object{"api_name": name, "json_path": path}}
}

func invalid(name, path string, more object) problem {
	details := object{"api_name": name, "json_path": path}
	for k, v := range more {
		details[k] = v
	}
	return problem{"INVALID_DATA", "invalid data", details}
}

func invalidID(name, path string) problem {
	return problem{"INVALID_DATA", "the id given seems to be invalid", object{"api_name": name, "json_path": path}}
}

func invalidParam(name string) answer {
	return refuse(http.StatusBadRequest, problem{"INVALID_DATA", "invalid data", object{"param_name": name}})
}

func missingParam(name string) answer {
	return refuse(http.StatusBadRequest, problem{"REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", object{"param_name": name}})
}

func limitExceeded(name string, limit int) answer {
	return refuse(http.StatusBadRequest, problem{"LIMIT_EXCEEDED", "the limit is exceeded", object{"param_name": name, "limit": limit}})
}

var (
	errNoToken    = problem{code: "AUTHENTICATION_FAILURE", message: "Authentication failed"}
	errBadToken   = problem{code: "INVALID_TOKEN", message: "invalid oauth token"}
	errScope      = problem{code: "OAUTH_SCOPE_MISMATCH", message: "Unauthorized"}
	errURL        = problem{code: "INVALID_URL_PATTERN", message: "Please check if the URL trying to access is a correct one"}
	errUnparsable = problem{code: "INVALID_DATA", message: "body", details: object{"expected_data_type": "jsonobject"}}
)

// wholeSeconds is the resolution of every time that Zoho shows.
func wholeSeconds(t time.Time) time.Time { return t.Truncate(time.Second) }

const (
	timeLayout = "2006-01-02T15:04:05-07:00"
	dateLayout = "2006-01-02"
)

// stamp writes a time as Zoho does: whole seconds, with the organisation's offset.
func (s *Server) stamp(t time.Time) string { return t.In(s.zone).Format(timeLayout) }

// parseTime reads an ISO 8601 time with an offset and, as Zoho demands, no
// fraction of a second. Go's parser takes fractions whatever the layout says.
func parseTime(text string) (time.Time, bool) {
	if len(text) != len("2006-01-02T15:04:05Z") && len(text) != len(timeLayout) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Nanosecond() != 0 {
		return time.Time{}, false
	}
	return t, true
}

// idBase makes every id a string of 19 digits above 2^53.
const idBase int64 = 5725767000000000000

func formatID(number int64) string { return strconv.FormatInt(idBase+number, 10) }

// wellFormedID says whether text can be the id of a record at all.
func wellFormedID(text string) bool {
	if len(text) < 15 || len(text) > 19 {
		return false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
