package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// CursorVersion is the version of the cursors that are saved. A store keeps the
// fields as they are and judges none of them.
const CursorVersion = 1

// Cursor is how far the passes over one kind of record of one system have come.
// Its times are whole milliseconds, so that every store keeps them exactly.
type Cursor struct {
	Version int `json:"version"`
	// Covered: whatever bears a time up to here was published.
	Covered time.Time `json:"covered"`
	// Since and Until are the bounds of the pass that is under way, zero if
	// none is. From is the place that it has reached.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	From  crm.Place `json:"from,omitzero"`
	// Touched counts the records that the pass has published so far.
	Touched int `json:"touched,omitempty"`
}

// Equal reports whether c and d say the same.
func (c Cursor) Equal(d Cursor) bool {
	return c.Version == d.Version && c.Covered.Equal(d.Covered) && c.Since.Equal(d.Since) &&
		c.Until.Equal(d.Until) && c.From.Equal(d.From) &&
		c.Touched == d.Touched
}

// underWay reports whether a pass was begun and not finished.
func (c Cursor) underWay() bool { return !c.Until.IsZero() }

// begin opens a pass that ends at until, if it is not under way already.
func (c Cursor) begin(until time.Time, lookBack, overlap time.Duration) Cursor {
	if c.underWay() {
		return c
	}
	since := c.Covered.Add(-overlap)
	if c.Covered.IsZero() {
		since = until.Add(-lookBack)
		c.Covered = since
	}
	return Cursor{Version: CursorVersion, Covered: c.Covered, Since: since, Until: until}
}

// next is the cursor after a page.
func (c Cursor) next(page crm.FoundPage) Cursor {
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
	case c.underWay() && (c.Since.IsZero() || c.Until.Before(c.Since)),
		!c.underWay() && (!c.From.IsZero() || c.Touched != 0), c.Touched < 0:
		return errors.New("cursor contradicts itself")
	}
	return nil
}

// Apart keeps the cursors of a run of its own, which neither follows nor moves
// those of the scheduled ones. It is not safe for concurrent use.
type Apart map[string]Cursor

// LoadCursor returns what this run saved.
func (a Apart) LoadCursor(_ context.Context, name string) (Cursor, error) { return a[name], nil }

// SaveCursor replaces it.
func (a Apart) SaveCursor(_ context.Context, name string, next, was Cursor) error {
	if !a[name].Equal(was) {
		return ErrOvertaken
	}
	a[name] = next
	return nil
}
