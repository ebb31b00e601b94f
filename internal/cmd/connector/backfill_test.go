package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// createStock fills both sides without any webhook: pairs that match and are equal
// but for the city, records of HubSpot alone, records of Zoho alone.
func (s *scenario) createStock(x recordKind, pairs, hubspot, zoho int) {
	s.Helper()
	s.createDifferingStock(x, pairs, 1, hubspot, zoho)
}

// createDifferingStock is stock with pairs of which every so many differ, and the
// others do not.
func (s *scenario) createDifferingStock(x recordKind, pairs, every, hubspot, zoho int) {
	s.Helper()
	s.loseWebhooks(1)
	at := time.Now().Add(-48 * time.Hour)
	one := func(i int) (h, z values) {
		key, name := fmt.Sprintf("%d%s", i, x.keyValue), fmt.Sprint("Lovelace ", i)
		return mergeValues(x.key.h(key), x.name.h(name)), mergeValues(x.key.z(key), x.name.z(name))
	}
	for i := range pairs {
		h, z := one(i)
		city := "Zoho, earlier"
		if i%every > 0 {
			city = "HubSpot, later"
		}
		s.mustCreate(crm.HubSpot, x.kind, mergeValues(h, x.city.h("HubSpot, later")), at.Add(time.Hour))
		s.mustCreate(crm.Zoho, x.kind, mergeValues(z, x.city.z(city)), at)
	}
	for i := range hubspot {
		h, _ := one(1_000_000 + i)
		s.mustCreate(crm.HubSpot, x.kind, h, at)
	}
	for i := range zoho {
		_, z := one(2_000_000 + i)
		s.mustCreate(crm.Zoho, x.kind, z, at)
	}
	s.awaitIdle()
	s.loseWebhooks(0)
}

func (s *scenario) runBackfill(line string) (backfillResult, error) {
	s.Helper()
	out, err := s.runCommand(append([]string{"backfill", "--json"}, strings.Fields(line)...)...)
	var b backfillResult
	if jsonErr := json.Unmarshal([]byte(out), &b); jsonErr != nil {
		s.Fatalf("connector backfill %s: %v, %v\n%s", line, err, jsonErr, out)
	}
	return b, err
}

func TestABackfillLinksCreatesAndLeavesZohosOwnAlone(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		s.createStock(x, 12, 8, 10)
		b, err := s.runBackfill("--per-second 1000")
		s.must(err)
		s.awaitIdle()
		if diff := cmp.Diff(map[reconcile.Outcome]int{reconcile.Link: 12, reconcile.Create: 8}, b.Counts[x.kind]); diff != "" || b.Walked != 20 || !b.Finished {
			s.Errorf("walked %d, finished %t (-want +got):\n%s", b.Walked, b.Finished, diff)
		}
		for _, n := range b.Now {
			if n.Kind == x.kind && (n.HubSpot != 20 || n.Zoho != 30 || n.Pairs != 20 || n.Made != 8) {
				s.Errorf("counts are %+v", n)
			}
		}
		all, err := s.findRecords(s.ctx, crm.Zoho, x.kind, x.city[1], "HubSpot, later")
		if s.must(err); len(all) != 12 {
			s.Errorf("%d records of Zoho have the later city, want 12", len(all))
		}
		s.checkOutput("backfill", "Finished before", "0 records processed")
		s.resetCalls()
		b, err = s.runBackfill("--restart --per-second 1000")
		s.must(err)
		s.awaitIdle()
		if diff := cmp.Diff(map[reconcile.Outcome]int{reconcile.Skip: 20}, b.Counts[x.kind]); diff != "" {
			s.Errorf("once more (-want +got):\n%s", diff)
		}
		s.checkWrites(0, 0)
	})
}

func TestABackfillStopsAtItsCapAndNamesTheFlag(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	x := recordKinds[0]
	s.createStock(x, 2, 9, 0)
	b, err := s.runBackfill("--max-creates 4 --per-second 1000")
	if !errors.Is(err, safeguard.ErrTooManyCreates) || !strings.Contains(err.Error(), "--max-creates") {
		t.Errorf("got %v", err)
	}
	s.awaitIdle()
	if n := s.countRecords(crm.Zoho, x.kind); b.Counts.Total(reconcile.Create) != 4 || n != 2+4 {
		t.Errorf("%d were created, Zoho has %d records", b.Counts.Total(reconcile.Create), n)
	}
	if b, err = s.runBackfill("--max-creates 100 --per-second 1000"); err != nil || !b.Finished {
		t.Errorf("after that: %+v, %v", b, err)
	}
	s.awaitIdle()
	if n := s.countRecords(crm.Zoho, x.kind); n != 11 {
		t.Errorf("Zoho has %d records, want 11", n)
	}
	if _, err := s.runCommand("backfill", "--window", "0"); err == nil || !strings.Contains(err.Error(), "--window") {
		t.Errorf("a window of nothing: %v", err)
	}
}
