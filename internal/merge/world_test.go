package merge

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// world is one field on two sides, people who edit it, and a connector that
// is interrupted between any two of its steps.
type world struct {
	now    int64
	skew   map[crm.System]int64
	edits  map[crm.System][]Edit // newest first
	base   Base
	policy Policy
	made   int // values made so far; each edit types a new one
	// saw holds, for each value typed, the value that was seen when it was.
	saw    map[Hash]Hash
	last   Value
	first  crm.System // the side that is read first
	writes int
}

func newWorld(preferred crm.System, skew int64) *world {
	return &world{
		now: 1_000_000, first: crm.HubSpot, skew: map[crm.System]int64{crm.Zoho: skew}, saw: map[Hash]Hash{},
		edits: map[crm.System][]Edit{}, policy: Policy{Preferred: preferred},
	}
}

func (w *world) current(s crm.System) Value {
	if len(w.edits[s]) == 0 {
		return Value{}
	}
	return w.edits[s][0].Value
}

func (w *world) add(s crm.System, v Value, own bool) {
	at := w.now + w.skew[s]
	if s == crm.Zoho {
		at = wholeSecond(at) * 1000
	}
	if old := w.edits[s]; len(old) > 0 {
		at = max(at, old[0].At)
	}
	w.edits[s] = append([]Edit{{Value: v, At: at, Own: own}}, w.edits[s]...)
}

func (w *world) person(s crm.System) {
	w.made++
	v := value(fmt.Sprint("v", w.made))
	w.saw[v.Hash] = w.current(s).Hash
	w.types(s, v)
}

// types makes an edit, unless the value is there already.
func (w *world) types(s crm.System, v Value) {
	if w.current(s) != v {
		w.add(s, v, false)
		w.last = v
	}
}

func (w *world) read(s crm.System) Side {
	return Side{Current: w.current(s), Edits: append([]Edit(nil), w.edits[s]...)}
}

// pass is one attempt of the connector. Between any two steps pause may let
// people edit; when it returns false the connector dies there.
func (w *world) pass(pause func() bool) (wrote bool) {
	for range 4 {
		first := w.read(w.first)
		if !pause() {
			return true
		}
		second := w.read(w.first.Other())
		second.ReadLast = true
		h, z := first, second
		if w.first == crm.Zoho {
			h, z = second, first
		}
		r := Field(w.policy, w.base, h, z)
		if !pause() {
			return true
		}
		w.base = r.Base
		if !r.WriteHubSpot && !r.WriteZoho {
			return wrote
		}
		for _, s := range crm.Systems {
			if !r.WritesTo(s) {
				continue
			}
			if !pause() {
				return true
			}
			if w.current(s) != r.Value {
				w.add(s, r.Value, true)
			}
			wrote = true
			w.writes++
		}
	}
	return wrote
}

func (w *world) settle(t *rapid.T) {
	for range 5 {
		if !w.pass(func() bool { return true }) {
			return
		}
	}
	t.Fatal("the connector does not come to rest")
}

// replaced reports whether a person saw v, directly or through what was typed
// after it, and typed something else.
func (w *world) replaced(v Hash) bool {
	for typed, seen := range w.saw {
		if seen == v && typed != v {
			return true
		}
	}
	return false
}

func TestBothSidesEndOnAPersonsLatestEdit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		skew := rapid.SampledFrom([]int64{0, 0, -30_000, 30_000, 1500, -700}).Draw(t, "skew")
		w := newWorld(rapid.SampledFrom(crm.Systems[:]).Draw(t, "preferred"), skew)
		// The gap is longer than a second where the oracle is the clock.
		gap := rapid.SampledFrom([]int64{2500, 400}).Draw(t, "gap")
		edit := func() {
			w.now += gap
			w.person(rapid.SampledFrom(crm.Systems[:]).Draw(t, "side"))
		}
		pause := func() bool {
			switch rapid.IntRange(0, 9).Draw(t, "pause") {
			case 0:
				edit()
			case 1:
				return false
			}
			w.now += 10
			return true
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "edit") {
				edit()
			}
			w.first = rapid.SampledFrom(crm.Systems[:]).Draw(t, "read first")
			w.pass(pause)
		}
		w.settle(t)
		final := w.current(crm.HubSpot)
		if z := w.current(crm.Zoho); z != final {
			t.Fatalf("HubSpot ends on %s, Zoho on %s", final.Text, z.Text)
		}
		if w.made == 0 {
			return
		}
		if w.replaced(final.Hash) && gap > 1000 {
			t.Fatalf("%s came back although a person saw and replaced it", final.Text)
		}
		if skew == 0 && gap > 1000 && final != w.last {
			t.Fatalf("ends on %s, the last edit was %s", final.Text, w.last.Text)
		}
	})
}

func TestWritesStayBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(crm.Zoho, 0)
		n := rapid.IntRange(1, 8).Draw(t, "edits")
		for range n {
			w.now += 2500
			w.person(rapid.SampledFrom(crm.Systems[:]).Draw(t, "side"))
			w.settle(t)
			w.settle(t) // the echo
		}
		if w.writes > n {
			t.Fatalf("%d writes for %d edits", w.writes, n)
		}
	})
}

// Where few values are in use, the same one is typed again: whoever saw the
// older of two equal ones has not seen the newer.
func TestTheLatestOfEqualValuesIsAnEditOfItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.SampledFrom(crm.Systems[:]).Draw(t, "preferred"), 0)
		values := []Value{value("a"), value("b"), value("c"), {}}
		edit := func() {
			w.now += 2500
			w.types(rapid.SampledFrom(crm.Systems[:]).Draw(t, "side"), rapid.SampledFrom(values).Draw(t, "value"))
		}
		pause := func() bool {
			switch rapid.IntRange(0, 6).Draw(t, "pause") {
			case 0, 1:
				edit()
				for rapid.Bool().Draw(t, "more") {
					edit()
				}
			case 2:
				return false
			}
			w.now += 10
			return true
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			w.first = rapid.SampledFrom(crm.Systems[:]).Draw(t, "read first")
			w.pass(pause)
		}
		w.settle(t)
		for _, s := range crm.Systems {
			if now := w.current(s); now != w.last {
				t.Fatalf("%s ends on %q, the last edit was %q", s, now.Text, w.last.Text)
			}
		}
	})
}
