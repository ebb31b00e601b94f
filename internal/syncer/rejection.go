package syncer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// rejection says that values do not reach a side.
type rejection struct {
	failure *Failure // what the next mail lists, nil for nothing
	// side and fields, by the mapping's name with the code, are marked in the link,
	// so that the values are not sent again until they change.
	side          crm.System
	fields        map[string]failurecode.Code
	counterpartID bool // the side does not store the other side's id either
}

// reject takes the fields that e blames out of w. When e blames no field that was
// sent, all of them are taken out: an answer that cannot be understood must not be
// repeated for ever.
func reject(v view, s crm.System, w crm.Write, e *crm.Error) (rejection, crm.Write) {
	r := rejection{side: s, fields: map[string]failurecode.Code{}, failure: &Failure{
		Side: s, Record: v.link.Ref(s), Action: "update", Kind: e.Kind, Code: failurecode.Code(e.Code), Fields: describeFields(v.object, s, w, e.Fields),
	}}
	blamed := blamedFields(v.object, s, w, e)
	w.Fields = maps.Clone(w.Fields)
	for i := range v.object.Fields {
		f := &v.object.Fields[i]
		code, ok := blamed[f.On(s)]
		if !ok || f.On(s) == "" {
			continue
		}
		r.fields[f.Name] = code
		delete(w.Fields, f.On(s))
		delete(blamed, f.On(s))
	}
	none := len(r.fields) == 0
	switch {
	case w.CounterpartID != "" && (len(blamed) > 0 || none && len(w.Fields) == 0):
		w.CounterpartID, r.counterpartID = "", true
	case none:
		for name := range fieldNames(v.object, s, w.Fields) {
			r.fields[name] = failurecode.Code(e.Code)
		}
		w.Fields = nil
	}
	return r, w
}

// blamedFields returns the code for each field that e is about. A value that another
// record has taken is that of a key, where the side does not say which.
func blamedFields(object *mapping.Object, s crm.System, w crm.Write, e *crm.Error) map[string]failurecode.Code {
	blamed := map[string]failurecode.Code{}
	for _, f := range e.Fields {
		blamed[f.Field] = failurecode.Code(f.Code)
	}
	if len(blamed) > 0 || e.Kind != crm.Duplicate {
		return blamed
	}
	for _, f := range matchFields(object) {
		if _, sent := w.Fields[f.On(s)]; sent {
			blamed[f.On(s)] = failurecode.DuplicateValue
			break
		}
	}
	return blamed
}

// recordRejections stores the failures first, since the marks keep the fields from
// being sent, and then marks the fields in the link.
func (a *attempt) recordRejections(ctx context.Context, st state, rejections []rejection) (state, error) {
	for _, r := range rejections {
		if r.failure != nil {
			f := *r.failure
			if f.Record == (crm.Ref{}) {
				f.Record = st.link.Ref(a.otherSide())
			}
			if err := a.recordFailure(ctx, f); err != nil {
				return st, err
			}
		}
		st = st.withRejection(r)
	}
	return st, nil
}

// withRejection marks the fields of a rejection.
func (st state) withRejection(r rejection) state {
	refused := slices.Clone(st.refused)
	for field, code := range r.fields {
		st.link.markRefused(r.side, field, cmp.Or(code, failurecode.ValueRefused))
		if code != codeNoCounterpart {
			refused = append(refused, fmt.Sprintf("%s:%s", r.side, field))
		}
	}
	st.refused = refused
	if r.counterpartID {
		st.link.On(r.side).CounterpartIDRefused = true
	}
	st.link.Failing = st.link.Failing || r.failure != nil && r.side != ""
	return st
}

// describeFields adds to each refused field what kind of value was sent, so that a
// reader of the mail knows what to look for. The value itself stays out of it.
func describeFields(object *mapping.Object, s crm.System, w crm.Write, fields []crm.FieldError) []crm.FieldError {
	all := slices.Clone(fields)
	for i := range all {
		v, sent := w.Fields[all[i].Field]
		f := fieldOn(object, s, all[i].Field)
		if !sent || f == nil {
			continue
		}
		detail := describeValue(f, v.Text)
		if all[i].Detail != "" {
			detail += ", wanted " + all[i].Detail
		}
		all[i].Detail = detail
	}
	return all
}

// fieldOn finds a mapped field by its API name.
func fieldOn(object *mapping.Object, s crm.System, name string) *mapping.Field {
	for i := range object.Fields {
		if f := &object.Fields[i]; f.On(s) == name {
			return f
		}
	}
	return nil
}

// describeValue says what kind of value a text is: "text of 41 characters".
func describeValue(f *mapping.Field, text string) string {
	switch f.Type {
	case mapping.Owner, mapping.Date, mapping.DateTime, mapping.Bool:
		return string(f.Type)
	case mapping.MultiPicklist:
		return fmt.Sprintf("list of %d options", strings.Count(text, ";")+1)
	case mapping.Picklist:
		return fmt.Sprintf("option of %d characters", utf8.RuneCountInString(text))
	}
	return fmt.Sprintf("%s of %d characters", f.Type, utf8.RuneCountInString(text))
}
