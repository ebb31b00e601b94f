package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// crmUsers work in the two simulated CRMs, through their control API.
type crmUsers struct {
	hubspot, zoho string // addresses
	http          *http.Client
}

func (h *localStack) crmUsers() *crmUsers {
	return &crmUsers{h.HubSpotURL, h.ZohoURL, newLocalClient()}
}

// collections are the names of a kind of record on each side.
var collections = map[crm.System]map[crm.Kind]string{
	crm.HubSpot: {crm.Contact: "contacts", crm.Company: "companies"},
	crm.Zoho:    {crm.Contact: "Contacts", crm.Company: "Accounts"},
}

func (p *crmUsers) controlURL(ref crm.Ref) string {
	base := p.hubspot
	if ref.System == crm.Zoho {
		base = p.zoho
	}
	u := base + sim.ControlPrefix + collections[ref.System][ref.Kind]
	if ref.RecordID != "" {
		u += "/" + ref.RecordID
	}
	return u
}

// values are fields under the API names of one side.
type values map[string]string

func editBody(s crm.System, v values, at time.Time) map[string]any {
	body := map[string]any{}
	fields := map[string]any{}
	for name, text := range v {
		switch {
		case s == crm.Zoho && text == "":
			fields[name] = nil
		case s == crm.Zoho && (name == "Employees" || name == "Annual_Revenue"):
			fields[name] = json.Number(text)
		default:
			fields[name] = text
		}
	}
	body[map[crm.System]string{crm.HubSpot: "properties", crm.Zoho: "fields"}[s]] = fields
	if !at.IsZero() {
		body["at"] = at
	}
	return body
}

// createRecord makes a record; a zero time means now.
func (p *crmUsers) createRecord(ctx context.Context, s crm.System, kind crm.Kind, v values, at time.Time) (crm.Ref, error) {
	ref := crm.Ref{System: s, Kind: kind}
	var made struct {
		ID string `json:"id"`
	}
	err := p.callControl(ctx, http.MethodPost, p.controlURL(ref), editBody(s, v, at), &made)
	ref.RecordID = made.ID
	return ref, err
}

// editRecord changes fields; an empty value clears one.
func (p *crmUsers) editRecord(ctx context.Context, ref crm.Ref, v values, at time.Time) error {
	return p.callControl(ctx, http.MethodPatch, p.controlURL(ref), editBody(ref.System, v, at), nil)
}

// deleteRecord deletes a record as a person would: it can be restored.
func (p *crmUsers) deleteRecord(ctx context.Context, ref crm.Ref) error {
	return p.callControl(ctx, http.MethodDelete, p.controlURL(ref), nil, nil)
}

// redeliverWebhooks has the last deliveries of a side sent once more.
func (p *crmUsers) redeliverWebhooks(ctx context.Context, s crm.System, n int) error {
	base := map[crm.System]string{crm.HubSpot: p.hubspot, crm.Zoho: p.zoho}[s]
	return p.callControl(ctx, http.MethodPost, base+sim.ControlPrefix+"redeliver", map[string]int{"last": n}, nil)
}

// readRecord reads the stored values of a record.
func (p *crmUsers) readRecord(ctx context.Context, ref crm.Ref) (values, error) {
	var r storedRecord
	err := p.callControl(ctx, http.MethodGet, p.controlURL(ref), nil, &r)
	return r.values(), err
}

// listRecords lists everything that a side holds of a kind.
func (p *crmUsers) listRecords(ctx context.Context, s crm.System, kind crm.Kind) ([]storedRecord, error) {
	var list struct {
		Results []storedRecord `json:"results"` // HubSpot
		Records []storedRecord `json:"records"` // Zoho
	}
	err := p.callControl(ctx, http.MethodGet, p.controlURL(crm.Ref{System: s, Kind: kind}), nil, &list)
	return append(list.Results, list.Records...), err
}

// findRecords lists the records of a side in which a field has the value.
func (p *crmUsers) findRecords(ctx context.Context, s crm.System, kind crm.Kind, field, value string) ([]crm.Ref, error) {
	all, err := p.listRecords(ctx, s, kind)
	var refs []crm.Ref
	for _, r := range all {
		if r.values()[field] == value {
			refs = append(refs, crm.Ref{System: s, Kind: kind, RecordID: r.ID})
		}
	}
	return refs, err
}

// storedRecord is a record as either control API shows it.
type storedRecord struct {
	ID         string                     `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Archived   bool                       `json:"archived"` // HubSpot
	Deleted    any                        `json:"deleted"`  // Zoho
}

func (r storedRecord) isDeleted() bool { return r.Archived || r.Deleted != nil }

func (r storedRecord) values() values {
	v := values{}
	for _, fields := range []map[string]json.RawMessage{r.Properties, r.Fields} {
		for name, raw := range fields {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = strings.TrimSpace(string(raw))
			}
			if text != "" && text != "null" {
				v[name] = text
			}
		}
	}
	return v
}

func (p *crmUsers) callControl(ctx context.Context, method, url string, in, out any) error {
	return sim.CallControl(ctx, p.http, method, url, in, out)
}
