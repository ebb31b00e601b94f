package hubspot

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// errorBody is HubSpot's description of a failure: the body of a 4xx, or one
// item of the errors of a batch. Every field is optional and may have another
// type than documented, so that a surprise costs a detail and not the whole
// answer.
type errorBody struct {
	errorDetail
	ErrorType  text                     `json:"errorType"`  // instead of category on 429
	PolicyName text                     `json:"policyName"` // 429 only
	Errors     lenientList[errorDetail] `json:"errors"`
}

// errorDetail is one cause of a failure. It has no causes of its own.
type errorDetail struct {
	Message  text     `json:"message"`
	Category text     `json:"category"`
	Code     text     `json:"code"`
	Context  contexts `json:"context"`
}

// allDetails lists the failure itself and its causes.
func (p errorBody) allDetails() []errorDetail {
	return append([]errorDetail{p.errorDetail}, p.Errors...)
}

// contexts maps a name to its values, which arrive as a list or as a single
// value.
type contexts map[string][]string

func (c *contexts) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(data, &raw) // stays empty
	*c = make(contexts, len(raw))
	for name, value := range raw {
		var many []scalar
		if json.Unmarshal(value, &many) != nil {
			many = make([]scalar, 1)
			if json.Unmarshal(value, &many[0]) != nil {
				continue
			}
		}
		for _, v := range many {
			(*c)[name] = append((*c)[name], string(v))
		}
	}
	return nil
}

// parseErrorBody reads an error body. HTML, an empty body and the like give the
// zero errorBody.
func parseErrorBody(body []byte) errorBody {
	var p errorBody
	if json.Unmarshal(body, &p) != nil {
		return errorBody{}
	}
	return p
}

// Codes and names are copied into error texts, so only a text that looks like
// one is accepted: an e-mail address, a number or a sentence does not.
var (
	codePattern  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,63}$`)
	fieldPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)
	scopePattern = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,99}$`)
)

func cleanCode(s text) string {
	if codePattern.MatchString(string(s)) {
		return string(s)
	}
	return ""
}

// errorCode returns the best name that HubSpot gives to the failure.
func (p errorBody) errorCode() string {
	for _, candidate := range []text{p.Category, p.ErrorType, p.Code} {
		if c := cleanCode(candidate); c != "" {
			return c
		}
	}
	return ""
}

// propertyContexts are the keys under which a failure names properties.
var propertyContexts = [...]string{"propertyName", "properties", "propertyNames"}

// fieldErrors lists the properties that the failure names, each once, in the
// order of appearance: those of the JSON list inside the message first.
func (p errorBody) fieldErrors() []crm.FieldError {
	var list []crm.FieldError
	seen := map[string]bool{}
	add := func(field, code string) {
		if fieldPattern.MatchString(field) && !seen[field] {
			seen[field] = true
			list = append(list, crm.FieldError{Field: field, Code: code})
		}
	}
	for _, e := range parseEmbedded(string(p.Message)) {
		add(string(e.Name), cleanCode(e.Error))
	}
	for _, one := range p.allDetails() {
		code := cleanCode(one.Code)
		if code == "" && strings.Contains(string(one.Message), "required propert") {
			code = codeMissing
		}
		for _, key := range propertyContexts {
			for _, name := range one.Context[key] {
				add(name, code)
			}
		}
	}
	return list
}

// embeddedError is one element of the JSON list that ends the message of a
// VALIDATION_ERROR.
type embeddedError struct {
	Name  text `json:"name"`
	Error text `json:"error"`
}

func parseEmbedded(message string) []embeddedError {
	_, tail, found := strings.Cut(message, "[{")
	if !found {
		return nil
	}
	var list lenientList[embeddedError]
	// A decoder stops at the end of the list and ignores the rest.
	if json.NewDecoder(strings.NewReader("[{"+tail)).Decode(&list) != nil {
		return nil
	}
	return list
}

// existingPattern finds the record that has a unique value already in a
// message.
var existingPattern = regexp.MustCompile(`(?i)existing id: ?([0-9]{1,64})\b`)

// existingID returns the id of the record that has a unique value already, or
// "".
func (p errorBody) existingID() string {
	for _, one := range p.allDetails() {
		for _, id := range one.Context["existingId"] {
			if digitsPattern.MatchString(id) {
				return id
			}
		}
	}
	for _, one := range p.allDetails() {
		if m := existingPattern.FindStringSubmatch(string(one.Message)); m != nil {
			return m[1]
		}
	}
	return ""
}

// recordIDs lists the inputs that a batch error is about.
func (p errorBody) recordIDs() []string {
	if ids := p.Context["ids"]; len(ids) > 0 {
		return ids
	}
	return p.Context["id"]
}

// missingScopes lists the scopes that a MISSING_SCOPES answer asks for. Older
// answers name them in the top-level context.
func (p errorBody) missingScopes() []string {
	var scopes []string
	for _, one := range p.allDetails() {
		for _, s := range one.Context["requiredGranularScopes"] {
			if scopePattern.MatchString(s) {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes
}
