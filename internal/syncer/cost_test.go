package syncer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
)

// spent is what an operation cost: reads and writes of links, and calls.
type spent struct{ reads, saves, calls, histories int }

// applyAndCount applies an operation and returns what it cost.
func (w *scenario) applyAndCount(o op.Operation, want Outcome) spent {
	w.t.Helper()
	reads, saves, histories := w.links.reads, w.links.saves, w.zoho.histories
	r, err := w.syncer.Apply(w.t.Context(), o)
	if err != nil || r.Outcome != want {
		w.t.Fatalf("outcome %s (%s), %v, want %s", r.Outcome, r.Reason, err, want)
	}
	return spent{w.links.reads - reads, w.links.saves - saves, r.Calls, w.zoho.histories - histories}
}

func TestWhatAnOperationCosts(t *testing.T) {
	fields := map[string]string{"email": "ada@example.com", "lastname": "Lovelace", "city": "London"}
	tests := map[string]struct {
		want spent
		run  func(w *scenario) spent
	}{
		// Read, find, create, read back, write the id.
		"a contact that is created": {spent{1, 2, 5, 0}, func(w *scenario) spent {
			id := w.hubspot.editAsPerson("", fields)
			return w.applyAndCount(w.newOperation(crm.HubSpot, id, op.Created), Created)
		}},
		// Both are read, one is written and read back.
		"an edit in Zoho": {spent{1, 2, 4, 0}, func(w *scenario) spent {
			_, z := w.createPair(fields)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Paris"})
			return w.applyAndCount(w.newOperation(crm.Zoho, z.id, op.Updated), Updated)
		}},
		"an edit in HubSpot, when Zoho was left alone for a while": {spent{1, 2, 4, 0}, func(w *scenario) spent {
			h, _ := w.createPair(fields)
			w.advance(time.Hour)
			w.hubspot.editAsPerson(h.id, map[string]string{"city": "Paris"})
			return w.applyAndCount(w.newOperation(crm.HubSpot, h.id, op.Updated), Updated)
		}},
		"an echo": {spent{1, 0, 1, 0}, func(w *scenario) spent {
			_, z := w.createPair(fields)
			return w.applyAndCount(w.newOperation(crm.Zoho, z.id, op.Updated), Unchanged)
		}},
		"an operation that was received well before the last read": {spent{1, 0, 0, 0}, func(w *scenario) spent {
			id := w.hubspot.editAsPerson("", fields)
			late := w.newOperation(crm.HubSpot, id, op.Updated)
			w.advance(time.Minute)
			w.applyChange(crm.HubSpot, id)
			return w.applyAndCount(late, Covered)
		}},
		"an operation that occurred before the record was last modified, as it was read": {spent{1, 0, 0, 0}, func(w *scenario) spent {
			id := w.hubspot.editAsPerson("", fields)
			first := w.newOperation(crm.HubSpot, id, op.Updated)
			w.advance(time.Second)
			w.hubspot.editAsPerson(id, map[string]string{"city": "Paris"})
			w.applyChange(crm.HubSpot, id)
			first.ReceivedAt = w.clock.now.Add(time.Second) // long on its way
			return w.applyAndCount(first, Covered)
		}},
		"a deletion, whatever was read": {spent{1, 1, 1, 0}, func(w *scenario) spent {
			h, _ := w.createPair(fields)
			gone := w.newOperation(crm.HubSpot, h.id, op.Deleted)
			gone.OccurredAt = h.modified.Add(-time.Second)
			delete(w.hubspot.records, h.id)
			return w.applyAndCount(gone, Ignored)
		}},
		"an edit that occurred in the second of the read, where times have whole seconds": {spent{1, 0, 1, 0}, func(w *scenario) spent {
			_, z := w.createPair(fields)
			o := w.newOperation(crm.Zoho, z.id, op.Updated)
			o.OccurredAt = z.modified
			return w.applyAndCount(o, Unchanged)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.run(newScenario(t)); got != tt.want {
				t.Errorf("cost %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Both sides are read at once where both will be needed, and only there: an echo
// costs the read of one side.
func TestBothSidesAreReadInParallelWhereBothAreNeeded(t *testing.T) {
	edit := func(w *scenario, h *modelRecord) op.Operation {
		w.hubspot.editAsPerson(h.id, map[string]string{"city": "Paris"})
		return w.newOperation(crm.HubSpot, h.id, op.Updated)
	}
	tests := map[string]struct {
		want    int
		outcome Outcome
		run     func(w *scenario, h, z *modelRecord) op.Operation
	}{
		"an edit of a pair that was left alone for a while": {1, Updated, func(w *scenario, h, _ *modelRecord) op.Operation {
			w.advance(time.Minute)
			return edit(w, h)
		}},
		"the next edit after a moment": {0, Updated, func(w *scenario, h, _ *modelRecord) op.Operation {
			return edit(w, h)
		}},
		"the echo of a write, long on its way": {0, Unchanged, func(w *scenario, h, z *modelRecord) op.Operation {
			w.advance(time.Minute)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Paris"})
			w.applyChange(crm.Zoho, z.id)
			echo := w.newOperation(crm.HubSpot, h.id, op.Updated)
			echo.OccurredAt = h.modified.Add(time.Millisecond)
			w.advance(time.Minute)
			echo.ReceivedAt = w.clock.now
			return echo
		}},
		"a change that a sweep found": {0, Updated, func(w *scenario, h, _ *modelRecord) op.Operation {
			w.advance(time.Minute)
			o := edit(w, h)
			o.Change = op.Reconciled
			return o
		}},
		"an edit on the side that sends an event for every field": {0, Updated, func(w *scenario, _, z *modelRecord) op.Operation {
			w.advance(time.Minute)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Paris"})
			return w.newOperation(crm.Zoho, z.id, op.Updated)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			h, z := w.createPair(map[string]string{"email": "ada@example.com", "lastname": "Lovelace", "city": "London"})
			o := tt.run(w, h, z)
			w.atOnce = 0
			w.applyAndCount(o, tt.outcome)
			if w.atOnce != tt.want {
				t.Errorf("calls were made at once %d times, want %d", w.atOnce, tt.want)
			}
		})
	}
}

// An echo can wait for company; an edit cannot, nor does anything else that an
// operation does.
func TestOnlyTheReadForALikelyEchoHasLowPriority(t *testing.T) {
	w := newScenario(t)
	h, z := w.createPair(map[string]string{"email": "ada@example.com", "lastname": "Lovelace", "city": "London"})
	reads := func(apply func()) [2][]bool {
		w.hubspot.patient, w.zoho.patient = nil, nil
		apply()
		return [2][]bool{w.hubspot.patient, w.zoho.patient}
	}
	w.advance(time.Minute)
	for _, tt := range []struct {
		name  string
		apply func()
		want  [2][]bool // of HubSpot and of Zoho
	}{
		{"an edit", func() {
			w.hubspot.editAsPerson(h.id, map[string]string{"city": "Paris"})
			w.applyChange(crm.HubSpot, h.id)
		}, [2][]bool{{false}, {false, false}}},
		{"its echo", func() { w.advance(time.Second); w.applyChange(crm.Zoho, z.id) }, [2][]bool{nil, {true}}},
		{"another edit on the same side", func() {
			w.advance(time.Second)
			w.hubspot.editAsPerson(h.id, map[string]string{"city": "Rome"})
			w.applyChange(crm.HubSpot, h.id)
		}, [2][]bool{{false}, {false, false}}},
		{"an edit on the other side, soon after", func() {
			w.advance(time.Second)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Bonn"})
			w.applyChange(crm.Zoho, z.id)
		}, [2][]bool{{false, false}, {true}}},
		{"a late event", func() { w.advance(time.Minute); w.applyChange(crm.Zoho, z.id) }, [2][]bool{nil, {false}}},
	} {
		if diff := cmp.Diff(tt.want, reads(tt.apply)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The record's time, which another field moved, stands in for that of the edit
// until an edit in HubSpot competes with it. Then the timeline decides.
func TestAnEditThatCompetesWithABoundIsDecidedByTheTimeline(t *testing.T) {
	tests := map[string]struct {
		skew      time.Duration // of HubSpot's clock
		want      string
		histories int
	}{
		"it was later than the edit in Zoho, though not than the record's time": {-15 * time.Second, "Rome", 1},
		"it was earlier":                        {-45 * time.Second, "Paris", 1},
		"it was later than every entry of Zoho": {0, "Rome", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			h, z := w.createPair(map[string]string{"email": "ada@example.com", "lastname": "Lovelace", "city": "London"})
			w.advance(time.Hour)
			w.zoho.editAsPerson(z.id, map[string]string{"Mailing_City": "Paris"})
			w.advance(30 * time.Second)
			w.zoho.editAsPerson(z.id, map[string]string{"Title": "Countess"})
			w.advance(time.Second)
			w.hubspot.before = func(action string, r *modelRecord) error {
				if action == "update" {
					w.hubspot.before = nil
					w.hubspot.skew = tt.skew
					w.hubspot.editAsPerson(r.id, map[string]string{"city": "Rome"})
					w.hubspot.skew = 0
				}
				return nil
			}
			w.applyChange(crm.Zoho, z.id)
			if h.fields["city"] != tt.want || z.fields["Mailing_City"] != tt.want {
				t.Errorf("HubSpot holds %q, Zoho %q, want %q", h.fields["city"], z.fields["Mailing_City"], tt.want)
			}
			if w.zoho.histories == 0 {
				t.Error("the timeline was not asked for")
			}
		})
	}
}
