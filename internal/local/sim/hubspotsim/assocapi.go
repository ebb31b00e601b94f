package hubspotsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const linkPage = 500 // associations in one answer

// linkInput is one input of an association batch.
type linkInput struct {
	ID    string     `json:"id"`
	After string     `json:"after"`
	From  idOnly     `json:"from"`
	To    linkTo     `json:"to"`
	Types []linkType `json:"types"`
}

// serveAssociations answers /associations/{from}/{to}/...
func (s *Server) serveAssociations(r *request) (*reply, error) {
	if len(r.path) < 3 {
		return nil, errNoResource()
	}
	from, err := s.ends(r.path[0], r.path[1])
	if err != nil {
		return nil, err
	}
	op := r.Method + " " + strings.Join(r.path[2:], "/")
	scope := ".write"
	if op == "GET labels" || op == "POST batch/read" {
		scope = ".read"
	}
	for _, k := range s.kinds {
		if err := s.need("crm.objects." + k.plural + scope); err != nil {
			return nil, err
		}
	}
	if op == "GET labels" {
		return ok(map[string]any{"results": labels(from)})
	}
	handle := map[string]func(*Server, *kind, linkInput) (map[string]any, *apiError){
		"POST batch/read":              (*Server).readLinks,
		"POST batch/create":            (*Server).createLink,
		"POST batch/associate/default": (*Server).createDefaultLink,
		"POST batch/archive":           (*Server).archiveLink,
		"POST batch/labels/archive":    (*Server).archiveLabel,
	}[op]
	if handle == nil {
		return nil, errNoResource()
	}
	return s.linkBatch(r, from, op, handle)
}

// ends checks the two object types of an association.
func (s *Server) ends(from, to string) (*kind, error) {
	f, err := s.kind(from)
	if err != nil {
		return nil, err
	}
	t, err := s.kind(to)
	if err != nil {
		return nil, err
	}
	if f == t {
		return nil, invalid("associations between two %s are not simulated", f.plural)
	}
	return f, nil
}

func labels(from *kind) []map[string]any {
	first, plain := contactPrimary, contactPlain
	if from.plural == "companies" {
		first, plain = companyPrimary, companyPlain
	}
	return []map[string]any{
		{"category": "HUBSPOT_DEFINED", "typeId": first, "label": "Primary"},
		{"category": "HUBSPOT_DEFINED", "typeId": plain, "label": nil},
	}
}

// linkBatch runs one handler per input; a bad input becomes an item.
func (s *Server) linkBatch(r *request, from *kind, op string, handle func(*Server, *kind, linkInput) (map[string]any, *apiError)) (*reply, error) {
	var in struct {
		Inputs []linkInput `json:"inputs"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := size(len(in.Inputs)); err != nil {
		return nil, err
	}
	started := s.now()
	results, errs := []map[string]any{}, []*apiError{}
	for _, input := range in.Inputs {
		out, err := handle(s, from, input)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if r.version == "v4" && op == "POST batch/read" {
			numbers(out)
		}
		results = append(results, out)
	}
	if strings.HasSuffix(op, "/archive") && len(errs) == 0 {
		return &reply{status: http.StatusNoContent}, nil
	}
	status := http.StatusOK
	if op == "POST batch/create" {
		status = http.StatusCreated
	}
	return s.envelope(r, status, started, results, errs), nil
}

// readLinks is one result of batch/read. A record without associations is an
// error item, as one that does not exist.
func (s *Server) readLinks(from *kind, in linkInput) (map[string]any, *apiError) {
	id, isNumber := numeric(in.ID)
	if !isNumber {
		return nil, errBadLinkID(in.ID)
	}
	far := s.other(from)
	all := s.linked(from, id)
	if from.live(id) == nil || len(all) == 0 {
		e := fail(http.StatusNotFound, notFound, "No %s is associated with %s %s.", far.singular, from.singular, in.ID)
		e.SubCategory = "crm.associations.NO_ASSOCIATIONS_FOUND"
		e.Context = map[string][]string{"fromObjectId": {in.ID}, "fromObjectType": {from.singular}, "toObjectType": {far.singular}}
		return nil, e
	}
	start, _ := strconv.Atoi(in.After)
	end := min(max(start, 0)+linkPage, len(all))
	out := map[string]any{"from": map[string]string{"id": in.ID}}
	to := []map[string]any{}
	for _, other := range all[min(max(start, 0), end):end] {
		to = append(to, s.linkJSON(from, id, other))
	}
	out["to"] = to
	if end < len(all) {
		out["paging"] = paging(strconv.Itoa(end))
	}
	return out, nil
}

// linkJSON is one association in reads. The id is a string here.
func (s *Server) linkJSON(from *kind, id, other int64) map[string]any {
	types := labels(from)
	if !s.links.of(from, id)[other] {
		types = types[1:]
	}
	return map[string]any{"toObjectId": strconv.FormatInt(other, 10), "associationTypes": types}
}

// numbers turns the ids of a result into numbers, as /crm/v4 shows them.
func numbers(out map[string]any) {
	for _, to := range out["to"].([]map[string]any) {
		id, _ := numeric(to["toObjectId"].(string))
		to["toObjectId"] = id
	}
}

// linkEnds resolves the two records of an input.
func (s *Server) linkEnds(from *kind, fromID, toID string) (contact, company int64, err *apiError) {
	f, okF := numeric(fromID)
	t, okT := numeric(toID)
	switch {
	case !okF:
		return 0, 0, errBadLinkID(fromID)
	case !okT:
		return 0, 0, errBadLinkID(toID)
	case from.live(f) == nil:
		return 0, 0, errMissingIDs(from, []string{fromID})
	case s.other(from).live(t) == nil:
		return 0, 0, errMissingIDs(s.other(from), []string{toID})
	}
	contact, company = pair(from, f, t)
	return contact, company, nil
}

func (s *Server) createLink(from *kind, in linkInput) (map[string]any, *apiError) {
	primary, err := checkTypes(from, in.Types)
	if err != nil {
		return nil, err
	}
	return s.associate(from, in.From.ID, in.To.one, primary)
}

// createDefaultLink leaves the labels of an existing association alone. Its
// result tells the type that is the default, not the labels.
func (s *Server) createDefaultLink(from *kind, in linkInput) (map[string]any, *apiError) {
	contact, company, err := s.linkEnds(from, in.From.ID, in.To.one)
	if err != nil {
		return nil, err
	}
	if _, err := s.associate(from, in.From.ID, in.To.one, s.links.byContact[contact][company]); err != nil {
		return nil, err
	}
	return map[string]any{
		"from": map[string]string{"id": in.From.ID}, "to": map[string]string{"id": in.To.one},
		"associationSpec": map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": labels(from)[1]["typeId"]},
	}, nil
}

func (s *Server) associate(from *kind, fromID, toID string, primary bool) (map[string]any, *apiError) {
	contact, company, err := s.linkEnds(from, fromID, toID)
	if err != nil {
		return nil, err
	}
	s.link(contact, company, primary, s.app())
	f, _ := numeric(fromID)
	t, _ := numeric(toID)
	names := []string{}
	if primary {
		names = append(names, "Primary")
	}
	return map[string]any{"fromObjectTypeId": from.typeID, "fromObjectId": f,
		"toObjectTypeId": s.other(from).typeID, "toObjectId": t, "labels": names}, nil
}

func (s *Server) archiveLink(from *kind, in linkInput) (map[string]any, *apiError) {
	if len(in.To.many) == 0 {
		return nil, invalid("Invalid input JSON: to must be an array of ids")
	}
	for _, to := range in.To.many {
		contact, company, err := s.linkEnds(from, in.From.ID, to.ID)
		if err != nil {
			return nil, err
		}
		s.unlink(contact, company, s.app())
	}
	return map[string]any{}, nil
}

// archiveLabel removes the primary label, or with the plain type everything.
func (s *Server) archiveLabel(from *kind, in linkInput) (map[string]any, *apiError) {
	if _, err := checkTypes(from, in.Types); err != nil {
		return nil, err
	}
	contact, company, err := s.linkEnds(from, in.From.ID, in.To.one)
	if err != nil {
		return nil, err
	}
	for _, t := range in.Types {
		if t.TypeID == contactPlain || t.TypeID == companyPlain {
			s.unlink(contact, company, s.app())
		} else if _, linked := s.links.byContact[contact][company]; linked {
			s.link(contact, company, false, s.app())
		}
	}
	return map[string]any{}, nil
}

// putLink answers PUT {id}/associations/[default/]{to}/{id}.
func (s *Server) putLink(r *request, k *kind) (*reply, error) {
	to, id := r.path[len(r.path)-2], r.path[len(r.path)-1]
	if _, err := s.ends(k.plural, to); err != nil {
		return nil, err
	}
	if r.path[2] == "default" {
		out, err := s.createDefaultLink(k, linkInput{From: idOnly{r.path[0]}, To: linkTo{one: id}})
		if err != nil {
			return nil, asSingle(err)
		}
		return s.envelope(r, http.StatusOK, s.now(), []any{out}, nil), nil
	}
	var types []linkType
	if err := r.decode(&types); err != nil {
		return nil, err
	}
	primary, err := checkTypes(k, types)
	if err != nil {
		return nil, err
	}
	out, err := s.associate(k, r.path[0], id, primary)
	if err != nil {
		return nil, asSingle(err)
	}
	return &reply{status: http.StatusCreated, body: out}, nil
}

// asSingle turns the item for unknown ids into a 404 of its own.
func asSingle(e *apiError) *apiError {
	if e.Category == notFound {
		return errNoResource()
	}
	return e
}

func (s *Server) deleteLink(r *request, k *kind) (*reply, error) {
	if _, err := s.ends(k.plural, r.path[2]); err != nil {
		return nil, err
	}
	contact, company, err := s.linkEnds(k, r.path[0], r.path[3])
	if err != nil {
		return nil, asSingle(err)
	}
	s.unlink(contact, company, s.app())
	return &reply{status: http.StatusNoContent}, nil
}

// listLinks is absent from 2026-09.
func (s *Server) listLinks(r *request, k *kind) (*reply, error) {
	if r.version == "2026-09" {
		return nil, errNoResource()
	}
	if _, err := s.ends(k.plural, r.path[2]); err != nil {
		return nil, err
	}
	rec, err := k.find(r.path[0], "")
	if err != nil {
		return nil, err
	}
	results := []map[string]any{}
	for _, other := range s.linked(k, rec.id) {
		results = append(results, s.linkJSON(k, rec.id, other))
	}
	if r.version == "v4" {
		numbers(map[string]any{"to": results})
	}
	return ok(map[string]any{"results": results})
}

// linkChange is what happened to an association.
type linkChange struct{ removed, primary bool }

// emitLink makes one event per direction.
func (s *Server) emitLink(contact, company int64, c linkChange, by actor, at time.Time) {
	if by.source == "CRM_UI" {
		by.source = "USER"
	}
	for i, k := range s.kinds {
		ends := [2]int64{contact, company}
		e := s.event(k, "associationChange", "", by, at)
		if e == nil {
			continue
		}
		far := s.kinds[1-i]
		e.AssociationType = strings.ToUpper(k.singular + "_to_" + far.singular)
		e.FromObjectID, e.ToObjectID = ends[i], ends[1-i]
		e.Removed, e.Primary = &c.removed, &c.primary
		if s.cfg.GenericFormat {
			types := labels(k)
			e.FromObjectTypeID, e.ToObjectTypeID, e.ObjectTypeID = k.typeID, far.typeID, ""
			e.AssociationCategory, e.AssociationTypeID = "HUBSPOT_DEFINED", types[1]["typeId"].(int)
			if c.primary {
				e.AssociationTypeID = types[0]["typeId"].(int)
			}
		}
		s.out.add(*e)
	}
}
