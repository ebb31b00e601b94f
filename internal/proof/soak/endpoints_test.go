package soak

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// collections are what each side calls a kind of record.
var collections = map[crm.System]map[crm.Kind]string{
	crm.HubSpot: {crm.Contact: "contacts", crm.Company: "companies"},
	crm.Zoho:    {crm.Contact: zohosim.Contacts, crm.Company: zohosim.Accounts},
}

// counterpartField is where a side keeps the id of the other side's record.
var counterpartField = map[crm.System]string{crm.HubSpot: "zoho_id", crm.Zoho: "HubSpot_ID"}

// endpoints are the control APIs of both simulators.
type endpoints struct {
	url  map[crm.System]string
	http *http.Client
}

func newEndpoints(hubspot, zoho string) *endpoints {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	return &endpoints{
		url:  map[crm.System]string{crm.HubSpot: hubspot, crm.Zoho: zoho},
		http: &http.Client{Timeout: 30 * time.Second, Transport: transport},
	}
}

// call makes one request below /_sim/; in and out may be nil.
func (d *endpoints) call(ctx context.Context, s crm.System, method, path string, in, out any) error {
	return sim.CallControl(ctx, d.http, method, d.url[s]+sim.ControlPrefix+path, in, out)
}

// both makes the same request at both control APIs.
func (d *endpoints) both(ctx context.Context, method, path string, in any) error {
	for _, s := range crm.Systems {
		if err := d.call(ctx, s, method, path, in, nil); err != nil {
			return err
		}
	}
	return nil
}

// record is a record as either control API shows it.
type record struct {
	ID         string                     `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"` // HubSpot
	Fields     map[string]json.RawMessage `json:"fields"`     // Zoho
	Archived   bool                       `json:"archived"`
	Deleted    *json.RawMessage           `json:"deleted"`
	History    map[string][]struct {
		Value      string    `json:"value"`
		Timestamp  time.Time `json:"timestamp"`
		SourceType string    `json:"sourceType"`
	} `json:"history"` // HubSpot, newest first
	Timeline []struct {
		At     time.Time `json:"audited_time"`
		DoneBy struct {
			ID string `json:"id"`
		} `json:"done_by"`
		Edits []struct {
			Name  string `json:"api_name"`
			Value struct {
				New json.RawMessage `json:"new"`
			} `json:"_value"`
		} `json:"field_history"`
	} `json:"timeline"` // Zoho, newest first, only of a single record
}

// living tells whether the record is not in the bin.
func (r record) living() bool { return !r.Archived && r.Deleted == nil }

// text is the value of a field, "" when it is empty.
func (r record) text(field string) string {
	if raw, ok := r.Properties[field]; ok {
		return plain(raw)
	}
	return plain(r.Fields[field])
}

func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = strings.TrimSpace(string(raw))
	}
	if text == "null" {
		return ""
	}
	return text
}

// entry is one entry in the history of a field.
type entry struct {
	value string
	at    time.Time
	own   bool // the connector's
}

// entries is the history of a field, newest first.
func (r record) entries(field string) []entry {
	var out []entry
	for _, h := range r.History[field] {
		out = append(out, entry{h.Value, h.Timestamp, h.SourceType == "INTEGRATION"})
	}
	for _, t := range r.Timeline {
		for _, e := range t.Edits {
			if e.Name == field {
				out = append(out, entry{plain(e.Value.New), t.At, t.DoneBy.ID == zohosim.DefaultUserID})
			}
		}
	}
	return out
}

// write makes a record (id "") or edits one, as a person.
func (d *endpoints) write(ctx context.Context, s crm.System, kind crm.Kind, id string, values map[string]any) (record, error) {
	method, path := http.MethodPost, collections[s][kind]
	if id != "" {
		method, path = http.MethodPatch, path+"/"+id
	}
	in := map[string]any{map[crm.System]string{crm.HubSpot: "properties", crm.Zoho: "fields"}[s]: values}
	var out record
	err := d.call(ctx, s, method, path, in, &out)
	return out, err
}

func (d *endpoints) read(ctx context.Context, s crm.System, kind crm.Kind, id string) (record, error) {
	var out record
	err := d.call(ctx, s, http.MethodGet, collections[s][kind]+"/"+id, nil, &out)
	return out, err
}

// list gives the living records, narrowed by a query such as "?HubSpot_ID=1",
// which only Zoho's control API knows.
func (d *endpoints) list(ctx context.Context, s crm.System, kind crm.Kind, query string) ([]record, error) {
	var out struct {
		Results []record `json:"results"` // HubSpot
		Records []record `json:"records"` // Zoho
	}
	err := d.call(ctx, s, http.MethodGet, collections[s][kind]+query, nil, &out)
	all := append(out.Results, out.Records...)
	return slices.DeleteFunc(all, func(r record) bool { return !r.living() }), err
}

// idle tells whether no webhook is on its way on either side.
func (d *endpoints) idle(ctx context.Context) (bool, error) {
	for _, s := range crm.Systems {
		var out struct {
			Idle bool `json:"idle"`
		}
		if err := d.call(ctx, s, http.MethodGet, "idle", nil, &out); err != nil || !out.Idle {
			return false, err
		}
	}
	return true, nil
}
