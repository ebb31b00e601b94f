package hubspot

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// MaxWrite is the most records that one call writes.
const MaxWrite = 100

type writeInput struct {
	ID         string            `json:"id,omitempty"`
	Properties map[string]string `json:"properties"`
	TraceID    string            `json:"objectWriteTraceId"`
	// Associations are those of a new record.
	Associations []newAssociation `json:"associations,omitempty"`
}

type batchWrite struct {
	Inputs []writeInput `json:"inputs"`
}

// Create creates a record. Empty values are left out.
//
// A unique value that is taken is a crm.Error of kind Duplicate, with the id of
// the record that has it if HubSpot names it. An error that is Ambiguous may
// have created the record: look for it by the counterpart field before trying
// again.
func (c *Client) Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	answer := c.CreateMany(ctx, kind, []crm.Write{w})[0]
	return answer.Value, answer.Err
}

// CreateMany is Create for many records, 100 with a call. Trace ids keep a
// refused row from failing the others.
func (c *Client) CreateMany(ctx context.Context, kind crm.Kind, writes []crm.Write) []crm.Answer[crm.Written] {
	req := request{action: actionCreate, method: http.MethodPost, path: "/batch/create", kind: kind}
	answers := make([]crm.Answer[crm.Written], len(writes))
	var rows []writeRow
	for i, w := range writes {
		w, err := c.assignOwners(ctx, req, w)
		if err != nil {
			answers[i].Err = err
			continue
		}
		properties := c.encodeWrite(w)
		for name, value := range properties {
			if value == "" {
				delete(properties, name)
			}
		}
		if kind.Validate() != nil || len(properties) == 0 {
			answers[i].Err = req.refusedError("there is nothing to create", 0)
			continue
		}
		rows = append(rows, writeRow{&answers[i], writeInput{Properties: properties, Associations: initialAssociations(w)}})
	}
	c.writeInBatches(ctx, req, rows)
	return answers
}

// Update changes the properties that w names and no others; an empty value
// clears. HubSpot has no conditional writes, so rec.Modified guards nothing. A
// write of nothing makes no call.
//
// The primary company of a contact is an association and takes a call of its
// own, before that of the properties.
//
// A record that was deleted, or merged into another (the batch endpoint refuses
// the old id), is a crm.Error of kind NotFound: Read distinguishes the two.
// When one value is refused nothing is written, and Fields names every refused
// property.
func (c *Client) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	answer := c.UpdateMany(ctx, rec.Ref.Kind, []crm.Update{{Record: rec, Write: w}})[0]
	return answer.Value, answer.Err
}

// UpdateMany is Update for many different records, 100 with a call. HubSpot
// refuses all rows because of a bad one and does not name it: the rows are
// divided until the good ones are written.
func (c *Client) UpdateMany(ctx context.Context, kind crm.Kind, updates []crm.Update) []crm.Answer[crm.Written] {
	req := request{action: actionUpdate, method: http.MethodPost, path: "/batch/update", kind: kind}
	answers := make([]crm.Answer[crm.Written], len(updates))
	var rows []writeRow
	associated := c.writeAssociations(ctx, kind, updates)
	for i, u := range updates {
		w, err := c.assignOwners(ctx, req, u.Write)
		ref, properties := u.Record.Ref, c.encodeWrite(w)
		switch {
		case err != nil:
			answers[i].Err = err
		case ref.System != crm.HubSpot || ref.Kind != kind || ref.Validate() != nil:
			answers[i].Err = req.refusedError("the reference does not name a HubSpot record", 0)
		case associated[i] != nil:
			answers[i].Err = associated[i]
		case len(properties) == 0:
			answers[i].Value = crm.Written{Ref: ref, Modified: u.Record.Modified}
		default:
			rows = append(rows, writeRow{&answers[i], writeInput{ID: ref.RecordID, Properties: properties}})
		}
	}
	c.writeInBatches(ctx, req, rows)
	return answers
}

// writeRow is one input of a batch, and the place for its answer.
type writeRow struct {
	answer *crm.Answer[crm.Written]
	input  writeInput
}

func (c *Client) writeInBatches(ctx context.Context, req request, rows []writeRow) {
	for chunk := range slices.Chunk(rows, MaxWrite) {
		c.writeRows(ctx, req, chunk)
	}
}

// writeRows sends one batch. When the call as a whole is refused because of one
// of its rows, nothing of it was written: then the bad row is isolated. Rows
// that were not sent meanwhile are sent afterwards, in halves if they are
// refused too.
func (c *Client) writeRows(ctx context.Context, req request, rows []writeRow) {
	refused := c.sendRows(ctx, req, rows)
	if refused == nil {
		return
	}
	if rows = c.isolateRefused(ctx, req, rows, refused); len(rows) > 0 {
		c.halveRows(ctx, req, rows)
	}
}

// isolateRefused finds one row because of which the others were refused, and
// returns those that it did not send. Usually one row of a batch is bad: a call
// for each halving of the batch finds it, and the rest takes one more.
func (c *Client) isolateRefused(ctx context.Context, req request, rows []writeRow, refused *crm.Error) (aside []writeRow) {
	for len(rows) > 1 {
		some, others := divideRows(rows, refused)
		e := c.sendRows(ctx, req, some)
		switch {
		case e != nil:
			aside, rows, refused = append(aside, others...), some, e
		case len(some) == 1 && some[0].answer.Err != nil:
			return append(aside, others...) // this is the one
		default:
			rows = others
		}
	}
	_ = c.sendRows(ctx, req, rows) // one row has its own error
	return aside
}

// halveRows sends rows, and their halves as long as they are refused.
func (c *Client) halveRows(ctx context.Context, req request, rows []writeRow) {
	if refused := c.sendRows(ctx, req, rows); refused != nil {
		some, others := divideRows(rows, refused)
		c.halveRows(ctx, req, some)
		c.halveRows(ctx, req, others)
	}
}

// sendRows makes one call and answers its rows. If it is refused because of one
// of several rows, nothing was written, and that error is returned.
func (c *Client) sendRows(ctx context.Context, req request, rows []writeRow) (refused *crm.Error) {
	inputs := make([]writeInput, len(rows))
	for i := range rows {
		// Without a trace id HubSpot fails the whole call because of one row, and
		// does not name the record that has a unique value already.
		inputs[i] = rows[i].input
		inputs[i].TraceID = strconv.Itoa(i)
	}
	req.body = batchWrite{Inputs: inputs}
	var answer batchAnswer
	status, err := c.call(ctx, req, &answer)
	switch {
	case err != nil && len(rows) > 1 && isDividable(err):
		return crm.AsError(err)
	case err == nil && answer.isIncomplete():
		err = req.refusedError("the batch is not complete", status)
	}
	if err != nil {
		for _, r := range rows {
			r.answer.Err = err
		}
		return nil
	}
	c.matchResults(req, status, rows, answer)
	return nil
}

// isDividable reports whether a batch was refused because of a value of one of
// its rows.
func isDividable(err error) bool {
	e := crm.AsError(err)
	if e == nil || e.Status < 400 || e.Status > 499 {
		return false
	}
	switch e.Kind {
	case crm.Invalid, crm.Missing, crm.Duplicate, crm.NotFound, crm.Refused:
		return true
	}
	return false
}

// divideRows separates the rows that set a property which is blamed from those
// that do not, the suspects last. If all rows are on one side, it halves them.
func divideRows(rows []writeRow, e *crm.Error) (some, others []writeRow) {
	var suspects, rest []writeRow
	for _, r := range rows {
		if slices.ContainsFunc(e.Fields, func(f crm.FieldError) bool { _, sets := r.input.Properties[f.Field]; return sets }) {
			suspects = append(suspects, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(suspects) == 0 || len(rest) == 0 || e.Kind == crm.Missing {
		return rows[:len(rows)/2], rows[len(rows)/2:]
	}
	return rest, suspects
}

// matchResults gives each row its record or its error: results by trace id,
// record id or counterpart id, errors by the rows that they name. A result or
// an error that names no row belongs to the one row that is left, if there is
// just one.
func (c *Client) matchResults(req request, status int, rows []writeRow, answer batchAnswer) {
	left := map[int]bool{}
	for i := range rows {
		left[i] = true
	}
	var unmatched []wireRecord
	for _, w := range answer.Results {
		if i := c.rowOf(rows, w); i >= 0 && left[i] {
			rows[i].answer.Value, rows[i].answer.Err = req.parseWritten(status, w)
			delete(left, i)
		} else {
			unmatched = append(unmatched, w)
		}
	}
	var general *crm.Error
	if answer.NumErrors > 0 && len(answer.Errors) == 0 {
		general = req.refusedError("the batch counts errors but does not list them", status)
	}
	for _, p := range answer.Errors {
		named := namedRows(rows, p)
		for _, i := range named {
			rows[i].answer.Err = req.itemError(status, p)
			delete(left, i)
		}
		if len(named) == 0 && general == nil {
			general = req.itemError(status, p)
		}
	}
	assignLeftovers(req, status, rows, left, unmatched, general)
}

// assignLeftovers answers the rows that are left, which no result and no error
// names. It uses the unmatched results, which belong to no row, and the general
// error, which names none.
func assignLeftovers(req request, status int, rows []writeRow, left map[int]bool, unmatched []wireRecord, general *crm.Error) {
	for i, r := range rows {
		switch {
		case !left[i] && (general == nil || len(left) > 0):
		case !left[i] || len(left) == 1 && len(unmatched) > 0 && general != nil:
			r.answer.Err = req.refusedError("the batch counts an error that names none of its rows", status)
		case len(left) == 1 && len(unmatched) == 1:
			r.answer.Value, r.answer.Err = req.parseWritten(status, unmatched[0]) // it was merged meanwhile
		case general != nil && len(unmatched) == 0:
			r.answer.Err = general
		default:
			r.answer.Err = req.refusedError("the batch lacks the result of an input", status)
		}
	}
}

// rowOf returns the index of the row that a result belongs to, -1 if there is
// none.
func (c *Client) rowOf(rows []writeRow, w wireRecord) int {
	if i, err := strconv.Atoi(string(w.TraceID)); err == nil && i >= 0 && i < len(rows) && rows[i].input.ID == "" {
		return i
	}
	return slices.IndexFunc(rows, func(r writeRow) bool {
		if r.input.ID != "" {
			return r.input.ID == string(w.ID)
		}
		counterpartID := r.input.Properties[c.counterpartField]
		return counterpartID != "" && counterpartID == w.propertyValue(c.counterpartField)
	})
}

// namedRows returns the indexes of the rows that an error names.
func namedRows(rows []writeRow, p errorBody) []int {
	var named []int
	for _, trace := range p.Context["objectWriteTraceId"] {
		if i, err := strconv.Atoi(trace); err == nil && i >= 0 && i < len(rows) {
			named = append(named, i)
		}
	}
	if len(named) > 0 {
		return named
	}
	for _, id := range p.recordIDs() {
		if i := slices.IndexFunc(rows, func(r writeRow) bool { return r.input.ID != "" && r.input.ID == id }); i >= 0 {
			named = append(named, i)
		}
	}
	return named
}

// parseWritten reads the record that a write returned. The id of an update may
// differ from the one sent when the record was merged meanwhile.
func (req request) parseWritten(status int, w wireRecord) (crm.Written, error) {
	if !digitsPattern.MatchString(string(w.ID)) {
		return crm.Written{}, req.refusedError(errRecordID.Error(), status)
	}
	modified, err := parseFirstTime(w.propertyValue(modifiedProperty(req.kind)), w.UpdatedAt)
	if err != nil {
		return crm.Written{}, req.refusedError(err.Error(), status)
	}
	ref := crm.Ref{System: crm.HubSpot, Kind: req.kind, RecordID: string(w.ID)}
	return crm.Written{Ref: ref, Modified: modified}, nil
}

// encodeWrite turns a write into properties, all of which are strings to
// HubSpot.
func (c *Client) encodeWrite(w crm.Write) map[string]string {
	properties := make(map[string]string, len(w.Fields)+1)
	for name, value := range w.Fields {
		if name == propCompany {
			continue
		}
		properties[name] = encodeValue(value)
	}
	if w.CounterpartID != "" {
		properties[c.counterpartField] = w.CounterpartID
	}
	return properties
}
