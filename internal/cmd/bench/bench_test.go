package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The test binary serves the functions when its environment says so, as the program does.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == roleFunctions {
		serveFunctions()
		return
	}
	os.Exit(m.Run())
}

// TestTheScenariosCountCallsAndOutcomes runs small ones and checks the results that do not
// depend on the machine: that everything arrived, and in how many calls.
func TestTheScenariosCountCallsAndOutcomes(t *testing.T) {
	out := filepath.Join(t.TempDir(), "bench.json")
	var shown bytes.Buffer
	err := run(t.Context(), []string{"-scenarios", "burst-create,burst-edit,ingest", "-records", "150", "-baseline", "0.2",
		"-latency", "20ms", "-out", out}, &shown)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Scenarios map[string]outcome `json:"scenarios"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for name, scenario := range got.Scenarios {
		for variant, f := range map[string]*measurement{"product": scenario.Product, "baseline": scenario.Baseline} {
			if f == nil {
				continue
			}
			if f.Parked != 0 || f.Rejected != 0 || f.Seconds <= 0 || f.PeakMiB <= 0 {
				t.Errorf("%s, %s: %+v", name, variant, *f)
			}
		}
	}
	create, edit := got.Scenarios["burst-create"], got.Scenarios["burst-edit"]
	if create.Product == nil || create.Baseline == nil || edit.Product == nil || edit.Baseline == nil {
		t.Fatalf("a variant is missing:\n%s", data)
	}
	if create.Product.Outcomes["created"] != 150 || create.Baseline.Outcomes["created"] != 30 || edit.Product.Outcomes["updated"] != 150 {
		t.Errorf("outcomes: %v, %v, %v", create.Product.Outcomes, create.Baseline.Outcomes, edit.Product.Outcomes)
	}
	// Alone, a contact takes five calls to create and four to edit.
	if create.Baseline.CallsPerRecord < 5 || edit.Baseline.CallsPerRecord < 4 {
		t.Errorf("the baseline takes %.2f and %.2f calls", create.Baseline.CallsPerRecord, edit.Baseline.CallsPerRecord)
	}
	for name, f := range map[string]outcome{"burst-create": create, "burst-edit": edit} {
		if f.Product.CallsPerRecord > f.Baseline.CallsPerRecord/2 {
			t.Errorf("%s takes %.2f calls for a record, %.2f without sharing", name, f.Product.CallsPerRecord, f.Baseline.CallsPerRecord)
		}
	}
	// The token's document, and a delivery that is repeated, come on top of two.
	if f := edit.Product; f.ReadsPerOp > 2.5 || f.WritesPerOp > 2.5 {
		t.Errorf("an edit takes %.2f reads and %.2f writes of Firestore, want about two of each at most", f.ReadsPerOp, f.WritesPerOp)
	}
	if n := edit.Product.CallsByKind["zoho GET Contacts/{id}/__timeline"]; n != 0 {
		t.Errorf("%d timelines were asked for without edits in HubSpot", n)
	}
	if got.Scenarios["ingest"].Product.EventsPerSecond <= 0 {
		t.Error("no events were taken in")
	}
	for _, want := range []string{"burst-create", "baseline", "times fewer calls than the baseline"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, shown.String())
		}
	}
}

func TestTheMemoryIsThatOfADeployedFunction(t *testing.T) {
	module, err := os.ReadFile("../../../terraform/modules/function/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	if want := `GOMEMLIMIT = "` + goMemory + `"`; !strings.Contains(string(module), want) {
		t.Errorf("terraform deploys functions without %s", want)
	}
}

func TestAScenarioThatDoesNotExistIsRefused(t *testing.T) {
	err := run(t.Context(), []string{"-scenarios", "lone,loan"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), `no scenario "loan"`) {
		t.Errorf("got %v", err)
	}
}

func TestTheCostFollowsItsFormula(t *testing.T) {
	u := usage{operations: 1_000_000, processor: 1000 * time.Second, requests: 1_000_000, messages: 1_000_000,
		reads: 1_000_000, writes: 2_000_000, logged: 1 << 30}
	// 1000 s of a processor and half a GiB, requests, two kilobytes a message,
	// documents, a GiB of log.
	want := 1000*(24e-6+0.5*2.5e-6) + 0.4 + 1e6*2*1000/float64(1<<40)*40 + 0.3 + 1.8 + 0.5
	if got := u.costPerMillion(); got < want*0.999 || got > want*1.001 {
		t.Errorf("got %.4f, want %.4f", got, want)
	}
	if got := (usage{}).costPerMillion(); got != 0 {
		t.Errorf("nothing costs %g", got)
	}
}

func TestPercentiles(t *testing.T) {
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(100-i)*time.Millisecond)
	}
	for p, want := range map[int]float64{50: 51, 99: 100, 100: 100} {
		if got := percentile(all, p); got != want {
			t.Errorf("p%d is %g, want %g", p, got, want)
		}
	}
	if percentile(nil, 50) != 0 {
		t.Error("nothing has a percentile")
	}
}
