package hubspotsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// edit is what a person types.
type edit struct {
	Properties map[string]any `json:"properties"`
	User       int64          `json:"user"` // 0 = the default person
	At         time.Time      `json:"at"`   // zero = now
}

// mountControl adds the control API: a person's hands, and the core's part.
func (s *Server) mountControl(mux *http.ServeMux) {
	sim.Control{Clock: s.cfg.Clock, Faults: s.Faults, Recorder: s.Recorder, Deliverer: s.Events, Idle: s.Idle}.Mount(mux)
	for pattern, h := range map[string]func(*http.Request, *kind, edit) (*reply, error){
		"POST /_sim/{type}":              s.typeIn,
		"PATCH /_sim/{type}/{id}":        s.typeOver,
		"DELETE /_sim/{type}/{id}":       s.bin,
		"POST /_sim/{type}/{id}/restore": s.unbin,
		"GET /_sim/{type}/{id}":          s.stored,
		"GET /_sim/{type}":               s.storedAll,

		"POST /_sim/{type}/{id}/privacy-delete": s.forget,
	} {
		mux.HandleFunc(pattern, s.control(h))
	}
	mux.HandleFunc("POST /_sim/{type}/merge", s.controlMerge)
	mux.HandleFunc("PUT /_sim/contacts/{id}/companies/{company}", s.controlLink)
	mux.HandleFunc("DELETE /_sim/contacts/{id}/companies/{company}", s.controlLink)
	mux.HandleFunc("POST /_sim/test-event", s.testEvent)
	mux.HandleFunc("POST /_sim/redeliver", s.redeliver)
	mux.HandleFunc("PUT /_sim/webhook", s.controlWebhook)
}

// control wraps an operation on an object type: it decodes, locks and answers.
func (s *Server) control(h func(*http.Request, *kind, edit) (*reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in edit
		if r.ContentLength != 0 && r.Method != http.MethodGet && !s.controlBody(w, r, &in) {
			return
		}
		s.underLock(w, func() (*reply, error) {
			k, err := s.kind(r.PathValue("type"))
			if err != nil {
				return nil, errNoResource()
			}
			return h(r, k, in)
		})
	}
}

// controlBody decodes a control request without loss of digits.
func (s *Server) controlBody(w http.ResponseWriter, r *http.Request, v any) bool {
	var raw json.RawMessage
	if !sim.ReadJSON(w, r, &raw) {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		s.write(w, "", nil, invalid("%s", err))
		return false
	}
	return true
}

func (s *Server) underLock(w http.ResponseWriter, f func() (*reply, error)) {
	out, err := func() (*reply, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return f()
	}()
	s.write(w, "", out, err)
}

// living finds the record that a control path names.
func living(r *http.Request, k *kind) (*record, error) {
	rec, err := k.find(r.PathValue("id"), "")
	if err != nil {
		return nil, err
	}
	if !rec.archived.IsZero() {
		return nil, errNoResource()
	}
	return rec, nil
}

func (s *Server) typeIn(_ *http.Request, k *kind, in edit) (*reply, error) {
	c, err := s.checkNew(k, in.Properties, "")
	if err == nil {
		err = s.clash(k, 0, c, nil)
	}
	if err != nil {
		return nil, err
	}
	rec := s.insert(k, c, person(in.User), in.At.Truncate(time.Millisecond))
	return &reply{status: http.StatusCreated, body: s.storedJSON(rec)}, nil
}

func (s *Server) typeOver(r *http.Request, k *kind, in edit) (*reply, error) {
	rec, err := living(r, k)
	if err != nil {
		return nil, err
	}
	c, wrong := s.check(k, rec, in.Properties)
	if len(wrong) > 0 {
		return nil, s.errFields(wrong)
	}
	if err := s.clash(k, rec.id, c, nil); err != nil {
		return nil, err
	}
	if err := s.alter(rec, c, person(in.User), in.At.Truncate(time.Millisecond)); err != nil {
		return nil, err
	}
	return ok(s.storedJSON(rec))
}

func (s *Server) bin(r *http.Request, k *kind, in edit) (*reply, error) {
	rec, err := living(r, k)
	if err != nil {
		return nil, err
	}
	s.archive(rec, person(in.User))
	return ok(s.storedJSON(rec))
}

func (s *Server) unbin(r *http.Request, k *kind, in edit) (*reply, error) {
	rec, err := k.find(r.PathValue("id"), "")
	if err != nil {
		return nil, err
	}
	if err := s.restore(rec, person(in.User)); err != nil {
		return nil, err
	}
	return ok(s.storedJSON(rec))
}

func (s *Server) forget(r *http.Request, k *kind, in edit) (*reply, error) {
	rec, err := k.find(r.PathValue("id"), "")
	if err != nil {
		return nil, err
	}
	if k.plural != "contacts" {
		return nil, errNoResource()
	}
	s.privacyDelete(rec, person(in.User))
	return &reply{status: http.StatusNoContent}, nil
}

// storedRecord is everything that is stored of a record.
type storedRecord struct {
	ID         string                 `json:"id"`
	Properties map[string]string      `json:"properties"` // those that are set
	History    map[string][]entryJSON `json:"history"`    // newest first
	CreatedAt  string                 `json:"createdAt"`
	UpdatedAt  string                 `json:"updatedAt"`
	Archived   bool                   `json:"archived"`
	MergedFrom []string               `json:"mergedFrom,omitempty"`
	Linked     []storedLink           `json:"associations,omitempty"`
}

type storedLink struct {
	ID      string `json:"id"`
	Primary bool   `json:"primary"`
}

func (s *Server) storedJSON(r *record) storedRecord {
	out := storedRecord{ID: r.idText(), Properties: map[string]string{}, History: map[string][]entryJSON{},
		CreatedAt: stamp(r.created), UpdatedAt: stamp(r.updated()), Archived: !r.archived.IsZero(),
		MergedFrom: splitList(r.get("hs_merged_object_ids"), ";")}
	for name := range r.history {
		if v := r.get(name); v != "" {
			out.Properties[name] = v
		}
		out.History[name] = r.entries(name)
	}
	for _, other := range s.linked(r.kind, r.id) {
		out.Linked = append(out.Linked, storedLink{strconv.FormatInt(other, 10), s.links.of(r.kind, r.id)[other]})
	}
	return out
}

func (s *Server) stored(r *http.Request, k *kind, _ edit) (*reply, error) {
	rec, err := k.find(r.PathValue("id"), "")
	if err != nil {
		return nil, err
	}
	return ok(s.storedJSON(rec))
}

func (s *Server) storedAll(_ *http.Request, k *kind, _ edit) (*reply, error) {
	results := []storedRecord{}
	for _, id := range k.order {
		if rec := k.records[id]; rec != nil {
			results = append(results, s.storedJSON(rec))
		}
	}
	return ok(map[string]any{"results": results})
}

func (s *Server) controlMerge(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Primary string `json:"primaryObjectId"`
		Other   string `json:"objectIdToMerge"`
		User    int64  `json:"user"`
	}
	if !s.controlBody(w, r, &in) {
		return
	}
	s.underLock(w, func() (*reply, error) {
		k, apiErr := s.kind(r.PathValue("type"))
		if apiErr != nil {
			return nil, errNoResource()
		}
		rec, err := s.merge(k, in.Primary, in.Other, person(in.User))
		if err != nil {
			return nil, err
		}
		return ok(s.storedJSON(rec))
	})
}

// controlLink sets (PUT) or removes (DELETE) an association.
func (s *Server) controlLink(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Primary bool  `json:"primary"`
		User    int64 `json:"user"`
	}
	if r.ContentLength != 0 && !s.controlBody(w, r, &in) {
		return
	}
	s.underLock(w, func() (*reply, error) {
		contact, company, err := s.linkEnds(s.kinds[0], r.PathValue("id"), r.PathValue("company"))
		if err != nil {
			return nil, err
		}
		if r.Method == http.MethodDelete {
			s.unlink(contact, company, person(in.User))
		} else {
			s.link(contact, company, in.Primary, person(in.User))
		}
		return &reply{status: http.StatusNoContent}, nil
	})
}

// testEvent sends what the UI's test button sends, or the given events, in a
// delivery of its own; on demand for another portal or with a bad signature.
func (s *Server) testEvent(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Type     string       `json:"subscriptionType"`
		Property string       `json:"propertyName"`
		PortalID int64        `json:"portalId"`
		Events   []event      `json:"events"`
		Skew     sim.Duration `json:"skew"`     // added to the signature's time
		Wrong    bool         `json:"wrong"`    // signed with another secret
		Unsigned bool         `json:"unsigned"` // no signature at all
	}{Type: "contact.creation", PortalID: s.cfg.PortalID}
	if r.ContentLength != 0 && !s.controlBody(w, r, &in) {
		return
	}
	if in.Events == nil {
		e := event{EventID: 100, SubscriptionID: firstSubscription, PortalID: in.PortalID, AppID: s.cfg.AppID,
			OccurredAt: s.now().UnixMilli(), SubscriptionType: in.Type, ObjectID: 123,
			ChangeSource: "CRM", ChangeFlag: "NEW"}
		if strings.HasSuffix(in.Type, ".propertyChange") {
			sample := "sample-value"
			e.PropertyName, e.PropertyValue, e.ChangeFlag = in.Property, &sample, ""
		}
		in.Events = []event{e}
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.deliver(in.Events, stampOptions{skew: time.Duration(in.Skew), wrong: in.Wrong, unsigned: in.Unsigned})
	w.WriteHeader(http.StatusNoContent)
}

// redeliver sends the last batches again.
func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Last int `json:"last"`
	}{Last: 1}
	if r.ContentLength != 0 && !s.controlBody(w, r, &in) {
		return
	}
	sim.WriteJSON(w, http.StatusOK, map[string]int{"batches": s.out.redeliver(in.Last)})
}

// controlWebhook changes the targetUrl.
func (s *Server) controlWebhook(w http.ResponseWriter, r *http.Request) {
	var in struct {
		URL string `json:"url"`
	}
	if !s.controlBody(w, r, &in) {
		return
	}
	s.SetWebhookURL(in.URL)
	w.WriteHeader(http.StatusNoContent)
}
