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
// this package nothing repeats a code or a reason as a string, and no constant
// stands here without a use.
func TestEveryCodeAndReasonIsUsedByItsConstant(t *testing.T) {
	ours := map[string]bool{}
	for _, c := range All() {
		ours[string(c)] = true
	}
	used, repeated := map[string]bool{}, map[string]bool{}
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
			repeated[text] = true
			if !strings.Contains(file, "/syncer/") {
				t.Errorf("%s repeats %s: use the constant of package failurecode", file, text)
			}
		}
	})
	for name, value := range constants(t) {
		if !used[name] && !repeated[value] {
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

// constants returns the codes of this package by their names. Reasons are left out
// while package syncer spells them itself.
func constants(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "failurecode.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			values[spec.Names[0].Name], _ = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	if len(values) != len(All()) {
		t.Errorf("%d codes are declared, All returns %d", len(values), len(All()))
	}
	return values
}
