package zoho

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// MaxRead is how many records one call reads.
	MaxRead = 100
	// maxFields is how many fields one request may name.
	maxFields = 50
)

// Read returns the record. It is an error of kind NotFound if Zoho has no such
// record, or has it in the recycle bin.
func (c *Client) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if ref.System != crm.Zoho {
		return crm.Record{}, request{action: actionRead}.refusedError("WRONG_SYSTEM", nil)
	}
	answer := c.ReadMany(ctx, ref.Kind, []string{ref.RecordID})[ref.RecordID]
	return answer.Value, answer.Err
}

// ReadMany is Read for many records of one kind, MaxRead with a call, for one
// API credit unless more than 45 fields are mapped. Every id has an answer; a
// record that cannot be understood does not hide the others.
func (c *Client) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	req := request{action: actionRead}
	answers := make(map[string]crm.Answer[crm.Record], len(ids))
	var wanted []string
	for _, id := range ids {
		if _, repeated := answers[id]; repeated {
			continue
		}
		answers[id] = crm.Answer[crm.Record]{Err: req.newError(crm.NotFound, "", nil)}
		if err := checkIDs(kind, []string{id}); err != nil {
			answers[id] = crm.Answer[crm.Record]{Err: req.refusedError("BAD_IDS", err)}
			continue
		}
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, MaxRead) {
		c.readAndSplit(ctx, answers, kind, chunk)
	}
	return answers
}

// readAndSplit reads ids, in halves as long as the answer is refused.
func (c *Client) readAndSplit(ctx context.Context, answers map[string]crm.Answer[crm.Record], kind crm.Kind, ids []string) {
	records, err := c.readBatch(ctx, kind, ids)
	if crm.IsKind(err, crm.Refused) && len(ids) > 1 {
		c.readAndSplit(ctx, answers, kind, ids[:len(ids)/2])
		c.readAndSplit(ctx, answers, kind, ids[len(ids)/2:])
		return
	}
	for _, id := range ids {
		if rec, found := records[id]; found || err != nil {
			answers[id] = crm.Answer[crm.Record]{Value: rec, Err: err}
		}
	}
}

// readBatch reads up to MaxRead records. The result is keyed by id; a record
// that does not exist is absent.
func (c *Client) readBatch(ctx context.Context, kind crm.Kind, ids []string) (map[string]crm.Record, error) {
	req := request{action: actionRead}
	if err := checkIDs(kind, ids); err != nil {
		return nil, req.refusedError("BAD_IDS", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	user, err := c.readOwnUser(ctx)
	if err != nil {
		return nil, err
	}
	var records map[string]crm.Record
	for _, names := range chunkFields(c.fieldsToRead(kind)) {
		rows, err := c.readRows(ctx, kind, ids, names)
		if err != nil {
			return nil, err
		}
		part := make(map[string]crm.Record, len(rows))
		for _, row := range rows {
			rec, err := c.toRecord(kind, row, names, user)
			if err != nil {
				return nil, req.refusedError("UNKNOWN_SHAPE", err)
			}
			if rec, err = c.nameOwners(ctx, req, rec); err != nil {
				return nil, err
			}
			if slices.Contains(ids, rec.Ref.RecordID) {
				part[rec.Ref.RecordID] = rec
			}
		}
		records = mergeParts(records, part)
	}
	return records, nil
}

func checkIDs(kind crm.Kind, ids []string) error {
	if len(ids) > MaxRead {
		return fmt.Errorf("%d ids: at most %d", len(ids), MaxRead)
	}
	for _, id := range ids {
		if err := (crm.Ref{System: crm.Zoho, Kind: kind, RecordID: id}).Validate(); err != nil {
			return err
		}
	}
	return kind.Validate()
}

// chunkFields splits the names so that each request can also name the system
// fields.
func chunkFields(names []string) [][]string {
	names = slices.DeleteFunc(names, func(n string) bool { return n == "id" || slices.Contains(systemFields, n) })
	return slices.Collect(slices.Chunk(names, maxFields-len(systemFields)))
}

// readRows makes one request. The answer is 204 if none of the ids exists. If
// Zoho refuses an id, both halves are read, so that the one id does not hide
// the others.
func (c *Client) readRows(ctx context.Context, kind crm.Kind, ids, names []string) ([]map[string]any, error) {
	req := request{
		action: actionRead, method: http.MethodGet, path: "/" + modules[kind], record: true,
		query: url.Values{
			"ids":    {strings.Join(ids, ",")},
			"fields": {strings.Join(append(slices.Clone(names), systemFields...), ",")},
		},
	}
	a, err := c.call(ctx, req)
	if err != nil {
		return nil, err
	}
	rows, _, err := req.parseRows(a, "data")
	if !crm.IsKind(err, crm.NotFound) || len(ids) == 1 {
		return rows, ignoreNotFound(err)
	}
	half := len(ids) / 2
	if rows, err = c.readRows(ctx, kind, ids[:half], names); err != nil {
		return nil, err
	}
	rest, err := c.readRows(ctx, kind, ids[half:], names)
	return append(rows, rest...), err
}

func ignoreNotFound(err error) error {
	if crm.IsKind(err, crm.NotFound) {
		return nil
	}
	return err
}

// parseRows reads a list of records and whether there are more of them.
func (req request) parseRows(a answer, list string) ([]map[string]any, pageInfo, error) {
	if a.status == http.StatusNoContent {
		return nil, pageInfo{}, nil
	}
	var body map[string]json.RawMessage
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil || body[list] == nil {
		return nil, pageInfo{}, req.unexpectedError(a, "no list of "+list)
	}
	var rows []map[string]any
	var info pageInfo
	if decodeJSON(body[list], &rows) != nil || rows == nil {
		return nil, info, req.unexpectedError(a, list+" is not a list of objects")
	}
	if body["info"] != nil && decodeJSON(body["info"], &info) != nil {
		return nil, info, req.shapeError(a, "info has an unknown shape")
	}
	return rows, info, nil
}

// pageInfo says whether a list continues.
type pageInfo struct {
	MoreRecords   bool        `json:"more_records"`
	NextPageToken lenientText `json:"next_page_token"`
}
