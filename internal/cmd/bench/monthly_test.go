package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/proof/terraformtest"
)

var rewrite = flag.Bool("update", false, "rewrite the tables of docs/cost.md")

const (
	costDoc     = "../../../docs/cost.md"
	tablesBegin = "<!-- tables: make bench BENCH=-costs -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

func TestTheTablesOfTheCostsAreThoseOfTheDocument(t *testing.T) {
	data, err := os.ReadFile(costDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), tablesBegin)
	got, after, ended := strings.Cut(rest, tablesEnd)
	if !found || !ended {
		t.Fatalf("%s does not mark its tables", costDoc)
	}
	var want bytes.Buffer
	printCosts(&want)
	if *rewrite {
		if err := os.WriteFile(costDoc, []byte(before+tablesBegin+want.String()+tablesEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("tables (-code +%s):\n%s", costDoc, diff)
	}
}

func TestAMonthIsCalculatedFromTheTerraformDeployment(t *testing.T) {
	tables, err := terraformtest.Read("../../../terraform")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := tables.Functions()
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for name, f := range functions {
		if f.Schedule != "" {
			want[name] = f.Schedule
		}
	}
	for name, j := range jobs {
		got[name] = j.schedule
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schedules (-terraform +cost):\n%s", diff)
	}
	deployed, err := tables.Keys("secrets")
	if err != nil {
		t.Fatal(err)
	}
	if len(deployed) != secrets {
		t.Errorf("terraform makes %d secrets, the costs count %d", len(deployed), secrets)
	}
	table, err := tables.Local("functions")
	if err != nil {
		t.Fatal(err)
	}
	for name, entry := range table.AsValueMap() {
		if memory := entry.GetAttr("memory").AsString(); memory != "512Mi" || prices.gibs != 0.5 {
			t.Errorf("%s has %s of memory, the costs count %v GiB", name, memory, prices.gibs)
		}
	}
}

func TestEditsInBurstsCostLessThanThoseThatComeAlone(t *testing.T) {
	alone, bursts := monthlyBill(1e7, false), monthlyBill(1e7, true)
	if alone.totalCost() <= bursts.totalCost() || alone.writes != bursts.writes {
		t.Errorf("alone %+v, in bursts %+v", alone, bursts)
	}
}
