package safeguard

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// world is a store, a clock and a number of pairs.
type world struct {
	now          time.Time
	pairs        int
	states       map[sideKind]State
	err          error
	loads, saves int
	log          bytes.Buffer
}

func newWorld(pairs int) *world {
	return &world{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), pairs: pairs, states: map[sideKind]State{}}
}

func (w *world) Now() time.Time { return w.now }

func (w *world) CountLinks(context.Context, crm.Kind) (int, error) { return w.pairs, w.err }

func (w *world) LoadSafeguard(_ context.Context, side crm.System, kind crm.Kind) (State, error) {
	w.loads++
	return w.states[sideKind{side, kind}], w.err
}

func (w *world) SaveSafeguard(_ context.Context, s State) error {
	w.saves++
	w.states[sideKind{s.Side, s.Kind}] = s
	return w.err
}

func (w *world) massClear(part float64) *MassClear {
	return New(Config{Store: w, Pairs: w, Clock: w, Logger: slog.New(slog.NewJSONHandler(&w.log, nil)), Part: part})
}

func contact(i int) crm.Ref {
	return crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: strconv.Itoa(i)}
}

// clears clears values of so many records, one every pause, and returns at which
// of them the safeguard held, 0 for none.
func (w *world) clears(t *testing.T, b *MassClear, n int, pause time.Duration) int {
	t.Helper()
	for i := 1; i <= n; i++ {
		w.now = w.now.Add(pause)
		err := b.AllowClear(t.Context(), contact(i))
		if err == nil {
			continue
		}
		if e := crm.AsError(err); e == nil || e.Code != string(failurecode.MassClear) || failure.ClassOf(err) != failure.Stop {
			t.Fatalf("clear %d: %v", i, err)
		}
		return i
	}
	return 0
}

func TestValuesAreClearedOnHalfOfAllRecordsAndNoMore(t *testing.T) {
	for name, tt := range map[string]struct {
		pairs, n int
		pause    time.Duration
		part     float64
		want     int
	}{
		"few records":                          {100, 900, 0, 1, 0},
		"more than half, and than a thousand":  {3000, 3000, 0, 1, 1501},
		"a part of all of them":                {100_000, 40_000, 0, 1, 0},
		"the same over hours":                  {3000, 3000, time.Second, 1, 0},
		"one of four that see the same":        {3000, 3000, 0, 0.25, 376},
		"more than half of very few, at first": {1500, 1500, 0, 1, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tt.pairs)
			if got := w.clears(t, w.massClear(tt.part), tt.n, tt.pause); got != tt.want {
				t.Errorf("held at %d, want %d", got, tt.want)
			}
		})
	}
}

func TestARecordCountsOnce(t *testing.T) {
	w := newWorld(100)
	b := w.massClear(1)
	for range 5000 {
		if err := b.AllowClear(t.Context(), contact(1)); err != nil {
			t.Fatal(err)
		}
	}
	if w.loads > 1 {
		t.Errorf("%d looks at the store within a moment", w.loads)
	}
}

func TestASafeguardHoldsEveryInstanceAndOneSideAlone(t *testing.T) {
	w := newWorld(2000)
	b, other := w.massClear(1), w.massClear(1)
	if w.clears(t, b, 2000, 0) == 0 {
		t.Fatal("nothing was held")
	}
	if err := other.AllowClear(t.Context(), contact(5000)); err == nil {
		t.Error("another instance does not hold")
	}
	for _, r := range []crm.Ref{
		{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}, {System: crm.Zoho, Kind: crm.Company, RecordID: "1"},
	} {
		if err := other.AllowClear(t.Context(), r); err != nil {
			t.Errorf("%s is held too: %v", r, err)
		}
	}
	if n := strings.Count(w.log.String(), logschema.MassClear); n != 1 || w.saves != 1 {
		t.Errorf("%d entries in the log, %d writes, want one of each", n, w.saves)
	}
}

func TestAPersonLetsItThroughForAWhile(t *testing.T) {
	w := newWorld(2000)
	b := w.massClear(1)
	w.clears(t, b, 2000, 0)
	s := w.states[sideKind{crm.Zoho, crm.Contact}]
	s.HeldAt, s.FreeUntil = time.Time{}, w.now.Add(time.Hour)
	w.states[sideKind{crm.Zoho, crm.Contact}] = s
	w.now = w.now.Add(lookEvery)
	if got := w.clears(t, b, 2000, 0); got != 0 {
		t.Errorf("held at %d although a person let it through", got)
	}
	w.now = w.now.Add(time.Hour)
	if got := w.clears(t, b, 2000, 0); got != 1001 {
		t.Errorf("held at %d after that time, want 1001", got)
	}
}

func TestAStoreThatIsDownHoldsWithoutASafeguard(t *testing.T) {
	w := newWorld(2000)
	w.err = errors.New("down")
	if err := w.massClear(1).AllowClear(t.Context(), contact(1)); !errors.Is(err, w.err) {
		t.Errorf("got %v", err)
	}
}
