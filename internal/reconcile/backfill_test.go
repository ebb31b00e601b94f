package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// backfillScenario is a CRM with n records, and a consumer that takes a second for as many
// operations as are given to it together. The last digit of a record's id says
// what becomes of it: 0 was linked before, 1 too and is updated, 2 to 4 are
// linked, 5 to 7 created, 8 has several counterparts, 9 none.
type backfillScenario struct {
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

func newBackfillScenario(n int) *backfillScenario {
	return &backfillScenario{at: start, n: n, page: 100, worked: map[string]int{}, done: map[string]bool{}, cursors: newCursors()}
}

var errKilled = errors.New("killed here")

func (c *backfillScenario) call() error {
	if c.calls++; c.killed || c.killAt > 0 && c.calls >= c.killAt {
		c.killed = true
		return errKilled
	}
	return nil
}

func (c *backfillScenario) Now() time.Time { return c.at }

func (c *backfillScenario) Sleep(ctx context.Context, d time.Duration) error {
	c.at = c.at.Add(d)
	return ctx.Err()
}

func (c *backfillScenario) ListRefs(_ context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
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

// Together does one after another, in a second.
func (c *backfillScenario) Together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	c.most = max(c.most, n)
	if c.together++; n == 0 {
		panic("a call of nothing")
	}
	c.at = c.at.Add(time.Second)
	for i := range n {
		do(ctx, i)
	}
}

func (c *backfillScenario) Work(_ context.Context, o op.Operation, attempt int) (syncer.Result, error) {
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
	counterpart := crm.Ref{System: crm.Zoho, Kind: o.Ref.Kind, RecordID: id}
	switch digit := id[len(id)-1]; {
	case digit == '9':
		return syncer.Result{Outcome: syncer.Ignored, Reason: "no_counterpart"}, nil
	case digit == '8':
		return syncer.Result{Outcome: syncer.Parked, Reason: "AMBIGUOUS_MATCH"}, nil
	case digit == '0' || again:
		return syncer.Result{Outcome: syncer.Unchanged, Counterpart: counterpart}, nil
	case digit <= '4':
		return syncer.Result{Outcome: syncer.Updated, Counterpart: counterpart}, nil
	}
	return syncer.Result{Outcome: syncer.Created, Created: counterpart, Counterpart: counterpart}, nil
}

func (c *backfillScenario) LinksOf(_ context.Context, refs []crm.Ref) (map[crm.Ref]syncer.Link, error) {
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

func (c *backfillScenario) run(t *testing.T, change ...func(*reconcile.BackfillConfig)) (reconcile.BackfillReport, error) {
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

func TestABackfillProcessesEveryRecordAndReportsTheOutcomes(t *testing.T) {
	c := newBackfillScenario(1000)
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
		c := newBackfillScenario(350)
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
