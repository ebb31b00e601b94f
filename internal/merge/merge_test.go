package merge

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func value(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Text: s, Hash: Hash("#" + s)}
}

// side builds what a read of one side shows: its current value and its edits,
// newest first.
func side(current string, edits ...Edit) Side {
	return Side{Current: value(current), Edits: edits}
}

// made is a side whose record the connector made with its newest edit.
func made(s Side) Side {
	s.CreatedByConnector = true
	return s
}

func person(v string, at int64) Edit { return Edit{Value: value(v), At: at} }
func ours(v string, at int64) Edit   { return Edit{Value: value(v), At: at, Own: true} }

// sidesAgree is the base after v, edited on s at the time, was brought to both.
func agreed(v string, s crm.System, at int64, seenH, seenZ int64) Base {
	return Base{
		Cell:    Cell{Hash: value(v).Hash, Stamp: Stamp{At: at, Side: s, RawAt: at}},
		HubSpot: SideBase{Seen: seenH, Shown: value(v).Hash},
		Zoho:    SideBase{Seen: seenZ, Shown: value(v).Hash},
	}
}

var zohoFirst = Policy{Preferred: crm.Zoho}

func TestField(t *testing.T) {
	both := agreed("a", crm.HubSpot, 10_000, 10_000, 11_000)
	keep := Policy{Preferred: crm.Zoho, KeepOnClear: true}
	cut := Policy{Preferred: crm.Zoho, Stores: func(s crm.System, v Value) Hash {
		if s == crm.Zoho && len(v.Text) > 2 {
			return value(v.Text[:2]).Hash
		}
		return v.Hash
	}}
	tests := []struct {
		name   string
		policy Policy
		base   Base
		h, z   Side
		want   string // value, writes, reason
	}{
		{"an untouched field needs nothing", zohoFirst, both,
			side("a", person("a", 10_000)), side("a", ours("a", 11_000)), "a - in_sync"},
		{"an edit on one side goes to the other", zohoFirst, both,
			side("b", person("b", 20_000), person("a", 10_000)), side("a", ours("a", 11_000)), "b Z only_edit"},
		{"the later of two edits wins", zohoFirst, both,
			side("b", person("b", 20_000)), side("c", person("c", 25_000), ours("a", 11_000)), "c H newer_edit"},
		{"the later of two edits wins on the other side too", zohoFirst, both,
			side("b", person("b", 29_000)), side("c", person("c", 25_000), ours("a", 11_000)), "b Z newer_edit"},
		{"in the same second the preferred side wins", zohoFirst, both,
			side("b", person("b", 25_900)), side("c", person("c", 25_000)), "c H newer_edit"},
		{"an edit where the base was seen is later, whatever its clock says", zohoFirst, both,
			side("a", person("a", 10_000)), side("b", person("b", 11_001), ours("a", 11_000)), "b H only_edit"},
		{"a clock 30 s behind does not lose an edit", zohoFirst,
			agreed("a", crm.HubSpot, 40_000, 40_000, 10_000),
			side("a", person("a", 40_000)), side("b", person("b", 11_000), ours("a", 10_000)), "b H only_edit"},
		{"an edit from before the base was seen stays older", zohoFirst, both,
			side("a", person("a", 10_000)), side("a", ours("a", 11_000), person("old", 9_000)), "a - in_sync"},
		{"in one second, an edit before the read is older than one after it", zohoFirst,
			agreed("b", crm.Zoho, 10_000, 10_500, 10_000),
			side("c", person("c", 10_700), ours("b", 10_500)), side("b", person("b", 10_000), ours("a", 10_000)), "c Z only_edit"},
		{"in one second, an edit over our own write is later", zohoFirst,
			agreed("b", crm.HubSpot, 10_100, 10_100, 10_000),
			side("b", person("b", 10_100)), side("c", person("c", 10_000), ours("b", 10_000), person("a", 10_000)), "c H only_edit"},
		{"a clear is an edit like any other", zohoFirst, both,
			side("", person("", 20_000)), side("a", ours("a", 11_000)), " Z only_edit"},
		{"a clear is kept back where the mapping says so", keep, both,
			side("", person("", 20_000)), side("a", ours("a", 11_000)), "a - kept_on_clear"},
		{"a value after a clear that was kept back fills both sides", keep, both,
			side("", person("", 20_000)), side("b", person("b", 30_000)), "b H only_edit"},
		{"first link: the side that was set wins over one never set", zohoFirst, Base{},
			side(""), side("z", person("z", 5_000)), "z H only_edit"},
		{"first link: both set, the later edit wins", zohoFirst, Base{},
			side("h", person("h", 6_000)), side("z", person("z", 5_000)), "h Z newer_edit"},
		{"a side that lost the value gets it back", zohoFirst, both,
			side("a", person("a", 10_000)), side("x", ours("x", 12_000), ours("a", 11_000)), "a Z repaired"},
		{"a preferred side wins with an older edit", Policy{Preferred: crm.Zoho, Prefer: crm.HubSpot}, both,
			side("b", person("b", 20_000)), side("c", person("c", 25_000)), "b Z prefer_side"},
		{"a read-only side is not written", Policy{Preferred: crm.Zoho, ReadOnly: map[crm.System]bool{crm.HubSpot: true}}, both,
			side("a", person("a", 10_000)), side("c", person("c", 25_000)), "c - in_sync"},
		{"a lost base is taken from our own newest write", zohoFirst, Base{},
			side("x", ours("x", 12_000)), side("y", ours("y", 14_000)), "y H repaired"},
		{"a lost base is what both sides show, whatever a person typed before that was written", zohoFirst, Base{},
			side("b", ours("b", 200_000), person("a", 20_000)), side("b", ours("b", 300_000)), "b - in_sync"},
		{"nothing, too, may be what both sides show", zohoFirst, Base{},
			side("", ours("", 200_000), person("a", 20_000)), side(""), " - in_sync"},
		{"unless it was written right over what a person typed, and was typed before", zohoFirst, Base{},
			side("b", ours("b", 25_000), person("a", 20_000)), side("b", person("b", 15_000)), "a HZ newer_edit"},
		{"what a side filled in by itself in a record of ours stays there", zohoFirst, Base{},
			side(""), made(side("y", ours("y", 14_000))), " - in_sync"},
		{"what was written to a record of a person goes to the counterpart that was found since", zohoFirst, Base{},
			side("y", ours("y", 14_000)), side(""), "y Z repaired"},
		{"a value that a side cannot hold is written as what stands for it", cut, both,
			side("abc", person("abc", 20_000)), side("a", ours("a", 11_000)), "abc Z only_edit"},
		{"and not again once that stands there", cut, agreed("abc", crm.HubSpot, 20_000, 20_000, 20_000),
			side("abc", person("abc", 20_000)), side("ab", ours("ab", 21_000)), "abc - in_sync"},
		{"an edit of what stands for it is an edit", cut, agreed("abc", crm.HubSpot, 20_000, 20_000, 21_000),
			side("abc", person("abc", 20_000)), side("x", person("x", 30_000), ours("ab", 21_000)), "x H only_edit"},
		{"a value that nobody holds any more is not made up", zohoFirst, both,
			side("x", ours("x", 12_000)), side("y", ours("y", 12_000)), " - lost_value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Field(tt.policy, tt.base, tt.h, tt.z)
			if got := describe(r); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func describe(r Result) string {
	w := ""
	if r.WriteHubSpot {
		w += "H"
	}
	if r.WriteZoho {
		w += "Z"
	}
	if w == "" {
		w = "-"
	}
	return fmt.Sprintf("%s %s %s", r.Value.Text, w, r.Reason)
}

func TestAStoredFormIsBelievedAfterTwoEqualObservations(t *testing.T) {
	base := agreed("+1 555", crm.HubSpot, 10_000, 10_000, 0)
	h := side("+1 555", person("+1 555", 10_000))
	stored := Side{Current: value("555"), Edits: []Edit{ours("555", 11_000)}, Acknowledged: true}
	var writes []bool
	base.Zoho.Pending = true
	for range 4 {
		r := Field(zohoFirst, base, h, stored)
		base, writes = r.Base, append(writes, r.WriteZoho)
	}
	if diff := cmp.Diff([]bool{true, false, false, false}, writes); diff != "" {
		t.Errorf("writes to Zoho (-want +got):\n%s", diff)
	}
	stored.Edits = append([]Edit{person("777", 12_000)}, stored.Edits...)
	stored.Current = value("777")
	if got := describe(Field(zohoFirst, base, h, stored)); got != "777 H only_edit" {
		t.Errorf("an edit over a stored form: got %q", got)
	}
}

func TestARefusedValueIsNotSentAgainUntilItChanges(t *testing.T) {
	base := agreed("bad", crm.HubSpot, 10_000, 10_000, 0)
	base.Zoho.Refused = Refusal{Hash: value("bad").Hash, Code: "INVALID_DATA"}
	h := side("bad", person("bad", 10_000))
	if r := Field(zohoFirst, base, h, side("")); r.WriteZoho || r.Base.Zoho.Pending {
		t.Error("a refused value was to be written again")
	}
	h = side("good", person("good", 20_000), person("bad", 10_000))
	if r := Field(zohoFirst, base, h, side("")); !r.WriteZoho {
		t.Error("a new value was not to be written")
	}
}

func drawCell(t *rapid.T, name string) Cell {
	if rapid.IntRange(0, 9).Draw(t, name+" bottom") == 0 {
		return Cell{}
	}
	at := rapid.Int64Range(-3000, 3000).Draw(t, name+" at")
	return Cell{
		Hash: value(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, name+" value")).Hash,
		Stamp: Stamp{At: at, RawAt: at, Counter: rapid.IntRange(0, 2).Draw(t, name+" counter"),
			Side: rapid.SampledFrom(crm.Systems[:]).Draw(t, name+" side")},
	}
}

func TestCompareIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawCell(t, "a"), drawCell(t, "b"), drawCell(t, "c")
		p := rapid.SampledFrom(crm.Systems[:]).Draw(t, "preferred")
		if Compare(a, b, p) != -Compare(b, a, p) {
			t.Fatal("not antisymmetric")
		}
		if Compare(a, b, p) <= 0 && Compare(b, c, p) <= 0 && Compare(a, c, p) > 0 {
			t.Fatal("not transitive")
		}
		if Compare(a, b, p) == 0 && a.Hash != b.Hash {
			t.Fatal("two values share one place in the order")
		}
	})
}

func drawSide(t *rapid.T, name string) Side {
	at, texts := int64(0), []string{"", "a", "b", "c"}
	var s Side
	for i := range rapid.IntRange(0, 4).Draw(t, name+" edits") {
		at += rapid.Int64Range(0, 2500).Draw(t, fmt.Sprint(name, " gap ", i))
		e := Edit{Value: value(rapid.SampledFrom(texts).Draw(t, fmt.Sprint(name, " value ", i))), At: at,
			Own: rapid.Bool().Draw(t, fmt.Sprint(name, " own ", i))}
		s.Edits = append([]Edit{e}, s.Edits...)
		s.Current = e.Value
	}
	s.Acknowledged = rapid.Bool().Draw(t, name+" acknowledged")
	return s
}

func drawCase(t *rapid.T) (Policy, Base, Side, Side) {
	p := Policy{
		Preferred:   rapid.SampledFrom(crm.Systems[:]).Draw(t, "preferred"),
		Prefer:      rapid.SampledFrom([]crm.System{"", "", crm.HubSpot, crm.Zoho}).Draw(t, "prefer"),
		KeepOnClear: rapid.Bool().Draw(t, "keep on clear"),
	}
	b := Base{Cell: drawCell(t, "base")}
	for _, s := range crm.Systems {
		b.Side(s).Seen = rapid.Int64Range(0, 6000).Draw(t, "seen")
		b.Side(s).Shown = value(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "shown")).Hash
		b.Side(s).Pending = rapid.Bool().Draw(t, "pending")
	}
	return p, b, drawSide(t, "hubspot"), drawSide(t, "zoho")
}

func TestDecidingTwiceDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, b, h, z := drawCase(t)
		first := Field(p, b, h, z)
		h.Acknowledged, z.Acknowledged = false, false
		second := Field(p, first.Base, h, z)
		if first.Value != second.Value || first.WriteHubSpot != second.WriteHubSpot || first.WriteZoho != second.WriteZoho {
			t.Fatalf("first %s %v, second %s %v", describe(first), first.Base, describe(second), second.Base)
		}
		if Compare(second.Base.Cell, first.Base.Cell, p.Preferred) != 0 {
			t.Fatal("the base moved without news")
		}
	})
}

func TestTheBaseNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, b, h, z := drawCase(t)
		if r := Field(p, b, h, z); Compare(r.Base.Cell, b.Cell, p.Preferred) < 0 {
			t.Fatal("the base became older")
		}
	})
}

func TestSwappingTheSidesMirrorsTheDecision(t *testing.T) {
	swapCell := func(c Cell) Cell {
		if !c.IsZero() {
			c.Stamp.Side = c.Stamp.Side.Other()
		}
		return c
	}
	rapid.Check(t, func(t *rapid.T) {
		p, b, h, z := drawCase(t)
		r := Field(p, b, h, z)
		p.Preferred = p.Preferred.Other()
		if p.Prefer != "" {
			p.Prefer = p.Prefer.Other()
		}
		m := Field(p, Base{Cell: swapCell(b.Cell), HubSpot: b.Zoho, Zoho: b.HubSpot}, z, h)
		if r.Value != m.Value || r.WriteHubSpot != m.WriteZoho || r.WriteZoho != m.WriteHubSpot || r.Reason != m.Reason {
			t.Fatalf("got %s, mirrored %s", describe(r), describe(m))
		}
		if swapCell(r.Base.Cell) != m.Base.Cell {
			t.Fatalf("base %v, mirrored %v", r.Base.Cell, m.Base.Cell)
		}
	})
}

func TestNoValueComesFromNowhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, b, h, z := drawCase(t)
		r := Field(p, b, h, z)
		if r.Value.Hash == "" || !r.WriteHubSpot && !r.WriteZoho {
			return
		}
		if b.Cell.IsZero() && r.Winner == "" {
			return // a lost base is taken from our own writes
		}
		candidates := map[Hash]bool{b.Cell.Hash: true}
		for _, s := range []Side{h, z} {
			for _, e := range s.Edits {
				if !e.Own {
					candidates[e.Value.Hash] = true
				}
			}
		}
		if !candidates[r.Value.Hash] {
			t.Fatalf("%s is neither the base nor a person's edit", r.Value.Text)
		}
	})
}
