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
	stack *localStack
	users *crmUsers

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
	// shownTraces is how many operations the page draws.
	shownTraces = 12
	maxPageBody = 64 << 10
	slowness    = 1500 * time.Millisecond
)

func newDemoPage(h *localStack) (http.Handler, error) {
	p := &demoPage{stack: h, users: h.crmUsers(), faults: map[string]bool{}}
	assets, err := fs.Sub(pageFiles, "demopage")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(assets))
	mux.HandleFunc("GET /state", p.jsonHandler(p.readState))
	mux.HandleFunc("POST /edit", p.jsonHandler(p.editRecord))
	mux.HandleFunc("POST /fault", p.jsonHandler(p.setFault))
	mux.HandleFunc("POST /sweep", p.jsonHandler(p.runSweep))
	return p.restrictAccess(http.NewCrossOriginProtection().Handler(mux)), nil
}

// restrictAccess answers on this machine only, and forbids everything that the page does
// not need.
func (p *demoPage) restrictAccess(h http.Handler) http.Handler {
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

func (p *demoPage) jsonHandler(do func(*http.Request) (any, error)) http.HandlerFunc {
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
	Paths   []traceJSON                 `json:"paths"`
	Lost    int                         `json:"lost"` // webhooks that chaos lost
	Faults  map[string]bool             `json:"faults"`
	Console string                      `json:"console"`
}

// recordJSON is a record under our field names.
type recordJSON struct {
	ID          string            `json:"id"`
	Counterpart string            `json:"counterpart"`
	Values      map[string]string `json:"values"`
}

func (p *demoPage) readState(r *http.Request) (any, error) {
	kind := crm.Kind(r.URL.Query().Get("kind"))
	if err := kind.Validate(); err != nil {
		return nil, err
	}
	s := stateJSON{Kind: kind, Fields: shownFields[kind], Records: map[crm.System][]recordJSON{}, Console: p.stack.FunctionsURL + "/Console"}
	for _, system := range crm.Systems {
		all, err := p.users.listRecords(r.Context(), system, kind)
		if err != nil {
			return nil, err
		}
		s.Records[system] = recordsJSON(system, kind, all)
	}
	s.Paths = p.stack.tracer.latestTraces(shownTraces, map[crm.System][]sim.Call{
		crm.HubSpot: p.stack.hubspot.Recorder.Calls(), crm.Zoho: p.stack.zoho.Recorder().Calls(),
	})
	for _, d := range slices.Concat(p.stack.hubspot.Events.Deliveries(), p.stack.zoho.Deliverer().Deliveries()) {
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

// counterpartField is where each side holds the other's id.
var counterpartField = map[crm.System]string{crm.HubSpot: "zoho_id", crm.Zoho: "HubSpot_ID"}

func recordsJSON(s crm.System, kind crm.Kind, all []storedRecord) []recordJSON {
	object, list := mapping.Default().Object(kind), []recordJSON{}
	for _, r := range all {
		if r.isDeleted() {
			continue
		}
		v := r.values()
		out := recordJSON{ID: r.ID, Counterpart: v[counterpartField[s]], Values: map[string]string{}}
		for _, name := range shownFields[kind] {
			out.Values[name] = v[object.Field(name).On(s)]
		}
		list = append(list, out)
	}
	return list
}

// editRecord changes a record as a person would, or makes one when no id is given.
func (p *demoPage) editRecord(r *http.Request) (any, error) {
	var in struct {
		System crm.System        `json:"system"`
		Kind   crm.Kind          `json:"kind"`
		ID     string            `json:"id"`
		Values map[string]string `json:"values"`
	}
	if err := decodeRequest(r, &in); err != nil {
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
		ref, err = p.users.createRecord(r.Context(), in.System, in.Kind, v, time.Time{})
	} else if err = ref.Validate(); err == nil {
		err = p.users.editRecord(r.Context(), ref, v, time.Time{})
	}
	return map[string]string{"id": ref.RecordID}, err
}

// setFault turns a switch and sets both simulators accordingly.
func (p *demoPage) setFault(r *http.Request) (any, error) {
	var in struct {
		Name string `json:"name"`
		On   bool   `json:"on"`
	}
	if err := decodeRequest(r, &in); err != nil {
		return nil, err
	}
	if !slices.Contains(faultNames, in.Name) {
		return nil, errors.New("no such switch")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[in.Name] = in.On
	for _, s := range crm.Systems {
		if err := p.applyFaults(r.Context(), s); err != nil {
			return nil, err
		}
	}
	return p.faults, nil
}

// applyFaults makes a simulator behave as the switches say; the caller holds the lock.
func (p *demoPage) applyFaults(ctx context.Context, s crm.System) error {
	control := map[crm.System]string{crm.HubSpot: p.users.hubspot, crm.Zoho: p.users.zoho}[s] + sim.ControlPrefix
	if err := p.users.callControl(ctx, http.MethodDelete, control+"faults", nil, nil); err != nil {
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
		p.users.callControl(ctx, http.MethodPost, control+"faults", faults, nil),
		p.users.callControl(ctx, http.MethodPost, control+"deliveries", chaos, nil),
	)
}

// runSweep has the sweep look for changes that webhooks missed.
func (p *demoPage) runSweep(r *http.Request) (any, error) {
	status, err := p.stack.callFunction(r.Context(), http.MethodPost, "/Reconcile")
	return map[string]int{"status": status}, err
}

func decodeRequest(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	return nil
}
