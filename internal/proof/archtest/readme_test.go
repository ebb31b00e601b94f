package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/functions"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// firstColumn returns the names in code spans of the first column of every
// table in the README section under the heading.
func firstColumn(t *testing.T, heading string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(data), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || strings.TrimSpace(cells[0]) != "" {
			continue
		}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			names = append(names, span[1])
		}
	}
	slices.Sort(names)
	return names
}

func TestTheReadmeNamesEveryFunctionAndNoOther(t *testing.T) {
	want := slices.Sorted(slices.Values(functions.EntryPoints()))
	if diff := cmp.Diff(want, firstColumn(t, "Functions")); diff != "" {
		t.Errorf("functions (-code +README):\n%s", diff)
	}
}

func TestTheReadmeNamesEveryEnvironmentVariableAndNoOther(t *testing.T) {
	want := slices.Sorted(slices.Values(functions.EnvironmentNames()))
	if diff := cmp.Diff(want, firstColumn(t, "Environment")); diff != "" {
		t.Errorf("environment (-code +README):\n%s", diff)
	}
}

func TestTheReadmeNamesOnlyMakeTargetsThatExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(string(readme), -1)
	if len(used) == 0 {
		t.Fatal("README.md names no make target")
	}
	for _, m := range used {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("README.md names make %s, which is not a target", m[1])
		}
	}
}
