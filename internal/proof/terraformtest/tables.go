// Package terraformtest reads the tables in the directory terraform/ for the tests
// that compare them with the code. It evaluates literals only, needs neither
// Terraform nor a cloud, and is never deployed.
package terraformtest

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Function is the entry of one function.
type Function struct {
	Name        string
	Environment []string // sorted
	InvokedBy   string   // "anyone", "push", "schedule", "functions", "people"
	Topic       string   // the variable that names the topic pushed to it; "": none
	Schedule    string   // "": none
	Timeout     int      // seconds
}

// Tables are what was read.
type Tables struct {
	locals map[string]hclsyntax.Expression
}

// Read parses every file of the directory.
func Read(dir string) (*Tables, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.tf in %s", dir)
	}
	t := &Tables{locals: map[string]hclsyntax.Expression{}}
	parser := hclparse.NewParser()
	for _, file := range files {
		parsed, problems := parser.ParseHCLFile(file)
		if problems.HasErrors() {
			return nil, problems
		}
		body, ok := parsed.Body.(*hclsyntax.Body)
		if !ok {
			return nil, fmt.Errorf("%s is not in HCL's own syntax", file)
		}
		for _, block := range body.Blocks {
			if block.Type != "locals" {
				continue
			}
			for name, attribute := range block.Body.Attributes {
				t.locals[name] = attribute.Expr
			}
		}
	}
	return t, nil
}

// Local returns a local value that is a literal.
func (t *Tables) Local(name string) (cty.Value, error) {
	expr, ok := t.locals[name]
	if !ok {
		return cty.NilVal, fmt.Errorf("terraform has no local.%s", name)
	}
	value, problems := expr.Value(nil)
	if problems.HasErrors() {
		return cty.NilVal, fmt.Errorf("local.%s is not a literal: %w", name, problems)
	}
	return value, nil
}

// Functions returns every function by its entry point.
func (t *Tables) Functions() (map[string]Function, error) {
	table, err := t.Local("functions")
	if err != nil {
		return nil, err
	}
	all := map[string]Function{}
	for entryPoint, entry := range table.AsValueMap() {
		f := Function{
			Name: text(entry, "name"), InvokedBy: text(entry, "invoked_by"),
			Topic: text(entry, "topic"), Schedule: text(entry, "schedule"),
		}
		if f.Name == "" || f.InvokedBy == "" || !entry.Type().HasAttribute("environment") || !entry.Type().HasAttribute("timeout") {
			return nil, fmt.Errorf("%s lacks name, invoked_by, environment or timeout", entryPoint)
		}
		seconds, _ := entry.GetAttr("timeout").AsBigFloat().Int64()
		f.Timeout = int(seconds)
		for _, name := range entry.GetAttr("environment").AsValueSlice() {
			f.Environment = append(f.Environment, name.AsString())
		}
		slices.Sort(f.Environment)
		all[entryPoint] = f
	}
	return all, nil
}

// Metric counts entries of the log, or distributes the values of a field.
type Metric struct {
	Message string
	Fields  []string // that it reads, sorted
}

// Metrics returns every metric that is made of the log, by its name.
func (t *Tables) Metrics() (map[string]Metric, error) {
	table, err := t.Local("log_metrics")
	if err != nil {
		return nil, err
	}
	all := map[string]Metric{}
	for name, entry := range table.AsValueMap() {
		m := Metric{Message: text(entry, "message")}
		if value := text(entry, "value"); value != "" {
			m.Fields = append(m.Fields, value)
		}
		for _, label := range entry.GetAttr("labels").AsValueSlice() {
			m.Fields = append(m.Fields, label.AsString())
		}
		slices.Sort(m.Fields)
		all[name] = m
	}
	return all, nil
}

func text(entry cty.Value, name string) string {
	if !entry.Type().HasAttribute(name) {
		return ""
	}
	return entry.GetAttr(name).AsString()
}

// Keys returns the sorted keys of a table whose values are not looked at.
func (t *Tables) Keys(name string) ([]string, error) {
	expr, ok := t.locals[name]
	if !ok {
		return nil, fmt.Errorf("terraform has no local.%s", name)
	}
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil, fmt.Errorf("local.%s is not a table", name)
	}
	return keys(object)
}

// Environment returns the names of all variables that a function can be given,
// sorted: the plain ones, those of topics and those of secrets.
func (t *Tables) Environment() ([]string, error) {
	merge, ok := t.locals["environment"].(*hclsyntax.FunctionCallExpr)
	if !ok || merge.Name != "merge" || len(merge.Args) == 0 {
		return nil, errors.New("local.environment is not merge(...)")
	}
	plain, ok := merge.Args[0].(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil, errors.New("local.environment does not begin with a table")
	}
	names := map[string]bool{}
	add := func(list []string, err error) error {
		for _, name := range list {
			names[name] = true
		}
		return err
	}
	err := errors.Join(add(keys(plain)), add(t.Keys("topics")), add(t.Keys("secrets")))
	return slices.Sorted(maps.Keys(names)), err
}

func keys(object *hclsyntax.ObjectConsExpr) ([]string, error) {
	var names []string
	for _, item := range object.Items {
		key := hcl.ExprAsKeyword(item.KeyExpr)
		if key == "" {
			value, problems := item.KeyExpr.Value(nil)
			if problems.HasErrors() {
				return nil, problems
			}
			key = value.AsString()
		}
		names = append(names, key)
	}
	slices.Sort(names)
	return names, nil
}
