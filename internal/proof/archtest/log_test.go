package archtest

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/proof/terraformtest"
)

// entries are what is logged: the fields of each message.
type entries map[string]map[string]bool

func (e entries) add(message string, fields []string) {
	if e[message] == nil {
		e[message] = map[string]bool{}
	}
	for _, f := range fields {
		e[message][f] = true
	}
}

// logged collects the entries of everything that is deployed.
func logged(t *testing.T) entries {
	t.Helper()
	all := allPackages(t)
	found := entries{}
	constants := map[string]string{}
	collectConstants(t, all["internal/logschema"], "logschema.", constants)
	for name, p := range all {
		if name != "functions" && !slices.Contains(all[""].Deps, p.ImportPath) {
			continue
		}
		r := logReader{found: found, constants: maps.Clone(constants)}
		collectConstants(t, p, "", r.constants)
		for _, file := range p.GoFiles {
			for _, d := range parse(t, filepath.Join(p.Dir, file)).Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					r.read(f)
				}
			}
		}
		for _, problem := range r.problems {
			t.Errorf("%s: %s", name, problem)
		}
	}
	return found
}

// collectConstants adds the texts of a package's constants.
func collectConstants(t *testing.T, p pkg, prefix string, into map[string]string) {
	t.Helper()
	for _, file := range p.GoFiles {
		for _, d := range parse(t, filepath.Join(p.Dir, file)).Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v, ok := s.(*ast.ValueSpec)
				for i := range len(v.Values) {
					if text, known := literal(v.Values[i]); ok && known {
						into[prefix+v.Names[i].Name] = text
					}
				}
			}
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	return constant.StringVal(constant.MakeFromLiteral(l.Value, l.Kind, 0)), true
}

// logReader reads the calls of loggers in one package.
type logReader struct {
	found     entries
	constants map[string]string
	problems  []string
}

// messageAt is where the message stands among the arguments of each method.
var messageAt = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "Log": 2, "LogAttrs": 2,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
}

// read adds what a function logs. Attributes that it gathers in a list count for
// all of its entries that take a list, and those that it gives to a logger by
// With for all of its entries.
func (r *logReader) read(f *ast.FuncDecl) {
	gathered, given := r.lists(f.Body)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !isLogger(method.X) {
			return true
		}
		at, ok := messageAt[method.Sel.Name]
		if !ok || len(call.Args) <= at {
			return true
		}
		message, ok := r.text(call.Args[at])
		if !ok {
			r.problems = append(r.problems, f.Name.Name+" logs a message that is no constant")
			return true
		}
		fields := append(r.keys(call.Args[at+1:]), given...)
		if call.Ellipsis.IsValid() {
			fields = append(fields, gathered...)
			fields = append(fields, r.appended(call.Args[len(call.Args)-1])...)
		}
		r.found.add(message, fields)
		return true
	})
}

// lists returns the keys of the lists that a function makes, and those that it
// gives to a logger.
func (r *logReader) lists(body *ast.BlockStmt) (gathered, given []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if list, ok := n.Type.(*ast.ArrayType); ok && isAttribute(list.Elt) {
				gathered = append(gathered, r.keys(n.Elts)...)
			}
		case *ast.AssignStmt:
			for _, e := range n.Rhs {
				gathered = append(gathered, r.appended(e)...)
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "With" && isLogger(s.X) {
				given = append(given, r.keys(n.Args)...)
			}
		}
		return true
	})
	return gathered, given
}

// appended are the keys that a call of append adds.
func (r *logReader) appended(e ast.Expr) []string {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return nil
	}
	if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "append" {
		return nil
	}
	return r.keys(call.Args[1:])
}

// isAttribute reports whether a list of such elements may hold attributes.
func isAttribute(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "any"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Attr"
	}
	return false
}

// isLogger tells by the last name of an expression.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"log", "logger", "slog"}, e.Name)
	case *ast.SelectorExpr:
		return slices.Contains([]string{"log", "logger", "Logger"}, e.Sel.Name)
	}
	return false
}

// keys reads attributes: pairs of a key and a value, or calls of slog.
func (r *logReader) keys(args []ast.Expr) (keys []string) {
	for i := 0; i < len(args); i++ {
		if call, ok := args[i].(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && fmt.Sprint(f.X) == "slog" && len(call.Args) > 0 {
				if key, known := r.text(call.Args[0]); known {
					keys = append(keys, key)
				} else {
					r.problems = append(r.problems, "a field whose name is no constant")
				}
				continue
			}
		}
		if key, ok := r.text(args[i]); ok {
			keys = append(keys, key)
			i++ // its value
		}
	}
	return keys
}

// text is the value of a constant. Of a text that begins with one and goes on
// with something else, it is the beginning.
func (r *logReader) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return literal(e)
	case *ast.Ident:
		text, ok := r.constants[e.Name]
		return text, ok
	case *ast.SelectorExpr:
		text, ok := r.constants[fmt.Sprint(e.X)+"."+e.Sel.Name]
		return text, ok
	case *ast.BinaryExpr:
		text, ok := r.text(e.X)
		return strings.TrimRight(text, ": "), ok
	}
	return "", false
}

// logPage is where people read of the entries.
const logPage = "docs/log.md"

// documented reads the table: the message, and the fields in the last column.
func documented(t *testing.T) entries {
	t.Helper()
	told := entries{}
	for line := range strings.Lines(readFile(t, logPage)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || !strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			continue
		}
		message, _ := strconv.Unquote(strings.TrimSpace(cells[0]))
		var fields []string
		for _, span := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			fields = append(fields, span[1])
		}
		told.add(message, fields)
	}
	return told
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestTheDocumentationListsEveryEntryOfTheLog: each message and each field that
// the deployed code logs, and no other.
func TestTheDocumentationListsEveryEntryOfTheLog(t *testing.T) {
	code := logged(t)
	if len(code) < len(logschema.Messages()) {
		t.Fatalf("%d entries were found, fewer than the journal names", len(code))
	}
	if diff := cmp.Diff(code, documented(t)); diff != "" {
		t.Errorf("entries of the log (-code +%s):\n%s", logPage, diff)
	}
}

// TestEveryMetricReadsFieldsOfItsOwnEntry: a field that another entry has would
// be missing from the metric, and an alert on it would be silent.
func TestEveryMetricReadsFieldsOfItsOwnEntry(t *testing.T) {
	tables, err := terraformtest.Read(filepath.Join(root, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := tables.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	code := logged(t)
	for key, m := range metrics {
		if code[m.Message] == nil {
			t.Errorf("%s counts entries %q, which no code logs", key, m.Message)
		}
		for _, field := range m.Fields {
			if !code[m.Message][field] {
				t.Errorf("%s reads the field %q, which %q does not have", key, field, m.Message)
			}
		}
	}
}

var (
	namedEntry = regexp.MustCompile("(?i)entr(?:y|ies) `([^`]+)`")
	fieldName  = regexp.MustCompile(`^[a-z][a-z_]*$`)
	payload    = regexp.MustCompile(`jsonPayload\.([a-z_]+)(?:=~?"\^?([^"]*)")?`)
)

// TestThePlaybooksNameEntriesAndFieldsThatAreLogged: a sentence that names an
// entry names fields of that entry.
func TestThePlaybooksNameEntriesAndFieldsThatAreLogged(t *testing.T) {
	code, sentences := logged(t), 0
	for _, name := range committed(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		text := readFile(t, name)
		for _, m := range namedEntry.FindAllStringSubmatch(text, -1) {
			if code[m[1]] == nil {
				t.Errorf("%s names the entry %q, which no code logs", name, m[1])
			}
		}
		for _, m := range payload.FindAllStringSubmatch(text, -1) {
			if !code.has(m[1], m[2]) {
				t.Errorf("%s looks for %s, which no entry has", name, m[0])
			}
		}
		if filepath.Dir(name) != "docs/playbooks" {
			continue
		}
		for _, sentence := range strings.Split(strings.ReplaceAll(text, ".\n", ". "), ". ") {
			spans := codeSpan.FindAllStringSubmatch(sentence, -1)
			i := slices.IndexFunc(spans, func(s []string) bool { return code[s[1]] != nil })
			if i < 0 {
				continue
			}
			sentences++
			for _, s := range spans {
				if field := s[1]; fieldName.MatchString(field) && code[field] == nil && !code[spans[i][1]][field] {
					t.Errorf("%s: the entry %q has no field %q", name, spans[i][1], field)
				}
			}
		}
	}
	if sentences < 10 {
		t.Errorf("%d sentences of playbooks name an entry: they are not read as they are written", sentences)
	}
}

// has reports whether an entry has a field, or for the message, begins so.
func (e entries) has(field, value string) bool {
	for message, fields := range e {
		if field == "message" && strings.HasPrefix(message, value) || fields[field] {
			return true
		}
	}
	return false
}
