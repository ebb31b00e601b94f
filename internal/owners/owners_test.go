package owners

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// scenario is a CRM whose users come and go, with a clock.
type scenario struct {
	now   time.Time
	users []crm.Owner
	reads int
	err   error
}

func (h *scenario) directory() *Directory {
	return New(func(context.Context) ([]crm.Owner, error) { h.reads++; return h.users, h.err }, func() time.Time { return h.now })
}

func newScenario() *scenario {
	return &scenario{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), users: []crm.Owner{
		{ID: "1", Email: "Ada@example.com", Active: true}, {ID: "2", Email: "gone@example.com"}, {ID: "3", Email: "pat@example.com", Active: true},
	}}
}

func TestIdsBecomeAddressesInARecordAndItsHistory(t *testing.T) {
	h := newScenario()
	at := h.now
	rec := crm.Record{
		Fields:  map[string]string{"owner": "1", "city": "1"},
		History: map[string][]crm.Edit{"owner": {{Value: "1", At: at}, {Value: "", At: at}, {Value: "2", At: at}, {Value: "99", At: at}}},
	}
	got, err := h.directory().ReplaceIDs(t.Context(), rec, []string{"owner"})
	if err != nil {
		t.Fatal(err)
	}
	want := crm.Record{
		Fields:  map[string]string{"owner": "Ada@example.com", "city": "1"},
		History: map[string][]crm.Edit{"owner": {{Value: "Ada@example.com", At: at}, {Value: "", At: at}, {Value: "gone@example.com", At: at}, {Value: "99", At: at}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if rec.Fields["owner"] != "1" || rec.History["owner"][0].Value != "1" {
		t.Error("the record that was given is changed")
	}
}

func TestARecordWithoutOwnerCostsNoCall(t *testing.T) {
	h := newScenario()
	d := h.directory()
	if _, err := d.ReplaceIDs(t.Context(), crm.Record{Fields: map[string]string{"city": "Oslo"}}, []string{"owner"}); err != nil || h.reads != 0 {
		t.Errorf("%d reads, %v", h.reads, err)
	}
	if _, _, err := d.ReplaceAddresses(t.Context(), crm.Write{Fields: map[string]crm.Value{"owner": {Type: crm.OwnedBy}, "city": {Text: "Oslo"}}}); err != nil || h.reads != 0 {
		t.Errorf("%d reads, %v", h.reads, err)
	}
}

func TestAddressesBecomeIdsOfActiveOwners(t *testing.T) {
	owned := func(email, otherwise string) map[string]crm.Value {
		return map[string]crm.Value{"owner": {Type: crm.OwnedBy, Text: email, Otherwise: otherwise}}
	}
	refused := []crm.FieldError{{Field: "owner", Code: string(failurecode.OwnerUnknown)}}
	tests := map[string]struct {
		email, otherwise string
		want             string
		unknown          []crm.FieldError
	}{
		"one who is there, whatever the case":       {"ADA@example.com", "", "1", nil},
		"one who left":                              {"gone@example.com", "", "gone@example.com", refused},
		"one who left, with a stand-in":             {"gone@example.com", "pat@example.com", "3", nil},
		"one who never was, with a stand-in":        {"hubspot:41629779", "pat@example.com", "3", nil},
		"a stand-in who left":                       {"no@example.com", "gone@example.com", "no@example.com", refused},
		"an id that the side knows":                 {"77", "pat@example.com", "77", nil},
		"an empty value clears and asks for nobody": {"", "pat@example.com", "", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := crm.Write{Fields: owned(tt.email, tt.otherwise)}
			got, unknown, err := newScenario().directory().ReplaceAddresses(t.Context(), w)
			if err != nil || got.Fields["owner"].Text != tt.want {
				t.Errorf("got %q, %v, want %q", got.Fields["owner"].Text, err, tt.want)
			}
			if diff := cmp.Diff(tt.unknown, unknown); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
			if w.Fields["owner"].Text != tt.email {
				t.Error("the write that was given is changed")
			}
		})
	}
}

func TestTheListIsReadOnceAndAgainForANewOwner(t *testing.T) {
	h := newScenario()
	d := h.directory()
	assign := func(email string, reads int) {
		t.Helper()
		if _, _, err := d.ReplaceAddresses(t.Context(), crm.Write{Fields: map[string]crm.Value{"owner": {Type: crm.OwnedBy, Text: email}}}); err != nil || h.reads != reads {
			t.Errorf("%d reads, %v, want %d", h.reads, err, reads)
		}
	}
	assign("ada@example.com", 1)
	assign("pat@example.com", 1)
	assign("new@example.com", 1) // the list is of just now
	h.now = h.now.Add(2 * time.Minute)
	assign("ada@example.com", 1)
	assign("new@example.com", 2)
	assign("new@example.com", 2)
	h.now = h.now.Add(11 * time.Minute)
	assign("ada@example.com", 3)
}

func TestAListThatCannotBeReadIsAskedForAgain(t *testing.T) {
	h := newScenario()
	d := h.directory()
	h.err = errors.New("down")
	if _, err := d.ReplaceIDs(t.Context(), crm.Record{Fields: map[string]string{"owner": "1"}}, []string{"owner"}); !errors.Is(err, h.err) {
		t.Errorf("error %v", err)
	}
	h.err = nil
	rec, err := d.ReplaceIDs(t.Context(), crm.Record{Fields: map[string]string{"owner": "1"}}, []string{"owner"})
	if err != nil || rec.Fields["owner"] != "Ada@example.com" {
		t.Errorf("%v, %v", rec.Fields, err)
	}
}
