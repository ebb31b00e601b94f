package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// CursorVersion is the version of the cursors that are saved. A store keeps the
// fields as they are.
const CursorVersion = 1

// Cursor is how far the scans over one kind of record of one system have come.
// Its times are whole milliseconds, so that every store keeps them exactly.
type Cursor struct {
	Version int `json:"version"`
	// Covered is the time up to which every change was published.
	Covered time.Time `json:"covered"`
	// Since and Until are the bounds of the scan that is under way, zero if
	// none is. From is the place that it has reached.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	From  crm.Place `json:"from,omitzero"`
	// Touched counts the records that the scan has published so far.
	Touched int `json:"touched,omitempty"`
}

// Equal reports whether c and d are equal.
func (c Cursor) Equal(d Cursor) bool {
	return c.Version == d.Version && c.Covered.Equal(d.Covered) && c.Since.Equal(d.Since) &&
		c.Until.Equal(d.Until) && c.From.Equal(d.From) &&
		c.Touched == d.Touched
}

// isUnderWay reports whether a scan was begun and not finished.
func (c Cursor) isUnderWay() bool { return !c.Until.IsZero() }

// beginAt opens a scan that ends at until, if it is not under way already.
func (c Cursor) beginAt(until time.Time, lookBack, overlap time.Duration) Cursor {
	if c.isUnderWay() {
		return c
	}
	since := c.Covered.Add(-overlap)
	if c.Covered.IsZero() {
		since = until.Add(-lookBack)
		c.Covered = since
	}
	return Cursor{Version: CursorVersion, Covered: c.Covered, Since: since, Until: until}
}

// afterPage is the cursor after a page.
func (c Cursor) afterPage(page crm.FoundPage) Cursor {
	if !page.More {
		return Cursor{Version: CursorVersion, Covered: c.Until}
	}
	c.From = page.Next
	c.From.At = c.From.At.Truncate(time.Millisecond)
	return c
}

func (c Cursor) validate() error {
	switch {
	case c.Version > CursorVersion:
		return fmt.Errorf("cursor of version %d was saved by a newer connector", c.Version)
	case c.isUnderWay() && (c.Since.IsZero() || c.Until.Before(c.Since)),
		!c.isUnderWay() && (!c.From.IsZero() || c.Touched != 0), c.Touched < 0:
		return errors.New("cursor contradicts itself")
	}
	return nil
}

// MemoryCursors keeps the cursors of one run in memory, so that it neither follows
// nor moves those of the scheduled runs. It is not safe for concurrent use.
type MemoryCursors map[string]Cursor

// LoadCursor returns what this run saved.
func (a MemoryCursors) LoadCursor(_ context.Context, name string) (Cursor, error) {
	return a[name], nil
}

// SaveCursor replaces it.
func (a MemoryCursors) SaveCursor(_ context.Context, name string, next, was Cursor) error {
	if !a[name].Equal(was) {
		return ErrOvertaken
	}
	a[name] = next
	return nil
}
