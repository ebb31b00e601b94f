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

const (
	readme           = "README.md"
	docsIndex        = "docs/README.md"
	architecturePage = "docs/architecture.md"
)

// listDocuments returns every Markdown file of the repository.
func listDocuments(t *testing.T) []string {
	t.Helper()
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, filepath.ToSlash(name))
		}
	}
	for _, name := range []string{readme, docsIndex, architecturePage, failureModel} {
		if !slices.Contains(documents, name) {
			t.Fatalf("%s is not there", name)
		}
	}
	return documents
}

// linkedPages returns the files to which a page links.
func linkedPages(t *testing.T, page string) []string {
	t.Helper()
	var pages []string
	for _, m := range relativeLink.FindAllStringSubmatch(readFile(t, page), -1) {
		if m[1] != "" {
			pages = append(pages, filepath.ToSlash(filepath.Join(filepath.Dir(page), m[1])))
		}
	}
	return pages
}

// TestTheIndexOfTheDocsNamesEveryPage: it links to each page, or to the index of a
// directory that does.
func TestTheIndexOfTheDocsNamesEveryPage(t *testing.T) {
	listed := map[string]bool{docsIndex: true}
	for indexes := []string{docsIndex}; len(indexes) > 0; indexes = indexes[1:] {
		for _, page := range linkedPages(t, indexes[0]) {
			isIndex := strings.HasPrefix(page, "docs/") && filepath.Base(page) == "README.md"
			if isIndex && !listed[page] {
				indexes = append(indexes, page)
			}
			listed[page] = true
		}
	}
	for _, name := range listDocuments(t) {
		if strings.HasPrefix(name, "docs/") && !listed[name] {
			t.Errorf("%s does not link to %s", docsIndex, name)
		}
	}
	if !slices.Contains(linkedPages(t, readme), docsIndex) {
		t.Errorf("%s does not link to %s", readme, docsIndex)
	}
}

// pathSpan matches a code span that names a file or a directory of the repository.
var pathSpan = regexp.MustCompile(`^(?:internal|functions|docs|terraform|\.ci)/[A-Za-z0-9_./-]*$`)

func TestEveryPathThatADocumentNamesExists(t *testing.T) {
	paths := 0
	for _, name := range listDocuments(t) {
		for _, span := range codeSpan.FindAllStringSubmatch(readFile(t, name), -1) {
			if !pathSpan.MatchString(span[1]) {
				continue
			}
			paths++
			path := strings.TrimSuffix(span[1], "...")
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s names %s, which does not exist", name, span[1])
			}
		}
	}
	if paths == 0 {
		t.Error("no path was found: they are not written as this test reads them")
	}
}

// TestTheLayoutNamesEveryPackageAndNoOther: a line of the layout names packages
// below internal, and what is below a named one belongs to it.
func TestTheLayoutNamesEveryPackageAndNoOther(t *testing.T) {
	_, layout, found := strings.Cut(readFile(t, architecturePage), "\ninternal/\n")
	if !found {
		t.Fatalf("%s has no layout", architecturePage)
	}
	layout, _, _ = strings.Cut(layout, "\nterraform/")
	all := allPackages(t)
	var named []string
	for line := range strings.Lines(layout) {
		for _, word := range strings.Fields(line) {
			dir, isDir := strings.CutSuffix(word, "/")
			if !isDir {
				break
			}
			dir = "internal/" + dir
			named = append(named, dir)
			if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
				t.Errorf("%s names %s, which does not exist", architecturePage, dir)
			}
		}
	}
	for name := range all {
		if within(name, "internal") && !withinAny(name, named) {
			t.Errorf("the layout in %s lacks %s", architecturePage, name)
		}
	}
}

// firstColumn returns the names in code spans of the first column of every table of
// a document under the heading.
func firstColumn(t *testing.T, document, heading string) []string {
	t.Helper()
	_, section, found := strings.Cut(readFile(t, document), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, heading)
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

func TestTheArchitectureNamesEveryFunctionAndNoOther(t *testing.T) {
	want := slices.Sorted(slices.Values(functions.EntryPoints()))
	if diff := cmp.Diff(want, firstColumn(t, architecturePage, "The functions")); diff != "" {
		t.Errorf("functions (-code +%s):\n%s", architecturePage, diff)
	}
}

// readByName matches the read of an environment variable by its literal name.
var readByName = regexp.MustCompile(`[gG]etenv\("([A-Z0-9_]+)"\)`)

func TestTheConfigurationPageNamesEveryVariableThatAProgramReads(t *testing.T) {
	page := readFile(t, "docs/configuration.md")
	variables := 0
	for name, p := range allPackages(t) {
		for _, file := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range readByName.FindAllStringSubmatch(string(source), -1) {
				if variables++; !strings.Contains(page, "`"+m[1]+"`") {
					t.Errorf("%s/%s reads %s, which docs/configuration.md does not name", name, file, m[1])
				}
			}
		}
	}
	if variables == 0 {
		t.Error("no variable was found: the test looks at nothing")
	}
}

func TestTheReadmeIsShort(t *testing.T) {
	const most = 700
	if n := len(strings.Fields(readFile(t, readme))); n > most {
		t.Errorf("%s has %d words, want at most %d: the rest belongs into docs", readme, n, most)
	}
}

func TestDocumentsNameOnlyMakeTargetsThatExist(t *testing.T) {
	makefile := readFile(t, "Makefile")
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")
	if !target.MatchString(readFile(t, readme)) {
		t.Fatalf("%s names no make target", readme)
	}
	for _, name := range listDocuments(t) {
		for _, m := range target.FindAllStringSubmatch(readFile(t, name), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is not a target", name, m[1])
			}
		}
	}
}
