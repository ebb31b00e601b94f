package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// crowd is a CRM with n records, and a consumer that takes a second for as many
// operations as are given to it together. The last digit of a record's id says
// what becomes of it: 0 was linked before, 1 too and is updated, 2 to 4 are
// linked, 5 to 7 created, 8 has several counterparts, 9 none.
type crowd struct {
	at       time.Time
	n, page  int
	worked   map[string]int
	done     map[string]bool
	most     int // under way at a time
	held     map[string]time.Time
	fails    func(id string, attempt int) error
	cursors  *cursors
	killAt   int // the n-th call of anything that can fail; 0 for never
	calls    int
	killed   bool
	cancel   context.CancelFunc
	together int
}

func newCrowd(n int) *crowd {
	return &crowd{at: start, n: n, page: 100, worked: map[string]int{}, done: map[string]bool{}, cursors: newCursors()}
}

var errKilled = errors.New("killed here")

func (c *crowd) call() error {
	if c.calls++; c.killed || c.killAt > 0 && c.calls >= c.killAt {
		c.killed = true
		return errKilled
	}
	return nil
}

func (c *crowd) Now() time.Time { return c.at }

func (c *crowd) Sleep(ctx context.Context, d time.Duration) error {
	c.at = c.at.Add(d)
	return ctx.Err()
}

func (c *crowd) ListRefs(_ context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
	if err := c.call(); err != nil {
		return crm.FoundPage{}, err
	}
	var first int
	if from.ID != "" {
		if _, err := fmt.Sscan(from.ID, &first); err != nil {
			return crm.FoundPage{}, err
		}
	}
	last := min(first+c.page, c.n)
	page := crm.FoundPage{More: last < c.n, Next: crm.Place{ID: fmt.Sprint(last)}}
	for id := first; id < last; id++ {
		page.Found = append(page.Found, crm.Found{Ref: crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: fmt.Sprint(id)}, At: start})
	}
	return page, nil
}

// RunCohort does one after another, in a second.
func (c *crowd) Together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	c.most = max(c.most, n)
	if c.together++; n == 0 {
		panic("a call of nothing")
	}
	c.at = c.at.Add(time.Second)
	for i := range n {
		do(ctx, i)
	}
}

func (c *crowd) Work(_ context.Context, o op.Operation, attempt int) (syncer.Result, error) {
	id := o.Ref.RecordID
	if err := c.call(); err != nil {
		return syncer.Result{}, err
	}
	if c.at.Before(c.held[id]) {
		return syncer.Result{}, syncer.ErrBusy
	}
	if c.fails != nil {
		if err := c.fails(id, attempt); err != nil {
			return syncer.Result{}, err
		}
	}
	c.worked[id]++
	again := c.done[id]
	c.done[id] = true
	twin := crm.Ref{System: crm.Zoho, Kind: o.Ref.Kind, RecordID: id}
	switch digit := id[len(id)-1]; {
	case digit == '9':
		return syncer.Result{Outcome: syncer.Ignored, Reason: "no_counterpart"}, nil
	case digit == '8':
		return syncer.Result{Outcome: syncer.Parked, Reason: "AMBIGUOUS_MATCH"}, nil
	case digit == '0' || again:
		return syncer.Result{Outcome: syncer.Unchanged, Counterpart: twin}, nil
	case digit <= '4':
		return syncer.Result{Outcome: syncer.Updated, Counterpart: twin}, nil
	}
	return syncer.Result{Outcome: syncer.Created, Created: twin, Counterpart: twin}, nil
}

func (c *crowd) LinksOf(_ context.Context, refs []crm.Ref) (map[crm.Ref]syncer.Link, error) {
	links := map[crm.Ref]syncer.Link{}
	for _, ref := range refs {
		id := ref.RecordID
		digit := id[len(id)-1]
		if digit > '1' && (digit > '7' || !c.done[id]) && c.held[id].IsZero() {
			continue
		}
		link := syncer.Link{HubSpot: syncer.LinkSide{RecordID: id}, Zoho: syncer.LinkSide{RecordID: id}}
		if until := c.held[id]; !until.IsZero() {
			link.Lease = syncer.Lease{Holder: "another handler", Until: until}
		}
		links[ref] = link
	}
	return links, c.call()
}

func (c *crowd) run(t *testing.T, change ...func(*reconcile.BackfillConfig)) (reconcile.BackfillReport, error) {
	t.Helper()
	ids := 0
	config := reconcile.BackfillConfig{
		Phases:  []reconcile.Phase{{System: crm.HubSpot, Kind: crm.Contact, Creates: true}},
		Listers: map[crm.System]reconcile.Lister{crm.HubSpot: c}, Worker: c, RunCohort: c.Together,
		Cursors: c.cursors, Links: c, Clock: c, NewID: func() string { ids++; return fmt.Sprint("op-", ids) }, CreateCap: safeguard.CreateCap{Allowed: 1_000_000},
	}
	for _, f := range change {
		f(&config)
	}
	b, err := reconcile.NewBackfill(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.cancel = cancel
	return b.Run(ctx)
}

func ofContacts(counts map[reconcile.Outcome]int) reconcile.Outcomes {
	return reconcile.Outcomes{crm.Contact: counts}
}

func TestABackfillWorksOnEveryRecordAndTellsWhatBecameOfIt(t *testing.T) {
	c := newCrowd(1000)
	report, err := c.run(t)
	if err != nil {
		t.Fatal(err)
	}
	want := reconcile.BackfillReport{Walked: 1000, Finished: true, Counts: ofContacts(map[reconcile.Outcome]int{
		reconcile.Skip: 200, reconcile.Update: 100, reconcile.Link: 300, reconcile.Create: 300, reconcile.Ambiguous: 100})}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for id, n := range c.worked {
		if n != 1 {
			t.Errorf("record %s was worked on %d times", id, n)
		}
	}
	if len(c.worked) != 1000 || c.most != 200 || c.together != 5 {
		t.Errorf("%d records were worked on, %d at a time at most, in %d calls", len(c.worked), c.most, c.together)
	}
	if took := c.at.Sub(start); took < 800/100*time.Second {
		t.Errorf("it took %s, which is more than 100 records a second", took)
	}
	again, err := c.run(t)
	if err != nil || again.Walked != 0 || len(again.FinishedBefore) != 1 || !again.Finished {
		t.Errorf("a second run: %+v, %v", again, err)
	}
	if again, err = c.run(t, func(b *reconcile.BackfillConfig) { b.Restart = true }); err != nil || again.Walked != 1000 {
		t.Errorf("begun anew: %+v, %v", again, err)
	}
}

// Killed anywhere, it goes on where it was: every record is worked on, and no
// more than a window of them twice for each kill.
func TestABackfillThatIsKilledAnywhereGoesOn(t *testing.T) {
	kills := 0
	for kill := 1; ; kill += 7 {
		c := newCrowd(350)
		c.killAt = kill
		if _, err := c.run(t, quick); err == nil {
			break // it was over before
		}
		kills++
		c.killAt, c.killed = 0, false
		report, err := c.run(t, quick)
		if err != nil || !report.Finished || report.Walked != 350 {
			t.Errorf("kill %d: %+v, %v", kill, report, err)
		}
		twice := 0
		for _, n := range c.worked {
			twice += n - 1
		}
		if len(c.worked) != 350 || twice > 200 {
			t.Errorf("kill %d: %d records were worked on, %d of them twice", kill, len(c.worked), twice)
		}
	}
	if kills < 40 {
		t.Errorf("it was killed %d times", kills)
	}
}

// quick is for a run that is to fail.
func quick(b *reconcile.BackfillConfig) { b.PerSecond = 1e6 }

func TestTheCapOnCreatesIsNeverPassed(t *testing.T) {
	for _, tt := range []struct {
		limit, more int
		created     int
		err         error
	}{
		{0, 0, 0, safeguard.ErrTooManyCreates},
		{10, 0, 10, safeguard.ErrTooManyCreates},
		{10, 15, 30, nil},
		{31, 0, 30, nil},
	} {
		c := newCrowd(100)
		asked := 0
		report, err := c.run(t, func(b *reconcile.BackfillConfig) {
			b.CreateCap.Allowed = tt.limit
			b.CreateCap.AskMore = func(created int) int {
				asked++
				if created > tt.limit+tt.more*asked {
					t.Errorf("%d were created before anybody was asked", created)
				}
				return tt.more
			}
		})
		if created := report.Counts.Total(reconcile.Create); !errors.Is(err, tt.err) || created != tt.created {
			t.Errorf("cap %d, %d more: %d created, %v, want %d and %v", tt.limit, tt.more, created, err, tt.created, tt.err)
		}
	}
}

func TestABackfillThatIsInterruptedEndsWithoutAnError(t *testing.T) {
	c := newCrowd(500)
	report, err := c.run(t, func(b *reconcile.BackfillConfig) {
		b.Progress = func(r reconcile.BackfillReport) {
			if r.Walked >= 200 {
				c.cancel()
			}
		}
	})
	if err != nil || report.Finished || report.Stopped != "interrupted" || len(c.worked) != 200 {
		t.Errorf("interrupted: %+v, %v, %d records", report, err, len(c.worked))
	}
	if report, err = c.run(t); err != nil || report.Walked != 500 {
		t.Errorf("continued: %+v, %v", report, err)
	}
	for id, n := range c.worked {
		if n != 1 { // what was done before it stopped was saved
			t.Errorf("record %s was worked on %d times", id, n)
		}
	}
}

// A pair that a run which was killed, or somebody else, holds is left to the end
// of its lease, and neither waited for meanwhile nor forgotten.
func TestWhatIsHeldIsDoneLaterAndThePlaceNotSavedBefore(t *testing.T) {
	c := newCrowd(600)
	free := start.Add(90 * time.Second)
	c.held = map[string]time.Time{"450": free}
	for id := range 150 {
		c.held[fmt.Sprint(id)] = free
	}
	var passed time.Time
	report, err := c.run(t, quick, func(b *reconcile.BackfillConfig) {
		b.Progress = func(r reconcile.BackfillReport) {
			if r.Walked == 600 && passed.IsZero() {
				passed = c.at
				if stored, err := c.cursors.LoadCursor(t.Context(), "backfill-hubspot-contact"); err != nil || !stored.From.IsZero() {
					t.Errorf("the place was saved before all was done: %+v, %v", stored, err)
				}
			}
		}
	})
	if err != nil || !report.Finished || len(c.worked) != 600 {
		t.Errorf("%+v, %v, %d records", report, err, len(c.worked))
	}
	if wait := passed.Sub(start); wait > 10*time.Second {
		t.Errorf("the others waited for %s", wait)
	}
	if c.at.Before(free) || c.calls > 600+6+4 {
		t.Errorf("at %s after %d calls", c.at, c.calls)
	}
}

func TestWhatFailsForNowIsRepeatedAndAnOutageEndsTheRun(t *testing.T) {
	down := &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Unavailable, Status: 503}
	tests := map[string]struct {
		fails   func(id string, attempt int) error
		stopped string
		atMost  time.Duration
	}{
		"some fail a few times": {func(id string, attempt int) error {
			if id[0] == '3' && attempt < 5 {
				return down
			}
			return nil
		}, "", 2 * time.Minute},
		"all fail for half a minute": {func(_ string, attempt int) error {
			if attempt < 6 {
				return down
			}
			return nil
		}, "", 5 * time.Minute},
		"all fail for ever": {func(string, int) error { return down }, "503", 10 * time.Minute},
		"a day's quota is used up": {func(string, int) error {
			return &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.RateLimited, Status: 429, RetryAfter: time.Hour}
		}, "429", 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(300)
			c.fails = tt.fails
			report, err := c.run(t)
			if (err == nil) != (tt.stopped == "") || err != nil && !strings.Contains(err.Error(), tt.stopped) {
				t.Fatalf("got %v, want %q", err, tt.stopped)
			}
			if report.Finished != (err == nil) || err == nil && len(c.worked) != 300 {
				t.Errorf("%+v, %d records", report, len(c.worked))
			}
			if took := c.at.Sub(start); took > tt.atMost {
				t.Errorf("it took %s", took)
			}
			for id, n := range c.worked {
				if n != 1 {
					t.Errorf("record %s was worked on %d times", id, n)
				}
			}
		})
	}
}

func TestABackfillWithoutItsPartsIsRefused(t *testing.T) {
	for name, c := range map[string]reconcile.BackfillConfig{
		"nothing":         {},
		"no lister":       {Phases: []reconcile.Phase{{System: crm.Zoho, Kind: crm.Contact}}},
		"a bound below 0": {PerSecond: -1},
	} {
		if _, err := reconcile.NewBackfill(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// No other attempt helps before a person has released what is held: the run stops
// at once, and the next goes on with the record that was held.
func TestABackfillStopsAtAHold(t *testing.T) {
	c := newCrowd(350)
	held := true
	c.fails = func(id string, _ int) error {
		if held && id == "222" {
			return &crm.Error{System: crm.Zoho, Action: "clear", Kind: crm.Refused, Code: string(failurecode.MassClear)}
		}
		return nil
	}
	began := c.at
	report, err := c.run(t, quick)
	if !errors.Is(err, reconcile.ErrHeld) || report.Finished || c.at.Sub(began) > time.Minute {
		t.Errorf("after %s: %+v, %v", c.at.Sub(began), report, err)
	}
	held = false
	if report, err = c.run(t, quick); err != nil || !report.Finished || report.Walked != 350 || c.worked["222"] != 1 || len(c.worked) != 350 {
		t.Errorf("after the release: %+v, %v; the record that was held was worked on %d times", report, err, c.worked["222"])
	}
}

// A restart that is stopped on its first page is not taken for the run that was
// finished before it.
func TestARestartThatIsStoppedIsContinuedWithoutBeingToldAgain(t *testing.T) {
	two := func(b *reconcile.BackfillConfig) {
		quick(b)
		b.Phases = append(b.Phases, reconcile.Phase{System: crm.HubSpot, Kind: crm.Company, Creates: true})
	}
	c := newCrowd(120)
	if report, err := c.run(t, two); err != nil || report.Walked != 240 {
		t.Fatalf("%+v, %v", report, err)
	}
	stop := errors.New("stopped here")
	c.fails = func(string, int) error { return stop }
	restart := func(b *reconcile.BackfillConfig) { two(b); b.Restart = true }
	if report, err := c.run(t, restart); !errors.Is(err, stop) || report.Finished {
		t.Fatalf("%+v, %v", report, err)
	}
	c.fails = nil
	if report, err := c.run(t, two); err != nil || !report.Finished || report.Walked != 240 || len(report.FinishedBefore) > 0 {
		t.Errorf("the run after it: %+v, %v", report, err)
	}
}
