package soak

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

var (
	soak      = flag.Bool("soak", false, "run the soak; without it the test is skipped")
	edits     = flag.Int("edits", 20_000, "edits by people")
	contacts  = flag.Int("contacts", 1_000, "contacts")
	companies = flag.Int("companies", 200, "companies")
	hands     = flag.Int("hands", 8, "people at work at once")
	rate      = flag.Int("rate", 80, "edits a second, at most")
	kills     = flag.Int("kills", 24, "how often the connector is killed")
	faulty    = flag.Float64("faults", 0.05, "share of the calls that go wrong")
	seed      = flag.Uint64("seed", 1, "of what is left to chance; the processes' timing is not")
	lose      = flag.Float64("lose", 0, "share of the webhooks that are lost, for the sweep to find")
	forget    = flag.Bool("forget", false, "the database is lost with each kill; at most 6 kills then")
	ready     = flag.String("connector", "", "a binary of the connector; empty: build it")
	directory = flag.String("dir", "", "where to keep data and logs, to look at afterwards; empty: a directory that is removed")
)

const (
	// lateBy is how much later a late answer comes.
	lateBy = 400 * time.Millisecond
	// longestPause is beyond the longest time between two attempts at a message:
	// the queue of a local run keeps it back for half a minute, a handler waits
	// some seconds for another. What is quiet for so long has nothing left to do.
	longestPause = 45 * time.Second
	// settleTime bounds the way to quiet.
	settleTime = 5 * time.Minute
	expiries   = 3 // how often Zoho's access tokens expire
	// maxForgetful is the most kills when each costs a token.
	maxForgetful = 6
	echoes       = 500 // webhooks of each side that come once more in the end
)

// TestSoak lets people work while calls fail and the connector dies, and then
// asks whether anything was lost or done twice.
func TestSoak(t *testing.T) {
	if !*soak {
		t.Skip("SKIPPED: the soak takes minutes; run it with: go test ./internal/proof/soak -run TestSoak -soak -timeout 20m -v")
	}
	if *forget && *kills > maxForgetful {
		t.Fatalf("-forget with %d kills: want at most %d, since Zoho gives 10 tokens in 10 minutes", *kills, maxForgetful)
	}
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(end) // after the orderly ends, for what is still there
	w := begin(life, t)
	began := time.Now()
	w.trouble(t)
	expected := time.Duration(*edits+*contacts+*companies) * time.Second / time.Duration(*rate)
	ctx, giveUp := context.WithCancelCause(t.Context())
	k := newSupervisor(w.connector, *kills, expected/time.Duration(max(*kills, 1)), rand.New(rand.NewPCG(*seed, 2)), giveUp)
	if *forget {
		k.loses = filepath.Join(w.data(), "firestore")
	}
	go k.run(life, w.running)
	t.Cleanup(func() { _ = k.close() }) // its error is looked at below
	tokens := make(chan error, 1)
	go func() { tokens <- w.expireTokens(ctx, expected/(expiries+1)) }()
	must(t, w.work(ctx, *edits, *rate, *hands, *seed))
	must(t, <-tokens)
	worked := time.Since(began)
	w.heal(ctx, t, k)
	settled := time.Since(began) - longestPause
	calls, _ := w.listener.total()
	if *lose > 0 {
		w.sweep(ctx, t)
	}

	o := &oracle{T: t, people: w.people}
	o.judge(ctx)
	w.echo(t)
	must(t, k.close())
	w.report(t, k, o, worked, settled, calls)
}

// world is everything that runs.
type world struct {
	*people
	listener  *listener
	connector program
	running   *process
	functions string // where the connector listens
	dir       string
}

// data is where the connector keeps documents and messages.
func (w *world) data() string { return filepath.Join(w.dir, "data") }

// begin starts the simulators and the connector, without any trouble yet.
func begin(life context.Context, t *testing.T) *world {
	t.Helper()
	w := &world{dir: *directory}
	if w.dir == "" {
		w.dir = t.TempDir()
	}
	if _, err := os.Stat(w.data()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is there already (%v): the soak wants a directory without a past", w.data(), err)
	}
	binary := build(t)
	hubspot, zoho, functions := freeAddress(t), freeAddress(t), freeAddress(t)
	w.functions = "http://" + functions
	env := environment("http://"+hubspot, "http://"+zoho, w.functions)
	sims := program{binary: binary, env: env, log: w.logFile(t, "sim.log"), args: []string{
		"sim", "--hubspot-listen", hubspot, "--zoho-listen", zoho, "--seed", strconv.FormatUint(*seed, 10),
		"--retry-base", "100ms", "--zoho-retries", "12"}}
	running, err := sims.start(life)
	must(t, err)
	t.Cleanup(func() {
		if err := running.end(); err != nil {
			t.Errorf("end the simulators: %v", err)
		}
	})
	must(t, running.isReady(t.Context()))

	w.connector = program{binary: binary, env: env, log: w.logFile(t, "connector.log"),
		args: []string{"local", "--listen", functions, "--data", w.data()}}
	w.running, err = w.connector.start(life)
	must(t, err)
	must(t, w.running.isReady(t.Context()))

	d := newEndpoints("http://"+hubspot, "http://"+zoho)
	w.people = newPeople(d, *contacts, *companies, rand.New(rand.NewPCG(*seed, 0)))
	log, err := os.Open(w.connector.log.Name())
	must(t, err)
	t.Cleanup(func() { _ = log.Close() }) // it was only read
	w.listener = listen(d, log)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.listener.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("listen to the calls: %v", err)
		}
	})
	return w
}

func (w *world) logFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(w.dir, name))
	must(t, err)
	t.Cleanup(func() { _ = f.Close() }) // only the processes write to it
	return f
}

// environment is what both processes receive.
func environment(hubspot, zoho, functions string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"HUBSPOT_API_URL=" + hubspot, "ZOHO_ACCOUNTS_URL=" + zoho,
		"HUBSPOT_ACCESS_TOKEN=" + hubspotsim.DefaultAccessToken,
		"HUBSPOT_APP_ID=" + strconv.Itoa(hubspotsim.DefaultAppID),
		"HUBSPOT_CLIENT_SECRET=" + hubspotsim.DefaultSecret,
		"HUBSPOT_WEBHOOK_URL=" + functions + "/HubSpotWebhook",
		"ZOHO_CLIENT_ID=" + zohosim.DefaultClientID,
		"ZOHO_CLIENT_SECRET=" + zohosim.DefaultClientSecret,
		"ZOHO_REFRESH_TOKEN=" + zohosim.DefaultRefreshToken,
		"ZOHO_WEBHOOK_TOKEN=a-token-for-the-soak",
		"ZOHO_WEBHOOK_URL=" + functions + "/ZohoWebhook",
	}
}

// trouble makes calls fail and webhooks come twice, late and out of order.
func (w *world) trouble(t *testing.T) {
	t.Helper()
	part := *faulty / 6
	list := []sim.Fault{
		{Path: "/crm", Rate: part, Status: http.StatusServiceUnavailable},
		{Path: "/crm", Rate: part, Status: http.StatusBadGateway, After: true, Body: "<html>Bad gateway</html>"},
		{Path: "/crm", Rate: part, Drop: true, After: true},
		{Path: "/crm", Rate: part, Drop: true},
		{Path: "/crm", Rate: part, Latency: sim.Duration(lateBy)},
	}
	for s, body := range map[crm.System]string{
		crm.HubSpot: `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`,
		crm.Zoho:    `{"code":"TOO_MANY_REQUESTS","message":"The sub-concurrency limit of the user for the app is exceeded.","details":{},"status":"error"}`,
	} {
		faults := append(list, sim.Fault{Path: "/crm", Rate: part, Status: http.StatusTooManyRequests, Body: body})
		must(t, w.call(t.Context(), s, http.MethodPost, "faults", faults, nil))
	}
	must(t, w.both(t.Context(), http.MethodPost, "deliveries",
		sim.Chaos{Lose: *lose, Duplicate: 0.05, Reorder: 0.3, Delay: sim.Duration(time.Second)}))
}

// expireTokens makes Zoho's access tokens worthless now and then.
func (w *world) expireTokens(ctx context.Context, every time.Duration) error {
	for range expiries {
		if err := wait(ctx, every); err != nil {
			return err
		}
		if err := w.call(ctx, crm.Zoho, http.MethodPost, "tokens/expire", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// heal waits for the last kill, ends the trouble and waits until nothing moves.
func (w *world) heal(ctx context.Context, t *testing.T, k *supervisor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	select {
	case <-k.done:
	case <-ctx.Done():
		t.Fatalf("the connector was not killed often enough: %v", context.Cause(ctx))
	}
	must(t, w.both(ctx, http.MethodDelete, "faults", nil))
	must(t, w.both(ctx, http.MethodPost, "deliveries", sim.Chaos{}))
	must(t, w.listener.quiet(ctx, longestPause))
}

// sweep has the connector look for changes that webhooks missed, as the scheduler
// does every few minutes, and waits until nothing moves. All edits are older by
// now than what the sweep leaves to its next run.
func (w *world) sweep(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	client := &http.Client{Timeout: settleTime}
	for complete := false; !complete; {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.functions+"/Reconcile", http.NoBody)
		must(t, err)
		res, err := client.Do(req)
		must(t, err)
		var report struct {
			Complete  bool `json:"complete"`
			Published int  `json:"published"`
		}
		err = json.NewDecoder(res.Body).Decode(&report)
		must(t, errors.Join(err, res.Body.Close()))
		t.Logf("sweep: %s, %d operations, complete: %t", res.Status, report.Published, report.Complete)
		complete = report.Complete
		must(t, wait(ctx, time.Second))
	}
	must(t, w.listener.quiet(ctx, longestPause))
}

// echo has the last webhooks come once more: nothing may be written.
func (w *world) echo(t *testing.T) {
	t.Helper()
	_, before := w.listener.total()
	must(t, w.both(t.Context(), http.MethodPost, "redeliver", map[string]int{"last": echoes}))
	must(t, w.listener.quiet(t.Context(), 5*time.Second))
	if _, after := w.listener.total(); after > before {
		t.Errorf("%d writes after every edit had arrived", after-before)
	}
}

// report prints the numbers and checks the log.
func (w *world) report(t *testing.T, k *supervisor, o *oracle, worked, settled time.Duration, calls int) {
	t.Helper()
	d, err := readDiary(w.connector.log.Name())
	must(t, err)
	for _, lines := range [][]string{d.parked, d.panics} {
		if len(lines) > 0 {
			t.Errorf("%d entries of the log report operations given up or of a panic, such as %s", len(lines), lines[0])
		}
	}
	if k.killed < *kills {
		t.Errorf("killed %d times, want %d", k.killed, *kills)
	}
	for _, what := range []string{"answers 429", "answers 502", "answers 503", "answers late", "connections dropped"} {
		if *faulty > 0 && w.listener.faults[what] == 0 {
			t.Errorf("there were no %s", what)
		}
	}
	n, changed := w.turns-*hands, w.tally["fields edited"]
	if o.own > 2*changed {
		t.Errorf("the connector wrote %d values after people had edited %d", o.own, changed)
	}
	_, writes := w.listener.total()
	t.Logf("people: %s", list(w.tally))
	t.Logf("connector: %s, not acknowledged %d", list(d.outcomes), d.nacks)
	t.Logf("trouble: %d kills, %d of them during a start, %d starts failed; %s", k.killed, k.early, k.restarts, list(w.listener.faults))
	t.Logf("%d edits and creations in %s, at rest after %s: %.0f a second", n, worked.Round(time.Second), settled.Round(time.Second),
		float64(n)/settled.Seconds())
	t.Logf("%d calls (%.1f per edit), %d of them writes (%.2f); %d values written for %d edited", calls, float64(calls)/float64(n),
		writes, float64(writes)/float64(n), o.own, changed)
	if o.found == 0 && !t.Failed() {
		t.Log(fmt.Sprint("nothing lost, nothing twice: ", len(w.entities), " people and companies agree"))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
