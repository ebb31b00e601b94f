package zohosim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	longestChannel  = 7 * 24 * time.Hour
	defaultChannel  = time.Hour
	maxURL          = 255
	maxChannelToken = 50
	maxWatch        = 50 // watch objects, and events, of a request
	maxSelected     = 10 // fields of a notification condition
)

// operations are what a channel can subscribe to.
var operations = []string{"create", "edit", "delete"}

// channel is one subscription to changes.
type channel struct {
	id         string
	events     []string // such as Contacts.edit, as given
	expiry     time.Time
	token      any // text or nil
	url        string
	values     bool // return_affected_field_values
	related    bool // notify_on_related_action
	conditions map[string]*selection
	rawCond    any
}

// wants tells whether the channel subscribed to an operation on a module.
func (ch *channel) wants(mod, op string) bool {
	return slices.Contains(ch.events, mod+"."+op) || slices.Contains(ch.events, mod+".all")
}

// modules lists the modules of the channel in the order of its events.
func (ch *channel) modules() []string {
	var out []string
	for _, e := range ch.events {
		mod, _, _ := strings.Cut(e, ".")
		if !slices.Contains(out, mod) {
			out = append(out, mod)
		}
	}
	return out
}

// of lists the channel's events on one module.
func (ch *channel) of(mod string) []string {
	var out []string
	for _, e := range ch.events {
		if strings.HasPrefix(e, mod+".") {
			out = append(out, e)
		}
	}
	return out
}

// channelID reads a channel id, which is a text or a number.
func channelID(in object, path string) (string, *problem) {
	raw, given := in["channel_id"]
	if !given || raw == nil || raw == "" {
		p := mandatory("channel_id", path+".channel_id")
		return "", &p
	}
	text, _ := raw.(string)
	if n, isNumber := raw.(json.Number); isNumber {
		text = n.String()
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n <= 0 {
		p := invalid("channel_id", path+".channel_id", object{"expected_data_type": "bigint"})
		return "", &p
	}
	return text, nil
}

// read fills the channel from a watch object. What is absent stays, except the
// expiry, which becomes the default unless keep is set.
func (s *Server) readChannel(ch *channel, in object, path string, now time.Time, keep bool) *problem {
	readers := []func() *problem{
		func() *problem { return s.readEvents(ch, in, path) },
		func() *problem { return readURL(ch, in, path) },
		func() *problem { return readExpiry(ch, in, path, now, keep) },
		func() *problem { return readChannelToken(ch, in, path) },
		func() *problem { return readFlag(&ch.related, in, "notify_on_related_action", path) },
		func() *problem { return readFlag(&ch.values, in, "return_affected_field_values", path) },
		func() *problem { return s.readConditions(ch, in, path) },
	}
	for _, reader := range readers {
		if p := reader(); p != nil {
			return p
		}
	}
	return nil
}

func (s *Server) readEvents(ch *channel, in object, path string) *problem {
	raw, given := in["events"]
	if !given {
		if len(ch.events) > 0 {
			return nil
		}
		p := mandatory("events", path+".events")
		return &p
	}
	list, isList := raw.([]any)
	if !isList || len(list) == 0 {
		p := invalid("events", path+".events", object{"expected_data_type": "jsonarray"})
		return &p
	}
	for i, item := range list {
		text, _ := item.(string)
		mod, op, _ := strings.Cut(text, ".")
		if s.modules[mod] == nil || op != "all" && !slices.Contains(operations, op) {
			p := invalid("events", path+".events"+element(i), nil)
			return &p
		}
		if !slices.Contains(ch.events, text) {
			ch.events = append(ch.events, text)
		}
	}
	return nil
}

func readURL(ch *channel, in object, path string) *problem {
	raw, given := in["notify_url"]
	if !given && ch.url != "" {
		return nil
	}
	if !given || raw == nil || raw == "" {
		p := mandatory("notify_url", path+".notify_url")
		return &p
	}
	text, _ := raw.(string)
	if len(text) > maxURL {
		p := invalid("notify_url", path+".notify_url", object{"maximum_length": maxURL})
		return &p
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		p := invalid("notify_url", path+".notify_url", object{"expected_data_type": "website"})
		return &p
	}
	ch.url = text
	return nil
}

// readExpiry refuses fractions of a second and the past, and makes more than a
// week one hour without a word, as Zoho does.
func readExpiry(ch *channel, in object, path string, now time.Time, keep bool) *problem {
	raw, given := in["channel_expiry"]
	if !given || raw == nil {
		if !keep {
			ch.expiry = wholeSeconds(now.Add(defaultChannel))
		}
		return nil
	}
	text, _ := raw.(string)
	at, good := parseTime(text)
	if !good || !at.After(now) {
		p := invalid("channel_expiry", path+".channel_expiry", object{"expected_data_type": "datetime"})
		return &p
	}
	if at.Sub(now) > longestChannel {
		at = wholeSeconds(now.Add(defaultChannel))
	}
	ch.expiry = at
	return nil
}

func readChannelToken(ch *channel, in object, path string) *problem {
	raw, given := in["token"]
	if !given {
		return nil
	}
	text, isText := raw.(string)
	if raw != nil && !isText {
		p := invalid("token", path+".token", object{"expected_data_type": "text"})
		return &p
	}
	if len(text) > maxChannelToken {
		p := invalid("token", path+".token", object{"maximum_length": maxChannelToken})
		return &p
	}
	ch.token = raw
	return nil
}

func readFlag(flag *bool, in object, name, path string) *problem {
	raw, given := in[name]
	if !given {
		return nil
	}
	value, isBool := raw.(bool)
	if !isBool {
		p := invalid(name, path+"."+name, object{"expected_data_type": "boolean"})
		return &p
	}
	*flag = value
	return nil
}

// selection is which changed fields are worth a notification: one field, or two
// selections with and, or between.
type selection struct {
	op    string
	parts []selection
	field string
}

func (sel *selection) picks(affected []string) bool {
	switch sel.op {
	case "and":
		return !slices.ContainsFunc(sel.parts, func(p selection) bool { return !p.picks(affected) })
	case "or":
		return slices.ContainsFunc(sel.parts, func(p selection) bool { return p.picks(affected) })
	}
	return slices.Contains(affected, sel.field)
}

func (s *Server) readConditions(ch *channel, in object, path string) *problem {
	raw, given := in["notification_condition"]
	if !given {
		return nil
	}
	ch.conditions, ch.rawCond = map[string]*selection{}, raw
	if raw == nil {
		return nil
	}
	path += ".notification_condition"
	list, isList := raw.([]any)
	if !isList {
		p := invalid("notification_condition", path, object{"expected_data_type": "jsonarray"})
		return &p
	}
	for i, item := range list {
		at := path + element(i)
		cond, _ := item.(object)
		if cond["type"] != "field_selection" {
			p := invalid("type", at+".type", object{"supported_values": []string{"field_selection"}})
			return &p
		}
		mod, _ := cond["module"].(object)
		name, _ := mod["api_name"].(string)
		m := s.modules[name]
		if m == nil || !slices.Contains(ch.modules(), name) {
			p := invalid("module", at+".module", nil)
			return &p
		}
		if p := agrees(mod, m.id, at+".module"); p != nil {
			return p
		}
		count := 0
		sel, p := readSelection(m, cond["field_selection"], at+".field_selection", &count)
		if p != nil {
			return p
		}
		if count > maxSelected {
			p := invalid("field_selection", at+".field_selection", object{"maximum_length": maxSelected})
			return &p
		}
		ch.conditions[name] = sel
	}
	return nil
}

// agrees checks that an id is there and is the one that the name beside it has.
func agrees(in object, id, path string) *problem {
	if in["id"] == nil {
		p := mandatory("id", path+".id")
		return &p
	}
	if in["id"] != id {
		return &problem{"AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request", object{"ambiguity_due_to": []object{
			{"api_name": "api_name", "json_path": path + ".api_name"}, {"api_name": "id", "json_path": path + ".id"},
		}}}
	}
	return nil
}

func readSelection(m *module, raw any, path string, count *int) (*selection, *problem) {
	in, _ := raw.(object)
	if field, single := in["field"].(object); single {
		*count++
		name, _ := field["api_name"].(string)
		f := m.byName[name]
		if f == nil {
			p := invalid("field", path+".field.api_name", nil)
			return nil, &p
		}
		return &selection{field: name}, agrees(field, f.id, path+".field")
	}
	op, _ := in["group_operator"].(string)
	group, _ := in["group"].([]any)
	if len(group) == 0 {
		return nil, &problem{"EXPECTED_FIELD_MISSING", "expected field is missing", object{"expected_fields": []object{
			{"api_name": "field", "json_path": path + ".field"}, {"api_name": "group", "json_path": path + ".group"},
		}}}
	}
	if op == "" {
		return nil, &problem{"DEPENDENT_FIELD_MISSING", "dependent field is missing", object{
			"api_name": "group_operator", "json_path": path + ".group_operator",
			"dependee": object{"api_name": "group", "json_path": path + ".group"},
		}}
	}
	op = strings.ToLower(op)
	if op != "and" && op != "or" {
		p := invalid("group_operator", path+".group_operator", object{"supported_values": []string{"and", "or"}})
		return nil, &p
	}
	if len(group) > 2 {
		p := invalid("group", path+".group", object{"maximum_length": 2})
		return nil, &p
	}
	out := &selection{op: op}
	for i, item := range group {
		part, p := readSelection(m, item, path+".group"+element(i), count)
		if p != nil {
			return nil, p
		}
		out.parts = append(out.parts, *part)
	}
	return out, nil
}
