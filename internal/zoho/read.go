package zoho

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// MaxRead is how many records one call reads.
	MaxRead = 100
	// maxFields is how many fields one request may name.
	maxFields = 50
)

// systemFields are read with every record.
var systemFields = []string{"Created_Time", "Modified_Time", "Created_By", "Modified_By"}

// Read returns the record. It is an error of kind NotFound if Zoho has no such
// record, or has it in the recycle bin.
func (c *Client) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	if ref.System != crm.Zoho {
		return crm.Record{}, call{action: "read"}.refused("WRONG_SYSTEM", nil)
	}
	answer := c.ReadMany(ctx, ref.Kind, []string{ref.RecordID})[ref.RecordID]
	return answer.Value, answer.Err
}

// ReadMany is Read for many records of one kind, MaxRead with a call, for one
// API credit unless more than 45 fields are mapped. Every id has an answer; a
// record that cannot be made out does not hide the others.
func (c *Client) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	k := call{action: "read"}
	answers := make(map[string]crm.Answer[crm.Record], len(ids))
	var wanted []string
	for _, id := range ids {
		if _, repeated := answers[id]; repeated {
			continue
		}
		answers[id] = crm.Answer[crm.Record]{Err: k.err(crm.NotFound, "", nil)}
		if err := checkIDs(kind, []string{id}); err != nil {
			answers[id] = crm.Answer[crm.Record]{Err: k.refused("BAD_IDS", err)}
			continue
		}
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, MaxRead) {
		c.readInto(ctx, answers, kind, chunk)
	}
	return answers
}

// readInto reads ids and halves them while the answer makes no sense.
func (c *Client) readInto(ctx context.Context, answers map[string]crm.Answer[crm.Record], kind crm.Kind, ids []string) {
	records, err := c.readMany(ctx, kind, ids)
	if crm.IsKind(err, crm.Refused) && len(ids) > 1 {
		c.readInto(ctx, answers, kind, ids[:len(ids)/2])
		c.readInto(ctx, answers, kind, ids[len(ids)/2:])
		return
	}
	for _, id := range ids {
		if rec, found := records[id]; found || err != nil {
			answers[id] = crm.Answer[crm.Record]{Value: rec, Err: err}
		}
	}
}

// readMany reads up to MaxRead records. The result is keyed by id; a record
// that does not exist is absent.
func (c *Client) readMany(ctx context.Context, kind crm.Kind, ids []string) (map[string]crm.Record, error) {
	k := call{action: "read"}
	if err := checkIDs(kind, ids); err != nil {
		return nil, k.refused("BAD_IDS", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	user, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	var records map[string]crm.Record
	for _, names := range chunkFields(c.names(kind)) {
		rows, err := c.readRows(ctx, kind, ids, names)
		if err != nil {
			return nil, err
		}
		part := make(map[string]crm.Record, len(rows))
		for _, row := range rows {
			rec, err := c.record(kind, row, names, user)
			if err != nil {
				return nil, k.refused("UNKNOWN_SHAPE", err)
			}
			if rec, err = c.owners.Name(ctx, rec, c.owned[kind]); err != nil {
				return nil, k.overOwners(err)
			}
			if slices.Contains(ids, rec.Ref.RecordID) {
				part[rec.Ref.RecordID] = rec
			}
		}
		records = join(records, part)
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

// names returns the fields of a kind that are read: the mapped ones and the twin.
func (c *Client) names(kind crm.Kind) []string {
	return appendNew(slices.Clone(c.fields[kind]), c.twin)
}

// appendNew appends the names that list does not have.
func appendNew(list []string, names ...string) []string {
	for _, n := range names {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// chunkFields splits the names so that each request also has room for the
// system fields.
func chunkFields(names []string) [][]string {
	names = slices.DeleteFunc(names, func(n string) bool { return n == "id" || slices.Contains(systemFields, n) })
	return slices.Collect(slices.Chunk(names, maxFields-len(systemFields)))
}

// readRows makes one request. 204 is the answer if none of the ids exists. If
// Zoho takes offence at an id, both halves are read, so that the one does not
// hide the others.
func (c *Client) readRows(ctx context.Context, kind crm.Kind, ids, names []string) ([]map[string]any, error) {
	k := call{
		action: "read", method: http.MethodGet, path: "/" + modules[kind], record: true,
		query: url.Values{
			"ids":    {strings.Join(ids, ",")},
			"fields": {strings.Join(append(slices.Clone(names), systemFields...), ",")},
		},
	}
	a, err := c.do(ctx, k)
	if err != nil {
		return nil, err
	}
	rows, _, err := k.rows(a, "data")
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

// rows reads a list of records and whether there are more of them.
func (k call) rows(a answer, list string) ([]map[string]any, pageInfo, error) {
	if a.status == http.StatusNoContent {
		return nil, pageInfo{}, nil
	}
	var body map[string]json.RawMessage
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil || body[list] == nil {
		return nil, pageInfo{}, k.unexpected(a, "no list of "+list)
	}
	var rows []map[string]any
	var info pageInfo
	if decode(body[list], &rows) != nil || rows == nil {
		return nil, info, k.unexpected(a, list+" is no list of objects")
	}
	if body["info"] != nil && decode(body["info"], &info) != nil {
		return nil, info, k.shape(a, "info has an unknown shape")
	}
	return rows, info, nil
}

// pageInfo tells whether a list goes on.
type pageInfo struct {
	MoreRecords   bool      `json:"more_records"`
	NextPageToken looseText `json:"next_page_token"`
}

// decode reads JSON and keeps numbers as they are written.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

// record converts one row.
func (c *Client) record(kind crm.Kind, row map[string]any, names []string, user string) (crm.Record, error) {
	rec := crm.Record{
		Ref:    crm.Ref{System: crm.Zoho, Kind: kind, RecordID: lookupID(row)},
		Fields: map[string]string{},
		TwinID: valueText(row[c.twin]),
	}
	if err := rec.Ref.Validate(); err != nil {
		return rec, errors.New("a record has no id")
	}
	var err error
	if rec.Created, err = rowTime(row, "Created_Time"); err != nil {
		return rec, err
	}
	if rec.Modified, err = rowTime(row, "Modified_Time"); err != nil {
		return rec, err
	}
	rec.CreatedByUs = lookupID(row["Created_By"]) == user
	rec.ModifiedByUs = lookupID(row["Modified_By"]) == user
	for _, name := range appendNew(slices.Clone(names), systemFields...) {
		if !slices.Contains(c.fields[kind], name) {
			continue
		}
		if text := valueText(row[name]); text != "" {
			rec.Fields[name] = text
		}
	}
	return rec, nil
}

func rowTime(row map[string]any, name string) (time.Time, error) {
	text, _ := row[name].(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s of a record is no time", name)
	}
	return t, nil
}

// join merges two halves of the same records. A record that is missing from the
// second half was deleted between the two requests. One that was modified
// between them counts as seen at the earlier time, so that a write that relies
// on it is refused, and as modified by a person, so that it is looked at.
func join(all, part map[string]crm.Record) map[string]crm.Record {
	if all == nil {
		return part
	}
	for id, rec := range all {
		other, ok := part[id]
		if !ok {
			delete(all, id)
			continue
		}
		for name, text := range other.Fields {
			rec.Fields[name] = text
		}
		if rec.TwinID == "" {
			rec.TwinID = other.TwinID
		}
		if !rec.Modified.Equal(other.Modified) {
			rec.ModifiedByUs = false
			if other.Modified.Before(rec.Modified) {
				rec.Modified = other.Modified
			}
		}
		all[id] = rec
	}
	return all
}
