package syncer

import (
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// plan turns decisions into at most one write for each side. A value that a side
// cannot hold is left out and becomes a rejection.
func plan(v view, d decisions, companies map[crm.System]companyTarget) (map[crm.System]crm.Write, []rejection) {
	var rejections []rejection
	for _, field := range d.fields {
		if field.Reason == merge.LostValue {
			rejections = append(rejections, lostValue(field.field))
		}
	}
	writes := map[crm.System]crm.Write{}
	for _, s := range crm.Systems {
		w, rejected := planSide(v, d, s, companies[s])
		rejections = append(rejections, rejected...)
		if len(w.Fields) > 0 || w.CounterpartID != "" {
			writes[s] = w
		}
	}
	return writes, rejections
}

// planSide is plan for one side.
func planSide(v view, d decisions, s crm.System, company companyTarget) (crm.Write, []rejection) {
	w := crm.Write{Fields: map[string]crm.Value{}}
	var rejections []rejection
	var unmappable []crm.FieldError
	for _, field := range d.fields {
		if !field.WritesTo(s) {
			continue
		}
		name := field.field.On(s)
		if field.field.Type == mapping.Company {
			switch company.code {
			case "":
				w.Fields[name] = crm.Value{Type: crm.Lookup, Text: company.id}
			case codeLater: // it stays marked as still to be written
			default:
				rejections = append(rejections, unlinkedCompany(v, s, field.field, company.code))
			}
			continue
		}
		value, err := field.field.Render(s, field.Value.Text)
		if err != nil {
			unmappable = append(unmappable, unmappableValue(field, s))
			continue
		}
		w.Fields[name] = value
	}
	if len(unmappable) > 0 {
		e := &crm.Error{System: s, Kind: crm.Invalid, Code: commonCode(unmappable), Fields: unmappable}
		var r rejection
		r, w = reject(v, s, w, e)
		rejections = append(rejections, r)
	}
	id := v.link.On(s.Other()).RecordID
	if h := v.snapshotOn(s); id != "" && (h == nil || h.record.CounterpartID != id) && !v.link.On(s).CounterpartIDRefused {
		w.CounterpartID = id
	}
	return w, rejections
}

// containValues reports whether any of some writes has more than the counterpart's
// id.
func containValues(writes map[crm.System]crm.Write) bool {
	for _, w := range writes {
		if len(w.Fields) > 0 {
			return true
		}
	}
	return false
}

// clearsValue reports whether a write clears a field.
func clearsValue(w crm.Write) bool {
	for _, v := range w.Fields {
		if v.Text == "" {
			return true
		}
	}
	return false
}

// lostValue is the rejection of a value that was decided and is nowhere to be found.
func lostValue(f *mapping.Field) rejection {
	const code = failurecode.LostValue
	return rejection{failure: &Failure{Action: "merge", Kind: crm.Missing, Code: code, Fields: []crm.FieldError{{Field: f.Name, Code: string(code)}}}}
}

// unlinkedCompany is the rejection of a company that a side does not have. It is a
// failure unless the mapping wants it so.
func unlinkedCompany(v view, s crm.System, f *mapping.Field, code failurecode.Code) rejection {
	r := rejection{side: s, fields: map[string]failurecode.Code{f.Name: code}}
	if code != codeNoCounterpart {
		r.failure = &Failure{Side: s, Record: v.link.Ref(s), Action: "update", Kind: crm.Missing, Code: code,
			Fields: []crm.FieldError{{Field: f.On(s), Code: string(code)}}}
	}
	return r
}

// unmappableValue describes a value for which the mapping has no form on a side.
func unmappableValue(d decision, s crm.System) crm.FieldError {
	code := failurecode.NotMappable
	switch d.field.Type {
	case mapping.Picklist, mapping.MultiPicklist:
		code = failurecode.NoCounterpart
	case mapping.Owner:
		code = failurecode.OwnerUnknown
	}
	return crm.FieldError{Field: d.field.On(s), Code: string(code), Detail: describeValue(d.field, d.Value.Text)}
}

// commonCode is the one code of several fields, or NotMappable where they differ.
func commonCode(fields []crm.FieldError) string {
	for _, f := range fields {
		if f.Code != fields[0].Code {
			return string(failurecode.NotMappable)
		}
	}
	return fields[0].Code
}
