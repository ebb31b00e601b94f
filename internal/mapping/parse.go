package mapping

import (
	_ "embed"
	"errors"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known wherever the connector runs

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/hubspot-zoho/connector/internal/crm"
)

//go:embed default.yaml
var defaultText []byte

// DefaultYAML returns the text of the built-in mapping, commented for people
// who start their own from it.
func DefaultYAML() []byte { return append([]byte(nil), defaultText...) }

// Default returns the built-in mapping.
func Default() *Mapping {
	m, err := Parse(defaultText)
	if err != nil {
		// The text is part of the program, and a test parses it.
		panic("built-in mapping: " + err.Error())
	}
	return m
}

// maxText bounds a mapping's text in bytes. A secret or an environment
// variable holds less.
const maxText = 256 << 10

// objectKeys are the names that the file has for the kinds of record.
var objectKeys = map[string]crm.Kind{"contacts": crm.Contact, "companies": crm.Company}

// Parse reads and validates a mapping. The error is of type Problems and lists
// everything that is wrong with the text.
func Parse(text []byte) (*Mapping, error) {
	if len(text) > maxText {
		return nil, Problems{{1, 1, "", "is longer than 256 KiB: this is no mapping"}}
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, Problems{syntaxProblem(err)}
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		if root != nil {
			line, column := position(doc.Body)
			return nil, Problems{{line, column, "", "is a second document: keep one and remove the line ---"}}
		}
		root = doc.Body
	}
	if root == nil {
		return nil, Problems{{1, 1, "", "the mapping is empty: write contacts or companies, or give no text at all for the built-in one"}}
	}
	r := &reader{}
	m := r.mapping(root)
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return m, nil
}

func syntaxProblem(err error) Problem {
	p := Problem{Line: 1, Column: 1, Message: "is not YAML: check the indentation, the quotes and the brackets"}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		p.Message = "is not YAML, " + strings.TrimSpace(syntax.Message) + ": check the indentation, the quotes and the brackets"
		if syntax.Token != nil && syntax.Token.Position != nil {
			p.Line, p.Column = max(1, syntax.Token.Position.Line), max(1, syntax.Token.Position.Column)
		}
	}
	return p
}

func (r *reader) mapping(root ast.Node) *Mapping {
	m := &Mapping{Preferred: crm.Zoho, Region: defaultRegion, Zone: defaultZone, Objects: map[crm.Kind]*Object{}}
	var drafts []*objectDraft
	entries := r.entries(root, "", "keys such as contacts: and companies:")
	for _, e := range entries {
		if e.key == "ids" { // before the fields, which must be others
			m.IDs = r.idFields(e)
			r.ids = m.IDs
		}
	}
	for _, e := range entries {
		switch e.key {
		case "version":
			if v, ok := r.word(e); ok && v != "1" {
				r.report(e.value, e.path, "does not know %q: this connector reads version 1", v)
			}
		case "preferred":
			choose(r, e, &m.Preferred, crm.Systems[:]...)
		case "region":
			r.region(e, &m.Region)
		case "zone":
			r.zone(e, &m.Zone)
		case "ids":
		case "contacts", "companies":
			drafts = append(drafts, r.object(e, objectKeys[e.key]))
		default:
			r.unknown(e, "version", "preferred", "region", "zone", "ids", "contacts", "companies")
		}
	}
	if len(drafts) == 0 && entries != nil {
		r.report(root, "", "nothing is mapped: write contacts, companies or both")
	}
	r.checkCompanies(drafts)
	for _, d := range drafts {
		r.checkObject(d)
		m.Objects[d.object.Kind] = r.finish(d, m)
	}
	return m
}

// idFields reads the names of the unique fields for the other side's id.
func (r *reader) idFields(e entry) map[crm.System]string {
	names := map[crm.System]string{}
	for _, side := range r.entries(e.value, e.path, "{hubspot: ..., zoho: ...}") {
		s := crm.System(side.key)
		if s.Validate() != nil {
			r.unknown(side, "hubspot", "zoho")
			continue
		}
		name, ok := r.word(side)
		switch lower := strings.ToLower(name); {
		case !ok:
		case !isAPIName(name):
			r.report(side.value, side.path, "%q is no API name: copy it from the settings of %s, not the label", name, s)
		case slices.Contains(reserved[s], lower) && lower != usualID[s]:
			r.report(side.value, side.path, "%q is a field of %s itself: create a field of its own, unique, for the other side's id", name, s)
		default:
			names[s] = name
		}
	}
	return names
}

// finish returns the object that was drafted, with what its fields must know
// of their surroundings.
func (r *reader) finish(d *objectDraft, m *Mapping) *Object {
	for _, f := range d.fields {
		f.field.region, f.field.object = m.Region, d.object.Direction
		f.field.zone, _ = time.LoadLocation(m.Zone) // it was checked where it was read
		if f.field.Type == Owner {
			for i, p := range f.field.Values {
				f.field.Values[i] = ValuePair{canonEmail(p.HubSpot), canonEmail(p.Zoho)}
			}
		}
		r.standIn(f)
		d.object.Fields = append(d.object.Fields, f.field)
	}
	return d.object
}
