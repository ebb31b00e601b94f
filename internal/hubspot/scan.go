package hubspot

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	propID = "hs_object_id"
	// ListLimit is the most records that one page of a list may hold.
	ListLimit = 100
)

// scanAnswer is a page of a search or a list.
type scanAnswer struct {
	Total   *int         `json:"total"` // of a search
	Results []scanRecord `json:"results"`
	Paging  struct {
		Next struct {
			After scalar `json:"after"`
		} `json:"next"`
	} `json:"paging"`
}

type scanRecord struct {
	wireRecord
	ArchivedAt string `json:"archivedAt"`
}

// hit is a record and the time that a search shows for it.
type hit struct {
	id     string
	at     time.Time
	former []string // ids that were merged into it
}

// ListChanged finds the records of w.Kind that were last modified from w.Since
// to w.Until, for one search of 200 records a page. It also finds those that
// were merged into them, under their former ids: to read one of these returns
// the survivor, however the merge became known. Archived records are not found.
//
// It never pages by offset, which would end at 10,000 results and skip a record
// whenever another one moves. Each page begins at the time where the last one
// ended, and records that share one time are walked by id. A record is found
// once the search index has it; the index may be half a minute late.
func (c *Client) ListChanged(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	if w.Kind.Validate() != nil {
		return crm.FoundPage{}, request{action: actionScan}.refusedError("the kind is unknown", 0)
	}
	from := w.From
	if from.IsZero() {
		from.At = w.Since
	}
	if from.ID != "" {
		return c.listChangedAt(ctx, w, from)
	}
	modified := modifiedProperty(w.Kind)
	hits, full, err := c.searchPage(ctx, w.Kind, modified, timesBetween(modified, from.At, w.Until))
	if err != nil || !full {
		return crm.FoundPage{Found: toFound(w.Kind, hits)}, err
	}
	last := pageEnd(hits, from.At, w.Until)
	if !last.After(truncateToMilli(from.At)) {
		return c.listChangedAt(ctx, w, crm.Place{At: from.At, ID: "0"})
	}
	// There may be more of the last time: it is left to the next page.
	hits = slices.DeleteFunc(hits, func(h hit) bool { return h.at.Equal(last) })
	return crm.FoundPage{Found: toFound(w.Kind, hits), Next: crm.Place{At: last}, More: true}, nil
}

// freshWindow is how long before the end of a walk the times that a page shows
// may be newer than those it is sorted by. It is shorter than the overlap of
// two walks, so that the next walk finds a record that such a time would skip.
const freshWindow = 90 * time.Second

// pageEnd returns the time up to which a full page certainly holds everything,
// from if there is none. A record that changed since it was indexed may show a
// time that is newer than its place: such a time is close to now. So an older
// one decides, if the page has any, and one beyond the walk never does.
func pageEnd(hits []hit, from, until time.Time) time.Time {
	settled, recent := from, from
	for _, h := range hits {
		switch {
		case h.at.After(until):
		case h.at.After(until.Add(-freshWindow)):
			recent = h.at
		case h.at.After(settled):
			settled = h.at
		}
	}
	if settled.After(truncateToMilli(from)) {
		return settled
	}
	return recent
}

// listChangedAt walks the records that share the time from.At by their ids.
func (c *Client) listChangedAt(ctx context.Context, w crm.Walk, from crm.Place) (crm.FoundPage, error) {
	filters := append(timesBetween(modifiedProperty(w.Kind), from.At, from.At),
		scanFilter{Property: propID, Operator: "GT", Value: from.ID})
	hits, full, err := c.searchPage(ctx, w.Kind, propID, filters)
	if err != nil {
		return crm.FoundPage{}, err
	}
	page := crm.FoundPage{Found: toFound(w.Kind, hits), More: true}
	if full {
		page.Next = crm.Place{At: from.At, ID: hits[len(hits)-1].id}
		return page, nil
	}
	page.Next = crm.Place{At: truncateToMilli(from.At).Add(time.Millisecond)}
	page.More = !page.Next.At.After(w.Until)
	return page, nil
}

// scanFilter is a filter that also knows ranges.
type scanFilter struct {
	Property  string `json:"propertyName"`
	Operator  string `json:"operator"`
	Value     string `json:"value"`
	HighValue string `json:"highValue,omitempty"`
}

type scanGroup struct {
	Filters []scanFilter `json:"filters"`
}

type scanRequest struct {
	Groups     []scanGroup `json:"filterGroups"`
	Properties []string    `json:"properties"`
	Sorts      []sortRule  `json:"sorts"`
	Limit      int         `json:"limit"`
}

// timesBetween includes both ends. HubSpot's times are whole milliseconds.
func timesBetween(property string, from, to time.Time) []scanFilter {
	return []scanFilter{{
		Property: property, Operator: "BETWEEN",
		Value: strconv.FormatInt(from.UnixMilli(), 10), HighValue: strconv.FormatInt(to.UnixMilli(), 10),
	}}
}

func truncateToMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// searchPage returns the first page of a search in the order of a property,
// and whether there may be more.
func (c *Client) searchPage(ctx context.Context, kind crm.Kind, order string, filters []scanFilter) ([]hit, bool, error) {
	modified := modifiedProperty(kind)
	req := request{action: actionScan, method: http.MethodPost, path: "/search", kind: kind, body: scanRequest{
		Groups:     []scanGroup{{filters}},
		Properties: []string{modified, propMerged},
		Sorts:      []sortRule{{Property: order, Direction: "ASCENDING"}},
		Limit:      searchLimit,
	}}
	answer, status, err := c.scanPage(ctx, req)
	if err != nil {
		return nil, false, err
	}
	hits := make([]hit, 0, len(answer.Results))
	for _, r := range answer.Results {
		at, err := parseFirstTime(r.propertyValue(modified), r.UpdatedAt)
		if err != nil || at.IsZero() {
			return nil, false, req.refusedError("a record has no time", status)
		}
		hits = append(hits, hit{id: string(r.ID), at: at, former: r.formerIDs()})
	}
	if order == propID {
		slices.SortFunc(hits, func(a, b hit) int { return compareIDs(a.id, b.id) })
	}
	more := answer.Paging.Next.After != "" || len(hits) >= searchLimit
	return hits, more && len(hits) > 0, nil
}

// ListDeleted finds the records of w.Kind that were archived from w.Since to
// w.Until. HubSpot lists archived records of the last 90 days by id, not by
// time, so a walk reads all of them, 100 a call. Records that were deleted for
// privacy are not among them.
func (c *Client) ListDeleted(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	if w.Kind.Validate() != nil {
		return crm.FoundPage{}, request{action: actionScan}.refusedError("the kind is unknown", 0)
	}
	query := url.Values{"archived": {"true"}, "limit": {strconv.Itoa(ListLimit)}, "properties": {propID}}
	if w.From.ID != "" {
		query.Set("after", w.From.ID)
	}
	req := request{action: actionScan, method: http.MethodGet, path: "?" + query.Encode(), kind: w.Kind}
	answer, status, err := c.scanPage(ctx, req)
	if err != nil {
		return crm.FoundPage{}, err
	}
	var page crm.FoundPage
	for _, r := range answer.Results {
		if !r.Archived {
			continue
		}
		at, err := parseFirstTime(r.ArchivedAt, r.UpdatedAt)
		if err != nil || at.IsZero() {
			return crm.FoundPage{}, req.refusedError("an archived record has no time", status)
		}
		if !at.Before(truncateToMilli(w.Since)) && !at.After(w.Until) {
			page.Found = append(page.Found, crm.Found{Ref: newRef(w.Kind, string(r.ID)), At: at, Deleted: true})
		}
	}
	page.Next.ID = string(answer.Paging.Next.After)
	page.More = page.Next.ID != ""
	return page, nil
}

// ListRefs walks all records of a kind that are not archived by their ids, 100
// a call. It includes records created a moment ago, and uses nothing of the
// quota of searches.
func (c *Client) ListRefs(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
	if kind.Validate() != nil {
		return crm.FoundPage{}, request{action: actionScan}.refusedError("the kind is unknown", 0)
	}
	page, _, err := c.listPage(ctx, kind, from, url.Values{"limit": {strconv.Itoa(ListLimit)}, "properties": {modifiedProperty(kind)}})
	return page, err
}

// ListRecords is ListRefs, MaxRead records a call, with the records as Read
// gives them. A record that cannot be understood is found, and is not among
// them.
func (c *Client) ListRecords(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, []crm.Record, error) {
	if kind.Validate() != nil {
		return crm.FoundPage{}, nil, request{action: actionScan}.refusedError("the kind is unknown", 0)
	}
	query := url.Values{
		"limit": {strconv.Itoa(MaxRead)}, "properties": {strings.Join(c.fieldsToRead(kind), ",")},
		"propertiesWithHistory": {strings.Join(c.fieldsWithHistory(kind), ",")},
	}
	page, rows, err := c.listPage(ctx, kind, from, query)
	if err != nil {
		return page, nil, err
	}
	var records []crm.Record
	for _, r := range rows {
		if answer := c.toAnswer(ctx, request{action: actionScan, kind: kind}, http.StatusOK, r.wireRecord); answer.Err == nil {
			records = append(records, answer.Value)
		}
	}
	return page, records, nil
}

func (c *Client) listPage(ctx context.Context, kind crm.Kind, from crm.Place, query url.Values) (crm.FoundPage, []scanRecord, error) {
	if from.ID != "" {
		query.Set("after", from.ID)
	}
	answer, status, err := c.scanPage(ctx, request{action: actionScan, method: http.MethodGet, path: "?" + query.Encode(), kind: kind})
	if err != nil {
		return crm.FoundPage{}, nil, err
	}
	var page crm.FoundPage
	for _, r := range answer.Results {
		at, err := parseFirstTime(r.propertyValue(modifiedProperty(kind)), r.UpdatedAt)
		if err != nil || at.IsZero() {
			return crm.FoundPage{}, nil, request{action: actionScan}.refusedError("a record has no time", status)
		}
		page.Found = append(page.Found, crm.Found{Ref: newRef(kind, string(r.ID)), At: at})
	}
	page.Next.ID = string(answer.Paging.Next.After)
	page.More = page.Next.ID != ""
	return page, answer.Results, nil
}

// CountRecords returns how many records of a kind the search index has, for one
// search: those of the last half minute may be missing.
func (c *Client) CountRecords(ctx context.Context, kind crm.Kind) (int, error) {
	req := request{action: actionScan, method: http.MethodPost, path: "/search", kind: kind, body: scanRequest{
		Groups: []scanGroup{}, Properties: []string{propID}, Sorts: []sortRule{}, Limit: 1,
	}}
	answer, status, err := c.scanPage(ctx, req)
	if err != nil {
		return 0, err
	}
	if answer.Total == nil {
		return 0, req.refusedError("the answer has no total", status)
	}
	return *answer.Total, nil
}

// scanPage makes one call and checks that the page is complete.
func (c *Client) scanPage(ctx context.Context, req request) (scanAnswer, int, error) {
	var answer scanAnswer
	status, err := c.call(ctx, req, &answer)
	if err != nil {
		return scanAnswer{}, status, err
	}
	if answer.Results == nil {
		return scanAnswer{}, status, req.refusedError("the answer has no results", status)
	}
	for _, r := range answer.Results {
		if !digitsPattern.MatchString(string(r.ID)) {
			return scanAnswer{}, status, req.refusedError(errRecordID.Error(), status)
		}
	}
	return answer, status, nil
}

// toFound lists the former ids of a record before the record itself.
func toFound(kind crm.Kind, hits []hit) []crm.Found {
	var all []crm.Found
	for _, h := range hits {
		for _, id := range append(h.former, h.id) {
			if digitsPattern.MatchString(id) {
				all = append(all, crm.Found{Ref: newRef(kind, id), At: h.at})
			}
		}
	}
	return all
}

// compareIDs compares ids as numbers.
func compareIDs(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
