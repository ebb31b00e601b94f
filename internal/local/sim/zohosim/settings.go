package zohosim

import (
	"net/http"
	"strconv"
)

// settingsFields answers GET /settings/fields[/{id}]?module=.
func (s *Server) settingsFields(c *call) answer {
	name := c.query.Get("module")
	if name == "" {
		return missingParam("module")
	}
	m := s.modules[name]
	if m == nil {
		return refuse(http.StatusBadRequest, problem{"INVALID_MODULE", "the module name given seems to be invalid", object{"param_name": "module"}})
	}
	fields := []object{}
	for _, f := range m.fields {
		if c.id == "" || c.id == f.id {
			fields = append(fields, s.showField(m, f))
		}
	}
	if len(fields) == 0 {
		return refuse(http.StatusBadRequest, problem{"INVALID_DATA", "the id given seems to be invalid", object{"resource_path_index": 2}})
	}
	return ok(object{"fields": fields})
}

func (s *Server) showField(m *module, f *Field) object {
	unique := object{}
	if f.Unique {
		unique["casesensitive"] = false
	}
	options := make([]object, len(f.Options))
	for i, o := range f.Options {
		options[i] = object{
			"display_value": o, "actual_value": o, "id": formatID(900_000 + int64(i)),
			"sequence_number": i + 1, "type": "used", "reference_value": o, "colour_code": nil,
		}
	}
	lookup := object{}
	if target := s.modules[f.Lookup]; target != nil {
		lookup = object{"module": object{"api_name": target.api, "id": target.id}, "display_label": m.api, "id": f.id}
	}
	out := object{
		"id": f.id, "api_name": f.APIName, "field_label": f.Label, "display_label": f.Label,
		"data_type": f.Type, "json_type": jsonTypes[f.Type], "length": f.Length,
		"system_mandatory": f.Mandatory, "custom_field": f.Custom, "visible": true,
		"read_only": f.ReadOnly, "field_read_only": f.ReadOnly, "unique": unique, "external": nil,
		"operation_type": object{
			"web_create": !f.ReadOnly, "web_update": !f.ReadOnly, "api_create": !f.ReadOnly, "api_update": !f.ReadOnly,
		},
		"pick_list_values": options, "lookup": lookup, "decimal_place": nil,
	}
	if f.Type == TypeCurrency || f.Type == TypeDouble {
		out["decimal_place"] = 2
	}
	return out
}

// settingsModules answers GET /settings/modules[/{api_name or id}].
func (s *Server) settingsModules(c *call) answer {
	modules := []object{}
	for i, name := range []string{Contacts, Accounts} {
		m := s.modules[name]
		if c.id != "" && c.id != m.api && c.id != m.id {
			continue
		}
		modules = append(modules, object{
			"id": m.id, "api_name": m.api, "module_name": m.api, "singular_label": m.singular, "plural_label": m.api,
			"generated_type": "default", "api_supported": true, "visible": true, "viewable": true, "creatable": true,
			"editable": true, "deletable": true, "sequence_number": i + 1,
		})
	}
	if len(modules) == 0 {
		return refuse(http.StatusBadRequest, problem{"INVALID_MODULE", "the module name given seems to be invalid", object{"resource_path_index": 2}})
	}
	return ok(object{"modules": modules})
}

// userTypes are the values of type, and which users are of it: all of the
// simulator's are confirmed administrators.
var userTypes = map[string]func(User) bool{
	"": everybody, "AllUsers": everybody, "ConfirmedUsers": everybody, "AdminUsers": everybody,
	"ActiveUsers": active, "ActiveConfirmedUsers": active, "ActiveConfirmedAdmins": active, "CurrentUser": nobody,
	"DeactiveUsers": inactive, "NotConfirmedUsers": nobody, "DeletedUsers": nobody,
}

func everybody(User) bool  { return true }
func nobody(User) bool     { return false }
func active(u User) bool   { return !u.Inactive }
func inactive(u User) bool { return u.Inactive }

// listUsers answers GET /users. CurrentUser is the user of the consent.
func (s *Server) listUsers(c *call) answer {
	kind := c.query.Get("type")
	among, known := userTypes[kind]
	if !known {
		return invalidParam("type")
	}
	size, good := positive(c.query, "per_page", maxPerPage)
	if !good || size > maxPerPage {
		return invalidParam("per_page")
	}
	number, good := positive(c.query, "page", 1)
	if !good {
		return invalidParam("page")
	}
	var users []object
	if kind == "CurrentUser" {
		users = append(users, s.showUser(s.me))
	}
	for _, u := range append([]User{*s.me}, s.cfg.Users...) {
		if among(u) {
			users = append(users, s.showUser(&u))
		}
	}
	part, more := cut(users, page{size: size, skip: (number - 1) * size})
	if len(part) == 0 {
		return noContent()
	}
	return ok(object{"users": part, "info": object{"per_page": size, "count": len(part), "page": number, "more_records": more}})
}

// getUser answers GET /users/{id}.
func (s *Server) getUser(c *call) answer {
	for _, u := range append([]User{*s.me}, s.cfg.Users...) {
		if u.ID == c.id {
			return ok(object{"users": []object{s.showUser(&u)}})
		}
	}
	return refuse(http.StatusBadRequest, problem{"INVALID_DATA", "the id given seems to be invalid", object{"resource_path_index": 1}})
}

func (s *Server) showUser(u *User) object {
	return object{
		"id": u.ID, "email": u.Email, "full_name": u.Name, "first_name": nil, "last_name": u.Name,
		"status": status(u), "confirm": true, "time_zone": s.zoneName(), "offset": s.cfg.TimeOffset.Milliseconds(),
		"country_locale": "en_US", "language": "en_US", "locale": "en_US",
	}
}

func status(u *User) string {
	if u.Inactive {
		return "disabled"
	}
	return "active"
}

// org answers GET /org.
func (s *Server) org(*call) answer {
	return ok(object{"org": []object{{
		"id": OrganisationID, "company_name": "Simulated Company", "domain_name": "org" + OrganisationID,
		"primary_email": s.me.Email, "time_zone": s.zoneName(), "country_code": "DE", "iso_code": "EUR",
		"currency": "Euro", "currency_symbol": "€", "license_details": object{"paid": true, "paid_type": s.cfg.Edition},
	}}})
}

// zoneName names a zone with the configured offset. Etc zones count westwards.
func (s *Server) zoneName() string {
	hours := int(s.cfg.TimeOffset.Hours())
	switch {
	case hours == 0:
		return "Etc/UTC"
	case hours > 0:
		return "Etc/GMT-" + strconv.Itoa(hours)
	}
	return "Etc/GMT+" + strconv.Itoa(-hours)
}
