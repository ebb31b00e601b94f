package terraformtest

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Variable is what a person sets.
type Variable struct {
	Name, Description string
	Type              cty.Type
	Default           cty.Value // cty.NilVal: there is none
	// Message is what is said to a value that is refused; "": none is.
	Message string

	condition hcl.Expression
}

// Variables returns the variables of a directory, by name.
func Variables(dir string) (map[string]Variable, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	all := map[string]Variable{}
	parser := hclparse.NewParser()
	for _, file := range files {
		parsed, problems := parser.ParseHCLFile(file)
		if problems.HasErrors() {
			return nil, problems
		}
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			if block.Type != "variable" {
				continue
			}
			v, err := variable(block)
			if err != nil {
				return nil, fmt.Errorf("variable %s: %w", block.Labels[0], err)
			}
			all[v.Name] = v
		}
	}
	return all, nil
}

func variable(block *hclsyntax.Block) (Variable, error) {
	v := Variable{Name: block.Labels[0], Default: cty.NilVal}
	for name, attribute := range block.Body.Attributes {
		var problems hcl.Diagnostics
		switch name {
		case "description":
			v.Description, problems = literal(attribute.Expr)
		case "type":
			v.Type, problems = typeexpr.TypeConstraint(attribute.Expr)
		case "default":
			v.Default, problems = attribute.Expr.Value(nil)
		}
		if problems.HasErrors() {
			return v, problems
		}
	}
	for _, validation := range block.Body.Blocks {
		if v.condition != nil {
			return v, fmt.Errorf("has two validations: only one is read")
		}
		var problems hcl.Diagnostics
		v.condition = validation.Body.Attributes["condition"].Expr
		if v.Message, problems = literal(validation.Body.Attributes["error_message"].Expr); problems.HasErrors() {
			return v, problems
		}
	}
	return v, nil
}

func literal(e hcl.Expression) (string, hcl.Diagnostics) {
	value, problems := e.Value(nil)
	if problems.HasErrors() {
		return "", problems
	}
	return value.AsString(), nil
}

// Accepts reports whether the variable's validation lets a value pass.
func (v Variable) Accepts(value cty.Value) (bool, error) {
	if v.condition == nil {
		return true, nil
	}
	value, err := convert.Convert(value, v.Type)
	if err != nil {
		return false, err
	}
	ok, problems := v.condition.Value(&hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{v.Name: value})},
		Functions: functions,
	})
	if problems.HasErrors() {
		return false, problems
	}
	return ok.True(), nil
}

// functions are those of Terraform's language that validations use.
var functions = map[string]function.Function{
	"can": tryfunc.CanFunc, "regex": stdlib.RegexFunc, "contains": stdlib.ContainsFunc,
	"length": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].Type() == cty.String {
				return stdlib.Strlen(args[0])
			}
			return stdlib.Length(args[0])
		},
	}),
	"floor": stdlib.FloorFunc,
	"alltrue": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(!slices.ContainsFunc(args[0].AsValueSlice(), cty.Value.False)), nil
		},
	}),
}
