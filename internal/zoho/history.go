package zoho

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// timelinePages bounds the calls that one history costs.
	timelinePages = 5
	timelinePage  = "200"
)

// foreignSources are the sources of edits that are not those of the connector
// although they name its user: a person who works as that user, or a program
// that does. The connector writes through the API, record by record. Effects of
// its writes, such as those of a workflow, count as its own.
var foreignSources = []string{"crm_ui", "mass_update", "convert", "import", "bulkapi"}

// WithHistory returns rec with the edits of its mapped fields, newest first, at
// one call for 200 entries of the timeline and five calls at most. Edits within
// one second keep the order in which Zoho lists them.
//
// An edit counts as ours if our user made it through the API, or if it is an
// automation that our write started, which has the same author. Only the
// connector may therefore use this user: the edits of another program that uses
// it would count as ours.
//
// If the timeline was read to its end, each field that had a value when the
// record was created has the creation as its oldest edit. The timeline does not
// list creations, so the value is the one that the oldest edit replaced. An
// empty timeline of a record that was modified since proves nothing: it may be
// pruned.
func (c *Client) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	req := request{action: "read history", method: http.MethodGet, record: true}
	if err := checkIDs(rec.Ref.Kind, []string{rec.Ref.RecordID}); err != nil || rec.Ref.System != crm.Zoho {
		return rec, req.refusedError("BAD_REF", err)
	}
	user, err := c.readOwnUser(ctx)
	if err != nil {
		return rec, err
	}
	req.path = "/" + modules[rec.Ref.Kind] + "/" + rec.Ref.RecordID + "/__timeline"
	rows, complete, err := c.readTimeline(ctx, req)
	if err != nil {
		return rec, err
	}
	h := history{fields: c.fieldsToRead(rec.Ref.Kind), user: user, changes: map[string][]change{}}
	for _, row := range rows {
		if !h.addEntry(row) {
			return rec, req.refusedError("UNKNOWN_SHAPE", nil)
		}
	}
	rec.History = h.sortedEdits()
	if complete && (len(rows) > 0 || rec.Modified.Equal(rec.Created)) {
		h.addCreation(rec, c.counterpartField)
	}
	named, err := c.nameOwners(ctx, req, rec)
	if err != nil {
		return rec, err
	}
	return named, nil
}

// readTimeline reads the pages and reports whether it read all of them.
func (c *Client) readTimeline(ctx context.Context, req request) ([]map[string]any, bool, error) {
	req.query = url.Values{
		"per_page": {timelinePage}, "sort_by": {"audited_time"}, "sort_order": {"desc"},
		"include_inner_details": {"field_history.data_type"},
	}
	var all []map[string]any
	for range timelinePages {
		a, err := c.call(ctx, req)
		if err != nil {
			return nil, false, err
		}
		rows, info, err := req.parseRows(a, "__timeline")
		if err != nil {
			return nil, false, err
		}
		all = append(all, rows...)
		if !info.MoreRecords {
			return all, true, nil
		}
		if info.NextPageToken == "" {
			break
		}
		req.query.Set("page_token", string(info.NextPageToken))
	}
	return all, false, nil
}

// change is an edit and the value that it replaced.
type change struct {
	crm.Edit
	old string
}

// history collects the changes of one record by field.
type history struct {
	fields  []string
	user    string
	changes map[string][]change
}

// addEntry adds one entry of the timeline and reports whether it could be read.
// Entries without fields, such as a mail that was sent, are skipped.
func (h history) addEntry(row map[string]any) bool {
	list, ok := row["field_history"].([]any)
	if !ok {
		return row["field_history"] == nil
	}
	at, err := parseRowTime(row, "audited_time")
	if err != nil {
		return false
	}
	source, _ := row["source"].(string)
	own := lookupID(row["done_by"]) == h.user && !slices.Contains(foreignSources, source)
	for _, entry := range list {
		field, ok := entry.(map[string]any)
		if !ok {
			return false
		}
		name, _ := field["api_name"].(string)
		if !slices.Contains(h.fields, name) {
			continue
		}
		value, ok := field["_value"].(map[string]any)
		if !ok {
			return false
		}
		h.changes[name] = append(h.changes[name], change{
			Edit: crm.Edit{Value: valueText(value["new"]), At: at, Own: own},
			old:  valueText(value["old"]),
		})
	}
	return true
}

// sortedEdits sorts the changes, newest first, and returns their edits.
func (h history) sortedEdits() map[string][]crm.Edit {
	edits := make(map[string][]crm.Edit, len(h.changes))
	for name, changes := range h.changes {
		slices.SortStableFunc(changes, func(a, b change) int {
			return b.At.Truncate(time.Second).Compare(a.At.Truncate(time.Second))
		})
		for _, ch := range changes {
			edits[name] = append(edits[name], ch.Edit)
		}
	}
	return edits
}

// addCreation appends the value at creation of each field to the history of
// rec.
func (h history) addCreation(rec crm.Record, counterpartField string) {
	for _, name := range h.fields {
		value := rec.Fields[name]
		if name == counterpartField {
			value = rec.CounterpartID
		}
		if changes := h.changes[name]; len(changes) > 0 {
			value = changes[len(changes)-1].old
		}
		if value != "" {
			rec.History[name] = append(rec.History[name], crm.Edit{Value: value, At: rec.Created, Own: rec.CreatedByUs})
		}
	}
}
