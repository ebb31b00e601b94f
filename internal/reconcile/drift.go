package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Pairs lists linked pairs.
type Pairs interface {
	// ListLinks returns links of a kind behind a place, "" for the beginning, at
	// most limit, and the place of the last.
	ListLinks(ctx context.Context, kind crm.Kind, behind string, limit int) (links []syncer.Link, last string, err error)
}

// Reader reads many records of one system with as few calls as it can.
type Reader interface {
	// ReadMany has an answer for every id.
	ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record]
}

// Comparer says in which fields a pair differs and why. An error of a CRM is
// one of that pair alone.
type Comparer interface {
	Compare(ctx context.Context, link syncer.Link, records map[crm.System]crm.Record) ([]syncer.Difference, error)
}

// Drift compares all linked pairs as they are now. It writes nothing, and
// publishes nothing.
type Drift struct {
	Pairs    Pairs
	Readers  map[crm.System]Reader
	Comparer Comparer
	Kinds    []crm.Kind
	// Progress, unless nil, receives the number of pairs compared so far.
	Progress func(done int)
}

// pairsPerPage is how many pairs are read at a time: what one call to Zoho takes,
// and two to HubSpot.
const pairsPerPage = 100

// maxExamples is how many pairs stand for all that have a difference.
const maxExamples = 3

// DriftReport says in which fields pairs differ. It names records and fields and holds
// no value.
type DriftReport struct {
	Pairs     int `json:"pairs"`     // live on both sides, by the links
	Differing int `json:"differing"` // of these, in a field that should be equal
	// Deleted counts the pairs of which one record no longer exists, and MergedAway
	// those of which one was merged into another, without an event of that.
	Deleted    map[crm.System]int `json:"deleted,omitempty"`
	MergedAway map[crm.System]int `json:"merged_away,omitempty"`
	// Fields are the differences, those to be fixed first.
	Fields []FieldDrift `json:"fields"`
	// Unread counts the pairs that could not be read, and Err why the last one
	// could not.
	Unread int    `json:"unread,omitempty"`
	Err    string `json:"error,omitempty"`
}

// IsClean reports whether no pair needs attention.
func (r DriftReport) IsClean() bool {
	return r.Differing == 0 && len(r.Deleted) == 0 && len(r.MergedAway) == 0 && r.Unread == 0
}

// FieldDrift is one field that differs for one cause.
type FieldDrift struct {
	Kind     crm.Kind     `json:"kind"`
	Field    string       `json:"field"`
	Cause    syncer.Cause `json:"cause"`
	Side     crm.System   `json:"side,omitempty"`
	Code     string       `json:"code,omitempty"`
	Records  int          `json:"records"`
	Examples []string     `json:"examples"`
}

// Run compares page by page; its memory does not grow with the number of pairs.
func (d Drift) Run(ctx context.Context) (DriftReport, error) {
	t := driftRun{Drift: d, report: DriftReport{Deleted: map[crm.System]int{}, MergedAway: map[crm.System]int{}}, fields: map[driftKey]*FieldDrift{}}
	for _, kind := range d.Kinds {
		for behind := ""; ; {
			links, last, err := d.Pairs.ListLinks(ctx, kind, behind, pairsPerPage)
			if err != nil {
				return t.sortedReport(), fmt.Errorf("drift: %w", err)
			}
			if len(links) == 0 {
				break
			}
			behind = last
			if err := t.comparePage(ctx, kind, links); err != nil {
				return t.sortedReport(), fmt.Errorf("drift: %w", err)
			}
			if d.Progress != nil {
				d.Progress(t.report.Pairs)
			}
		}
	}
	return t.sortedReport(), nil
}

type driftKey struct {
	kind  crm.Kind
	field string
	cause syncer.Cause
	side  crm.System
	code  string
}

type driftRun struct {
	Drift
	report DriftReport
	fields map[driftKey]*FieldDrift
}

// comparePage compares some pairs of one kind.
func (t *driftRun) comparePage(ctx context.Context, kind crm.Kind, links []syncer.Link) error {
	links = slices.DeleteFunc(links, func(l syncer.Link) bool { return !l.Complete() })
	answers := map[crm.System]map[string]crm.Answer[crm.Record]{}
	for _, s := range crm.Systems {
		ids := make([]string, len(links))
		for i := range links {
			ids[i] = links[i].On(s).RecordID
		}
		if len(ids) > 0 {
			answers[s] = t.Readers[s].ReadMany(ctx, kind, ids)
		}
	}
	for i := range links {
		if err := t.comparePair(ctx, links[i], answers); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// comparePair compares one pair.
func (t *driftRun) comparePair(ctx context.Context, link syncer.Link, answers map[crm.System]map[string]crm.Answer[crm.Record]) error {
	t.report.Pairs++
	records := map[crm.System]crm.Record{}
	for _, s := range crm.Systems {
		id := link.On(s).RecordID
		a, answered := answers[s][id]
		switch {
		case crm.IsKind(a.Err, crm.NotFound):
			t.report.Deleted[s]++
			return nil
		case a.Err != nil || !answered:
			t.report.Unread++
			if a.Err != nil {
				t.report.Err = a.Err.Error()
			}
			return nil
		case a.Value.Ref.RecordID != id:
			t.report.MergedAway[s]++
			return nil
		}
		records[s] = a.Value
	}
	differences, err := t.Comparer.Compare(ctx, link, records)
	if e := crm.AsError(err); e != nil { // of this pair alone
		t.report.Unread++
		t.report.Err = e.Error()
		return nil
	}
	if err != nil {
		return err
	}
	differs := false
	for _, d := range differences {
		differs = differs || !d.Cause.IsIntended()
		k := driftKey{link.Kind, d.Field, d.Cause, d.Side, d.Code}
		f := t.fields[k]
		if f == nil {
			f = &FieldDrift{Kind: k.kind, Field: k.field, Cause: k.cause, Side: k.side, Code: k.code}
			t.fields[k] = f
		}
		if f.Records++; len(f.Examples) < maxExamples {
			f.Examples = append(f.Examples, link.Ref(crm.HubSpot).String()+" "+link.Ref(crm.Zoho).String())
		}
	}
	if differs {
		t.report.Differing++
	}
	return nil
}

// sortedReport puts the differences in order: those to be fixed first, the most
// frequent first.
func (t *driftRun) sortedReport() DriftReport {
	for _, f := range t.fields {
		t.report.Fields = append(t.report.Fields, *f)
	}
	slices.SortFunc(t.report.Fields, func(a, b FieldDrift) int {
		meant := func(f FieldDrift) int {
			if f.Cause.IsIntended() {
				return 1
			}
			return 0
		}
		return cmp.Or(meant(a)-meant(b), cmp.Compare(b.Records, a.Records), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Code, b.Code))
	})
	return t.report
}
