package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"
)

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// clock holds the names of package time that read the clock or wait for it.
var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true,
}

// finding is one place in the source.
type finding struct {
	what string
	pos  token.Pos
}

// find reports go statements and uses of the clock. With onlyCalls, handing a
// function of package time on, as in Clock: time.Now, is not one.
func find(file *ast.File, onlyCalls bool) []finding {
	name := timeName(file)
	var found []finding
	isClock := func(e ast.Expr) (string, bool) {
		selector, ok := e.(*ast.SelectorExpr)
		if !ok || name == "" {
			return "", false
		}
		id, ok := selector.X.(*ast.Ident)
		return "time." + selector.Sel.Name, ok && id.Name == name && clock[selector.Sel.Name]
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, finding{"a go statement", n.Pos()})
		case *ast.CallExpr:
			if what, ok := isClock(n.Fun); ok && onlyCalls {
				found = append(found, finding{what, n.Pos()})
			}
		case *ast.SelectorExpr:
			if what, ok := isClock(n); ok && !onlyCalls {
				found = append(found, finding{what, n.Pos()})
			}
		}
		return true
	})
	return found
}

// timeName returns the name under which file imports package time, or "".
func timeName(file *ast.File) string {
	for _, spec := range file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err != nil || path != "time" {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return "time"
	}
	return ""
}

// TestHandlersStartNoGoroutineAndReadNoClock: a function's CPU stops with its
// answer, and what takes its time as a value can be simulated. The entry points hand
// time.Now on; they do not call it.
func TestHandlersStartNoGoroutineAndReadNoClock(t *testing.T) {
	rules := map[string]struct{ onlyCalls bool }{
		"functions":        {onlyCalls: true},
		"internal/ingest":  {},
		"internal/syncer":  {},
		"internal/merge":   {},
		"internal/mapping": {},
		"internal/op":      {},
		"internal/crm":     {},
	}
	all := allPackages(t)
	for name, rule := range rules {
		p, ok := all[name]
		if !ok {
			t.Errorf("package %s is not there", name)
		}
		for _, file := range p.GoFiles {
			for _, f := range find(parse(t, filepath.Join(p.Dir, file)), rule.onlyCalls) {
				t.Errorf("%s/%s has %s", name, file, f.what)
			}
		}
	}
}

func TestTheSearchForGoroutinesAndClocksFindsThem(t *testing.T) {
	const source = `package p
import clock "time"
type s struct{ Now func() clock.Time }
func f(a s) {
	go f(a)
	_ = clock.Now()
	f(s{Now: clock.Now})
	_ = a.Now()
	_ = clock.Second
	<-clock.After(1)
}`
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(find(parsed, false)); got != 4 {
		t.Errorf("%d findings, want 4: the go statement, Now twice, After", got)
	}
	if got := len(find(parsed, true)); got != 3 {
		t.Errorf("%d findings among calls, want 3: the go statement, Now, After", got)
	}
}
