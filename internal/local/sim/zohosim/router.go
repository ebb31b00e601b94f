package zohosim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// maxRequest is the largest body that is read.
const maxRequest = 16 << 20

// call is one API request as its handler sees it.
type call struct {
	r      *http.Request
	query  url.Values
	body   []byte
	user   *User
	access *access
	now    time.Time
	mod    *module // of the path, nil if it has none
	id     string  // of the path, "" if it has none
}

// decode reads the body as a JSON object, whatever its Content-Type says.
// Numbers keep their text.
func (c *call) decode() (object, *answer) {
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.UseNumber()
	var out object
	if err := dec.Decode(&out); err != nil || out == nil {
		bad := refuse(http.StatusBadRequest, errUnparsable)
		return nil, &bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		bad := refuse(http.StatusBadRequest, errUnparsable)
		return nil, &bad
	}
	return out, nil
}

// endpoint is one method of one path.
type endpoint struct {
	scopes  []string         // all are needed; "modules.X" means X on the module of the path
	credits func(*call) int  // nil: 1
	narrow  func(*call) bool // counts against the sub-concurrency limit; nil: no
	handle  func(*call) answer
}

func always(*call) bool { return true }

func fixed(credits int) func(*call) int {
	return func(*call) int { return credits }
}

// routes are the paths below /crm/v8/, with {m} for a module and {id} for a
// record, or for one of what the path without it lists.
func (s *Server) routes() map[string]map[string]endpoint {
	read := []string{"modules.READ"}
	write := func(verbs ...string) []string {
		for i, verb := range verbs {
			verbs[i] = "modules." + verb
		}
		return verbs
	}
	searchScopes := read
	if s.cfg.SearchScope {
		searchScopes = append([]string{"ZohoSearch.securesearch.READ"}, read...)
	}
	sorted := func(c *call) bool { return c.query.Get("sort_by") != "" }
	return map[string]map[string]endpoint{
		"{m}": {
			"GET":    {scopes: read, narrow: sorted, handle: s.list},
			"POST":   {scopes: write("CREATE"), credits: perTen, narrow: many, handle: s.insertRecords},
			"PUT":    {scopes: write("UPDATE"), credits: perTen, narrow: many, handle: s.updateRecords},
			"DELETE": {scopes: write("DELETE"), handle: s.deleteRecords},
		},
		"{m}/{id}": {
			"GET":    {scopes: read, handle: s.get},
			"PUT":    {scopes: write("UPDATE"), handle: s.updateRecords},
			"DELETE": {scopes: write("DELETE"), handle: s.deleteRecords},
		},
		"{m}/upsert":          {"POST": {scopes: write("CREATE", "UPDATE"), credits: perTen, narrow: many, handle: s.upsertRecords}},
		"{m}/search":          {"GET": {scopes: searchScopes, handle: s.search}},
		"{m}/deleted":         {"GET": {scopes: read, credits: fixed(2), handle: s.listDeleted}},
		"{m}/{id}/__timeline": {"GET": {scopes: read, handle: s.timeline}},
		"coql":                {"POST": {scopes: []string{"coql.READ"}, credits: queryCredits, narrow: always, handle: s.coql}},
		"actions/watch": {
			"POST":   {scopes: []string{"notifications.CREATE"}, handle: s.enable},
			"PUT":    {scopes: []string{"notifications.UPDATE"}, handle: s.replace},
			"PATCH":  {scopes: []string{"notifications.UPDATE"}, handle: s.patch},
			"GET":    {scopes: []string{"notifications.READ"}, handle: s.watches},
			"DELETE": {scopes: []string{"notifications.DELETE"}, handle: s.disable},
		},
		"settings/fields":       {"GET": {scopes: []string{"settings.fields.READ"}, handle: s.settingsFields}},
		"settings/fields/{id}":  {"GET": {scopes: []string{"settings.fields.READ"}, handle: s.settingsFields}},
		"settings/modules":      {"GET": {scopes: []string{"settings.modules.READ"}, handle: s.settingsModules}},
		"settings/modules/{id}": {"GET": {scopes: []string{"settings.modules.READ"}, handle: s.settingsModules}},
		"users":                 {"GET": {scopes: []string{"users.READ"}, handle: s.listUsers}},
		"users/{id}":            {"GET": {scopes: []string{"users.READ"}, handle: s.getUser}},
		"org":                   {"GET": {scopes: []string{"org.READ"}, handle: s.org}},
	}
}

// match finds the route of a path. Fixed words win over records.
func match(routes map[string]map[string]endpoint, path string) (methods map[string]endpoint, mod, id string) {
	rest, found := strings.CutPrefix(path, "/crm/v8/")
	if !found {
		return nil, "", ""
	}
	if methods = routes[rest]; methods != nil && !strings.Contains(rest, "{") {
		return methods, "", ""
	}
	parts := strings.Split(rest, "/")
	for _, part := range parts {
		if part == "" {
			return nil, "", ""
		}
	}
	if at := strings.LastIndexByte(rest, '/'); at > 0 && !strings.Contains(rest, "{") {
		if methods = routes[rest[:at]+"/{id}"]; methods != nil {
			return methods, "", rest[at+1:]
		}
	}
	switch len(parts) {
	case 1:
		return routes["{m}"], parts[0], ""
	case 2:
		if parts[0] == "settings" || parts[0] == "actions" {
			return nil, "", ""
		}
		if methods = routes["{m}/"+parts[1]]; methods != nil {
			return methods, parts[0], ""
		}
		return routes["{m}/{id}"], parts[0], parts[1]
	case 3:
		return routes["{m}/{id}/"+parts[2]], parts[0], parts[1]
	}
	return nil, "", ""
}

func (s *Server) apiHandler() http.Handler {
	routes := s.routes()
	crm := s.recorder.Wrap(s.faults.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(routes, w, r).write(w)
	})))
	control := s.control()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sim.IsControl(r) {
			control.ServeHTTP(w, r)
			return
		}
		crm.ServeHTTP(w, r)
	})
}

// serve takes a request through the gates in Zoho's order: address, token,
// module, method, scope, limits.
func (s *Server) serve(routes map[string]map[string]endpoint, w http.ResponseWriter, r *http.Request) answer {
	methods, mod, id := match(routes, r.URL.Path)
	if methods == nil {
		return refuse(http.StatusNotFound, errURL)
	}
	access, bad := s.identify(r)
	if bad != nil {
		return *bad
	}
	c := &call{r: r, access: access, query: r.URL.Query(), user: s.me, now: s.clock.Now(), id: id, mod: s.modules[mod]}
	if mod != "" && c.mod == nil {
		return refuse(http.StatusBadRequest, problem{"INVALID_MODULE", "the module name given seems to be invalid", object{"resource_path_index": 0}})
	}
	end, found := methods[r.Method]
	if !found {
		return refuse(http.StatusBadRequest, problem{"INVALID_REQUEST_METHOD", "The http request method type is not a valid one", object{"resource_path_index": 0}})
	}
	for _, scope := range end.scopes {
		if !access.allows(scope, mod) {
			return refuse(http.StatusUnauthorized, errScope)
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return refuse(http.StatusBadRequest, errUnparsable)
	}
	c.body = body
	return s.metered(end, c, w)
}

// metered plays the limits and the latency around a call.
func (s *Server) metered(end endpoint, c *call, w http.ResponseWriter) answer {
	if !s.cfg.Quotas {
		return s.slowly(end, c)
	}
	credits := 1
	if end.credits != nil {
		credits = end.credits(c)
	}
	leave, bad := s.limits.enter(c.now, credits, end.narrow != nil && end.narrow(c))
	if bad != nil {
		return *bad
	}
	defer leave()
	if left, half := s.limits.left(c.now); half {
		w.Header().Set("X-API-CREDITS-REMAINING", strconv.Itoa(left))
	}
	return s.slowly(end, c)
}

// slowly waits before it handles a call, which counts as running meanwhile.
func (s *Server) slowly(end endpoint, c *call) answer {
	if pause(c.r.Context(), s.cfg.Latency) != nil {
		return answer{status: http.StatusRequestTimeout} // the client has gone
	}
	return end.handle(c)
}

// pause waits for d, or until the context ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
