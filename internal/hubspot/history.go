package hubspot

import (
	"context"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// WithHistory returns rec unchanged when it was read with its histories, as
// Read, ReadMany and Find do, and reads it again otherwise.
func (c *Client) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	if rec.History != nil {
		return rec, nil
	}
	return c.Read(ctx, rec.Ref)
}

// wireEntry is one entry of a property's history.
type wireEntry struct {
	Value      *scalar `json:"value"`
	Timestamp  scalar  `json:"timestamp"`
	SourceType string  `json:"sourceType"`
	SourceID   string  `json:"sourceId"`
}

// fieldsWithHistory lists the properties whose history a read includes.
func (c *Client) fieldsWithHistory(kind crm.Kind) []string {
	return mergeNames(c.fields[kind], []string{c.counterpartField})
}

// toHistory converts the entries of every property, newest first.
func (c *Client) toHistory(wire map[string][]wireEntry) (map[string][]crm.Edit, error) {
	all := make(map[string][]crm.Edit, len(wire))
	for name, entries := range wire {
		edits := make([]crm.Edit, 0, len(entries))
		for _, e := range entries {
			at, err := parseTime(string(e.Timestamp))
			if err != nil {
				return nil, err
			}
			edit := crm.Edit{At: at, Own: c.isOwnSource(e.SourceType, e.SourceID)}
			if e.Value != nil {
				edit.Value = string(*e.Value)
			}
			edits = append(edits, edit)
		}
		// HubSpot sends them newest first; entries of one moment keep its order.
		slices.SortStableFunc(edits, func(a, b crm.Edit) int { return b.At.Compare(a.At) })
		if len(edits) > 0 {
			all[name] = edits
		}
	}
	return all, nil
}

// isOwnSource reports whether a source is the connector's app. Other apps are
// INTEGRATION too.
func (c *Client) isOwnSource(sourceType, sourceID string) bool {
	return sourceType == sourceIntegration && sourceID == c.appID
}

// newestIsOwn reports whether the connector made every edit of the newest
// moment in the histories.
func newestIsOwn(history map[string][]crm.Edit) bool {
	var newest time.Time
	own := false
	for _, edits := range history {
		for _, e := range edits {
			switch {
			case e.At.After(newest):
				newest, own = e.At, e.Own
			case e.At.Equal(newest):
				own = own && e.Own
			}
		}
	}
	return own
}
