package hubspotsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Error categories.
const (
	validation  = "VALIDATION_ERROR"
	notFound    = "OBJECT_NOT_FOUND"
	conflict    = "CONFLICT"
	noScopes    = "MISSING_SCOPES"
	badToken    = "INVALID_AUTHENTICATION"
	oldToken    = "EXPIRED_AUTHENTICATION"
	wrongMethod = "METHOD_NOT_ALLOWED"
)

// apiError is HubSpot's error envelope.
type apiError struct {
	status int // HTTP status; not part of the body

	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Category      string              `json:"category,omitempty"`
	SubCategory   string              `json:"subCategory,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Errors        []errorDetail       `json:"errors,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
	// of rate limits only
	ErrorType  string `json:"errorType,omitempty"`
	PolicyName string `json:"policyName,omitempty"`
	RequestID  string `json:"requestId,omitempty"`
}

type errorDetail struct {
	Message string              `json:"message"`
	Code    string              `json:"code,omitempty"`
	In      string              `json:"in,omitempty"`
	Context map[string][]string `json:"context,omitempty"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.Category, e.Message) }

func fail(status int, category, format string, args ...any) *apiError {
	return &apiError{status: status, Status: "error", Category: category, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, validation, format, args...)
}

// errNoResource is the 404 for a numeric id; it has no category.
func errNoResource() *apiError { return fail(http.StatusNotFound, "", "resource not found") }

// errNoObject is the 404 for an id that is not numeric, or an idProperty.
func errNoObject(id string) *apiError {
	e := fail(http.StatusNotFound, notFound, "Object not found.  objectId are usually numeric.")
	e.Context = map[string][]string{"id": {id}}
	return e
}

// errMissingIDs is the one item for all ids that a batch did not find.
func errMissingIDs(k *kind, ids []string) *apiError {
	e := fail(http.StatusNotFound, notFound,
		"Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", k.upper)
	e.Context = map[string][]string{"ids": ids}
	return e
}

// fieldError is what is wrong with one property of a write.
type fieldError struct {
	IsValid   bool   `json:"isValid"`
	Message   string `json:"message"`
	Code      string `json:"error"`
	Name      string `json:"name"`
	Localized string `json:"localizedErrorMessage"`
	PortalID  int64  `json:"portalId"`
}

// errFields is the 400 that lists every bad property, without row ids.
func (s *Server) errFields(bad []fieldError) *apiError {
	details := make([]errorDetail, len(bad))
	for i := range bad {
		bad[i].Localized, bad[i].PortalID = bad[i].Message, s.cfg.PortalID
		details[i] = errorDetail{Message: bad[i].Message, Code: bad[i].Code,
			Context: map[string][]string{"propertyName": {bad[i].Name}}}
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(bad); err != nil {
		panic(err) // strings and numbers always encode
	}
	e := invalid("Property values were not valid: %s", strings.TrimSpace(text.String()))
	e.Errors = details
	return e
}
