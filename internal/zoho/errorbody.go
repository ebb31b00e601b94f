package zoho

import (
	"encoding/json"
	"regexp"
	"strings"
)

// resultItem is one result, a success or an error. It stands alone or in a
// list.
type resultItem struct {
	Code    lenientText `json:"code"`
	Error   lenientText `json:"error"` // an older form of the code
	Status  lenientText `json:"status"`
	Message lenientText `json:"message"`
	Info    lenientText `json:"error_info"` // an older form of the message
	Details itemDetails `json:"details"`
}

type itemDetails struct {
	ID           lenientText   `json:"id"`
	APIName      lenientText   `json:"api_name"`
	ParamName    lenientText   `json:"param_name"` // of the query
	JSONPath     lenientText   `json:"json_path"`
	ModifiedTime lenientText   `json:"Modified_Time"`
	Errors       []resultItem  `json:"errors"`
	Events       []channelItem `json:"events"` // of a channel
	ExpectedType lenientText   `json:"expected_data_type"`
	MaxLength    lenientText   `json:"maximum_length"`
	Supported    []any         `json:"supported_values"`
	Dependee     struct {
		APIName lenientText `json:"api_name"`
	} `json:"dependee"`
	Duplicate struct {
		ID lenientText `json:"id"`
	} `json:"duplicate_record"`
}

// UnmarshalJSON keeps fields of the expected type and ignores the others, so
// that details of another shape do not hide the code beside them.
func (d *itemDetails) UnmarshalJSON(data []byte) error {
	type plain itemDetails
	_ = json.Unmarshal(data, (*plain)(d)) // fields that were read so far are kept
	return nil
}

// codePattern is the form of a code. A text of another form is not repeated in
// errors, since it may quote a value.
var codePattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

func (i resultItem) errorCode() string {
	for _, c := range []lenientText{i.Code, i.Error} {
		if codePattern.MatchString(string(c)) && strings.Trim(string(c), "0123456789") != "" {
			return string(c)
		}
	}
	return ""
}

// resultItems returns the results in the list of the given name, or the single
// one. It is nil if the body has another shape.
func (a answer) resultItems(list string) []resultItem {
	var body map[string]json.RawMessage
	if json.Unmarshal(a.body, &body) != nil {
		return nil
	}
	if raw, ok := body[list]; ok {
		var items []resultItem
		if json.Unmarshal(raw, &items) != nil {
			return nil
		}
		return items
	}
	var flat resultItem
	if json.Unmarshal(a.body, &flat) != nil || flat.errorCode() == "" && flat.Code == "" {
		return nil
	}
	return []resultItem{flat}
}

// firstError returns the first error in any list of the answer.
func (a answer) firstError() resultItem {
	for _, list := range []string{"data", "watch"} {
		for _, i := range a.resultItems(list) {
			if i.Status != "success" {
				return i
			}
		}
	}
	return resultItem{}
}

// jsonPathPattern finds the field of a record in a path such as
// $.data[0].Account_Name.id.
var jsonPathPattern = regexp.MustCompile(`^\$\.(?:data|watch)\[\d+\]\.([A-Za-z0-9_]+)`)

// fieldName returns the API name of the field that the error is about, or "".
// The JSON path is more precise: inside a lookup api_name is just "id".
func (i resultItem) fieldName() string {
	names := []lenientText{i.Details.APIName}
	if m := jsonPathPattern.FindStringSubmatch(string(i.Details.JSONPath)); m != nil {
		names = []lenientText{lenientText(m[1])}
	}
	if i.errorCode() == "DEPENDENT_FIELD_MISSING" {
		names = append([]lenientText{i.Details.Dependee.APIName}, names...)
	}
	for _, n := range names {
		if apiNamePattern.MatchString(string(n)) {
			return string(n)
		}
	}
	return ""
}

// fieldReason returns the code of an error about one field, and the value that
// the field accepts if Zoho describes it. INVALID_DATA alone may mean anything;
// the one detail beside it is specific, and is appended to the code.
func (i resultItem) fieldReason() (code, detail string) {
	code = i.errorCode()
	d := i.Details
	if code != "INVALID_DATA" {
		return code, ""
	}
	limit, kind := string(d.MaxLength), string(d.ExpectedType)
	switch {
	case limit != "" && kind == "" && isID(limit):
		return code + "_LENGTH", "at most " + limit
	case limit == "" && kind != "" && codePattern.MatchString(kind):
		return code + "_TYPE", "of the type " + kind
	case limit == "" && kind == "" && len(d.Supported) > 0:
		return code + "_OPTION", "one of the options"
	}
	return code, ""
}

// namesRecord reports whether INVALID_DATA is about the id of the record
// itself.
func (i resultItem) namesRecord() bool {
	field := i.fieldName()
	return field == "id" || i.Details.ParamName == "ids" || field == "" && strings.Contains(string(i.Message), "id given seems to be invalid")
}

// existingID returns the id of the record that has a unique value already.
func (i resultItem) existingID() string {
	for _, id := range []lenientText{i.Details.Duplicate.ID, i.Details.ID} {
		if isID(string(id)) {
			return string(id)
		}
	}
	return ""
}
