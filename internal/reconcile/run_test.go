package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// must runs once, without an error.
func must(t *testing.T, h *environment) reconcile.Report {
	t.Helper()
	report, err := h.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func minutesAgo(n int) time.Time { return start.Add(-time.Duration(n) * time.Minute) }

func TestTheFirstRunLooksBackAsFarAsConfigured(t *testing.T) {
	h := newEnvironment(func(c *reconcile.Config) { c.LookBack = 10 * time.Minute })
	h.system.change(1, minutesAgo(12))
	h.system.change(2, minutesAgo(9))
	h.system.delete(3, minutesAgo(8))
	report := must(t, h)
	want := []op.Operation{
		{Version: 1, ID: "1", Ref: h.system.found(change{id: 2}).Ref, Change: op.Reconciled, OccurredAt: minutesAgo(9), ReceivedAt: start},
		{Version: 1, ID: "2", Ref: h.system.found(change{id: 3}).Ref, Change: op.Deleted, OccurredAt: minutesAgo(8),
			ReceivedAt: start.Add(250 * time.Millisecond)},
	}
	if diff := cmp.Diff(want, h.topic.ops); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	wantReport := reconcile.Report{StartedAt: start, TookMS: 250, Published: 2, Complete: true, Scans: []reconcile.ScanReport{
		{System: crm.Zoho, Kind: crm.Contact, Pages: 1, Published: 1, Complete: true, Covered: start.Add(-30 * time.Second)},
		{System: crm.Zoho, Kind: crm.Contact, Deleted: true, Pages: 1, Published: 1, Complete: true, Covered: start.Add(-29_750 * time.Millisecond)},
	}}
	if diff := cmp.Diff(wantReport, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestManyRecordsOfOneTimeAreFoundAcrossPages(t *testing.T) {
	h := newEnvironment()
	for id := 1; id <= 25; id++ {
		h.system.change(id, minutesAgo(5))
	}
	report := must(t, h)
	if report.Scans[0].Pages != 9 || report.Published != 25 || !report.Complete {
		t.Errorf("report %+v", report)
	}
	if ids := h.topic.ids(); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 25 {
		t.Errorf("published %v", ids)
	}
}

func TestAPassNeverGoesBeyondTheLag(t *testing.T) {
	h := newEnvironment()
	h.system.change(1, start.Add(-29*time.Second))
	must(t, h)
	if len(h.topic.ops) != 0 {
		t.Fatalf("published %v, which the index may not have settled yet", h.topic.ids())
	}
	h.clock.advance(2 * time.Second)
	must(t, h)
	if diff := cmp.Diff([]string{"1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestWhatBecomesVisibleLateIsFoundInTheOverlap(t *testing.T) {
	h := newEnvironment()
	at := start.Add(-40 * time.Second)
	h.system.changes = []change{{id: 1, at: at, visible: at.Add(149 * time.Second)}}
	for range 3 {
		must(t, h)
		h.clock.advance(time.Minute)
	}
	if diff := cmp.Diff([]string{"1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestALaterPassGoesBackByTheOverlapAndNoFurther(t *testing.T) {
	h := newEnvironment()
	must(t, h)
	covered := h.cursors.stored[changedName].Covered
	h.clock.advance(15 * time.Minute)
	var since []time.Time
	h.system.before = func(w crm.Walk, _ bool) error {
		since = append(since, w.Since)
		return nil
	}
	must(t, h)
	if want := covered.Add(-2 * time.Minute); !since[0].Equal(want) {
		t.Errorf("the scan begins at %s, want %s", since[0], want)
	}
}

func TestAPageIsPublishedBeforeItsPlaceIsSaved(t *testing.T) {
	h := newEnvironment()
	for id := 1; id <= 5; id++ {
		h.system.change(id, minutesAgo(id))
	}
	h.topic.during = func([]op.Operation) error {
		if len(h.topic.ops) == 3 {
			return errors.New("topic is away")
		}
		return nil
	}
	report, err := h.run(t.Context())
	if err == nil || report.Scans[0].Stopped != reconcile.Failed || report.Complete {
		t.Fatalf("report %+v, error %v", report, err)
	}
	if got := h.cursors.stored[changedName].From.ID; got != "3" {
		t.Errorf("the cursor is at %q, want the end of the first page", got)
	}
	h.topic.during = nil
	must(t, h)
	if diff := cmp.Diff([]string{"5", "4", "3", "2", "1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestACrashBetweenPublishAndSaveRepeatsAPageAndLosesNone(t *testing.T) {
	h := newEnvironment()
	for id := 1; id <= 5; id++ {
		h.system.change(id, minutesAgo(id))
	}
	h.cursors.before = errStore
	if _, err := h.run(t.Context()); !errors.Is(err, errStore) {
		t.Fatalf("error %v, want that of the store", err)
	}
	h.cursors.before = nil
	must(t, h)
	if diff := cmp.Diff([]string{"5", "4", "3", "5", "4", "3", "2", "1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestARunThatIsOutOfTimeIsContinuedByTheNext(t *testing.T) {
	h := newEnvironment(func(c *reconcile.Config) { c.Budget = 10 * time.Second })
	for id := 1; id <= 7; id++ {
		h.system.change(id, start.Add(-time.Duration(id)*time.Hour/2))
	}
	h.system.before = func(_ crm.Walk, deleted bool) error {
		if !deleted {
			h.clock.advance(6 * time.Second)
		}
		return nil
	}
	report := must(t, h)
	if report.Complete || report.Scans[0].Stopped != reconcile.OutOfTime || report.Scans[0].Pages != 2 {
		t.Fatalf("report %+v", report)
	}
	until := h.cursors.stored[changedName].Until
	h.clock.advance(15 * time.Minute)
	report = must(t, h)
	if !report.Complete || !report.Scans[0].Covered.Equal(until) {
		t.Errorf("the scan was not finished where it was to end: %+v", report)
	}
	if diff := cmp.Diff([]string{"7", "6", "5", "4", "3", "2", "1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestAContextThatEndsStopsARunWithoutAnError(t *testing.T) {
	h := newEnvironment()
	h.system.change(1, minutesAgo(1))
	ctx, cancel := context.WithCancel(t.Context())
	h.system.before = func(crm.Walk, bool) error {
		cancel()
		return &crm.Error{System: crm.Zoho, Kind: crm.Unavailable, Err: context.Canceled}
	}
	report, err := h.run(ctx)
	if err != nil || report.Scans[0].Stopped != reconcile.OutOfTime || report.Scans[1].Stopped != reconcile.OutOfTime {
		t.Errorf("report %+v, error %v", report, err)
	}
}

func TestTwoRunsAtOnceStopEachOther(t *testing.T) {
	h := newEnvironment()
	for id := 1; id <= 10; id++ {
		h.system.change(id, minutesAgo(id))
	}
	var inner reconcile.Report
	h.topic.during = func([]op.Operation) error {
		h.topic.during = nil
		var err error
		inner, err = h.run(t.Context())
		return err
	}
	outer := must(t, h)
	if !inner.Complete || outer.Scans[0].Stopped != reconcile.Overtaken || outer.Scans[0].Pages != 1 {
		t.Errorf("inner %+v\nouter %+v", inner, outer)
	}
	for id := 1; id <= 10; id++ {
		if !h.topic.has(h.system.found(change{id: id, at: minutesAgo(id)})) {
			t.Errorf("record %d was not published", id)
		}
	}
}

func TestDeletedRecordsOfASystemHaveAnIntervalOfTheirOwn(t *testing.T) {
	h := newEnvironment(func(c *reconcile.Config) {
		c.DeletedEvery = map[crm.System]time.Duration{crm.Zoho: time.Hour}
	})
	must(t, h)
	h.system.delete(1, h.clock.Now())
	h.system.change(2, h.clock.Now())
	h.clock.advance(30 * time.Minute)
	report := must(t, h)
	if diff := cmp.Diff([]string{"2"}, h.topic.ids()); diff != "" || !report.Scans[1].NotDue || !report.Complete {
		t.Errorf("report %+v, published (-want +got):\n%s", report, diff)
	}
	h.clock.advance(30 * time.Minute)
	must(t, h)
	if diff := cmp.Diff([]string{"2", "1"}, h.topic.ids()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestNewReportsEverythingThatIsWrongAtOnce(t *testing.T) {
	_, err := reconcile.New(reconcile.Config{
		Scanners: map[crm.System]reconcile.Scanner{"sap": &loop{}}, Kinds: []crm.Kind{"deal"}, Lag: -1,
	})
	for _, part := range []string{"cursors, clock and ids", `"sap"`, "no publisher", `"deal"`, "negative"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not speak of %s", err, part)
		}
	}
	if _, err := reconcile.New(reconcile.Config{}); err == nil || !strings.Contains(err.Error(), "no scanner is given") {
		t.Errorf("an empty configuration: %v", err)
	}
}

// A sweep is over when all there was to find is on its way, whoever found it.
func TestASweepIsOverWhenNothingIsLeftToFind(t *testing.T) {
	tests := map[string]struct {
		change func(*scenario)
		want   string
	}{
		"all is found":     {func(*scenario) {}, ""},
		"nothing is due":   {func(r *scenario) { r.run(); r.clock.Advance(-31 * time.Second) }, ""},
		"there is no time": {func(r *scenario) { r.config.Budget = 1 }, "out_of_time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newScenario(t, 0)
			tt.change(r)
			if tt.want != "" {
				r.config.Pause = time.Second
			}
			rec, err := reconcile.New(r.config)
			if err != nil {
				t.Fatal(err)
			}
			err = rec.Sweep(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
