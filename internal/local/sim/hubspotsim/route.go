package hubspotsim

import (
	"net/http"
	"slices"
)

// group is a part of the API.
type group string

const (
	groupObjects      group = "objects"
	groupAssociations group = "associations"
	groupProperties   group = "properties"
	groupOwners       group = "owners"
	groupAccount      group = "account"
)

// versions are the dated paths that are alive.
var versions = []string{"2026-03", "2026-09"}

func dated(v string) bool { return slices.Contains(versions, v) }

// route finds the room, and sets the version and the path below the mount.
// The older mounts put the version in front of the room, the dated ones behind.
func (r *request) route(p []string) (group, error) {
	if len(p) >= 3 && p[0] == "account-info" && p[2] == "details" && (p[1] == "v3" || dated(p[1])) {
		r.version, r.path = p[1], p[3:]
		return groupAccount, nil
	}
	if len(p) < 3 || p[0] != "crm" {
		return "", errNoResource()
	}
	version, at := p[1], group(p[2])
	if dated(p[2]) {
		version, at = p[2], group(p[1])
	}
	var alive bool
	switch at {
	case groupObjects:
		alive = dated(version) || version == "v3" || version == "v4"
	case groupAssociations:
		alive = dated(version) || version == "v4"
	case groupProperties, groupOwners:
		alive = dated(version) || version == "v3"
	}
	if !alive {
		return "", errNoResource()
	}
	r.version, r.path = version, p[3:]
	return at, nil
}

func (s *Server) dispatch(r *request, at group) (*reply, error) {
	switch at {
	case groupAccount:
		return s.serveAccount(r)
	case groupOwners:
		return s.serveOwners(r)
	case groupProperties:
		return s.serveProperties(r)
	case groupAssociations:
		return s.serveAssociations(r)
	default:
		return s.serveObjects(r)
	}
}

// handler is one operation on an object type.
type handler func(*Server, *request, *kind) (*reply, error)

// operations are those of the form {t}/{...}; writes need the write scope.
var operations = map[string]struct {
	handle handler
	writes bool
}{
	"GET":                    {(*Server).list, false},
	"POST":                   {(*Server).createOne, true},
	"POST search":            {(*Server).search, false},
	"POST merge":             {(*Server).mergeAPI, true},
	"POST gdpr-delete":       {(*Server).gdprDelete, true},
	"POST batch/read":        {(*Server).batchRead, false},
	"POST batch/create":      {(*Server).batchCreate, true},
	"POST batch/update":      {(*Server).batchUpdate, true},
	"POST batch/upsert":      {(*Server).batchUpsert, true},
	"POST batch/archive":     {(*Server).batchArchive, true},
	"GET {id}":               {(*Server).getOne, false},
	"PATCH {id}":             {(*Server).patchOne, true},
	"DELETE {id}":            {(*Server).deleteOne, true},
	"GET {id}/assoc":         {(*Server).listLinks, false},
	"PUT {id}/assoc/{id}":    {(*Server).putLink, true},
	"PUT {id}/default":       {(*Server).putLink, true},
	"DELETE {id}/assoc/{id}": {(*Server).deleteLink, true},
}

// operation names the operation of a path below {t}.
func operation(method string, p []string) string {
	switch {
	case len(p) == 0:
		return method
	case len(p) == 1 && (p[0] == "search" || p[0] == "merge" || p[0] == "gdpr-delete"):
		return method + " " + p[0]
	case len(p) == 1:
		return method + " {id}"
	case len(p) == 2 && p[0] == "batch":
		return method + " batch/" + p[1]
	case len(p) == 3 && p[1] == "associations":
		return method + " {id}/assoc"
	case len(p) == 4 && p[1] == "associations":
		return method + " {id}/assoc/{id}"
	case len(p) == 5 && p[1] == "associations" && p[2] == "default":
		return method + " {id}/default"
	}
	return ""
}

func (s *Server) serveObjects(r *request) (*reply, error) {
	if len(r.path) == 0 {
		return nil, errNoResource()
	}
	k, apiErr := s.kind(r.path[0])
	if apiErr != nil {
		return nil, apiErr
	}
	name := operation(r.Method, r.path[1:])
	op, found := operations[name]
	if !found {
		if name == "" || len(r.path) == 3 && r.path[1] == "batch" && r.Method == http.MethodPost {
			return nil, errNoResource()
		}
		return nil, fail(http.StatusMethodNotAllowed, wrongMethod, "HTTP 405 Method Not Allowed")
	}
	scope := "crm.objects." + k.plural + ".read"
	if op.writes {
		scope = "crm.objects." + k.plural + ".write"
	}
	if err := s.need(scope); err != nil {
		return nil, err
	}
	r.path = r.path[1:]
	return op.handle(s, r, k)
}
