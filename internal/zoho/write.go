package zoho

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// writeBody is a batch of records to write. Trigger has no omitempty: only an
// empty list that is present keeps the customer's workflows from running.
type writeBody struct {
	Data    []map[string]any `json:"data"`
	Trigger []string         `json:"trigger"`
	Skip    []skippedFeature `json:"skip_feature_execution"`
}

type skippedFeature struct {
	Name string `json:"name"`
}

// Create creates one record. The counterpart field is unique in Zoho, so a
// repeated create is an error of kind Duplicate that names the existing record.
func (c *Client) Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	answer := c.CreateMany(ctx, kind, []crm.Write{w})[0]
	return answer.Value, answer.Err
}

// CreateMany is Create for many records, MaxWrite with a call, at one credit
// for ten of them.
func (c *Client) CreateMany(ctx context.Context, kind crm.Kind, writes []crm.Write) []crm.Answer[crm.Written] {
	req := request{action: actionCreate, method: http.MethodPost, path: "/" + modules[kind], write: true}
	answers := make([]crm.Answer[crm.Written], len(writes))
	var rows []writeRow
	for i, w := range writes {
		if err := kind.Validate(); err != nil {
			answers[i].Err = req.refusedError("BAD_KIND", err)
			continue
		}
		rows = c.appendRow(ctx, rows, req, writeRow{answer: &answers[i], ref: crm.Ref{System: crm.Zoho, Kind: kind}}, w)
	}
	for chunk := range slices.Chunk(rows, MaxWrite) {
		c.writeRows(ctx, req, chunk)
	}
	return answers
}

// Update changes the given fields of rec and leaves the others as they are. It
// is an error of kind Conflict if the record changed after rec was read, to the
// precision of whole seconds; a rec without a time of modification is written
// unconditionally. Without anything to write it makes no call.
func (c *Client) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	answer := c.UpdateMany(ctx, rec.Ref.Kind, []crm.Update{{Record: rec, Write: w}})[0]
	return answer.Value, answer.Err
}

// untouchedTime is how long ago a record was modified, at least, for its write
// to share a call with those of other times.
const untouchedTime = 2 * time.Minute

// UpdateMany is Update for many different records, MaxWrite with a call, at one
// credit for ten of them. One call has one guard. Records that were not
// modified for a while share the latest of their times: an edit during the
// write is later than that. The others share a call with those of exactly their
// time.
func (c *Client) UpdateMany(ctx context.Context, kind crm.Kind, updates []crm.Update) []crm.Answer[crm.Written] {
	req := request{action: actionUpdate, method: http.MethodPut, write: true, record: true}
	answers := make([]crm.Answer[crm.Written], len(updates))
	groups := map[int64][]writeRow{} // by second
	untouched := c.now().Add(-untouchedTime).Unix()
	for i, u := range updates {
		rec := u.Record
		err := checkIDs(kind, []string{rec.Ref.RecordID})
		switch {
		case err != nil || rec.Ref.System != crm.Zoho || rec.Ref.Kind != kind:
			answers[i].Err = req.refusedError("BAD_REF", err)
			continue
		case len(u.Write.Fields) == 0 && u.Write.CounterpartID == "":
			answers[i].Value = crm.Written{Ref: rec.Ref, Modified: rec.Modified}
			continue
		}
		group := rec.Modified.Unix()
		if !rec.Modified.IsZero() {
			group = max(group, untouched)
		}
		groups[group] = c.appendRow(ctx, groups[group], req, writeRow{answer: &answers[i], ref: rec.Ref, guard: rec.Modified}, u.Write)
	}
	for _, at := range slices.Sorted(maps.Keys(groups)) {
		for chunk := range slices.Chunk(groups[at], MaxWrite) {
			c.updateRows(ctx, req, kind, chunk)
		}
	}
	return answers
}

// updateRows sends rows under the latest of their guards.
func (c *Client) updateRows(ctx context.Context, req request, kind crm.Kind, rows []writeRow) {
	req.path = "/" + modules[kind]
	var guard time.Time
	for _, r := range rows {
		if r.guard.After(guard) {
			guard = r.guard
		}
	}
	if !guard.IsZero() {
		req.header = map[string]string{"If-Unmodified-Since": formatTime(guard)}
	}
	for i := range rows {
		rows[i].guard = guard
		rows[i].record["id"] = rows[i].ref.RecordID
	}
	if len(rows) == 1 {
		req.path += "/" + rows[0].ref.RecordID
		delete(rows[0].record, "id")
	}
	c.writeRows(ctx, req, rows)
}

// MaxWrite is how many records one call writes, and RecordsPerCredit how many
// one API credit pays for.
const (
	MaxWrite         = 100
	RecordsPerCredit = 10
)

// writeRow is one record of a write, and the place for its answer.
type writeRow struct {
	answer *crm.Answer[crm.Written]
	ref    crm.Ref // without an id for a create
	guard  time.Time
	record map[string]any
}

// appendRow appends the row, unless a value of w has no JSON form or an owner
// has no account.
func (c *Client) appendRow(ctx context.Context, rows []writeRow, req request, r writeRow, w crm.Write) []writeRow {
	if w, r.answer.Err = c.assignOwners(ctx, req, w); r.answer.Err != nil {
		return rows
	}
	if r.record, r.answer.Err = c.encodeWrite(req, w); r.answer.Err != nil {
		return rows
	}
	return append(rows, r)
}

// writeRows sends records and reads the results, which are in the same order.
// When Zoho refuses the call and names no row, the halves are sent, so that the
// bad row does not spoil the others.
func (c *Client) writeRows(ctx context.Context, req request, rows []writeRow) {
	body := writeBody{Trigger: []string{}, Skip: []skippedFeature{{Name: "cadences"}}}
	for _, r := range rows {
		body.Data = append(body.Data, r.record)
	}
	req.body = body
	a, err := c.call(ctx, req)
	if err != nil {
		for _, r := range rows {
			r.answer.Err = err
		}
		return
	}
	items := a.resultItems("data")
	if len(items) == len(rows) {
		if len(rows) > 1 && a.status >= 400 {
			a.status = http.StatusMultiStatus // it belongs to one unknown row
		}
		for i, r := range rows {
			r.answer.Value, r.answer.Err = req.parseWritten(a, r, items[i])
		}
		return
	}
	if len(rows) > 1 && a.status >= 400 && a.status != http.StatusRequestTimeout {
		c.writeRows(ctx, req, rows[:len(rows)/2])
		c.writeRows(ctx, req, rows[len(rows)/2:])
		return
	}
	for _, r := range rows {
		r.answer.Err = req.unexpectedError(a, "not exactly one result for each record")
	}
}

// parseWritten reads the result of one record.
func (req request) parseWritten(a answer, r writeRow, i resultItem) (crm.Written, error) {
	switch {
	case i.Status != "success":
		if code := i.errorCode(); code != "" && code != "SUCCESS" {
			return crm.Written{}, req.itemError(a, i)
		}
		return crm.Written{}, req.unexpectedError(a, "a result without success or code")
	case !isID(string(i.Details.ID)) || r.ref.RecordID != "" && r.ref.RecordID != string(i.Details.ID):
		return crm.Written{}, req.shapeError(a, "the result names another record or none")
	}
	r.ref.RecordID = string(i.Details.ID)
	// The record is written, so an odd time is no failure: without it the next
	// write just goes unguarded.
	modified, _ := time.Parse(time.RFC3339, string(i.Details.ModifiedTime))
	return crm.Written{Ref: r.ref, Modified: modified, Guard: r.guard}, nil
}

// encodeWrite returns the JSON form of w, or an error of kind Invalid that
// names every field whose value has none.
func (c *Client) encodeWrite(req request, w crm.Write) (map[string]any, error) {
	record := make(map[string]any, len(w.Fields)+1)
	var invalid []crm.FieldError
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		value, code := encodeValue(w.Fields[name])
		if !apiNamePattern.MatchString(name) || name == "id" {
			code = "NOT_A_FIELD"
		}
		if code != "" {
			invalid = append(invalid, crm.FieldError{Field: name, Code: code})
			continue
		}
		record[name] = value
	}
	if len(invalid) > 0 {
		e := req.newError(crm.Invalid, "NOT_ENCODED", nil)
		e.Fields = invalid
		return nil, e
	}
	if w.CounterpartID != "" {
		record[c.counterpartField] = w.CounterpartID
	}
	return record, nil
}
