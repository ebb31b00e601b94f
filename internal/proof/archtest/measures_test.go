package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/uudashr/gocognit"
)

// The measures of this file are loose: code that reads well is far from them. They
// notice when it drifts.
const (
	// maxMethods bounds the working type of package syncer. A type with more is a
	// second program: give the methods of one concern a type of their own, as matcher
	// and erasure are.
	maxMethods = 40
	// maxOneWordShare bounds the functions of the product whose name is one word. A
	// name with a verb and an object can be searched for and says what it does.
	maxOneWordShare = 35 // percent
	maxFileLines    = 400
	// maxComplexity bounds the cognitive complexity of one function of the product.
	maxComplexity = 20
)

// camelWord is one word of a name in camel case.
var camelWord = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

// isProduct reports whether a package is deployed or used to deploy: not the proof,
// the local stand-ins or the bench.
func isProduct(pkg string) bool {
	for _, tools := range []string{"internal/proof", "internal/local", "internal/cmd/bench"} {
		if pkg == tools || strings.HasPrefix(pkg, tools+"/") {
			return false
		}
	}
	return true
}

// goFiles lists the Go files of the repository, tests included.
func goFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(committed(t), func(name string) bool {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "/testdata/") {
			return true
		}
		_, err := os.Stat(filepath.Join(root, name))
		return err != nil // it is deleted and not committed yet
	})
}

// functionsOf lists the functions and methods of one file.
func functionsOf(file *ast.File) (all []*ast.FuncDecl) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			all = append(all, f)
		}
	}
	return all
}

// receiverOf returns the name of the type that a method belongs to, "" for a
// function.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	name := ""
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

func TestTheWorkingTypeOfTheSyncerStaysSmall(t *testing.T) {
	const working = "attempt"
	methods := 0
	for _, name := range allPackages(t)["internal/syncer"].GoFiles {
		for _, f := range functionsOf(parse(t, filepath.Join(root, "internal/syncer", name))) {
			if receiverOf(f) == working {
				methods++
			}
		}
	}
	t.Logf("%s has %d methods", working, methods)
	if methods == 0 || methods > maxMethods {
		t.Errorf("type %s of package syncer has %d methods, want 1 to %d: give the methods of one concern a type of their own", working, methods, maxMethods)
	}
}

func TestMostNamesSayWhatAFunctionDoes(t *testing.T) {
	var short, all int
	for name, p := range allPackages(t) {
		if !isProduct(name) {
			continue
		}
		var shortHere, allHere int
		for _, file := range p.GoFiles {
			for _, f := range functionsOf(parse(t, filepath.Join(p.Dir, file))) {
				allHere++
				if len(camelWord.FindAllString(f.Name.Name, -1)) == 1 {
					shortHere++
				}
			}
		}
		t.Logf("%4d of %4d in %s", shortHere, allHere, name)
		short, all = short+shortHere, all+allHere
	}
	t.Logf("%d of %d functions have a name of one word: %d %%", short, all, 100*short/all)
	if 100*short > maxOneWordShare*all {
		t.Errorf("%d of %d functions of the product have a name of one word, more than %d %%: name them with a verb and an object", short, all, maxOneWordShare)
	}
}

func TestNoFileIsTooLong(t *testing.T) {
	for _, name := range goFiles(t) {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n > maxFileLines {
			t.Errorf("%s has %d lines, more than %d: split it by theme", name, n, maxFileLines)
		}
	}
}

func TestNoFunctionIsTooComplex(t *testing.T) {
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") || !isProduct(filepath.Dir(name)) {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range gocognit.ComplexityStats(file, fset, nil) {
			if s.Complexity > maxComplexity {
				t.Errorf("%s:%d: %s has a cognitive complexity of %d, more than %d", name, s.Pos.Line, s.FuncName, s.Complexity, maxComplexity)
			}
		}
	}
}
