package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

//go:embed demopage
var pageFiles embed.FS

// demoPage shows both simulated CRMs side by side, lets a person edit either,
// draws the way of each operation and has switches for faults. It is part of
// local runs only.
type demoPage struct {
	house  *house
	people *people

	mu     sync.Mutex
	faults map[string]bool
}

// shownFields are the fields of the two simple screens, under our names.
var shownFields = map[crm.Kind][]string{
	crm.Contact: {"first_name", "last_name", "email", "phone", "job_title", "city"},
	crm.Company: {"name", "domain", "phone", "city", "employees", "description"},
}

// faultNames are the switches.
var faultNames = []string{"hubspot_down", "zoho_down", "slow", "duplicates", "lost"}

const (
	// shownPaths is how many operations the page draws.
	shownPaths  = 12
	maxPageBody = 64 << 10
	slowness    = 1500 * time.Millisecond
)

func newDemoPage(h *house) (http.Handler, error) {
	p := &demoPage{house: h, people: h.people(), faults: map[string]bool{}}
	assets, err := fs.Sub(pageFiles, "demopage")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(assets))
	mux.HandleFunc("GET /state", p.answer(p.state))
	mux.HandleFunc("POST /edit", p.answer(p.edit))
	mux.HandleFunc("POST /fault", p.answer(p.fault))
	mux.HandleFunc("POST /sweep", p.answer(p.sweep))
	return p.guard(http.NewCrossOriginProtection().Handler(mux)), nil
}

// guard answers on this machine only, and forbids everything that the page does
// not need.
func (p *demoPage) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this page answers on a loopback address only", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

func (p *demoPage) answer(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxPageBody)
		out, err := do(r)
		if err != nil {
			sim.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		sim.WriteJSON(w, http.StatusOK, out)
	}
}

// stateJSON is everything that the page shows.
type stateJSON struct {
	Kind    crm.Kind                    `json:"kind"`
	Fields  []string                    `json:"fields"`
	Records map[crm.System][]recordJSON `json:"records"`
	Paths   []pathJSON                  `json:"paths"`
	Lost    int                         `json:"lost"` // webhooks that chaos lost
	Faults  map[string]bool             `json:"faults"`
	Console string                      `json:"console"`
}

// recordJSON is a record under our field names.
type recordJSON struct {
	ID     string            `json:"id"`
	Twin   string            `json:"twin"`
	Values map[string]string `json:"values"`
}

func (p *demoPage) state(r *http.Request) (any, error) {
	kind := crm.Kind(r.URL.Query().Get("kind"))
	if err := kind.Validate(); err != nil {
		return nil, err
	}
	s := stateJSON{Kind: kind, Fields: shownFields[kind], Records: map[crm.System][]recordJSON{}, Console: p.house.FunctionsURL + "/Console"}
	for _, system := range crm.Systems {
		all, err := p.people.records(r.Context(), system, kind)
		if err != nil {
			return nil, err
		}
		s.Records[system] = recordsJSON(system, kind, all)
	}
	s.Paths = p.house.tracer.latest(shownPaths, map[crm.System][]sim.Call{
		crm.HubSpot: p.house.hubspot.Recorder.Calls(), crm.Zoho: p.house.zoho.Recorder().Calls(),
	})
	for _, d := range slices.Concat(p.house.hubspot.Events.Deliveries(), p.house.zoho.Deliverer().Deliveries()) {
		if d.Lost {
			s.Lost++
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Faults = map[string]bool{}
	for _, name := range faultNames {
		s.Faults[name] = p.faults[name]
	}
	return s, nil
}

// twinField is where each side holds the other's id.
var twinField = map[crm.System]string{crm.HubSpot: "zoho_id", crm.Zoho: "HubSpot_ID"}

func recordsJSON(s crm.System, kind crm.Kind, all []storedRecord) []recordJSON {
	object, list := mapping.Default().Object(kind), []recordJSON{}
	for _, r := range all {
		if r.gone() {
			continue
		}
		v := r.values()
		out := recordJSON{ID: r.ID, Twin: v[twinField[s]], Values: map[string]string{}}
		for _, name := range shownFields[kind] {
			out.Values[name] = v[object.Field(name).On(s)]
		}
		list = append(list, out)
	}
	return list
}

// edit changes a record as a person would, or makes one when no id is given.
func (p *demoPage) edit(r *http.Request) (any, error) {
	var in struct {
		System crm.System        `json:"system"`
		Kind   crm.Kind          `json:"kind"`
		ID     string            `json:"id"`
		Values map[string]string `json:"values"`
	}
	if err := decodePage(r, &in); err != nil {
		return nil, err
	}
	ref := crm.Ref{System: in.System, Kind: in.Kind, RecordID: in.ID}
	if err := errors.Join(in.System.Validate(), in.Kind.Validate()); err != nil {
		return nil, err
	}
	v := values{}
	for name, text := range in.Values {
		if !slices.Contains(shownFields[in.Kind], name) {
			return nil, fmt.Errorf("the screens have no field %q", name)
		}
		v[mapping.Default().Object(in.Kind).Field(name).On(in.System)] = text
	}
	var err error
	if in.ID == "" {
		ref, err = p.people.create(r.Context(), in.System, in.Kind, v, time.Time{})
	} else if err = ref.Validate(); err == nil {
		err = p.people.edit(r.Context(), ref, v, time.Time{})
	}
	return map[string]string{"id": ref.RecordID}, err
}

// fault turns a switch and sets both simulators accordingly.
func (p *demoPage) fault(r *http.Request) (any, error) {
	var in struct {
		Name string `json:"name"`
		On   bool   `json:"on"`
	}
	if err := decodePage(r, &in); err != nil {
		return nil, err
	}
	if !slices.Contains(faultNames, in.Name) {
		return nil, errors.New("no such switch")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[in.Name] = in.On
	for _, s := range crm.Systems {
		if err := p.upset(r.Context(), s); err != nil {
			return nil, err
		}
	}
	return p.faults, nil
}

// upset makes a simulator behave as the switches say; the caller holds the lock.
func (p *demoPage) upset(ctx context.Context, s crm.System) error {
	door := map[crm.System]string{crm.HubSpot: p.people.hubspot, crm.Zoho: p.people.zoho}[s] + sim.ControlPrefix
	if err := p.people.call(ctx, http.MethodDelete, door+"faults", nil, nil); err != nil {
		return err
	}
	faults := []sim.Fault{}
	if p.faults[string(s)+"_down"] {
		faults = append(faults, sim.Fault{Path: "/crm", Status: http.StatusServiceUnavailable, Body: `{"status":"error","message":"down for the demo"}`})
	}
	if p.faults["slow"] {
		faults = append(faults, sim.Fault{Path: "/crm", Latency: sim.Duration(slowness)})
	}
	chaos := sim.Chaos{}
	if p.faults["duplicates"] {
		chaos.Duplicate = 1
	}
	if p.faults["lost"] {
		chaos.Lose = 1
	}
	return errors.Join(
		p.people.call(ctx, http.MethodPost, door+"faults", faults, nil),
		p.people.call(ctx, http.MethodPost, door+"deliveries", chaos, nil),
	)
}

// sweep has the sweep look for what no webhook told of.
func (p *demoPage) sweep(r *http.Request) (any, error) {
	status, err := p.house.knock(r.Context(), http.MethodPost, "/Reconcile")
	return map[string]int{"status": status}, err
}

func decodePage(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	return nil
}
