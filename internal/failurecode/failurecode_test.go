package failurecode

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestEveryReasonHasAText(t *testing.T) {
	for _, r := range AllReasons() {
		if r.Text() == "" {
			t.Errorf("%s has no text", r)
		}
	}
	for r := range reasonTexts {
		if !slices.Contains(AllReasons(), r) {
			t.Errorf("%s has a text and is not in AllReasons", r)
		}
	}
}

func TestNoTwoCodesAreEqual(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range All() {
		if c == "" || seen[c] {
			t.Errorf("%q is declared twice, or empty", c)
		}
		seen[c] = true
	}
}

// TestEveryCodeAndReasonIsUsedByItsConstant reads the product's source: outside of
// this package nothing repeats a code as a string, and no constant
// stands here without a use.
func TestEveryCodeAndReasonIsUsedByItsConstant(t *testing.T) {
	ours := map[string]bool{}
	for _, c := range All() {
		ours[string(c)] = true
	}
	used := map[string]bool{}
	readProduct(t, func(file string, n ast.Node) {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "failurecode" {
				used[n.Sel.Name] = true
			}
		case *ast.BasicLit:
			text, _ := strconv.Unquote(n.Value)
			if n.Kind != token.STRING || !ours[text] {
				return
			}
			t.Errorf("%s repeats %s: use the constant of package failurecode", file, text)
		}
	})
	for name := range constants(t) {
		if !used[name] {
			t.Errorf("failurecode.%s is used nowhere", name)
		}
	}
}

// vendors declare the codes of other systems, of which some are spelt like ours.
var vendors = []string{"internal/failurecode/", "internal/hubspot/", "internal/zoho/", "internal/local/", "internal/proof/", "internal/failure/rules_services.go"}

func readProduct(t *testing.T, visit func(file string, n ast.Node)) {
	t.Helper()
	for _, dir := range []string{"../../internal", "../../functions"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
				slices.ContainsFunc(vendors, func(v string) bool { return strings.HasPrefix(name, v) }) {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool { visit(name, n); return true })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// constants returns the codes and reasons of this package by their names.
func constants(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, file := range []string{"failurecode.go", "reason.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if text, isText := spec.Values[0].(*ast.BasicLit); isText {
					values[spec.Names[0].Name], _ = strconv.Unquote(text.Value)
				}
			}
			return true
		})
	}
	if want := len(All()) + len(AllReasons()); len(values) != want {
		t.Errorf("%d codes and reasons are declared, All and AllReasons return %d", len(values), want)
	}
	return values
}
