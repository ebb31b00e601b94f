package zohosim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// watchList reads the watch objects of a request.
func watchList(c *call) ([]any, *answer) {
	in, bad := c.decode()
	if bad != nil {
		return nil, bad
	}
	fail := func(p problem) ([]any, *answer) {
		a := refuse(http.StatusBadRequest, p)
		return nil, &a
	}
	list, isList := in["watch"].([]any)
	switch {
	case in["watch"] == nil:
		return fail(mandatory("watch", "$.watch"))
	case !isList || len(list) == 0:
		return fail(invalid("watch", "$.watch", object{"expected_data_type": "jsonarray"}))
	case len(list) > maxWatch:
		return fail(invalid("watch", "$.watch", object{"maximum_length": maxWatch}))
	}
	events := 0
	for _, item := range list {
		watch, _ := item.(object)
		of, _ := watch["events"].([]any)
		events += len(of)
	}
	if events > maxWatch {
		return fail(invalid("events", "$.watch[0].events", object{"maximum_length": maxWatch}))
	}
	return list, nil
}

// eachWatch runs a request watch object by watch object under the lock.
func (s *Server) eachWatch(c *call, success int, message string, one func(in object, path string) (*channel, *problem)) answer {
	list, bad := watchList(c)
	if bad != nil {
		return *bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := make([]object, len(list))
	good := 0
	for i, item := range list {
		path := "$.watch" + element(i)
		in, isObject := item.(object)
		if !isObject {
			items[i] = invalid("watch", path, object{"expected_data_type": "jsonobject"}).item()
			continue
		}
		ch, p := one(in, path)
		if p != nil {
			items[i] = p.item()
			continue
		}
		good++
		s.channels[ch.id] = ch
		items[i] = object{"code": "SUCCESS", "details": object{"events": s.showEvents(ch)}, "message": message, "status": "success"}
	}
	return answer{overall(good, len(items), success, http.StatusBadRequest), object{"watch": items}}
}

// resourceURI names a module as notifications do: in version 2, whatever
// version subscribed.
func resourceURI(mod string) string { return "https://www.zohoapis.com/crm/v2/" + mod }

func (s *Server) showEvents(ch *channel) []object {
	var out []object
	for _, mod := range ch.modules() {
		out = append(out, object{
			"channel_expiry": s.stamp(ch.expiry), "resource_uri": resourceURI(mod),
			"resource_id": s.modules[mod].id, "resource_name": mod, "channel_id": ch.id,
		})
	}
	return out
}

// enable answers POST /actions/watch. A channel that exists is replaced.
func (s *Server) enable(c *call) answer {
	return s.eachWatch(c, http.StatusCreated, "Successfully subscribed for actions-watch of the given module",
		func(in object, path string) (*channel, *problem) { return s.newChannel(in, path, c.now) })
}

func (s *Server) newChannel(in object, path string, now time.Time) (*channel, *problem) {
	id, p := channelID(in, path)
	if p != nil {
		return nil, p
	}
	ch := &channel{id: id, related: true}
	return ch, s.readChannel(ch, in, path, now, false)
}

// active finds a channel that has not expired. The caller holds the lock.
func (s *Server) active(id string, now time.Time) *channel {
	ch := s.channels[id]
	if ch != nil && !now.Before(ch.expiry) {
		delete(s.channels, id)
		return nil
	}
	return ch
}

const updatedMessage = "Successfully updated the subscribe details"

// replace answers PUT /actions/watch. An expired channel must be enabled anew.
func (s *Server) replace(c *call) answer {
	return s.eachWatch(c, http.StatusOK, updatedMessage, func(in object, path string) (*channel, *problem) {
		ch, p := s.newChannel(in, path, c.now)
		if p == nil && s.active(ch.id, c.now) == nil {
			wrong := invalid("channel_id", path+".channel_id", nil)
			p = &wrong
		}
		return ch, p
	})
}

// patch answers PATCH /actions/watch: what is given changes, events join those
// that are there or, with _delete_events, leave.
func (s *Server) patch(c *call) answer {
	return s.eachWatch(c, http.StatusOK, updatedMessage, func(in object, path string) (*channel, *problem) {
		id, p := channelID(in, path)
		if p != nil {
			return nil, p
		}
		old := s.active(id, c.now)
		if old == nil {
			wrong := invalid("channel_id", path+".channel_id", nil)
			return nil, &wrong
		}
		ch := *old
		ch.events, ch.conditions = slices.Clone(old.events), maps.Clone(old.conditions)
		if in["_delete_events"] == true {
			in = maps.Clone(in)
			if p := dropEvents(&ch, in, path); p != nil {
				return nil, p
			}
			delete(in, "events")
		}
		return &ch, s.readChannel(&ch, in, path, c.now, true)
	})
}

func dropEvents(ch *channel, in object, path string) *problem {
	list, _ := in["events"].([]any)
	if len(list) == 0 {
		p := mandatory("events", path+".events")
		return &p
	}
	for i, item := range list {
		text, _ := item.(string)
		at := slices.Index(ch.events, text)
		if at < 0 || len(ch.events) == 1 {
			p := invalid("events", path+".events"+element(i), nil)
			return &p
		}
		ch.events = slices.Delete(ch.events, at, at+1)
	}
	return nil
}

// watches answers GET /actions/watch.
func (s *Server) watches(c *call) answer {
	size, good := positive(c.query, "per_page", maxPerPage)
	if !good || size > maxPerPage {
		return invalidParam("per_page")
	}
	number, good := positive(c.query, "page", 1)
	if !good {
		return invalidParam("page")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []object
	for _, id := range slices.Sorted(maps.Keys(s.channels)) {
		ch := s.active(id, c.now)
		if ch == nil || c.query.Get("channel_id") != "" && c.query.Get("channel_id") != id {
			continue
		}
		for _, mod := range ch.modules() {
			if want := c.query.Get("module"); want == "" || want == mod {
				items = append(items, s.showChannel(ch, mod))
			}
		}
	}
	part, more := cut(items, page{size: size, skip: (number - 1) * size})
	if len(part) == 0 {
		return noContent()
	}
	return ok(object{"watch": part, "info": object{"per_page": size, "count": len(part), "page": number, "more_records": more}})
}

func (s *Server) showChannel(ch *channel, mod string) object {
	return object{
		"channel_id": ch.id, "events": ch.of(mod), "channel_expiry": s.stamp(ch.expiry), "notify_url": ch.url, "token": ch.token,
		"resource_uri": resourceURI(mod), "resource_id": s.modules[mod].id, "resource_name": mod,
		"notify_on_related_action": ch.related, "return_affected_field_values": ch.values, "fields": nil,
		"notification_condition": ch.rawCond,
	}
}

// disable answers DELETE /actions/watch?channel_ids=.
func (s *Server) disable(c *call) answer {
	ids := splitList(c.query.Get("channel_ids"))
	if len(ids) == 0 {
		return missingParam("channel_ids")
	}
	if len(ids) > maxWatch {
		return limitExceeded("channel_ids", maxWatch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []object
	good := 0
	for _, id := range ids {
		ch := s.active(strings.TrimSpace(id), c.now)
		if ch == nil {
			items = append(items, problem{"NOT_SUBSCRIBED", "Not subscribed for actions-watch of the given module/channel", object{"channel_id": id}}.item())
			continue
		}
		delete(s.channels, ch.id)
		for _, mod := range ch.modules() {
			good++
			items = append(items, object{"code": "SUCCESS", "status": "success", "message": "Successfully un-subscribed from actions-watch",
				"details": object{"resource_uri": resourceURI(mod), "resource_id": s.modules[mod].id, "channel_id": ch.id}})
		}
	}
	return answer{overall(good, len(items), http.StatusOK, http.StatusBadRequest), object{"watch": items}}
}
