package functions

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/proof/terraformtest"
)

// localOnly are the variables that no deployed function is given.
var localOnly = []string{"PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"}

func tables(t *testing.T) *terraformtest.Tables {
	t.Helper()
	tables, err := terraformtest.Read("../terraform")
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestTerraformDeploysEveryFunctionOfTheCodeAndNoOther(t *testing.T) {
	deployed, err := tables(t).Functions()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(EntryPoints())), slices.Sorted(maps.Keys(deployed))); diff != "" {
		t.Errorf("functions (-code +terraform/functions.tf):\n%s", diff)
	}
}

func TestTerraformKnowsEveryVariableOfTheCodeAndNoOther(t *testing.T) {
	got, err := tables(t).Environment()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(EnvironmentNames(), func(name string) bool { return slices.Contains(localOnly, name) })
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-code +terraform/environment.tf):\n%s", diff)
	}
}

func TestTerraformGivesEveryFunctionWhatAllOfThemRead(t *testing.T) {
	given, err := tables(t).Local("every_function")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range given.AsValueSlice() {
		got = append(got, name.AsString())
	}
	if diff := cmp.Diff(everyFunction, got); diff != "" {
		t.Errorf("variables (-code +terraform/functions.tf):\n%s", diff)
	}
}

// TestTerraformGivesEachFunctionTheVariablesThatItReads: one less, and it is not
// set up; one more, and it may read a secret that is none of its business.
func TestTerraformGivesEachFunctionTheVariablesThatItReads(t *testing.T) {
	deployed, err := tables(t).Functions()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entryPoints {
		t.Run(e.name, func(t *testing.T) {
			var mu sync.Mutex
			read := map[string]bool{}
			getenv := func(name string) string {
				mu.Lock()
				defer mu.Unlock()
				read[name] = true
				return complete()[name]
			}
			var log bytes.Buffer
			if _, err := e.build(t.Context(), &deps{getenv: getenv, logger: logTo(&log)}); err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Concat(localOnly, everyFunction) {
				delete(read, name)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(read)), deployed[e.name].Environment); diff != "" {
				t.Errorf("variables (-read +given):\n%s", diff)
			}
		})
	}
}
