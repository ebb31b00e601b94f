package zohosim

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cleared marks a field that a write sets to null.
type cleared struct{}

var emailPattern = regexp.MustCompile(`^[A-Za-z0-9_.+!#$%&'*/=?^{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,22}$`)

// phonePattern takes what Zoho's own pattern takes: digits, letters and some
// punctuation, at least one letter or digit among them.
var phonePattern = regexp.MustCompile(`^[+(]?[0-9A-Za-z(][0-9A-Za-z().,;# -]*$`)

var websitePattern = regexp.MustCompile(`^(?i:(https?|ftp)://)?[^\s/?#@]+\.[^\s/?#@.]{2,}([/?#]\S*)?$`)

// check reads the fields of one record of a write. It gives the values to set,
// with cleared{} for null, and everything that is wrong. The caller holds the
// lock.
func (s *Server) check(m *module, in object, path string, creating bool) (map[string]any, []problem) {
	values := map[string]any{}
	var problems []problem
	appended, _ := in["$append_values"].(object)
	for _, name := range slices.Sorted(maps.Keys(in)) {
		raw := in[name]
		f := m.byName[name]
		switch {
		case name == "id" || strings.HasPrefix(name, "$") || name == "Layout":
			continue
		case f == nil || f.ReadOnly:
			if s.cfg.UnknownFields == UnknownRefuse {
				problems = append(problems, invalid(name, path+"."+name, nil))
			}
			continue
		}
		value, p := s.checkValue(f, raw, path+"."+name)
		if p != nil {
			problems = append(problems, *p)
			continue
		}
		if list, ok := value.([]string); ok && appended[name] == true {
			value = appendValues(list)
		}
		values[name] = value
	}
	return values, append(problems, missing(m, values, problems, path, creating)...)
}

// appendValues are options that join those that the record has.
type appendValues []string

// missing names the mandatory fields that a write lacks or clears.
func missing(m *module, values map[string]any, problems []problem, path string, creating bool) []problem {
	wrong := map[any]bool{}
	for _, p := range problems {
		wrong[p.details["api_name"]] = true
	}
	var out []problem
	for _, f := range m.fields {
		value, given := values[f.APIName]
		if !f.Mandatory || wrong[f.APIName] || !given && !creating {
			continue
		}
		if !given || value == (cleared{}) {
			out = append(out, mandatory(f.APIName, path+"."+f.APIName))
		}
	}
	return out
}

// checkValue reads one value as the field's type wants it.
func (s *Server) checkValue(f *Field, raw any, path string) (any, *problem) {
	if raw == nil {
		return cleared{}, nil
	}
	wrongType := func() (any, *problem) {
		p := invalid(f.APIName, path, object{"expected_data_type": f.Type})
		return nil, &p
	}
	switch f.Type {
	case TypeBoolean:
		if b, ok := raw.(bool); ok {
			return b, nil
		}
		return wrongType()
	case TypeInteger, TypeDouble, TypeCurrency:
		return checkNumber(f, raw, path)
	case TypeLookup, TypeOwner:
		return s.checkLink(f, raw, path)
	case TypeMultiSelect:
		return checkOptions(f, raw, path)
	}
	text, ok := raw.(string)
	if !ok {
		return wrongType()
	}
	text = strings.TrimSpace(text)
	if text == "" || f.Type == TypePicklist && text == none {
		return cleared{}, nil
	}
	if utf8.RuneCountInString(text) > f.Length {
		p := invalid(f.APIName, path, object{"maximum_length": f.Length})
		return nil, &p
	}
	if f.Type == TypePicklist && !slices.Contains(f.Options, text) {
		p := unsupported(f, path)
		return nil, &p
	}
	if !hasForm(f.Type, text) {
		return wrongType()
	}
	if f.Type == TypeDateTime {
		at, _ := parseTime(text)
		text = s.stamp(at)
	}
	return text, nil
}

func unsupported(f *Field, path string) problem {
	values := make([]object, len(f.Options))
	for i, o := range f.Options {
		values[i] = object{"display_value": o, "actual_value": o}
	}
	return invalid(f.APIName, path, object{"supported_values": values})
}

// hasForm checks text against the form that its type demands.
func hasForm(kind, text string) bool {
	switch kind {
	case TypeEmail:
		return emailPattern.MatchString(text)
	case TypePhone:
		return phonePattern.MatchString(text)
	case TypeWebsite:
		return websitePattern.MatchString(text)
	case TypeBigInt:
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case TypeDate:
		_, err := time.Parse(dateLayout, text)
		return err == nil
	case TypeDateTime:
		_, good := parseTime(text)
		return good
	}
	return true
}

// checkNumber takes JSON numbers only, whole ones for integers, and rounds
// money to cents as Zoho stores it.
func checkNumber(f *Field, raw any, path string) (any, *problem) {
	number, ok := raw.(json.Number)
	wrong := func(more object) (any, *problem) {
		p := invalid(f.APIName, path, more)
		return nil, &p
	}
	if !ok {
		return wrong(object{"expected_data_type": f.Type})
	}
	if f.Type == TypeInteger {
		n, err := strconv.ParseInt(number.String(), 10, 64)
		if err != nil {
			return wrong(object{"expected_data_type": f.Type})
		}
		if math.Abs(float64(n)) >= math.Pow10(f.Length) {
			return wrong(object{"maximum_length": f.Length})
		}
		return n, nil
	}
	x, err := number.Float64()
	if err != nil {
		return wrong(object{"expected_data_type": f.Type})
	}
	if math.Abs(x) >= math.Pow10(f.Length) {
		return wrong(object{"maximum_length": f.Length})
	}
	if f.Type == TypeCurrency {
		x = math.Round(x*100) / 100
	}
	return x, nil
}

// checkLink takes {"id":"..."} of a living record or of a user.
func (s *Server) checkLink(f *Field, raw any, path string) (any, *problem) {
	in, ok := raw.(object)
	if !ok {
		p := invalid(f.APIName, path, object{"expected_data_type": "jsonobject"})
		return nil, &p
	}
	id, ok := in["id"].(string)
	if !ok {
		p := mandatory("id", path+".id")
		return nil, &p
	}
	known := s.users[id] != nil && !s.users[id].Inactive
	if f.Type == TypeLookup {
		known = s.tables[f.Lookup] != nil && s.tables[f.Lookup].living(id) != nil
	}
	if !known {
		p := invalidID(f.APIName, path+".id")
		return nil, &p
	}
	return link(id), nil
}

func checkOptions(f *Field, raw any, path string) (any, *problem) {
	list, ok := raw.([]any)
	if !ok {
		p := invalid(f.APIName, path, object{"expected_data_type": "jsonarray"})
		return nil, &p
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		option, ok := item.(string)
		if !ok || !slices.Contains(f.Options, option) {
			p := unsupported(f, path)
			return nil, &p
		}
		if !slices.Contains(out, option) {
			out = append(out, option)
		}
	}
	if len(out) == 0 {
		return cleared{}, nil
	}
	return out, nil
}

// duplicates names the unique fields whose new value another record has.
func (s *Server) duplicates(t *table, self *row, values map[string]any, path string) []problem {
	var out []problem
	for _, f := range t.mod.uniques() {
		text, ok := values[f.APIName].(string)
		if !ok {
			continue
		}
		for _, other := range t.index[f.APIName][fold(text)] {
			if other != self {
				out = append(out, s.duplicate(t.mod, f.APIName, path+"."+f.APIName, other))
				break
			}
		}
	}
	return out
}

func (s *Server) duplicate(m *module, field, path string, other *row) problem {
	record := object{"id": other.id, "module": object{"api_name": m.api, "id": m.id}}
	if owner, ok := other.cur.values["Owner"].(link); ok && s.users[string(owner)] != nil {
		u := s.users[string(owner)]
		record["Owner"] = object{"name": u.Name, "id": u.ID, "zuid": u.ID[len(u.ID)-8:]}
	}
	return problem{"DUPLICATE_DATA", "duplicate data", object{
		"api_name": field, "json_path": path, "id": other.id, "more_records": false, "duplicate_record": record,
	}}
}
