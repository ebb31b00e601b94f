package mapping

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// maxFields keeps an object within one read of Zoho, which takes 50 names, of
// which the connector needs some itself.
const maxFields = 40

// reserved lists, in lower case, what the connector keeps itself: ids, times,
// authors, and what points to another record.
var reserved = map[crm.System][]string{
	crm.HubSpot: {
		"zoho_id", "hs_object_id", "createdate", "hs_createdate", "lastmodifieddate", "hs_lastmodifieddate",
		"hs_merged_object_ids",
	},
	crm.Zoho: {"hubspot_id", "id", "created_time", "modified_time", "created_by", "modified_by", "tag"},
}

// usualID is the name, in lower case, of the field for the other side's id where
// the mapping gives none.
var usualID = map[crm.System]string{crm.HubSpot: "zoho_id", crm.Zoho: "hubspot_id"}

// mandatory lists the names of which a side wants one on every new record.
var mandatory = map[crm.System]map[crm.Kind][]string{
	crm.HubSpot: {crm.Contact: {"email", "firstname", "lastname"}, crm.Company: {"name", "domain"}},
	crm.Zoho:    {crm.Contact: {"Last_Name"}, crm.Company: {"Account_Name"}},
}

// apiName reads the name that a field has on s.
func (r *reader) apiName(e entry, s crm.System) string {
	name, ok := r.word(e)
	if !ok {
		return ""
	}
	switch {
	case !isAPIName(name):
		r.report(e.value, e.path, "%q is no API name: copy it from the settings of %s, not the label", name, s)
	case slices.Contains(reserved[s], strings.ToLower(name)), strings.EqualFold(name, r.ids[s]):
		r.report(e.value, e.path, "%q is kept by the connector itself: remove this field", name)
	}
	return name
}

// checkObject reports what only shows when the object is seen as a whole.
func (r *reader) checkObject(d *objectDraft) {
	if fields, given := d.given["fields"]; !isMapping(d.value) || given && !isMapping(fields.value) {
		return // reported where it was read
	}
	if len(d.fields) == 0 {
		r.report(d.at, d.path, "maps no field: list at least one under fields")
		return
	}
	if len(d.fields) > maxFields {
		r.report(d.fields[maxFields].at, d.child("fields"), "has %d fields: keep at most %d, since Zoho reads 50 at a time and the connector needs some", len(d.fields), maxFields)
	}
	r.checkNames(d)
	for _, f := range d.fields {
		r.checkField(d, f)
	}
	r.checkMatch(d)
	for _, s := range crm.Systems {
		if d.object.Create[s] {
			r.checkCreate(d, s)
		}
	}
}

// checkNames reports two fields that write the same place.
func (r *reader) checkNames(d *objectDraft) {
	for _, s := range crm.Systems {
		first := map[string]string{}
		for _, f := range d.fields {
			name := f.field.On(s)
			if name == "" {
				continue
			}
			if other, found := first[strings.ToLower(name)]; found {
				r.report(f.given[string(s)].value, f.child(string(s)), "%q belongs to the field %s already: map it once", name, other)
				continue
			}
			first[strings.ToLower(name)] = f.key
		}
	}
}

func (r *reader) checkField(d *objectDraft, f *fieldDraft) {
	if !isMapping(f.value) {
		return // reported where it was read
	}
	for _, s := range crm.Systems {
		if _, given := f.given[string(s)]; !given {
			r.report(f.at, f.path, "has no name on one side: add %s: and its API name there", s)
		}
	}
	if x, given := f.given["clear"]; given && f.field.Clear == Propagate && len(f.field.Required) > 0 {
		r.report(x.value, x.path, "would delete a value that %s requires: write clear: keep", f.field.Required[0])
	}
	if !slices.ContainsFunc(crm.Systems[:], func(s crm.System) bool {
		return f.field.Direction.allows(s) && d.object.Direction.allows(s)
	}) {
		r.report(f.given["direction"].value, f.child("direction"), "is against the direction of %s, so that nothing would ever be written: change one of the two", d.key)
	}
	r.checkCompany(d, f)
	r.checkValues(f)
	r.checkTypes(f)
}

// ownerNames are the fields that hold the owner of every record.
var ownerNames = map[crm.System]string{crm.HubSpot: "hubspot_owner_id", crm.Zoho: "owner"}

// checkTypes reports what goes with some types only.
func (r *reader) checkTypes(f *fieldDraft) {
	for _, s := range crm.Systems {
		if strings.EqualFold(f.field.On(s), ownerNames[s]) && f.field.Type != Owner {
			r.report(f.given[string(s)].value, f.child(string(s)), "holds the owner of the record, whose id is another on the other side: write type: owner")
		}
	}
	for _, rule := range []struct {
		key   string
		types []Type
		want  string
	}{
		{"unknown", []Type{Picklist, MultiPicklist, Owner}, "picklists and owners only: write type: picklist or remove it"},
		{"shorten", []Type{Text}, "text only: remove it, since a part of such a value is another value"},
		{"datetime", []Type{Date}, "dates only: write type: date or remove it"},
	} {
		if x, given := f.given[rule.key]; given && !slices.Contains(rule.types, f.field.Type) {
			r.report(x.at, x.path, "is for %s", rule.want)
		}
	}
	if x, given := f.given["datetime"]; given && len(f.field.Timed) == len(crm.Systems) {
		r.report(x.value, x.path, "names both sides: write type: datetime")
	}
	if x, given := f.given["unknown"]; given && f.field.Unknown == UseDefault && f.fallback == "" {
		r.report(x.value, x.path, "has nothing to write in place of an unknown value: add default")
	}
	if x, given := f.given["default"]; given && len(f.field.Required) == 0 && f.field.Unknown != UseDefault {
		r.report(x.at, x.path, "would never be written: add required, or unknown: default")
	}
}

// standIn reads the default as an option of either side, and reports one that a
// side which needs it could not hold.
func (r *reader) standIn(d *fieldDraft) {
	x, given := d.given["default"]
	if !given || d.fallback == "" {
		return
	}
	f := &d.field
	from := crm.HubSpot
	if _, paired := f.firstPair(crm.HubSpot, d.fallback); !paired && len(f.Values) > 0 {
		from = crm.Zoho
	}
	f.Default = f.Canon(from, d.fallback)
	for _, s := range crm.Systems {
		if needed := f.RequiredOn(s) || f.Unknown == UseDefault && f.Writable(s); !needed {
			continue
		}
		if _, ok := f.exact(s, f.Default); !ok || f.Default == "" {
			r.report(x.value, x.path, "%q is no %s that %s could hold: write another one, or pair it under values", d.fallback, f.Type, s)
		}
	}
}

// companyNames is where each side keeps the company of a contact.
var companyNames = map[crm.System]string{crm.HubSpot: "associatedcompanyid", crm.Zoho: "Account_Name"}

// checkCompany reports a company that is written like a text, and a text that
// is declared a company.
func (r *reader) checkCompany(d *objectDraft, f *fieldDraft) {
	if f.field.Type == Company {
		if d.object.Kind != crm.Contact {
			r.report(f.given["type"].value, f.child("type"), "is for contacts only: a company belongs to no company")
			return
		}
		if len(f.field.Required) > 0 {
			r.report(f.given["required"].value, f.child("required"), "would keep a contact back until its company arrives: remove it")
		}
	}
	for _, s := range crm.Systems {
		x, given := f.given[string(s)]
		switch is := strings.EqualFold(f.field.On(s), companyNames[s]); {
		case !given || d.object.Kind != crm.Contact:
		case f.field.Type == Company && !is:
			r.report(x.value, x.path, "keeps no company: write %s", companyNames[s])
		case f.field.Type != Company && is:
			r.report(x.value, x.path, "%q is another record's id: write type: company", f.field.On(s))
		}
	}
}

// checkCompanies reports a contact's company where companies are not mapped:
// nothing would say which of them belong together.
func (r *reader) checkCompanies(drafts []*objectDraft) {
	if slices.ContainsFunc(drafts, func(d *objectDraft) bool { return d.object.Kind == crm.Company }) {
		return
	}
	for _, d := range drafts {
		for _, f := range d.fields {
			if f.field.Type == Company {
				r.report(f.at, f.path, "needs companies to be mapped too: add companies: or remove this field")
			}
		}
	}
}

// checkValues reports what would make two options one value by accident.
func (r *reader) checkValues(f *fieldDraft) {
	tables := map[string][]Type{"values": {Picklist, MultiPicklist, Owner}, "ignore": {Picklist, MultiPicklist}}
	for _, key := range []string{"values", "ignore"} {
		if x, given := f.given[key]; given && !slices.Contains(tables[key], f.field.Type) {
			r.report(x.at, x.path, "is for picklists only: write type: picklist or remove it")
		}
	}
	if !slices.Contains(tables["values"], f.field.Type) {
		return
	}
	for i, p := range f.pairs {
		if slices.ContainsFunc(f.pairs[:i], func(q pairDraft) bool { return q.ValuePair == p.ValuePair }) {
			r.report(p.at, f.child("values"), "pairs %q with %q twice: remove one of the two", p.HubSpot, p.Zoho)
			continue
		}
		if f.count(crm.HubSpot, p) > 1 && f.count(crm.Zoho, p) > 1 {
			r.report(p.at, f.child("values"), "joins groups: %q has several counterparts and so has %q: leave one of them with a single one", p.HubSpot, p.Zoho)
		}
		r.checkOption(f, p, crm.HubSpot)
		if p.HubSpot != p.Zoho {
			r.checkOption(f, p, crm.Zoho)
		}
	}
}

// count says with how many different options of the other side the option
// that p has on s is paired.
func (d *fieldDraft) count(s crm.System, p pairDraft) int {
	others := map[string]bool{}
	for _, q := range d.pairs {
		if q.On(s) == p.On(s) {
			others[q.On(s.Other())] = true
		}
	}
	return len(others)
}

func (r *reader) checkOption(f *fieldDraft, p pairDraft, s crm.System) {
	option := p.On(s)
	switch {
	case option == "" || f.field.meansEmpty(option):
		r.report(p.at, f.child("values"), "%q means empty: an empty value needs no pair", option)
	case slices.Contains(f.field.Ignore[s], option):
		r.report(p.at, f.child("values"), "%q is ignored as well: keep it in values or in ignore", option)
	case f.field.Type == MultiPicklist && strings.Contains(option, ";"):
		r.report(p.at, f.child("values"), "%q has a semicolon, which separates options: rename the option in %s", option, s)
	case s == crm.HubSpot && strings.HasPrefix(option, zohoOnly):
		r.report(p.at, f.child("values"), "%q begins with %q, which is reserved: rename the option in HubSpot", option, zohoOnly)
	}
}

// matchable are the types whose values can be searched for as text.
var matchable = []Type{Text, Email, Phone, URL, Domain, Number, Integer}

func (r *reader) checkMatch(d *objectDraft) {
	at := make(map[string]ast.Node, len(d.match))
	for _, m := range d.match {
		at[m.text] = m.at
	}
	path := d.child("match")
	if x, given := d.given["match"]; given && len(d.object.Match) == 0 {
		r.report(x.at, path, "names no field, so every record would be created twice: name a field such as %s", defaultMatch[d.object.Kind][0])
	}
	for _, name := range d.object.Match {
		node := at[name]
		if node == nil {
			node = d.at
		}
		i := slices.IndexFunc(d.fields, func(f *fieldDraft) bool { return f.key == name })
		if i < 0 {
			r.report(node, path, "%q is not mapped: add it to fields, or match by a field that is there", name)
			continue
		}
		if t := d.fields[i].field.Type; !slices.Contains(matchable, t) {
			r.report(node, path, "%q is a %s, which many records share: match by a field that tells records apart", name, t)
		}
	}
}

// checkCreate reports why records could not be created on s.
func (r *reader) checkCreate(d *objectDraft, s crm.System) {
	at := d.at
	if x, given := d.given["create"]; given {
		at = x.value
	}
	path := d.child("create")
	if !d.object.Direction.allows(s) {
		r.report(at, path, "creates on %s, which the direction of %s does not write: change one of the two", s, d.key)
		return
	}
	names := mandatory[s][d.object.Kind]
	if !slices.ContainsFunc(d.fields, func(f *fieldDraft) bool {
		return f.field.Direction.allows(s) && slices.Contains(names, f.field.On(s))
	}) {
		r.report(at, path, "creates on %s, which wants %s: map it, or write create: none", s, strings.Join(names, " or "))
	}
	for _, f := range d.fields {
		if f.field.RequiredOn(s) && !f.field.Direction.allows(s) {
			r.report(f.given["required"].value, f.child("required"), "is never written on %s, yet records are created there: change the direction or create", s)
		}
	}
}
