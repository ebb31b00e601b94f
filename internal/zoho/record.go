package zoho

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// systemFields are read with every record.
var systemFields = []string{"Created_Time", "Modified_Time", "Created_By", "Modified_By"}

// fieldsToRead returns the fields of a kind to read: the mapped ones and the
// counterpart field.
func (c *Client) fieldsToRead(kind crm.Kind) []string {
	return appendNew(slices.Clone(c.fields[kind]), c.counterpartField)
}

// toRecord converts one row.
func (c *Client) toRecord(kind crm.Kind, row map[string]any, names []string, user string) (crm.Record, error) {
	rec := crm.Record{
		Ref:           crm.Ref{System: crm.Zoho, Kind: kind, RecordID: lookupID(row)},
		Fields:        map[string]string{},
		CounterpartID: valueText(row[c.counterpartField]),
	}
	if err := rec.Ref.Validate(); err != nil {
		return rec, errors.New("a record has no id")
	}
	var err error
	if rec.Created, err = parseRowTime(row, "Created_Time"); err != nil {
		return rec, err
	}
	if rec.Modified, err = parseRowTime(row, "Modified_Time"); err != nil {
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

func parseRowTime(row map[string]any, name string) (time.Time, error) {
	text, _ := row[name].(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s of a record is not a time", name)
	}
	return t, nil
}

// mergeParts merges two parts of the same records. A record that is missing
// from the second part was deleted between the two requests. One that was
// modified between them gets the earlier time, so that a write that relies on
// it is refused, and counts as modified by a person, so that it is compared.
func mergeParts(all, part map[string]crm.Record) map[string]crm.Record {
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
		if rec.CounterpartID == "" {
			rec.CounterpartID = other.CounterpartID
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
