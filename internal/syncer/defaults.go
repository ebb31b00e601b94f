package syncer

import (
	"maps"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// withDefaults adds to the write of a new record the defaults of the fields that
// s requires and the other side has no value for.
func withDefaults(object *mapping.Object, s crm.System, w crm.Write) crm.Write {
	w.Fields = maps.Clone(w.Fields)
	for i := range object.Fields {
		f := &object.Fields[i]
		if _, given := w.Fields[f.On(s)]; given || !f.RequiredOn(s) || f.Default == "" {
			continue
		}
		if v, err := f.Render(s, f.Default); err == nil {
			w.Fields[f.On(s)] = v
		}
	}
	return w
}

// hasOtherDefault reports whether a required value that s refused has a default
// to be written in its place, other than that which was refused.
func hasOtherDefault(f *mapping.Field, s crm.System, w crm.Write) bool {
	v, err := f.Render(s, f.Default)
	return f.Default != "" && err == nil && v != w.Fields[f.On(s)]
}

// showsDefault reports whether rec shows the default that it was created with.
func showsDefault(f *mapping.Field, rec crm.Record) bool {
	s := rec.Ref.System
	return f.Default != "" && f.RequiredOn(s) && rec.CreatedByUs && f.Canon(s, rec.Fields[f.On(s)]) == f.Default
}
