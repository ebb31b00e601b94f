package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

// A mutant is a way in which the connector could be wrong. The simulation has
// to notice each of them, or it proves nothing by passing.
type mutant struct {
	name  string
	edits []replacement
}

// replacement changes one place of a file, relative to the module's root.
type replacement struct{ file, old, new string }

const (
	mergeFile   = "internal/merge/merge.go"
	cellFile    = "internal/merge/cell.go"
	syncFile    = "internal/syncer/sync.go"
	loadFile    = "internal/syncer/load.go"
	viewFile    = "internal/syncer/view.go"
	matchFile   = "internal/syncer/match.go"
	planFile    = "internal/syncer/plan.go"
	writeFile   = "internal/syncer/write.go"
	createFile  = "internal/syncer/create.go"
	mergedFile  = "internal/syncer/merged.go"
	digestFile  = "internal/failure/digest.go"
	handleFile  = "internal/consumer/consumer.go"
	explainFile = "internal/syncer/explain.go"
	compareFile = "internal/syncer/compare.go"
)

var mutants = []mutant{
	{"no lease", []replacement{
		{"internal/syncer/link.go", `return l.Lease.Holder != "" && now.Before(l.Lease.Until)`, `return false`},
	}},
	{"links are stored without comparing", []replacement{
		{"internal/proof/simulate/store.go", `	if l.kept[link.ID].Version != link.Version || over`, `	if false && over`},
	}},
	{"no unique field on create", []replacement{
		{planFile, `id != "" && (h == nil || h.record.CounterpartID != id)`, `id != "" && h != nil && h.record.CounterpartID != id`},
	}},
	{"acknowledge first", []replacement{
		{"internal/proof/simulate/queue.go", `		case wasKilled:
			m.due = w.now + w.between(10*second, minute)
`, `		case wasKilled:
			q.ack(l, m)
`},
	}},
	{"a failed operation is acknowledged", []replacement{
		{handleFile, `		c.recordStats(context.WithoutCancel(ctx), o, r, stats.Repeated, string(v.Code))
		return r, err
`, `		c.recordStats(context.WithoutCancel(ctx), o, r, stats.Repeated, string(v.Code))
		return r, nil
`},
	}},
	{"operations are dropped while the token is revoked", []replacement{
		{handleFile, `case v.Class == failure.Stop, v.Origin == failure.Outage`, `case v.Origin == failure.Outage`},
	}},
	{"a panic is never given up", []replacement{
		{handleFile, `		if !c.cannotSucceed(failure.Classify(failure.ErrPanic), attempt, o) {`, `		if true {`},
		{"internal/proof/simulate/queue.go", `m.attempts >= maxAttempts &&`, `false &&`},
	}},
	{"an operation that cannot succeed is never given up", []replacement{
		{handleFile, `	case v.Class == failure.Permanent:
		return true
`, ``},
		{handleFile, `return attempt >= maxAttempts`, `return false`},
		{"internal/proof/simulate/queue.go", `m.attempts >= maxAttempts &&`, `false &&`},
	}},
	{"an operation that is given up is not recorded", []replacement{
		{"internal/syncer/syncer.go", `	if err := s.Failures.RecordFailure(ctx, f); err != nil {
		return fmt.Errorf("give up`, `	if err := error(nil); err != nil {
		return fmt.Errorf("give up`},
	}},
	{"a dead letter is not recorded", []replacement{
		{"internal/failure/deadletter.go", `if err := records.Record(ctx, NewDeadRecord(m, clock.Now())); err != nil {`, `if err := ctx.Err(); err != nil {`},
	}},
	{"mail marked before sent", []replacement{
		{digestFile, `	err = d.Mailer.Send(sendCtx, mail)
`, `	if err = d.Store.MarkMailed(sendCtx, failures, d.Clock.Now()); err == nil {
		err = d.Mailer.Send(sendCtx, mail)
	}
`},
	}},
	{"mail never marked", []replacement{
		{digestFile, `if err := d.Store.MarkMailed(markCtx, failures, d.Clock.Now()); err != nil {`, `if err := markCtx.Err(); err != nil {`},
	}},
	{"jobs that mail take no lease", []replacement{
		{digestFile, `if !mine {`, `if false && !mine {`},
	}},
	{"a replay that half failed is taken for whole", []replacement{
		{"internal/failure/replay.go", `	for i, r := range chosen {
`, `	for i, r := range chosen[:len(chosen)/2] {
`},
		{"internal/failure/replay.go", `ops := make([]op.Operation, len(chosen))`, `ops := make([]op.Operation, len(chosen)/2)`},
	}},
	{"a failure that was retried on request stays on the list", []replacement{
		{"internal/syncer/syncer.go", `if err == nil && o.Change == op.Requested {`, `if false && err == nil && o.Change == op.Requested {`},
	}},
	{"a company is searched among contacts", []replacement{
		{matchFile, `recs, err := m.clientOf(other).Find(ctx, src.Ref.Kind, matchKeys(m.object, src))`, `recs, err := m.clientOf(other).Find(ctx, crm.Contact, matchKeys(m.object, src))`},
	}},
	{"no verification of writes", []replacement{
		{syncFile, `	if len(writes) == 0 {
		return a.finish(`, `	if len(writes) == 0 || len(st.written) > 0 {
		return a.finish(`},
		{mergeFile, `	b.Pending = true
	return true
`, `	b.Pending = false
	b.Shown = target.Hash
	return true
`},
	}},
	{"no sweep", []replacement{
		{"internal/proof/simulate/sweeper.go", `report, err = s.reconciler.Run(ctx)`, `report, err = reconcile.Report{Complete: true}, ctx.Err()`},
	}},
	{"the record's time as the time of the field", []replacement{
		{viewFile, `At: e.At.UnixMilli(), Own: e.Own})`, `At: rec.Modified.UnixMilli(), Own: e.Own})`},
	}},
	{"the current value instead of the history", []replacement{
		{viewFile, `range rec.History[f.On(s)] {`, `range rec.History[""] {`},
	}},
	{"own writes as candidates", []replacement{
		{mergeFile, `		if !e.Own {`, `		if true {`},
	}},
	{"no stored-form rule", []replacement{
		{cellFile, `return f.Count >= observationsNeeded &&`, `return false &&`},
	}},
	{"no causal order", []replacement{
		{mergeFile, `			stamp.At, stamp.Counter = base.Stamp.At, base.Stamp.Counter+1`, `			stamp.Counter += 0`},
	}},
	{"edits within two seconds are equal", []replacement{
		{cellFile, `cmp.Compare(wholeSecond(a.Stamp.At), wholeSecond(b.Stamp.At)),`, `cmp.Compare(wholeSecond(a.Stamp.At)/4, wholeSecond(b.Stamp.At)/4),`},
	}},
	{"the decision is not stored before it is carried out", []replacement{
		{writeFile, `saved, erased, err := a.saveLink(ctx, link, st.complete)`, `saved, erased, err := link, false, error(nil)`},
	}},
	{"only Zoho is written to", []replacement{
		{planFile, `	writes := map[crm.System]crm.Write{}
	for _, s := range crm.Systems {`, `	writes := map[crm.System]crm.Write{}
	for _, s := range crm.Systems[1:] {`},
	}},
	{"claims are ignored", []replacement{
		{"internal/proof/simulate/store.go", `owner != "" && owner != link.ID && (`, `owner != "" && false && (`},
	}},
	{"the failure is not recorded", []replacement{
		{"internal/syncer/attempt.go", `	return a.Failures.RecordFailure(ctx, f)`, `	return nil`},
	}},
	{"an operation counts as covered too soon", []replacement{
		{loadFile, `read.ReadAt.Add(-readMargin).After(a.op.ReceivedAt)`, `read.ReadAt.Add(time.Minute).After(a.op.ReceivedAt)`},
	}},
	{"a read without history is taken for an old one", []replacement{
		{viewFile, `side.ReadAt = h.record.Modified.UnixMilli()`, `side.ReadAt = 0`},
	}},
	{"a company is compared by its id", []replacement{
		{"internal/syncer/company/company.go", `	if link := r.links[ref]; link != "" {
		return link
	}
`, ``},
	}},
	{"the counterpart that a merge leaves over is not reported", []replacement{
		{mergedFile, `		return m.reportOrphan(ctx, link, s)`, `		return m.Links.DropLink(ctx, link)`},
	}},
	{"records that were merged into another are forgotten", []replacement{
		{mergedFile, `changed, err := (mergeHandler{a}).takeOverFormerLinks(ctx, src)`, `changed, err := false, ctx.Err()`},
		{matchFile, `range src.Former {`, `range src.Former[:0] {`},
	}},
	{"temporary failures are left to people", []replacement{
		{"internal/failure/repeat.go", `p.Failures.DueFailures(ctx, now, maxRepeatsPerRun)`, `[]Record(nil), error(nil)`},
	}},
	{"the tombstone is forgotten", []replacement{
		{"internal/syncer/deleted.go", `if st.link, err = a.saveAndFanOut(ctx, st.link); err != nil {`, `if err = a.Links.DropLink(ctx, st.link); err != nil {`},
	}},
	{"a privacy deletion is a deletion", []replacement{
		{syncFile, `	if a.op.Change == op.Erased {`, `	if a.op.Change == "" {`},
	}},
	{"the counterpart of an erased record is not reported", []replacement{
		{"internal/syncer/erased.go", `	for _, c := range counterparts {
		if err := e.reportCounterpart`, `	for _, c := range counterparts[:0] {
		if err := e.reportCounterpart`},
	}},
	{"no mass clear is held", []replacement{
		{writeFile, `	if s.Safeguard == nil {`, `	if true {`},
	}},
	{"clears of a backfill are not held", []replacement{
		{syncFile, `a.askSafeguard(ctx, st.link, writes); err != nil {`, `a.askSafeguard(ctx, st.link, writes); err != nil && a.op.Change != "reconciled" {`},
	}},
	{"a backfill goes on under a hold", []replacement{
		{"internal/reconcile/backfill_run.go", `if failure.IsHeld(errs[i]) {`, `if false && failure.IsHeld(errs[i]) {`},
	}},
	{"a backfill takes what failed for done", []replacement{
		{"internal/reconcile/backfill_run.go", `		f.retries = append(f.retries, a)
	}
	return held`, `	}
	return held`},
	}},
	{"explain decides without what the link remembers", []replacement{
		{explainFile, `x.newState(e.Link, e.Linked)`, `x.newState(Link{Kind: e.Link.Kind}, false)`},
	}},
	{"explain does not follow a merge", []replacement{
		{explainFile, `if src != nil && src.record.Ref != ref {`, `if false {`},
	}},
	{"explain shows a deleted company as kept", []replacement{
		{explainFile, `	st, d, err := x.decideFields(ctx, st)
`, `	st, d, err := x.decideFields(ctx, st)
	for s := range e.Records {
		e.Records[s] = st.snapshotOn(s).record
	}
`},
	}},
	{"drift compares companies by their ids", []replacement{
		{compareFile, `a.newState(link, true)`, `a.newState(Link{Kind: link.Kind, Fields: link.Fields, HubSpot: link.HubSpot, Zoho: link.Zoho}, true)`},
		{compareFile, `st, err := a.resolveCompanies(ctx, st, crm.Systems[:]...)`, `err := ctx.Err()`},
	}},
	{"drift reports a company without counterpart", []replacement{
		{compareFile, `KeptOneWay, FilledIn, NoCounterpart:`, `KeptOneWay, FilledIn:`},
	}},
	{"a plan records failures", []replacement{
		{"internal/dryrun/dryrun.go", `	c.Failures = nowhere{}
`, ``},
	}},
	{"a plan calls a link an update", []replacement{
		{"internal/plan/plan.go", `reconcile.OutcomeOf(report, linked && before.Complete())`, `reconcile.OutcomeOf(report, linked || before.Complete() || report.Counterpart.RecordID != "")`},
	}},
	{"a plan ignores required fields", []replacement{
		{"internal/dryrun/crm.go", `if missing := s.missing(kind, w); len(missing) > 0 {`, `if missing := s.missing(kind, w); len(missing) > 99 {`},
	}},
	{"the console shows no pending writes", []replacement{
		{"internal/console/record.go", `		case f.WritesTo(s):
			d.State`, `		case false:
			d.State`},
	}},
	{"the console does not synchronise", []replacement{
		{"internal/console/actions.go", `	err = c.Topics[ref.System].Publish(ctx, []op.Operation{{`, `	_ = append([]op.Operation(nil), []op.Operation{{`},
		{"internal/console/actions.go", `Change: op.Requested, OccurredAt: v.now, ReceivedAt: v.now, Events: 1,
	}})`, `Change: op.Requested, OccurredAt: v.now, ReceivedAt: v.now, Events: 1,
	}}...)`},
	}},
	{"a replay forgets that it was a privacy deletion", []replacement{
		{"internal/failure/replay.go", `		if r.Change == op.Erased {
			change = op.Erased`, `		if false {
			change = op.Erased`},
	}},
}

// mutantSeeds is within how many seeds a mutant has to be noticed.
const mutantSeeds = 500

// TestEveryMutantFitsTheSource takes moments, so that a person who moves a place that
// a mutant changes sees it in every run of this package.
func TestEveryMutantFitsTheSource(t *testing.T) {
	if os.Getenv("SIMULATE_MUTANT") != "" {
		t.Skip("this is a mutant itself")
	}
	root := moduleRoot(t)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) { m.overlay(t, root, t.TempDir()) })
	}
}

func TestMutants(t *testing.T) {
	tier.Long(t, "that the simulation notices a broken connector")
	if os.Getenv("SIMULATE_MUTANT") != "" {
		t.Skip("this is a mutant itself")
	}
	for r := range runAll(1, mutantSeeds) {
		if len(r.Violations) > 0 {
			t.Fatalf("seed %d fails without any mutation: %s", r.Seed, r.Violations[0])
		}
	}
	root := moduleRoot(t)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			overlay := m.overlay(t, root, dir)
			binary := filepath.Join(dir, "mutant.test")
			if out, err := run(t, root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./internal/proof/simulate"); err != nil {
				t.Fatalf("does not compile: %v\n%s", err, out)
			}
			out, err := run(t, root, binary, "-test.run=^TestSeeds$", "-seeds="+strconv.Itoa(mutantSeeds), "-failing=1")
			if err == nil {
				t.Fatalf("not noticed within %d seeds", mutantSeeds)
			}
			found := firstFailure.FindSubmatch(out)
			if found == nil {
				t.Fatalf("broke down: %v\n%s", err, out)
			}
			t.Logf("noticed by seed %s: %s", found[1], found[2])
		})
	}
}

var firstFailure = regexp.MustCompile(`seed (\d+):\s+(.*)`)

// overlay writes the mutated files and the file that tells the go command of
// them. A place that is no longer there fails the test: the mutant would be
// the healthy connector, and the test would prove nothing.
func (m mutant) overlay(t *testing.T, root, dir string) string {
	t.Helper()
	texts := map[string]string{}
	for _, r := range m.edits {
		if texts[r.file] == "" {
			text, err := os.ReadFile(filepath.Join(root, r.file))
			if err != nil {
				t.Fatal(err)
			}
			texts[r.file] = string(text)
		}
		if n := strings.Count(texts[r.file], r.old); n != 1 {
			t.Fatalf("%s holds the place to change %d times, want once: bring this mutant up to date\n%s", r.file, n, r.old)
		}
		texts[r.file] = strings.Replace(texts[r.file], r.old, r.new, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := run(t, ".", "go", "env", "GOMOD")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Dir(string(bytes.TrimSpace(out)))
}

// run runs a command and returns what it printed.
func run(t *testing.T, dir, name string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SIMULATE_MUTANT=1")
	return cmd.CombinedOutput()
}
