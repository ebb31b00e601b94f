package syncer

import (
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// fillIn gives a new record the defaults of the fields that s requires and the
// other side has no value for.
func (t *task) fillIn(s crm.System, w *crm.Write) {
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		if _, given := w.Fields[f.On(s)]; given || !f.RequiredOn(s) || f.Default == "" {
			continue
		}
		if v, err := f.Render(s, f.Default); err == nil {
			w.Fields[f.On(s)] = v
		}
	}
}

// replaceable reports whether a required value that s refused has a default to
// be written in its place, other than that which was refused.
func (t *task) replaceable(f *mapping.Field, s crm.System, w *crm.Write) bool {
	v, err := f.Render(s, f.Default)
	return f.Default != "" && err == nil && v != w.Fields[f.On(s)]
}

// filledIn reports whether rec shows the default that fillIn gave it.
func (t *task) filledIn(f *mapping.Field, rec crm.Record) bool {
	s := rec.Ref.System
	return f.Default != "" && f.RequiredOn(s) && rec.CreatedByUs && f.Canon(s, rec.Fields[f.On(s)]) == f.Default
}
