package archtest

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryLongTestIsRunByMakeTestLong: a test that "make test" leaves out and
// that no other target names would never run.
func TestEveryLongTestIsRunByMakeTestLong(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	variable := func(name string) []string {
		found := regexp.MustCompile(`\n` + name + ` := ((?:.*\\\n)*.*)\n`).FindSubmatch(makefile)
		if found == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return strings.Fields(strings.ReplaceAll(string(found[1]), "\\\n", " "))
	}
	packages := variable("LONG_PACKAGES")
	var long []string
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, decl := range parse(t, path).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !callsLong(f) {
				continue
			}
			long = append(long, f.Name.Name)
			dir := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, filepath.Clean(root)+string(filepath.Separator))))
			if !slices.ContainsFunc(packages, func(p string) bool {
				below, all := strings.CutSuffix(p, "/...")
				return p == "./"+dir || all && within("./"+dir, below)
			}) {
				t.Errorf("%s is in %s, which LONG_PACKAGES does not name", f.Name.Name, dir)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := variable("LONG_TESTS")
	slices.Sort(want)
	slices.Sort(long)
	if diff := cmp.Diff(want, long); diff != "" {
		t.Errorf("long tests (-Makefile's LONG_TESTS +those that call tier.Long):\n%s", diff)
	}
}

func callsLong(f *ast.FuncDecl) (calls bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == "Long" {
			id, ok := selector.X.(*ast.Ident)
			calls = calls || ok && id.Name == "tier"
		}
		return true
	})
	return calls
}
