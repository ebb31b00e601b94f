package syncer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// decided is the decision about one mapped field.
type decided struct {
	field *mapping.Field
	merge.Result
}

// value is the canonical form of what a side shows. The same few are asked for
// again and again within one operation.
func (t *task) value(f *mapping.Field, s crm.System, raw string) merge.Value {
	if f.Type == mapping.Company { // its links may be learned meanwhile
		return t.hash.value(t.object.Kind, f.Name, t.canon(f, s, raw))
	}
	key := shownValue{f.Name, s, raw}
	v, known := t.values[key]
	if !known {
		v = t.hash.value(t.object.Kind, f.Name, f.Canon(s, raw))
		t.values[key] = v
	}
	return v
}

// shownValue is a raw value of a field on one side.
type shownValue struct {
	field string
	side  crm.System
	raw   string
}

func (t *task) shown(f *mapping.Field, h *half) merge.Value {
	if h == nil {
		return merge.Value{}
	}
	s := h.record.Ref.System
	return t.value(f, s, h.record.Fields[f.On(s)])
}

func (t *task) policy(f *mapping.Field) merge.Policy {
	p := merge.Policy{
		Preferred:   t.Mapping.Preferred,
		KeepOnClear: f.Clear == mapping.Keep,
		ReadOnly:    map[crm.System]bool{},
	}
	switch cmp.Or(f.Conflict, t.object.Conflict) {
	case mapping.HubSpotWins:
		p.Prefer = crm.HubSpot
	case mapping.ZohoWins:
		p.Prefer = crm.Zoho
	}
	for _, s := range crm.Systems {
		p.ReadOnly[s] = !f.Writable(s)
	}
	p.Stores = func(s crm.System, v merge.Value) merge.Hash {
		if stored := f.Stored(s, v.Text); stored != v.Text {
			return t.hash.value(t.object.Kind, f.Name, stored).Hash
		}
		return v.Hash
	}
	return p
}

// decide merges every mapped field and puts the new bases into the link. It
// asks for a history only where that can change the decision, or holds a value that
// was decided and is shown nowhere.
func (t *task) decide(ctx context.Context, p *pair) ([]decided, error) {
	if err := t.identifyBoth(ctx, p); err != nil {
		return nil, err
	}
	for _, s := range crm.Systems {
		if h := p.side[s]; h == nil || h.record.History != nil || !t.needsHistory(p, s) {
			continue
		}
		if err := t.addHistory(ctx, p, s); err != nil {
			return nil, err
		}
	}
	all, fields := t.merge(p)
	for _, s := range crm.Systems {
		if h := p.side[s]; h == nil || h.record.History != nil || !lost(all) {
			continue
		}
		if err := t.addHistory(ctx, p, s); err != nil {
			return nil, err
		}
		all, fields = t.merge(p)
	}
	p.link.Fields = fields
	return all, nil
}

// lost reports whether a value that was decided is nowhere to be found.
func lost(all []decided) bool {
	return slices.ContainsFunc(all, func(d decided) bool { return d.Reason == merge.LostValue })
}

// identifyBoth looks up the companies that the two sides show.
func (t *task) identifyBoth(ctx context.Context, p *pair) error {
	for _, s := range crm.Systems {
		if err := t.identify(ctx, p, p.side[s]); err != nil {
			return err
		}
	}
	return nil
}

// merge decides every mapped field by what is known, and returns the new bases.
func (t *task) merge(p *pair) ([]decided, map[string]merge.Base) {
	fields := make(map[string]merge.Base, len(t.object.Fields))
	var all []decided
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		base := p.link.Fields[f.Name]
		r := merge.Field(t.policy(f), base,
			t.view(f, base, p, crm.HubSpot), t.view(f, base, p, crm.Zoho))
		if r.Base != (merge.Base{}) {
			fields[f.Name] = r.Base
		}
		all = append(all, decided{f, r})
	}
	return all, fields
}

// view is what the merge is shown of one side of a field.
func (t *task) view(f *mapping.Field, base merge.Base, p *pair, s crm.System) merge.Side {
	h, other := p.side[s], p.side[s.Other()]
	if h == nil {
		return merge.Side{}
	}
	side := merge.Side{
		Current:      t.shown(f, h),
		Edits:        t.edits(f, base, h.record),
		Acknowledged: h.acknowledged[f.Name],
		Later:        other != nil && !h.began.Before(other.ended),
		Made:         madeWith(h.record, f),
	}
	if h.record.History == nil {
		side.ReadAt = h.record.Modified.UnixMilli()
	}
	return side
}

// madeWith reports whether the connector made a record and has not written the
// field since. A record's times have whole seconds.
func madeWith(rec crm.Record, f *mapping.Field) bool {
	edits := rec.History[f.On(rec.Ref.System)]
	return rec.CreatedByUs && len(edits) > 0 && edits[0].Own && !edits[0].At.After(rec.Created.Add(time.Second))
}

// edits returns the history of a field, newest first. Where the history does
// not explain the current value, or was not asked for, the record's own time
// stands in for the time of the edit: it is never too early, and an edit that
// follows the base is found by its position, not by its time (rule R1).
func (t *task) edits(f *mapping.Field, base merge.Base, rec crm.Record) []merge.Edit {
	s := rec.Ref.System
	var edits []merge.Edit
	raw := rec.Fields[f.On(s)]
	for i, e := range rec.History[f.On(s)] {
		if i == 0 && namesCompany(f, s, e.Value, raw) {
			e.Value = raw
		}
		edits = append(edits, merge.Edit{Value: t.value(f, s, e.Value), At: e.At.UnixMilli(), Own: e.Own})
	}
	now := t.value(f, s, raw)
	if len(edits) > 0 && edits[0].Value.Hash == now.Hash || t.explained(f, base, rec, now) {
		return edits
	}
	first := base.Cell.IsBottom()
	unknown := merge.Edit{
		Value: now, At: rec.Modified.UnixMilli(),
		Own:     rec.ModifiedByUs && (first || base.On(s).Pending),
		Bounded: rec.History == nil && f.Type != mapping.Company,
	}
	if f.Type == mapping.Company && !first {
		// A merge of companies moves their contacts without telling their time.
		unknown.At = max(unknown.At, base.On(s).Seen+1)
	}
	return append([]merge.Edit{unknown}, edits...)
}

// explained reports whether a value needs no edit to be there.
func (t *task) explained(f *mapping.Field, base merge.Base, rec crm.Record, now merge.Value) bool {
	s := rec.Ref.System
	if base.Cell.IsBottom() {
		return now.Hash == "" || t.judged(base, s, now)
	}
	return now.Hash == base.On(s).Shown || t.filledIn(f, rec) || rec.History == nil && now.Hash == base.Cell.Hash
}

// judged reports whether a value that nobody decided on was there before: the
// side filled it in when the connector made the record.
func (t *task) judged(base merge.Base, s crm.System, now merge.Value) bool {
	b := base.On(s)
	return base.Cell.IsBottom() && b.Seen != 0 && b.Shown == now.Hash
}

// addHistory asks for the history of one side, and for the companies that it tells
// of. A side that has none to give is worked without (rule R11).
func (t *task) addHistory(ctx context.Context, p *pair, s crm.System) error {
	h := p.side[s]
	rec, err := t.crm(s).WithHistory(ctx, h.record)
	switch {
	case crm.IsKind(err, crm.Refused), crm.IsKind(err, crm.Forbidden):
		t.report.Degraded = true
		return nil
	case crm.IsKind(err, crm.NotFound):
		return ErrChanged // it was deleted just now: look again
	case err != nil:
		return err
	}
	// The history is of now, and may be later than the read of the record.
	rec.Fields = maps.Clone(rec.Fields)
	for name, edits := range rec.History {
		if t.movedSilently(p, s, name, rec) {
			continue
		}
		if len(edits) > 0 && !edits[0].At.Before(rec.Modified.Truncate(time.Second)) {
			rec.Fields[name] = edits[0].Value
		}
	}
	h.record, h.ended = rec, t.Clock.Now()
	return t.identify(ctx, p, h)
}

func (t *task) needsHistory(p *pair, s crm.System) bool {
	for i := range t.object.Fields {
		f := &t.object.Fields[i]
		base, linked := p.link.Fields[f.Name]
		if linked && !base.Cell.IsBottom() {
			if t.changeNeedsHistory(p, s, f, base) {
				return true
			}
			continue
		}
		// A value that was judged may have been edited and put back since.
		untouched := !p.side[s].record.Modified.After(p.link.On(s).Modified)
		if judged := untouched && t.judged(base, s, t.shown(f, p.side[s])); !judged && t.firstNeedsHistory(p, s, f) {
			return true
		}
	}
	return false
}

// firstNeedsHistory decides for a field that both records bring along: the
// times of the record suffice unless the other side's edit falls between them.
func (t *task) firstNeedsHistory(p *pair, s crm.System, f *mapping.Field) bool {
	mine, other := p.side[s], p.side[s.Other()]
	if other == nil {
		return false
	}
	now, rec := t.shown(f, mine), mine.record
	if now.Hash == t.shown(f, other).Hash {
		// What was overwritten unseen may be later than this value, whoever touched
		// the record since.
		return merge.Overwrote(t.edits(f, merge.Base{}, other.record))
	}
	if rec.ModifiedByUs || rec.CreatedByUs {
		return true
	}
	at, ever := editedAt(other.record, f)
	switch {
	case !ever, rec.Modified.Equal(rec.Created), at.After(rec.Modified.Add(time.Second)):
		return false
	case at.Before(rec.Created) && now.Hash != "" && rec.CounterpartID == "":
		return false // nobody but people has been here, and after that edit
	}
	return true
}

// changeNeedsHistory decides for a field with a base. The history of one side
// costs a call for each record, so it is asked only where it can change the
// decision. When a person edited this side after it showed the base, and the other
// one still shows it, the record's time bounds that of the edit, and the edit wins
// whatever its time: the base keeps the bounds until an edit competes with it.
func (t *task) changeNeedsHistory(p *pair, s crm.System, f *mapping.Field, base merge.Base) bool {
	mine, other := p.side[s], p.side[s.Other()]
	now, b := t.shown(f, mine), base.On(s)
	switch {
	case b.Pending:
		return mine.exposed || now.Hash != base.Cell.Hash
	case base.Cell.Stamp.Side == s && t.contended(f, base, other):
		return true
	case now.Hash == base.Cell.Hash && now.Hash != b.Shown:
		return false
	case now.Hash != b.Shown:
		return f.Type == mapping.Company || mine.record.ModifiedByUs || b.Shown != base.Cell.Hash || b.Behind || other == nil || other.record.History == nil ||
			base.On(s.Other()).Pending || t.news(f, base, other)
	case !t.news(f, base, other) || !mine.record.Modified.After(p.link.On(s).Modified):
		return false
	}
	// The same value may have been typed again, after the other side's edit.
	at, ever := editedAt(other.record, f)
	return ever && !at.After(mine.record.Modified.Add(time.Second))
}

// news reports whether a side shows something that is neither what it showed
// before nor the base, or an edit that led back to one of them.
func (t *task) news(f *mapping.Field, base merge.Base, h *half) bool {
	if h == nil {
		return false
	}
	b, now := base.On(h.record.Ref.System), t.shown(f, h).Hash
	return now != b.Shown && now != base.Cell.Hash || editedSince(h.record, f, b.Seen)
}

// contended reports whether the bounds of the base's time do not suffice to
// tell which is later, the base or news of the other side.
func (t *task) contended(f *mapping.Field, base merge.Base, other *half) bool {
	if !base.Cell.Stamp.Bounded || !t.news(f, base, other) {
		return false
	}
	if other.record.History == nil {
		return true
	}
	for _, e := range other.record.History[f.On(other.record.Ref.System)] {
		if !e.Own {
			return base.Cell.Contends(e.At.UnixMilli())
		}
	}
	return true
}

// editedSince reports whether a person edited a field after a time in
// milliseconds, be it back to what it was.
func editedSince(rec crm.Record, f *mapping.Field, seen int64) bool {
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
