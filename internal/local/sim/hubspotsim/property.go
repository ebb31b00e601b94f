package hubspotsim

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Property types.
const (
	typeString   = "string"
	typeNumber   = "number"
	typeDate     = "date"
	typeDateTime = "datetime"
	typeEnum     = "enumeration"
	typeBool     = "bool"
)

const maxUnique = 10 // properties with hasUniqueValue per object type

type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

type modification struct {
	ReadOnlyValue      bool `json:"readOnlyValue"`
	ReadOnlyDefinition bool `json:"readOnlyDefinition"`
	ReadOnlyOptions    bool `json:"readOnlyOptions"`
	Archivable         bool `json:"archivable"`
}

// property is the definition of a property, as the API shows it.
type property struct {
	Name            string       `json:"name"`
	Label           string       `json:"label"`
	Type            string       `json:"type"`
	FieldType       string       `json:"fieldType"`
	Description     string       `json:"description"`
	GroupName       string       `json:"groupName"`
	Options         []option     `json:"options"`
	ReferencedType  string       `json:"referencedObjectType,omitempty"`
	DisplayOrder    int          `json:"displayOrder"`
	Calculated      bool         `json:"calculated"`
	ExternalOptions bool         `json:"externalOptions"`
	HasUniqueValue  bool         `json:"hasUniqueValue"`
	Hidden          bool         `json:"hidden"`
	HubspotDefined  bool         `json:"hubspotDefined,omitempty"`
	Archived        bool         `json:"archived"`
	FormField       bool         `json:"formField"`
	DataSensitivity string       `json:"dataSensitivity"`
	Modification    modification `json:"modificationMetadata"`
	CreatedAt       string       `json:"createdAt,omitempty"`
	UpdatedAt       string       `json:"updatedAt,omitempty"`
}

func (p *property) writable() bool { return !p.Calculated && !p.Modification.ReadOnlyValue }

func (p *property) sensitive() bool {
	return p.DataSensitivity != "" && p.DataSensitivity != "non_sensitive"
}

func (p *property) clone() property {
	c := *p
	c.Options = append([]option{}, p.Options...)
	return c
}

// propertyInput is what POST and PATCH take; nil = not given.
type propertyInput struct {
	Name            *string   `json:"name"`
	Label           *string   `json:"label"`
	Type            *string   `json:"type"`
	FieldType       *string   `json:"fieldType"`
	GroupName       *string   `json:"groupName"`
	Description     *string   `json:"description"`
	Options         *[]option `json:"options"`
	HasUniqueValue  *bool     `json:"hasUniqueValue"`
	Hidden          *bool     `json:"hidden"`
	FormField       *bool     `json:"formField"`
	DisplayOrder    *int      `json:"displayOrder"`
	DataSensitivity *string   `json:"dataSensitivity"`
	ExternalOptions *bool     `json:"externalOptions"`
}

// fieldTypes are the field types that go with a type.
var fieldTypes = map[string][]string{
	typeString:   {"text", "textarea", "html", "phonenumber", "file", "calculation_equation"},
	typeNumber:   {"number", "calculation_equation"},
	typeDate:     {"date"},
	typeDateTime: {"date"},
	typeEnum:     {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
	typeBool:     {"booleancheckbox", "calculation_equation"},
}

var propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

// serveProperties answers /properties/{t}[/{name}|/batch/{operation}].
func (s *Server) serveProperties(r *request) (*reply, error) {
	if len(r.path) == 0 {
		return nil, errNoResource()
	}
	k, apiErr := s.kind(r.path[0])
	if apiErr != nil {
		return nil, apiErr
	}
	p := r.path[1:]
	reading := r.Method == http.MethodGet || len(p) == 2 && p[1] == "read"
	need := []string{"crm.schemas." + k.plural + ".write"}
	if reading {
		need = []string{"crm.schemas." + k.plural + ".read",
			"crm.objects." + k.plural + ".read", "crm.objects." + k.plural + ".write"}
	}
	if err := s.need(need...); err != nil {
		return nil, err
	}
	switch {
	case len(p) == 0 && r.Method == http.MethodGet:
		return listProperties(r, k)
	case len(p) == 0 && r.Method == http.MethodPost:
		return s.createProperty(r, k)
	case len(p) == 2 && p[0] == "batch" && r.Method == http.MethodPost:
		return s.propertyBatch(r, k, p[1])
	case len(p) != 1:
		return nil, errNoResource()
	case r.Method == http.MethodGet:
		prop, err := k.defined(p[0], r.archived())
		if err != nil {
			return nil, err
		}
		return ok(prop.clone())
	case r.Method == http.MethodPatch:
		return s.patchProperty(r, k, p[0])
	case r.Method == http.MethodDelete:
		if err := k.archiveProperty(p[0]); err != nil {
			return nil, err
		}
		return &reply{status: http.StatusNoContent}, nil
	}
	return nil, fail(http.StatusMethodNotAllowed, wrongMethod, "HTTP 405 Method Not Allowed")
}

func errNoProperty(k *kind, name string) *apiError {
	e := fail(http.StatusNotFound, notFound, "Property %s does not exist for object type %s", name, k.typeID)
	e.Context = map[string][]string{"propertyName": {name}}
	return e
}

// defined finds a property. Archived ones show only when they are asked for.
func (k *kind) defined(name string, archived bool) (*property, error) {
	p := k.properties[name]
	if p == nil || p.Archived != archived {
		return nil, errNoProperty(k, name)
	}
	return p, nil
}

func listProperties(r *request, k *kind) (*reply, error) {
	want := r.URL.Query().Get("dataSensitivity")
	results := []property{}
	for _, name := range slices.Sorted(maps.Keys(k.properties)) {
		p := k.properties[name]
		if p.sensitive() == (want != "" && want != "non_sensitive") && p.Archived == r.archived() {
			results = append(results, p.clone())
		}
	}
	return ok(map[string]any{"results": results})
}

func (s *Server) createProperty(r *request, k *kind) (*reply, error) {
	var in propertyInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	p, err := s.addProperty(k, in)
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: p.clone()}, nil
}

func (s *Server) addProperty(k *kind, in propertyInput) (*property, error) {
	if in.Name == nil || in.Label == nil || in.Type == nil || in.FieldType == nil || in.GroupName == nil {
		return nil, invalid("Invalid input JSON: name, label, type, fieldType and groupName are required")
	}
	name := strings.ToLower(*in.Name)
	switch {
	case !propertyName.MatchString(name):
		return nil, invalid("Property name %q is not valid", *in.Name)
	case k.properties[name] != nil && !k.properties[name].Archived:
		return nil, fail(http.StatusConflict, conflict, "A property named '%s' already exists.", name)
	case !slices.Contains(fieldTypes[*in.Type], *in.FieldType):
		return nil, invalid("Field type %s is not valid for type %s", *in.FieldType, *in.Type)
	case !slices.Contains(k.groups, *in.GroupName):
		return nil, invalid("Property group %s does not exist", *in.GroupName)
	}
	p := &property{Name: name, Type: *in.Type, FieldType: *in.FieldType, DisplayOrder: -1,
		DataSensitivity: "non_sensitive", Modification: modification{Archivable: true},
		CreatedAt: stamp(s.cfg.Clock.Now())}
	if in.HasUniqueValue != nil && *in.HasUniqueValue {
		if *in.Type != typeString && *in.Type != typeNumber {
			return nil, invalid("hasUniqueValue is not supported for type %s", *in.Type)
		}
		if k.customUnique() >= maxUnique {
			return nil, invalid("The limit of %d unique properties has been reached", maxUnique)
		}
		p.HasUniqueValue = true
	}
	if in.DataSensitivity != nil {
		p.DataSensitivity = *in.DataSensitivity
	}
	if err := p.apply(in, s.cfg.Clock.Now()); err != nil {
		return nil, err
	}
	k.define(p)
	return p, nil
}

func (s *Server) patchProperty(r *request, k *kind, name string) (*reply, error) {
	p, err := k.defined(name, false)
	if err != nil {
		return nil, err
	}
	var in propertyInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if p.HubspotDefined && p.Modification.ReadOnlyDefinition {
		return nil, invalid("%s is a read only property; its definition cannot be changed.", name)
	}
	changed := p.clone()
	if err := changed.apply(in, s.cfg.Clock.Now()); err != nil {
		return nil, err
	}
	*p = changed
	return ok(p.clone())
}

// apply takes over what may be changed later too. hasUniqueValue may not.
func (p *property) apply(in propertyInput, now time.Time) error {
	set(&p.Label, in.Label)
	set(&p.GroupName, in.GroupName)
	set(&p.Description, in.Description)
	set(&p.Hidden, in.Hidden)
	set(&p.FormField, in.FormField)
	set(&p.DisplayOrder, in.DisplayOrder)
	set(&p.FieldType, in.FieldType)
	set(&p.Options, in.Options)
	p.UpdatedAt = stamp(now)
	if in.Type != nil && *in.Type != p.Type {
		return invalid("the type of %s cannot be changed here", p.Name)
	}
	values := map[string]bool{}
	for _, o := range p.Options {
		if o.Value == "" || values[o.Value] {
			return invalid("Property option values must be unique and not empty")
		}
		values[o.Value] = true
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (k *kind) archiveProperty(name string) error {
	p, err := k.defined(name, false)
	if err != nil {
		return err
	}
	if !p.Modification.Archivable {
		return invalid("%s cannot be archived", name)
	}
	p.Archived = true
	return nil
}
