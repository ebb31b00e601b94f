package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// reader walks a YAML tree and collects what is wrong with it instead of
// stopping at the first problem.
type reader struct {
	problems Problems
	ids      map[crm.System]string // the fields for the other side's id
}

// entry is one key of a YAML mapping with its value.
type entry struct {
	key   string
	path  string
	at    ast.Node // the key
	value ast.Node
}

// child is the path of what lies under e.
func (e entry) child(key string) string { return join(e.path, key) }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (r *reader) report(at ast.Node, path, format string, args ...any) {
	line, column := position(at)
	r.problems = append(r.problems, Problem{line, column, path, fmt.Sprintf(format, args...)})
}

// position returns where n begins. The token of a block mapping is the colon
// of its first entry, hence its first key is taken.
func position(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	p := n.GetToken().Position
	return max(1, p.Line), max(1, p.Column)
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// entries returns the entries of a mapping; keys that repeat are reported and
// left out.
func (r *reader) entries(n ast.Node, path, want string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.report(n, path, "is %s: write %s", describe(n), want)
		return nil
	}
	first := map[string]int{}
	var entries []entry
	for _, v := range values {
		key, ok := scalar(v.Key)
		if !ok {
			r.report(v.Key, path, "has a key that is %s: write every key as plain text", describe(v.Key))
			continue
		}
		e := entry{key: key, path: join(path, key), at: v.Key, value: v.Value}
		line, _ := position(v.Key)
		if earlier, found := first[key]; found {
			r.report(v.Key, e.path, "is given twice, first in line %d: remove one of the two", earlier)
			continue
		}
		first[key] = line
		entries = append(entries, e)
	}
	return entries
}

// unknown reports a key that means nothing, with those that do.
func (r *reader) unknown(e entry, known ...string) {
	r.report(e.at, e.path, "means nothing here: use one of %s", strings.Join(known, ", "))
}

// word reads one scalar that is not empty.
func (r *reader) word(e entry) (string, bool) {
	text, ok := scalar(e.value)
	if !ok || text == "" {
		r.report(e.value, e.path, "is %s: write one value", describe(e.value))
		return "", false
	}
	return text, true
}

// item is one element of a list, or a single value that stands for a list.
type item struct {
	text string
	at   ast.Node
}

// words reads one scalar or a list of them. An empty list is none.
func (r *reader) words(e entry) []item {
	nodes := []ast.Node{e.value}
	if list, ok := e.value.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	var items []item
	for _, n := range nodes {
		text, ok := scalar(n)
		if !ok || text == "" {
			r.report(n, e.path, "has %s: write one value or a list as [a, b]", describe(n))
			continue
		}
		if slices.ContainsFunc(items, func(i item) bool { return i.text == text }) {
			r.report(n, e.path, "names %q twice: remove one of the two", text)
			continue
		}
		items = append(items, item{text, n})
	}
	return items
}

// choose reads one of the allowed words into dst.
func choose[T ~string](r *reader, e entry, dst *T, allowed ...T) {
	text, ok := r.word(e)
	if !ok {
		return
	}
	if !slices.Contains(allowed, T(text)) {
		words := make([]string, len(allowed))
		for i, a := range allowed {
			words[i] = string(a)
		}
		r.report(e.value, e.path, "does not know %q: use one of %s", text, strings.Join(words, ", "))
		return
	}
	*dst = T(text)
}

// scalar returns the text of a scalar. Options of picklists may look like
// numbers or booleans, so their text is taken as it stands.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// describe says what a node is, without quoting it.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.StringNode:
		if n.Value == "" {
			return "empty"
		}
		return "a text"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or a reference to one"
	case *ast.TagNode:
		return "a value with a tag"
	}
	return "a single value"
}
