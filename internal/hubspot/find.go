package hubspot

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// MaxFind is the most values that one call looks up.
	MaxFind = 100
	// searchLimit is the most records that one page of a search may hold.
	searchLimit = 200
	// maxSearchValues and maxSearchText bound the values of one search, the
	// latter in bytes: HubSpot takes bodies of 3,000 characters.
	maxSearchValues = 50
	maxSearchText   = 2000
)

// Find returns the records that match the first key that matches any, the
// oldest first, as Read gives them; nil when no key matches.
//
// A key without a field means the counterpart field. That one and a contact's
// e-mail are unique, so they are looked up directly and an empty answer is
// reliable; the contact may have the address as an additional one.
//
// Any other field is searched, without regard to case, and the matches are read
// again by id, since the search index is late by up to about half a minute. A
// record that no longer matches is left out. A record that matches only since a
// moment ago is not found: nil is no proof of absence then, and never allows a
// create by itself. Searches share a quota of 5 a second for the whole account.
// At most 200 matches are returned.
func (c *Client) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	answer := c.FindMany(ctx, kind, [][]crm.Key{keys})[0]
	return answer.Value, answer.Err
}

// FindMany is Find for many lists of keys. The first keys of all lists are
// looked up together, 50 with a call, or 100 by the Zoho id: that rarely finds
// a record, and one that it finds is read once more. Then the second keys of
// the lists without a match follow, and so on.
//
// HubSpot keeps a domain as the bare host, so that is searched; hosts below it
// cannot be. A key that HubSpot refuses, or a search that finds more than a
// page, is repeated alone and does not spoil the others.
func (c *Client) FindMany(ctx context.Context, kind crm.Kind, lists [][]crm.Key) []crm.Answer[[]crm.Record] {
	f := finder{Client: c, kind: kind, answers: make([]crm.Answer[[]crm.Record], len(lists))}
	if kind.Validate() != nil {
		for i := range f.answers {
			f.answers[i].Err = request{action: actionFind}.refusedError("the kind is unknown", 0)
		}
		return f.answers
	}
	rest := make([]keyList, 0, len(lists))
	for i, keys := range lists {
		rest = append(rest, keyList{list: i, keys: usableKeys(keys)})
	}
	for {
		rest = slices.DeleteFunc(rest, func(w keyList) bool {
			return len(w.keys) == 0 || f.answers[w.list].Value != nil || f.answers[w.list].Err != nil
		})
		if len(rest) == 0 {
			return f.answers
		}
		f.findFirstKeys(ctx, rest)
		for i := range rest {
			rest[i].keys = rest[i].keys[1:]
		}
	}
}

// keyList is one list of keys, of which the first is the next to look for.
type keyList struct {
	list int
	keys []crm.Key
}

// finder collects the matches of several lists.
type finder struct {
	*Client
	kind    crm.Kind
	answers []crm.Answer[[]crm.Record]
}

func usableKeys(keys []crm.Key) []crm.Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k crm.Key) bool {
		return strings.TrimSpace(k.Value) == "" || k.Host == crm.BelowHost
	})
}

// findFirstKeys looks for the first key of every list, those of one property
// together.
func (f *finder) findFirstKeys(ctx context.Context, rest []keyList) {
	for len(rest) > 0 {
		field := f.propertyOf(rest[0].keys[0])
		var same, others []keyList
		for _, w := range rest {
			if f.propertyOf(w.keys[0]) == field {
				same = append(same, w)
			} else {
				others = append(others, w)
			}
		}
		rest = others
		if field == f.counterpartField || IsUniqueProperty(f.kind, field) {
			f.lookUpValues(ctx, field, groupByValue(same, field))
		} else {
			f.searchValues(ctx, field, groupByValue(same, field))
		}
	}
}

func (f *finder) propertyOf(k crm.Key) string { return cmp.Or(k.Field, f.counterpartField) }

// lookupValue is a value and the lists that look for it.
type lookupValue struct {
	value string
	lists []int
}

// groupByValue joins the lists that look for the same value, as HubSpot
// compares it: it refuses a batch that names one twice.
func groupByValue(same []keyList, field string) []lookupValue {
	var all []lookupValue
	at := map[string]int{}
	for _, w := range same {
		value := strings.TrimSpace(w.keys[0].Value)
		folded := value
		if field == propEmail {
			folded = foldEmail(value)
		}
		i, seen := at[folded]
		if !seen {
			i = len(all)
			at[folded] = i
			all = append(all, lookupValue{value: value})
		}
		all[i].lists = append(all[i].lists, w.list)
	}
	return all
}

func (f *finder) setAnswer(s lookupValue, records []crm.Record, err error) {
	for _, i := range s.lists {
		if err != nil {
			f.answers[i].Err = err
		} else if len(records) > 0 {
			f.answers[i].Value = records
		}
	}
}

// isRejectedLookup reports whether HubSpot refuses to look a value up: the
// property does not exist, or is not unique, or cannot have the value. A
// missing property is an incomplete set-up and does not stop the record, since
// the other keys may find it.
func isRejectedLookup(err error) bool {
	e := crm.AsError(err)
	return e != nil && e.Status == http.StatusBadRequest && (e.Kind == crm.Invalid || e.Kind == crm.Refused)
}

// lookUpValues finds the records that have unique values.
func (f *finder) lookUpValues(ctx context.Context, property string, all []lookupValue) {
	size := MaxRead
	if property == f.counterpartField {
		size = MaxFind
	}
	for chunk := range slices.Chunk(all, size) {
		f.lookUpChunk(ctx, property, chunk)
	}
}

// IsUniqueProperty reports whether HubSpot ensures that no two records of a
// kind have the same value of a property.
func IsUniqueProperty(kind crm.Kind, property string) bool {
	return kind == crm.Contact && property == propEmail
}

func (f *finder) lookUpChunk(ctx context.Context, property string, chunk []lookupValue) {
	ids := make([]string, len(chunk))
	for i, s := range chunk {
		ids[i] = s.value
	}
	results, unclaimed, err := f.readBatch(ctx, actionFind, f.kind, ids, property)
	switch {
	case isRejectedLookup(err) && len(chunk) > 1:
		f.lookUpChunk(ctx, property, chunk[:len(chunk)/2])
		f.lookUpChunk(ctx, property, chunk[len(chunk)/2:])
		return
	case isRejectedLookup(err) && property == f.counterpartField:
		f.log.WarnContext(ctx, "hubspot has no unique property for the Zoho id: create it", "kind", string(f.kind), "property", f.counterpartField)
		return
	}
	if property == f.counterpartField {
		f.addHistories(ctx, results)
	}
	for _, s := range chunk {
		answer := results[s.value]
		if err != nil {
			answer.Err = err
		}
		switch {
		case crm.IsKind(answer.Err, crm.NotFound) && unclaimed && len(chunk) > 1:
			f.lookUpChunk(ctx, property, []lookupValue{s}) // it may be one of the unclaimed records
		case crm.IsKind(answer.Err, crm.NotFound):
		case answer.Err != nil:
			f.setAnswer(s, nil, answer.Err)
		default:
			f.setAnswer(s, []crm.Record{answer.Value}, nil)
		}
	}
}

// addHistories reads again the records that were found without their histories.
func (f *finder) addHistories(ctx context.Context, results map[string]crm.Answer[crm.Record]) {
	var ids []string
	for _, r := range results {
		if r.Err == nil {
			ids = append(ids, r.Value.Ref.RecordID)
		}
	}
	records := f.readRecords(ctx, actionFind, f.kind, ids)
	for value, r := range results {
		if r.Err == nil {
			results[value] = records[r.Value.Ref.RecordID]
		}
	}
}

type searchRequest struct {
	Groups     []filterGroup `json:"filterGroups"`
	Properties []string      `json:"properties"`
	Sorts      []sortRule    `json:"sorts"`
	Limit      int           `json:"limit"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value,omitempty"`
	Values   []string `json:"values,omitempty"`
}

type sortRule struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type searchAnswer struct {
	Results []wireRecord `json:"results"`
}

// searchValues finds records by a property that is not unique.
func (f *finder) searchValues(ctx context.Context, property string, all []lookupValue) {
	for len(all) > 0 {
		n, length := 0, 0
		for n < len(all) && n < maxSearchValues && length+len(all[n].value) <= maxSearchText {
			length += len(all[n].value) + len(`"",`)
			n++
		}
		n = max(n, 1)
		f.searchChunk(ctx, property, all[:n])
		all = all[n:]
	}
}

// searchChunk makes one search. Only the ids of its results are used.
func (f *finder) searchChunk(ctx context.Context, property string, chunk []lookupValue) {
	ids, full, err := f.searchIDs(ctx, property, chunk)
	if (isRejectedLookup(err) || full) && len(chunk) > 1 {
		f.searchChunk(ctx, property, chunk[:len(chunk)/2])
		f.searchChunk(ctx, property, chunk[len(chunk)/2:])
		return
	}
	var records []crm.Record
	if err == nil {
		records, err = f.readFound(ctx, property, ids)
	}
	for _, s := range chunk {
		if err != nil {
			f.setAnswer(s, nil, err)
			continue
		}
		var mine []crm.Record
		for _, rec := range records {
			if strings.EqualFold(strings.TrimSpace(rec.Fields[property]), s.value) {
				mine = append(mine, f.withoutUnmapped(rec, property))
			}
		}
		f.setAnswer(s, mine, nil)
	}
}

// searchIDs returns the ids that the index has, and whether there may be more.
func (f *finder) searchIDs(ctx context.Context, property string, chunk []lookupValue) (ids []string, full bool, err error) {
	condition := filter{Property: property, Operator: "EQ", Value: chunk[0].value}
	if len(chunk) > 1 {
		condition = filter{Property: property, Operator: "IN"}
		for _, s := range chunk {
			condition.Values = append(condition.Values, strings.ToLower(s.value))
		}
	}
	req := request{action: actionFind, method: http.MethodPost, path: "/search", kind: f.kind, body: searchRequest{
		Groups:     []filterGroup{{Filters: []filter{condition}}},
		Properties: []string{property},
		Sorts:      []sortRule{{Property: propCreated, Direction: "ASCENDING"}},
		Limit:      searchLimit,
	}}
	var answer searchAnswer
	status, err := f.call(ctx, req, &answer)
	if err != nil {
		return nil, false, err
	}
	if answer.Results == nil {
		return nil, false, req.refusedError("the answer has no results", status)
	}
	for _, w := range answer.Results {
		ids = append(ids, string(w.ID))
	}
	return ids, len(ids) >= searchLimit, nil
}

// readFound reads the records that a search found, with the property that they
// were found by, the oldest first and each once.
func (f *finder) readFound(ctx context.Context, property string, ids []string) ([]crm.Record, error) {
	reader := *f.Client
	reader.fields = map[crm.Kind][]string{f.kind: mergeNames(f.fields[f.kind], []string{property})}
	var records []crm.Record
	seen := map[string]bool{}
	results := reader.readRecords(ctx, actionFind, f.kind, ids)
	for _, id := range ids {
		rec, err := results[id].Value, results[id].Err
		switch {
		case crm.IsKind(err, crm.NotFound): // deleted since it was indexed
		case err != nil:
			return nil, err
		case !seen[rec.Ref.RecordID]:
			seen[rec.Ref.RecordID] = true
			records = append(records, rec)
		}
	}
	slices.SortStableFunc(records, func(a, b crm.Record) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(len(a.Ref.RecordID), len(b.Ref.RecordID)),
			cmp.Compare(a.Ref.RecordID, b.Ref.RecordID))
	})
	return records, nil
}

// withoutUnmapped drops a property that was read only for the comparison.
func (f *finder) withoutUnmapped(rec crm.Record, property string) crm.Record {
	if slices.Contains(f.fields[f.kind], property) {
		return rec
	}
	rec.Fields, rec.History = maps.Clone(rec.Fields), maps.Clone(rec.History)
	delete(rec.Fields, property)
	if property != f.counterpartField {
		delete(rec.History, property)
	}
	return rec
}
