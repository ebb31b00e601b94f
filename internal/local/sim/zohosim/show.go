package zohosim

// person is how a user stands in a record.
func (s *Server) person(id string, email bool) any {
	u := s.users[id]
	if u == nil {
		return nil
	}
	out := object{"name": u.Name, "id": u.ID}
	if email {
		out["email"] = u.Email
	}
	return out
}

// show renders one stored value. The caller holds the lock, because a lookup
// shows the name of another record. A lookup to a deleted record shows nothing.
func (s *Server) show(f *Field, value any) any {
	to, isLink := value.(link)
	switch {
	case !isLink:
		return value
	case f.Type == TypeOwner:
		return s.person(string(to), true)
	}
	t := s.tables[f.Lookup]
	if t == nil {
		return nil
	}
	r := t.living(string(to))
	if r == nil {
		return nil
	}
	return object{"name": t.mod.name(r.cur.values), "id": r.id}
}

// column renders one field of a state, kept ones included.
func (s *Server) column(m *module, r *row, v *version, name string) (any, bool) {
	switch name {
	case "id":
		return r.id, true
	case "Created_Time":
		return s.stamp(r.created), true
	case "Modified_Time":
		return s.stamp(v.modified), true
	case "Created_By":
		return s.person(r.createdBy, true), true
	case "Modified_By":
		return s.person(v.modifiedBy, true), true
	case "Tag":
		return []any{}, true
	case "Full_Name":
		if m.api == Contacts {
			return fullName(v.values), true
		}
	}
	f := m.byName[name]
	if f == nil {
		return nil, false
	}
	return s.show(f, v.values[name]), true
}

// record renders a state: all fields, or the named ones. Unknown names are left
// out, and the fields with a dollar sign are always there.
func (s *Server) record(m *module, r *row, v *version, fields []string) object {
	out := object{"id": r.id, "$approved": true, "$state": "save", "$locked_for_me": r.locked}
	if fields != nil {
		for _, name := range fields {
			if value, known := s.column(m, r, v, name); known {
				out[name] = value
			}
		}
		return out
	}
	for _, f := range m.fields {
		out[f.APIName], _ = s.column(m, r, v, f.APIName)
	}
	return out
}

// details is what a write answers about its record.
func (s *Server) details(r *row) object {
	return object{
		"id": r.id, "Created_Time": s.stamp(r.created), "Modified_Time": s.stamp(r.cur.modified),
		"Created_By": s.person(r.createdBy, false), "Modified_By": s.person(r.cur.modifiedBy, false),
	}
}
