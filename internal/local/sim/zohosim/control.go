package zohosim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// control is the control API: the hands of people in Zoho's user interface, and
// what a test needs to see and upset.
func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	sim.Control{Clock: s.clock, Faults: s.faults, Recorder: s.recorder, Deliverer: s.deliverer}.Mount(mux)
	for pattern, h := range map[string]func(*http.Request, *hand) (any, error){
		"POST /_sim/{m}":              s.handCreate,
		"GET /_sim/{m}":               s.handList,
		"GET /_sim/{m}/{id}":          s.handShow,
		"PATCH /_sim/{m}/{id}":        s.handEdit,
		"DELETE /_sim/{m}/{id}":       s.handDelete,
		"POST /_sim/{m}/{id}/restore": s.handRestore,
		"POST /_sim/{m}/{id}/lock":    s.handLock,
		"POST /_sim/{m}/merge":        s.handMerge,
		"POST /_sim/notify":           s.handNotify,
	} {
		mux.HandleFunc(pattern, s.hand(h))
	}
	mux.HandleFunc("POST /_sim/redeliver", s.redeliver)
	mux.HandleFunc("POST /_sim/codes", func(w http.ResponseWriter, _ *http.Request) {
		if code := s.auth.code(s.clock.Now()); code != "" {
			sim.WriteJSON(w, http.StatusCreated, object{"code": code})
			return
		}
		sim.WriteJSON(w, http.StatusTooManyRequests, object{"error": "more than 10 grant codes in 10 minutes"})
	})
	mux.HandleFunc("POST /_sim/tokens/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.auth.expireAll()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/tokens/revoke", func(w http.ResponseWriter, _ *http.Request) {
		s.auth.revokeAll()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// hand is what a person does: a control request and what becomes of it.
type hand struct {
	table *table
	id    string
	by    author
	in    handRequest
	out   []message
}

// handRequest is the body of a control request about records. Every endpoint
// reads the fields that concern it.
type handRequest struct {
	Fields    json.RawMessage `json:"fields"`
	User      string          `json:"user"` // default: the first person
	At        time.Time       `json:"at"`   // default: now
	Source    string          `json:"source"`
	Permanent bool            `json:"permanent"` // of a deletion: past the recycle bin
	Survivor  string          `json:"survivor"`
	Loser     string          `json:"loser"`
	Silent    bool            `json:"silent"` // no notification, as Zoho may do for merges
	Module    string          `json:"module"`
	IDs       []string        `json:"ids"`
	Locked    *bool           `json:"locked"`
}

// problems are refused values, in the same shape as the API's.
type problems []problem

func (p problems) Error() string { return fmt.Sprintf("%d fields are refused", len(p)) }

var (
	errNoRecord = errors.New("no such record")
	errNoModule = errors.New("no such module")
)

// hand wraps the endpoints: read, lock, do, unlock, notify, answer.
func (s *Server) hand(do func(*http.Request, *hand) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := &hand{id: r.PathValue("id")}
		if r.ContentLength != 0 && r.Method != http.MethodGet && !sim.ReadJSON(w, r, &h.in) {
			return
		}
		out, err := s.withHand(r, h, do)
		var refused problems
		switch {
		case errors.As(err, &refused):
			items := make([]object, len(refused))
			for i, p := range refused {
				items[i] = p.item()
			}
			sim.WriteJSON(w, http.StatusBadRequest, object{"error": err.Error(), "errors": items})
		case errors.Is(err, errNoRecord), errors.Is(err, errNoModule):
			sim.WriteJSON(w, http.StatusNotFound, object{"error": err.Error()})
		case err != nil:
			sim.WriteJSON(w, http.StatusBadRequest, object{"error": err.Error()})
		case r.Method == http.MethodPost && r.PathValue("m") != "" && h.id == "" && h.in.Loser == "":
			sim.WriteJSON(w, http.StatusCreated, out)
		default:
			sim.WriteJSON(w, http.StatusOK, out)
		}
	}
}

func (s *Server) withHand(r *http.Request, h *hand, do func(*http.Request, *hand) (any, error)) (any, error) {
	mod := r.PathValue("m")
	if mod == "" {
		mod = h.in.Module
	}
	if h.table = s.tables[mod]; h.table == nil {
		return nil, errNoModule
	}
	h.by = author{user: h.in.User, source: "crm_ui", at: h.in.At}
	if h.by.user == "" {
		h.by.user = s.firstPerson()
	}
	if s.users[h.by.user] == nil {
		return nil, errors.New("no such user")
	}
	if h.by.at.IsZero() {
		h.by.at = s.clock.Now()
	}
	if h.in.Source != "" {
		h.by.source = h.in.Source
	}
	s.mu.Lock()
	out, err := do(r, h)
	if err == nil && !h.in.Silent {
		h.out = append(h.out, s.outbox(h.by.events)...)
	}
	s.mu.Unlock()
	s.send(h.out)
	return out, err
}

func (s *Server) firstPerson() string {
	if len(s.cfg.Users) > 0 {
		return s.cfg.Users[0].ID
	}
	return s.me.ID
}

// values checks the fields of a control request as the API's are checked.
func (s *Server) values(h *hand, self *row) (map[string]any, error) {
	in := object{}
	if len(h.in.Fields) > 0 {
		dec := json.NewDecoder(bytes.NewReader(h.in.Fields))
		dec.UseNumber()
		if err := dec.Decode(&in); err != nil {
			return nil, fmt.Errorf("decode fields: %w", err)
		}
	}
	for name := range in {
		if f := h.table.mod.byName[name]; f == nil || f.ReadOnly {
			return nil, fmt.Errorf("field %s cannot be written", name)
		}
	}
	values, wrong := s.check(h.table.mod, in, "$.fields", self == nil)
	wrong = append(wrong, s.duplicates(h.table, self, values, "$.fields")...)
	if len(wrong) > 0 {
		return nil, problems(wrong)
	}
	return values, nil
}

func (s *Server) handCreate(_ *http.Request, h *hand) (any, error) {
	values, err := s.values(h, nil)
	if err != nil {
		return nil, err
	}
	return s.stored(h.table, s.insert(h.table, values, &h.by), true), nil
}

func (s *Server) handEdit(_ *http.Request, h *hand) (any, error) {
	r := h.table.living(h.id)
	if r == nil {
		return nil, errNoRecord
	}
	values, err := s.values(h, r)
	if err != nil {
		return nil, err
	}
	s.update(h.table, r, values, &h.by)
	return s.stored(h.table, r, true), nil
}

func (s *Server) handDelete(_ *http.Request, h *hand) (any, error) {
	r := h.table.living(h.id)
	if r == nil {
		return nil, errNoRecord
	}
	s.remove(h.table, r, h.in.Permanent, &h.by)
	return s.stored(h.table, r, true), nil
}

func (s *Server) handRestore(_ *http.Request, h *hand) (any, error) {
	r := h.table.rows[h.id]
	if r == nil || r.gone == nil || r.gone.kind(s.clock.Now()) != "recycle" {
		return nil, errNoRecord
	}
	if wrong := s.duplicates(h.table, r, r.cur.values, "$.fields"); len(wrong) > 0 {
		return nil, problems(wrong)
	}
	s.restore(h.table, r, &h.by)
	return s.stored(h.table, r, true), nil
}

// handLock makes API writes to a record fail with RECORD_LOCKED, or no more.
func (s *Server) handLock(_ *http.Request, h *hand) (any, error) {
	r := h.table.living(h.id)
	if r == nil {
		return nil, errNoRecord
	}
	r.locked = h.in.Locked == nil || *h.in.Locked
	return s.stored(h.table, r, false), nil
}

// handMerge deletes the loser for good and gives its unset fields, and then the
// given ones, to the survivor. Records that point to the loser move over.
func (s *Server) handMerge(_ *http.Request, h *hand) (any, error) {
	t := h.table
	survivor, loser := t.living(h.in.Survivor), t.living(h.in.Loser)
	if survivor == nil || loser == nil || survivor == loser {
		return nil, errNoRecord
	}
	values := map[string]any{}
	for name, value := range loser.cur.values {
		if survivor.cur.values[name] == nil {
			values[name] = value
		}
	}
	given, err := s.values(h, loser)
	var refused problems
	if errors.As(err, &refused) {
		// What the survivor itself holds is no duplicate.
		given, err = s.values(h, survivor)
	}
	if err != nil {
		return nil, err
	}
	maps.Copy(values, given)
	s.remove(t, loser, true, &h.by)
	s.update(t, survivor, values, &h.by)
	s.repoint(t, loser, survivor)
	return s.stored(t, survivor, true), nil
}

// repoint moves lookups from one record to another. Zoho does it without
// touching the times of the records that point.
func (s *Server) repoint(t *table, from, to *row) {
	for _, other := range s.tables {
		for _, r := range slices.SortedFunc(maps.Keys(other.children[link(from.id)]), byNumber) {
			v := *r.cur
			v.values, v.at = maps.Clone(v.values), s.clock.Now()
			for _, f := range other.mod.fields {
				if f.Lookup == t.mod.api && v.values[f.APIName] == link(from.id) {
					v.values[f.APIName] = link(to.id)
				}
			}
			other.put(r, &v, s.cfg.SearchLag)
		}
	}
}

// handNotify is a mass edit: the fields, if any, are set on all records, and
// each channel gets a single callback with all ids.
func (s *Server) handNotify(_ *http.Request, h *hand) (any, error) {
	if h.in.Source == "" {
		h.by.source = "mass_update"
	}
	var rows []*row
	for _, id := range h.in.IDs {
		r := h.table.living(id)
		if r == nil {
			return nil, errNoRecord
		}
		rows = append(rows, r)
	}
	for _, r := range rows {
		values, err := s.values(h, r)
		if err != nil {
			return nil, err
		}
		if len(values) > 0 {
			s.update(h.table, r, values, &h.by)
		}
	}
	announced := slices.DeleteFunc(h.by.events, func(e event) bool { return e.related })
	if len(announced) == 0 {
		for _, r := range rows {
			announced = append(announced, event{mod: h.table.mod, row: r, op: "edit", version: r.cur})
		}
	}
	h.by.events = nil
	h.out = s.notices(announced)
	return object{"callbacks": len(h.out)}, nil
}

func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Last int `json:"last"`
	}
	if r.ContentLength != 0 && !sim.ReadJSON(w, r, &in) {
		return
	}
	sim.WriteJSON(w, http.StatusOK, object{"sent": s.resend(max(in.Last, 1))})
}

// handList gives the stored state of all records, deleted ones too. Query
// parameters narrow it to records whose field holds that text.
func (s *Server) handList(r *http.Request, h *hand) (any, error) {
	out := []object{}
	for _, each := range h.table.order {
		fits := true
		for name, values := range r.URL.Query() {
			text, _ := each.cur.values[name].(string)
			fits = fits && text == values[0]
		}
		if fits {
			out = append(out, s.stored(h.table, each, false))
		}
	}
	return object{"records": out}, nil
}

func (s *Server) handShow(_ *http.Request, h *hand) (any, error) {
	r := h.table.rows[h.id]
	if r == nil {
		return nil, errNoRecord
	}
	return s.stored(h.table, r, true), nil
}

// stored is the state of a record as the server holds it, empty fields left
// out.
func (s *Server) stored(t *table, r *row, timeline bool) object {
	fields := object{}
	for name, value := range r.cur.values {
		fields[name] = s.show(t.mod.byName[name], value)
	}
	out := object{
		"id": r.id, "fields": fields, "locked": r.locked, "deleted": nil,
		"created_time": s.stamp(r.created), "created_by": s.person(r.createdBy, true),
		"modified_time": s.stamp(r.cur.modified), "modified_by": s.person(r.cur.modifiedBy, true),
	}
	if r.gone != nil {
		out["deleted"] = object{"time": s.stamp(r.gone.at), "by": s.person(r.gone.by, true), "type": r.gone.kind(s.clock.Now())}
	}
	if timeline {
		entries := []object{}
		for _, e := range newestFirst(r.timeline) {
			entries = append(entries, s.showEntry(t.mod, r, e, innerDetails))
		}
		out["timeline"] = entries
	}
	return out
}
