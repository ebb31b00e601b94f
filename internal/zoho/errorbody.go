package zoho

import (
	"encoding/json"
	"regexp"
	"strings"
)

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
