package syncer

import (
	"cmp"
	"maps"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer/company"
)

// snapshot is one record as one read showed it. It is replaced, never changed.
type snapshot struct {
	record crm.Record
	began  time.Time // when the read of record began
	ended  time.Time // when it ended, or that of its history
	// acknowledged holds the fields that this attempt wrote before record was
	// read.
	acknowledged map[string]bool
	// guard is that of the last write.
	guard time.Time
	// exposed is set unless it is certain that no person's edit was
	// overwritten between the last read and the last write.
	exposed bool
	// historyRead and companyChecked are set once the history was asked for, and
	// once it was read whether the company that the contact had is still there.
	historyRead, companyChecked bool
}

// lacksHistory reports whether the history can still be asked for.
func (h *snapshot) lacksHistory() bool {
	return h != nil && h.record.History == nil && !h.historyRead
}

// view is everything that a decision depends on. Its methods ask; none of them
// acts.
type view struct {
	object        *mapping.Object
	preferred     crm.System
	values        *values
	link          Link // its map of fields is replaced, never changed
	hubspot, zoho *snapshot
}

// snapshotOn returns the record on s, nil for none.
func (v view) snapshotOn(s crm.System) *snapshot {
	if s == crm.HubSpot {
		return v.hubspot
	}
	return v.zoho
}

// withSnapshotOn returns the view with another snapshot on s.
func (v view) withSnapshotOn(s crm.System, h *snapshot) view {
	if s == crm.HubSpot {
		v.hubspot = h
	} else {
		v.zoho = h
	}
	return v
}

// shownValue is the value of a field that a side shows.
func (v view) shownValue(f *mapping.Field, s crm.System) merge.Value {
	h := v.snapshotOn(s)
	if h == nil {
		return merge.Value{}
	}
	return v.values.valueOf(f, s, h.record.Fields[f.On(s)])
}

// values turns raw values into what is compared: the canonical form with its hash.
type values struct {
	hash      hasher
	kind      crm.Kind
	companies *company.Resolver
	// memo holds what was turned already: the same few values are asked for again
	// and again within one operation.
	memo map[rawValue]merge.Value
}

// rawValue is a raw value of a field on one side.
type rawValue struct {
	field string
	side  crm.System
	raw   string
}

func newValues(hash hasher, kind crm.Kind, companies *company.Resolver) *values {
	return &values{hash: hash, kind: kind, companies: companies, memo: map[rawValue]merge.Value{}}
}

// valueOf returns the canonical form of a raw value, with its hash.
func (v *values) valueOf(f *mapping.Field, s crm.System, raw string) merge.Value {
	if f.Type == mapping.Company { // a company that gets its link gets another form
		canonical := f.Canon(s, raw)
		if canonical != "" {
			canonical = v.companies.Canonical(company.NewRef(s, canonical))
		}
		return v.withHash(f, canonical)
	}
	key := rawValue{f.Name, s, raw}
	value, known := v.memo[key]
	if !known {
		value = v.withHash(f, f.Canon(s, raw))
		v.memo[key] = value
	}
	return value
}

// withHash adds its hash to a canonical form.
func (v *values) withHash(f *mapping.Field, text string) merge.Value {
	return v.hash.hashValue(v.kind, f.Name, text)
}

// policyFor is what the mapping says of a field.
func (v view) policyFor(f *mapping.Field) merge.Policy {
	p := merge.Policy{
		Preferred:   v.preferred,
		KeepOnClear: f.Clear == mapping.Keep,
		ReadOnly:    map[crm.System]bool{},
	}
	switch cmp.Or(f.Conflict, v.object.Conflict) {
	case mapping.HubSpotWins:
		p.Prefer = crm.HubSpot
	case mapping.ZohoWins:
		p.Prefer = crm.Zoho
	}
	for _, s := range crm.Systems {
		p.ReadOnly[s] = !f.Writable(s)
	}
	p.Stores = func(s crm.System, value merge.Value) merge.Hash {
		if stored := f.Stored(s, value.Text); stored != value.Text {
			return v.values.withHash(f, stored).Hash
		}
		return value.Hash
	}
	return p
}

// mergeSide is what the merge is shown of one side of a field.
func (v view) mergeSide(f *mapping.Field, base merge.Base, s crm.System) merge.Side {
	h, other := v.snapshotOn(s), v.snapshotOn(s.Other())
	if h == nil {
		return merge.Side{}
	}
	side := merge.Side{
		Current:            v.shownValue(f, s),
		Edits:              v.editsOf(f, base, h.record),
		Acknowledged:       h.acknowledged[f.Name],
		ReadLast:           other != nil && !h.began.Before(other.ended),
		CreatedByConnector: wasCreatedWith(h.record, f),
	}
	if h.record.History == nil {
		side.ReadAt = h.record.Modified.UnixMilli()
	}
	return side
}

// wasCreatedWith reports whether the connector created a record and has not
// written the field since. A record's times have whole seconds.
func wasCreatedWith(rec crm.Record, f *mapping.Field) bool {
	edits := rec.History[f.On(rec.Ref.System)]
	return rec.CreatedByUs && len(edits) > 0 && edits[0].Own && !edits[0].At.After(rec.Created.Add(time.Second))
}

// editsOf returns the history of a field, newest first. Where the history does
// not explain the current value, or was not asked for, the record's own time
// stands in for the time of the edit: it is never too early, and an edit that
// follows the base is found by its position, not by its time (R1 in docs/merge-rules.md).
func (v view) editsOf(f *mapping.Field, base merge.Base, rec crm.Record) []merge.Edit {
	s := rec.Ref.System
	var edits []merge.Edit
	raw := rec.Fields[f.On(s)]
	for i, e := range rec.History[f.On(s)] {
		if i == 0 && isCompanyName(f, s, e.Value, raw) {
			e.Value = raw
		}
		edits = append(edits, merge.Edit{Value: v.values.valueOf(f, s, e.Value), At: e.At.UnixMilli(), Own: e.Own})
	}
	now := v.values.valueOf(f, s, raw)
	if len(edits) > 0 && edits[0].Value.Hash == now.Hash || needsNoEdit(f, base, rec, now) {
		return edits
	}
	first := base.Cell.IsZero()
	unknown := merge.Edit{
		Value: now, At: rec.Modified.UnixMilli(),
		Own:     rec.ModifiedByUs && (first || base.Side(s).Pending),
		Bounded: rec.History == nil && f.Type != mapping.Company,
	}
	if f.Type == mapping.Company && !first {
		// A merge of companies moves their contacts without giving the time.
		unknown.At = max(unknown.At, base.Side(s).Seen+1)
	}
	return append([]merge.Edit{unknown}, edits...)
}

// needsNoEdit reports whether a value needs no edit to be there.
func needsNoEdit(f *mapping.Field, base merge.Base, rec crm.Record, now merge.Value) bool {
	s := rec.Ref.System
	if base.Cell.IsZero() {
		return now.Hash == "" || wasSeenUndecided(base, s, now)
	}
	return now.Hash == base.Side(s).Shown || showsDefault(f, rec) || rec.History == nil && now.Hash == base.Cell.Hash
}

// wasSeenUndecided reports whether a value on which nothing was decided was there
// before: the side filled it in when the connector created the record.
func wasSeenUndecided(base merge.Base, s crm.System, now merge.Value) bool {
	b := base.Side(s)
	return base.Cell.IsZero() && b.Seen != 0 && b.Shown == now.Hash
}

// hasNews reports whether a side shows something that is neither what it showed
// before nor the base, or an edit that led back to one of them.
func (v view) hasNews(f *mapping.Field, base merge.Base, s crm.System) bool {
	h := v.snapshotOn(s)
	if h == nil {
		return false
	}
	b, now := base.Side(s), v.shownValue(f, s).Hash
	return now != b.Shown && now != base.Cell.Hash || wasEditedSince(h.record, f, b.Seen)
}

// wasEditedSince reports whether a person edited a field after a time in
// milliseconds, be it back to what it was.
func wasEditedSince(rec crm.Record, f *mapping.Field, seen int64) bool {
	for _, e := range rec.History[f.On(rec.Ref.System)] {
		if e.At.UnixMilli() <= seen {
			return false
		}
		if !e.Own {
			return true
		}
	}
	return false
}

// editedAt returns when a field was last edited on the side of rec.
func editedAt(rec crm.Record, f *mapping.Field) (at time.Time, ever bool) {
	name := f.On(rec.Ref.System)
	if edits := rec.History[name]; len(edits) > 0 {
		return edits[0].At, true
	}
	return rec.Modified, rec.Fields[name] != ""
}

// isUnchanged reports whether the record on s shows nothing but what was
// decided, which is how an echo of our own write and a repeated webhook look.
func (v view) isUnchanged(s crm.System) bool {
	rec, side := v.snapshotOn(s).record, v.link.On(s)
	if v.link.hasPendingWrite() || rec.CounterpartID != v.link.On(s.Other()).RecordID && !side.CounterpartIDRefused {
		return false
	}
	for i := range v.object.Fields {
		f := &v.object.Fields[i]
		base := v.link.Fields[f.Name]
		if v.shownValue(f, s).Hash != base.Side(s).Shown || wasEditedSince(rec, f, base.Side(s).Seen) {
			return false
		}
	}
	return true
}

// atHistory returns a record as its history shows it, which may be later than the
// read of the record.
func (v view) atHistory(s crm.System, rec crm.Record) crm.Record {
	rec.Fields = maps.Clone(rec.Fields)
	for name, edits := range rec.History {
		if v.wasMovedByMerge(s, name, rec) {
			continue
		}
		if len(edits) > 0 && !edits[0].At.Before(rec.Modified.Truncate(time.Second)) {
			rec.Fields[name] = edits[0].Value
		}
	}
	return rec
}
