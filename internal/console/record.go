package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/merge"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// recordData is the search, and one record on both sides.
type recordData struct {
	Found   []place // the records found, unless it is one pair
	Nothing bool    // nothing was found
	Shown   *pairData
}

// pairData is a record and its counterpart.
type pairData struct {
	Asked     place
	Merged    *place // what the record was merged into
	HubSpot   sideData
	Zoho      sideData
	Linked    bool
	Gone      crm.System
	GoneAt    time.Time
	Matches   []matchData
	Fields    []fieldData
	Differ    int // fields that the next synchronisation would write
	Refused   int // fields that differ because a side refuses the value
	Decisions []decisionData
	Failures  []failureData
}

// matchData is a record that an unlinked one may belong to, unless it belongs to
// another one already.
type matchData struct {
	place
	Owner *place
}

// sideData is one record of the pair.
type sideData struct {
	place
	System            crm.System
	Exists            bool
	Created, Modified time.Time
	ByUs              bool
	ReadAt, WroteAt   time.Time
}

// fieldData is one field on both sides.
type fieldData struct {
	Name          string
	HubSpotName   string
	ZohoName      string
	HubSpot, Zoho string
	State         string // "same", "differs" or "refused"
	StateWords    string
	Winner        string // who typed the value that holds
	At            time.Time
	Why           string
}

// decisionData is one entry of the history of decisions.
type decisionData struct {
	At                        time.Time
	Field, Winner, Why, Wrote string
	Operation                 string
}

// reasons are the merge's reasons in words.
var reasons = map[merge.Reason]string{
	merge.InSync:      "both sides held it",
	merge.Repaired:    "a side had lost the decided value",
	merge.OnlyEdit:    "only this side was edited",
	merge.NewerEdit:   "both were edited, this one later",
	merge.PreferSide:  "both were edited, the mapping prefers this side",
	merge.KeptOnClear: "cleared on one side, kept on the other as the mapping says",
	merge.LostValue:   "neither side holds the decided value",
}

func (c *Console) recordPage(v request) (shownPage, error) {
	text := v.URL.Query().Get("ref")
	if text == "" {
		return shownPage{"record", "Record", recordData{}}, nil
	}
	ref, err := crm.ParseRef(text)
	if err != nil {
		return shownPage{}, wrongInput("This is not a record.")
	}
	shown, err := c.loadPair(v, ref)
	return shownPage{"record", "Record", recordData{Shown: &shown}}, err
}

// searchRecord looks for what a person typed. It is a POST, so that an e-mail address
// stands in no address that a server logs.
func (c *Console) searchRecord(w http.ResponseWriter, v request) error {
	text := strings.TrimSpace(v.PostForm.Get("q"))
	if text == "" || len(text) > maxSearch {
		return wrongInput("Type the id of a record, or the e-mail address of a contact.")
	}
	refs, err := c.findRefs(v, text)
	if err != nil {
		return err
	}
	d := recordData{Nothing: len(refs) == 0}
	for _, r := range refs {
		d.Found = append(d.Found, c.newPlace(r))
	}
	if len(refs) == 0 || len(refs) > 1 && !c.isOnePair(v, refs) {
		return c.renderPage(w, v, http.StatusOK, shownPage{"record", "Record", d})
	}
	w.Header().Set("Location", "?"+url.Values{"page": {"record"}, "ref": {refs[0].String()}}.Encode())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 320

// isOnePair reports whether two records belong to one link.
func (c *Console) isOnePair(v request, refs []crm.Ref) bool {
	if len(refs) != 2 || refs[0].System == refs[1].System {
		return false
	}
	e, err := c.Records.Explain(v.Context(), refs[0])
	return err == nil && e.Link.Ref(refs[1].System) == refs[1]
}

// findRefs finds what a person typed: "zoho/contact/123", an id, or the value of a
// field by which records are matched.
func (c *Console) findRefs(v request, text string) ([]crm.Ref, error) {
	if ref, err := crm.ParseRef(text); err == nil {
		return []crm.Ref{ref}, nil
	}
	var all []crm.Ref
	for _, kind := range crm.Kinds {
		if kind == crm.Company && strings.Contains(text, "@") {
			continue
		}
		refs, err := c.Records.FindRecords(v.Context(), kind, text)
		if err != nil {
			return nil, err
		}
		all = append(all, refs...)
	}
	return all, nil
}

func (c *Console) loadPair(v request, ref crm.Ref) (pairData, error) {
	e, err := c.Records.Explain(v.Context(), ref)
	if err != nil {
		return pairData{}, err
	}
	d := c.newPairData(e)
	known, err := c.Failures.ListFailures(v.Context(), failure.Filter{Ref: ref}, pageSize)
	if err != nil {
		return pairData{}, err
	}
	for _, r := range known {
		d.Failures = append(d.Failures, c.newFailureData(r))
	}
	return d, nil
}

// newPairData writes an explanation in words.
func (c *Console) newPairData(e syncer.Explanation) pairData {
	d := pairData{
		Asked: c.newPlace(e.Asked), Linked: e.Linked, Gone: e.Link.DeletedOn, GoneAt: e.Link.DeletedAt,
		HubSpot: c.newSideData(e, crm.HubSpot), Zoho: c.newSideData(e, crm.Zoho),
	}
	if e.MergedInto != (crm.Ref{}) {
		into := c.newPlace(e.MergedInto)
		d.Merged = &into
	}
	for _, m := range e.Matches {
		match := matchData{place: c.newPlace(m)}
		if owner, taken := e.Taken[m]; taken {
			of := c.newPlace(owner)
			match.Owner = &of
		}
		d.Matches = append(d.Matches, match)
	}
	last := map[string]syncer.Decision{}
	for _, n := range e.Link.Decisions {
		last[n.Field] = n
		d.Decisions = append(d.Decisions, newDecisionData(n))
	}
	slices.Reverse(d.Decisions)
	for _, f := range e.Fields {
		field := newFieldData(e, f, last[f.Field.Name])
		switch field.State {
		case "differs":
			d.Differ++
		case "refused":
			d.Refused++
		}
		d.Fields = append(d.Fields, field)
	}
	return d
}

func (c *Console) newSideData(e syncer.Explanation, s crm.System) sideData {
	rec, exists := e.Records[s]
	link := e.Link.On(s)
	d := sideData{System: s, Exists: exists, ReadAt: link.ReadAt, WroteAt: link.WroteAt}
	if exists {
		d.place, d.Created, d.Modified, d.ByUs = c.newPlace(rec.Ref), rec.Created, rec.Modified, rec.ModifiedByUs
	} else if link.RecordID != "" {
		d.place = c.newPlace(crm.Ref{System: s, Kind: e.Asked.Kind, RecordID: link.RecordID})
	}
	return d
}

// newFieldData describes one field: the values of both sides, the winner and its
// time, and the next write.
func newFieldData(e syncer.Explanation, f syncer.FieldExplanation, last syncer.Decision) fieldData {
	d := fieldData{
		Name: f.Field.Name, HubSpotName: f.Field.HubSpot, ZohoName: f.Field.Zoho,
		HubSpot: e.Records[crm.HubSpot].Fields[f.Field.HubSpot], Zoho: e.Records[crm.Zoho].Fields[f.Field.Zoho],
		State: "same", StateWords: "in sync",
	}
	if f.Canonical[crm.HubSpot] == "" && f.Canonical[crm.Zoho] == "" {
		d.State, d.StateWords = "note", "empty on both sides"
	}
	for _, s := range crm.Systems {
		switch {
		case f.WritesTo(s):
			d.State, d.StateWords = "differs", "will be written to "+systemName(s)
		case f.WithoutCompany(s):
			d.State, d.StateWords = "note", systemName(s)+" does not have the company"
		case f.Refused(s) != "":
			d.State, d.StateWords = "refused", systemName(s)+" refuses it ("+string(f.Refused(s))+")"
		}
	}
	if d.State == "same" && f.Canonical[crm.HubSpot] != f.Canonical[crm.Zoho] {
		d.StateWords = "may differ here"
	}
	if cell := f.Base.Cell; !cell.IsZero() {
		d.Winner, d.At = systemName(cell.Stamp.Side), time.UnixMilli(cell.Stamp.RawAt)
		if cell.Stamp.RawAt == 0 {
			d.At = time.UnixMilli(cell.Stamp.At)
		}
	}
	switch {
	case f.Winner != "" || d.State == "differs":
		d.Why = reasons[f.Reason]
	case last.Reason != "":
		d.Why = reasons[last.Reason]
	case d.Winner != "":
		d.Why = reasons[merge.InSync]
	}
	return d
}

func newDecisionData(n syncer.Decision) decisionData {
	d := decisionData{At: n.At, Field: n.Field, Winner: "as decided before", Why: reasons[n.Reason], Operation: n.Operation}
	if n.Winner != "" {
		d.Winner = systemName(n.Winner)
	}
	var wrote []string
	for _, s := range n.Wrote {
		wrote = append(wrote, systemName(s))
	}
	d.Wrote = strings.Join(wrote, ", ")
	return d
}
