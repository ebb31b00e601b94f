package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failureModel is where the faults and their tests are listed.
const failureModel = "docs/failure-model.md"

// modelRow is one invariant or fault.
type modelRow struct {
	id    string
	tests string // the last cell
	text  string // all of it
}

// modelRows reads the tables of the failure model.
func modelRows(text string) []modelRow {
	var rows []modelRow
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		id := strings.TrimSpace(cells[0])
		if len(cells) > 2 && regexp.MustCompile(`^[IF]\d+$`).MatchString(id) {
			rows = append(rows, modelRow{id, strings.TrimSpace(cells[len(cells)-1]), line})
		}
	}
	return rows
}

// modelNumbers are the rows that there have to be. Numbers between the groups
// are free.
func modelNumbers() []string {
	var ids []string
	for _, span := range []struct {
		letter      string
		first, last int
	}{{"I", 1, 12}, {"F", 1, 17}, {"F", 20, 28}, {"F", 30, 36}, {"F", 40, 62}, {"F", 70, 74}} {
		for n := span.first; n <= span.last; n++ {
			ids = append(ids, fmt.Sprint(span.letter, n))
		}
	}
	return ids
}

var testReference = regexp.MustCompile("`([a-z][a-z0-9/]*)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)(?:/([^`]+))?`")

// problems says what is wrong with the tests that a row names.
func (r modelRow) problems(source func(dir string) (*testSource, error)) []string {
	found := testReference.FindAllStringSubmatch(r.tests, -1)
	spans := codeSpan.FindAllString(r.tests, -1)
	var all []string
	switch {
	case len(found) != len(spans):
		all = append(all, fmt.Sprintf("%d of its %d names are no tests", len(spans)-len(found), len(spans)))
	case len(found) == 0 && (r.tests != "none" || !strings.Contains(r.text, "**Not yet**")):
		all = append(all, "names no test and does not say what is missing")
	}
	for _, m := range found {
		dir := "internal/" + m[1]
		if m[1] == "functions" {
			dir = m[1]
		}
		s, err := source(dir)
		switch {
		case err != nil:
			all = append(all, err.Error())
		case !s.tests[m[2]]:
			all = append(all, dir+" has no "+m[2])
		case m[3] != "" && !s.words[m[3]]:
			all = append(all, fmt.Sprintf("%s names %q nowhere", dir, m[3]))
		}
	}
	return all
}

// testSource is what a package has of tests, and of texts that name their cases.
type testSource struct{ tests, words map[string]bool }

func readTests(dir string) (*testSource, error) {
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there is no package %s", dir)
	}
	s := &testSource{map[string]bool{}, map[string]bool{}}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.tests[n.Name.Name] = s.tests[n.Name.Name] || n.Recv == nil && strings.HasSuffix(file, "_test.go")
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					s.words[text] = true
				}
			}
			return true
		})
	}
	return s, nil
}

// TestTheFailureModelNamesTestsThatExist: each row names the tests that show
// it, or says plainly that there are none.
func TestTheFailureModelNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, failureModel))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]*testSource{}
	source := func(dir string) (*testSource, error) {
		if known[dir] == nil {
			s, err := readTests(dir)
			if err != nil {
				return nil, err
			}
			known[dir] = s
		}
		return known[dir], nil
	}
	var ids []string
	for _, r := range modelRows(string(text)) {
		ids = append(ids, r.id)
		for _, p := range r.problems(source) {
			t.Errorf("%s, %s: %s", failureModel, r.id, p)
		}
	}
	if diff := cmp.Diff(modelNumbers(), ids); diff != "" {
		t.Errorf("rows of %s (-want +got):\n%s", failureModel, diff)
	}
}

func TestTheCheckOfTheFailureModelSeesWhatIsWrong(t *testing.T) {
	source := func(dir string) (*testSource, error) {
		if dir != "internal/here" {
			return nil, fmt.Errorf("there is no package %s", dir)
		}
		return &testSource{map[string]bool{"TestIt": true, "helper": false}, map[string]bool{"a case": true}}, nil
	}
	for _, tt := range []struct {
		name, row string
		want      int
	}{
		{"a test that exists", "| F1 | fault | does | `here.TestIt`, `here.TestIt/a case` |", 0},
		{"no test and the reason", "| F1 | fault | **Not yet**: nothing | none |", 0},
		{"no test and no reason", "| F1 | fault | does | none |", 1},
		{"an empty cell", "| F1 | fault | **Not yet**: nothing | |", 1},
		{"a test that is gone", "| F1 | fault | does | `here.TestOther` |", 1},
		{"a case that is gone", "| F1 | fault | does | `here.TestIt/another case` |", 1},
		{"a package that is gone", "| F1 | fault | does | `there.TestIt` |", 1},
		{"a name that is no test", "| F1 | fault | does | `here.TestIt`, `here.helper` |", 1},
	} {
		rows := modelRows(tt.row)
		if len(rows) != 1 {
			t.Fatalf("%s: %d rows", tt.name, len(rows))
		}
		if got := rows[0].problems(source); len(got) != tt.want {
			t.Errorf("%s: %v, want %d", tt.name, got, tt.want)
		}
	}
}
