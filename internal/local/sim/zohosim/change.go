package zohosim

import (
	"maps"
	"reflect"
	"slices"
	"time"
)

// author is who changes records, through which door and when.
type author struct {
	user   string
	source string // crm_api, crm_ui
	at     time.Time
	quiet  bool // "trigger":[]
	events []event
}

// event is one change that notifications and workflows may report.
type event struct {
	mod      *module
	row      *row
	op       string   // create, edit or delete
	affected []string // fields that changed, of an edit
	version  *version
	quiet    bool
	related  bool // sent only because a record that points to this one changed
}

// insert adds a record. The caller holds the lock and has checked the values.
func (s *Server) insert(t *table, values map[string]any, by *author) *row {
	id, number := s.nextID()
	r := &row{id: id, number: number, created: wholeSeconds(by.at), createdBy: by.user}
	next := map[string]any{}
	for name, value := range values {
		switch v := value.(type) {
		case cleared:
		case appendValues:
			next[name] = []string(v)
		default:
			next[name] = v
		}
	}
	for _, f := range t.mod.fields {
		if f.Type == TypeBoolean && next[f.APIName] == nil {
			next[f.APIName] = false
		}
	}
	if next["Owner"] == nil {
		next["Owner"] = link(by.user)
	}
	v := s.newVersion(next, by)
	t.put(r, v, s.cfg.SearchLag)
	var history []edit
	if !s.cfg.BareCreation {
		history = s.history(t.mod, nil, next)
	}
	s.log(r, "added", history, by)
	s.note(t, r, "create", nil, by)
	return r
}

// update changes the given fields of a record and leaves the others. The caller
// holds the lock and has checked the values.
func (s *Server) update(t *table, r *row, values map[string]any, by *author) {
	next := maps.Clone(r.cur.values)
	for name, value := range values {
		switch v := value.(type) {
		case cleared:
			delete(next, name)
			if f := t.mod.byName[name]; f.Type == TypeBoolean {
				next[name] = false
			}
		case appendValues:
			old, _ := next[name].([]string)
			joined := slices.Clone(old)
			for _, option := range v {
				if !slices.Contains(joined, option) {
					joined = append(joined, option)
				}
			}
			next[name] = joined
		default:
			next[name] = v
		}
	}
	history := s.history(t.mod, r.cur.values, next)
	if len(history) == 0 && s.cfg.QuietNoOp {
		return
	}
	affected := make([]string, len(history))
	for i, h := range history {
		affected[i] = h.field.APIName
	}
	before := r.cur
	t.put(r, s.newVersion(next, by), s.cfg.SearchLag)
	if len(history) > 0 {
		s.log(r, "updated", history, by)
	}
	s.note(t, r, "edit", affected, by)
	s.noteFormer(t, before, r, by)
}

func (s *Server) newVersion(values map[string]any, by *author) *version {
	return &version{values: values, modified: wholeSeconds(by.at), modifiedBy: by.user, at: s.clock.Now()}
}

// remove puts a record into the recycle bin, or past it.
func (s *Server) remove(t *table, r *row, permanent bool, by *author) {
	v := *r.cur
	v.gone, v.at = true, s.clock.Now()
	s.note(t, r, "delete", nil, by)
	t.put(r, &v, s.cfg.SearchLag)
	r.gone = &deletion{at: wholeSeconds(by.at), by: by.user, permanent: permanent}
	t.deleted[r] = true
	s.log(r, "deleted", nil, by)
}

// restore takes a record out of the recycle bin. Zoho documents neither a
// notification nor a new Modified_Time for it: here it is an edit without
// affected fields.
func (s *Server) restore(t *table, r *row, by *author) {
	r.gone = nil
	delete(t.deleted, r)
	t.put(r, s.newVersion(r.cur.values, by), s.cfg.SearchLag)
	s.log(r, "restored", nil, by)
	s.note(t, r, "edit", nil, by)
}

// note remembers an event, and one for each account that the record points to.
func (s *Server) note(t *table, r *row, op string, affected []string, by *author) {
	by.events = append(by.events, event{mod: t.mod, row: r, op: op, affected: affected, version: r.cur, quiet: by.quiet})
	s.noteRelated(t, r.cur, by)
}

// noteFormer tells the account that a record has left.
func (s *Server) noteFormer(t *table, before *version, r *row, by *author) {
	if t.mod.api == Contacts && before.values["Account_Name"] != r.cur.values["Account_Name"] {
		s.noteRelated(t, before, by)
	}
}

func (s *Server) noteRelated(t *table, v *version, by *author) {
	if t.mod.api != Contacts {
		return
	}
	to, _ := v.values["Account_Name"].(link)
	accounts := s.tables[Accounts]
	if account := accounts.living(string(to)); account != nil {
		by.events = append(by.events, event{mod: accounts.mod, row: account, op: "edit", version: account.cur, quiet: by.quiet, related: true})
	}
}

// edit is one field's change in a timeline entry.
type edit struct {
	field    *Field
	old, new any // as shown at the time
}

// history compares two states field by field, in the order of the metadata.
func (s *Server) history(m *module, old, next map[string]any) []edit {
	var out []edit
	for _, f := range m.fields {
		if f.ReadOnly || reflect.DeepEqual(old[f.APIName], next[f.APIName]) {
			continue
		}
		out = append(out, edit{f, s.show(f, old[f.APIName]), s.show(f, next[f.APIName])})
	}
	return out
}
