package console

import (
	"context"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/lint"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// mappingData is the mapping as it is configured, and how the CRMs fit it.
type mappingData struct {
	Preferred crm.System
	Region    string
	Objects   []objectData
	// Trouble says why the CRMs could not be asked; Findings are then unknown.
	Trouble         string
	Findings        []lint.Finding
	Errors, Warning int
}

// objectData is one kind of record.
type objectData struct {
	*mapping.Object
	Title, Creates, Conflict string
	Fields                   []mappedField
}

// mappedField is one row.
type mappedField struct {
	*mapping.Field
	Way, Rules string
	Findings   []lint.Finding
}

func (c *Console) mappingPage(v request) (shownPage, error) {
	findings, err := c.lintMapping(v.Context())
	d := newMapping(c.Mapping, findings)
	if err != nil {
		c.Logger.WarnContext(v.Context(), "the mapping cannot be compared", "error", err.Error())
		d.Trouble = failure.Classify(err).Remedy
	}
	return shownPage{"mapping", "Mapping", d}, nil
}

// lintMapping asks both CRMs what they have.
func (c *Console) lintMapping(ctx context.Context) ([]lint.Finding, error) {
	hubspot, err := c.Schemas[crm.HubSpot].ReadSchema(ctx)
	if err != nil {
		return nil, err
	}
	zoho, err := c.Schemas[crm.Zoho].ReadSchema(ctx)
	if err != nil {
		return nil, err
	}
	return lint.Check(c.Mapping, hubspot, zoho), nil
}

func newMapping(m *mapping.Mapping, findings []lint.Finding) mappingData {
	d := mappingData{Preferred: m.Preferred, Region: m.Region, Findings: findings}
	for _, f := range findings {
		switch f.Severity {
		case lint.Error:
			d.Errors++
		case lint.Warning:
			d.Warning++
		}
	}
	for _, kind := range crm.Kinds {
		if o := m.Object(kind); o != nil {
			d.Objects = append(d.Objects, newObject(o, findings))
		}
	}
	return d
}

var titles = map[crm.Kind]string{crm.Contact: "Contacts", crm.Company: "Companies"}

func newObject(o *mapping.Object, findings []lint.Finding) objectData {
	d := objectData{Object: o, Title: titles[o.Kind], Creates: "nowhere", Conflict: conflictText(o.Conflict)}
	var creates []string
	for _, s := range crm.Systems {
		if o.Create[s] {
			creates = append(creates, systemName(s))
		}
	}
	if len(creates) > 0 {
		d.Creates = strings.Join(creates, " and ")
	}
	for i := range o.Fields {
		f := &o.Fields[i]
		row := mappedField{Field: f, Way: directionOf(f), Rules: describeRules(o, f)}
		for _, finding := range findings {
			if finding.Kind == o.Kind && finding.Field == f.Name {
				row.Findings = append(row.Findings, finding)
			}
		}
		d.Fields = append(d.Fields, row)
	}
	return d
}

// directionOf is the direction in which a field goes, as an arrow between the columns.
func directionOf(f *mapping.Field) string {
	switch {
	case f.Writable(crm.HubSpot) && f.Writable(crm.Zoho):
		return "⇄"
	case f.Writable(crm.Zoho):
		return "→"
	case f.Writable(crm.HubSpot):
		return "←"
	}
	return "∅"
}

func conflictText(c mapping.Conflict) string {
	switch c {
	case mapping.HubSpotWins:
		return "HubSpot wins"
	case mapping.ZohoWins:
		return "Zoho CRM wins"
	}
	return "the latest edit wins"
}

// describeRules are what is particular about a field.
func describeRules(o *mapping.Object, f *mapping.Field) string {
	var words []string
	if f.Conflict != "" && f.Conflict != o.Conflict {
		words = append(words, conflictText(f.Conflict))
	}
	if f.Clear == mapping.Keep {
		words = append(words, "kept when cleared")
	}
	for _, s := range f.Required {
		words = append(words, "required by "+systemName(s))
	}
	if n := len(f.Values); n > 0 {
		words = append(words, wording.Count(n, "paired option"))
	}
	return strings.Join(words, ", ")
}
