package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// makes lists where the source makes something that has one maker: calls of a name,
// with its package where it has one, and literals of a type.
func makes(file *ast.File, name string) (found int) {
	is := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name == name
		case *ast.SelectorExpr:
			x, ok := e.X.(*ast.Ident)
			return ok && x.Name+"."+e.Sel.Name == name || "."+e.Sel.Name == name
		}
		return false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if is(n.Fun) {
				found++
			}
		case *ast.CompositeLit:
			if is(n.Type) {
				found++
			}
		}
		return true
	})
	return found
}

// TestEverySyncerAndEveryAttemptComesFromOnePlace: what three places wired by hand, one
// of them wired without a safeguard, and what had three makers was complete after
// one of them.
func TestEverySyncerAndEveryAttemptComesFromOnePlace(t *testing.T) {
	rules := []struct {
		why, made string
		within    []string // packages that are looked at; none for all
		by        []string // package and file
	}{
		{"a syncer has its safeguards from package assembly", "syncer.New", nil, []string{"internal/assembly/assembly.go"}},
		{"the program assembles a syncer in one place, the simulation in another", "assembly.NewSyncer", nil,
			[]string{"functions/syncer.go", "internal/proof/simulate/world.go"}},
		{"an attempt is usable from its beginning", "attempt", []string{"internal/syncer"}, []string{"internal/syncer/attempt.go"}},
		{"a limiter sees every call of an account", "hubspot.New", nil, []string{"functions/clients.go"}},
		// The bench opens the channel of the installation that it measures.
		{"a limiter sees every call of an account", "zoho.New", nil, []string{"functions/clients.go", "internal/cmd/bench/testbed.go"}},
		{"every writer is counted", "consumer.Consumer", nil, []string{"functions/consumers.go", "internal/proof/simulate/world.go"}},
	}
	all := allPackages(t)
	for _, rule := range rules {
		var by []string
		for name, p := range all {
			if rule.within != nil && !slices.Contains(rule.within, name) {
				continue
			}
			for _, file := range p.GoFiles {
				for range makes(parse(t, filepath.Join(p.Dir, file)), rule.made) {
					by = append(by, name+"/"+file)
				}
			}
		}
		slices.Sort(by)
		if diff := cmp.Diff(rule.by, by); diff != "" {
			t.Errorf("%s is made elsewhere than it should be, once in each: %s (-want +got):\n%s", rule.made, rule.why, diff)
		}
	}
}

func TestTheSearchForMakersFindsThem(t *testing.T) {
	const source = `package p
var a = &task{}
var b = syncer.New(c)
var d = []task{{}, {}}
type task struct{ next *task }
func f(t task) { f(task{}); other.New(c) }`
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if tasks, syncers := makes(parsed, "task"), makes(parsed, "syncer.New"); tasks != 2 || syncers != 1 {
		t.Errorf("%d tasks and %d syncers are made, want 2 and 1", tasks, syncers)
	}
}
