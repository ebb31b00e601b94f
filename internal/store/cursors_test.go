package store_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/store"
)

func cursorsContract(t *testing.T, host string) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Cursors)
	}{
		{"a name that was never saved has the zero cursor", cursorUnknown},
		{"a cursor comes back as it was saved", cursorComesBack},
		{"a save on an old reading is refused", cursorOldReading},
		{"names are kept apart", cursorNames},
		{"sixteen who move one cursor move it once", cursorRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, store.NewCursors(newDatabase(t, host)))
		})
	}
}

const cursorName = "reconcile-hubspot-contact-changed"

// cursorAt is a cursor in the middle of a pass.
func cursorAt(minute int) reconcile.Cursor {
	at := time.Date(2026, 11, 23, 10, minute, 0, 123000000, time.UTC)
	return reconcile.Cursor{
		Version: reconcile.CursorVersion, Covered: at, Since: at.Add(-time.Minute), Until: at.Add(time.Hour),
		From: crm.Place{At: at.Add(time.Minute), ID: "5725767000000411001", Page: 3}, Touched: 42,
	}
}

func loadCursor(t *testing.T, s *store.Cursors, name string) reconcile.Cursor {
	t.Helper()
	c, err := s.LoadCursor(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saveCursor(t *testing.T, s *store.Cursors, name string, next, was reconcile.Cursor) {
	t.Helper()
	if err := s.SaveCursor(t.Context(), name, next, was); err != nil {
		t.Fatal(err)
	}
}

func cursorUnknown(t *testing.T, s *store.Cursors) {
	if diff := cmp.Diff(reconcile.Cursor{}, loadCursor(t, s, cursorName)); diff != "" {
		t.Errorf("cursor (-want +got):\n%s", diff)
	}
}

func cursorComesBack(t *testing.T, s *store.Cursors) {
	was := reconcile.Cursor{}
	finished := reconcile.Cursor{Version: reconcile.CursorVersion, Covered: cursorAt(5).Covered}
	for _, next := range []reconcile.Cursor{cursorAt(1), cursorAt(2), finished} {
		saveCursor(t, s, cursorName, next, was)
		was = loadCursor(t, s, cursorName)
		if diff := cmp.Diff(next, was); diff != "" {
			t.Errorf("cursor (-want +got):\n%s", diff)
		}
	}
}

func cursorOldReading(t *testing.T, s *store.Cursors) {
	saveCursor(t, s, cursorName, cursorAt(1), reconcile.Cursor{})
	for name, was := range map[string]reconcile.Cursor{"none": {}, "another": cursorAt(2)} {
		if err := s.SaveCursor(t.Context(), cursorName, cursorAt(3), was); !errors.Is(err, reconcile.ErrOvertaken) {
			t.Errorf("save on the reading of %s: %v, want ErrOvertaken", name, err)
		}
	}
	if err := s.SaveCursor(t.Context(), "never-saved", cursorAt(3), cursorAt(1)); !errors.Is(err, reconcile.ErrOvertaken) {
		t.Errorf("save on a reading of what is not there: %v, want ErrOvertaken", err)
	}
	if diff := cmp.Diff(cursorAt(1), loadCursor(t, s, cursorName)); diff != "" {
		t.Errorf("a refused save changed the cursor (-want +got):\n%s", diff)
	}
}

func cursorNames(t *testing.T, s *store.Cursors) {
	saveCursor(t, s, "one", cursorAt(1), reconcile.Cursor{})
	saveCursor(t, s, "two", cursorAt(2), reconcile.Cursor{})
	if diff := cmp.Diff(cursorAt(1), loadCursor(t, s, "one")); diff != "" {
		t.Errorf("cursor (-want +got):\n%s", diff)
	}
}

func cursorRace(t *testing.T, s *store.Cursors) {
	saveCursor(t, s, cursorName, cursorAt(0), reconcile.Cursor{})
	var moved atomic.Int32
	var winner atomic.Value
	race(16, func(i int) {
		next := cursorAt(1)
		next.From.ID = fmt.Sprint(i)
		switch err := s.SaveCursor(t.Context(), cursorName, next, cursorAt(0)); {
		case err == nil:
			moved.Add(1)
			winner.Store(next.From.ID)
		case !errors.Is(err, reconcile.ErrOvertaken):
			t.Error(err)
		}
	})
	if moved.Load() != 1 {
		t.Fatalf("%d moved the cursor", moved.Load())
	}
	if got := loadCursor(t, s, cursorName).From.ID; got != winner.Load() {
		t.Errorf("the cursor is that of %s, want %s", got, winner.Load())
	}
}
