package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// explanationWriter writes an explanation.
type explanationWriter struct {
	w      io.Writer
	values bool   // values of fields may be shown
	field  string // the only one to be shown, "" for all
}

// systemNames are the names that people read.
var systemNames = map[crm.System]string{crm.HubSpot: "HubSpot", crm.Zoho: "Zoho"}

// reasons say why a field has its value.
var reasons = map[merge.Reason]string{
	merge.InSync:      "both sides hold it",
	merge.Repaired:    "one side had lost it",
	merge.OnlyEdit:    "only one side was edited",
	merge.NewerEdit:   "the later of two edits",
	merge.PreferSide:  "the mapping prefers this side",
	merge.KeptOnClear: "cleared on one side, which the mapping does not pass on",
	merge.LostValue:   "neither side holds the decided value any more",
}

func listFieldNames(o *mapping.Object) []string {
	var names []string
	for i := range o.Fields {
		names = append(names, o.Fields[i].Name)
	}
	return names
}

// formatValue quotes a value, or only shows that there is one.
func (v explanationWriter) formatValue(text string) string {
	switch {
	case text == "":
		return "-"
	case !v.values:
		return "[value]"
	}
	if runes := []rune(text); len(runes) > 40 {
		text = string(runes[:40]) + "..."
	}
	return strconv.Quote(text)
}

func (v explanationWriter) includesField(field string) bool { return v.field == "" || v.field == field }

func (v explanationWriter) writeExplanation(e syncer.Explanation, parked []failure.Record) error {
	v.writeHeading(e)
	if len(e.Fields) > 0 {
		if err := v.writeFields(e); err != nil {
			return err
		}
	}
	v.writeEvents(e, parked)
	return v.writeParked(parked)
}

// writeHeading writes how the two records are linked.
func (v explanationWriter) writeHeading(e syncer.Explanation) {
	asked, other := e.Record(), e.Asked.System.Other()
	if e.MergedInto != (crm.Ref{}) {
		fmt.Fprintf(v.w, "%s was merged into %s.\n", e.Asked, e.MergedInto)
	}
	switch {
	case e.Linked && e.Link.DeletedOn != "":
		fmt.Fprintf(v.w, "%s was linked to %s; the record in %s was deleted at %s.\n", asked, e.Link.Ref(other), systemNames[e.Link.DeletedOn], formatTime(e.Link.DeletedAt))
		fmt.Fprintln(v.w, "The connector writes nothing to the remaining record and creates no new counterpart.")
	case e.Linked && e.Link.Complete():
		fmt.Fprintf(v.w, "%s is linked to %s (link %s).\n", asked, e.Link.Ref(other), e.Link.ID)
	case e.Linked:
		fmt.Fprintf(v.w, "%s is being linked; its counterpart in %s is not known yet.\n", asked, systemNames[other])
	default:
		fmt.Fprintf(v.w, "%s is not linked.\n", asked)
		v.writeMatches(e, other)
	}
	for _, s := range crm.Systems {
		side := e.Link.On(s)
		rec, there := e.Records[s]
		if !there {
			if side.RecordID != "" || e.Asked.System == s {
				fmt.Fprintf(v.w, "  %s: the record does not exist\n", systemNames[s])
			}
			continue
		}
		fmt.Fprintf(v.w, "  %s: %s, created %s, modified %s", systemNames[s], rec.Ref, formatTime(rec.Created), formatTime(rec.Modified))
		if side.RecordID != "" && rec.Ref.RecordID != side.RecordID {
			fmt.Fprintf(v.w, "; %s was merged into it", e.Link.Ref(s))
		}
		if e.Linked {
			fmt.Fprintf(v.w, "; last read %s, last written %s", formatTime(side.ReadAt), formatTime(side.WroteAt))
		}
		fmt.Fprintln(v.w)
	}
	if l := e.Link.Lease; l.Holder != "" {
		fmt.Fprintf(v.w, "  an operation holds its lease until %s at the latest\n", formatTime(l.Until))
	}
}

func (v explanationWriter) writeMatches(e syncer.Explanation, other crm.System) {
	switch len(e.Matches) {
	case 0:
		fmt.Fprintf(v.w, "  no record in %s refers to it or has the same key\n", systemNames[other])
	case 1:
		if owner, taken := e.Taken[e.Matches[0]]; taken {
			fmt.Fprintf(v.w, "  %s matches it, and is linked to %s\n", e.Matches[0], owner)
			return
		}
		fmt.Fprintf(v.w, "  the next operation would link it to %s\n", e.Matches[0])
	default:
		fmt.Fprintf(v.w, "  %d records in %s match it:\n", len(e.Matches), systemNames[other])
		for _, m := range e.Matches {
			fmt.Fprintf(v.w, "    %s", m)
			if owner, taken := e.Taken[m]; taken {
				fmt.Fprintf(v.w, ", which is linked to %s", owner)
			}
			fmt.Fprintln(v.w)
		}
	}
}

// writeFields writes a table of the values of each side and the effect of the next
// operation.
func (v explanationWriter) writeFields(e syncer.Explanation) error {
	fmt.Fprintln(v.w)
	t := tabwriter.NewWriter(v.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIELD\tHUBSPOT\tZOHO\tDECIDED FROM\tWHY\tNEXT OPERATION\t")
	for _, f := range e.Fields {
		if !v.includesField(f.Field.Name) {
			continue
		}
		stamp := f.Base.Cell.Stamp
		from := "never set"
		if stamp.Side != "" {
			from = systemNames[stamp.Side] + ", " + formatTime(time.UnixMilli(cmp.Or(stamp.RawAt, stamp.At)))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", f.Field.Name,
			v.formatValue(e.Records[crm.HubSpot].Fields[f.Field.HubSpot]), v.formatValue(e.Records[crm.Zoho].Fields[f.Field.Zoho]),
			from, cmp.Or(reasons[f.Reason], string(f.Reason)), describeNextOperation(f))
	}
	return t.Flush()
}

// describeNextOperation returns the effect of the next operation on a field.
func describeNextOperation(f syncer.FieldExplanation) string {
	var does []string
	for _, s := range crm.Systems {
		switch {
		case f.WritesTo(s):
			does = append(does, "writes "+systemNames[s])
		case f.WithoutCompany(s):
			does = append(does, systemNames[s]+" does not have the company")
		case f.Refused(s) != "":
			does = append(does, systemNames[s]+" refused it ("+string(f.Refused(s))+")")
		case !f.Field.Writable(s) && f.Canonical[crm.HubSpot] != f.Canonical[crm.Zoho]:
			does = append(does, "may not write "+systemNames[s])
		}
	}
	if len(does) == 0 {
		return "nothing"
	}
	return strings.Join(does, ", ")
}

// writeEvents writes the history, the newest event first.
func (v explanationWriter) writeEvents(e syncer.Explanation, parked []failure.Record) {
	var events []event
	add := func(at time.Time, format string, args ...any) {
		events = append(events, event{at, fmt.Sprintf(format, args...)})
	}
	for _, f := range e.Fields {
		if !v.includesField(f.Field.Name) {
			continue
		}
		for _, s := range crm.Systems {
			for _, edit := range e.Records[s].History[f.Field.On(s)] {
				by := "a person or another program"
				if edit.Own {
					by = "the connector"
				}
				add(edit.At, "%s: %s becomes %s, by %s", systemNames[s], f.Field.Name, v.formatValue(edit.Value), by)
			}
		}
	}
	for _, d := range e.Link.Decisions {
		if v.includesField(d.Field) {
			add(d.At, "decided: %s, %s, written to %s (operation %s)", d.Field, cmp.Or(reasons[d.Reason], string(d.Reason)), joinSystems(d.Wrote), d.Operation)
		}
	}
	for _, r := range parked {
		add(r.LastSeen, "failed: %s (%d times, operation %s)", r.Cause.Message(), r.Count, r.Operation)
		if !r.IsOpen() {
			add(r.ResolvedAt, "resolved: %s", r.Cause.Message())
		}
	}
	if len(events) == 0 {
		return
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.text, b.text)) })
	fmt.Fprintln(v.w, "\nHistory, newest first:")
	for _, x := range events {
		fmt.Fprintf(v.w, "  %s  %s\n", formatTime(x.at), x.text)
	}
}

func joinSystems(list []crm.System) string {
	var names []string
	for _, s := range list {
		names = append(names, systemNames[s])
	}
	return strings.Join(names, " and ")
}

func (v explanationWriter) writeParked(parked []failure.Record) error {
	open := slices.DeleteFunc(slices.Clone(parked), func(r failure.Record) bool { return !r.IsOpen() })
	if len(open) == 0 {
		_, err := fmt.Fprintln(v.w, "\nNothing is parked.")
		return err
	}
	fmt.Fprintln(v.w, "\nParked:")
	return printFailures(v.w, failure.GroupByCause(open), 0)
}
