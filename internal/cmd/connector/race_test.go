package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// editors is how many people work at once.
const editors = 16

// disturbWebhooks has every webhook of both sides sent twice and out of order.
func (s *scenario) disturbWebhooks() {
	s.Helper()
	chaos := sim.Chaos{Duplicate: 1, Reorder: 1, Delay: sim.Duration(30 * time.Millisecond)}
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.callControl(s.ctx, "POST", url+sim.ControlPrefix+"deliveries", chaos, nil))
	}
}

// runEditors runs work for each editor behind a start gate.
func (s *scenario) runEditors(work func(editor int) error) {
	s.Helper()
	gate := make(chan struct{})
	errs := make([]error, editors)
	var wg sync.WaitGroup
	for i := range editors {
		wg.Go(func() {
			<-gate
			errs[i] = work(i)
		})
	}
	close(gate)
	wg.Wait()
	for _, err := range errs {
		s.must(err)
	}
}

// findOnlyRecord returns the one record that a side holds of a kind.
func (s *scenario) findOnlyRecord(system crm.System, kind crm.Kind) crm.Ref {
	s.Helper()
	all, err := s.listRecords(s.ctx, system, kind)
	s.must(err)
	if len(all) != 1 {
		s.Fatalf("%s holds %d records, want 1\n%s", system, len(all), s.log)
	}
	return crm.Ref{System: system, Kind: kind, RecordID: all[0].ID}
}

// checkInSync checks that both sides hold one record each, that each names the other
// and that the fields of both are equal and not empty.
func (s *scenario) checkInSync(x recordKind, fields ...fieldPair) {
	s.Helper()
	h, z := s.findOnlyRecord(crm.HubSpot, x.kind), s.findOnlyRecord(crm.Zoho, x.kind)
	if got := s.findCounterpart(h); got != z {
		s.Errorf("the counterpart of %s is %s, want %s", h, got, z)
	}
	if got := s.findCounterpart(z); got != h {
		s.Errorf("the counterpart of %s is %s, want %s", z, got, h)
	}
	inHubSpot, err := s.readRecord(s.ctx, h)
	s.must(err)
	inZoho, err := s.readRecord(s.ctx, z)
	s.must(err)
	for _, f := range fields {
		if a, b := inHubSpot[f[0]], inZoho[f[1]]; a == "" || a != b {
			s.Errorf("%s is %q in HubSpot, %s is %q in Zoho", f[0], a, f[1], b)
		}
	}
}

// TestOneRecordEditedOnBothSidesAtOnce: with any editor as the latest, both sides end
// equal, there is one record on each and the echoes die out.
func TestOneRecordEditedOnBothSidesAtOnce(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Start"), x.job.h("Start"))
		s.disturbWebhooks()
		s.runEditors(func(editor int) error {
			text := fmt.Sprint("by editor ", editor)
			if editor%2 == 0 {
				return s.editRecord(s.ctx, h, mergeValues(x.city.h(text), x.job.h(text)), time.Time{})
			}
			return s.editRecord(s.ctx, z, mergeValues(x.city.z(text), x.job.z(text)), time.Time{})
		})
		for _, system := range crm.Systems {
			s.must(s.redeliverWebhooks(s.ctx, system, 20))
		}
		s.awaitIdle()
		s.checkInSync(x, x.key, x.name, x.city, x.job)
		s.checkWrites(2*editors, 2*editors)
	})
}

// TestTheLatestEditsOfBothSidesMeetAndTheLaterWins: what went before
// is still on its way when the last edits are made.
func TestTheLatestEditsOfBothSidesMeetAndTheLaterWins(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Start"), x.job.h("Start"))
		s.disturbWebhooks()
		s.runEditors(func(editor int) error {
			text := fmt.Sprint("early by editor ", editor)
			if editor%2 == 0 {
				return s.editRecord(s.ctx, h, x.city.h(text), time.Time{})
			}
			return s.editRecord(s.ctx, z, x.job.z(text), time.Time{})
		})
		later := time.Now().Add(30 * time.Second)
		s.mustEdit(h, mergeValues(x.city.h("the last word"), x.job.h("the last but one")), later)
		s.mustEdit(z, x.job.z("the last word"), later.Add(10*time.Second))
		s.awaitIdle()
		s.checkInSync(x, x.key, x.name, x.city, x.job)
		s.checkValues(h, mergeValues(x.city.h("the last word"), x.job.h("the last word")))
	})
}

// TestOneRecordCreatedAndEditedByManyGetsOneCounterpart: no link exists yet when the
// first sixteen operations on it are carried out.
func TestOneRecordCreatedAndEditedByManyGetsOneCounterpart(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		s.disturbWebhooks()
		h := s.mustCreate(crm.HubSpot, x.kind, x.h(), time.Time{})
		s.runEditors(func(editor int) error {
			return s.editRecord(s.ctx, h, x.city.h(fmt.Sprint("by editor ", editor)), time.Time{})
		})
		s.must(s.redeliverWebhooks(s.ctx, crm.HubSpot, 20))
		s.awaitIdle()
		s.checkInSync(x, x.key, x.name, x.city)
		s.checkWrites(1, editors+2)
	})
}

// TestTheSamePersonIsMadeOnBothSidesAtOnce: each side's creation is new to the
// other, and the two are one.
func TestTheSamePersonIsMadeOnBothSidesAtOnce(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		s.disturbWebhooks()
		s.runEditors(func(editor int) error {
			var err error
			switch editor {
			case 0:
				_, err = s.createRecord(s.ctx, crm.HubSpot, x.kind, x.h(x.city.h("Oslo")), time.Time{})
			case 1:
				_, err = s.createRecord(s.ctx, crm.Zoho, x.kind, mergeValues(x.key.z(x.keyValue), x.name.z("Lovelace"), x.job.z("Analyst")), time.Time{})
			}
			return err
		})
		s.awaitIdle()
		s.checkInSync(x, x.key, x.name, x.city, x.job)
		s.checkWrites(2, 2)
	})
}
