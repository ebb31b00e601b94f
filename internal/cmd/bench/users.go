package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"
)

// changeAsUser makes a request as people do in one of the two CRMs, without going through the
// network: their work is not measured.
func changeAsUser(ctx context.Context, h http.Handler, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code > 299 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, w.Code, w.Body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), out)
}

// createContacts makes n contacts in HubSpot and returns their ids and when each was
// made.
func (r *testbed) createContacts(ctx context.Context, n int) ([]string, map[string]time.Time, error) {
	ids, made := make([]string, n), make(map[string]time.Time, n)
	for i := range n {
		var rec struct{ ID string }
		err := changeAsUser(ctx, r.hubspot, http.MethodPost, "/_sim/contacts", map[string]any{"properties": map[string]any{
			"email": fmt.Sprintf("person%d@example.com", i), "firstname": "Ada", "lastname": fmt.Sprintf("Lovelace %d", i),
			"city": "London", "phone": fmt.Sprintf("+14155550%03d", i%1000),
		}}, &rec)
		if err != nil {
			return nil, nil, err
		}
		ids[i], made[rec.ID] = rec.ID, time.Now()
	}
	return ids, made, nil
}

// editInHubSpot types into one field of a contact.
func (r *testbed) editInHubSpot(ctx context.Context, id, property, value string) error {
	return changeAsUser(ctx, r.hubspot, http.MethodPatch, "/_sim/contacts/"+id,
		map[string]any{"properties": map[string]any{property: value}}, nil)
}

// massEdit is how many records of a mass edit Zoho reports in one notification.
const massEdit = 100

// editInZoho types the same into one field of some contacts, as a mass edit
// does. Zoho reports all of them in one notification.
func (r *testbed) editInZoho(ctx context.Context, ids []string, field, value string) error {
	return changeAsUser(ctx, r.zoho.API(), http.MethodPost, "/_sim/notify",
		map[string]any{"module": "Contacts", "ids": ids, "fields": map[string]any{field: value}}, nil)
}

// pair is a contact on both sides.
type pair struct{ hubspot, zoho string }

// listPairs lists the contacts that are on both sides.
func (r *testbed) listPairs(ctx context.Context) ([]pair, error) {
	var list struct {
		Records []struct {
			ID     string `json:"id"`
			Fields struct {
				Counterpart string `json:"HubSpot_ID"`
			} `json:"fields"`
		} `json:"records"`
	}
	if err := changeAsUser(ctx, r.zoho.API(), http.MethodGet, "/_sim/Contacts", nil, &list); err != nil {
		return nil, err
	}
	var all []pair
	for _, row := range list.Records {
		if row.Fields.Counterpart != "" {
			all = append(all, pair{row.Fields.Counterpart, row.ID})
		}
	}
	return all, nil
}
