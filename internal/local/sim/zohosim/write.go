package zohosim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxRecords = 100

// request is the body of a write, and who sends it.
type request struct {
	records []any
	match   []string  // duplicate_check_fields
	unless  time.Time // If-Unmodified-Since
	by      author
}

var (
	triggers  = []string{"approval", "workflow", "blueprint", "pathfinder", "orchestration"}
	skippable = []string{"assignment_rules", "cadences", "connected_workflows"}
	appliable = []string{"layout_rules", "range_validation", "assignment_rules", "function_validation_rule",
		"criteria_validation_rule", "global_map_dependency", "territory_subordinates"}
)

// requestOf reads the body and the header of a write.
func (s *Server) requestOf(c *call, upsert bool) (*request, *answer) {
	in, bad := c.decode()
	if bad != nil {
		return nil, bad
	}
	fail := func(p problem) (*request, *answer) {
		a := refuse(http.StatusBadRequest, p)
		return nil, &a
	}
	records, isList := in["data"].([]any)
	switch {
	case in["data"] == nil:
		return fail(mandatory("data", "$.data"))
	case !isList || len(records) == 0:
		return fail(invalid("data", "$.data", object{"expected_data_type": "jsonarray"}))
	case len(records) > maxRecords:
		return fail(invalid("data", "$.data", object{"maximum_length": maxRecords}))
	}
	out := &request{records: records, by: author{user: c.user.ID, source: "crm_api", at: c.now}}
	if raw, given := in["trigger"]; given {
		list, good := texts(raw, triggers)
		if !good {
			return fail(invalid("trigger", "$.trigger", object{"supported_values": triggers}))
		}
		// Workflows run only when asked for once trigger is there at all.
		out.by.quiet = !slices.Contains(list, "workflow")
	}
	if p := features(in, "skip_feature_execution", skippable, upsert); p != nil {
		return fail(*p)
	}
	if p := features(in, "apply_feature_execution", appliable, false); p != nil {
		return fail(*p)
	}
	if raw, given := in["duplicate_check_fields"]; given {
		allowed := c.mod.matchFields(nil)
		list, good := texts(raw, allowed)
		if !good {
			return fail(invalid("duplicate_check_fields", "$.duplicate_check_fields", object{"supported_values": allowed}))
		}
		out.match = list
	}
	out.unless, bad = headerTime(c.r, "If-Unmodified-Since")
	return out, bad
}

// texts reads a list of texts that must all be allowed.
func texts(raw any, allowed []string) ([]string, bool) {
	list, good := raw.([]any)
	if !good {
		return nil, false
	}
	out := make([]string, len(list))
	for i, item := range list {
		text, good := item.(string)
		if !good || !slices.Contains(allowed, text) {
			return nil, false
		}
		out[i] = text
	}
	return out, true
}

// features checks skip_feature_execution and its opposite. In an upsert each
// entry says for which action it is.
func features(in object, key string, allowed []string, withAction bool) *problem {
	raw, given := in[key]
	if !given {
		return nil
	}
	path := "$." + key
	list, good := raw.([]any)
	if !good {
		p := invalid(key, path, object{"expected_data_type": "jsonarray"})
		return &p
	}
	if key == "skip_feature_execution" && len(list) > 2 {
		p := invalid(key, path, object{"maximum_length": 2})
		return &p
	}
	for i, item := range list {
		at := path + element(i)
		entry, _ := item.(object)
		name, _ := entry["name"].(string)
		if name == "" {
			p := mandatory("name", at+".name")
			return &p
		}
		if !slices.Contains(allowed, name) {
			p := invalid("name", at+".name", object{"supported_values": allowed})
			return &p
		}
		action := entry["action"]
		if withAction && action == nil {
			p := mandatory("action", at+".action")
			return &p
		}
		if action != nil && action != "insert" && action != "update" {
			p := invalid("action", at+".action", object{"supported_values": []string{"insert", "update"}})
			return &p
		}
	}
	return nil
}

// result is what becomes of one record of a write.
type result struct {
	row     *row
	problem *problem
	status  int    // of the problem when it is alone; 0: 400
	action  string // of an upsert
	field   any    // duplicate_field of an upsert
	message string
}

func failed(p problem) result { return result{problem: &p} }

// each runs a write record by record under one lock, sends the changes, and
// answers in input order.
func (s *Server) each(c *call, in *request, success int, one func(t *table, record object, path string) result) answer {
	s.mu.Lock()
	t := s.tables[c.mod.api]
	items := make([]object, len(in.records))
	good, status := 0, 0
	for i, raw := range in.records {
		path := "$.data" + element(i)
		record, isObject := raw.(object)
		res := failed(invalid("data", path, object{"expected_data_type": "jsonobject"}))
		if isObject {
			res = one(t, record, path)
		}
		if res.problem != nil {
			items[i] = res.problem.item()
			status = max(status, res.status, http.StatusBadRequest)
			continue
		}
		good++
		items[i] = object{"code": "SUCCESS", "details": s.details(res.row), "message": res.message, "status": "success"}
		if res.action != "" {
			items[i]["action"], items[i]["duplicate_field"] = res.action, res.field
		}
	}
	out := s.outbox(in.by.events)
	s.mu.Unlock()
	s.send(out)
	return answer{overall(good, len(items), success, status), object{"data": items}}
}

// overall is the HTTP status of a write with several records.
func overall(good, all, success, failure int) int {
	switch good {
	case all:
		return success
	case 0:
		return failure
	}
	return http.StatusMultiStatus
}

// insertRecords answers POST /{module}.
func (s *Server) insertRecords(c *call) answer {
	in, bad := s.requestOf(c, false)
	if bad != nil {
		return *bad
	}
	return s.each(c, in, http.StatusCreated, func(t *table, record object, path string) result {
		return s.insertOne(t, record, path, &in.by)
	})
}

func (s *Server) insertOne(t *table, record object, path string, by *author) result {
	values, problems := s.check(t.mod, record, path, true)
	problems = append(problems, s.duplicates(t, nil, values, path)...)
	if len(problems) > 0 {
		return failed(merged(problems))
	}
	return result{row: s.insert(t, values, by), message: "record added"}
}

// updateRecords answers PUT /{module} and PUT /{module}/{id}.
func (s *Server) updateRecords(c *call) answer {
	in, bad := s.requestOf(c, false)
	if bad != nil {
		return *bad
	}
	if c.id != "" && len(in.records) > 1 {
		return refuse(http.StatusBadRequest, invalid("data", "$.data", object{"maximum_length": 1}))
	}
	return s.each(c, in, http.StatusOK, func(t *table, record object, path string) result {
		id, given := record["id"].(string)
		if c.id != "" {
			if given && id != c.id {
				return failed(invalidID("id", path+".id"))
			}
			id = c.id
		}
		if id == "" {
			return failed(mandatory("id", path+".id"))
		}
		r := t.living(id)
		if r == nil {
			return failed(invalidID("id", path+".id"))
		}
		return s.updateOne(t, r, record, path, in)
	})
}

func (s *Server) updateOne(t *table, r *row, record object, path string, in *request) result {
	if !in.unless.IsZero() && r.cur.modified.After(in.unless) {
		p := problem{"ALREADY_MODIFIED", "record updated time has already passed if-unmodified-since time", s.details(r)}
		return result{problem: &p, status: http.StatusPreconditionFailed}
	}
	if r.locked {
		return failed(problem{"RECORD_LOCKED", "record is locked", object{"id": r.id}})
	}
	values, problems := s.check(t.mod, record, path, false)
	problems = append(problems, s.duplicates(t, r, values, path)...)
	if len(problems) > 0 {
		return failed(merged(problems))
	}
	s.update(t, r, values, &in.by)
	return result{row: r, message: "record updated"}
}

// upsertRecords answers POST /{module}/upsert.
func (s *Server) upsertRecords(c *call) answer {
	in, bad := s.requestOf(c, true)
	if bad != nil {
		return *bad
	}
	order := c.mod.matchFields(in.match)
	return s.each(c, in, http.StatusOK, func(t *table, record object, path string) result {
		r, field, p := matchOne(t, record, path, order)
		if p != nil {
			return failed(*p)
		}
		if r == nil {
			res := s.insertOne(t, record, path, &in.by)
			res.action = "insert"
			return res
		}
		res := s.updateOne(t, r, record, path, in)
		res.action, res.field = "update", field
		return res
	})
}

// matchOne finds the record that an upsert is about: by its id if it names one,
// else by the first field in order that hits a record.
func matchOne(t *table, record object, path string, order []string) (*row, any, *problem) {
	if raw, given := record["id"]; given {
		id, _ := raw.(string)
		if r := t.living(id); r != nil {
			return r, nil, nil
		}
		p := invalidID("id", path+".id")
		return nil, nil, &p
	}
	for _, field := range order {
		text, _ := record[field].(string)
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if r := t.find(field, text); r != nil {
			return r, field, nil
		}
	}
	return nil, nil, nil
}

// deleteRecords answers DELETE /{module}?ids= and DELETE /{module}/{id}.
func (s *Server) deleteRecords(c *call) answer {
	ids := splitList(c.query.Get("ids"))
	if c.id != "" {
		ids = []string{c.id}
	}
	if len(ids) == 0 {
		return missingParam("ids")
	}
	if len(ids) > maxIDs {
		return limitExceeded("ids", maxIDs)
	}
	by := author{user: c.user.ID, source: "crm_api", at: c.now, quiet: c.query.Get("wf_trigger") == "false"}
	s.mu.Lock()
	t := s.tables[c.mod.api]
	items := make([]object, len(ids))
	good := 0
	for i, id := range ids {
		r := t.living(id)
		if r == nil {
			items[i] = problem{"INVALID_DATA", "the id given seems to be invalid", object{"id": id}}.item()
			continue
		}
		s.remove(t, r, false, &by)
		good++
		items[i] = object{"code": "SUCCESS", "details": object{"id": id}, "message": "record deleted", "status": "success"}
	}
	out := s.outbox(by.events)
	s.mu.Unlock()
	s.send(out)
	return answer{overall(good, len(items), http.StatusOK, http.StatusBadRequest), object{"data": items}}
}
