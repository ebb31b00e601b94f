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

// environment is a store, a clock and a number of pairs.
type environment struct {
	now          time.Time
	pairs        int
	states       map[sideKind]State
	err          error
	loads, saves int
	log          bytes.Buffer
}

func newEnvironment(pairs int) *environment {
	return &environment{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), pairs: pairs, states: map[sideKind]State{}}
}

func (e *environment) Now() time.Time { return e.now }

func (e *environment) CountLinks(context.Context, crm.Kind) (int, error) { return e.pairs, e.err }

func (e *environment) LoadSafeguard(_ context.Context, side crm.System, kind crm.Kind) (State, error) {
	e.loads++
	return e.states[sideKind{side, kind}], e.err
}

func (e *environment) SaveSafeguard(_ context.Context, s State) error {
	e.saves++
	e.states[sideKind{s.Side, s.Kind}] = s
	return e.err
}

func (e *environment) massClear(part float64) *MassClear {
	return NewMassClear(Config{Store: e, Pairs: e, Clock: e, Logger: slog.New(slog.NewJSONHandler(&e.log, nil)), Part: part})
}

func contact(i int) crm.Ref {
	return crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: strconv.Itoa(i)}
}

// clears clears values of so many records, one every pause, and returns at which
// of them the safeguard held, 0 for none.
func (e *environment) clears(t *testing.T, b *MassClear, n int, pause time.Duration) int {
	t.Helper()
	for i := 1; i <= n; i++ {
		e.now = e.now.Add(pause)
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
			e := newEnvironment(tt.pairs)
			if got := e.clears(t, e.massClear(tt.part), tt.n, tt.pause); got != tt.want {
				t.Errorf("held at %d, want %d", got, tt.want)
			}
		})
	}
}

func TestARecordCountsOnce(t *testing.T) {
	e := newEnvironment(100)
	b := e.massClear(1)
	for range 5000 {
		if err := b.AllowClear(t.Context(), contact(1)); err != nil {
			t.Fatal(err)
		}
	}
	if e.loads > 1 {
		t.Errorf("%d looks at the store within a moment", e.loads)
	}
}

func TestASafeguardHoldsEveryInstanceAndOneSideAlone(t *testing.T) {
	e := newEnvironment(2000)
	b, other := e.massClear(1), e.massClear(1)
	if e.clears(t, b, 2000, 0) == 0 {
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
	if n := strings.Count(e.log.String(), logschema.MassClear); n != 1 || e.saves != 1 {
		t.Errorf("%d entries in the log, %d writes, want one of each", n, e.saves)
	}
}

func TestAPersonLetsItThroughForAWhile(t *testing.T) {
	e := newEnvironment(2000)
	b := e.massClear(1)
	e.clears(t, b, 2000, 0)
	s := e.states[sideKind{crm.Zoho, crm.Contact}]
	s.HeldAt, s.FreeUntil = time.Time{}, e.now.Add(time.Hour)
	e.states[sideKind{crm.Zoho, crm.Contact}] = s
	e.now = e.now.Add(maxStateAge)
	if got := e.clears(t, b, 2000, 0); got != 0 {
		t.Errorf("held at %d although a person let it through", got)
	}
	e.now = e.now.Add(time.Hour)
	if got := e.clears(t, b, 2000, 0); got != 1001 {
		t.Errorf("held at %d after that time, want 1001", got)
	}
}

func TestAStoreThatIsDownHoldsWithoutASafeguard(t *testing.T) {
	e := newEnvironment(2000)
	e.err = errors.New("down")
	if err := e.massClear(1).AllowClear(t.Context(), contact(1)); !errors.Is(err, e.err) {
		t.Errorf("got %v", err)
	}
}
