package syncer

import (
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// decision is what the merge came to for one mapped field.
type decision struct {
	field *mapping.Field
	merge.Result
}

// decisions are those of all mapped fields, with the new bases.
type decisions struct {
	fields []decision
	bases  map[string]merge.Base
}

// needs names what has to be fetched before a decision can be made, one thing at
// a time: what it shows may spare the next one.
type needs struct {
	// vanishedCompany is the company of a contact that is no longer shown: whether
	// it was deleted, or taken from the contact, decides.
	vanishedCompany crm.Ref
	company         crm.Ref    // whose link decides
	history         crm.System // the side whose history decides
}

// decide merges every mapped field, or names what it needs for that.
func decide(v view) (decisions, needs) {
	if n := v.companyNeeds(crm.Systems[:]...); n != (needs{}) {
		return decisions{}, n
	}
	for _, s := range crm.Systems {
		if v.snapshotOn(s).lacksHistory() && v.needsHistory(s) {
			return decisions{}, needs{history: s}
		}
	}
	d := decisions{bases: make(map[string]merge.Base, len(v.object.Fields))}
	for i := range v.object.Fields {
		f := &v.object.Fields[i]
		base := v.link.Fields[f.Name]
		r := merge.Field(v.policyFor(f), base, v.mergeSide(f, base, crm.HubSpot), v.mergeSide(f, base, crm.Zoho))
		if r.Base != (merge.Base{}) {
			d.bases[f.Name] = r.Base
		}
		d.fields = append(d.fields, decision{f, r})
	}
	for _, s := range crm.Systems {
		if d.loseValue() && v.snapshotOn(s).lacksHistory() {
			return decisions{}, needs{history: s}
		}
	}
	return d, needs{}
}

// loseValue reports whether a value that was decided is nowhere to be found.
func (d decisions) loseValue() bool {
	return slices.ContainsFunc(d.fields, func(d decision) bool { return d.Reason == merge.LostValue })
}

// needsHistory reports whether the history of one side can change the decision
// about a field. It costs a call for each record.
func (v view) needsHistory(s crm.System) bool {
	for i := range v.object.Fields {
		f := &v.object.Fields[i]
		base, linked := v.link.Fields[f.Name]
		if linked && !base.Cell.IsZero() {
			if v.changeNeedsHistory(s, f, base) {
				return true
			}
			continue
		}
		// A value that was seen may have been edited and put back since.
		untouched := !v.snapshotOn(s).record.Modified.After(v.link.On(s).Modified)
		if seen := untouched && wasSeenUndecided(base, s, v.shownValue(f, s)); !seen && v.firstNeedsHistory(s, f) {
			return true
		}
	}
	return false
}

// firstNeedsHistory decides for a field that both records bring along: the
// times of the record suffice unless the other side's edit falls between them.
func (v view) firstNeedsHistory(s crm.System, f *mapping.Field) bool {
	mine, other := v.snapshotOn(s), v.snapshotOn(s.Other())
	if other == nil {
		return false
	}
	now, rec := v.shownValue(f, s), mine.record
	if now.Hash == v.shownValue(f, s.Other()).Hash {
		// What was overwritten unseen may be later than this value, even if another edit
		// touched the record since.
		return merge.OverwroteUnseenEdit(v.editsOf(f, merge.Base{}, other.record))
	}
	if rec.ModifiedByUs || rec.CreatedByUs {
		return true
	}
	at, ever := editedAt(other.record, f)
	switch {
	case !ever, rec.Modified.Equal(rec.Created), at.After(rec.Modified.Add(time.Second)):
		return false
	case at.Before(rec.Created) && now.Hash != "" && rec.CounterpartID == "":
		return false // only people have edited this record, and after that edit
	}
	return true
}

// changeNeedsHistory decides for a field with a base. When a person edited this
// side after it showed the base, and the other one still shows it, the record's
// time bounds that of the edit, and the edit wins whatever its time: the base
// keeps the bounds until an edit competes with it.
func (v view) changeNeedsHistory(s crm.System, f *mapping.Field, base merge.Base) bool {
	mine, other := v.snapshotOn(s), v.snapshotOn(s.Other())
	now, b := v.shownValue(f, s), base.Side(s)
	switch {
	case b.Pending:
		return mine.exposed || now.Hash != base.Cell.Hash
	case base.Cell.Stamp.Side == s && v.isContended(f, base, s.Other()):
		return true
	case now.Hash == base.Cell.Hash && now.Hash != b.Shown:
		return false
	case now.Hash != b.Shown:
		return f.Type == mapping.Company || mine.record.ModifiedByUs || b.Shown != base.Cell.Hash || b.ReadBeforeBase || other == nil || other.record.History == nil ||
			base.Side(s.Other()).Pending || v.hasNews(f, base, s.Other())
	case !v.hasNews(f, base, s.Other()) || !mine.record.Modified.After(v.link.On(s).Modified):
		return false
	}
	// The same value may have been typed again, after the other side's edit.
	at, ever := editedAt(other.record, f)
	return ever && !at.After(mine.record.Modified.Add(time.Second))
}

// isContended reports whether the bounds of the base's time do not suffice to
// decide which is later, the base or the news of a side.
func (v view) isContended(f *mapping.Field, base merge.Base, s crm.System) bool {
	if !base.Cell.Stamp.Bounded || !v.hasNews(f, base, s) {
		return false
	}
	rec := v.snapshotOn(s).record
	if rec.History == nil {
		return true
	}
	for _, e := range rec.History[f.On(s)] {
		if !e.Own {
			return base.Cell.MayBeOlderThan(e.At.UnixMilli())
		}
	}
	return true
}
