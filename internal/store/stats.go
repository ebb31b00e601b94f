package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/stats"
)

// Schema of the collection of this file. Each document has one writer, the
// instance, so that none is hot; those of a time are added up by who looks.
//
//	stats/{hour, such as 20261125T10}-{instance}
//	  hour                    by which they are found
//	  cells.{n}               of the n-th five minutes: outcomes, calls, took, delay
//	  quotas.{system}         left, limit, at
//	  latest[]                the last operations: ids, names and times
//	  expire_at               TTL
const (
	statsCollection = "stats"
	keepStats       = 3 * 24 * time.Hour
	// maxHours bounds how many documents one look reads.
	maxHours = 2000
)

// Stats keeps what the instances count in Firestore. It implements
// stats.Store.
type Stats struct{ client *firestore.Client }

// NewStats returns the stats kept in the client's database.
func NewStats(client *firestore.Client) *Stats { return &Stats{client} }

var _ stats.Store = (*Stats)(nil)

type hourDoc struct {
	Hour     time.Time           `firestore:"hour"`
	Instance string              `firestore:"instance"`
	Cells    map[string]cellDoc  `firestore:"cells"`
	Quotas   map[string]quotaDoc `firestore:"quotas"`
	Latest   []latestDoc         `firestore:"latest"`
	ExpireAt time.Time           `firestore:"expire_at"`
}

type cellDoc struct {
	Outcomes map[string]int `firestore:"outcomes"`
	Calls    int            `firestore:"calls"`
	Took     map[string]int `firestore:"took"`
	Behind   map[string]int `firestore:"delay"`
}

type quotaDoc struct {
	Left  int       `firestore:"left"`
	Limit int       `firestore:"limit"`
	At    time.Time `firestore:"at"`
}

type latestDoc struct {
	At          time.Time `firestore:"at"`
	ID          string    `firestore:"id"`
	Ref         string    `firestore:"ref"`
	Counterpart string    `firestore:"counterpart"`
	Change      string    `firestore:"change"`
	Outcome     string    `firestore:"outcome"`
	Reason      string    `firestore:"reason"`
	Written     []string  `firestore:"written"`
	Refused     []string  `firestore:"refused"`
	Calls       int       `firestore:"calls"`
	Took        int64     `firestore:"took_us"`
	Behind      int64     `firestore:"delay_us"`
}

// SaveHour costs one write.
func (f *Stats) SaveHour(ctx context.Context, h stats.Hour) error {
	d := hourDoc{
		Hour: h.Start, Instance: h.Instance, Cells: map[string]cellDoc{}, Quotas: map[string]quotaDoc{}, ExpireAt: h.Start.Add(keepStats),
	}
	for i, c := range h.Cells {
		d.Cells[strconv.Itoa(i)] = cellDoc{Outcomes: c.Outcomes, Calls: c.Calls, Took: encodeHistogram(c.Took), Behind: encodeHistogram(c.Delay)}
	}
	for s, q := range h.Quotas {
		d.Quotas[string(s)] = quotaDoc(q)
	}
	for _, o := range h.Latest {
		d.Latest = append(d.Latest, latestDoc{
			At: o.At, ID: o.ID, Ref: o.Ref.String(), Counterpart: o.Counterpart, Change: o.Change, Outcome: o.Outcome, Reason: o.Reason,
			Written: o.Written, Refused: o.Refused, Calls: o.Calls, Took: o.Took.Microseconds(), Behind: o.Delay.Microseconds(),
		})
	}
	id := h.Start.UTC().Format("20060102T15") + "-" + h.Instance
	if _, err := f.client.Collection(statsCollection).Doc(id).Set(ctx, d); err != nil {
		return fmt.Errorf("save stats of %s: %w", id, err)
	}
	return nil
}

// LoadHours reads the documents of the hours from since on, without the last
// operations unless they are asked for.
func (f *Stats) LoadHours(ctx context.Context, since time.Time, latest bool) ([]stats.Hour, error) {
	paths := []string{"hour", "instance", "cells", "quotas"}
	if latest {
		paths = []string{"hour", "instance", "latest"}
	}
	snaps, err := f.client.Collection(statsCollection).Where("hour", ">=", since.UTC().Truncate(time.Hour)).
		OrderBy("hour", firestore.Desc).Limit(maxHours).Select(paths...).Documents(ctx).GetAll()
	if err != nil {
		return nil, fmt.Errorf("load stats: %w", err)
	}
	hours := make([]stats.Hour, 0, len(snaps))
	for _, snap := range snaps {
		var d hourDoc
		if err := snap.DataTo(&d); err != nil {
			return nil, fmt.Errorf("decode stats %s: %w", snap.Ref.ID, err)
		}
		hours = append(hours, d.toHour())
	}
	return hours, nil
}

func (d hourDoc) toHour() stats.Hour {
	h := stats.Hour{Instance: d.Instance, Start: d.Hour, Cells: map[int]stats.Cell{}, Quotas: map[crm.System]stats.Quota{}}
	for name, c := range d.Cells {
		if i, err := strconv.Atoi(name); err == nil {
			h.Cells[i] = stats.Cell{Outcomes: c.Outcomes, Calls: c.Calls, Took: decodeHistogram(c.Took), Delay: decodeHistogram(c.Behind)}
		}
	}
	for s, q := range d.Quotas {
		h.Quotas[crm.System(s)] = stats.Quota(q)
	}
	for _, o := range d.Latest {
		h.Latest = append(h.Latest, stats.Operation{
			At: o.At, ID: o.ID, Ref: parseRefText(o.Ref), Counterpart: o.Counterpart, Change: o.Change, Outcome: o.Outcome, Reason: o.Reason,
			Written: o.Written, Refused: o.Refused, Calls: o.Calls,
			Took: time.Duration(o.Took) * time.Microsecond, Delay: time.Duration(o.Behind) * time.Microsecond,
		})
	}
	return h
}

// encodeHistogram gives a histogram keys that Firestore can hold.
func encodeHistogram(h stats.Histogram) map[string]int {
	m := make(map[string]int, len(h))
	for i, n := range h {
		m[strconv.Itoa(i)] = n
	}
	return m
}

func decodeHistogram(m map[string]int) stats.Histogram {
	h := make(stats.Histogram, len(m))
	for name, n := range m {
		if i, err := strconv.Atoi(name); err == nil {
			h[i] = n
		}
	}
	return h
}
