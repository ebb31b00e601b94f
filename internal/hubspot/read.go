package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Read reads one record with the histories of its properties. When the record
// was merged into another, the survivor answers and Record.Ref tells its id.
// A deleted record, and one that never was, is a crm.Error of kind NotFound.
//
// It takes one call, or two when the id is not (or no longer) a record's own.
func (c *Client) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if ref.System != crm.HubSpot || ref.Validate() != nil {
		return crm.Record{}, request{action: actionRead}.refusal("the reference does not name a HubSpot record", 0)
	}
	result := c.ReadMany(ctx, ref.Kind, []string{ref.RecordID})[ref.RecordID]
	return result.Value, result.Err
}

// ReadMany is Read for many records of one kind: one call per 50 of them, and
// one more for each that does not exist under its id. Every id has a result; a
// call that fails is the result of all the ids it asked for. Two ids that were
// merged have the same record.
func (c *Client) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	return c.readMany(ctx, actionRead, kind, ids)
}

func (c *Client) readMany(ctx context.Context, action string, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	results := make(map[string]crm.Answer[crm.Record], len(ids))
	var wanted []string
	for _, id := range ids {
		if _, repeated := results[id]; repeated {
			continue
		}
		results[id] = crm.Answer[crm.Record]{}
		if kind.Validate() != nil || !digitsPattern.MatchString(id) {
			results[id] = crm.Answer[crm.Record]{Err: request{action: action}.refusal("the id does not name a HubSpot record", 0)}
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

// readSingle asks for one record by GET, which follows merges where a batch
// read may say that the old id does not exist.
func (c *Client) readSingle(ctx context.Context, action string, kind crm.Kind, id string) crm.Answer[crm.Record] {
	query := url.Values{
		"properties":            {strings.Join(c.readProperties(kind), ",")},
		"propertiesWithHistory": {strings.Join(c.historyProperties(kind), ",")},
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
	return c.result(ctx, req, status, w)
}

// WithHistory returns rec as it is when it was read with its histories, as
// Read, ReadMany and Find do, and reads it again otherwise.
func (c *Client) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	if rec.History != nil {
		return rec, nil
	}
	return c.Read(ctx, rec.Ref)
}
