package hubspotsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxList = 100

// write is the body of a single create or update, and a row of a batch.
type write struct {
	ID           string         `json:"id"`
	IDProperty   string         `json:"idProperty"`
	Properties   map[string]any `json:"properties"`
	TraceID      string         `json:"objectWriteTraceId"`
	Associations []newLink      `json:"associations"`
}

func (s *Server) portal() string { return strconv.FormatInt(s.cfg.PortalID, 10) }

// numeric reads a record id.
func numeric(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil && n > 0
}

// find resolves the id of a single request, by idProperty if given; merged-away
// ids lead to the survivor.
func (k *kind) find(id, idProperty string) (*record, error) {
	if idProperty != "" && idProperty != "hs_object_id" {
		if k.unique[idProperty] == nil {
			return nil, invalid("idProperty %s is not a unique identifier property", idProperty)
		}
		if holder, found := k.holder(idProperty, id); found {
			return k.records[holder], nil
		}
		return nil, errNoObject(id)
	}
	n, isNumber := numeric(id)
	if !isNumber {
		return nil, errNoObject(id)
	}
	if r := k.records[k.survivor(n)]; r != nil {
		return r, nil
	}
	return nil, errNoResource()
}

func (r *request) view() view {
	return view{properties: r.names("properties"), history: r.names("propertiesWithHistory"), linked: r.names("associations")}
}

func (r *request) archived() bool { return r.URL.Query().Get("archived") == "true" }

func (s *Server) getOne(r *request, k *kind) (*reply, error) {
	rec, err := k.find(r.path[0], r.URL.Query().Get("idProperty"))
	if err != nil {
		return nil, err
	}
	if rec.archived.IsZero() == r.archived() {
		return nil, errNoResource()
	}
	return ok(s.render(rec, r.view()))
}

func (s *Server) createOne(r *request, k *kind) (*reply, error) {
	var in write
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	rec, apiErr := s.create(r, k, in)
	if apiErr != nil {
		return nil, apiErr
	}
	out := s.full(rec)
	return &reply{status: http.StatusCreated, body: out,
		header: map[string]string{"Location": strings.TrimSuffix(r.URL.Path, "/") + "/" + out.ID}}, nil
}

// create checks and inserts one record with its associations.
func (s *Server) create(r *request, k *kind, in write) (*record, *apiError) {
	c, apiErr := s.checkNew(k, in.Properties, r.version)
	if apiErr != nil {
		return nil, apiErr
	}
	if apiErr = s.clash(k, 0, c, nil); apiErr != nil {
		return nil, apiErr
	}
	if apiErr = s.checkNewLinks(k, in.Associations); apiErr != nil {
		return nil, apiErr
	}
	rec := s.insert(k, c, s.app(), time.Time{})
	s.addNewLinks(rec, in.Associations)
	return rec, nil
}

func (s *Server) patchOne(r *request, k *kind) (*reply, error) {
	var in write
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	rec, err := k.find(r.path[0], r.URL.Query().Get("idProperty"))
	if err != nil {
		return nil, err
	}
	if !rec.archived.IsZero() {
		return nil, errNoResource()
	}
	if len(in.Properties) == 0 {
		return nil, invalid("No properties found to update, please provide at least one.")
	}
	c, wrong := s.check(k, rec, in.Properties)
	if len(wrong) > 0 {
		return nil, s.errFields(wrong)
	}
	if apiErr := s.clash(k, rec.id, c, nil); apiErr != nil {
		return nil, apiErr
	}
	if apiErr := s.alter(rec, c, s.app(), time.Time{}); apiErr != nil {
		return nil, apiErr
	}
	return ok(s.full(rec))
}

func (s *Server) deleteOne(r *request, k *kind) (*reply, error) {
	rec, err := k.find(r.path[0], "")
	if err != nil {
		return nil, err
	}
	if rec.archived.IsZero() {
		s.archive(rec, s.app())
	}
	return &reply{status: http.StatusNoContent}, nil
}

// list pages through the ids in order.
func (s *Server) list(r *request, k *kind) (*reply, error) {
	limit, v := 10, r.view()
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxList {
			return nil, invalid("Invalid query parameter: limit must be between 1 and %d", maxList)
		}
		limit = n
	}
	if len(v.history) > 0 && limit > maxHistory {
		return nil, errHistoryLimit()
	}
	var after int64
	if text := r.URL.Query().Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, invalid("Invalid query parameter: after")
		}
		after = n
	}
	start, _ := slices.BinarySearch(k.order, after+1)
	results := []recordJSON{}
	for _, id := range k.order[start:] {
		rec := k.records[id]
		if rec == nil || rec.archived.IsZero() == r.archived() {
			continue
		}
		if len(results) == limit {
			last := results[limit-1].ID
			return ok(map[string]any{"results": results, "paging": paging(last)})
		}
		results = append(results, s.render(rec, v))
	}
	return ok(map[string]any{"results": results})
}

func paging(after string) map[string]any {
	return map[string]any{"next": map[string]string{"after": after, "link": "?after=" + after}}
}
