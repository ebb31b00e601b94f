package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// MaxRead is the most records that one call reads with their histories; without
// histories it would be 100.
const MaxRead = 50

// Read reads one record with the histories of its properties. When the record
// was merged into another, Read returns the survivor, and Record.Ref has its
// id. A deleted record, and one that never existed, is a crm.Error of kind
// NotFound.
//
// It takes one call, or two when the id is not (or no longer) a record's own.
func (c *Client) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if ref.System != crm.HubSpot || ref.Validate() != nil {
		return crm.Record{}, request{action: actionRead}.refusedError("the reference does not name a HubSpot record", 0)
	}
	result := c.ReadMany(ctx, ref.Kind, []string{ref.RecordID})[ref.RecordID]
	return result.Value, result.Err
}

// ReadMany is Read for many records of one kind: one call per 50 of them, and
// one more for each that does not exist under its id. Every id has a result; a
// call that fails is the result of all the ids it asked for. Two ids that were
// merged have the same record.
func (c *Client) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	return c.readRecords(ctx, actionRead, kind, ids)
}

func (c *Client) readRecords(ctx context.Context, action string, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	results := make(map[string]crm.Answer[crm.Record], len(ids))
	var wanted []string
	for _, id := range ids {
		if _, repeated := results[id]; repeated {
			continue
		}
		results[id] = crm.Answer[crm.Record]{}
		if kind.Validate() != nil || !digitsPattern.MatchString(id) {
			results[id] = crm.Answer[crm.Record]{Err: request{action: action}.refusedError("the id does not name a HubSpot record", 0)}
			continue
		}
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, MaxRead) {
		batch, _, err := c.readBatch(ctx, action, kind, chunk, "")
		for _, id := range chunk {
			result := batch[id]
			if err != nil {
				result = crm.Answer[crm.Record]{Err: err}
			}
			if crm.IsKind(result.Err, crm.NotFound) {
				result = c.readSingle(ctx, action, kind, id)
			}
			results[id] = result
		}
	}
	return results
}

// readSingle reads one record by GET, which follows merges where a batch read
// may say that the old id does not exist.
func (c *Client) readSingle(ctx context.Context, action string, kind crm.Kind, id string) crm.Answer[crm.Record] {
	query := url.Values{
		"properties":            {strings.Join(c.fieldsToRead(kind), ",")},
		"propertiesWithHistory": {strings.Join(c.fieldsWithHistory(kind), ",")},
	}
	req := request{action: action, method: http.MethodGet, path: "/" + id + "?" + query.Encode(), kind: kind}
	var w wireRecord
	status, err := c.call(ctx, req, &w)
	if err != nil {
		return crm.Answer[crm.Record]{Err: err}
	}
	if w.Archived {
		return crm.Answer[crm.Record]{Err: &crm.Error{System: crm.HubSpot, Action: action, Kind: crm.NotFound, Status: status}}
	}
	return c.toAnswer(ctx, req, status, w)
}

type batchInput struct {
	ID string `json:"id"`
}

type batchRead struct {
	Properties []string     `json:"properties"`
	Histories  []string     `json:"propertiesWithHistory,omitempty"`
	IDProperty string       `json:"idProperty,omitempty"`
	Inputs     []batchInput `json:"inputs"`
}

// batchAnswer is the envelope of every batch. A 200 may carry errors and a 207
// may carry none, so every part of it is checked.
type batchAnswer struct {
	Status    string       `json:"status"`
	Results   []wireRecord `json:"results"`
	NumErrors int          `json:"numErrors"`
	Errors    []errorBody  `json:"errors"`
}

// isIncomplete reports whether the batch did not finish.
func (a batchAnswer) isIncomplete() bool {
	return a.Status != "" && a.Status != "COMPLETE" || a.Results == nil && len(a.Errors) == 0
}

// readBatch reads up to MaxRead different records with one call, or MaxFind
// without their histories by the Zoho id. The ids are values of idProperty, or
// record ids when that is "". Every id has a result unless the call as a whole
// failed. unclaimed reports that the answer has a record that visibly belongs
// to none of the ids.
func (c *Client) readBatch(ctx context.Context, action string, kind crm.Kind, ids []string, idProperty string) (results map[string]crm.Answer[crm.Record], unclaimed bool, err error) {
	body := batchRead{
		Properties: c.fieldsToRead(kind),
		Histories:  c.fieldsWithHistory(kind),
		IDProperty: idProperty,
	}
	if idProperty == c.counterpartField {
		body.Histories = nil
	}
	if idProperty != "" {
		body.Properties = mergeNames(body.Properties, []string{idProperty})
	}
	for _, id := range ids {
		body.Inputs = append(body.Inputs, batchInput{ID: id})
	}
	req := request{action: action, method: http.MethodPost, path: "/batch/read", kind: kind, body: body}
	var answer batchAnswer
	status, err := c.call(ctx, req, &answer)
	if err != nil {
		return nil, false, err
	}
	if answer.isIncomplete() {
		return nil, false, req.refusedError("the batch is not complete", status)
	}
	results, unclaimed = c.joinBatch(ctx, req, status, ids, idProperty, answer)
	return results, unclaimed, nil
}

// joinBatch gives each id its record or its error. Results come in any order
// and may be fewer than the inputs.
func (c *Client) joinBatch(ctx context.Context, req request, status int, ids []string, idProperty string, answer batchAnswer) (results map[string]crm.Answer[crm.Record], unclaimed bool) {
	found := indexRecords(answer.Results, ids, idProperty)
	claimed := map[scalar]bool{}
	for _, w := range found {
		claimed[w.ID] = true
	}
	unclaimed = slices.ContainsFunc(answer.Results, func(w wireRecord) bool { return !claimed[w.ID] })
	results = make(map[string]crm.Answer[crm.Record], len(ids))
	for _, id := range ids {
		w, ok := found[id]
		if !ok || w.Archived {
			results[id] = crm.Answer[crm.Record]{Err: req.absentError(status, id, ids, answer)}
			continue
		}
		if idProperty == c.counterpartField { // the caller reads it with its history
			results[id] = crm.Answer[crm.Record]{Value: crm.Record{Ref: newRef(req.kind, string(w.ID))}}
			continue
		}
		results[id] = c.toAnswer(ctx, req, status, w)
	}
	return results, unclaimed
}

// toAnswer turns a wire record into the answer of a read.
func (c *Client) toAnswer(ctx context.Context, req request, status int, w wireRecord) crm.Answer[crm.Record] {
	rec, err := c.toRecord(req.kind, w)
	if err != nil {
		return crm.Answer[crm.Record]{Err: req.refusedError(err.Error(), status)}
	}
	rec, err = c.nameOwners(ctx, req, rec)
	return crm.Answer[crm.Record]{Value: rec, Err: err}
}

// absentError is the error of an id without a record: the error of the batch
// that names the id, else one that names none of the ids, else that the record
// does not exist.
func (req request) absentError(status int, id string, ids []string, answer batchAnswer) *crm.Error {
	var general *crm.Error
	for _, p := range answer.Errors {
		named := p.recordIDs()
		if slices.Contains(named, id) {
			return req.itemError(status, p)
		}
		aboutOthers := slices.ContainsFunc(named, func(n string) bool { return slices.Contains(ids, n) })
		if !aboutOthers && general == nil {
			general = req.itemError(status, p)
		}
	}
	if general != nil {
		return general
	}
	if answer.NumErrors > 0 && len(answer.Errors) == 0 {
		return req.refusedError("the batch counts errors but does not list them", status)
	}
	return &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.NotFound, Status: status}
}

// indexRecords finds the record of each id. The id of a record itself comes
// first; an id without such a record may be one that a record took over in a
// merge, or the additional e-mail address of a contact.
func indexRecords(records []wireRecord, ids []string, idProperty string) map[string]wireRecord {
	primary, secondary := map[string]wireRecord{}, map[string]wireRecord{}
	for _, w := range records {
		switch idProperty {
		case "":
			primary[string(w.ID)] = w
			for _, id := range w.formerIDs() {
				secondary[id] = w
			}
		case propEmail:
			primary[foldEmail(w.propertyValue(propEmail))] = w
			for address := range strings.SplitSeq(w.propertyValue(propAdditionalEmails), ";") {
				secondary[foldEmail(address)] = w
			}
		default:
			primary[w.propertyValue(idProperty)] = w
		}
	}
	found := make(map[string]wireRecord, len(ids))
	for _, id := range ids {
		key := id
		if idProperty == propEmail {
			key = foldEmail(id)
		}
		if w, ok := primary[key]; ok {
			found[id] = w
		} else if w, ok := secondary[key]; ok {
			found[id] = w
		}
	}
	// HubSpot knows more addresses of a contact than it shows, and the only
	// answer to one address is about that address.
	if idProperty == propEmail && len(ids) == 1 && len(records) == 1 {
		found[ids[0]] = records[0]
	}
	return found
}

// foldEmail makes addresses comparable the way HubSpot compares them.
func foldEmail(address string) string { return strings.ToLower(strings.TrimSpace(address)) }
