package mapping

import (
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/nyaruka/phonenumbers"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// objectDraft is an object as it was written, before it is checked as a whole.
type objectDraft struct {
	entry
	object *Object
	given  map[string]entry
	match  []item
	fields []*fieldDraft
}

// fieldDraft is a field as it was written.
type fieldDraft struct {
	entry
	field Field
	given map[string]entry
	pairs []pairDraft
	// fallback is the default as it was written.
	fallback string
}

// pairDraft is a pair of options and where it stands.
type pairDraft struct {
	ValuePair
	at ast.Node
}

// defaultMatch is used by an object that does not say how to match.
var defaultMatch = map[crm.Kind][]string{
	crm.Contact: {"email"},
	crm.Company: {"domain", "name"},
}

func (r *reader) region(e entry, dst *string) {
	text, ok := r.word(e)
	if !ok {
		return
	}
	if !phonenumbers.GetSupportedRegions()[text] {
		r.report(e.value, e.path, "does not know %q: write a country code of two capital letters, as US or DE", text)
		return
	}
	*dst = text
}

func (r *reader) object(e entry, kind crm.Kind) *objectDraft {
	d := &objectDraft{entry: e, given: map[string]entry{}, object: &Object{Kind: kind, Direction: Both, Conflict: MostRecent}}
	for _, x := range r.entries(e.value, e.path, "keys such as match: and fields:") {
		d.given[x.key] = x
		switch x.key {
		case "direction":
			choose(r, x, &d.object.Direction, Both, ToZoho, ToHubSpot)
		case "conflict":
			choose(r, x, &d.object.Conflict, MostRecent, HubSpotWins, ZohoWins)
		case "create":
			d.object.Create = r.create(x)
		case "match":
			d.match = r.words(x)
			for _, m := range d.match {
				d.object.Match = append(d.object.Match, m.text)
			}
		case "fields":
			for _, y := range r.entries(x.value, x.path, "one line for each field") {
				d.fields = append(d.fields, r.field(y))
			}
		default:
			r.unknown(x, "direction", "conflict", "create", "match", "fields")
		}
	}
	d.defaults()
	return d
}

// defaults completes what the text leaves open: a record that is missing in
// Zoho is created there, one that is missing in HubSpot is not.
func (d *objectDraft) defaults() {
	if d.object.Create == nil {
		d.object.Create = map[crm.System]bool{crm.Zoho: d.object.Direction.allows(crm.Zoho), crm.HubSpot: false}
	}
	if _, given := d.given["match"]; !given {
		d.object.Match = append([]string(nil), defaultMatch[d.object.Kind]...)
	}
	for _, f := range d.fields {
		if _, given := f.given["conflict"]; !given {
			f.field.Conflict = d.object.Conflict
		}
		if _, given := f.given["clear"]; !given && (len(f.field.Required) > 0 || f.field.Type == Owner) {
			f.field.Clear = Keep // a record of Zoho always has an owner
		}
	}
}

// create reads the sides on which missing records are created.
func (r *reader) create(e entry) map[crm.System]bool {
	create := map[crm.System]bool{crm.HubSpot: false, crm.Zoho: false}
	items := r.words(e)
	for _, i := range items {
		if i.text == "none" && len(items) == 1 {
			continue
		}
		if s := crm.System(i.text); s.Validate() == nil {
			create[s] = true
			continue
		}
		r.report(i.at, e.path, "does not know %q: use hubspot, zoho, [hubspot, zoho] or none", i.text)
	}
	return create
}

func (r *reader) field(e entry) *fieldDraft {
	d := &fieldDraft{entry: e, given: map[string]entry{}, field: Field{
		Name: e.key, Type: Text, Direction: Both, Clear: Propagate,
	}}
	if !isFieldName(e.key) {
		r.report(e.at, e.path, "is no name for a field: use small letters, digits and _, beginning with a letter")
	}
	for _, x := range r.entries(e.value, e.path, "both names, as {hubspot: firstname, zoho: First_Name}") {
		d.given[x.key] = x
		r.option(d, x)
	}
	return d
}

// option reads one key of a field.
func (r *reader) option(d *fieldDraft, x entry) {
	f := &d.field
	switch x.key {
	case "hubspot":
		f.HubSpot = r.apiName(x, crm.HubSpot)
	case "zoho":
		f.Zoho = r.apiName(x, crm.Zoho)
	case "type":
		choose(r, x, &f.Type, Text, Email, Phone, URL, Domain, Country, Number, Integer, Currency,
			Date, DateTime, Bool, Picklist, MultiPicklist, Owner, Company)
	case "direction":
		choose(r, x, &f.Direction, Both, ToZoho, ToHubSpot)
	case "conflict":
		choose(r, x, &f.Conflict, MostRecent, HubSpotWins, ZohoWins)
	case "clear":
		choose(r, x, &f.Clear, Propagate, Keep)
	case "required":
		f.Required = r.systems(x)
	case "values":
		r.values(d, x)
	case "ignore":
		f.Ignore = r.ignore(x)
	case "unknown":
		choose(r, x, &f.Unknown, Park, Pass, UseDefault)
	case "default":
		d.fallback, _ = r.word(x)
	case "shorten":
		f.Shorten = r.shorten(x)
	case "datetime":
		f.Timed = r.systems(x)
	default:
		r.unknown(x, "hubspot", "zoho", "type", "direction", "conflict", "clear", "required", "default",
			"values", "ignore", "unknown", "shorten", "datetime")
	}
}

// shorten reads after how many characters a text is cut off on each side.
func (r *reader) shorten(e entry) map[crm.System]int {
	limits := map[crm.System]int{}
	for _, x := range r.entries(e.value, e.path, "the side and a number of characters, as {zoho: 100}") {
		s := crm.System(x.key)
		if s.Validate() != nil {
			r.unknown(x, string(crm.HubSpot), string(crm.Zoho))
			continue
		}
		text, _ := r.word(x)
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxShorten {
			r.report(x.value, x.path, "is no number of characters: write one from 1 to %d", maxShorten)
			continue
		}
		limits[s] = n
	}
	return limits
}

func (r *reader) zone(e entry, dst *string) {
	text, ok := r.word(e)
	if !ok {
		return
	}
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		r.report(e.value, e.path, "does not know %q: write the name of a time zone, as UTC or Europe/Berlin", text)
		return
	}
	*dst = text
}

func (r *reader) systems(e entry) []crm.System {
	var systems []crm.System
	for _, i := range r.words(e) {
		if s := crm.System(i.text); s.Validate() == nil {
			systems = append(systems, s)
			continue
		}
		r.report(i.at, e.path, "does not know %q: use hubspot, zoho or [hubspot, zoho]", i.text)
	}
	return systems
}

// values reads the pairs of a picklist: "hubspot option: zoho option", several
// Zoho options as a list, or a mere list where both sides have the same ones.
func (r *reader) values(d *fieldDraft, e entry) {
	if _, ok := e.value.(*ast.SequenceNode); ok {
		for _, i := range r.words(e) {
			d.addPair(i.at, i.text, i.text)
		}
		return
	}
	for _, x := range r.entries(e.value, e.path, "pairs as {HUBSPOT_OPTION: Zoho option}") {
		if canonText(x.key) == "" {
			r.report(x.at, e.path, "pairs an empty option: an empty value needs no pair")
			continue
		}
		for _, i := range r.words(x) {
			d.addPair(i.at, x.key, i.text)
		}
	}
}

func (d *fieldDraft) addPair(at ast.Node, hubspot, zoho string) {
	p := ValuePair{HubSpot: canonText(hubspot), Zoho: canonText(zoho)}
	d.field.Values = append(d.field.Values, p)
	d.pairs = append(d.pairs, pairDraft{p, at})
}

func (r *reader) ignore(e entry) map[crm.System][]string {
	ignore := map[crm.System][]string{}
	for _, x := range r.entries(e.value, e.path, "the side and its options, as {hubspot: [OFFLINE]}") {
		s := crm.System(x.key)
		if s.Validate() != nil {
			r.unknown(x, string(crm.HubSpot), string(crm.Zoho))
			continue
		}
		for _, i := range r.words(x) {
			ignore[s] = append(ignore[s], canonText(i.text))
		}
	}
	return ignore
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	// maxShorten is more than any field of either CRM takes, in characters.
	maxShorten = 100_000
	// maxNameLength bounds every name, in bytes; both CRMs allow less.
	maxNameLength = 100
)

func isFieldName(s string) bool {
	return s != "" && len(s) <= maxNameLength && strings.Contains(lower, s[:1]) && strings.Trim(s, lower+digits+"_") == ""
}

func isAPIName(s string) bool {
	return s != "" && len(s) <= maxNameLength && strings.Trim(s, lower+strings.ToUpper(lower)+digits+"_-.") == ""
}
