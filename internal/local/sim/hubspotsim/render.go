package hubspotsim

import (
	"slices"
	"strings"
)

// entryJSON is one entry of a property's history.
type entryJSON struct {
	Value      string `json:"value"`
	Timestamp  string `json:"timestamp"`
	SourceType string `json:"sourceType"`
	SourceID   string `json:"sourceId,omitempty"`
	UserID     int64  `json:"updatedByUserId,omitempty"`
}

// recordJSON is a record in answers.
type recordJSON struct {
	ID           string                 `json:"id"`
	Properties   map[string]*string     `json:"properties"`
	History      map[string][]entryJSON `json:"propertiesWithHistory,omitempty"`
	CreatedAt    string                 `json:"createdAt"`
	UpdatedAt    string                 `json:"updatedAt"`
	Archived     bool                   `json:"archived"`
	ArchivedAt   string                 `json:"archivedAt,omitempty"`
	Associations map[string]any         `json:"associations,omitempty"`
	URL          string                 `json:"url,omitempty"`
	New          *bool                  `json:"new,omitempty"`
	TraceID      string                 `json:"objectWriteTraceId,omitempty"`
}

// view says which properties a read wants.
type view struct {
	properties []string
	history    []string
	linked     []string // object types whose associations are wanted
}

// render shows a record. Names that do not exist are dropped; nothing asked for
// means the defaults.
func (s *Server) render(r *record, v view) recordJSON {
	k := r.kind
	out := recordJSON{
		ID: r.idText(), Properties: map[string]*string{},
		CreatedAt: stamp(r.created), UpdatedAt: stamp(r.updated()),
		URL: "https://app.hubspot.com/contacts/" + s.portal() + "/record/" + k.typeID + "/" + r.idText(),
	}
	if !r.archived.IsZero() {
		out.Archived, out.ArchivedAt = true, stamp(r.archived)
	}
	names := slices.Concat(v.properties, v.history)
	if len(v.properties) == 0 {
		names = slices.Concat(names, k.defaults)
	}
	// These come with every read, asked for or not.
	for _, name := range append(names, "createdate", "hs_object_id", k.modified) {
		if name = strings.ToLower(name); k.properties[name] == nil {
			continue
		}
		out.Properties[name] = nil
		if value := r.get(name); value != "" {
			out.Properties[name] = &value
		}
	}
	for _, name := range v.history {
		if name = strings.ToLower(name); k.properties[name] != nil {
			if out.History == nil {
				out.History = map[string][]entryJSON{}
			}
			out.History[name] = r.entries(name)
		}
	}
	if len(v.linked) > 0 {
		out.Associations = s.renderLinks(r, v.linked)
	}
	return out
}

// entries shows a history, newest first.
func (r *record) entries(name string) []entryJSON {
	out := []entryJSON{}
	for _, h := range slices.Backward(r.history[name]) {
		out = append(out, entryJSON{Value: h.value, Timestamp: stamp(h.at),
			SourceType: h.by.source, SourceID: h.by.id, UserID: h.by.user})
	}
	return out
}

// full shows what a write returns: every property that is set.
func (s *Server) full(r *record) recordJSON {
	v := view{}
	for name := range r.history {
		if r.get(name) != "" {
			v.properties = append(v.properties, name)
		}
	}
	return s.render(r, v)
}
