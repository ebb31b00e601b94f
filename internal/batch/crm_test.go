package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// takes is how long calls take. Each kind takes longer than the one before it
// in an operation, so that who comes behind meets one in flight.
var takes = map[string]time.Duration{
	"read": time.Second, "find": 1500 * time.Millisecond, "create": 2 * time.Second, "update": 2500 * time.Millisecond,
}

// side is a CRM.
type side struct {
	mu    sync.Mutex
	calls []string
	// silent leaves the answers out.
	silent bool
}

func (s *side) called(ctx context.Context, what string, about ...string) {
	s.mu.Lock()
	slices.Sort(about)
	s.calls = append(s.calls, what+" "+strings.Join(about, " "))
	s.mu.Unlock()
	select {
	case <-time.After(takes[strings.Fields(what)[0]]):
	case <-ctx.Done():
	}
}

func (s *side) ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record] {
	s.called(ctx, "read "+string(kind), slices.Clone(ids)...)
	answers := map[string]crm.Answer[crm.Record]{}
	for _, id := range ids {
		rec := crm.Record{Ref: crm.Ref{System: crm.Zoho, Kind: kind, RecordID: id}, Fields: map[string]string{"id": id}}
		if !s.silent {
			answers[id] = crm.Answer[crm.Record]{Value: rec}
		}
	}
	return answers
}

func (s *side) FindMany(ctx context.Context, kind crm.Kind, lists [][]crm.Key) []crm.Answer[[]crm.Record] {
	answers := make([]crm.Answer[[]crm.Record], len(lists))
	var about []string
	for i, keys := range lists {
		about = append(about, keys[0].Value)
		answers[i].Value = []crm.Record{{CounterpartID: keys[0].Value}}
	}
	s.called(ctx, "find "+string(kind), about...)
	return answers
}

func (s *side) CreateMany(ctx context.Context, kind crm.Kind, writes []crm.Write) []crm.Answer[crm.Written] {
	answers := make([]crm.Answer[crm.Written], len(writes))
	var about []string
	for i, w := range writes {
		about = append(about, w.CounterpartID)
		answers[i].Value.Ref.RecordID = "of " + w.CounterpartID
	}
	s.called(ctx, "create "+string(kind), about...)
	return answers
}

func (s *side) UpdateMany(ctx context.Context, kind crm.Kind, updates []crm.Update) []crm.Answer[crm.Written] {
	answers := make([]crm.Answer[crm.Written], len(updates))
	var about []string
	for i, u := range updates {
		about = append(about, u.Record.Ref.RecordID)
		answers[i].Value.Ref = u.Record.Ref
	}
	s.called(ctx, "update "+string(kind), about...)
	return answers
}

func (s *side) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	s.called(ctx, "history", rec.Ref.RecordID)
	rec.History = map[string][]crm.Edit{}
	return rec, nil
}

func contact(id string) crm.Ref { return crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: id} }

func TestOperationsInFlightShareTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		c := NewCRM(crm.Zoho, s, Sizes{Read: 10, Find: 10, Write: 10}, nil)
		var wait sync.WaitGroup
		for i := range 4 {
			id := fmt.Sprint(i)
			wait.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				ctx, ref := t.Context(), contact(id)
				rec, err := c.Read(ctx, ref)
				if err != nil || rec.Ref != ref {
					t.Errorf("read %s: %v, %v", id, rec.Ref, err)
				}
				found, err := c.Find(ctx, crm.Contact, []crm.Key{{Value: id}})
				if err != nil || len(found) != 1 || found[0].CounterpartID != id {
					t.Errorf("find %s: %v, %v", id, found, err)
				}
				made, err := c.Create(ctx, crm.Contact, crm.Write{CounterpartID: id})
				if err != nil || made.Ref.RecordID != "of "+id {
					t.Errorf("create %s: %v, %v", id, made, err)
				}
				done, err := c.Update(ctx, rec, crm.Write{CounterpartID: id})
				if err != nil || done.Ref != ref {
					t.Errorf("update %s: %v, %v", id, done, err)
				}
			})
		}
		wait.Wait()
		want := []string{
			"read contact 0", "read contact 1 2 3", "find contact 0", "find contact 1 2 3",
			"create contact 0", "create contact 1 2 3", "update contact 0", "update contact 1 2 3"}
		got := slices.Clone(s.calls)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestTwoWritesToOneRecordNeverShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		c := NewCRM(crm.Zoho, s, Sizes{Read: 10, Find: 10, Write: 10}, nil)
		var wait sync.WaitGroup
		for i := range 3 {
			wait.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if _, err := c.Update(t.Context(), crm.Record{Ref: contact("1")}, crm.Write{}); err != nil {
					t.Error(err)
				}
				if _, err := c.Create(t.Context(), crm.Contact, crm.Write{CounterpartID: "7"}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		slices.Sort(s.calls)
		want := []string{"create contact 7", "create contact 7", "create contact 7", "update contact 1", "update contact 1", "update contact 1"}
		if diff := cmp.Diff(want, s.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestKindsOfRecordsDoNotShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		c := NewCRM(crm.Zoho, s, Sizes{Read: 10, Find: 10, Write: 10}, nil)
		var wait sync.WaitGroup
		for _, kind := range crm.Kinds {
			wait.Go(func() {
				ref := crm.Ref{System: crm.Zoho, Kind: kind, RecordID: "1"}
				if rec, err := c.Read(t.Context(), ref); err != nil || rec.Ref != ref {
					t.Errorf("%v, %v", rec.Ref, err)
				}
			})
		}
		wait.Wait()
		if len(s.calls) != 2 {
			t.Errorf("calls: %v", s.calls)
		}
	})
}

func TestACallerMayChangeARecordThatItShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCRM(crm.Zoho, &side{}, Sizes{Read: 10}, nil)
		var wait sync.WaitGroup
		for i := range 3 {
			wait.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				rec, err := c.Read(t.Context(), contact("1"))
				if err != nil || len(rec.Fields) != 1 {
					t.Errorf("%v, %v", rec, err)
				}
				rec.Fields[fmt.Sprint(i)] = "mine" // the race detector looks on
			})
		}
		wait.Wait()
	})
}

func TestAWriteThatItsCallerGaveUpMayHaveBeenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCRM(crm.Zoho, &side{}, Sizes{Read: 10, Write: 1}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := c.Update(ctx, crm.Record{Ref: contact("1")}, crm.Write{})
		if e := crm.AsError(err); e == nil || e.Kind != crm.Unavailable || !e.Ambiguous || e.System != crm.Zoho || e.Action != "update" {
			t.Errorf("got %v", err)
		}
		_, err = c.Read(ctx, contact("1"))
		if e := crm.AsError(err); e == nil || e.Kind != crm.Unavailable || e.Ambiguous {
			t.Errorf("got %v", err)
		}
	})
}

func TestARecordOfTheOtherSideIsRefusedWithoutACall(t *testing.T) {
	s := &side{}
	c := NewCRM(crm.Zoho, s, Sizes{}, nil)
	ctx := t.Context()
	other := crm.Record{Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "1"}}
	_, err1 := c.Read(ctx, other.Ref)
	_, err2 := c.Read(ctx, crm.Ref{System: crm.Zoho, Kind: "deal", RecordID: "1"})
	_, err3 := c.Update(ctx, other, crm.Write{})
	_, err4 := c.Find(ctx, "deal", nil)
	_, err5 := c.Create(ctx, "deal", crm.Write{})
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if !crm.IsKind(err, crm.Refused) {
			t.Errorf("%d: got %v", i, err)
		}
	}
	if len(s.calls) != 0 {
		t.Errorf("calls: %v", s.calls)
	}
}

func TestARecordWithoutAnswerIsNotTakenForAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCRM(crm.Zoho, &side{silent: true}, Sizes{Read: 10}, nil)
		if _, err := c.Read(t.Context(), contact("1")); err == nil || crm.IsKind(err, crm.NotFound) {
			t.Errorf("got %v", err)
		}
	})
}
